"""Who reads which drawing, what readings do, and what admins decide."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from collector import limits
from collector.drawings import timeline
from collector.errors import Conflict, Forbidden, Gone, NotFound, Refused
from collector.models import Allowance, Attempt, Person, Reading, Study, clock
from collector.models.clock import ahead as real_ahead
from collector.moderation import decisions, queue, readings
from collector.study import consistency
from tests.support.cast import read, submit
from trainer import samples
from trainer.learning import report
from trainer.models import Contributor, RoundModel, Sample

Cast = Callable[..., Person]


def test_nobody_but_moderators_and_admins_is_assigned_anything(alice: Person, ada: Person) -> None:
    attempt = submit(alice)
    with pytest.raises(Forbidden):
        queue.assign(alice)
    reading = queue.assign(ada)
    assert reading is not None
    assert reading.attempt_id == attempt.pk


def test_a_moderator_is_never_assigned_their_own_drawing(mona: Person, mei: Person) -> None:
    attempt = submit(mona)
    assert queue.assign(mona) is None
    reading = queue.assign(mei)
    assert reading is not None
    assert reading.attempt_id == attempt.pk


def test_a_reading_of_the_target_verifies_a_fool_and_keeps_it_as_a_sample(
    alice: Person, mona: Person
) -> None:
    attempt = read(mona, "4", submit(alice, 4))
    assert (
        attempt.status,
        attempt.settled_label,
        attempt.credit,
        attempt.needed_reading_count,
    ) == (
        "verified",
        4,
        1.0,
        0,
    )
    sample = Sample.objects.get()
    assert (sample.attempt, sample.contributor_id) == (attempt.pk, alice.contributor)
    assert (sample.label, sample.has_fooled, bytes(sample.pixels)) == (
        4,
        True,
        bytes(attempt.pixels),
    )


def test_two_who_agree_on_another_digit_correct_it(
    alice: Person, mona: Person, mei: Person
) -> None:
    attempt = submit(alice, 4)
    assert read(mona, "9", attempt).status == "pending"
    attempt = read(mei, "9", attempt)
    assert (attempt.status, attempt.settled_label, attempt.credit) == ("corrected", 9, 0.0)
    sample = Sample.objects.get()
    assert (sample.label, sample.has_fooled) == (9, False)


@pytest.mark.parametrize(("answer", "status"), [("junk", "rejected"), ("ambiguous", "ambiguous")])
def test_what_is_no_clear_digit_becomes_no_sample(
    alice: Person, mona: Person, mei: Person, answer: str, status: str
) -> None:
    attempt = submit(alice)
    read(mona, answer, attempt)
    assert read(mei, answer, attempt).status == status
    assert not Sample.objects.exists()


def test_the_unbiased_test_set_holds_what_the_lot_chose_and_nothing_else(
    alice: Person, mona: Person, mei: Person
) -> None:
    """A drawing meant to fool and read as another digit is no such thing; an audited one is,
    whatever people read."""
    Study.objects.update(audit_share=1.0, round_size=100)
    Contributor.objects.create(id=alice.contributor, position=1, split="test")
    verified, corrected, confirmed, mistaken = (
        submit(alice, 4),
        submit(alice, 4),
        submit(alice, 7),
        submit(alice, 7),
    )
    answers = {verified.pk: "4", corrected.pk: "9", confirmed.pk: "7", mistaken.pk: "1"}
    for moderator in (mona, mei):
        while reading := queue.assign(moderator):
            readings.read(moderator, reading.pk, answers[reading.drawing.pk])
    assert Sample.objects.count() == 4
    held_out = samples.held_out()
    assert held_out[report.TestSet(report.Kind.FOOLS, 1)].attempts == [str(verified.pk)]
    assert set(held_out[report.TestSet(report.Kind.AUDITED, 1)].attempts) == {
        str(confirmed.pk),
        str(mistaken.pk),
    }
    assert list(consistency.problems()) == []


def test_a_confirmed_audited_drawing_stays_not_fooled_and_is_a_sample_that_is_not_due(
    alice: Person, mona: Person
) -> None:
    Study.objects.update(audit_share=1.0, round_size=1)
    attempt = read(mona, "7", submit(alice, 7))
    assert (attempt.status, attempt.settled_label, attempt.credit) == ("not_fooled", 7, 0.0)
    assert not Sample.objects.get().has_fooled
    assert not RoundModel.objects.filter(state="training").exists()


def test_a_begun_drawing_comes_before_unread_ones(alice: Person, mona: Person, mei: Person) -> None:
    first = submit(alice)
    read(mona, "9", first)
    for _ in range(5):
        submit(alice)
    reading = queue.assign(mei)
    assert reading is not None
    assert reading.attempt_id == first.pk


def test_unread_drawings_are_drawn_by_lot_among_the_fifty_oldest(
    alice: Person, mona: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    Study.objects.update(round_size=1000)
    drawn = [submit(alice) for _ in range(3)]
    monkeypatch.setattr(queue, "OLDEST_UNREAD_SHUFFLED", 2)
    monkeypatch.setattr(queue._lot, "shuffle", lambda ids: ids.reverse())
    reading = queue.assign(mona)
    assert reading is not None
    assert reading.attempt_id == drawn[1].pk


def test_at_most_two_leases_then_the_older_again(alice: Person, mona: Person) -> None:
    for _ in range(3):
        submit(alice)
    first, second = queue.assign(mona), queue.assign(mona)
    assert first is not None
    assert second is not None
    assert first.pk != second.pk
    again = queue.assign(mona)
    assert again is not None
    assert again.pk == first.pk
    assert Reading.objects.count() == 2


def test_the_same_drawing_is_not_leased_to_more_people_than_readings_are_wanted(
    alice: Person, mona: Person, mei: Person, ada: Person
) -> None:
    Study.objects.update(quorum=2)
    submit(alice)
    assert queue.assign(mona)
    assert queue.assign(mei)
    assert queue.assign(ada) is None


def test_a_lease_that_ran_out_goes_to_somebody_else_and_its_reading_is_refused(
    alice: Person, mona: Person, mei: Person
) -> None:
    attempt = submit(alice)
    late = queue.assign(mona)
    assert late is not None
    with time_machine.travel(timezone.now() + queue.LEASE + timedelta(seconds=1)):
        other = queue.assign(mei)
        assert other is not None
        assert other.attempt_id == attempt.pk
        with pytest.raises(Gone):
            readings.read(mona, late.pk, "4")
    attempt.refresh_from_db()
    assert attempt.status == "pending"


@pytest.mark.survives(
    "a web machine whose clock is ten minutes off the database's",
    "it leases and counts by the database's: no lease is over at once, and no limit begins anew",
)
@pytest.mark.parametrize("minutes", [-10, 10])
def test_leases_and_limits_go_by_the_databases_clock(
    minutes: int, alice: Person, mona: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "sqlite":
        return  # whose clock is the machine's
    monkeypatch.setattr(clock, "ahead", real_ahead)
    monkeypatch.setattr(connection, "ahead_of_the_database", timedelta(), raising=False)
    connect = partial(connection_created.send, type(connection), connection=connection)
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        connect()
        submit(alice)
        lease = queue.assign(mona)
        assert lease is not None
    connect()
    now, a_minute = timezone.now(), timedelta(minutes=1)
    assert abs(lease.lease_expires_at - now - queue.LEASE) < a_minute
    counted = Allowance.objects.get(rule=limits.SUBMISSIONS_A_MINUTE.rule)
    assert now - a_minute < counted.ends_at < now + a_minute
    assert readings.read(mona, lease.pk, "4").answer == "4"


def test_a_reading_is_final_but_may_be_sent_twice(
    alice: Person, mona: Person, person: Cast
) -> None:
    Study.objects.update(quorum=2)
    submit(alice)
    reading = queue.assign(mona)
    assert reading is not None
    readings.read(mona, reading.pk, "4")
    readings.read(mona, reading.pk, "4")
    with pytest.raises(Conflict):
        readings.read(mona, reading.pk, "5")
    assert Reading.objects.get().answer == "4"
    assert queue.assign(mona) is None


def test_nobody_answers_anothers_assignment(alice: Person, mona: Person, mei: Person) -> None:
    submit(alice)
    reading = queue.assign(mona)
    assert reading is not None
    with pytest.raises(NotFound):
        readings.read(mei, reading.pk, "4")


@pytest.mark.parametrize("answer", ["10", "", "-1", "four", "AMBIGUOUS"])
def test_an_answer_that_is_none_is_refused(alice: Person, mona: Person, answer: str) -> None:
    submit(alice)
    reading = queue.assign(mona)
    assert reading is not None
    with pytest.raises(Refused):
        readings.read(mona, reading.pk, answer)


def test_what_moderators_cannot_settle_comes_to_an_admin_who_says_why(
    alice: Person, mona: Person, mei: Person, ada: Person, person: Cast
) -> None:
    max_ = person("max", "moderator")
    attempt = submit(alice, 4)
    for moderator, answer in ((mona, "9"), (mei, "4"), (max_, "3")):
        assert not decisions.unsettled().exists()
        read(moderator, answer, attempt)
    assert queue.assign(ada) is None
    assert list(decisions.unsettled()) == [attempt]
    attempt.refresh_from_db()
    assert timeline.headline(attempt) == "Waiting for an admin"
    told = timeline.timeline(attempt)[-1].text
    assert told == "3 moderators do not agree on it: an admin will decide."
    with pytest.raises(Refused):
        decisions.decide(attempt.pk, ada, "4", "  ")
    with pytest.raises(Forbidden):
        decisions.decide(attempt.pk, mona, "4", "it is")
    decided = decisions.decide(attempt.pk, ada, "4", "An open four.")
    assert (decided.status, decided.credit, decided.decision and decided.decision.why) == (
        "verified",
        1.0,
        "An open four.",
    )
    assert not decisions.unsettled().exists()
    with pytest.raises(Conflict):
        decisions.decide(attempt.pk, ada, "9", "Second thoughts.")


def test_with_no_moderator_left_an_admin_decides(alice: Person, mona: Person, ada: Person) -> None:
    attempt = submit(alice, 4)
    read(mona, "9", attempt)
    assert not decisions.unsettled().exists()
    read(ada, "3", attempt)
    assert list(decisions.unsettled()) == [attempt]


def test_an_admin_does_not_decide_on_their_own_drawing(ada: Person) -> None:
    attempt = submit(ada, 4)
    assert list(decisions.unsettled()) == [attempt]
    with pytest.raises(Forbidden):
        decisions.decide(attempt.pk, ada, "4", "It is mine.")


def test_a_drawing_that_moderators_can_settle_is_not_the_admins(
    alice: Person, mona: Person, ada: Person
) -> None:
    attempt = submit(alice, 4)
    with pytest.raises(Conflict):
        decisions.decide(attempt.pk, ada, "4", "In a hurry.")


def test_at_the_round_size_one_candidate_starts_with_the_settling_reading(
    alice: Person, mona: Person
) -> None:
    Study.objects.update(round_size=2)
    submit(alice), submit(alice), submit(alice)
    read(mona, "4")
    assert not RoundModel.objects.filter(state="training").exists()
    read(mona, "4")
    candidate = RoundModel.objects.get(state="training")
    assert Sample.objects.filter(first_trained_by=candidate).count() == 2
    read(mona, "4")
    assert RoundModel.objects.filter(state="training").count() == 1
    assert Sample.objects.filter(first_trained_by=None).count() == 1


def statements(do: Callable[[], object]) -> int:
    """How many statements it takes, but for those that begin and end a transaction."""
    with CaptureQueriesContext(connection) as queries:
        do()
    return len([one for one in queries if "SAVEPOINT" not in one["sql"]])


def test_the_next_drawing_and_its_reading_cost_the_same_queries_however_many_wait(
    alice: Person, mona: Person, settings: Any
) -> None:
    """Unread and begun ones, and those of somebody read too often lately; a reading that settles,
    and one that does not."""
    settings.LIMIT_SCALE = 10
    Study.objects.update(round_size=1000, quorum=2, gold_share=0.0)
    counts = []
    for waiting in (2, 30):
        Attempt.objects.filter(status="pending").update(needed_reading_count=0)
        Reading.objects.all().delete()
        for _ in range(waiting):
            submit(alice)
        given: list[Reading] = []
        assigning = statements(lambda given=given: given.append(queue.assign(mona)))  # type: ignore[misc]
        reading = statements(lambda given=given: readings.read(mona, given[0].pk, "4"))  # type: ignore[misc]
        counts.append((assigning, reading))
    assert counts == [(12, 6)] * 2


def test_the_queue_is_read_from_the_head_of_its_two_indexes(alice: Person, mona: Person) -> None:
    submit(alice)
    with CaptureQueriesContext(connection) as queries:
        queue.assign(mona)
    plans = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # which reads so small a table from end to end, else
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
        for query in queries:
            if "LIMIT" in query["sql"] and 'ORDER BY "collector_attempt"' in query["sql"]:
                cursor.execute(
                    ("EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN ")
                    + query["sql"]
                )
                plans.append(" ".join(str(row) for row in cursor.fetchall()))
    assert len(plans) == 2
    for plan, index in zip(plans, ("partly_read", "unread"), strict=True):
        assert f"INDEX {index}" in plan or f"Index Scan using {index} " in plan, plan
        assert "TEMP B-TREE" not in plan
        assert "Sort " not in plan
