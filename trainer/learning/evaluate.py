"""Predictions to a report: accuracy with its interval per set, per digit, and the confusion, ready
for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainer.learning.basedata import BaseData

if TYPE_CHECKING:
    from torch import nn

Z_95 = 1.959963984540054
Answers = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class EvalSet:
    """Images to measure on, uint8 (n, 28, 28), and int64 labels (n,); ``stand_in`` when in the
    place of real ones."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    stand_in: bool = False


def base_sets(base: BaseData) -> dict[str, EvalSet]:
    """``gate_base``, which the gate judges by, and ``mnist_test``, which is only reported; empty
    without MNIST."""
    if base.test_images is None or base.test_labels is None:
        test = EvalSet(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64), stand_in=True)
    else:
        test = EvalSet(base.test_images, base.test_labels)
    return {
        "gate_base": EvalSet(base.gate_images, base.gate_labels, base.stand_in),
        "mnist_test": test,
    }


def evaluate(net: nn.Module, sets: dict[str, EvalSet]) -> dict[str, Any]:
    """The net's report on the sets, ready for JSON.

    ``{"sets": {name: {"n", "correct", "accuracy", "low", "high", "stand_in", "per_digit",
    "confusion"}}}``: accuracy and its 95 % interval as shares (null for an empty set), ten ``{"n",
    "correct"}`` by label, and counts by label (row) and answer (column).
    """
    return report(answers(net, sets), sets)


def answers(net: nn.Module, sets: dict[str, EvalSet]) -> Answers:
    """What the net reads in each set, int64 (n,), by the set's name."""
    from trainer.learning import nets

    return {
        name: nets.probabilities(net, chosen.pixels).argmax(axis=1) for name, chosen in sets.items()
    }


def report(given: Answers, sets: dict[str, EvalSet]) -> dict[str, Any]:
    """The report, as ``evaluate`` makes it, of answers that are there already."""
    return {"sets": {name: measure(given[name], chosen) for name, chosen in sets.items()}}


def measure(answers: NDArray[np.int64], chosen: EvalSet) -> dict[str, Any]:
    """One set's part of the report."""
    confusion = np.bincount(chosen.labels * 10 + answers, minlength=100).reshape(10, 10)
    n, correct = len(chosen.labels), int(confusion.trace())
    low, high = wilson(correct, n) if n else (None, None)
    return {
        "n": n,
        "correct": correct,
        "accuracy": correct / n if n else None,
        "low": low,
        "high": high,
        "stand_in": chosen.stand_in,
        "per_digit": [
            {"n": int(row.sum()), "correct": int(row[digit])} for digit, row in enumerate(confusion)
        ],
        "confusion": confusion.tolist(),
    }


def paired(mine: NDArray[np.int64], others: NDArray[np.int64], chosen: EvalSet) -> dict[str, Any]:
    """Two nets' answers to the same images compared: ``{"n", "gained", "lost", "p"}``.

    ``gained`` are the images that mine reads right and the other wrong, ``lost`` the reverse. ``p``
    is the exact two-sided probability of a split as uneven if both were equally good (Q. McNemar,
    «Note on the sampling error of the difference between correlated proportions or percentages»,
    Psychometrika 12, 1947); 1 where they never differ.
    """
    right, other_right = mine == chosen.labels, others == chosen.labels
    gained, lost = int((right & ~other_right).sum()), int((~right & other_right).sum())
    differing, fewer = gained + lost, min(gained, lost)
    tail = sum(comb(differing, k) for k in range(fewer + 1))
    return {
        "n": len(chosen.labels),
        "gained": gained,
        "lost": lost,
        "p": min(1.0, 2 * tail / 2**differing),
    }


def wilson(correct: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share, n ≥ 1, within 0 to 1.

    E. B. Wilson, «Probable inference, the law of succession, and statistical inference», Journal of
    the American Statistical Association 22, 1927. Unlike the normal interval it is right near 0 and
    1, where a good net is.
    """
    share, z2 = correct / n, Z_95 * Z_95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (
        max(0.0, middle - half) if correct else 0.0,
        min(1.0, middle + half) if correct < n else 1.0,
    )
