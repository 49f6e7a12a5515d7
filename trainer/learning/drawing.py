"""The drawing format: strokes on a canvas of 280 × 280 units, strictly parsed from untrusted JSON
values.

A stroke is ``{"x": [...], "y": [...], "t": [...]}`` as in Quick, Draw!'s raw form: integers, x and
y in canvas units from the top left, t in milliseconds from the drawing's start and never
decreasing. Whatever is not exactly that is refused here, before anything is drawn; no value is
converted, rounded or clipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from trainer.learning.sentences import Sentence

CANVAS = 280
DEFAULT_WIDTH = 22
MIN_WIDTH = 8
MAX_WIDTH = 40
MAX_STROKES = 64
MAX_POINTS = 5_000
MAX_MILLISECONDS = 24 * 60 * 60 * 1000
STROKE_KEYS = ("x", "y", "t")


class InvalidDrawing(ValueError):
    """The input is not a drawing.

    ``code`` is a short name for programs, ``message`` a sentence for people, ``field`` the input at
    fault: ``strokes`` or ``width``.
    """

    def __init__(self, code: str, message: Sentence, field: str = "strokes") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


class Degenerate(InvalidDrawing):
    """Well formed, but nothing that anybody could read: fewer than two distinct points, or a canvas
    full of ink."""


@dataclass(frozen=True)
class Stroke:
    """One touch of the pen: equally long x, y (canvas units, 0–279) and t (ms, not decreasing), at
    least one point."""

    x: tuple[int, ...]
    y: tuple[int, ...]
    t: tuple[int, ...]


@dataclass(frozen=True)
class Drawing:
    """1–64 strokes with at most 5,000 points, and the pen's width in canvas units (8–40)."""

    strokes: tuple[Stroke, ...]
    width: int

    def as_json(self) -> list[dict[str, list[int]]]:
        """Give the strokes in the form that ``parse`` takes."""
        return [{"x": list(s.x), "y": list(s.y), "t": list(s.t)} for s in self.strokes]


def parse(strokes: object, width: object = DEFAULT_WIDTH) -> Drawing:
    """Check decoded JSON values and return them as a drawing.

    Raises ``InvalidDrawing`` for what is not a drawing, and ``Degenerate`` for one with fewer than
    two distinct points.
    """
    pen = _pen(width)
    if not isinstance(strokes, list) or not strokes:
        raise InvalidDrawing(
            "no_strokes", Sentence("Send strokes as a list of at least one stroke.")
        )
    if len(strokes) > MAX_STROKES:
        raise InvalidDrawing(
            "too_many_strokes", Sentence("A drawing has at most {most} strokes.", most=MAX_STROKES)
        )
    for number, stroke in enumerate(strokes, 1):
        _check_form(stroke, number)
    if sum(len(stroke["x"]) for stroke in strokes) > MAX_POINTS:
        raise InvalidDrawing(
            "too_many_points", Sentence("A drawing has at most {most:,} points.", most=MAX_POINTS)
        )
    parsed = tuple(_stroke(stroke, number) for number, stroke in enumerate(strokes, 1))
    _check_time(parsed)
    if len({point for s in parsed for point in zip(s.x, s.y, strict=True)}) < 2:
        raise Degenerate(
            "degenerate",
            Sentence(
                "A single dot cannot be read: draw the digit with at least two different points."
            ),
        )
    return Drawing(parsed, pen)


def _pen(width: object) -> int:
    if type(width) is not int or not MIN_WIDTH <= width <= MAX_WIDTH:
        raise InvalidDrawing(
            "invalid_width",
            Sentence(
                "The pen's width is an integer from {least} to {most} canvas units.",
                least=MIN_WIDTH,
                most=MAX_WIDTH,
            ),
            "width",
        )
    return width


def _check_form(stroke: object, number: int) -> None:
    """Check that a stroke is an object of exactly three equally long, non-empty lists. Looks at no
    element, so it is quick on huge input. Raises ``InvalidDrawing``."""
    if not isinstance(stroke, dict) or set(stroke) != set(STROKE_KEYS):
        raise InvalidDrawing(
            "invalid_stroke",
            Sentence(
                "Stroke {number} must be an object with exactly the lists x, y and t.",
                number=number,
            ),
        )
    if not all(isinstance(stroke[key], list) for key in STROKE_KEYS):
        raise InvalidDrawing(
            "invalid_stroke",
            Sentence("In stroke {number}, x, y and t must be lists of integers.", number=number),
        )
    if len({len(stroke[key]) for key in STROKE_KEYS}) > 1:
        raise InvalidDrawing(
            "unequal_lengths",
            Sentence("In stroke {number}, x, y and t must be equally long.", number=number),
        )
    if not stroke["x"]:
        raise InvalidDrawing(
            "empty_stroke",
            Sentence("Stroke {number} is empty: a stroke has at least one point.", number=number),
        )


def _stroke(stroke: dict[str, list[object]], number: int) -> Stroke:
    x, y, t = (_integers(stroke[key], key, number) for key in STROKE_KEYS)
    if min(*x, *y) < 0 or max(*x, *y) >= CANVAS:
        raise InvalidDrawing(
            "off_canvas",
            Sentence(
                "In stroke {number}, x and y must lie on the canvas, from 0 to {last}.",
                number=number,
                last=CANVAS - 1,
            ),
        )
    if min(t) < 0 or max(t) > MAX_MILLISECONDS:
        raise InvalidDrawing(
            "invalid_time",
            Sentence(
                "In stroke {number}, t must be 0 to {most} milliseconds.",
                number=number,
                most=MAX_MILLISECONDS,
            ),
        )
    return Stroke(x, y, t)


def _integers(values: Sequence[object], key: str, number: int) -> tuple[int, ...]:
    """Give the values as they are. ``type`` and not ``isinstance``, because JSON's true and false
    are bools, thus ints. Raises ``InvalidDrawing``."""
    if set(map(type, values)) != {int}:
        raise InvalidDrawing(
            "not_an_integer",
            Sentence(
                "In stroke {number}, {key} must hold integers only, as in 3, not 3.0.",
                number=number,
                key=key,
            ),
        )
    return cast(tuple[int, ...], tuple(values))


def _check_time(strokes: tuple[Stroke, ...]) -> None:
    times = [value for s in strokes for value in s.t]
    if times != sorted(times):
        raise InvalidDrawing(
            "invalid_time",
            Sentence("t must not run backwards, within a stroke or from one stroke to the next."),
        )
