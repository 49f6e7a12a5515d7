"""Strokes to the 28 × 28 picture: the one place that decides what the model sees.

The pen is a disc moved along straight lines between the points, so every piece of a stroke is a
capsule. A capsule is convex: it meets each row of a sampling grid in one span, whose two ends have
a closed form. All spans of a drawing are computed at once, united with a difference array, and
counted in each pixel. That is exact (a sample is ink exactly when it is within half the pen's width
of the stroke), has round caps and joints by nature, is symmetric, and needs only additions,
products, quotients and square roots of doubles, which IEEE 754 rounds alike everywhere.

Pillow's ``line`` was the alternative. It rounds widths and polygon corners to whole cells, sits
half a cell aside for even widths, and its ``joint="curve"`` leaves notches; discs would have to be
added by hand at every point.

A point (x, y) is the middle of its canvas cell. There are two samples to a cell on each axis, so no
sample lies exactly on the edge of a horizontal or vertical line of whole width, and a line 22 units
wide covers 22 units.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trainer.learning.drawing import CANVAS, Degenerate, Drawing
from trainer.learning.sentences import Sentence

VERSION = 1
SIDE = 28
MOST_INK = 0.85
DOT = 6
MOST_PIECES = 20
_INK = 64
_SAMPLES = 2
_GRID = CANVAS * _SAMPLES
_BLOCK = _GRID // SIDE
_SPANS_AT_ONCE = 1 << 15
SPANS_A_SHARE = 100_000  # about 6 ms; a digit drawn quickly has 3,000, slowly 15,000


def rasterise(drawing: Drawing) -> NDArray[np.uint8]:
    """Give the drawing as uint8 (28, 28), white ink (255) on black, as drawn: neither centred nor
    scaled.

    A pixel's value is the share of its 400 samples that are ink.
    """
    width = drawing.width * _SAMPLES
    pieces = _pieces(drawing)
    # Only the pixels within the pen's reach are computed; all others are black.
    left, right = _reach(pieces[:, 0], pieces[:, 2], width / 2)
    top, bottom = _reach(pieces[:, 1], pieces[:, 3], width / 2)
    rows, columns = (bottom - top) * _BLOCK, (right - left) * _BLOCK
    # A difference array: +1 where a span begins, −1 after its end, a column more in each row.
    edges = np.zeros(rows * (columns + 1), dtype=np.int32)
    # Many spans at once, but not all: the cuts bound the memory of a drawing of 5,000 points.
    span_counts = np.abs(pieces[:, 3]) + width
    cuts = np.flatnonzero(np.diff(np.cumsum(span_counts) // _SPANS_AT_ONCE)) + 1
    for part in np.split(pieces, cuts):
        row, first, after = _spans(part, width / 2)
        row_start = (row - top * _BLOCK) * (columns + 1) - left * _BLOCK
        np.add.at(edges, row_start + first, np.int32(1))
        np.add.at(edges, row_start + after, np.int32(-1))
    # Its running sum says how many spans cover each sample; every row ends at 0.
    np.cumsum(edges, out=edges)
    ink = edges.reshape(rows, columns + 1)[:, :columns] > 0
    # Samples of ink in each pixel: first down the blocks, then across.
    down = ink.view(np.uint8).reshape(-1, _BLOCK, columns).sum(axis=1, dtype=np.uint8)
    counts = np.zeros((SIDE, SIDE), dtype=np.int64)
    across = down.reshape(len(down), -1, _BLOCK).sum(axis=2, dtype=np.int64)
    counts[top:bottom, left:right] = across
    # Shares of 255, rounded in integers.
    samples = _BLOCK * _BLOCK
    pixels: NDArray[np.uint8] = ((counts * 255 + samples // 2) // samples).astype(np.uint8)
    return pixels


def _reach(starts: NDArray[np.int64], lengths: NDArray[np.int64], radius: float) -> tuple[int, int]:
    """Give the first pixel, and the one after the last, that pieces reach on one axis. Samples are
    half of one off the whole numbers that points and the radius are: nothing is rounded away."""
    ends = starts + lengths
    first = min(starts.min(), ends.min()) - radius
    last = max(starts.max(), ends.max()) + radius
    return max(int(first // _BLOCK), 0), min(int(last // _BLOCK) + 1, SIDE)


def shares_of_work(drawing: Drawing) -> int:
    """Say how long the drawing takes to rasterise, in shares of `SPANS_A_SHARE` spans, at least 1:
    from 1 for what people draw to 32 for 5,000 points with the widest pen, each across the whole
    canvas."""
    spans = sum(
        sum(abs(after - before) for before, after in itertools.pairwise(stroke.y)) * _SAMPLES
        + max(len(stroke.y) - 1, 1) * drawing.width * _SAMPLES
        for stroke in drawing.strokes
    )
    return max(1, -(-spans // SPANS_A_SHARE))


def picture(pixels: bytes | memoryview) -> NDArray[np.uint8]:
    """Give a picture's 784 stored bytes as uint8 (28, 28), read-only."""
    return np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE)


def pictures(stored: Iterable[bytes | memoryview]) -> NDArray[np.uint8]:
    """Give many pictures' stored bytes as uint8 (n, 28, 28), read-only, in their order."""
    return np.frombuffer(b"".join(stored), np.uint8).reshape(-1, SIDE, SIDE)


def check_ink(pixels: NDArray[np.uint8]) -> None:
    """Raise ``Degenerate`` where nobody could see a digit in the picture, uint8 (28, 28): more than
    ``MOST_INK`` of it is ink, all ink lies within ``DOT`` pixels, or it is in more than
    ``MOST_PIECES`` pieces.

    Of MNIST's 70,000 images the smallest is 14 pixels long and the most scattered in 5 pieces.
    """
    if pixels.mean() > MOST_INK * 255:
        raise Degenerate(
            "all_ink",
            Sentence(
                "Nearly the whole canvas is ink: leave enough of it black for the digit to be seen."
            ),
        )
    ink = pixels > _INK
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows) or max(np.ptp(rows), np.ptp(columns)) < DOT:
        raise Degenerate(
            "dot",
            Sentence("That is only a dot: draw the digit larger, so that somebody can read it."),
        )
    if _pieces_of_ink(ink) > MOST_PIECES:
        raise Degenerate(
            "noise", Sentence("That is many specks and no digit: draw it in fewer pieces.")
        )


def _pieces_of_ink(ink: NDArray[np.bool_]) -> int:
    """Count the pieces that the ink, bool (28, 28), is in; corners that touch hold together."""
    left = set(zip(*(place.tolist() for place in np.nonzero(ink)), strict=True))
    pieces = 0
    while left:
        pieces += 1
        edge = [left.pop()]
        while edge:
            y, x = edge.pop()
            beside = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= beside
            edge.extend(beside)
    return pieces


def _pieces(drawing: Drawing) -> NDArray[np.int64]:
    """List all pieces as rows (x, y, dx, dy) in samples, turned so that dy > 0, or dy = 0 and
    dx ≥ 0; also a lone point."""
    strokes = []
    for stroke in drawing.strokes:
        points = np.column_stack([stroke.x, stroke.y]).astype(np.int64) * _SAMPLES
        if len(points) == 1:
            points = np.repeat(points, 2, axis=0)
        strokes.append(np.hstack([points[:-1], np.diff(points, axis=0)]))
    pieces = np.concatenate(strokes)
    # A piece that goes upwards, or straight to the left, begins at its other end instead.
    backwards = (pieces[:, 3] < 0) | ((pieces[:, 3] == 0) & (pieces[:, 2] < 0))
    pieces[backwards, :2] += pieces[backwards, 2:]
    pieces[backwards, 2:] *= -1
    return pieces


def _spans(
    pieces: NDArray[np.int64], radius: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Give every span of ink of every piece: its row, its first sample and the one after its last,
    clipped to the grid.

    Points are at whole numbers times ``_SAMPLES`` and samples, seen from there, at whole numbers
    plus ``offset``. The left end of a capsule on a row is the least of ``t·dx - √(r² - u²)`` over
    the places t (0–1) along the piece, u being the row's height over the pen's middle there; it is
    where the left edge touches the disc, u = r·dx/length, or an end.
    """
    offset = (1 - _SAMPLES) / 2
    x, y, dx, dy = pieces.T.astype(np.float64)
    # The rows that each piece meets, from its top to its bottom.
    top = np.maximum(np.ceil(y - radius - offset), 0)
    bottom = np.minimum(np.floor(y + dy + radius - offset), _GRID - 1)
    row_counts = (bottom - top + 1).astype(np.int64)
    # How far above or below the pen's middle its slanting edges touch the disc.
    touch = radius * dx / np.maximum(np.sqrt(dx * dx + dy * dy), 1)
    # From here on an entry a span, a piece's spans one after another: the piece that it is of, and
    # its row, which counts on from the piece's top.
    of = np.repeat(np.arange(len(pieces)), row_counts)
    first_span = np.cumsum(row_counts) - row_counts
    row = np.arange(len(of)) - (first_span - top)[of]
    # The row's height over the piece's beginning, and the piece's own numbers.
    height = row + offset - y[of]
    across, down, touching = dx[of], dy[of], touch[of]
    ends = []
    for side in (-1, 1):
        # How far along the piece the pen is when this end of the row's ink is at the disc's edge.
        t = np.clip((height + side * touching) / np.maximum(down, 1), 0, 1)
        t[down == 0] = side > 0
        # From the pen's middle there to the disc's edge, at the row's height u over the middle.
        u = height - t * down
        half = np.sqrt(np.maximum(radius * radius - u * u, 0))
        ends.append(t * across + side * half - offset)
    # To whole samples on the canvas; a span that is off it, or between two samples, is none.
    first = np.maximum(x[of] + np.ceil(ends[0]), 0)
    after = np.minimum(x[of] + np.floor(ends[1]) + 1, _GRID)
    seen = first < after
    return row[seen].astype(np.int64), first[seen].astype(np.int64), after[seen].astype(np.int64)
