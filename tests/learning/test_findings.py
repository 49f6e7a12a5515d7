"""What a study's runs come to."""

from __future__ import annotations

from math import sqrt
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.simulation.experiment import EQUAL_DRAWINGS, Outcome, Row, Runs
from trainer.simulation.findings import beside, curves, fewer_errors, mean_of, mnist_loss, table


def row(
    number: int, wrong: int, drawings: int = 0, tries: float | None = None, mnist: int = 10
) -> Row:
    errors = {"held_out": (wrong, 100), "hard": (2 * wrong, 100), "mnist_test": (mnist, 1000)}
    return {
        "round": number,
        "samples": 50 * number,
        "drawings": drawings,
        "tries_per_fool": tries,
        "held": False,
        "errors": {name: {"n": n, "wrong": count} for name, (count, n) in errors.items()},
    }


RUNS: Runs = {
    "1": {
        "dynamic": [row(0, 20), row(1, 6, 200, 4.0, mnist=12)],
        "none": [row(0, 20), row(1, 12, 50)],
        EQUAL_DRAWINGS: [row(1, 5, 200)],
    },
    "2": {
        "dynamic": [row(0, 30), row(1, 8, 300, 6.0, mnist=15)],
        "none": [row(0, 30), row(1, 10, 50)],
        EQUAL_DRAWINGS: [row(1, 8, 300)],
    },
}


def outcome(runs: Runs, stand_in: bool = False) -> Outcome:
    return {
        "plan": {
            "architecture": "mnist_model",
            "rounds": 1,
            "round_size": 50,
            "drawers": 40,
            "held_out": 10,
            "compared_at": [1],
        },
        "base": {"sha256": "", "stand_in": stand_in},
        "recipes": {},
        "environment": {},
        "runs": runs,
    }


def test_a_mean_has_students_interval() -> None:
    mean = mean_of([1.0, 2.0, 3.0])
    half = 4.303 * 1.0 / sqrt(3)
    assert (mean.mean, mean.n) == (2.0, 3)
    assert mean.low == pytest.approx(2 - half, rel=1e-3)
    assert mean.high == pytest.approx(2 + half, rel=1e-4)


def test_one_seed_has_no_interval() -> None:
    assert mean_of([0.052]).as_percent() == "5.2 %"
    assert mean_of([0.25]).low is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_an_interval_holds_its_mean_and_is_a_point_where_seeds_agree(values: list[float]) -> None:
    mean = mean_of(values)
    assert mean.low is not None
    assert mean.high is not None
    assert mean.low <= mean.mean <= mean.high
    assert mean_of(values[:1] * 5).high == pytest.approx(values[0])


def test_an_interval_is_told_in_percent() -> None:
    assert mean_of([0.05, 0.05]).as_percent() == "5.0 % (5.0 to 5.0)"
    assert mean_of([-0.25, -0.25]).as_percent(0) == "−25 % (−25 to −25)"


@pytest.mark.parametrize(("n", "factor"), [(2, 12.706), (10, 2.262), (30, 2.045), (10_000, 1.960)])
def test_students_factors_are_those_of_the_tables(n: int, factor: float) -> None:
    """“Student”, “The probable error of a mean”, Biometrika 6, 1908: for n − 1 degrees of
    freedom."""
    values = [0.0, 1.0] * (n // 2)
    mean = mean_of(values)
    assert mean.high is not None
    assert (mean.high - mean.mean) / (stdev(values) / sqrt(n)) == pytest.approx(factor, abs=5e-4)


def test_curves_are_means_over_the_seeds() -> None:
    first, second = curves(RUNS, "dynamic")
    assert (first.samples.mean, first.tries_per_fool) == (0, None)
    assert second.errors["held_out"].mean == pytest.approx(0.07)
    assert second.errors["hard"].mean == pytest.approx(0.14)
    assert second.tries_per_fool is not None
    assert (second.drawings.mean, second.tries_per_fool.mean, second.held) == (250, 5, 0)


def test_fewer_errors_are_paired_by_seed() -> None:
    mean = fewer_errors(RUNS, 1, "held_out", "none")
    assert mean is not None
    assert mean.mean == pytest.approx((0.5 + 0.2) / 2)
    assert fewer_errors(RUNS, 1, "held_out", EQUAL_DRAWINGS).mean == pytest.approx((-0.2 + 0) / 2)  # type: ignore[union-attr]
    assert fewer_errors(RUNS, 1, "held_out", "static") is None
    assert fewer_errors(RUNS, 7, "held_out", "none") is None


def test_seeds_that_lack_an_arm_are_left_out() -> None:
    runs = {**RUNS, "3": {"dynamic": [row(0, 20), row(1, 0, 9, 1.0)]}}
    assert fewer_errors(runs, 1, "held_out", "none").n == 2  # type: ignore[union-attr]
    assert curves(runs, "dynamic")[1].drawings.n == 3


def test_mnist_loss_is_the_worst_models_and_the_worst_rounds() -> None:
    one_model, rounds_mean = mnist_loss(RUNS, "dynamic")
    assert one_model == pytest.approx(0.005)
    assert rounds_mean == pytest.approx(0.0035)
    assert mnist_loss(RUNS, "none") == (0, 0)


def test_the_table_tells_arms_comparisons_and_mnist() -> None:
    text = "\n".join(table(outcome(RUNS)))
    assert "| 50 | 250 | 5.0 | 7.0 % (" in text
    assert "| 50 | 50 | – | 11.0 % (" in text
    assert "- After round 1, held-out writers: 35 % (" in text
    assert "fewer errors in dynamic than in none" in text
    assert "in none, at equally many samples" in text
    assert "in none, at equally many drawings" in text
    assert (
        "MNIST, dynamic: at most 0.35 points under round 1's model in a round's mean, 0.50 in "
        "any one model." in text
    )
    assert "stand-in" not in text
    assert "held" not in text.replace("held-out", "")


def test_the_table_says_stand_in_and_what_the_gate_held() -> None:
    rows = [row(0, 20), row(1, 6, 200, 4.0)]
    rows[1]["held"] = True
    for measured in rows:
        measured["errors"]["mnist_test"] = {"n": 0, "wrong": 0}
    text = "\n".join(table(outcome({"1": {"dynamic": rows}}, stand_in=True)))
    assert "stand-in" in text
    assert "MNIST |" not in text
    assert "The gate held 1 of its candidates." in text


def test_a_run_made_in_another_way_stands_beside_what_one_seed_more_would_give() -> None:
    def lines(wrong: int) -> list[str]:
        arms = {"dynamic": [row(0, 25), row(1, wrong)], "none": [row(0, 25), row(1, 11)]}
        return list(beside(outcome({"1": arms}), outcome(RUNS)))

    head, _, dynamic, none, *_ = lines(7)
    assert head == "| | here | offline | one seed more | |"
    # Two seeds, 6 and 8 %: 12.706 standard errors of 1, and √3 times as many for a third one.
    assert dynamic == (
        "| dynamic errs after round 1, held-out writers | 7.0 % | 7.0 % (−5.7 to 19.7) "
        "| −15.0 to 29.0 % | likely |"
    )
    assert none.startswith("| none errs after round 1, held-out writers | 11.0 % |")
    assert any("fewer errors than in none after round 1, hard set" in line for line in lines(7))
    assert not any("static" in line for line in lines(7))
    assert "**unlikely**" in lines(60)[2]
