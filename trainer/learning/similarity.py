"""Whether a drawing is an earlier one again, a little changed: moved, with a speck more or a wider
pen, its points a little elsewhere.

As pictures two people's digits of one kind are often as alike as a drawing and its near-copy, so
pictures only tell which earlier drawings are worth looking at (`resemblance`). What decides is the
pen's way on the canvas, ten times as fine (`is_copy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 28
WORTH_A_LOOK = 0.85
_POINTS = 96
_NEAR = 3.0  # canvas units
_COVERED, _COVERED_IF_SIMPLE = 0.85, 0.95
_SIMPLE = (1, 7)  # one or two straight lines: many people's are the same within a few units
_STEPS = 8
_PAINTED_AGAIN = 0.987  # correlation of thumbnails

Strokes = Sequence[dict[str, Any]]


def resemblance(pixels: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How alike a picture, uint8 (28, 28), is to each of the others, uint8 (n, 28, 28): float32
    (n,), 1 for the same.

    The normalised correlation as they stand, or once every centre of mass is in the middle,
    whichever is more.
    """
    found: NDArray[np.float32] = np.maximum(
        _unit(others.astype(np.float32)) @ _unit(pixels[None].astype(np.float32))[0],
        _unit(_centred(others)) @ _unit(_centred(pixels[None]))[0],
    )
    return found


def thumbnails(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures, uint8 (n, 28, 28), centred and at half their size, each as bright as can be: uint8
    (n, 196)."""
    half = (
        _centred(images)
        .reshape(len(images), SIDE // 2, 2, SIDE // 2, 2)
        .mean(axis=(2, 4))
        .reshape(len(images), -1)
    )
    brightest = np.maximum(half.max(axis=1, keepdims=True), 1e-6)
    small: NDArray[np.uint8] = np.rint(half * (255 / brightest)).astype(np.uint8)
    return small


def is_among(pixels: NDArray[np.uint8], small: NDArray[np.uint8], digit: int) -> bool:
    """Whether a picture of a digit, uint8 (28, 28), is nearly that of one of these thumbnails,
    uint8 (n, 196). A 1 never is: so many people's are."""
    if digit == 1 or not len(small):
        return False
    mine = thumbnails(pixels[None])[0].astype(np.float32)
    others = small.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", others, others))
    return bool((others @ mine / (lengths * np.linalg.norm(mine))).max() >= _PAINTED_AGAIN)


def is_copy(mine: Strokes, other: Strokes, digit: int) -> bool:
    """Whether a drawing, as strokes of x and y in canvas units, goes the other's way, where it
    stands or moved: nearly all of each within `_NEAR` of the other. Both mean `digit`."""
    enough = _COVERED_IF_SIMPLE if digit in _SIMPLE else _COVERED
    here, there = _way(mine), _way(other)
    return _covered(here, there) >= enough or _covered(_moved_onto(here, there), there) >= enough


def _moved_onto(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    here = here + there.mean(axis=0) - here.mean(axis=0)
    for _ in range(_STEPS):  # a speck moves the mean, not the median
        nearest = there[_apart(here, there).argmin(axis=1)]
        here = here + np.median(nearest - here, axis=0)
    return here


def _covered(here: NDArray[np.float64], there: NDArray[np.float64]) -> float:
    """The smaller of the two shares that are within `_NEAR` of the other."""
    near = _apart(here, there) <= _NEAR**2
    return float(min(near.any(axis=1).mean(), near.any(axis=0).mean()))


def _way(strokes: Strokes) -> NDArray[np.float64]:
    """`_POINTS` points (x, y) evenly along all strokes."""
    lines = [np.column_stack([stroke["x"], stroke["y"]]).astype(np.float64) for stroke in strokes]
    lines = [line if len(line) > 1 else np.repeat(line, 2, axis=0) for line in lines]
    start, end = (
        np.concatenate([line[side] for line in lines]) for side in (slice(None, -1), slice(1, None))
    )
    length = np.maximum(np.hypot(*(end - start).T), 1e-3)
    upto = np.cumsum(length)
    at = (np.arange(_POINTS) + 0.5) / _POINTS * upto[-1]
    piece = np.searchsorted(upto, at)
    share = 1 - (upto[piece] - at) / length[piece]
    way: NDArray[np.float64] = start[piece] + (end - start)[piece] * share[:, None]
    return way


def _apart(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances of all points, (n, n)."""
    squares = (here**2).sum(axis=1)[:, None] + (there**2).sum(axis=1)[None, :]
    gaps: NDArray[np.float64] = squares - 2 * here @ there.T
    return gaps


def _centred(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (n, 28, 28), each moved, between pixels too, until its centre of mass is in the
    middle."""
    ink = pictures.astype(np.float32)
    total = np.maximum(ink.sum(axis=(1, 2)), 1e-6)
    places = np.arange(SIDE, dtype=np.float32)
    middle = (SIDE - 1) / 2
    down = _mover(middle - (ink.sum(axis=2) @ places) / total)
    right = _mover(middle - (ink.sum(axis=1) @ places) / total)
    moved: NDArray[np.float32] = (down @ ink @ right.transpose(0, 2, 1)).astype(np.float32)
    return moved


def _mover(by: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Matrices (n, 28, 28) that move rows by so many pixels, linearly between two."""
    places = np.arange(SIDE, dtype=np.float32)
    gap = np.abs(places[None, :, None] - by[:, None, None] - places[None, None, :])
    weights: NDArray[np.float32] = np.maximum(0, 1 - gap).astype(np.float32)
    return weights


def _unit(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = pictures.reshape(len(pictures), SIDE * SIDE)
    length: NDArray[np.float32] = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return flat / length
