"""Near-duplicates: whether a drawing is an earlier one again, a little changed: moved, turned,
slanted or stretched, with a speck more or a wider pen, its points a little elsewhere.

Every affine map of a pen's path has the same normal form but for a turn: centred, and as wide one
way as the other. Its density in few pixels, the path's *shape*, is kept with the drawing, and tells
which of very many earlier ones are worth a look (`alikeness`). What decides is the path itself, on
the canvas: how far it runs beside the other once it lies on it as well as it can
(`compare`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

SIDE = 28
LOOKED_AT, LOOKED_AT_OF_OWN = 8, 4  # of the most alike, in full: of anybody's, of the drawer's
GRID = 20  # a shape's pixels a side
TURNS = np.linspace(-0.5, 0.5, 15)  # radians; between two of them a shape hardly changes
_POINTS = 64
_REACH = 2.5  # of a shape from its middle, in standard deviations
_ROUNDS = 5  # of normalising a path
_LEAST_SPREAD = 1.0  # canvas units: below it a line's wiggle is mostly the canvas's rounding
_STEPS = 6
_SHARE = 0.9  # of a path that has to run beside the other; the rest may be specks and new hooks
_FEWEST_POINTS = 6  # of which it says something that they all lie where another's do
_SAME_POINT = 0.8  # canvas units, root mean square; whole units alone make some 0.4
# How near, in canvas units, two drawings of a digit hardly ever run: moved only, and mapped as
# well as can be, the second one where the drawer is the same. A 1 is a line and a 7 is two: many
# people's are the same within a unit, once mapped.
_NEAR_MOVED = 2.2
_NEAR_MAPPED = {1: (0.35, 0.8), 7: (0.6, 1.0)}
_NEAR_MAPPED_ELSE = (1.0, 1.2)

Strokes = Sequence[Mapping[str, Sequence[int]]]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Distance:
    """How far apart two paths run, once the one lies on the other as well as it can, in canvas
    units: `moved` only, and `mapped` by any affine map; and whether their points, one after
    another, are `the_same` but for such a map."""

    moved: float
    mapped: float
    the_same: bool

    def is_near(self, digit: int, *, is_own: bool) -> bool:
        """Say whether two drawings of a digit so far apart are near-duplicates. `is_own`: by the
        same drawer, of whom less is believed."""
        near = _NEAR_MAPPED.get(digit, _NEAR_MAPPED_ELSE)[is_own]
        return self.the_same or self.moved <= _NEAR_MOVED or self.mapped <= near


@dataclass(frozen=True)
class Path:
    """A pen's path: `_POINTS` points (n, 2) evenly along it on the canvas, its direction (n, 2) at
    each, and how far it goes each way from one (canvas units). `form` are points (n, 2) evenly
    along its normal form, in standard deviations, and `weights` (n,), together 1, what they weigh;
    the normal form is `normal`, multiplied from the right, of what is on the canvas less the
    `middle`. `drawn` are the points as they came, by stroke."""

    points: Points
    directions: Points
    reach: float
    form: Points
    weights: Points
    middle: Points
    normal: Points
    drawn: list[Points]

    @cached_property
    def size(self) -> float:
        """The root mean square distance from the middle, in canvas units."""
        return float(np.sqrt(((self.points - self.middle) ** 2).sum(axis=1).mean()))


def path_of(strokes: Strokes) -> Path:
    """Give the path of strokes of x and y in canvas units."""
    drawn = [np.column_stack([s["x"], s["y"]]).astype(np.float64) for s in strokes]
    # A lone point becomes a line to itself, so that every stroke has a segment.
    lines = [line if len(line) > 1 else np.repeat(line, 2, axis=0) for line in drawn]
    start = np.concatenate([line[:-1] for line in lines])
    way = np.concatenate([line[1:] for line in lines]) - start
    stroke = np.repeat(np.arange(len(lines)), [len(line) - 1 for line in lines])
    length = np.hypot(*way.T)
    segment, share, weights = _evenly(way, stroke)
    points = on_form = start[segment] + way[segment] * share[:, None]
    directions = way[segment] / np.maximum(length[segment], 1e-6)[:, None]
    # Where points are even depends on the normal form, and that on where they are.
    for _ in range(_ROUNDS):
        middle = weights @ on_form
        off = on_form - middle
        spread = (off * weights[:, None]).T @ off + np.eye(2) * _LEAST_SPREAD**2
        values, vectors = np.linalg.eigh(spread)
        normal = (vectors * values**-0.5) @ vectors.T
        segment, share, weights = _evenly(way @ normal, stroke)
        on_form = start[segment] + way[segment] * share[:, None]
    # Half a step each way, and a little more: a map that stretches some of it makes steps uneven.
    reach = 0.6 * float(length.sum()) / _POINTS
    form = (on_form - middle) @ normal
    return Path(points, directions, reach, form, weights, middle, normal, drawn)


def _evenly(way: Points, stroke: NDArray[np.int64]) -> tuple[NDArray[np.int64], Points, Points]:
    """Spread `_POINTS` points evenly over segments (m, 2): each one's segment, its share of that,
    and its weight. A stroke's points weigh as much as it is long, so that specks weigh nothing."""
    length = np.maximum(np.hypot(*way.T), 1e-9)
    along = np.cumsum(length)
    places = (np.arange(_POINTS) + 0.5) / _POINTS * along[-1]
    segment = np.searchsorted(along, places)
    share = 1 - (along[segment] - places) / length[segment]
    weights = np.bincount(stroke, length)[stroke[segment]]
    return segment, share, weights / weights.sum()


def shape(path: Path) -> NDArray[np.uint8]:
    """Give a path's shape, uint8 (400,): the density of its normal form, brightest 255."""
    density = _densities(path.form[None], path.weights)[0]
    shape: NDArray[np.uint8] = np.rint(density * (255 / density.max())).astype(np.uint8)
    return shape


def shapes(stored: Iterable[bytes | memoryview]) -> NDArray[np.uint8]:
    """Give many shapes' stored bytes as uint8 (n, 400), read-only, in their order."""
    return np.frombuffer(b"".join(stored), np.uint8).reshape(-1, GRID * GRID)


def alikeness(path: Path, shapes: NDArray[np.uint8]) -> tuple[Points, Points]:
    """Say how alike a path is to each of many shapes, uint8 (n, 400), turned as it is the most, up
    to 1 (n,), and how many radians that turn is (n,)."""
    cos, sin = np.cos(TURNS), np.sin(TURNS)
    turns = np.array([[cos, sin], [-sin, cos]]).transpose(2, 0, 1)
    densities = _densities(path.form @ turns, path.weights)
    densities /= np.linalg.norm(densities, axis=1, keepdims=True)
    others = shapes.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", others, others))
    alike = (densities @ others.T) / np.maximum(lengths, 1e-6)
    return alike.max(axis=0), TURNS[alike.argmax(axis=0)]


def most_alike(path: Path, shapes: NDArray[np.uint8], count: int) -> list[tuple[int, float]]:
    """Give the places of the `count` shapes, of uint8 (n, 400), that are the most alike to a path,
    and the turn at which each is, in radians: the most alike first."""
    if not len(shapes):
        return []
    alike, turns = alikeness(path, shapes)
    return [(int(place), float(turns[place])) for place in np.argsort(-alike)[:count]]


def _densities(forms: Points, weights: Points) -> NDArray[np.float32]:
    """Add up the weights of normal forms' points (k, n, 2) in pixels, each shared among the four
    around it: float32 (k, 400)."""
    places = (forms + _REACH) / (2 * _REACH) * (GRID - 1)
    places = np.clip(places, 0, GRID - 1.001)
    first = places.astype(int)
    share = places - first
    sums = np.zeros(len(forms) * GRID * GRID)
    form = np.arange(len(forms))[:, None] * GRID * GRID
    for right in (0, 1):
        for down in (0, 1):
            part = np.abs(1 - right - share[..., 0]) * np.abs(1 - down - share[..., 1]) * weights
            pixel = form + (first[..., 1] + down) * GRID + first[..., 0] + right
            sums += np.bincount(pixel.ravel(), part.ravel(), len(sums))
    return sums.reshape(len(forms), -1).astype(np.float32)


def compare(here: Path, others: Sequence[Path], turns: Sequence[float]) -> list[Distance]:
    """Say how far from each other path, turned as `alikeness` found, `here` runs."""
    first = [_first_map(here, there, turn) for there, turn in zip(others, turns, strict=True)]
    moved, mapped = _distances(here, others, first)
    return [
        Distance(float(one), float(other), _has_same_points(here, there))
        for one, other, there in zip(moved, mapped, others, strict=True)
    ]


def _has_same_points(here: Path, there: Path) -> bool:
    """Say whether the points of a drawing, one after another, are an affine map of the other's, as
    those that a program changed are. No two people's are, of the straightest line neither."""
    if [len(line) for line in here.drawn] != [len(line) for line in there.drawn]:
        return False
    ours, theirs = np.concatenate(here.drawn), np.concatenate(there.drawn)
    if len(ours) < _FEWEST_POINTS:
        return False
    ours, theirs = (ours, theirs) if here.size <= there.size else (theirs, ours)
    columns = np.column_stack([ours, np.ones(len(ours))])
    off = theirs - columns @ np.linalg.lstsq(columns, theirs, rcond=None)[0]
    return bool(np.sqrt((off**2).sum(axis=1).mean()) <= _SAME_POINT)


def _first_map(here: Path, there: Path, turn: float) -> Points:
    """Give the linear map (2, 2), by which points are multiplied from the right, that takes the one
    normal form onto the other."""
    cos, sin = np.cos(turn), np.sin(turn)
    linear: Points = here.normal @ np.array([[cos, sin], [-sin, cos]]) @ np.linalg.inv(there.normal)
    return linear


def _distances(here: Path, others: Sequence[Path], first: Sequence[Points]) -> Points:
    """Lay a path onto each of the others, moved only, and by the best affine map, beginning with
    the linear ones of `first`, and give how far apart they then run (2, n): the distance within
    which `_SHARE` of each of the two is, in units of the larger."""
    first, others = [*[np.eye(2)] * len(others), *first], [*others, *others]
    columns = np.column_stack([here.points, np.ones(_POINTS)])
    there = np.stack([other.points for other in others])
    directions = np.stack([other.directions for other in others])
    reaches = np.array([other.reach for other in others])
    larger = np.array([max(1.0, here.size / max(other.size, 1e-6)) for other in others])
    # Affine maps as (3, 2): the linear part, and the way to the other's middle.
    maps = np.stack(
        [
            np.vstack([linear, other.middle - here.middle @ linear])
            for linear, other in zip(first, others, strict=True)
        ]
    )
    for step in range(_STEPS + 1):
        laid = columns @ maps
        along = here.directions @ maps[:, :2]
        stretch = np.maximum(_lengths(along), 1e-6)
        onto, _, gaps = _nearest(laid, there, directions, reaches)
        _, (nearest, past), back_gaps = _nearest(
            there, laid, along / stretch[..., None], here.reach * stretch
        )
        if step == _STEPS:
            break
        # What of `here` came to lie at the other's points, and how much each pair counts: specks,
        # which are far from everything, do not.
        past = past / stretch[np.arange(len(others))[:, None], nearest]
        back = columns[nearest]
        back[..., :2] += past[..., None] * here.directions[nearest]
        sources = np.concatenate([np.broadcast_to(columns, (len(others), *columns.shape)), back], 1)
        targets = np.concatenate([onto, there], 1)
        weights = np.concatenate([_inside(gaps), _inside(back_gaps)], 1)
        half = len(others) // 2
        maps[:half, 2] += _missing(maps[:half], sources[:half], targets[:half], weights[:half])
        maps[half:] = _better(maps[half:], sources[half:], targets[half:], weights[half:])
    distances: Points = np.maximum(_most(gaps), _most(back_gaps)) * larger
    return distances.reshape(2, -1)


def _nearest(
    laid: Points, there: Points, directions: Points, reaches: Points
) -> tuple[Points, tuple[NDArray[np.int64], Points], Points]:
    """Of points (k, n, 2), find the nearest places on other paths (k, m, 2): where those are, at
    which of their points and how far past it, and how far away (k, n). Each point of a path stands
    for a little line in its direction, as far as `reaches` (k,) or (k, m) each way."""
    # Of (a − b)², b² − 2ab: the rest is the same for all of a point's.
    ones = np.ones((*laid.shape[:2], 1))
    others = np.concatenate([-2 * there, (there**2).sum(-1, keepdims=True)], axis=-1)
    squares = np.concatenate([laid, ones], axis=-1) @ others.transpose(0, 2, 1)
    nearest = squares.argmin(axis=2)
    row = np.arange(len(laid))[:, None]
    points, ways = there[row, nearest], directions[row, nearest]
    reach = reaches[:, None] if reaches.ndim == 1 else reaches[row, nearest]
    off = laid - points
    past = np.clip(off[..., 0] * ways[..., 0] + off[..., 1] * ways[..., 1], -reach, reach)
    onto = points + past[..., None] * ways
    return onto, (nearest, past), _lengths(laid - onto)


def _lengths(ways: Points) -> Points:
    lengths: Points = np.sqrt(ways[..., 0] ** 2 + ways[..., 1] ** 2)
    return lengths


def _inside(gaps: Points) -> Points:
    """Weigh pairs 1 or, the farthest of each path, 0."""
    return (gaps <= _most(gaps)[:, None]).astype(np.float64)


def _most(gaps: Points) -> Points:
    """Give how far apart (k,) the nearest `_SHARE` of some pairs (k, n) are at the most."""
    place = int(_SHARE * _POINTS)
    most: Points = np.partition(gaps, place, axis=1)[:, place]
    return most


def _missing(maps: Points, sources: Points, targets: Points, weights: Points) -> Points:
    """Give how far (k, 2) maps (k, 3, 2) are to be moved to take sources (k, n, 3) nearest to their
    targets."""
    missing = (weights[..., None] * (targets - sources @ maps)).sum(axis=1)
    by: Points = missing / weights.sum(axis=1)[:, None]
    return by


def _better(maps: Points, sources: Points, targets: Points, weights: Points) -> Points:
    """Give the maps (k, 3, 2) that take sources (k, n, 3) nearest to their targets."""
    # A little of the map that was, for lines: of them, any width is as good as any other.
    weighted = (sources * weights[..., None]).transpose(0, 2, 1)
    little = 1e-3 * np.eye(3)
    onto = weighted @ targets + little @ maps
    return np.linalg.solve(weighted @ sources + little, onto).astype(np.float64)
