"""Synthetic handwriting: writers with a style of their own, and the digits that they draw, as
strokes.

A **writer** is drawn once from a seed: how large, slanted, round, shaky and fast the hand is, where
on the canvas it writes, with which pen, which of a digit's forms (``skeletons``) it uses, and how
these differ from the textbook's. A **form** is one intended drawing: the writer's style with the
moment's deviations. Strokes are a pure function of the form, so a person who goes on from the last
picture (``again``) changes a form and leaves the rest as it was.

**Boldness** is how far a drawing departs from the usual hand: at 0 it is the hand as it is, at 1
some traits go as far as a person still reads the digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from trainer.learning.drawing import CANVAS, MAX_WIDTH, MIN_WIDTH
from trainer.simulation import skeletons
from trainer.simulation.skeletons import SKELETONS, Points

Strokes = list[dict[str, list[int]]]
_WRITERS, _LETTERS, _TRIES = 0x9E37, 0x79B9, 0x7F4A
_FEWEST_POINTS, _MOST_POINTS = 26, 54
_MILLISECONDS_A_POINT = 18
_LEAST_HEIGHT_PER_WIDTH = 5.7
_LEAST_LEAN, _MOST_LEAN = -0.55, 0.8
_MOST_REACH = 245


@dataclass(frozen=True)
class Trait:
    """How a trait is spread: ``usual`` ± ``spread`` over people, ± ``daily`` over a person's
    drawings, and bounds."""

    usual: float
    spread: float
    daily: float
    low: float
    high: float


TRAITS = {
    "slant": Trait(0.12, 0.17, 0.04, -0.5, 0.8),
    "turn": Trait(0.0, 0.05, 0.03, -0.4, 0.4),
    "height": Trait(180, 25, 8, 75, _MOST_REACH),
    "aspect": Trait(1.0, 0.17, 0.06, 0.6, 1.6),
    "x": Trait(0, 12, 7, -85, 85),
    "y": Trait(0, 11, 6, -75, 75),
    "waist": Trait(0.0, 0.1, 0.04, -0.35, 0.35),
    "angular": Trait(0.15, 0.25, 0.05, 0, 0.8),
    "rounding": Trait(2.5, 1.5, 0.4, 0, 8),
    "bend": Trait(3.5, 1.2, 0.0, 0, 6),
    "gap": Trait(-0.01, 0.03, 0.025, -0.12, 0.13),
    "entry": Trait(-0.02, 0.05, 0.015, 0, 0.18),
    "leave": Trait(-0.03, 0.05, 0.015, 0, 0.18),
    "shake": Trait(0.9, 0.8, 0.2, 0, 4),
    "width": Trait(22, 6, 0.0, MIN_WIDTH, MAX_WIDTH),
}
_USUAL, _SPREAD, _DAILY, *_ANY_DIGIT = np.array([astuple(trait) for trait in TRAITS.values()]).T
_NARROWER: dict[int, dict[str, tuple[float, float]]] = {
    0: {"entry": (0, 0.06), "leave": (0, 0.06)},
    1: {
        "turn": (-0.2, 0.2),
        "aspect": (0.6, 1.1),
        "waist": (0, 0.35),
        "bend": (0, 4),
        "entry": (0, 0),
    },
    4: {"aspect": (0.75, 1.5), "slant": (-0.4, 0.6), "turn": (-0.25, 0.3)},
    7: {
        "turn": (-0.2, 0.2),
        "aspect": (0.8, 1.3),
        "bend": (0, 3.5),
        "leave": (0, 0.08),
        "shake": (0, 2.5),
    },
    8: {"bend": (0, 5), "gap": (-0.1, 0.08), "shake": (0, 3)},
}
"""Bounds of single digits, where further out another digit begins: a one turns into a seven, a
nought into a six."""
_BOUNDS = np.array(
    [
        [_NARROWER.get(digit, {}).get(name, (t.low, t.high)) for name, t in TRAITS.items()]
        for digit in range(10)
    ]
)


@dataclass(frozen=True)
class Style:
    """The traits of a hand, within the bounds of ``TRAITS``.

    ``slant`` (a tangent, to the right) and ``turn`` (radians, clockwise) of the digit, its
    ``height`` in canvas units, ``aspect``, the width as a share of the textbook's, and its middle's
    ``x`` and ``y`` from the canvas's, in canvas units. ``waist``: above 0 the upper half is the
    smaller. ``angular``: from 0, round, to 1, straight from point to point. In hundredths of the
    height, ``rounding``, over which the pen rounds a corner off, and ``bend``, how far points are
    from the textbook's. ``gap``: what a loop lacks to be closed, as a share of it; below 0, how far
    the pen goes on. ``entry`` and ``leave``: the hooks at both ends, as shares of the height.
    ``shake`` and the pen's ``width`` in canvas units.
    """

    slant: float
    turn: float
    height: float
    aspect: float
    x: float
    y: float
    waist: float
    angular: float
    rounding: float
    bend: float
    gap: float
    entry: float
    leave: float
    shake: float
    width: float


@dataclass(frozen=True)
class Writer:
    """A person's hand. ``habits``: per digit, how often each of its skeletons is used, as shares
    that sum to 1.

    ``speed`` is in canvas units per millisecond, ``lift`` the milliseconds between two strokes, and
    ``careless`` how much more than usual (1) this hand's drawings differ from each other.
    """

    seed: int
    style: Style
    careless: float
    speed: float
    lift: float
    habits: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Form:
    """One intended drawing; ``variant`` is an index into the digit's skeletons, ``attempt`` the
    seed of its chances."""

    writer: Writer
    digit: int
    variant: int
    attempt: int
    style: Style


@dataclass(frozen=True)
class Written:
    """A drawing in the contract's form, 20–60 points in all and a pen of 8–40 units, with the form
    it was made from."""

    strokes: Strokes
    width: int
    form: Form


def writer(seed: int) -> Writer:
    """Make the person of that number, 0 or more. Most are ordinary, some unusual, a few extreme;
    all are legible."""
    rng = default_rng([_WRITERS, seed])
    peculiar = rng.choice([0.7, 1.0, 1.6, 2.3], p=[0.25, 0.43, 0.23, 0.09])
    traits = _USUAL + _SPREAD * peculiar * rng.normal(size=len(TRAITS))
    style = Style(*traits.tolist())
    if rng.random() < 0.4:
        style = replace(style, width=_USUAL[-1])
    school = rng.choice(["european", "american"])
    return Writer(
        seed=seed,
        style=_legible(style, *_ANY_DIGIT),
        careless=float(np.exp(rng.normal(0, 0.35))),
        speed=float(np.clip(np.exp(rng.normal(-0.8, 0.35)), 0.2, 0.9)),
        lift=float(rng.uniform(120, 420)),
        habits=tuple(_habit(digit, school, rng) for digit in range(10)),
    )


def write(writer: Writer, digit: int, rng: Generator, boldness: float = 0.0) -> Written:
    """Draw ``digit`` (0–9) once by ``writer``; ``boldness`` is 0 to 1. Raises ``ValueError`` for
    others."""
    if not (0 <= digit <= 9 and 0 <= boldness <= 1):
        raise ValueError(f"No such digit or boldness: {digit}, {boldness}")
    habit = np.array(writer.habits[digit])
    odd = boldness * 0.5
    variant = int(rng.choice(len(habit), p=(1 - odd) * habit + odd / len(habit)))
    daily = _DAILY * writer.careless * rng.normal(size=len(TRAITS))
    style = Style(*(np.array(astuple(writer.style)) + daily).tolist())
    bold = _bolder(style, digit, rng, boldness, int(rng.integers(3, 6)))
    return draw(Form(writer, digit, variant, int(rng.integers(1 << 32)), bold))


def again(written: Written, rng: Generator, boldness: float) -> Written:
    """Try again, with one to three traits of the last one changed, by up to ``boldness`` (0–1) of
    the way left."""
    form = written.form
    return draw(
        replace(form, style=_bolder(form.style, form.digit, rng, boldness, int(rng.integers(1, 4))))
    )


def draw(form: Form) -> Written:
    """Draw the strokes of a form: the same form gives the same strokes."""
    rng = default_rng([_TRIES, form.attempt])
    lines = _placed(list(_lines(form, rng)), form.style, rng)
    return Written(_timed(lines, form.writer, rng), round(form.style.width), form)


def _habit(digit: int, school: str, rng: Generator) -> tuple[float, ...]:
    """Draw how often each form of the digit is used, as shares: mostly one, sometimes two; those of
    the other school are rare."""
    common = np.array(
        [form.common * (1 if form.school in ("any", school) else 0.15) for form in SKELETONS[digit]]
    )
    shares = rng.gamma(common / common.sum() * 1.2) + 1e-9
    return tuple((shares / shares.sum()).tolist())


def _bolder(style: Style, digit: int, rng: Generator, boldness: float, count: int) -> Style:
    """Move ``count`` of the style's traits to one of the digit's bounds, by up to ``boldness`` of
    the way."""
    traits = np.array(astuple(style))
    # Which traits, to which of their two bounds, and how far.
    chosen = rng.permutation(len(TRAITS))[:count]
    bounds = _BOUNDS[digit, chosen, rng.integers(2, size=count)]
    traits[chosen] += (bounds - traits[chosen]) * boldness * rng.uniform(0.4, 1, count)
    return _legible(Style(*traits.tolist()), *_BOUNDS[digit].T)


def _legible(style: Style, low: NDArray[np.float64], high: NDArray[np.float64]) -> Style:
    """Keep the style within these bounds and those that traits have together: no lying digits, no
    loops full of ink."""
    # Each trait by itself.
    style = Style(*np.clip(astuple(style), low, high).tolist())
    # Slant and turn together: a digit leans, but does not lie.
    lean = float(np.clip(style.slant + style.turn, _LEAST_LEAN, _MOST_LEAN))
    # A digit high enough for the pen, the more so where it is narrow; but not off the canvas.
    narrow = min(1.0, style.aspect / float(np.hypot(1, lean)))
    height = max(style.height, style.width * _LEAST_HEIGHT_PER_WIDTH / narrow)
    height = min(height, _MOST_REACH / max(1.0, 0.62 * style.aspect + abs(lean)))
    # Where that is too low for the pen, a thinner pen.
    width = min(style.width, max(MIN_WIDTH, height * narrow / _LEAST_HEIGHT_PER_WIDTH))
    return replace(style, slant=lean - style.turn, height=height, width=width)


def _lines(form: Form, rng: Generator) -> Iterator[Points]:
    """Draw the strokes as lines (n, 2) in the textbook's box, bent, rounded, closed or not, with
    hooks and wavering."""
    style, writer = form.style, form.writer
    # Three fields bend the textbook's points: the hand's, the hand's for this form, the moment's.
    own = default_rng([_LETTERS, writer.seed, form.digit, form.variant])
    hand = default_rng([_LETTERS, writer.seed])
    fields = [(hand, style.bend * 0.5), (own, style.bend * 0.8), (rng, 1.4 * writer.careless)]
    bends = [(_waves(source), reach) for source, reach in fields]
    strokes = skeletons.runs(form.digit, form.variant)
    for number, stroke in enumerate(strokes):
        # Where the pen comes down again is not quite where it should.
        landing = rng.normal(0, 1.2 * writer.careless, 2) * (number > 0)
        bent = [_bent(run, style, bends) + landing for run in stroke]
        line = skeletons.line(bent, style.angular, style.rounding)
        # A loop that the textbook closes is closed as this hand does, and the ends get hooks.
        if np.hypot(*(stroke[0][0] - stroke[-1][-1])) < 3:
            line = skeletons.closed(line, style.gap)
        if number == 0:
            line = skeletons.hooked(line[::-1], -100 * style.entry)[::-1]
        if number == len(strokes) - 1:
            line = skeletons.hooked(line, 100 * style.leave)
        yield line + skeletons.wavering(len(line), rng) * (100 * style.shake / style.height)


def _waves(rng: Generator) -> Points:
    """Draw four plane waves as rows (kx, ky, phase, dx, dy), 90–260 units long: a smooth field that
    moves what it meets."""
    along, phase = rng.uniform(0, 2 * np.pi, (2, 4))
    often = 2 * np.pi / rng.uniform(90, 260, 4)
    push = rng.normal(0, 0.7, (4, 2))
    return np.column_stack([often * np.cos(along), often * np.sin(along), phase, push])


def _bent(run: Points, style: Style, bends: list[tuple[Points, float]]) -> Points:
    """Move the points of a run (n, 2): the waist up or down, then by each field as far as it
    reaches."""
    y = 100 * np.clip(run[:, 1] / 100, 0, None) ** np.exp(-style.waist)
    moved = np.column_stack([run[:, 0], y])
    for waves, reach in bends:
        moved = moved + reach * np.sin(run @ waves[:, :2].T + waves[:, 2]) @ waves[:, 3:]
    return moved


def _placed(lines: list[Points], style: Style, rng: Generator) -> list[Points]:
    """Put the lines on the canvas: sized, slanted, turned, and moved to their place, as far as the
    canvas reaches.

    The eye puts the digit's middle between the middle of its box and that of its ink.
    """
    # From the textbook's box of height 100 to canvas units: first slanted, then turned.
    cos, sin = np.cos(style.turn), np.sin(style.turn)
    slanted = np.array([[style.aspect, -style.slant], [0.0, 1.0]]) * style.height / 100
    form = np.array([[cos, -sin], [sin, cos]]) @ slanted
    placed = [line @ form.T for line in lines]
    # The digit's box and, half a pen inside the canvas, how far it must shrink to fit.
    everything = np.vstack(placed)
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = style.width / 2
    shrink = min(1.0, float(((CANVAS - 1 - 2 * margin) / (high - low)).min()))
    # Its middle by eye goes to where the hand writes, unless the box would leave the canvas.
    by_eye = (low + high) / 4 + everything.mean(axis=0) / 2
    middle = (CANVAS - 1) / 2 + np.array([style.x, style.y])
    least, most = margin - low * shrink, CANVAS - 1 - margin - high * shrink
    shift = np.clip(middle - by_eye * shrink, least, most)
    return [line * shrink + shift for line in placed]


def _timed(lines: list[Points], writer: Writer, rng: Generator) -> Strokes:
    """Sample the lines in whole canvas units at moments about equally far apart; slower where a
    line bends, with pauses between strokes."""
    # How long each line takes, and how many points a device would catch in that time, in all.
    moments = [_moments(line, writer.speed) for line in lines]
    duration = sum(float(times[-1]) for times in moments)
    points = np.clip(duration / _MILLISECONDS_A_POINT, _FEWEST_POINTS, _MOST_POINTS)
    strokes: Strokes = []
    now = 0.0
    for line, times in zip(lines, moments, strict=True):
        # The line's share of the points, evenly in time but for a jitter; both ends stay.
        n = max(4, round(float(points * times[-1] / duration)))
        sampled = np.linspace(0, times[-1], n)
        sampled[1:-1] += rng.uniform(-0.3, 0.3, n - 2) * sampled[1]
        xy = skeletons.at(line, times, sampled).round().astype(int)
        # A pen that has not moved by a unit sends nothing.
        moved = np.concatenate([[True], (np.diff(xy, axis=0) != 0).any(axis=1)])
        x, y = xy[moved].T.tolist()
        strokes.append({"x": x, "y": y, "t": (now + sampled[moved]).round().astype(int).tolist()})
        now += float(times[-1]) + writer.lift * rng.uniform(0.7, 1.4)
    return strokes


def _moments(line: Points, speed: float) -> NDArray[np.float64]:
    """Say when the pen is at each point (n, 2), in ms: it goes with the cube root of the bend's
    radius, within bounds.

    Lacquaniti, Terzuolo and Viviani, “The law relating the kinematic and figural aspects of drawing
    movements”, 1983.
    """
    # How much the pen turns from point to point, averaged over some nine of them.
    ahead = np.diff(line, axis=0)
    heading = np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))
    around = min(9, len(heading))
    turning = np.convolve(
        np.abs(np.diff(heading, prepend=heading[:1])), np.ones(around) / around, mode="same"
    )
    # The more it turns the slower it is; the time at a point is the sum of the ways by their pace.
    pace = speed / np.cbrt(np.clip(turning / 0.05, 0.3, 8))
    return np.concatenate([[0.0], (np.hypot(*ahead.T) / pace).cumsum()])
