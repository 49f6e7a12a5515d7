"""How often the intervals of `analyse` cover the truth: `python -m scripts.coverage_of_intervals`.

Whole studies of two arms are simulated, without a web or an image: people who have a style of their
own draw points in a space of 8 dimensions about ten digits' means, and a small net of random
features learns to read them. In an A/A both arms draw alike, so that the true difference is zero;
in an A/B one arm draws less variously, and the true difference is the mean of many other studies.

Beside the interval that the analysis gives stand those that leave something out.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainer.learning.comparison import Interval, Trained, difference, people_again

DIMENSIONS, FEATURES, DIGITS = 8, 100, 10
SEEDS, TRAININGS = 3, 10  # as `manage.py analyse` trains
RIDGE, JITTER = 2.0, 0.15  # how far a net's weights at the start differ by its seed
TRUTH_FROM = 2000  # studies
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Random = np.random.Generator

_fixed = np.random.default_rng(0)
MEANS = _fixed.normal(0, 1, (DIGITS, DIMENSIONS))
START = _fixed.normal(0, 1.5 / DIMENSIONS**0.5, (DIMENSIONS, FEATURES))
OFFSETS = _fixed.normal(0, 1, FEATURES)


@dataclass(frozen=True)
class Style:
    """How far people differ, in all digits and in each, and each of their drawings."""

    of_person: float
    of_digit: float
    of_drawing: float

    def times(self, factor: float) -> "Style":
        return Style(self.of_person * factor, self.of_digit * factor, self.of_drawing * factor)


@dataclass(frozen=True)
class World:
    """How large a study is, and what people in it are like. `planted` is by how much less variously
    the second arm draws what it trains on."""

    name: str
    trainers: int  # people of the train split, in each arm
    testers: int  # people of the test split, in both
    samples: int  # in each arm
    style: Style
    planted: float = 1.0


WORLDS = (
    World("50 people", 20, 10, 300, Style(0.6, 0.6, 0.4)),
    World("125 people", 50, 25, 750, Style(0.6, 0.6, 0.4)),
    World("few to train on, very unlike", 8, 40, 200, Style(1.5, 0.3, 0.4)),
)


@dataclass(frozen=True)
class Drawings:
    """Drawings as points, (n, DIMENSIONS), with their digits and who drew each."""

    points: Floats
    digits: Ints
    people: Ints

    def take(self, places: Ints) -> "Drawings":
        return Drawings(self.points[places], self.digits[places], self.people[places])


def drawn(rng: Random, count: int, style: Style) -> Drawings:
    """Let `count` people draw, some much and most little: 20 drawings in the mean."""
    each = np.maximum(1, rng.lognormal(np.log(20) - 0.32, 0.8, count).round().astype(int))
    people = np.repeat(np.arange(count), each)
    digits = rng.integers(0, DIGITS, len(people))
    points = MEANS[digits] + rng.normal(0, style.of_person, (count, DIMENSIONS))[people]
    points += rng.normal(0, style.of_digit, (count, DIGITS, DIMENSIONS))[people, digits]
    points += rng.normal(0, style.of_drawing, (len(people), DIMENSIONS))
    return Drawings(points, digits, people)


def misread(learned: Drawings, test: Drawings, rng: Random) -> NDArray[np.bool_]:
    """Train a net of a new seed, and say which test drawings it misreads."""
    weights = START + JITTER * rng.normal(0, 1, START.shape)
    seen = np.maximum(learned.points @ weights + OFFSETS, 0)
    wanted = seen.T @ np.eye(DIGITS)[learned.digits]
    layer = np.linalg.solve(seen.T @ seen + RIDGE * np.eye(FEATURES), wanted)
    answers = np.maximum(test.points @ weights + OFFSETS, 0) @ layer
    wrong: NDArray[np.bool_] = answers.argmax(axis=1) != test.digits
    return wrong


def arm(world: World, style: Style, test: Drawings, trainings: int, rng: Random) -> Trained:
    """Let people draw for an arm, and train on the first `samples` of what they drew."""
    everything = drawn(rng, world.trainers, style)
    first = rng.permutation(len(everything.people))[: world.samples]
    there = everything.take(first)
    whole = [misread(there, test, rng) for _ in range(SEEDS)]
    again = [
        misread(there.take(people_again(there.people, len(first), rng)), test, rng)
        for _ in range(trainings)
    ]
    return Trained(np.array(whole), np.array(again))


def study(world: World, rng: Random, trainings: int = TRAININGS) -> tuple[Trained, Trained, Ints]:
    """Hold a study: give both arms' models, and who drew each test drawing."""
    test = drawn(rng, world.testers, world.style)
    arms = [
        arm(world, style, test, trainings, rng)
        for style in (world.style, world.style.times(world.planted))
    ]
    return arms[0], arms[1], test.people


def truth(world: World, seed: int, studies: int = TRUTH_FROM) -> float:
    """The difference of the arms' errors, in the mean of many studies; none where they draw
    alike."""
    if world.planted == 1:
        return 0.0
    found = []
    for number in range(studies):
        one, other, _ = study(world, np.random.default_rng([seed, 1, number]), 0)
        found.append(one.whole.mean() - other.whole.mean())
    return float(np.mean(found))


Compare = Callable[[Trained, Trained, Ints, int], Interval]


def _alone(one: Trained) -> Trained:
    """An arm as whoever looks at one model sees it."""
    return Trained(one.whole[:1], np.repeat(one.whole[:1], SEEDS, axis=0))


KINDS: dict[str, Compare] = {
    "each drawing by itself": lambda one, other, people, seed: difference(
        _alone(one), _alone(other), np.arange(len(people)).tolist(), seed
    ),
    "test people": lambda one, other, people, seed: difference(
        _alone(one), _alone(other), people.tolist(), seed
    ),
    "test people, seeds": lambda one, other, people, seed: difference(
        replace(one, again=one.whole), replace(other, again=other.whole), people.tolist(), seed
    ),
    "test people, seeds, train people": lambda one, other, people, seed: difference(
        one, other, people.tolist(), seed
    ),
}


@dataclass(frozen=True)
class Coverage:
    """In how many of `studies` an interval covered the truth, and how far it reached to each side
    in the mean."""

    covered: int
    studies: int
    half: float


def coverage(world: World, studies: int, seed: int, true: float) -> dict[str, Coverage]:
    """Hold the studies, and see which kind of interval covers `true` how often."""
    covered, halves = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0.0)
    for number in range(studies):
        found = study(world, np.random.default_rng([seed, 0, number]))
        for kind, compare in KINDS.items():
            interval = compare(*found, number)
            assert interval.low is not None
            assert interval.high is not None
            covered[kind] += interval.low <= true <= interval.high
            halves[kind] += (interval.high - interval.low) / 2
    return {kind: Coverage(covered[kind], studies, halves[kind] / studies) for kind in KINDS}


def table(studies: int, seed: int) -> Iterator[str]:
    """Yield the table's lines, as Markdown."""
    yield "| people | true difference | interval over | covers | ± |"
    yield "| --- | ---: | --- | ---: | ---: |"
    for planted in (1.0, 0.5):
        for plain in WORLDS:
            world = replace(plain, planted=planted)
            true = truth(world, seed)
            for kind, found in coverage(world, studies, seed, true).items():
                yield (
                    f"| {world.name} | {100 * true:.1f} | {kind} | "
                    f"{found.covered / studies:.1%} | {100 * found.half:.1f} |"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for line in table(options.studies, options.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
