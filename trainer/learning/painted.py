"""Whether a picture is a known one, painted again with a pen, also turned, slanted, stretched or
moved a little.

A painter sees where the ink is, not how grey its edge is, so only that is kept: a bit a pixel. An
affine map leaves the normal form of the ink as it is but for a turn: centred, and as wide one way
as the other. By it the most alike of thousands are found; they are compared pixel by pixel, the
picture laid onto each by the map between the two normal forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

SIDE = 28
GRID = 14  # a normal form's pixels a side
_INK = 128
_REACH = 2.2  # of a normal form from its middle, in standard deviations
_TURNS = np.linspace(-0.4, 0.4, 13)  # radians
_LOOKED_AT = 10
_LEAST_ALIKE = 0.9  # normal forms; of 1,513 painted again none known as such was less than 0.92
_ROUNDING = 1e-3  # more than float32 makes of sums of 196 products
_PARTS = 24  # of a normal form, which tell the most of it
_FINER_TURNS = np.linspace(-0.04, 0.04, 5)  # around the best of those
_WORTH_TURNING = 0.87  # correlation; none of 12,500 pairs over 0.7 was 0.082 more by a finer turn
_MOST_STRETCH = 1.5  # of a map, or its inverse; more makes any two digits of a kind alike
_PAINTED_AGAIN = 0.97  # correlation
_TOO_SIMPLE = 1  # so many people's are alike

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Known:
    """Pictures to know again: the ink of each as bits, uint8 (n, 98), and its normal form, uint8
    (n, 196)."""

    bits: NDArray[np.uint8]
    forms: NDArray[np.uint8]

    @cached_property
    def moments(self) -> tuple[Floats, Floats]:
        """Middle (n, 2) and spread (n, 2, 2) of each picture's ink."""
        return _moments(self.ink(np.arange(len(self.bits))))

    @cached_property
    def lengths(self) -> Floats:
        """The length (n,) of each normal form."""
        forms = self.forms.astype(np.float32)
        lengths: Floats = np.sqrt(np.einsum("ij,ij->i", forms, forms))
        return np.maximum(lengths, np.float32(1e-6))

    @cached_property
    def parts(self) -> tuple[Floats, Floats]:
        """The directions (196, 24) in which the normal forms, each of length 1, are the largest
        together, and what of each form lies in them, and in none of them: (25, n)."""
        forms = self.forms.astype(np.float32) / self.lengths[:, None]
        directions = np.linalg.eigh(forms.T @ forms)[1][:, -_PARTS:]
        return directions, _in_parts(forms, directions).T.copy()

    def ink(self, places: NDArray[np.int64]) -> Floats:
        """Give the ink of some of them, float32 (k, 28, 28), 0 or 1."""
        flat = np.unpackbits(self.bits[places], axis=1).astype(np.float32)
        return flat.reshape(-1, SIDE, SIDE)


def known(pictures: NDArray[np.uint8]) -> Known:
    """Keep what it takes to know pictures, uint8 (n, 28, 28), again."""
    is_ink = pictures > _INK
    ink = is_ink.astype(np.float32)
    middles, spreads = _moments(ink)
    forms = np.rint(255 * _resampled(ink, middles, _form_grid(0.0) @ spreads))
    bits = np.packbits(is_ink.reshape(len(pictures), -1), axis=1)
    return Known(bits, forms.astype(np.uint8))


def is_one_of(picture: NDArray[np.uint8], known: Known, digit: int) -> bool:
    """Say whether a picture of a digit, uint8 (28, 28), is one of the known, painted again. A 1
    never is: so many people's are alike."""
    ink = (picture > _INK).astype(np.float32)[None]
    if digit == _TOO_SIMPLE or not len(known.bits) or not ink.any():
        return False
    middle, spread = (moment[0] for moment in _moments(ink))
    closest, angles = _most_alike(ink, middle, spread, known)
    if not len(closest):
        return False
    is_near = _correlations(picture, middle, spread, known, closest, angles)[0] >= _WORTH_TURNING
    if not is_near.any():
        return False
    angles = (angles[is_near][:, None] + _FINER_TURNS).ravel()
    closest = np.repeat(closest[is_near], len(_FINER_TURNS))
    correlations, is_small = _correlations(picture, middle, spread, known, closest, angles)
    return bool((correlations[is_small] >= _PAINTED_AGAIN).any())


def _correlations(
    picture: NDArray[np.uint8],
    middle: Floats,
    spread: Floats,
    known: Known,
    places: NDArray[np.int64],
    angles: NDArray[np.float64],
) -> tuple[Floats, NDArray[np.bool_]]:
    """Lay a picture onto some of the known, each turned by its angle: how much their pixels
    correlate (n,), and whether the map to it stretches no more than may be (n,)."""
    # From each of them to the picture: out of its normal form, turned, into the picture's.
    middles, spreads = (moment[places] for moment in known.moments)
    maps = np.linalg.inv(spreads) @ _turn(angles) @ spread
    stretches = np.linalg.svd(maps, compute_uv=False)
    is_small = (stretches.max(axis=1) < _MOST_STRETCH) & (stretches.min(axis=1) > 1 / _MOST_STRETCH)
    read = (_PIXELS - middles[:, None]) @ maps.astype(np.float32)
    grey = picture[None].astype(np.float32)
    laid = np.clip((_resampled(grey, middle[None], read) - _INK) / (_INK / 2) + 0.5, 0, 1)
    theirs = known.ink(places).reshape(-1, SIDE**2)
    correlations = (_unit(_about_mean(laid)) * _unit(_about_mean(theirs))).sum(axis=1)
    return correlations, is_small


def _most_alike(
    ink: Floats, middle: Floats, spread: Floats, known: Known
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the known pictures whose normal forms are the most alike to that of ink (1, 28, 28), of
    those at least `_LEAST_ALIKE`, and at which angle each is."""
    # The normal form, turned this way and that, against all those known that it may be alike to:
    # what two forms have in no direction adds to their product at most the one's by the other's.
    forms = _unit(_resampled(ink, middle[None], _TURNED_GRIDS @ spread))
    directions, parts = known.parts
    at_most = (_in_parts(forms, directions) @ parts).max(axis=0)
    places = np.flatnonzero(at_most >= _LEAST_ALIKE - _ROUNDING)
    alike = forms @ known.forms[places].astype(np.float32).T
    best_of_each = alike.max(axis=0) / known.lengths[places]
    closest = np.argsort(-best_of_each)[:_LOOKED_AT]
    closest = closest[best_of_each[closest] >= _LEAST_ALIKE]
    return places[closest], _TURNS[alike[:, closest].argmax(axis=0)]


def _in_parts(forms: Floats, directions: Floats) -> Floats:
    """Give what of forms (n, 196), each of length 1, lies in each direction, and the length of what
    lies in none (n, 25)."""
    within = forms @ directions
    left = np.sqrt(np.maximum(1 - np.einsum("ij,ij->i", within, within), 0))
    parts: Floats = np.column_stack([within, left])
    return parts


def _moments(ink: Floats) -> tuple[Floats, Floats]:
    """Give the middle (n, 2), as x and y in pixels, and the spread (n, 2, 2) of ink (n, 28, 28):
    the symmetric map by which a normal form, multiplied from the right, becomes the picture."""
    total = np.maximum(ink.sum(axis=(1, 2)), 1e-6)
    places = np.arange(SIDE, dtype=np.float32)
    x, y = ink.sum(axis=1) @ places / total, ink.sum(axis=2) @ places / total
    right, down = places - x[:, None], places - y[:, None]
    across = np.einsum("nyx,nx->n", ink, right**2) / total
    along = np.einsum("nyx,ny->n", ink, down**2) / total
    both = np.einsum("nyx,ny,nx->n", ink, down, right) / total
    # Half a pixel more, so that no picture is as thin as a line.
    covariances = np.stack([across + 0.5, both, both, along + 0.5], axis=-1).reshape(-1, 2, 2)
    values, vectors = np.linalg.eigh(covariances)
    spreads = (vectors * np.sqrt(values)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return np.stack([x, y], axis=-1), spreads


def _form_grid(turn: float) -> NDArray[np.float64]:
    """Give the places (196, 2) of a normal form's pixels, in standard deviations, turned."""
    ticks = (np.arange(GRID) + 0.5) / GRID * 2 * _REACH - _REACH
    return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2) @ _turn(turn)


def _turn(angles: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the turn (2, 2) by an angle, or those (n, 2, 2) by some."""
    cos, sin = np.cos(angles), np.sin(angles)
    return np.moveaxis(np.array([[cos, sin], [-sin, cos]]), (0, 1), (-2, -1))


_TURNED_GRIDS = np.stack([_form_grid(turn) for turn in _TURNS]).astype(np.float32)
_PIXELS = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).reshape(-1, 2)
_PIXELS = _PIXELS.astype(np.float32)


def _resampled(ink: Floats, middles: Floats, places: NDArray[np.floating]) -> Floats:
    """Read pictures (n, 28, 28), or one for all (1, 28, 28), at places (n, m, 2) from their middles
    (n, 2), linearly between pixels: float32 (n, m), 0 outside."""
    row = SIDE + 2
    padded = np.zeros((len(ink), row, row), np.float32)
    padded[:, 1:-1, 1:-1] = ink
    at = np.clip(middles[:, None] + places + 1, 0, np.float32(SIDE + 0.999))
    whole = np.floor(at)
    right, down = np.moveaxis(at - whole, -1, 0)
    first = whole.astype(np.int64)
    # Where the upper left of the four pixels around each place is, in all the pictures.
    corner = first[..., 1] * row + first[..., 0] + np.arange(len(ink))[:, None] * row**2
    flat = padded.ravel()
    upper = flat[corner] * (1 - right) + flat[corner + 1] * right
    lower = flat[corner + row] * (1 - right) + flat[corner + row + 1] * right
    read: Floats = (upper * (1 - down) + lower * down).astype(np.float32, copy=False)
    return read


def _about_mean(rows: Floats) -> Floats:
    centred: Floats = rows - rows.mean(axis=1, keepdims=True)
    return centred


def _unit(rows: Floats) -> Floats:
    """Make rows of length 1; an empty one stays empty."""
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return unit
