"""Drawings whose answer is beyond doubt: how they come about, who gets them, and what nobody can
tell from outside."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from collector import tasks
from collector.errors import Conflict, Forbidden, Refused
from collector.models import AdminAction, Attempt, Gold, ModerationPause, Person, Reading, Study
from collector.moderation import decisions, gold, practice, queue, readings, trust
from collector.rules import verdicts
from collector.study import consistency
from tests.support.cast import read, submit
from trainer.learning import nets, shipped, weights

Cast = Callable[..., Person]
ANSWER = st.sampled_from(verdicts.ANSWERS)
STATUS = st.sampled_from(Attempt.Status.values)


@given(st.integers(0, 9), st.integers(0, 9), STATUS, st.lists(ANSWER, max_size=7))
def test_gold_is_what_all_who_read_it_say_and_three_voices_agree_on(
    target: int, predicted: int, status: str, readings: list[str]
) -> None:
    answer = verdicts.gold(target, predicted, status, readings)
    if answer is None:
        return
    assert status != "verified"
    assert set(readings) == {answer}
    assert len(readings) + [str(target), str(predicted)].count(answer) >= 3
    assert verdicts.gold(target, predicted, status, [*readings, answer]) == answer
    assert (
        verdicts.gold(
            target, predicted, status, [*readings, *(a for a in ("3", "junk") if a != answer)]
        )
        is None
    )


@given(st.data())
def test_ten_practice_drawings_always_have_the_same_mix(data: st.DataObject) -> None:
    given_out: list[str] = []
    for _ in range(verdicts.PRACTICE):
        given_out.append(data.draw(st.sampled_from(sorted(verdicts.practice_left(given_out)))))
    assert not verdicts.practice_left(given_out)
    assert (given_out.count("junk"), given_out.count("ambiguous")) == (1, 1)
    assert verdicts.practice_tens(given_out) == 1
    assert verdicts.practice_tens(given_out[1:]) == 0


@given(st.lists(st.integers(0, 4), max_size=40))
def test_too_often_is_more_than_five_of_the_last_twenty(drawers: list[int]) -> None:
    counts = Counter(drawers[:20])
    assert verdicts.too_often(drawers) == {drawer for drawer in counts if counts[drawer] > 5}


@given(st.integers(0, 50), st.integers(0, 50))
def test_gold_is_doubted_only_when_most_of_several_readers_do(right: int, wrong: int) -> None:
    assert verdicts.doubtful(right, right + wrong) is (right + wrong >= 5 and wrong > right)


def test_the_practice_drawings_are_what_they_are_said_to_be() -> None:
    """Forty, in four tens of the fixed mix; the strong net reads every digit among them correctly
    and surely."""
    drawn = practice.shipped()
    assert len(drawn) == len({one.id for one in drawn}) == 40
    assert verdicts.practice_tens([one.answer for one in drawn]) == 4
    assert practice.shipped() == drawn
    digits = [one for one in drawn if one.answer in verdicts.DIGITS]
    pixels = np.stack([np.frombuffer(one.pixels, np.uint8).reshape(28, 28) for one in digits])
    sure = nets.probabilities(
        weights.load("strong", shipped.round_one("strong").weights, None), pixels
    )
    assert min(sure[place, int(one.answer)] for place, one in enumerate(digits)) > 0.9


def test_setup_ships_the_practice_drawings_once(study: Study) -> None:
    gold.ship()
    gold.ship()
    assert Gold.objects.filter(is_practice=True).count() == 40


@pytest.fixture
def hidden_gold(study: Study, alice: Person, person: Cast) -> Callable[..., Gold]:
    """Settle an audited 7 of alice's beyond doubt, read by somebody new."""

    def make(drawer: Person = alice, reader: Person | None = None) -> Gold:
        Study.objects.update(audit_share=1.0, round_size=1000, gold_share=0.0)
        attempt = read(reader or person(role="moderator"), "7", submit(drawer, 7))
        Study.objects.update(audit_share=0.0, gold_share=1.0)
        return Gold.objects.get(attempt=attempt)

    return make


def test_what_settles_beyond_doubt_is_kept_as_hidden_gold(hidden_gold: Callable[..., Gold]) -> None:
    made = hidden_gold()
    copied = made.attempt
    assert copied is not None
    assert made.pk != copied.pk
    assert (made.answer, made.is_practice, made.is_retired) == ("7", False, False)
    assert (made.strokes, made.width, bytes(made.pixels)) == (
        copied.strokes,
        copied.width,
        bytes(copied.pixels),
    )
    assert list(consistency.problems()) == []


def test_a_verified_fool_and_what_readers_differ_on_are_no_gold(
    alice: Person, mona: Person, mei: Person
) -> None:
    Study.objects.update(round_size=1000, audit_share=1.0)
    read(mona, "4", submit(alice, 4))
    differed = submit(alice, 7)
    max_ = Person.objects.create(username="max", role="moderator", qualified_at=timezone.now())
    for moderator, answer in ((mona, "1"), (mei, "7"), (max_, "7")):
        read(moderator, answer, differed)
    differed.refresh_from_db()
    assert differed.status == "not_fooled"
    assert not Gold.objects.exists()


def test_a_drawing_nearly_of_mnist_is_no_gold(alice: Person, mona: Person) -> None:
    Study.objects.update(audit_share=1.0)
    attempt = submit(alice, 7)
    Attempt.objects.filter(pk=attempt.pk).update(is_mnist_duplicate=True)
    read(mona, "7", attempt)
    assert not Gold.objects.exists()


def test_gold_comes_before_another_drawing_never_alone_and_each_once(
    hidden_gold: Callable[..., Gold], alice: Person, mona: Person
) -> None:
    first, second = hidden_gold(), hidden_gold()
    assert queue.assign(mona) is None
    waiting = submit(alice)
    seen = []
    while reading := queue.assign(mona):
        seen.append(reading.drawing.pk)
        readings.read(mona, reading.pk, "7" if reading.gold else "4")
    assert set(seen[:2]) == {first.pk, second.pk}
    assert seen[2:] == [waiting.pk]
    assert set(Reading.objects.filter(gold__isnull=False).values_list("is_correct", flat=True)) == {
        True
    }
    submit(alice)
    again = queue.assign(mona)
    assert again is not None
    assert again.attempt is not None


def test_nobody_gets_gold_that_they_drew_or_have_read_before(
    hidden_gold: Callable[..., Gold], alice: Person, mona: Person, mei: Person
) -> None:
    hidden_gold(drawer=mona)
    hidden_gold(reader=mona)
    submit(alice), submit(alice)
    reading = queue.assign(mona)
    assert reading is not None
    assert reading.gold is None
    other = queue.assign(mei)
    assert other is not None
    assert other.gold is not None


def test_without_a_share_there_is_no_gold(
    hidden_gold: Callable[..., Gold], alice: Person, mona: Person
) -> None:
    hidden_gold()
    Study.objects.update(gold_share=0.0)
    submit(alice)
    reading = queue.assign(mona)
    assert reading is not None
    assert reading.gold is None


def test_gold_counts_as_a_lease_like_any_other_and_comes_again_once_it_ran_out(
    hidden_gold: Callable[..., Gold], alice: Person, mona: Person
) -> None:
    made = hidden_gold()
    submit(alice), submit(alice)
    first, second, third = (queue.assign(mona) for _ in range(3))
    assert first
    assert second
    assert third
    assert (first.gold, second.gold, third.pk) == (made, None, first.pk)
    with time_machine.travel(timezone.now() + queue.LEASE + timedelta(seconds=1)):
        again = queue.assign(mona)
        assert again is not None
        assert (again.pk, again.gold) == (first.pk, made)


def shape(value: Any) -> Any:
    """Keys and types, all the way down."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


def test_nothing_that_is_sent_or_asked_of_the_database_tells_gold_from_another_drawing(
    hidden_gold: Callable[..., Gold], alice: Person, mei: Person
) -> None:
    """Two begun and open drawings and a gold one: the same bytes but for ids, times and the
    picture, the same number of statements to assign and to read."""
    hidden_gold(), hidden_gold()
    Study.objects.update(quorum=2)
    for _ in range(3):
        submit(alice)
    client = Client()
    client.force_login(mei, backend="collector.people.accounts.Backend")
    told, statements = {}, {}
    for share in (1.0, 0.0):
        Study.objects.update(gold_share=share)
        with CaptureQueriesContext(connection) as assigning:
            given = client.post("/api/assignments/")
        with CaptureQueriesContext(connection) as reading:
            address = f"/api/assignments/{given.json()['id']}/reading/"
            answer = client.post(address, {"reading": "1"}, content_type="application/json")
        assert Reading.objects.filter(gold__isnull=False).exists()
        said = (given.status_code, answer.status_code, answer.content)
        told[share] = [said, shape(given.json()), sorted(given.headers)]
        statements[share] = (len(assigning), len(reading))
    assert Reading.objects.filter(moderator=mei, attempt__isnull=False).count() == 1
    assert told[1.0] == told[0.0]
    assert statements[1.0] == statements[0.0]


def test_gold_that_moderators_doubt_is_given_to_nobody_any_more(
    hidden_gold: Callable[..., Gold], alice: Person, person: Cast
) -> None:
    made = hidden_gold()
    submit(alice)
    for right in (True, True, False, False, False):
        made.refresh_from_db()
        assert not made.is_retired
        reader = person(role="moderator")
        reading = queue.assign(reader)
        assert reading is not None
        assert reading.gold == made
        readings.read(reader, reading.pk, "7" if right else "1")
    made.refresh_from_db()
    assert made.is_retired
    later = queue.assign(person(role="moderator"))
    assert later is not None
    assert later.gold is None
    assert {(one.correct_gold_count, one.gold_count) for one in trust.moderator_figures()} == {
        (0, 0)
    }


def test_gold_is_none_any_more_once_an_admin_decides_otherwise(
    hidden_gold: Callable[..., Gold],
) -> None:
    made = hidden_gold()
    assert made.attempt
    gold.keep(made.attempt, "1")
    made.refresh_from_db()
    assert made.is_retired


def test_who_is_wrong_on_gold_is_paused_however_well_they_agree_with_others(
    hidden_gold: Callable[..., Gold], alice: Person, mona: Person, mei: Person
) -> None:
    made = hidden_gold()
    when = timezone.now()
    for reader, right in ((mona, 15), (mei, 28)):
        for place in range(30):
            copy = Gold.objects.create(
                answer="7",
                strokes=made.strokes,
                width=22,
                pixels=made.pixels,
                attempt=submit(alice) if place < 10 and reader == mona else None,
            )
            Reading.objects.create(
                gold=copy,
                moderator=reader,
                leased_at=when,
                lease_expires_at=when,
                answered_at=when,
                answer="7" if place < right else "1",
                is_correct=place < right,
            )
    lease = Reading.objects.create(
        gold=made, moderator=mona, leased_at=when, lease_expires_at=when + queue.LEASE
    )
    tasks.pause_untrusted_moderators()
    mona.refresh_from_db()
    mei.refresh_from_db()
    assert mona.is_moderation_paused
    assert not mei.is_moderation_paused
    record = ModerationPause.objects.get()
    assert (record.agreed_count, record.settled_count, record.is_on_gold) == (15, 30, True)
    assert not Reading.objects.filter(pk=lease.pk).exists()


@pytest.fixture
def newt(person: Cast) -> Person:
    """A moderator who is not qualified yet."""
    gold.ship()
    newt = person("newt", "moderator")
    Person.objects.filter(pk=newt.pk).update(qualified_at=None)
    newt.refresh_from_db()
    return newt


def practise(moderator: Person, *right: bool) -> list[Gold]:
    """Read practice drawings, correctly or not; which they were."""
    seen = []
    for good in right:
        reading = queue.assign(moderator)
        assert reading is not None
        assert reading.gold is not None
        assert reading.gold.is_practice
        seen.append(reading.gold)
        others = [answer for answer in verdicts.ANSWERS if answer != reading.gold.answer]
        readings.read(moderator, reading.pk, reading.gold.answer if good else others[0])
        moderator.refresh_from_db()
    return seen


def test_ten_practice_drawings_come_first_and_eight_right_qualify(
    alice: Person, newt: Person
) -> None:
    attempt = submit(alice)
    seen = practise(newt, *[False] * 2, *[True] * 7)
    assert newt.is_practising
    assert not attempt.readings.exists()
    seen += practise(newt, True)
    assert newt.qualified_at
    assert not newt.is_practising
    assert len({one.pk for one in seen}) == 10
    kinds = Counter(one.answer if one.answer in ("junk", "ambiguous") else "digit" for one in seen)
    assert kinds == verdicts.PRACTICE_MIX
    reading = queue.assign(newt)
    assert reading is not None
    assert reading.attempt == attempt
    assert {(one.correct_gold_count, one.gold_count) for one in trust.moderator_figures()} == {
        (0, 0)
    }
    assert list(consistency.problems()) == []


def test_the_eleventh_waits_until_the_tenth_is_read(newt: Person) -> None:
    practise(newt, *[False] * 9)
    tenth = queue.assign(newt)
    assert tenth is not None
    again = queue.assign(newt)
    assert again is not None
    assert again.pk == tenth.pk
    readings.read(newt, tenth.pk, "0")
    eleventh = queue.assign(newt)
    assert eleventh is not None
    assert eleventh.pk != tenth.pk


def test_who_fails_all_practice_is_let_by_an_admin_who_says_why(
    alice: Person, newt: Person, ada: Person, mona: Person
) -> None:
    seen = [practise(newt, *[False] * 3, *[True] * 7) for _ in range(4)]
    assert len({one.pk for ten in seen for one in ten}) == 40
    assert newt.is_practising
    with pytest.raises(Forbidden, match="admin"):
        queue.assign(newt)
    with pytest.raises(Forbidden):
        trust.qualify(newt, mona, "They read well.")
    with pytest.raises(Refused):
        trust.qualify(newt, ada, " ")
    trust.qualify(newt, ada, "They read well.")
    newt.refresh_from_db()
    assert newt.qualified_at
    act = AdminAction.objects.get()
    assert (act.admin, act.kind, act.person, act.why) == (
        ada,
        "qualified",
        newt,
        "They read well.",
    )
    submit(alice)
    assert queue.assign(newt) is not None
    for nobody_practising in (newt, alice, ada):
        with pytest.raises(Conflict):
            trust.qualify(nobody_practising, ada, "Again.")


def test_an_admin_needs_no_practice_and_a_new_moderator_from_the_command_neither(
    alice: Person, newt: Person, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(alice)
    reading = queue.assign(ada)
    assert reading is not None
    assert reading.attempt is not None
    monkeypatch.setenv("DADC_PASSWORD", "correct horse battery")
    call_command("add_person", "mona", role="moderator", verbosity=0)
    assert not Person.objects.get(username="mona").is_practising
    Person.objects.filter(pk=alice.pk).update(role="moderator")
    alice.refresh_from_db()
    assert alice.is_practising


def test_who_practises_is_no_moderator_who_could_still_settle_a_drawing(
    alice: Person, newt: Person, mona: Person
) -> None:
    attempt = submit(alice)
    read(mona, "9", attempt)
    assert list(decisions.unsettled()) == [attempt]


def test_verify_tells_of_a_gold_reading_that_says_otherwise_than_its_row(newt: Person) -> None:
    practise(newt, True)
    Reading.objects.update(is_correct=False)
    [problem] = consistency.problems()
    assert "of gold" in problem


def test_drawings_of_somebody_read_too_often_come_last(
    alice: Person, mona: Person, mei: Person, person: Cast
) -> None:
    Study.objects.update(quorum=2, round_size=1000)
    for _ in range(7):
        submit(alice)
    for _ in range(6):
        read(mona, "4")
    begun = submit(alice)
    Attempt.objects.filter(pk=begun.pk).update(
        first_read_at=timezone.now() - timedelta(days=1), needed_reading_count=1
    )
    other = submit(person())
    usual = queue.assign(mei)
    assert usual is not None
    assert usual.attempt == begun
    Reading.objects.filter(pk=usual.pk).delete()
    reading = queue.assign(mona)
    assert reading is not None
    assert reading.attempt == other
    nobody_else = queue.assign(mona)
    assert nobody_else is not None
    assert nobody_else.attempt == begun
