"""The forms that people give the ten digits, and the line that a pen makes of one.

A form is written as text, a string for each stroke: points “x y” in the order of writing, in a box
100 high and about 60 wide with y downwards. The line is smooth through its points and has a corner
at each “|”.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Points = NDArray[np.float64]
_STEP = 1.5


@dataclass(frozen=True)
class Skeleton:
    """One form of a digit. ``common`` is how usual it is beside the digit's others, ``school``
    where it is taught: "european", "american" or "any"."""

    name: str
    common: float
    strokes: tuple[str, ...]
    school: str = "any"


SKELETONS: tuple[tuple[Skeleton, ...], ...] = (
    (
        Skeleton(
            "closed at the top", 5, ("32 0, 10 14, 1 48, 9 84, 31 100, 53 86, 62 50, 53 14, 32 0",)
        ),
        Skeleton(
            "closed at the side",
            3,
            ("54 16, 31 0, 8 16, 0 52, 10 86, 32 100, 54 84, 62 46, 54 16",),
        ),
        Skeleton("clockwise", 1.5, ("30 0, 54 14, 62 50, 52 88, 30 100, 8 86, 0 50, 10 14, 30 0",)),
        Skeleton(
            "curled in", 1, ("46 6, 18 4, 0 44, 10 88, 36 100, 60 72, 58 24, 38 3, 24 5, 20 16",)
        ),
        Skeleton(
            "slashed",
            0.6,
            ("32 0, 10 14, 1 48, 9 84, 31 100, 53 86, 62 50, 53 14, 32 0", "52 20, 12 82"),
        ),
        Skeleton(
            "in two halves",
            0.4,
            ("34 0, 10 14, 0 50, 10 86, 32 100", "32 1, 54 14, 62 50, 54 86, 31 100"),
        ),
    ),
    (
        Skeleton("stem", 5, ("9 0, 9 50, 8 100",), "american"),
        Skeleton("flag", 5, ("0 26, 14 14, 26 0 | 26 50, 26 100",)),
        Skeleton("long flag", 4, ("0 40, 18 20, 30 0 | 30 50, 29 100",), "european"),
        Skeleton("flag and foot", 2, ("4 24, 28 0 | 28 50, 28 100", "4 100, 54 100")),
        Skeleton("flag and foot without lifting", 0.5, ("4 24, 26 0 | 26 99 | 4 100 | 52 99",)),
        Skeleton("tail", 0.7, ("6 0, 6 40, 7 86, 14 98, 28 95",)),
        Skeleton("bent", 0.6, ("14 0, 8 30, 6 60, 12 100",)),
    ),
    (
        Skeleton("angle", 5, ("2 24, 14 4, 40 0, 58 18, 50 46, 24 76, 0 100 | 30 99, 64 99",)),
        Skeleton(
            "loop", 3, ("4 20, 20 2, 46 2, 58 24, 44 56, 18 88, 4 97, 2 87, 15 82, 38 93, 66 98",)
        ),
        Skeleton("swan", 2, ("0 28, 12 4, 40 0, 56 20, 44 50, 16 80, 0 97 | 22 92, 44 99, 66 90",)),
        Skeleton("straight neck", 1, ("0 16, 22 0, 50 4, 56 22 | 2 98 | 34 98, 62 97",)),
        Skeleton(
            "curled head", 0.8, ("18 30, 5 26, 14 5, 42 0, 60 22, 46 54, 2 98 | 34 97, 66 95",)
        ),
    ),
    (
        Skeleton("round", 5, ("4 14, 26 0, 50 8, 52 32, 22 46 | 50 54, 60 78, 36 100, 0 86",)),
        Skeleton("flat roof", 1.2, ("2 2, 30 1, 56 0 | 24 40 | 50 46, 60 70, 40 97, 0 90",)),
        Skeleton(
            "knot",
            1.2,
            ("4 12, 28 0, 52 12, 44 38, 24 48, 18 43, 28 43, 52 56, 58 82, 30 100, 0 86",),
        ),
        Skeleton("shallow", 2, ("4 10, 30 0, 52 16, 42 40, 26 48, 48 56, 58 78, 36 99, 0 90",)),
    ),
    (
        Skeleton("open", 5, ("12 0, 6 28, 0 60 | 30 60, 66 58", "48 14, 46 56, 44 100")),
        Skeleton("open and round", 1.5, ("5 2, 1 38, 12 56, 34 54, 47 44", "49 4, 47 50, 44 100")),
        Skeleton("open and wide", 1.5, ("4 4, 0 52 | 30 52, 60 50", "52 0, 51 50, 50 100")),
        Skeleton(
            "closed without lifting", 2, ("44 100, 45 50, 46 0 | 22 34, 0 66 | 32 66, 66 66",)
        ),
        Skeleton("closed", 3, ("42 0, 20 34, 0 64 | 34 64, 68 63", "46 26, 45 62, 44 100")),
        Skeleton(
            "closed at the stem's top",
            2,
            ("46 0, 22 34, 0 64 | 34 65, 66 64", "46 2, 45 50, 44 100"),
        ),
    ),
    (
        Skeleton(
            "hat last", 5, ("12 0, 8 42 | 30 36, 56 50, 56 80, 30 100, 0 90", "12 0, 36 0, 58 -1")
        ),
        Skeleton(
            "without lifting", 4, ("58 0, 34 1, 10 2 | 8 42 | 32 35, 56 52, 54 84, 26 100, 0 88",)
        ),
        Skeleton("snake", 1.2, ("56 3, 28 0, 10 16, 18 40, 44 50, 54 76, 28 100, 0 90",)),
        Skeleton("square", 1, ("58 0, 8 0 | 6 44 | 42 43, 58 60, 50 90, 2 98",)),
        Skeleton(
            "hat aside",
            0.8,
            ("10 10, 8 46 | 30 38, 54 54, 54 84, 28 100, 0 92", "18 2, 40 1, 62 -2"),
        ),
    ),
    (
        Skeleton("bowed", 5, ("44 0, 18 22, 2 58, 10 92, 36 100, 56 82, 48 58, 24 56, 4 74",)),
        Skeleton("straight", 3, ("36 0, 16 34, 2 72, 16 98, 42 98, 54 78, 40 60, 16 64, 3 80",)),
        Skeleton(
            "curled top",
            1.2,
            ("56 12, 40 0, 16 14, 2 56, 12 94, 38 100, 58 80, 46 56, 20 58, 3 76",),
        ),
        Skeleton("open", 0.8, ("40 0, 12 34, 0 70, 16 98, 44 96, 54 74, 38 60, 20 68",)),
        Skeleton("upright", 0.8, ("10 0, 3 40, 4 82, 26 100, 50 90, 52 66, 30 55, 4 72",)),
    ),
    (
        Skeleton("plain", 5, ("0 2, 28 1, 55 0 | 33 42, 14 100",), "american"),
        Skeleton("straight", 2, ("0 0, 54 2 | 32 50, 10 100",)),
        Skeleton("barred", 5, ("0 2, 28 1, 55 0 | 33 42, 14 100", "12 48, 52 46"), "european"),
        Skeleton("serif", 1.2, ("1 11, 2 1 | 28 2, 55 0 | 33 45, 15 100",)),
        Skeleton(
            "serif and bar",
            1,
            ("1 11, 2 1 | 28 2, 55 0 | 33 45, 15 100", "18 50, 58 47"),
            "european",
        ),
        Skeleton("round shoulder", 1.2, ("0 6, 18 2, 44 1, 52 10, 32 48, 14 100",)),
        Skeleton("wavy roof", 1, ("0 7, 14 0, 34 4, 55 0 | 32 44, 14 100",)),
    ),
    (
        Skeleton(
            "one stroke",
            5,
            ("52 14, 30 0, 8 14, 14 38, 44 56, 58 80, 30 100, 2 80, 16 56, 46 36, 52 14",),
        ),
        Skeleton(
            "two circles",
            1.5,
            (
                "30 0, 8 10, 6 34, 29 46, 50 34, 50 10, 30 0",
                "29 46, 4 60, 2 88, 29 100, 56 88, 54 60, 29 46",
            ),
        ),
        Skeleton(
            "from the middle",
            1,
            ("30 48, 8 34, 10 8, 32 0, 52 12, 46 36, 10 60, 2 84, 28 100, 56 86, 50 60, 30 48",),
        ),
        Skeleton(
            "open",
            1.5,
            ("50 12, 28 0, 8 16, 16 40, 44 56, 56 82, 30 100, 2 82, 14 58, 40 38, 60 8",),
        ),
        Skeleton(
            "clockwise",
            1,
            ("10 14, 32 0, 54 14, 46 38, 16 56, 2 82, 30 100, 58 80, 44 56, 14 36, 10 14",),
        ),
    ),
    (
        Skeleton(
            "straight tail", 5, ("50 10, 26 0, 2 16, 4 42, 28 50, 48 34, 52 6 | 51 50, 47 100",)
        ),
        Skeleton(
            "curved tail", 3, ("50 14, 28 0, 4 14, 4 40, 28 50, 48 36, 54 10 | 55 62, 36 98, 4 92",)
        ),
        Skeleton(
            "circle and stem",
            1.5,
            ("48 12, 24 0, 2 16, 4 42, 26 50, 46 36, 48 12", "50 4, 48 50, 46 100"),
        ),
        Skeleton("leaning tail", 1.5, ("48 14, 24 0, 0 18, 6 46, 30 46, 50 12 | 40 60, 22 100",)),
        Skeleton("bow", 1, ("48 12, 26 0, 2 18, 8 44, 32 46, 50 18, 51 40, 46 78, 22 100",)),
    ),
)


@lru_cache(maxsize=128)
def runs(digit: int, variant: int) -> tuple[tuple[Points, ...], ...]:
    """Give the strokes of a form as runs from corner to corner, each float64 (n, 2), n ≥ 2; runs of
    a stroke share ends."""
    return tuple(_parsed(stroke) for stroke in SKELETONS[digit][variant].strokes)


def _parsed(text: str) -> tuple[Points, ...]:
    parts = [
        np.array([point.split() for point in part.split(",")], dtype=np.float64)
        for part in text.split("|")
    ]
    joined = [
        parts[0],
        *(np.vstack([before[-1:], after]) for before, after in itertools.pairwise(parts)),
    ]
    return tuple(run for run in joined if len(run) > 1)


def line(stroke: list[Points], angular: float, rounding: float) -> Points:
    """Draw the pen's line along the runs of one stroke, float64 (n, 2), about 1.5 units from point
    to point.

    ``angular`` is from 0, curves as they are, to 1, straight from point to point; corners are then
    rounded off over about ``rounding`` units.
    """
    pieces = [_curve(run, angular) for run in stroke]
    whole = np.vstack([pieces[0][:1], *(piece[1:] for piece in pieces)])
    return _rounded(evenly(whole, _STEP), rounding / _STEP)


def closed(line: Points, gap: float) -> Points:
    """A closed line that stops short of its beginning by ``gap`` of its length, or goes on past
    it."""
    n = round(abs(gap) * len(line))
    return (
        line[: len(line) - n]
        if gap >= 0
        else np.vstack([line, line[1 : n + 1] + (line[-1] - line[0])])
    )


def hooked(line: Points, length: float) -> Points:
    """The line with a hook of ``length`` units at its end; the sign says to which side when the
    line comes straight."""
    if abs(length) < 1:
        return line
    before, last = (
        line[-1 - len(line) // 12] - line[-1 - len(line) // 6],
        line[-1] - line[-1 - len(line) // 12],
    )
    curl = np.arctan2(before[0] * last[1] - before[1] * last[0], before @ last)
    side = np.sign(curl) if abs(curl) > 0.15 else -np.sign(length)
    angle = np.arctan2(last[1], last[0]) + side * np.linspace(0.3, 1.9, 9)
    steps = np.column_stack([np.cos(angle), np.sin(angle)]) * abs(length) / 9
    hook: Points = np.vstack([line, line[-1] + steps.cumsum(axis=0)])
    return hook


def wavering(n: int, rng: Generator) -> Points:
    """How a hand of shake 1 strays from its line at n places: slow noise of about 1 unit."""
    kernel = np.hanning(13)[1:-1]
    noise = rng.normal(size=(n + len(kernel) - 1, 2)) / np.sqrt((kernel**2).sum())
    return np.column_stack([np.convolve(noise[:, axis], kernel, mode="valid") for axis in (0, 1)])


def evenly(path: Points, step: float) -> Points:
    """The path (n, 2) with its points about ``step`` apart, ends kept."""
    along = distance(path)
    return at(path, along, np.linspace(0, along[-1], max(3, round(along[-1] / step) + 1)))


def distance(path: Points) -> NDArray[np.float64]:
    """How far each point of the path (n, 2) is from its beginning, along it."""
    return np.concatenate([[0.0], np.hypot(*np.diff(path, axis=0).T).cumsum()])


def at(path: Points, when: NDArray[np.float64], moments: NDArray[np.float64]) -> Points:
    """Where the path (n, 2), passed at the rising numbers ``when`` (n,), is at the ``moments``
    (m,): (m, 2)."""
    return np.column_stack([np.interp(moments, when, path[:, axis]) for axis in (0, 1)])


def _curve(run: Points, angular: float) -> Points:
    """A cubic through all points (Catmull and Rom, 1974, spaced by the root of the chords), blended
    with the chords."""
    padded = np.vstack([2 * run[0] - run[1], run, 2 * run[-1] - run[-2]])
    knots = np.concatenate(
        [[0.0], np.sqrt(np.maximum(np.hypot(*np.diff(padded, axis=0).T), 0.01)).cumsum()]
    )[:, None]
    slope = np.diff(padded, axis=0) / np.diff(knots, axis=0)
    before, after = np.diff(knots[:-1], axis=0), np.diff(knots[1:], axis=0)
    tangent = (slope[:-1] * after + slope[1:] * before) / (before + after)
    t = np.linspace(0, 1, 24)[None, :, None]
    width = np.diff(knots[1:-1], axis=0)[:, None]
    start, end = run[:-1, None], run[1:, None]
    chord = start + t * (end - start)
    leave, arrive = (
        width * tangent[:-1, None] - (end - start),
        (end - start) - width * tangent[1:, None],
    )
    bowed = chord + t * (1 - t) * ((1 - t) * leave + t * arrive) * (1 - angular)
    return np.vstack([bowed[:, :-1].reshape(-1, 2), run[-1:]])


def _rounded(path: Points, reach: float) -> Points:
    """The path (n, 2) averaged over about ``reach`` points to each side, its ends kept."""
    radius = min(round(2 * reach), len(path) - 1)
    if radius < 1:
        return path
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / reach) ** 2)
    before, after = 2 * path[0] - path[radius:0:-1], 2 * path[-1] - path[-2 : -radius - 2 : -1]
    padded = np.vstack([before, path, after])
    return np.column_stack(
        [np.convolve(padded[:, axis], kernel / kernel.sum(), mode="valid") for axis in (0, 1)]
    )
