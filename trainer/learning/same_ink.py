"""Whether a picture is a known one again, moved at most, in whatever way its ink came there: by a
path gone over twice, by thin lines side by side, in dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 28
# Parts of a pixel, to either side of the whole ones that pictures are moved by.
_PARTS = (-0.5, -0.25, 0.0, 0.25, 0.5)
# How alike (correlation) two people's drawings of a digit hardly ever are. Rings and lines are.
_THE_SAME = {0: 0.992, 1: 0.996, 6: 0.988, 7: 0.988}
_THE_SAME_ELSE = 0.984
_BLOCK = 4
_TIED = 1e-6  # of the same picture, moved, the product is not the same to the last bit
_ROUNDING = 1e-3  # more than float32 makes of sums of 784 products

Floats = NDArray[np.float32]
_PLACES = np.arange(SIDE**2)
_SUMS = np.stack([_PLACES**0, _PLACES % SIDE, _PLACES // SIDE], axis=1).astype(np.float32)


def find(
    picture: NDArray[np.uint8], pictures: NDArray[np.uint8], digit: int | None = None
) -> int | None:
    """Give the place of the one of some pictures, uint8 (n, 28, 28), whose ink a picture, uint8
    (28, 28), of a digit, if that is known, has; None where it is none of them."""
    return find_prepared(picture, prepare(pictures), digit)


@dataclass(frozen=True)
class Prepared:
    """What a picture is compared with of each of some: uint16 (n, 784), and that coarsely, (n, 50),
    which bounds how alike they can be. Some 1.8 kB each."""

    pictures: NDArray[np.uint16]
    coarse: Floats

    def __len__(self) -> int:
        return len(self.pictures)

    def joined(self, others: Prepared, places: Sequence[int]) -> Prepared:
        """Give those at some places, counted on into the others."""
        return Prepared(
            np.concatenate([self.pictures, others.pictures])[places],
            np.concatenate([self.coarse, others.coarse])[places],
        )


def prepare(pictures: NDArray[np.uint8]) -> Prepared:
    """Prepare pictures, uint8 (n, 28, 28), to be compared with."""
    centred = _centred(pictures).reshape(len(pictures), SIDE**2)
    about_mean = centred - centred.mean(axis=1, keepdims=True)
    spreads = _spreads(centred)[:, None]
    return Prepared(centred.astype(np.uint16), _coarse(about_mean / spreads))


def find_prepared(
    picture: NDArray[np.uint8],
    prepared: Prepared,
    digit: int | None = None,
    before: Sequence[int] = (),
) -> int | None:
    """Give what `find` does, of pictures that are prepared: of equally alike ones the first, those
    at the places `before` before the others."""
    if not len(prepared) or not picture.any():
        return None
    least = _THE_SAME_ELSE if digit is None else _THE_SAME.get(digit, _THE_SAME_ELSE)
    moved = _moved_about(picture)
    # What two of length 1 have outside the blocks adds to their product at most the one's by the
    # other's, so few are left to be compared in full.
    at_most = (_coarse(moved) @ prepared.coarse.T).max(axis=0)
    left = np.flatnonzero(at_most >= least - _ROUNDING).tolist()
    if not left:
        return None
    if before:
        rank = {place: number for number, place in enumerate(before)}
        left.sort(key=lambda place: rank.get(place, len(rank) + place))
    alike = _alikeness(moved, prepared.pictures[left])
    most = alike.max()
    return left[int((alike >= most - _TIED).argmax())] if most >= least else None


def _alikeness(moved: Floats, pictures: NDArray[np.uint16]) -> Floats:
    """Say how alike a picture, moved about (25, 784), is to each of some (n, 784), moved as it is
    the most, up to 1 (n,)."""
    theirs = pictures.astype(np.float32)
    most: Floats = (moved @ theirs.T).max(axis=0) / _spreads(theirs)
    return most


def _moved_about(picture: NDArray[np.uint8]) -> Floats:
    """Give a picture moved by parts of a pixel, (25, 784), about its mean, of length 1."""
    ours = _centred(picture[None])[0]
    moved = _moved(_moved(ours, 1), 0).reshape(len(_PARTS) ** 2, -1)
    moved -= moved.mean(axis=1, keepdims=True)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    return moved


def _spreads(pictures: Floats) -> Floats:
    spreads: Floats = np.sqrt(np.maximum(pictures.var(axis=1) * SIDE**2, 1))
    return spreads


def _coarse(pictures: Floats) -> Floats:
    """Give what pictures (n, 784) of length 1 have in blocks of 4 × 4 pixels, and the length of
    what they have besides: (n, 50)."""
    side = SIDE // _BLOCK
    blocks = pictures.reshape(-1, side, _BLOCK, side, _BLOCK).sum(axis=(2, 4)) / _BLOCK
    blocks = blocks.reshape(len(pictures), side**2)
    left = np.sqrt(np.maximum(1 - np.einsum("ij,ij->i", blocks, blocks), 0))
    coarse: Floats = np.column_stack([blocks, left])
    return coarse


def _centred(pictures: NDArray[np.uint8]) -> Floats:
    """Move pictures by whole pixels so that the middle of their ink is in the middle, and blur them
    a little: at parts of a pixel edges differ most."""
    flat = pictures.reshape(len(pictures), SIDE**2).astype(np.float32)
    ink, right, down = (flat @ _SUMS).T
    right = np.rint(right / np.maximum(ink, 1)).astype(np.int64)
    down = np.rint(down / np.maximum(ink, 1)).astype(np.int64)
    padded = np.zeros((len(pictures), 2 * SIDE + 2, 2 * SIDE + 2), np.float32)
    begins, ends = SIDE // 2 + 1, -SIDE // 2 - 1
    padded[:, begins:ends, begins:ends] = flat.reshape(pictures.shape)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE + 2, SIDE + 2), axis=(1, 2))
    blurred: Floats = windows[np.arange(len(pictures)), down, right]
    for _ in range(2):  # sixteen times as bright, which is no matter
        blurred = blurred[:, 1:] + blurred[:, :-1]
        blurred = blurred[:, :, 1:] + blurred[:, :, :-1]
    return blurred


def _moved(pictures: Floats, axis: int) -> Floats:
    """Move pictures (…, 28, 28) by each part of a pixel along one of their two axes:
    (…, 5, 28, 28)."""
    rolled = {sign: np.roll(pictures, sign, axis - 2) for sign in (-1, 0, 1)}
    return np.stack(
        [(1 - abs(part)) * pictures + abs(part) * rolled[int(np.sign(part))] for part in _PARTS],
        axis=-3,
    )
