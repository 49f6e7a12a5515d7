"""Which drawings that did not fool the lot chose is nothing that their drawer could tell, or act
on."""

from typing import Any

import pytest

from collector.api import views
from collector.data import exports
from collector.drawings import attempts, timeline
from collector.errors import Conflict
from collector.models import Attempt, Notice, Person, Study
from collector.moderation import appeals, queue
from collector.standings import leaderboards
from collector.study import consistency
from tests.support.cast import a_line, read, submit
from trainer.models import Sample

pytestmark = pytest.mark.usefixtures("many_due")
OWN = ("id", "submitted", "settled", "probabilities", "strokes")


@pytest.fixture
def two(alice: Person, monkeypatch: pytest.MonkeyPatch) -> tuple[Attempt, Attempt]:
    """Two drawings that did not fool: one that the lot chose, and one that it did not."""
    Study.objects.update(audit_share=0.5)
    lots = iter([0.1, 0.9])
    monkeypatch.setattr(attempts._lot, "random", lambda: next(lots))
    chosen, other = submit(alice, 7), submit(alice, 7)
    assert (chosen.is_audited, other.is_audited) == (True, False)
    return chosen, other


def shown(attempt: Attempt) -> dict[str, Any]:
    """All that a drawer is shown of an attempt, and may do with it, but for what differs between
    any two."""
    attempt = Attempt.objects.get(pk=attempt.pk)
    [(_, headline)] = timeline.with_headlines([attempt])
    answered = views._own(attempt, headline)
    # A drawing that was not chosen settles when it is submitted.
    is_settled_at_once = answered["settled"] == answered["submitted"]
    return {
        **{key: value for key, value in answered.items() if key not in OWN},
        "is_settled_at_once": is_settled_at_once,
        "timeline": [(event.kind, event.text) for event in timeline.timeline(attempt)],
        "rounds": timeline.through_rounds(attempt),
        "may_retract": attempts.may_retract(attempt),
        "may_appeal": appeals.possible(attempt),
    }


@pytest.mark.survives(
    "somebody looks for what the lot chose to audit, by status, counts, taking back, sending again",
    "it looks like the others",
)
def test_chosen_leased_confirmed_and_taken_back_it_looks_like_the_others(
    two: tuple[Attempt, Attempt], alice: Person, mona: Person
) -> None:
    chosen, other = two
    assert shown(chosen) == shown(other)
    assert shown(other)["status"] == "not_fooled"
    counts = leaderboards.counts_of([alice])[alice.pk]
    assert (counts.pending_count, counts.decided_count) == (0, 2)
    queue.assign(mona)
    assert shown(chosen) == shown(other)
    read(mona, "7", chosen)
    assert Sample.objects.get().is_audited
    assert shown(chosen) == shown(other)
    assert not Notice.objects.exists()
    for attempt in two:
        attempts.retract(alice, attempt.pk)
    assert shown(chosen) == shown(other)
    assert shown(other)["status"] == "retracted"
    assert "pending" not in "".join(exports.own(alice))
    assert list(consistency.problems()) == []


@pytest.mark.survives(
    "what was chosen is taken back",
    "shown as taken back, and audited all the same",
)
def test_what_is_taken_back_is_read_and_kept_to_measure_all_the_same(
    two: tuple[Attempt, Attempt], alice: Person, mona: Person, mei: Person
) -> None:
    chosen, _ = two
    for _ in range(2):
        assert attempts.retract(alice, chosen.pk).taken_back_at
    for moderator in (mona, mei):
        read(moderator, "1", chosen)
    assert Attempt.objects.get(pk=chosen.pk).status == "corrected"
    assert Sample.objects.get().is_audited
    assert shown(chosen)["status"] == "retracted"
    assert not shown(chosen)["may_appeal"]
    assert not Notice.objects.exists()
    assert list(consistency.problems()) == []


def test_the_same_pixels_may_be_sent_again_after_either_was_taken_back(alice: Person) -> None:
    for share in (1.0, 0.0):
        Study.objects.update(audit_share=share)
        line = a_line()
        first = submit(alice, 7, line)
        with pytest.raises(Conflict):
            submit(alice, 7, line)
        attempts.retract(alice, first.pk)
        submit(alice, 7, line)
    assert list(consistency.problems()) == []


def test_chosen_drawings_do_not_fill_the_room_that_a_newcomer_has(alice: Person) -> None:
    Study.objects.update(audit_share=1.0)
    for _ in range(21):
        submit(alice, 7)
    assert submit(alice, 4).status == "pending"


def test_of_a_newcomer_who_never_fools_no_more_are_chosen_than_fools_may_wait(
    alice: Person, mona: Person, settings: Any
) -> None:
    settings.LIMIT_SCALE = 0.1
    Study.objects.update(audit_share=1.0)
    assert [submit(alice, 7).is_audited for _ in range(3)] == [True, True, False]
    read(mona, "7")
    assert submit(alice, 7).is_audited


def test_what_moderators_read_otherwise_is_told_and_cannot_be_taken_back(
    two: tuple[Attempt, Attempt], alice: Person, mona: Person, mei: Person
) -> None:
    chosen, _ = two
    for moderator in (mona, mei):
        read(moderator, "1", chosen)
    assert shown(chosen)["status"] == "corrected"
    with pytest.raises(Conflict):
        attempts.retract(alice, chosen.pk)


def test_an_admin_is_told_the_truth(two: tuple[Attempt, Attempt], mona: Person) -> None:
    chosen = read(mona, "7", two[0])
    told = " ".join(event.text for event in timeline.timeline(chosen, "alice"))
    assert "Chosen at random for a check" in told
