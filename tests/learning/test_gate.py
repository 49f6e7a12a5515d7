"""The gate: more than one point under round 1 on the base images is held, and exactly one point is
not."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.learning import report as learning_report
from trainer.learning.evaluate import EvalSet, paired
from trainer.learning.gate import Verdict, decide
from trainer.learning.report import (
    GATE_BASE,
    MNIST_TEST,
    Count,
    Kind,
    PairedTest,
    Report,
    SetFigures,
)

FOOLS_1, FOOLS_2 = (learning_report.TestSet(Kind.FOOLS, number) for number in (1, 2))


def report(correct: int, n: int = 5_000, digits: dict[int, int] | None = None) -> Report:
    """A report with ``correct`` of ``n``; of each digit in ``digits`` so many of 500 are read
    correctly, of the others all."""
    per_digit = tuple(Count(500, (digits or {}).get(digit, 500)) for digit in range(10))
    judged = SetFigures(n, correct, per_digit=per_digit)
    return Report({GATE_BASE: judged, MNIST_TEST: SetFigures(10, 0)})


def pairs(lost: int, gained: int, n: int = 200) -> PairedTest:
    """What ``evaluate.paired`` says of so many lost and gained."""
    labels = np.zeros(n, np.int64)
    answers, target = labels.copy(), labels.copy()
    answers[:lost] = 1
    target[lost : lost + gained] = 1
    return paired(answers, target, EvalSet(np.zeros((n, 28, 28), np.uint8), labels))


def test_candidate_as_good_as_round_one_is_promoted_without_reasons() -> None:
    assert decide(report(4_940), report(4_940), {}, finite=True) == Verdict(True, ())


def test_exactly_one_point_under_is_promoted() -> None:
    assert decide(report(4_890), report(4_940), {}, finite=True).promote


def test_one_image_more_than_one_point_under_is_held_with_the_figures() -> None:
    verdict = decide(report(4_889), report(4_940), {}, finite=True)
    assert verdict == Verdict(
        False,
        (
            "The candidate reads 4889 of 5000 base images correctly (97.78%), 1.02 points "
            "under round 1's 4940 (98.80%); at most 1 is allowed.",
        ),
    )


def test_better_candidate_is_promoted() -> None:
    assert decide(report(5_000), report(0), {}, finite=True).promote


def test_candidate_that_is_not_finite_is_held_however_good() -> None:
    verdict = decide(report(5_000), report(4_940), {}, finite=False)
    assert verdict == Verdict(False, ("The candidate's weights or answers are not finite.",))


def test_every_reason_is_given() -> None:
    verdict = decide(report(0), report(4_940), {}, finite=False)
    assert len(verdict.reasons) == 2
    assert "not finite" in verdict.reasons[0]
    assert "98.80 points under" in verdict.reasons[1]


@pytest.mark.parametrize(
    "empty", [Report(), Report({GATE_BASE: SetFigures()}), Report({MNIST_TEST: SetFigures(10, 9)})]
)
def test_without_images_to_judge_by_the_candidate_is_held(empty: Report) -> None:
    said = ("There is no report on gate_base to compare the candidate with round 1 by.",)
    assert decide(empty, report(4_940), {}, finite=True) == Verdict(False, said)
    assert decide(report(4_940), empty, {}, finite=True) == Verdict(False, said)
    assert decide(empty, empty, {}, finite=True) == Verdict(False, said)


def test_reports_on_different_images_are_held() -> None:
    verdict = decide(report(1_000, 1_000), report(4_940), {}, finite=True)
    assert verdict == Verdict(
        False, ("The reports are on different images: 1000 for the candidate, 5000 for round 1.",)
    )


@given(
    st.integers(1, 10_000).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))
    )
)
def test_held_exactly_when_more_than_a_hundredth_of_the_images_fewer_are_right(
    figures: tuple[int, int, int],
) -> None:
    n, correct, first = figures
    lost = first - correct
    allowed = n // 100  # the most whole images that are not more than one point
    assert decide(report(correct, n), report(first, n), {}, finite=True).promote == (
        lost <= allowed
    )


@given(st.integers(1, 500), st.data())
def test_exact_boundary_holds_for_every_number_of_hundreds(
    hundreds: int, data: st.DataObject
) -> None:
    n = 100 * hundreds
    first = data.draw(st.integers(hundreds + 1, n))
    assert decide(report(first - hundreds, n), report(first, n), {}, finite=True).promote
    assert not decide(report(first - hundreds - 1, n), report(first, n), {}, finite=True).promote


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.booleans())
def test_reasons_are_given_exactly_when_held(correct: int, first: int, finite: bool) -> None:
    verdict = decide(report(correct, 1_000), report(first, 1_000), {}, finite)
    assert verdict.promote == (not verdict.reasons)


def test_three_points_under_on_a_digit_is_promoted_and_one_image_more_is_held_with_figures() -> (
    None
):
    assert decide(
        report(4_940, digits={8: 470}), report(4_940, digits={8: 485}), {}, finite=True
    ).promote
    verdict = decide(
        report(4_940, digits={8: 469}), report(4_940, digits={8: 485}), {}, finite=True
    )
    assert verdict.reasons == (
        "The candidate reads 469 of 500 base images of the digit 8 correctly (93.80%), 3.20 "
        "points under round 1's 485 (97.00%); at most 3 is allowed.",
    )


def test_each_digit_that_got_worse_is_named() -> None:
    reasons = decide(report(4_940, digits={0: 0, 9: 0}), report(4_940), {}, finite=True).reasons
    assert ["digit 0" in reasons[0], "digit 9" in reasons[1], len(reasons)] == [True, True, 2]


@pytest.mark.parametrize(
    ("lost", "gained", "n", "held"),
    [
        (6, 0, 200, True),  # p = 2/64
        (5, 0, 200, False),  # p = 2/32
        (0, 6, 200, False),
        (6, 0, 50, True),
        (6, 0, 49, False),
        (15, 4, 200, True),
        (14, 5, 200, False),
        (0, 0, 200, False),
    ],
)
def test_a_candidate_that_forgot_significantly_more_than_it_learned_is_held(
    lost: int, gained: int, n: int, held: bool
) -> None:
    tests = {FOOLS_1: pairs(0, 9), FOOLS_2: pairs(lost, gained, n)}
    verdict = decide(report(4_940), report(4_940), tests, finite=True)
    assert verdict.promote == (not held)
    assert all(f"“fools_2”, the candidate lost {lost}" in reason for reason in verdict.reasons)


def test_reports_of_unequally_many_digits_are_no_reports() -> None:
    nine = Report({GATE_BASE: SetFigures(5_000, 4_940, per_digit=(Count(500, 500),) * 9)})
    with pytest.raises(ValueError, match=r"shorter|longer"):
        decide(nine, report(4_940), {}, finite=True)


def test_a_verdict_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Verdict(True, ()).promote = False  # type: ignore[misc]


def test_what_was_forgotten_is_said_with_its_figures() -> None:
    verdict = decide(report(4_940), report(4_940), {FOOLS_2: pairs(15, 4)}, finite=True)
    assert verdict.reasons == (
        "Of the 200 test samples “fools_2”, the candidate lost 15 that the target model reads "
        "correctly and gained 4 (exact McNemar test, p = 0.019).",
    )


@pytest.mark.parametrize(
    ("n", "lost", "gained", "p", "held"),
    [
        (50, 2, 1, 0.0499, True),
        (49, 2, 1, 0.0499, False),
        (50, 2, 2, 0.0499, False),
        (50, 1, 2, 0.0499, False),
        (50, 2, 1, 0.05, False),
    ],
)
def test_a_set_holds_the_candidate_exactly_at_each_bound(
    n: int, lost: int, gained: int, p: float, held: bool
) -> None:
    tests = {FOOLS_1: PairedTest(n, gained, lost, p)}
    assert decide(report(4_940), report(4_940), tests, finite=True).promote == (not held)
