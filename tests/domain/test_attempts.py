"""Submitting and taking back."""

from typing import Any

import pytest

from collector.drawings import attempts
from collector.errors import Conflict, Forbidden, NotFound, TooMany, Unprocessable
from collector.models import Attempt, Person, Study
from collector.moderation import queue
from tests.support.cast import a_line, submit
from tests.support.models import add_model
from trainer import mnist_duplicates, rounds, target
from trainer.learning import drawing
from trainer.models import Round, Weights

Submission = attempts.Submission


def test_a_drawing_that_fools_waits_for_moderators_and_one_that_does_not_is_settled(
    alice: Person,
) -> None:
    fool, plain = submit(alice, 4), submit(alice, 7)
    assert (
        fool.has_fooled,
        fool.predicted_label,
        fool.status,
        fool.needed_reading_count,
        fool.settled_at,
    ) == (
        True,
        7,
        "pending",
        1,
        None,
    )
    assert (plain.has_fooled, plain.status, plain.needed_reading_count) == (False, "not_fooled", 0)
    assert plain.settled_at is not None
    assert sum(fool.probabilities) == pytest.approx(1)


def test_with_an_audit_share_of_one_every_drawing_goes_to_moderation(alice: Person) -> None:
    Study.objects.update(audit_share=1.0)
    attempt = submit(alice, 7)
    assert (attempt.status, attempt.is_audited, attempt.needed_reading_count) == (
        "pending",
        True,
        1,
    )
    assert not submit(alice, 4).is_audited


def test_the_audit_lot_falls_at_the_studys_share(
    alice: Person, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    Study.objects.update(audit_share=0.25)
    lots = iter([0.24, 0.26])
    monkeypatch.setattr(attempts._lot, "random", lambda: next(lots))
    assert [submit(alice, 7).is_audited, submit(alice, 7).is_audited] == [True, False]


def test_the_study_at_the_time_of_drawing_is_kept_on_the_attempt(alice: Person) -> None:
    before = submit(alice)
    Study.objects.update(quorum=3, has_live_preview=True)
    after = submit(alice)
    assert (before.quorum, before.has_live_preview, before.needed_reading_count) == (1, False, 1)
    assert (after.quorum, after.has_live_preview, after.needed_reading_count) == (3, True, 3)


def test_the_same_key_and_drawing_again_is_the_same_attempt(alice: Person) -> None:
    submission = Submission(4, a_line(), "key")
    first, new = attempts.submit(alice, submission)
    again, new_again = attempts.submit(alice, submission)
    assert (first.pk, new, new_again) == (again.pk, True, False)
    assert again.status == "pending"
    assert Attempt.objects.count() == 1


def test_the_same_key_with_another_body_conflicts(alice: Person) -> None:
    line = a_line()
    attempts.submit(alice, Submission(4, line, "key"))
    for body in (Submission(4, a_line(), "key"), Submission(5, line, "key")):
        with pytest.raises(Conflict) as refused:
            attempts.submit(alice, body)
        assert refused.value.code == "client_key_reused"


def test_two_people_may_use_the_same_key(alice: Person, mona: Person) -> None:
    attempts.submit(alice, Submission(4, a_line(), "key"))
    attempts.submit(mona, Submission(4, a_line(), "key"))
    assert Attempt.objects.count() == 2


def test_an_exact_copy_conflicts_in_its_round_whoever_drew_it(alice: Person, mona: Person) -> None:
    line = a_line()
    first, _ = attempts.submit(alice, Submission(4, line))
    for who, label in ((alice, 4), (mona, 5)):
        with pytest.raises(Conflict) as refused:
            attempts.submit(who, Submission(label, line))
        assert refused.value.code == "copy"
    attempts.retract(alice, first.pk)
    assert attempts.submit(mona, Submission(4, line))[1]


def test_a_copy_is_welcome_in_another_round(alice: Person) -> None:
    line = a_line()
    attempts.submit(alice, Submission(4, line))
    rounds.open_next(add_model(3))
    attempt, new = attempts.submit(alice, Submission(4, line))
    assert new
    assert attempt.round.number == 2


def test_a_picture_that_is_nearly_all_ink_is_refused_with_a_sentence(alice: Person) -> None:
    rows = range(0, 280, 12)
    strokes = [{"x": [0, 279], "y": [row, row], "t": [row, row + 5]} for row in rows]
    with pytest.raises(Unprocessable) as refused:
        attempts.submit(alice, Submission(4, drawing.parse(strokes, 40)))
    assert refused.value.message.endswith(".")
    assert Attempt.objects.count() == 0


def test_submissions_over_the_limit_are_refused_and_say_when_to_come_back(
    alice: Person, settings: Any
) -> None:
    settings.LIMIT_SCALE = 0.1
    for _ in range(4):
        submit(alice, 7)
    with pytest.raises(TooMany) as refused:
        submit(alice, 7)
    assert 0 < refused.value.retry_after <= 60
    assert Attempt.objects.count() == 4


def test_damaged_weights_are_not_served(alice: Person) -> None:
    row = Weights.objects.get()
    data = bytearray(row.data)
    data[-5] ^= 1
    Weights.objects.update(data=bytes(data))
    with pytest.raises(target.TargetUnavailable, match="damaged"):
        submit(alice)
    assert Attempt.objects.count() == 0


def test_a_drawing_can_be_taken_back_until_it_is_leased(alice: Person, mona: Person) -> None:
    first, second = submit(alice), submit(alice)
    assert attempts.retract(alice, first.pk).status == "retracted"
    assert attempts.retract(alice, first.pk).status == "retracted"
    assert queue.assign(mona) is not None
    with pytest.raises(Conflict):
        attempts.retract(alice, second.pk)
    second.refresh_from_db()
    assert second.status == "pending"


def test_nobody_takes_back_another_persons_drawing(alice: Person, mona: Person) -> None:
    attempt = submit(alice)
    with pytest.raises(NotFound):
        attempts.retract(mona, attempt.pk)


def test_the_target_follows_the_open_round(alice: Person) -> None:
    assert submit(alice, 4).predicted_label == 7
    rounds.open_next(add_model(3))
    attempt = submit(alice, 4)
    assert (attempt.predicted_label, attempt.round.number) == (3, 2)
    assert Round.objects.get(number=1).state == "closed"


@pytest.mark.parametrize("label", [4, 7])
def test_whoever_leaves_as_their_drawing_is_judged_leaves_none(
    label: int, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*drawn: Any) -> bool:
        Person.objects.filter(pk=alice.pk).update(is_active=False)  # as closing and suspending do
        return False

    monkeypatch.setattr(mnist_duplicates, "is_duplicate", meanwhile)
    with pytest.raises(Forbidden):
        submit(alice, label)
    assert not Attempt.objects.exists()
