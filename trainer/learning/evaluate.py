"""Predictions to a report: accuracy with its interval per set, per digit, and the confusion, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from trainer.learning import nets
from trainer.learning.basedata import BaseData

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class EvalSet:
    """Images to measure on, uint8 (n, 28, 28), and int64 labels (n,); ``stand_in`` when in the place of real ones."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    stand_in: bool = False


def base_sets(base: BaseData) -> dict[str, EvalSet]:
    """``gate_base``, which the gate judges by, and ``mnist_test``, which is only reported; empty without MNIST."""
    if base.test_images is None or base.test_labels is None:
        test = EvalSet(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64), stand_in=True)
    else:
        test = EvalSet(base.test_images, base.test_labels)
    return {"gate_base": EvalSet(base.gate_images, base.gate_labels, base.stand_in), "mnist_test": test}


def evaluate(net: nn.Module, sets: dict[str, EvalSet]) -> dict[str, Any]:
    """The net's report on the sets, ready for JSON.

    ``{"sets": {name: {"n", "correct", "accuracy", "low", "high", "stand_in", "per_digit", "confusion"}}}``: accuracy
    and its 95 % interval as shares (null for an empty set), ten ``{"n", "correct"}`` by label, and counts by label
    (row) and answer (column).
    """
    return {"sets": {name: measure(net, chosen) for name, chosen in sets.items()}}


def measure(net: nn.Module, chosen: EvalSet) -> dict[str, Any]:
    """One set's part of the report."""
    answers = nets.probabilities(net, chosen.pixels).argmax(axis=1)
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
        "per_digit": [{"n": int(row.sum()), "correct": int(row[digit])} for digit, row in enumerate(confusion)],
        "confusion": confusion.tolist(),
    }


def wilson(correct: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share, n ≥ 1, within 0 to 1.

    E. B. Wilson, «Probable inference, the law of succession, and statistical inference», Journal of the American
    Statistical Association 22, 1927. Unlike the normal interval it is right near 0 and 1, where a good net is.
    """
    share, z2 = correct / n, Z_95 * Z_95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (max(0.0, middle - half) if correct else 0.0, min(1.0, middle + half) if correct < n else 1.0)
