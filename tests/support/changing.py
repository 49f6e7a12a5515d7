"""Drawings changed as a program would: under affine maps, shaken, with a speck more."""

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


def _points(strokes: Strokes) -> Any:
    return np.concatenate([np.column_stack([s["x"], s["y"]]) for s in strokes]).astype(float)


def _with_points(strokes: Strokes, points: Any) -> Strokes:
    whole = iter(np.rint(points).astype(int).clip(0, LARGEST).tolist())
    again = []
    for stroke in strokes:
        x, y = zip(*(next(whole) for _ in stroke["x"]), strict=True)
        again.append({"x": list(x), "y": list(y), "t": stroke["t"]})
    return again
