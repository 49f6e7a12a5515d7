"""Near-duplicates: whether a drawing is an earlier one again, a little changed: moved, turned,
slanted or stretched, with a speck more or a wider pen, its points a little elsewhere.

Every affine map of a pen's path has the same normal form but for a turn: centred, and as wide one
way as the other. Its density in few pixels, the path's *shape*, is kept with the drawing, and tells
which of very many earlier ones are worth a look (`alikeness`). What decides is the path itself, on
the canvas: how far it runs beside the other once it lies on it as well as it can
(`compare`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LOOKED_AT, LOOKED_AT_OF_OWN = 8, 4  # of the most alike, in full: of anybody's, of the drawer's
GRID = 20  # a shape's pixels a side
TURNS = np.linspace(-0.5, 0.5, 15)  # radians; between two of them a shape hardly changes
_POINTS = 64
_SHARES = (np.arange(_POINTS) + 0.5) / _POINTS
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
# How far apart, in canvas units, moved and mapped, a path may be after so many steps to be laid on
# further: 1.25 times as far as any of 3,400 near-duplicates of real drawings was, of 113,000 pairs.
_FARTHEST = np.array([(23, 18), (16, 8.8), (10.5, 6.5), (6.4, 5.6), (4.8, 3.3), (3.6, 2.3)])

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
    """A pen's path by little lines (n, 5) evenly along it on the canvas: of each the middle, the
    direction, and how far it reaches each way from there (canvas units). `form` are points (n, 2)
    evenly along its normal form, in standard deviations, and `weights` (n,), together 1, what they
    weigh; the normal form is `normal`, multiplied from the right, of what is on the canvas less the
    `middle`. `drawn` are the points (m, 2) as they came, and `lengths` how many each stroke has."""

    lines: Points
    form: Points
    weights: Points
    middle: Points
    normal: Points
    drawn: Points
    lengths: NDArray[np.int64]

    @property
    def points(self) -> Points:
        """The lines' middles (n, 2)."""
        return self.lines[:, :2]

    @property
    def directions(self) -> Points:
        """The lines' directions (n, 2)."""
        return self.lines[:, 2:4]

    @property
    def reach(self) -> float:
        """How far each line reaches, in canvas units."""
        return float(self.lines[0, 4])

    @cached_property
    def size(self) -> float:
        """The root mean square distance from the middle, in canvas units."""
        return float(np.sqrt(((self.points - self.middle) ** 2).sum(axis=1).mean()))


def path_of(strokes: Strokes) -> Path:
    """Give the path of strokes of x and y in canvas units."""
    lengths = np.array([len(stroke["x"]) for stroke in strokes])
    x, y = ([place for stroke in strokes for place in stroke[axis]] for axis in "xy")
    drawn = np.array([x, y], np.float64).T.copy()
    # A lone point becomes a line to itself, so that every stroke has a segment.
    begins, ends = np.ones(len(drawn), bool), np.arange(1, len(drawn) + 1)
    last = np.cumsum(lengths) - 1
    begins[last], ends[last] = lengths == 1, last
    start = drawn[begins]
    way = drawn[ends[begins]] - start
    stroke = np.repeat(np.arange(len(lengths)), lengths)[begins]
    length = np.hypot(way[:, 0], way[:, 1])
    segment, share, weights = _evenly(length, stroke)
    points = on_form = start[segment] + way[segment] * share[:, None]
    directions = way[segment] / np.maximum(length[segment], 1e-6)[:, None]
    # Where points are even depends on the normal form, and that on where they are.
    for _ in range(_ROUNDS):
        middle = weights @ on_form
        off = on_form - middle
        normal = _narrowing((off * weights[:, None]).T @ off)
        on_way = way @ normal
        segment, share, weights = _evenly(np.hypot(on_way[:, 0], on_way[:, 1]), stroke)
        on_form = start[segment] + way[segment] * share[:, None]
    # Half a step each way, and a little more: a map that stretches some of it makes steps uneven.
    reach = 0.6 * float(length.sum()) / _POINTS
    form = (on_form - middle) @ normal
    lines = np.column_stack([points, directions, np.full(_POINTS, reach)])
    return Path(lines, form, weights, middle, normal, drawn, lengths)


def _narrowing(spread: Points) -> Points:
    """Give the symmetric map (2, 2) that makes points with this covariance, and `_LEAST_SPREAD`
    more, as wide one way as the other: its inverse root."""
    (a, b), (_, c) = spread.tolist()
    a, c = a + _LEAST_SPREAD**2, c + _LEAST_SPREAD**2
    root = math.sqrt(a * c - b * b)  # of what the eigenvalues make, multiplied
    by = root * math.sqrt(a + c + 2 * root)
    return np.array([[(c + root) / by, -b / by], [-b / by, (a + root) / by]])


def _evenly(length: Points, stroke: NDArray[np.int64]) -> tuple[NDArray[np.int64], Points, Points]:
    """Spread `_POINTS` points evenly over segments of these lengths (m,): each one's segment, its
    share of that, and its weight. A stroke's points weigh as much as it is long, so that specks
    weigh nothing."""
    length = np.maximum(length, 1e-9)
    along = np.cumsum(length)
    places = _SHARES * along[-1]
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
    densities = _densities(path.form @ _turned(TURNS), path.weights)
    densities /= np.linalg.norm(densities, axis=1, keepdims=True)
    others = shapes.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", others, others))
    alike = (densities @ others.T) / np.maximum(lengths, 1e-6)
    return alike.max(axis=0), TURNS[alike.argmax(axis=0)]


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
    """Say how far from each other path, turned as `alikeness` found, `here` runs: infinitely, where
    it is so far off at a step that it will not be near."""
    is_same = np.array([_has_same_points(here, there) for there in others], bool)
    if not others:
        return []
    moved, mapped = _distances(here, others, _first_maps(here, others, turns), is_same)
    return [
        Distance(*found)
        for found in zip(moved.tolist(), mapped.tolist(), is_same.tolist(), strict=True)
    ]


def _has_same_points(here: Path, there: Path) -> bool:
    """Say whether the points of a drawing, one after another, are an affine map of the other's, as
    those that a program changed are. No two people's are, of the straightest line neither."""
    if not np.array_equal(here.lengths, there.lengths):
        return False
    ours, theirs = here.drawn, there.drawn
    if len(ours) < _FEWEST_POINTS:
        return False
    ours, theirs = (ours, theirs) if here.size <= there.size else (theirs, ours)
    columns = np.column_stack([ours, np.ones(len(ours))])
    off = theirs - columns @ np.linalg.lstsq(columns, theirs, rcond=None)[0]
    return bool(np.sqrt((off**2).sum(axis=1).mean()) <= _SAME_POINT)


def _first_maps(here: Path, others: Sequence[Path], turns: Sequence[float]) -> Points:
    """Give the linear maps (n, 2, 2), by which points are multiplied from the right, that take the
    one normal form onto each other."""
    onto = np.linalg.inv(np.array([other.normal for other in others]))
    linear: Points = here.normal @ _turned(np.asarray(turns)) @ onto
    return linear


def _turned(angles: Points) -> Points:
    """Give the turns (n, 2, 2) by some angles."""
    cos, sin = np.cos(angles), np.sin(angles)
    return np.array([[cos, sin], [-sin, cos]]).transpose(2, 0, 1)


def _distances(
    here: Path, others: Sequence[Path], first: Points, is_wanted: NDArray[np.bool_]
) -> Points:
    """Lay a path onto each of the others, moved only, and by the best affine map, beginning with
    the linear ones of `first` (n, 2, 2), and give how far apart they then run (2, n): the distance
    within which `_SHARE` of each of the two is, in units of the larger. It is infinite where a step
    leaves them too far apart to come near (`_FARTHEST`); the mapped one is known all the same of
    those that `is_wanted`, and of those that may be near when moved."""
    count = len(others)
    distances = np.full(2 * count, np.inf)
    columns = np.column_stack([here.points, np.ones(_POINTS)])
    # What is left to be laid, k of them: as numbered in `distances`, the moved ones first.
    left = np.arange(2 * count)
    there = np.tile(np.array([other.lines for other in others]), (2, 1, 1))
    larger = np.tile([max(1.0, here.size / max(other.size, 1e-6)) for other in others], 2)
    # Affine maps as (3, 2): the linear part, and the way to the other's middle.
    linear = np.concatenate([np.broadcast_to(np.eye(2), first.shape), first])
    middles = np.tile(np.array([other.middle for other in others]), (2, 1))
    maps = np.concatenate([linear, (middles - here.middle @ linear)[:, None]], axis=1)

    for step in range(_STEPS + 1):
        laid = columns @ maps
        onto, _, _, gaps = _nearest(laid, there)
        apart = _most(gaps) * larger
        if step < _STEPS and not (stays := _may_be_near(apart, step, left, is_wanted)).all():
            left, larger, there, maps = left[stays], larger[stays], there[stays], maps[stays]
            laid, onto, gaps, apart = laid[stays], onto[stays], gaps[stays], apart[stays]
        along = here.directions @ maps[:, :2]
        stretch = np.maximum(_lengths(along), 1e-6)[..., None]
        lines = np.concatenate([laid, along / stretch, here.reach * stretch], axis=-1)
        _, nearest, past, back_gaps = _nearest(there[..., :2], lines)
        apart = np.maximum(apart, _most(back_gaps) * larger)
        if step == _STEPS:
            break
        if not (stays := _may_be_near(apart, step, left, is_wanted)).all():
            left, larger, there, maps = left[stays], larger[stays], there[stays], maps[stays]
            onto, gaps, stretch = onto[stays], gaps[stays], stretch[stays]
            nearest, past, back_gaps = nearest[stays], past[stays], back_gaps[stays]
        if not len(left):
            break
        # What of `here` came to lie at the other's points, and how much each pair counts: specks,
        # which are far from everything, do not.
        past = past / stretch[np.arange(len(left))[:, None], nearest, 0]
        back = columns[nearest]
        back[..., :2] += past[..., None] * here.directions[nearest]
        sources = np.concatenate([np.broadcast_to(columns, (len(left), *columns.shape)), back], 1)
        targets = np.concatenate([onto, there[..., :2]], 1)
        weights = np.concatenate([_inside(gaps), _inside(back_gaps)], 1)
        half = int((left < count).sum())
        maps[:half, 2] += _missing(maps[:half], sources[:half], targets[:half], weights[:half])
        maps[half:] = _better(maps[half:], sources[half:], targets[half:], weights[half:])
    if len(left):
        distances[left] = apart
    return distances.reshape(2, -1)


def _may_be_near(
    apart: Points, step: int, left: NDArray[np.int64], is_wanted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Say which of those that are `left` to be laid, as numbered in `_distances`, are not too far
    apart after a step to come near, or are to be known all the same."""
    count = len(is_wanted)
    is_mapped = left >= count
    may_be: NDArray[np.bool_] = apart <= _FARTHEST[step][is_mapped.astype(np.int64)]
    is_asked = is_wanted.copy()
    is_asked[left[may_be & ~is_mapped]] = True
    may_be |= is_mapped & is_asked[left % count]
    return may_be


def _nearest(laid: Points, lines: Points) -> tuple[Points, NDArray[np.int64], Points, Points]:
    """Of points (k, n, 2), find the nearest places on other paths, `lines` (k, m, 5): where those
    are, at which of their points and how far past it, and how far away (k, n). Each point of a path
    stands for a little line in its direction, as far as it reaches each way."""
    # Of (a − b)², b² − 2ab: the rest is the same for all of a point's.
    x, y = lines[..., 0], lines[..., 1]
    by_point = np.stack([-2 * x, -2 * y, x * x + y * y], axis=1)
    squares = laid @ by_point[:, :2]
    squares += by_point[:, 2:]
    nearest = squares.argmin(axis=2)
    found = lines[np.arange(len(lines))[:, None], nearest]
    points, ways, reach = found[..., :2], found[..., 2:4], found[..., 4]
    off = laid - points
    past = off[..., 0] * ways[..., 0] + off[..., 1] * ways[..., 1]
    past = np.minimum(np.maximum(past, -reach), reach)
    onto = points + past[..., None] * ways
    return onto, nearest, past, _lengths(laid - onto)


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
