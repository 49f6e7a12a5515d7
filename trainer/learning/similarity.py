"""Near-duplicates: whether a drawing is an earlier one again, a little changed: moved, with a speck
more or a wider pen, its points a little elsewhere.

As pictures two people's digits of one kind are often as alike as a drawing and its near-duplicate,
so pictures only tell which earlier drawings are worth looking at (`resemblance`). What decides is
the pen's path on the canvas, ten times as fine (`is_near_duplicate`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

Strokes = Sequence[Mapping[str, Sequence[int]]]


def resemblance(pixels: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Say how alike a picture, uint8 (28, 28), is to each of the others, uint8 (n, 28, 28): float32
    (n,), 1 for the same.

    The normalised correlation as they stand, or once every centre of mass is in the middle,
    whichever is more.
    """
    as_they_stand = _unit(others.astype(np.float32)) @ _unit(pixels[None].astype(np.float32))[0]
    centred = _unit(_centred(others)) @ _unit(_centred(pixels[None]))[0]
    alike: NDArray[np.float32] = np.maximum(as_they_stand, centred)
    return alike


def thumbnails(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink pictures, uint8 (n, 28, 28), centred, to half their size, each as bright as can be:
    uint8 (n, 196)."""
    # Each pixel of a thumbnail is the mean of 2 × 2.
    blocks = _centred(images).reshape(len(images), SIDE // 2, 2, SIDE // 2, 2)
    half = blocks.mean(axis=(2, 4)).reshape(len(images), -1)
    brightest = np.maximum(half.max(axis=1, keepdims=True), 1e-6)
    small: NDArray[np.uint8] = np.rint(half * (255 / brightest)).astype(np.uint8)
    return small


def is_duplicate_of_any(pixels: NDArray[np.uint8], known: NDArray[np.uint8], digit: int) -> bool:
    """Say whether a picture of a digit, uint8 (28, 28), is nearly that of a known thumbnail, uint8
    (n, 196). A 1 never is: so many people's are."""
    if digit == 1 or not len(known):
        return False
    thumbnail = thumbnails(pixels[None])[0].astype(np.float32)
    others = known.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", others, others))
    correlations = others @ thumbnail / (lengths * np.linalg.norm(thumbnail))
    return bool(correlations.max() >= _PAINTED_AGAIN)


def is_near_duplicate(drawing: Strokes, other: Strokes, digit: int) -> bool:
    """Say whether a drawing, as strokes of x and y in canvas units, goes the other's way, where it
    stands or moved: nearly all of each within `_NEAR` of the other. Both mean `digit`."""
    enough = _COVERED_IF_SIMPLE if digit in _SIMPLE else _COVERED
    here, there = _evenly(drawing), _evenly(other)
    return _covered(here, there) >= enough or _covered(_moved_onto(here, there), there) >= enough


def _moved_onto(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move points (n, 2) as a whole until they lie best on others (m, 2)."""
    # First middle onto middle, then again and again by the median way to the nearest other point:
    # a speck moves the mean, not the median.
    here = here + there.mean(axis=0) - here.mean(axis=0)
    for _ in range(_STEPS):
        nearest = there[_apart(here, there).argmin(axis=1)]
        here = here + np.median(nearest - here, axis=0)
    return here


def _covered(here: NDArray[np.float64], there: NDArray[np.float64]) -> float:
    """Give the smaller of the two shares of points that are within `_NEAR` of the other's."""
    near = _apart(here, there) <= _NEAR**2
    return float(min(near.any(axis=1).mean(), near.any(axis=0).mean()))


def _evenly(strokes: Strokes) -> NDArray[np.float64]:
    """Give `_POINTS` points (x, y) evenly along all strokes, one after another."""
    lines = [np.column_stack([stroke["x"], stroke["y"]]).astype(np.float64) for stroke in strokes]
    # A lone point becomes a line to itself, so that every stroke has a segment.
    lines = [line if len(line) > 1 else np.repeat(line, 2, axis=0) for line in lines]
    # The segments of all strokes, and how far along the pen is at the end of each.
    start = np.concatenate([line[:-1] for line in lines])
    end = np.concatenate([line[1:] for line in lines])
    length = np.maximum(np.hypot(*(end - start).T), 1e-3)
    along = np.cumsum(length)
    # Each point's place along the whole, its segment, and its share of that segment.
    places = (np.arange(_POINTS) + 0.5) / _POINTS * along[-1]
    segment = np.searchsorted(along, places)
    share = 1 - (along[segment] - places) / length[segment]
    points: NDArray[np.float64] = start[segment] + (end - start)[segment] * share[:, None]
    return points


def _apart(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the squared distances of all points, (n, m)."""
    squares = (here**2).sum(axis=1)[:, None] + (there**2).sum(axis=1)[None, :]
    gaps: NDArray[np.float64] = squares - 2 * here @ there.T
    return gaps


def _centred(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Move each picture, between pixels too, until its centre of mass is in the middle: float32 (n,
    28, 28)."""
    ink = pictures.astype(np.float32)
    total = np.maximum(ink.sum(axis=(1, 2)), 1e-6)
    places = np.arange(SIDE, dtype=np.float32)
    middle = (SIDE - 1) / 2
    # Rows are moved by a matrix from the left, columns by one from the right.
    down = _translations(middle - (ink.sum(axis=2) @ places) / total)
    right = _translations(middle - (ink.sum(axis=1) @ places) / total)
    centred: NDArray[np.float32] = (down @ ink @ right.transpose(0, 2, 1)).astype(np.float32)
    return centred


def _translations(by: NDArray[np.floating]) -> NDArray[np.float32]:
    """Make matrices (n, 28, 28) that move rows by so many pixels each, linearly between two."""
    places = np.arange(SIDE, dtype=np.float32)
    # Row i of the result takes of row j as much as i − by is near j: all at 0, nothing from 1 on.
    gap = np.abs(places[None, :, None] - by[:, None, None] - places[None, None, :])
    matrices: NDArray[np.float32] = np.maximum(0, 1 - gap).astype(np.float32)
    return matrices


def _unit(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Flatten pictures to vectors of length 1, float32 (n, 784); an empty one stays empty."""
    flat = pictures.reshape(len(pictures), SIDE * SIDE)
    length: NDArray[np.float32] = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return flat / length
