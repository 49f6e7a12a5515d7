"""The report: counts that add up, Wilson's interval, and sets that are empty or stand in."""

from __future__ import annotations

import json
from math import comb, isclose, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from trainer.learning.basedata import BaseData
from trainer.learning.evaluate import EvalSet, base_sets, evaluate, paired, wilson
from trainer.learning.report import Count, PairedTest, Report, SetFigures

Z_95 = 1.959963984540054


class Echo(nn.Module):
    """Answers with the digit that the picture's first pixel holds."""

    def forward(self, x: Tensor) -> Tensor:
        first = (x[:, 0, 0, 0] * 0.3081 + 0.1307) * 255
        digit = first.round().long()
        return nn.functional.one_hot(digit, 10).float().mul(20).log_softmax(dim=1)


def showing(answers: list[int], labels: list[int], stand_in: bool = False) -> EvalSet:
    pixels = np.zeros((len(answers), 28, 28), np.uint8)
    pixels[:, 0, 0] = answers
    return EvalSet(pixels, np.array(labels, np.int64), stand_in)


def test_report_counts_what_was_answered() -> None:
    report = evaluate(Echo(), {"three": showing([7, 7, 1], [7, 1, 1], stand_in=True)})
    assert report == Report({"three": report.of("three")})
    three = report.of("three")
    assert (three.n, three.correct, three.stand_in) == (3, 2, True)
    assert three.accuracy == pytest.approx(2 / 3)
    assert three.per_digit[1] == Count(n=2, correct=1)
    assert three.per_digit[7] == Count(n=1, correct=1)
    assert three.per_digit[0] == Count(n=0, correct=0)
    assert three.confusion[1][7] == 1
    assert three.confusion[7][1] == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40))
def test_report_adds_up_and_goes_through_json(pairs: list[tuple[int, int]]) -> None:
    answers, labels = ([pair[i] for pair in pairs] for i in (0, 1))
    figures = evaluate(Echo(), {"any": showing(answers, labels)}).of("any")
    stored = json.dumps(figures.as_json(), allow_nan=False)
    assert SetFigures.from_json(json.loads(stored)) == figures
    assert sum(map(sum, figures.confusion)) == figures.n == len(pairs)
    assert (
        figures.correct
        == sum(a == b for a, b in pairs)
        == sum(count.correct for count in figures.per_digit)
    )
    assert [count.n for count in figures.per_digit] == [labels.count(d) for d in range(10)]
    assert figures.low is not None
    assert figures.accuracy is not None
    assert figures.high is not None
    assert figures.low <= figures.accuracy <= figures.high


def test_empty_set_has_no_figures() -> None:
    figures = evaluate(Echo(), {"none": showing([], [])}).of("none")
    assert (figures.n, figures.correct) == (0, 0)
    assert figures.accuracy is figures.low is figures.high is None
    assert len(figures.per_digit) == 10


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_interval_is_the_published_one(
    correct: int, n: int, low: float, high: float
) -> None:
    """The last row is R. G. Newcombe's example, “Two-sided confidence intervals for the single
    proportion”, 1998."""
    assert wilson(correct, n) == pytest.approx((low, high), abs=5e-5)


counts = st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_wilson_bounds_are_the_shares_just_not_rejected(count: tuple[int, int]) -> None:
    """By definition a bound p solves |correct/n - p| = z·√(p(1-p)/n)."""
    correct, n = count
    for bound in wilson(correct, n):
        if 0 < bound < 1:
            assert isclose(
                abs(correct / n - bound),
                Z_95 * sqrt(bound * (1 - bound) / n),
                rel_tol=1e-6,
                abs_tol=1e-12,
            )


@given(counts)
def test_wilson_interval_is_symmetric_and_holds_the_share(count: tuple[int, int]) -> None:
    correct, n = count
    low, high = wilson(correct, n)
    assert 0 <= low <= correct / n <= high <= 1
    assert (1 - high, 1 - low) == pytest.approx(wilson(n - correct, n), abs=1e-12)


@given(counts)
def test_more_of_the_same_narrows_the_interval(count: tuple[int, int]) -> None:
    (low, high), (lower, higher) = wilson(*count), wilson(10 * count[0], 10 * count[1])
    assert higher - lower < high - low


def test_without_mnist_the_base_sets_say_stand_in(small: BaseData) -> None:
    sets = base_sets(small)
    assert set(sets) == {"gate_base", "mnist_test"}
    assert sets["gate_base"].stand_in
    assert np.array_equal(sets["gate_base"].pixels, small.gate_images)
    assert sets["mnist_test"].stand_in
    assert len(sets["mnist_test"].labels) == 0
    figures = evaluate(Echo(), {"mnist_test": sets["mnist_test"]}).of("mnist_test")
    assert (figures.n, figures.accuracy, figures.stand_in) == (0, None, True)


def test_with_mnist_the_base_sets_are_its_own(mnist: BaseData) -> None:
    sets = base_sets(mnist)
    assert not sets["gate_base"].stand_in
    assert not sets["mnist_test"].stand_in
    assert (len(sets["gate_base"].labels), len(sets["mnist_test"].labels)) == (5_000, 10_000)
    assert np.array_equal(sets["mnist_test"].labels, mnist.test_labels)  # type: ignore[arg-type]


def test_pairs_count_what_one_net_reads_correctly_and_the_other_does_not() -> None:
    images = showing([0] * 6, [1, 1, 1, 1, 1, 1])
    answers, others = np.array([1, 1, 1, 2, 2, 1]), np.array([1, 2, 3, 1, 5, 7])
    assert paired(answers, others, images) == PairedTest(n=6, gained=3, lost=1, p=0.625)


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (6, 0, 0.03125), (10, 2, 0.03857), (5, 5, 1.0), (59, 121, 4.5e-06)],
)
def test_the_exact_probability_is_the_binomials(lost: int, gained: int, p: float) -> None:
    images = showing([0] * 200, [1] * 200)
    answers, others = np.ones(200, np.int64), np.ones(200, np.int64)
    answers[:lost] = 0
    others[lost : lost + gained] = 0
    assert paired(answers, others, images).p == pytest.approx(p, rel=0.02)
    assert paired(others, answers, images).p == paired(answers, others, images).p


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_exact_probability_is_twice_the_tail_of_a_fair_coin(lost: int, gained: int) -> None:
    images = showing([0] * 120, [1] * 120)
    answers, others = np.ones(120, np.int64), np.ones(120, np.int64)
    answers[:lost] = 0
    others[lost : lost + gained] = 0
    differing, fewer = lost + gained, min(lost, gained)
    tail = sum(comb(differing, k) for k in range(fewer + 1)) / 2**differing
    assert paired(answers, others, images).p == pytest.approx(min(1.0, 2 * tail), rel=1e-9)
