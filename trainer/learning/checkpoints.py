"""A study's answer: models of its arms made at equal footing, and compared on drawings by others.

Equal are samples (a quarter, half, three quarters and all of what the arm with the fewest has),
drawings made, or minutes of drawing. Each model is made as the site makes its own: always from
round 1's weights. Nothing here is random but by the seed, whatever number of processes makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import cached_property
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.learning import weights
from trainer.learning.basedata import BaseData
from trainer.learning.comparison import (
    Bools,
    Floats,
    Interval,
    Places,
    Trained,
    difference,
    error,
    people_again,
)
from trainer.learning.report import MNIST_TEST

SAMPLES, DRAWINGS, MINUTES = "samples", "drawings", "minutes"
UNCHOSEN, FOOLS = "unchosen", "fools"  # test sets: by no adversary, and by that of an arm
WITHOUT_VERDICT = "none"  # the arm in which nobody is told of any
QUARTERS = 4
FEWEST_SAMPLES = 5  # of a train split, to make a model of
_GROUPS = 200  # of MNIST's images, which stand for people there
Told = Callable[[float], object]


class Killed(RuntimeError):
    """A process that made models was ended from outside, as where memory runs out."""


@dataclass(frozen=True)
class Collected:
    """The samples of a study in the order in which they were drawn: arrays of one length.

    `people` are numbers; `drawing_counts` and `minutes` say of each sample how many drawings its
    arm had made with it, and how long its people had drawn by then.
    """

    arms: NDArray[np.str_]
    people: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    is_test: Bools
    has_fooled: Bools
    is_audited: Bools
    drawing_counts: NDArray[np.int64]
    minutes: Floats

    @cached_property
    def is_unchosen(self) -> Bools:
        """Which were drawn by test people and chosen by no adversary: the audited ones, and all of
        the arm without a verdict."""
        found: Bools = self.is_test & (self.is_audited | (self.arms == WITHOUT_VERDICT))
        return found

    def to_train_on(self, arm: str) -> Places:
        """Return the places of an arm's samples of the train split."""
        return np.flatnonzero((self.arms == arm) & ~self.is_test)


@dataclass(frozen=True)
class Plan:
    """How models are made: how many `seeds` on what is there, how many `trainings` on what people
    drawn again have, and where randomness starts. `most_samples` is where a study stops."""

    architecture: str
    start: bytes
    seeds: int = 3
    trainings: int = 10
    seed: int = 1
    most_samples: int | None = None


@dataclass(frozen=True)
class Processes:
    """How many processes make models side by side, and what each does first."""

    count: int = 1
    begin: Callable[[], object] = lambda: None


ONE = Processes()


@dataclass(frozen=True)
class Estimate:
    """The share of a test set's drawings that an arm's models misread, all trained with equally
    many `equal` (`at`), or, with `than`, that share less the other arm's. `errors` are of all
    seeds together, each asked about all `drawings` by `people`."""

    test: str
    equal: str
    at: float
    arm: str
    than: str
    errors: int
    seeds: int
    drawings: int
    people: int
    value: float
    low: float | None
    high: float | None
    error: float | None
    of_seeds: float | None

    @property
    def interval(self) -> Interval:
        return Interval(self.value, self.low, self.high, self.error, self.of_seeds)

    @property
    def is_primary(self) -> bool:
        """Whether it is of the outcome that a study is held for."""
        return self.test == UNCHOSEN and self.equal == SAMPLES

    def as_json(self) -> dict[str, Any]:
        """Give its fields by name; ``Estimate(**fields)`` makes it again."""
        return asdict(self)


@dataclass(frozen=True)
class Footing:
    """Where arms are compared: equally many of something."""

    equal: str
    at: float
    is_last: bool  # as far as it goes

    def of(self, collected: Collected, arm: str) -> Places:
        """Return the places of what an arm's models learn there."""
        places = collected.to_train_on(arm)
        if self.equal == SAMPLES:
            return places[: int(self.at)]
        has = collected.drawing_counts if self.equal == DRAWINGS else collected.minutes
        return places[has[places] <= self.at]


class _Training(NamedTuple):
    """A model to be made: the places of what it learns, some of them perhaps several times, as
    bytes, and its seed."""

    places: bytes
    seed: int


@dataclass(frozen=True)
class _Making:
    """What models are made of, and what they are asked about."""

    collected: Collected
    plan: Plan
    base: BaseData
    images: NDArray[np.uint8]

    def answers(self, training: _Training) -> NDArray[np.int64]:
        """Train, and ask about all images."""
        from trainer.learning import fit, nets

        plan, places = self.plan, np.frombuffer(training.places, np.intp)
        data = fit.retrain(
            plan.start,
            plan.architecture,
            self.base,
            self.collected.pixels[places],
            self.collected.labels[places],
            fit.default_recipe(plan.architecture, len(places)),
            training.seed,
            lambda share: None,
        )
        net = weights.load(plan.architecture, data, None)
        answers: NDArray[np.int64] = nets.probabilities(net, self.images).argmax(axis=1)
        return answers


def footings(collected: Collected, arms: list[str], most_samples: int | None) -> list[Footing]:
    """Say where arms are compared: as far as all of them go, and have enough samples."""
    places = [collected.to_train_on(arm) for arm in arms]
    most = min(min(map(len, places)), most_samples or len(collected.arms))
    counts = sorted({max(FEWEST_SAMPLES, most * part // QUARTERS) for part in range(1, 5)})
    found = [Footing(SAMPLES, count, count == most) for count in counts]
    for equal, of_samples in (
        (DRAWINGS, collected.drawing_counts),
        (MINUTES, collected.minutes),
    ):
        last = min(float(of_samples[collected.arms == arm].max()) for arm in arms)
        found.append(Footing(equal, last, True))
    return [
        footing
        for footing in found
        if all(len(footing.of(collected, arm)) >= FEWEST_SAMPLES for arm in arms)
    ]


def comparable(collected: Collected, arms: list[str]) -> list[str]:
    """Return the arms that have enough samples to make models of."""
    return [arm for arm in arms if len(collected.to_train_on(arm)) >= FEWEST_SAMPLES]


_making: _Making  # of this process, which makes models for another


def _begin(making: _Making, begin: Callable[[], object]) -> None:
    global _making
    begin()
    import torch

    torch.set_num_threads(1)  # as a training has: whoever shares the cores gets the same bytes
    _making = making


def _answers(training: _Training) -> NDArray[np.int64]:
    return _making.answers(training)


def _made(
    making: _Making, trainings: list[_Training], told: Told, processes: Processes
) -> dict[_Training, NDArray[np.int64]]:
    """Make each model once, in processes that have all that they are made of from this one, and
    give what each answers. Raises Killed."""
    found: dict[_Training, NDArray[np.int64]] = {}
    todo = list(dict.fromkeys(trainings))
    begin = making, processes.begin
    try:
        with ProcessPoolExecutor(processes.count, get_context("fork"), _begin, begin) as pool:
            for training, answers in zip(todo, pool.map(_answers, todo), strict=True):
                found[training] = answers
                told(len(found) / len(todo))
    except BrokenProcessPool as error:
        raise Killed("A process that made models was killed.") from error
    return found


def estimates(
    collected: Collected,
    arms: list[str],
    plan: Plan,
    base: BaseData,
    told: Told,
    processes: Processes = ONE,
) -> list[Estimate]:
    """Make the models and compare them; `told` gets the share made. Empty where no arm has enough
    samples, or nobody of the test split drew anything. Raises Killed."""
    there = comparable(collected, arms)
    if not there or not collected.is_unchosen.any():
        return []
    tests = _tests(collected, base)
    images = np.concatenate([test.pixels for test in tests.values()])
    every = footings(collected, there, plan.most_samples)
    wanted = [{arm: _of_arm(collected, plan, arm, footing) for arm in there} for footing in every]
    trainings = [
        training
        for of_arms in wanted
        for parts in of_arms.values()
        for part in parts
        for training in part
    ]
    making = _Making(collected, plan, base, images)
    made = _made(making, trainings, told, processes)
    none = np.zeros((0, len(images)), np.int64)
    found: list[Estimate] = []
    for footing, of_arms in zip(every, wanted, strict=True):
        answers = {
            arm: [np.stack([made[each] for each in part]) if part else none for part in parts]
            for arm, parts in of_arms.items()
        }
        found += _compared(tests, answers, footing, plan.seed)
    return found


@dataclass(frozen=True)
class _Test:
    """Drawings to ask about, their digits, whose each is, and where they are among all images."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    people: list[int]
    start: int


def _tests(collected: Collected, base: BaseData) -> dict[str, _Test]:
    """Give the test sets by name: what nobody chose, that of the arm without a verdict alone, each
    adversary's fools, and MNIST's where it is."""
    is_none = collected.arms == WITHOUT_VERDICT
    sets = {UNCHOSEN: collected.is_unchosen}
    sets[f"{UNCHOSEN}:{WITHOUT_VERDICT}"] = collected.is_unchosen & is_none
    for arm in sorted(set(collected.arms.tolist()) - {WITHOUT_VERDICT}):
        is_fool = collected.is_test & collected.has_fooled & (collected.arms == arm)
        sets[f"{FOOLS}:{arm}"] = is_fool
    tests, start = {}, 0
    for name, chosen in sets.items():
        if chosen.any():
            people = collected.people[chosen].tolist()
            tests[name] = _Test(collected.pixels[chosen], collected.labels[chosen], people, start)
            start += len(people)
    if base.test_images is not None and base.test_labels is not None:
        groups = [number % _GROUPS for number in range(len(base.test_labels))]
        tests[MNIST_TEST] = _Test(base.test_images, base.test_labels, groups, start)
    return tests


def _of_arm(
    collected: Collected, plan: Plan, arm: str, footing: Footing
) -> tuple[list[_Training], list[_Training]]:
    """Say which models of an arm are made at one footing: of seeds, and of people drawn again."""
    places = footing.of(collected, arm)
    whole = [_Training(places.tobytes(), plan.seed + number) for number in range(plan.seeds)]
    key = [plan.seed, *places.tobytes()[:64], *arm.encode()]
    rng, again = np.random.default_rng(key), []
    for number in range(plan.seeds, plan.seeds + plan.trainings):
        taken = people_again(collected.people[places], len(places), rng)
        again.append(_Training(places[taken].tobytes(), plan.seed + number))
    return whole, again


def _compared(
    tests: dict[str, _Test],
    answers: dict[str, list[NDArray[np.int64]]],
    footing: Footing,
    seed: int,
) -> Iterator[Estimate]:
    """Yield each arm's share, and each pair's difference, on the test sets of this footing."""
    for name, test in tests.items():
        if name != UNCHOSEN and not (footing.equal == SAMPLES and footing.is_last):
            continue
        here = slice(test.start, test.start + len(test.labels))
        arms = {
            arm: Trained(*(part[:, here] != test.labels for part in parts))
            for arm, parts in answers.items()
        }
        for arm, trained in arms.items():
            found = error(trained, test.people, seed)
            yield _estimate(name, footing, arm, "", trained, test, found)
        in_order = list(arms)
        for place, arm in enumerate(in_order):
            for than in in_order[place + 1 :]:
                found = difference(arms[arm], arms[than], test.people, seed)
                yield _estimate(name, footing, arm, than, arms[arm], test, found)


def _estimate(
    name: str,
    footing: Footing,
    arm: str,
    than: str,
    trained: Trained,
    test: _Test,
    found: Interval,
) -> Estimate:
    return Estimate(
        name,
        footing.equal,
        footing.at,
        arm,
        than,
        int(trained.whole.sum()),
        len(trained.whole),
        len(test.labels),
        len(set(test.people)),
        *(found.value, found.low, found.high, found.error, found.of_seeds),
    )
