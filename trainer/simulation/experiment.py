"""The simulated study: does a model learn more from drawings that fooled it than from as many that
nobody chose?

A crowd of penmen draws for one of three **arms**, which differ in whom they draw against alone.
*dynamic*: the newest model; *static*: round 1's for ever; *none*: nobody, so that every drawing is
a sample. In each round the next ``round_size`` samples are collected and a model is trained on all
of the arm's samples so far, as on the site: from round 1's weights, with the same recipe and the
same gate. Every model is measured on writers that drew no sample.

Two axes are fair to compare the arms by, and both are told: equally many samples, which is what
people must check and a model must train on, and equally many drawings made, which is what people
must draw. For the second one *none* also trains on as many samples as *dynamic* had drawings made.

After Wallace et al., “Analyzing Dynamic Adversarial Training Data in the Limit”, Findings of ACL
2022. It is a simulation: penmen are not people, and their labels are always right.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.learning import basedata, drawing, evaluate, fit, gate, nets, raster, shipped, weights
from trainer.learning.basedata import BaseData
from trainer.learning.evaluate import EvalSet
from trainer.learning.report import GATE_BASE, MNIST_TEST
from trainer.simulation import penman, tactics

ARMS = ("dynamic", "static", "none")
EQUAL_DRAWINGS = "none_at_equal_drawings"
_CROWD, _HELD_OUT, _SEED_APART = 1 << 33, 1 << 34, 1000
Tell = Callable[[str], None]


class Errors(TypedDict):
    """How many images of a set there are, and how many of them a model misreads."""

    n: int
    wrong: int


class Row(TypedDict):
    """The model that a round's samples gave (0: round 1's, without any).

    ``samples`` and ``drawings``: how many there are so far, and how many were made for them.
    ``tries_per_fool``: this round's drawings by sample, None where nobody is to be fooled.
    ``held``: whether the gate held the model. ``errors`` by the set's name.
    """

    round: int
    samples: int
    drawings: int
    tries_per_fool: float | None
    held: bool
    errors: dict[str, Errors]


Arms = dict[str, list[Row]]
Runs = dict[str, Arms]


class PlanJSON(TypedDict):
    """A ``Plan``, as it is stored."""

    architecture: str
    rounds: int
    round_size: int
    drawers: int
    held_out: int
    compared_at: list[int]


class Base(TypedDict):
    """Which base data were trained on."""

    sha256: str
    stand_in: bool


class Outcome(TypedDict):
    """All runs of a study, by seed and arm, and what they were made with."""

    plan: PlanJSON
    base: Base
    recipes: dict[str, dict[str, float | int]]
    environment: dict[str, object]
    runs: Runs


class OtherStudy(ValueError):
    """The file to go on from holds runs of another plan, or made in another way."""


@dataclass(frozen=True)
class Plan:
    """What is simulated: ``rounds`` of ``round_size`` samples, drawn by ``drawers`` and measured on
    ``held_out`` writers. ``compared_at``: after how many rounds *none* is also trained on as many
    drawings as *dynamic* made."""

    architecture: str = "mnist_model"
    rounds: int = 20
    round_size: int = 50
    drawers: int = 40
    held_out: int = 200
    compared_at: tuple[int, ...] = (4, 20)


@dataclass
class Collection:
    """Samples so far, pictures uint8 (28, 28) with their labels, and how many drawings were made
    for them."""

    pixels: list[NDArray[np.uint8]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    drawings: int = 0


def run(
    plan: Plan,
    seeds: Sequence[int],
    arms: Sequence[str],
    out: Path,
    jobs: int,
    mnist_dir: Path | None,
    cache: Path,
) -> Outcome:
    """Simulate every seed, ``jobs`` at a time, each in a process and on a thread of its own; a line
    for each round goes to standard error.

    Returns all runs, and keeps them in the file ``out``. What the file holds of a seed is not run
    again. Raises ``OtherStudy`` when it was made otherwise, ``NotShipped``, ``BadBaseData``, and
    before any run ``OSError`` where the file cannot be written.
    """
    shipped.round_one(plan.architecture)  # or it is refused before any process starts
    base = basedata.find(mnist_dir, cache)
    outcome = begin(plan, base)
    if out.exists():
        try:
            stored = json.loads(out.read_text(encoding="utf-8"))
        except ValueError as error:
            raise OtherStudy(
                f"{out} is there, and no study: {error}; name another file."
            ) from error
        if not isinstance(stored, dict) or {**stored, "runs": {}} != outcome:
            raise OtherStudy(f"{out} holds runs that were made otherwise; name another file.")
        outcome = cast(Outcome, stored)
    _keep(outcome, out)
    runs = outcome["runs"]
    lacking = {seed: [arm for arm in arms if arm not in runs.get(str(seed), {})] for seed in seeds}
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        pending = {
            pool.submit(_one_seed, plan, seed, todo, mnist_dir, cache): seed
            for seed, todo in lacking.items()
            if todo
        }
        for done in as_completed(pending):
            runs.setdefault(str(pending[done]), {}).update(done.result())
            _keep(outcome, out)
    return outcome


def _keep(outcome: Outcome, out: Path) -> None:
    arriving = out.with_suffix(".part")
    arriving.write_text(json.dumps(outcome) + "\n", encoding="utf-8")
    os.replace(arriving, out)


def begin(plan: Plan, base: BaseData) -> Outcome:
    """Make the outcome of a plan before its first run, as it comes out of a file."""
    sizes = sorted({plan.round_size, *(plan.round_size * number for number in plan.compared_at)})
    begun = {
        "plan": asdict(plan),
        "base": {"sha256": base.sha256, "stand_in": base.stand_in},
        "recipes": {
            str(size): fit.default_recipe(plan.architecture, size).as_json() for size in sizes
        },
        "environment": fit.environment(),
        "runs": {},
    }
    return cast(Outcome, json.loads(json.dumps(begun)))


def _one_seed(
    plan: Plan, seed: int, arms: Sequence[str], mnist_dir: Path | None, cache: Path
) -> Arms:
    torch.set_num_threads(1)
    base = basedata.find(mnist_dir, cache)
    return simulate(plan, seed, base, arms, lambda line: print(line, file=sys.stderr, flush=True))


def simulate(plan: Plan, seed: int, base: BaseData, arms: Sequence[str], tell: Tell) -> Arms:
    """Run the study once; returns by arm a row for every round, from round 1's model on (no
    samples).

    Crowd, their chances and the writers measured on are the seed's own. ``tell`` gets a line for
    each row.
    """
    sets = measured_on(plan, seed, base)
    by_arm: Arms = {}
    for arm in arms:
        by_arm[arm] = []
        for row in _rounds(plan, seed, base, arm, sets):
            by_arm[arm].append(row)
            tell(f"seed {seed}, {arm}: {_in_words(row)}")
    if {"dynamic", "none"} <= set(arms):
        by_arm[EQUAL_DRAWINGS] = []
        for number in plan.compared_at:
            collected = Collection()
            collect(crowd(plan, seed), None, by_arm["dynamic"][number]["drawings"], collected)
            trained = _trained(plan, seed, base, collected)
            row = _row(number, collected, None, False, trained, sets)
            by_arm[EQUAL_DRAWINGS].append(row)
            tell(f"seed {seed}, none with as many drawings: {_in_words(row)}")
    return by_arm


def crowd(plan: Plan, seed: int) -> list[tactics.Fooler]:
    """Make the seed's drawers, who write for no other seed and are never measured on."""
    generators = np.random.default_rng([1, seed]).spawn(plan.drawers)
    first = _CROWD + seed * _SEED_APART
    return [
        tactics.Fooler(penman.writer(first + place), rng) for place, rng in enumerate(generators)
    ]


def held_out_sets(plan: Plan, seed: int) -> dict[str, EvalSet]:
    """Draw ten digits by each of the seed's held-out writers: ``held_out``, as the crowd draws
    without a model, and ``hard``, as boldly as is legible. No model has a part in the choice of
    either."""
    rng = np.random.default_rng([2, seed])
    first = _HELD_OUT + seed * _SEED_APART
    hands = [penman.writer(first + place) for place in range(plan.held_out)]
    usual = [tactics.first_try(hand, digit, rng) for hand in hands for digit in range(10)]
    hard = [penman.write(hand, digit, rng, 1.0) for hand in hands for digit in range(10)]
    return {"held_out": _as_set(usual), "hard": _as_set(hard)}


def measured_on(plan: Plan, seed: int, base: BaseData) -> dict[str, EvalSet]:
    """Give all that the seed's models are measured on: its held-out sets, and MNIST's test set."""
    return held_out_sets(plan, seed) | {MNIST_TEST: evaluate.base_sets(base)[MNIST_TEST]}


def collect(
    people: Sequence[tactics.Fooler], target: nn.Module | None, wanted: int, into: Collection
) -> None:
    """Have everybody draw, one drawing each in turn, until ``wanted`` more samples are there:
    drawings that the target model misreads, or without one, all of them."""
    before = len(into.labels)
    while True:
        drawn = [person.draw() for person in people]
        pixels, labels = _pictures(drawn), [written.form.digit for written in drawn]
        # Without a model no answer is a label, so that every drawing is collected.
        answers = (
            nets.probabilities(target, pixels).argmax(axis=1) if target else np.full(len(drawn), -1)
        )
        for person, written, image, label, answer in zip(
            people, drawn, pixels, labels, answers, strict=True
        ):
            person.learn(written, bool(answer != label))
            into.drawings += 1
            if answer != label:
                into.pixels.append(image)
                into.labels.append(label)
            if len(into.labels) - before == wanted:
                return


def _rounds(
    plan: Plan, seed: int, base: BaseData, arm: str, sets: dict[str, EvalSet]
) -> Iterator[Row]:
    start = shipped.round_one(plan.architecture)
    first = weights.load(plan.architecture, start.weights, start.sha256)
    first_report = evaluate.evaluate(first, _gate_set(base))
    target, people, collected = first, crowd(plan, seed), Collection()
    yield _row(0, collected, None, False, first, sets)
    for number in range(1, plan.rounds + 1):
        drawings_before = collected.drawings
        collect(people, None if arm == "none" else target, plan.round_size, collected)
        trained = _trained(plan, seed, base, collected)
        report = evaluate.evaluate(trained, _gate_set(base))
        held = not gate.decide(report, first_report, {}, weights.finite(trained)).promote
        if arm == "dynamic" and not held:
            target = trained
        tries = None if arm == "none" else (collected.drawings - drawings_before) / plan.round_size
        yield _row(number, collected, tries, held, trained, sets)


def _gate_set(base: BaseData) -> dict[str, EvalSet]:
    return {GATE_BASE: evaluate.base_sets(base)[GATE_BASE]}


def _trained(plan: Plan, seed: int, base: BaseData, collected: Collection) -> nn.Module:
    pixels, labels = np.stack(collected.pixels), np.array(collected.labels, dtype=np.int64)
    recipe = fit.default_recipe(plan.architecture, len(labels))
    start = shipped.round_one(plan.architecture).weights
    trained = fit.retrain(
        start, plan.architecture, base, pixels, labels, recipe, seed, lambda share: None
    )
    return weights.load(plan.architecture, trained, None)


def _row(
    number: int,
    collected: Collection,
    tries: float | None,
    held: bool,
    net: nn.Module,
    sets: dict[str, EvalSet],
) -> Row:
    return {
        "round": number,
        "samples": len(collected.labels),
        "drawings": collected.drawings,
        "tries_per_fool": tries,
        "held": held,
        "errors": count_errors(net, sets),
    }


def count_errors(net: nn.Module, sets: dict[str, EvalSet]) -> dict[str, Errors]:
    """Count what a model misreads of each set."""
    answers = evaluate.answers(net, sets)
    return {
        name: {"n": len(images.labels), "wrong": int((answers[name] != images.labels).sum())}
        for name, images in sets.items()
    }


def _in_words(row: Row) -> str:
    wrong = ", ".join(
        f"{name} {errors['wrong'] / errors['n']:.1%}"
        for name, errors in row["errors"].items()
        if errors["n"]
    )
    held = " (held)" if row["held"] else ""
    return f"{row['samples']:,} samples of {row['drawings']:,} drawings; errors: {wrong}{held}"


def _pictures(drawn: Sequence[penman.Written]) -> NDArray[np.uint8]:
    return np.stack(
        [raster.rasterise(drawing.parse(written.strokes, written.width)) for written in drawn]
    )


def _as_set(drawn: Sequence[penman.Written]) -> EvalSet:
    return EvalSet(
        _pictures(drawn), np.array([written.form.digit for written in drawn], dtype=np.int64)
    )
