"""Krippendorff's α: against published examples, and what must hold for any readings."""

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.models import Attempt, Person, Reading, Study
from collector.moderation import agreement, decisions
from tests.support.cast import read, submit

UNITS = st.lists(st.lists(st.sampled_from("0123456789"), max_size=5), max_size=30)


def units(*readers: str) -> list[list[str]]:
    """Drawings from each reader's line of answers, where a dot is none."""
    return [
        [answer for answer in column if answer != "."]
        for column in zip(*map(str.split, readers), strict=True)
    ]


def kinds_of(drawings: list[list[str]]) -> agreement.Kinds:
    return Counter(tuple(sorted(answers)) for answers in drawings if len(answers) > 1)


def alpha(drawings: list[list[str]]) -> float | None:
    return agreement.alpha(kinds_of(drawings))


@pytest.mark.parametrize(
    ("readers", "expected"),
    [
        (("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"), 0.095),
        (("a a b b d c c c e d d a", "b a b b b c c c e d d d"), 0.692),
        (
            (
                "1 2 3 3 2 1 4 1 2 . . .",
                "1 2 3 3 2 2 4 1 2 5 . 3",
                ". 3 3 3 2 3 4 2 2 5 1 .",
                "1 2 3 3 2 4 4 1 2 5 1 .",
            ),
            0.743,
        ),
    ],
)
def test_alpha_is_that_of_krippendorffs_own_examples(
    readers: tuple[str, ...], expected: float
) -> None:
    """“Computing Krippendorff's Alpha-Reliability”, 2011: sections A, B and C, nominal."""
    assert alpha(units(*readers)) == pytest.approx(expected, abs=0.0005)


@given(
    st.lists(st.tuples(st.sampled_from("0123456789"), st.integers(2, 5)), min_size=2, max_size=30)
)
def test_alpha_is_one_where_all_agree(drawings: list[tuple[str, int]]) -> None:
    found = alpha([[answer] * count for answer, count in drawings])
    if len({answer for answer, _ in drawings}) > 1:
        assert found == pytest.approx(1)
    else:
        assert found is None


@given(UNITS, st.randoms())
def test_alpha_is_at_most_one_and_knows_no_order(
    drawings: list[list[str]], rng: random.Random
) -> None:
    found = alpha(drawings)
    shuffled = [rng.sample(unit, len(unit)) for unit in rng.sample(drawings, len(drawings))]
    again = alpha([*shuffled, ["3"], []])
    assert again == (found if found is None else pytest.approx(found))
    assert found is None or -1 <= found <= 1 + 1e-9


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_alpha_is_about_nought_where_everybody_guesses(seed: int, readers: int) -> None:
    rng = random.Random(seed)
    found = alpha([[rng.choice("0123456789") for _ in range(readers)] for _ in range(1500)])
    assert found == pytest.approx(0, abs=0.05)


def test_the_interval_holds_alpha_and_narrows_with_more_drawings() -> None:
    rng = random.Random(1)
    some = [
        [answer, answer if rng.random() < 0.8 else "0"]
        for answer in rng.choices("123456789", k=800)
    ]
    widths = []
    for drawings in (some[:50], some):
        found, bounds = alpha(drawings), agreement.interval(kinds_of(drawings))
        assert found is not None
        assert bounds is not None
        assert bounds[0] < found < bounds[1]
        widths.append(bounds[1] - bounds[0])
    assert widths[1] < widths[0] / 2
    assert agreement.interval(kinds_of([])) is None
    assert agreement.interval(kinds_of([["1", "1"]])) is None


def test_alpha_is_told_of_drawings_with_two_counted_readings_or_more(
    alice: Person, mona: Person, mei: Person, person: Callable[..., Person]
) -> None:
    Study.objects.update(quorum=2, round_size=1000)
    nothing = agreement.measured()
    assert (nothing.alpha, nothing.drawings, nothing.readings) == (None, 0, 0)
    for label, answers in ((4, "44"), (5, "55"), (3, "38"), (2, "2")):
        attempt = submit(alice, label)
        for moderator, answer in zip((mona, mei), answers, strict=False):
            read(moderator, answer, attempt)
        Attempt.objects.filter(pk=attempt.pk, status="pending").update(needed_reading_count=0)
    found = agreement.measured()
    assert (found.drawings, found.readings) == (3, 6)
    assert found.alpha == pytest.approx(alpha([["4", "4"], ["5", "5"], ["3", "8"]]))
    Reading.objects.filter(attempt__target_label=3).update(is_discounted=True)
    assert agreement.measured().alpha == pytest.approx(1)
    assert decisions.unsettled().count() == 2
