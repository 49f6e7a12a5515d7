"""From a net's answers to its report: accuracy with its interval for each set, per digit, and the
confusion; and the paired test of two nets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainer.learning.basedata import BaseData
from trainer.learning.report import (
    GATE_BASE,
    MNIST_TEST,
    Count,
    PairedTest,
    Report,
    SetFigures,
)

if TYPE_CHECKING:
    from torch import nn

Answers = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class EvalSet:
    """Images to measure on, uint8 (n, 28, 28), and int64 labels (n,); ``stand_in`` when in the
    place of real ones."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    stand_in: bool = False


def base_sets(base: BaseData) -> dict[str, EvalSet]:
    """Give the sets of the base data by name: ``GATE_BASE``, which the gate judges by, and
    ``MNIST_TEST``, which is only reported; empty without MNIST."""
    if base.test_images is None or base.test_labels is None:
        test = EvalSet(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64), stand_in=True)
    else:
        test = EvalSet(base.test_images, base.test_labels)
    return {
        GATE_BASE: EvalSet(base.gate_images, base.gate_labels, base.stand_in),
        MNIST_TEST: test,
    }


def evaluate(net: nn.Module, sets: dict[str, EvalSet]) -> Report:
    """Measure the net on the sets; returns a report that holds nothing else."""
    return report_of(answers(net, sets), sets)


def answers(net: nn.Module, sets: dict[str, EvalSet]) -> Answers:
    """Ask the net about each set; returns its answers, int64 (n,), by the set's name."""
    from trainer.learning import nets

    return {
        name: nets.probabilities(net, images.pixels).argmax(axis=1) for name, images in sets.items()
    }


def report_of(answers: Answers, sets: dict[str, EvalSet]) -> Report:
    """Make the report, as ``evaluate`` does, of answers that are there already."""
    return Report({name: measure(answers[name], images) for name, images in sets.items()})


def measure(answers: NDArray[np.int64], images: EvalSet) -> SetFigures:
    """Count one set's answers, int64 (n,), by label and digit answered."""
    confusion = np.bincount(images.labels * 10 + answers, minlength=100).reshape(10, 10)
    n, correct = len(images.labels), int(confusion.trace())
    low, high = wilson(correct, n) if n else (None, None)
    return SetFigures(
        n=n,
        correct=correct,
        accuracy=correct / n if n else None,
        low=low,
        high=high,
        stand_in=images.stand_in,
        per_digit=tuple(
            Count(int(row.sum()), int(row[digit])) for digit, row in enumerate(confusion)
        ),
        confusion=tuple(map(tuple, confusion.tolist())),
    )


def paired(answers: NDArray[np.int64], others: NDArray[np.int64], images: EvalSet) -> PairedTest:
    """Compare two nets' answers, int64 (n,), to the same images.

    ``p`` is the exact two-sided probability of a split between gained and lost as uneven if both
    were equally good (Q. McNemar, “Note on the sampling error of the difference between correlated
    proportions or percentages”, Psychometrika 12, 1947); 1 where they never differ.
    """
    from scipy.stats import binomtest

    correct, other_correct = answers == images.labels, others == images.labels
    gained, lost = int((correct & ~other_correct).sum()), int((~correct & other_correct).sum())
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return PairedTest(len(images.labels), gained, lost, p)


@lru_cache(maxsize=1 << 14)
def wilson(correct: int, n: int) -> tuple[float, float]:
    """Give the 95 % score interval of the share ``correct`` of n ≥ 1, within 0 to 1.

    E. B. Wilson, “Probable inference, the law of succession, and statistical inference”, Journal of
    the American Statistical Association 22, 1927. Unlike the normal interval it is right near 0 and
    1, where a good net is. scipy is loaded at the first call and takes 0.2 to 0.4 ms for each
    interval; a page has hundreds, and hardly any change, so they are kept.
    """
    from scipy.stats import binomtest

    interval = binomtest(correct, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)
