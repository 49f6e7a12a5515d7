"""Whether a picture is a known one again, moved at most, in whatever way its ink came there: by a
path gone over twice, by thin lines side by side, in dots."""

import numpy as np
from numpy.typing import NDArray

SIDE = 28
# Parts of a pixel, to either side of the whole ones that pictures are moved by.
_PARTS = (-0.5, -0.25, 0.0, 0.25, 0.5)
# How alike (correlation) two people's drawings of a digit hardly ever are. Rings and lines are.
_THE_SAME = {0: 0.992, 1: 0.996, 6: 0.988, 7: 0.988}
_THE_SAME_ELSE = 0.984

Floats = NDArray[np.float32]
_PLACES = np.arange(SIDE**2)
_SUMS = np.stack([_PLACES**0, _PLACES % SIDE, _PLACES // SIDE], axis=1).astype(np.float32)


def find(
    picture: NDArray[np.uint8], pictures: NDArray[np.uint8], digit: int | None = None
) -> int | None:
    """Give the place of the one of some pictures, uint8 (n, 28, 28), whose ink a picture, uint8
    (28, 28), of a digit, if that is known, has; None where it is none of them."""
    return find_prepared(picture, prepare(pictures), digit)


def prepare(pictures: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Give what a picture is compared with of each of some, uint16 (n, 784)."""
    return _centred(pictures).reshape(len(pictures), SIDE**2).astype(np.uint16)


def find_prepared(
    picture: NDArray[np.uint8], prepared: NDArray[np.uint16], digit: int | None = None
) -> int | None:
    """Give what `find` does, of pictures that are prepared."""
    if not len(prepared) or not picture.any():
        return None
    alike = _alikeness(picture, prepared)
    best = int(alike.argmax())
    least = _THE_SAME_ELSE if digit is None else _THE_SAME.get(digit, _THE_SAME_ELSE)
    return best if alike[best] >= least else None


def alikeness(picture: NDArray[np.uint8], pictures: NDArray[np.uint8]) -> Floats:
    """Say how alike a picture is to each of some, moved as it is the most, up to 1 (n,)."""
    return _alikeness(picture, prepare(pictures))


def _alikeness(picture: NDArray[np.uint8], prepared: NDArray[np.uint16]) -> Floats:
    ours = _centred(picture[None])[0]
    moved = _moved(_moved(ours, 1), 0).reshape(len(_PARTS) ** 2, -1)
    moved -= moved.mean(axis=1, keepdims=True)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    theirs = prepared.astype(np.float32)
    spreads = np.sqrt(np.maximum(theirs.var(axis=1) * SIDE**2, 1))
    most: Floats = (moved @ theirs.T).max(axis=0) / spreads
    return most


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
