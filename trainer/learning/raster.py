"""Strokes to the 28 × 28 picture: the one place that decides what the model sees.

The pen is a disc moved along straight lines between the points, so every piece of a stroke is a
capsule. A capsule is convex: it meets each row of a sampling grid in one span, whose two ends have
a closed form. All spans of a drawing are computed at once, united, and counted in each pixel. That
is exact (a sample is ink exactly when it is within half the pen's width of the stroke), has round
caps and joints by nature, is symmetric, and needs only additions, products, quotients and square
roots of doubles, which IEEE 754 rounds alike everywhere.

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
_ROW_BITS, _PLACE_BITS = 10, 20  # enough for a place in a row, and for one on the grid
_SPANS_AT_ONCE = 1 << 15
SPANS_A_SHARE = 100_000  # about 6 ms; a digit drawn quickly has 3,000, slowly 15,000


def rasterise(drawing: Drawing) -> NDArray[np.uint8]:
    """Give the drawing as uint8 (28, 28), white ink (255) on black, as drawn: neither centred nor
    scaled.

    A pixel's value is the share of its 400 samples that are ink.
    """
    width = drawing.width * _SAMPLES
    pieces = _pieces(drawing)
    # Many spans at once, but not all: the cuts bound the memory of a drawing of 5,000 points.
    span_counts = np.abs(pieces[:, 3]) + width
    cuts = np.flatnonzero(np.diff(np.cumsum(span_counts) // _SPANS_AT_ONCE)) + 1
    parts = [_united(*_spans(part, width / 2)) for part in np.split(pieces, cuts)]
    first, after = (np.concatenate(ends) for ends in zip(*parts, strict=True))
    if len(parts) > 1:
        first, after = _united(np.zeros_like(first), first, after)  # which have their rows by now
    # Shares of 255, rounded in integers.
    samples = _BLOCK * _BLOCK
    counts = _counted(first, after)
    pixels: NDArray[np.uint8] = ((counts * 255 + samples // 2) // samples).astype(np.uint8)
    return pixels


def _united(
    row: NDArray[np.int64], first: NDArray[np.int64], after: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Unite the spans that overlap or touch: their first samples and those after their last,
    counted on from row to row, of which each has more places than the canvas has samples."""
    row_start = row << _ROW_BITS
    # Each in one number, so that they are sorted as such: by where they begin.
    spans = ((row_start + first) << _PLACE_BITS) | (row_start + after)
    spans.sort()
    first, after = spans >> _PLACE_BITS, np.maximum.accumulate(spans & (1 << _PLACE_BITS) - 1)
    is_apart = first[1:] > after[:-1]
    return first[np.append(True, is_apart)], after[np.append(is_apart, True)]


def _counted(first: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the samples in each pixel, (28, 28), that spans which do not overlap cover: those
    before the spans' ends, less those before their beginnings."""
    places, signs = np.concatenate([after, first]), np.repeat([1.0, -1.0], len(first))
    row, column = places >> _ROW_BITS, places & (1 << _ROW_BITS) - 1
    pixel = column // _BLOCK
    where, shape = row // _BLOCK * (SIDE + 1) + pixel, (SIDE, SIDE + 1)
    in_pixel = np.bincount(where, signs * (column - pixel * _BLOCK), SIDE * (SIDE + 1))
    whole = np.bincount(where, signs, SIDE * (SIDE + 1)).reshape(shape)[:, :0:-1].cumsum(axis=1)
    counts = in_pixel.reshape(shape)[:, :-1] + whole[:, ::-1] * _BLOCK
    whole_counts: NDArray[np.int64] = counts.astype(np.int64)
    return whole_counts


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
    # One number, a bit a pixel, and an empty column, so that no row's end lies beside the next one.
    row = SIDE + 1
    bits = np.packbits(np.pad(ink, ((0, 0), (0, 1))), bitorder="little")
    left = int.from_bytes(bits.tobytes(), "little")
    pieces = 0
    while left:
        pieces += 1
        piece, grown = 0, left & -left
        while grown != piece:
            piece = grown
            wider = piece | piece << 1 | piece >> 1
            grown = (wider | wider << row | wider >> row) & left
        left ^= piece
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
    level, squared, ends = down == 0, radius * radius, []
    down_or_1 = np.maximum(down, 1)
    for side in (-1, 1):
        # How far along the piece the pen is when this end of the row's ink is at the disc's edge.
        t = (height + side * touching) / down_or_1
        np.minimum(np.maximum(t, 0, out=t), 1, out=t)
        t[level] = side > 0
        # From the pen's middle there to the disc's edge, at the row's height u over the middle.
        u = height - t * down
        half = np.sqrt(np.maximum(squared - u * u, 0))
        ends.append(t * across + side * half - offset)
    # To whole samples on the canvas; a span that is off it, or between two samples, is none.
    first = np.maximum(x[of] + np.ceil(ends[0]), 0)
    after = np.minimum(x[of] + np.floor(ends[1]) + 1, _GRID)
    seen = first < after
    return row[seen].astype(np.int64), first[seen].astype(np.int64), after[seen].astype(np.int64)
