"""How sure a difference between arms is: intervals that cover what is true, where the plain ones do
not."""

from dataclasses import replace

import numpy as np
import pytest

from scripts import coverage_of_intervals as simulated
from trainer.learning.comparison import Interval, Trained, difference, error, people_again

ALONE, WHOLE = "each drawing by itself", "test people, seeds, train people"
SMALL = simulated.World("small", 10, 10, 100, simulated.Style(1.0, 0.5, 0.4))


@pytest.mark.parametrize("planted", [1.0, 0.4])
def test_intervals_cover_the_truth_where_those_over_single_drawings_do_not(planted: float) -> None:
    """A/A and A/B in short; docs/study.md has the long run."""
    world = replace(SMALL, planted=planted)
    true = simulated.truth(world, 3, studies=300)
    assert (true == 0) == (planted == 1)
    found = simulated.coverage(world, 60, 3, true)
    assert found[WHOLE].covered >= 0.9 * 60
    assert found[ALONE].covered < 0.85 * 60


def arm(share: float, seed: int, trainings: int = 10) -> Trained:
    """Models that misread each of 200 drawings with this probability, each for itself."""
    rng = np.random.default_rng(seed)
    return Trained(rng.random((3, 200)) < share, rng.random((trainings, 200)) < share)


PEOPLE = [f"person {number % 20}" for number in range(200)]


def test_a_difference_is_that_of_the_two_shares_and_the_same_each_time() -> None:
    one, other = arm(0.1, 1), arm(0.4, 2)
    found = difference(one, other, PEOPLE, 7)
    assert found.value == pytest.approx(one.whole.mean() - other.whole.mean())
    assert found.is_sure
    assert found == difference(one, other, PEOPLE, 7)
    turned = difference(other, one, PEOPLE, 7)
    assert (turned.value, turned.low) == pytest.approx((-found.value, -(found.high or 0)))
    assert error(one, PEOPLE, 7).value == pytest.approx(one.whole.mean())


@pytest.mark.parametrize(("people", "trainings"), [(["a"] * 100 + ["b"] * 100, 10), (PEOPLE, 2)])
def test_of_too_few_people_or_trainings_no_interval_is_given(
    people: list[str], trainings: int
) -> None:
    found = difference(arm(0.1, 1, trainings), arm(0.4, 2, trainings), people, 7)
    assert found.value < 0
    assert (found.low, found.high, found.seen, found.times_to_see(0.1)) == (None,) * 4
    assert not found.is_sure


def test_how_many_more_it_takes_goes_by_the_square_but_for_what_more_people_do_not_help() -> None:
    found = Interval(0.0, -0.1, 0.1, 0.05, 0.0)
    assert found.seen == pytest.approx(0.05 * 2.8016, abs=1e-4)
    half = found.times_to_see((found.seen or 0) / 2)
    assert half == pytest.approx(4)
    assert found.times_to_see(0.9) == 1
    noisy = replace(found, of_seeds=0.04)
    assert noisy.times_to_see(0.1) is None
    assert (noisy.times_to_see(0.12) or 0) > (found.times_to_see(0.12) or 0)


def test_people_are_drawn_again_whole_and_exactly_so_many_samples_of_them() -> None:
    people = np.repeat([3, 5, 9], [4, 6, 5])
    rng = np.random.default_rng(1)
    for _ in range(20):
        places = people_again(people, 15, rng)
        assert len(places) == 15
        kept, counts = np.unique(places[:4], return_counts=True)
        assert len(set(people[kept])) <= 2
        assert counts.max() <= 2
