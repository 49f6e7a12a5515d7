"""One appeal for a drawing that settled against its drawer; an admin answers it."""

import pytest
import time_machine
from django.utils import timezone

from collector.drawings import attempts, timeline
from collector.errors import Conflict, Forbidden, NotFound, Refused
from collector.models import Attempt, Decision, Notice, Person, Reading
from collector.moderation import appeals, decisions
from collector.study import consistency
from tests.support.cast import read, submit
from trainer.models import Sample

pytestmark = pytest.mark.usefixtures("many_due")


@pytest.fixture
def rejected(alice: Person, mona: Person, mei: Person) -> Attempt:
    """A 4 of alice's that two moderators took for junk."""
    attempt = submit(alice, 4)
    for moderator in (mona, mei):
        read(moderator, "junk", attempt)
    attempt.refresh_from_db()
    assert attempt.status == "rejected"
    return attempt


def kinds(attempt: Attempt) -> list[str]:
    return [event.kind for event in timeline.timeline(Attempt.objects.get(pk=attempt.pk))]


def test_an_appeal_that_succeeds_settles_the_drawing_anew_with_all_that_follows(
    rejected: Attempt, alice: Person, ada: Person
) -> None:
    assert appeals.possible(rejected)
    appeals.appeal(alice, rejected.pk, " It is open at the top. ")
    assert [one.pk for one in appeals.waiting()] == [rejected.pk]
    assert kinds(rejected) == ["submitted", "settled", "appeal", "waiting"]
    decided = decisions.decide(rejected.pk, ada, "4", "An open four.")
    assert (decided.status, decided.credit, decided.settled_label) == ("verified", 1.0, 4)
    assert Sample.objects.get().label == 4
    assert set(Reading.objects.values_list("is_correct", flat=True)) == {False}
    assert not appeals.waiting().exists()
    assert kinds(rejected)[:4] == ["submitted", "appeal", "answered", "settled"]
    assert list(consistency.problems()) == []


def test_the_same_answer_turns_it_down_and_changes_nothing_else(
    rejected: Attempt, alice: Person, ada: Person
) -> None:
    appeals.appeal(alice, rejected.pk, "Look again.")
    decided = decisions.decide(rejected.pk, ada, "junk", "I see no digit either.")
    assert (decided.status, decided.credit, decided.settled_at) == (
        "rejected",
        0.0,
        rejected.settled_at,
    )
    assert not Sample.objects.exists()
    assert not appeals.waiting().exists()
    assert kinds(rejected) == ["submitted", "settled", "appeal", "answered"]
    assert set(Reading.objects.values_list("is_correct", flat=True)) == {True}
    assert list(consistency.problems()) == []


def test_a_sample_under_another_digit_is_replaced(
    alice: Person, mona: Person, mei: Person, ada: Person
) -> None:
    attempt = submit(alice, 4)
    for moderator in (mona, mei):
        read(moderator, "9", attempt)
    appeals.appeal(alice, attempt.pk, "It is a four.")
    decisions.decide(attempt.pk, ada, "4", "So it is.")
    active, withdrawn = (
        Sample.objects.get(withdrawn_at=None),
        Sample.objects.get(withdrawn_at__isnull=False),
    )
    assert (active.label, active.has_fooled, withdrawn.label) == (4, True, 9)
    assert list(consistency.problems()) == []


def test_there_is_one_appeal_and_none_against_what_was_confirmed_or_is_open(
    rejected: Attempt, alice: Person, mona: Person
) -> None:
    appeals.appeal(alice, rejected.pk, "Once.")
    verified = submit(alice, 4)
    read(mona, "4", verified)
    waiting = submit(alice, 4)
    taken_back = submit(alice, 7)
    attempts.retract(alice, taken_back.pk)
    for attempt in (rejected, verified, waiting, taken_back):
        with pytest.raises(Conflict):
            appeals.appeal(alice, attempt.pk, "Again.")


def test_after_two_weeks_it_is_too_late(rejected: Attempt, alice: Person) -> None:
    with (
        time_machine.travel(timezone.now() + appeals.WITHIN, tick=False),
        pytest.raises(Conflict, match="14 days"),
    ):
        appeals.appeal(alice, rejected.pk, "Late.")


@pytest.mark.parametrize("text", ["", "  ", "x" * 501])
def test_it_says_why_in_few_words(rejected: Attempt, alice: Person, text: str) -> None:
    with pytest.raises(Refused):
        appeals.appeal(alice, rejected.pk, text)


def test_nobody_appeals_for_another_or_answers_their_own(
    rejected: Attempt, alice: Person, mei: Person
) -> None:
    with pytest.raises(NotFound):
        appeals.appeal(mei, rejected.pk, "For them.")
    appeals.appeal(alice, rejected.pk, "Mine.")
    Person.objects.filter(pk=alice.pk).update(role="admin")
    with pytest.raises(Forbidden):
        decisions.decide(rejected.pk, Person.objects.get(pk=alice.pk), "4", "Of course.")
    assert not Decision.objects.exists()


def test_the_drawer_is_told_of_the_answer(rejected: Attempt, alice: Person, ada: Person) -> None:
    appeals.appeal(alice, rejected.pk, "Look again.")
    before = Notice.objects.filter(person=alice).count()
    decisions.decide(rejected.pk, ada, "4", "An open four.")
    assert Notice.objects.filter(person=alice, attempt=rejected).count() == before + 1
