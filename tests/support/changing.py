"""Drawings changed as a program would: under affine maps, shaken, with a speck more, by other
strokes."""

from typing import Any

import numpy as np

Strokes = list[dict[str, Any]]
LARGEST = 279


def mapped(strokes: Strokes, linear: Any, by: tuple[int, int] = (0, 0)) -> Strokes:
    """Map points, about their middle, by a matrix (2, 2) and move them, as far as the canvas
    allows; in whole canvas units."""
    points = _points(strokes)
    middle = points.mean(axis=0)
    there = (points - middle) @ np.asarray(linear, dtype=float).T + middle
    there += np.clip(by, -there.min(axis=0), LARGEST - there.max(axis=0))
    return _with_points(strokes, there)


def turned(strokes: Strokes, degrees: float) -> Strokes:
    """Turn them about their middle."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return mapped(strokes, [[cos, -sin], [sin, cos]])


def shaken(strokes: Strokes, by: int, chances: Any) -> Strokes:
    """Move every point by up to so many units each way."""
    points = _points(strokes)
    return _with_points(strokes, points + chances.integers(-by, by + 1, points.shape))


def with_a_speck(strokes: Strokes, place: int = 4) -> Strokes:
    last = strokes[-1]["t"][-1]
    return [*strokes, {"x": [place, place + 4], "y": [4, 8], "t": [last, last + 1]}]


def other_strokes(strokes: Strokes, width: int, thin: int = 8) -> dict[str, tuple[Strokes, int]]:
    """Draw the same ink by other strokes, by what was done: their strokes and the pen's width."""
    lines = [_along(np.column_stack([s["x"], s["y"]]).astype(float)) for s in strokes]
    off = (width - thin) / 2
    dots = np.concatenate(lines)
    some = dots[np.linspace(0, len(dots) - 1, 64).astype(int)]
    part = lines[0][: max(3, len(lines[0]) // 5)]
    sides = [[line + _across(line) * by for by in (-off, 0, off)] for line in lines]
    zigzag = [
        line + _across(line) * np.where(np.arange(len(line)) % 2, off, -off)[:, None]
        for line in lines
    ]
    return {
        "gone over again": (_timed([*lines, np.concatenate([part, part[::-1]] * 15)]), width),
        "side by side": (_timed([np.concatenate([a, b[::-1], c]) for a, b, c in sides]), thin),
        "zigzag": (_timed(zigzag), thin),
        "dots": (_timed([dot[None] for dot in some]), width),
    }


def _along(line: Any) -> Any:
    """Points every four units."""
    run = np.r_[0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))]
    places = np.linspace(0, run[-1], max(3, int(run[-1] / 4)))
    return np.column_stack([np.interp(places, run, line[:, axis]) for axis in (0, 1)])


def _across(line: Any) -> Any:
    way = np.gradient(line, axis=0)
    way /= np.maximum(np.hypot(*way.T), 1e-6)[:, None]
    return np.column_stack([-way[:, 1], way[:, 0]])


def _timed(lines: list[Any]) -> Strokes:
    made: Strokes = []
    for line in lines:
        x, y = np.rint(line).astype(int).clip(0, LARGEST).T.tolist()
        begun = made[-1]["t"][-1] + 1 if made else 0
        made.append({"x": x, "y": y, "t": list(range(begun, begun + len(x)))})
    return made


def _points(strokes: Strokes) -> Any:
    return np.concatenate([np.column_stack([s["x"], s["y"]]) for s in strokes]).astype(float)


def _with_points(strokes: Strokes, points: Any) -> Strokes:
    whole = iter(np.rint(points).astype(int).clip(0, LARGEST).tolist())
    again = []
    for stroke in strokes:
        x, y = zip(*(next(whole) for _ in stroke["x"]), strict=True)
        again.append({"x": list(x), "y": list(y), "t": stroke["t"]})
    return again
