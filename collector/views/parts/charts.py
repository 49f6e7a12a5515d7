"""Small charts as SVG: where each mark stands. The figures are in a table beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 280, 100  # units of the picture, stretched to the room there is
FILLED = 0.7  # of a column's place
STEPS = 5  # of heat


@dataclass(frozen=True)
class Column:
    """A column of a chart, from its upper left corner, and what it says when pointed at."""

    x: str
    y: str
    height: str
    says: str


@dataclass(frozen=True)
class Columns:
    """A chart of counts: its columns, how wide each is, and the highest count."""

    columns: list[Column]
    width: str
    most: int


@dataclass(frozen=True)
class Mark:
    """A share of a chart, with the ends of its interval; what it says when pointed at."""

    x: str
    y: str
    high: str
    low: str
    says: str


def columns(counts: Sequence[int], says: Sequence[str]) -> Columns:
    """Place a column for each count, the highest as high as the picture."""
    most, step = max(*counts, 1), WIDTH / len(counts)
    heights = [HEIGHT * count / most for count in counts]
    placed = [
        Column(_unit((place + (1 - FILLED) / 2) * step), _unit(HEIGHT - high), _unit(high), text)
        for place, (high, text) in enumerate(zip(heights, says, strict=True))
    ]
    return Columns(placed, _unit(FILLED * step), most)


def marks(shares: Sequence[tuple[float, float, float] | None], says: Sequence[str]) -> list[Mark]:
    """Place a mark for each (share, low, high) of 0 to 1, from the bottom to the top of the
    picture; None leaves its place empty."""
    step = WIDTH / len(shares)
    placed = []
    for place, (share, text) in enumerate(zip(shares, says, strict=True)):
        if share:
            y, low, high = (_unit(HEIGHT * (1 - each)) for each in share)
            placed.append(Mark(_unit((place + 0.5) * step), y, high, low, text))
    return placed


def step(n: int, most: int) -> int:
    """Say how common `n` of at most `most` is, from 1 to STEPS, on a logarithmic scale: the rare
    are many, the common few."""
    return 1 + min(STEPS - 1, int(STEPS * math.log(n) / math.log(most))) if most > 1 else 1


def _unit(number: float) -> str:
    return f"{number:.1f}"
