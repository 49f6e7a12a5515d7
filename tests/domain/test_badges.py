"""Streaks and badges: the rules alone, and the facts that they are given for."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from collector.models import Attempt, Person, Study
from collector.rules import badges
from collector.rules.badges import Facts, Streak, streak
from collector.standings import progress
from tests.support.cast import read, submit
from trainer.models import Contributor, RoundModel

TODAY = date(2026, 3, 1)
DAYS = st.sets(st.integers(-40, 0).map(lambda back: TODAY + timedelta(days=back)))


def days(*back: int) -> list[date]:
    return [TODAY - timedelta(days=n) for n in back]


@pytest.mark.parametrize(
    ("drawn", "told"),
    [
        ((), Streak(0, 0)),
        ((0,), Streak(1, 1)),
        ((1,), Streak(1, 1)),  # today is not over
        ((2,), Streak(0, 1)),
        ((0, 1, 2), Streak(3, 3)),
        ((0, 1, 3, 4, 5, 6), Streak(2, 4)),
        ((9, 8, 7), Streak(0, 3)),
    ],
)
def test_a_streak_goes_on_until_a_whole_day_has_passed(
    drawn: tuple[int, ...], told: Streak
) -> None:
    assert streak(days(*drawn), TODAY) == told


@given(DAYS, st.integers(-40, 0))
def test_another_day_shortens_no_streak(drawn: set[date], back: int) -> None:
    before, after = streak(drawn, TODAY), streak(drawn | {TODAY + timedelta(days=back)}, TODAY)
    assert after.longest >= before.longest
    assert after.current >= before.current


@given(DAYS)
def test_a_streak_is_never_longer_than_the_longest_nor_than_the_days_that_there_are(
    drawn: set[date],
) -> None:
    found = streak(drawn, TODAY)
    assert 0 <= found.current <= found.longest <= len(drawn)
    assert (found.longest > 0) == bool(drawn)
    run = [TODAY - timedelta(days=n) for n in range(found.longest)]
    assert found.longest == 0 or any(
        all(day - timedelta(days=shift) in drawn for day in run) for shift in range(0, 41)
    )


@given(st.integers(1, 60))
def test_so_many_days_in_a_row_are_a_streak_of_so_many(n: int) -> None:
    assert streak(days(*range(n)), TODAY) == Streak(n, n)


ALMOST = Facts(
    fool_count=9,
    digits=frozenset(range(9)),
    best_round_count=9,
    streak=Streak(6, 6),
    is_moderator=True,
    settled_count=100,
    agreed_count=94,
)


@pytest.mark.parametrize(
    ("key", "facts"),
    [
        ("first", Facts(fool_count=1)),
        ("digits", replace(ALMOST, digits=frozenset(range(10)))),
        ("pioneer", Facts(pioneered_count=1)),
        ("round", replace(ALMOST, best_round_count=10)),
        ("week", replace(ALMOST, streak=Streak(0, 7))),
        ("taught", Facts(has_taught=True)),
        ("steady", replace(ALMOST, agreed_count=95)),
    ],
)
def test_each_badge_is_given_for_what_it_says_and_not_for_a_little_less(
    key: str, facts: Facts
) -> None:
    assert key in {badge.key for badge in badges.earned(facts)}
    assert {badge.key for badge in badges.earned(ALMOST)} == {"first"}
    assert badges.earned(Facts()) == []
    missing = {badge.key: badge.lacking(ALMOST) for badge in badges.to_come(ALMOST)}
    assert key == "first" or missing[key]


def test_ninety_nine_readings_are_too_few_and_only_moderators_are_told_of_their_badge() -> None:
    assert "steady" not in {
        badge.key for badge in badges.earned(replace(ALMOST, settled_count=99, agreed_count=99))
    }
    assert "steady" not in {badge.key for badge in badges.to_come(Facts())}
    assert "steady" in {
        badge.key for badge in badges.earned(Facts(settled_count=200, agreed_count=200))
    }


def test_drawing_much_that_nobody_verifies_earns_nothing_but_its_days(alice: Person) -> None:
    for _ in range(12):
        submit(alice, 7)
    facts = progress.facts_about(alice)
    assert facts == Facts(streak=Streak(1, 1))
    assert badges.earned(facts) == []


def test_the_facts_come_from_what_was_verified(alice: Person, mei: Person, mona: Person) -> None:
    Study.objects.update(round_size=100)
    Contributor.objects.create(id=alice.contributor, position=0, split="train")
    for drawer, label in ((mei, 4), (alice, 4), (alice, 5), (alice, 5)):
        read(mona, str(label), submit(drawer, label))
    submit(alice, 8)
    now = datetime.now(UTC)
    Attempt.objects.filter(target_label=8).update(submitted_at=now - timedelta(days=1))
    facts = progress.facts_about(alice)
    assert (facts.fool_count, facts.digits, facts.best_round_count, facts.pioneered_count) == (
        3,
        frozenset({4, 5}),
        3,
        1,
    )
    assert (facts.streak, facts.has_taught) == (Streak(2, 2), False)
    assert (
        progress.facts_about(mei).pioneered_count,
        progress.facts_about(mona).settled_count,
        progress.facts_about(mona).agreed_count,
    ) == (
        1,
        4,
        4,
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_whose_drawings_a_model_was_trained_on_or_is_measured_with_is_a_teacher(
    alice: Person, mona: Person, split: str
) -> None:
    Study.objects.update(round_size=1)
    Contributor.objects.create(id=alice.contributor, position=0, split=split)
    read(mona, "4", submit(alice, 4))
    assert progress.facts_about(alice).has_taught == (split == "test")
    RoundModel.objects.filter(state="training").update(state="promoted")
    assert progress.facts_about(alice).has_taught


def test_the_facts_take_as_many_queries_for_many_drawings_as_for_one(
    alice: Person, mona: Person
) -> None:
    Study.objects.update(round_size=100)
    asked = []
    for labels in ((4,), (4, 5, 6, 8)):
        for label in labels:
            read(mona, str(label), submit(alice, label))
        with CaptureQueriesContext(connection) as queries:
            progress.facts_about(alice)
        asked.append(len(queries))
    assert asked == [5, 5]
