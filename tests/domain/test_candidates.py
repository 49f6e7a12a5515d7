"""A candidate's life, as rows tell it."""

import os
from datetime import timedelta
from time import monotonic

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from collector.models import Person, Study
from collector.refusals import as_refusal
from tests.support.models import add_model
from tests.support.nets import always
from trainer import candidates, rounds, target
from trainer.learning import weights
from trainer.learning.report import Report
from trainer.models import Round, RoundModel, Sample, Weights
from trainer.target import current

pytestmark = pytest.mark.usefixtures("a_sample")


def claim_of(claim: candidates.Claim | None) -> candidates.Claim:
    assert claim is not None
    return claim


def begin() -> candidates.Claim:
    return claim_of(candidates.claim(candidates.start("mnist_model").pk))


def finish(claim: candidates.Claim, digit: int = 3, reasons: list[str] | None = None) -> RoundModel:
    data = always(digit)
    return candidates.finish(
        claim,
        weights=data,
        sha256=weights.checksum(data),
        manifest={},
        report=Report(),
        reasons=reasons or [],
    )


def pass_time(seconds: float) -> None:
    """Let time pass for the training's lease, whose time is the database's own."""
    ends = RoundModel.objects.filter(lease_expires_at__isnull=False)
    ends.update(lease_expires_at=F("lease_expires_at") - timedelta(seconds=seconds))


def test_there_is_one_training_at_a_time_and_the_second_is_told_so(study: Study) -> None:
    candidates.start("mnist_model")
    with pytest.raises(candidates.AlreadyTraining):
        candidates.start("mnist_model")
    with pytest.raises(IntegrityError), transaction.atomic():
        RoundModel.objects.create(architecture="mnist_model")


def test_without_a_sample_there_is_nothing_to_train_on(study: Study) -> None:
    Sample.objects.all().delete()
    with pytest.raises(candidates.NothingToTrainOn):
        candidates.start("mnist_model")


def test_a_start_that_is_undone_leaves_nothing_to_train(study: Study) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        candidates.start("mnist_model")
        raise RuntimeError
    assert candidates.claim_next() is None


def test_a_finished_candidate_opens_the_next_round_at_once(study: Study) -> None:
    assert current().number == 1
    candidate = finish(begin())
    assert (candidate.state, candidate.progress, candidate.lease_expires_at) == (
        "promoted",
        1.0,
        None,
    )
    assert Round.objects.get(state="open").model == candidate
    assert (current().number, current().net is not None) == (2, True)


def test_a_candidate_with_reasons_is_held_and_the_open_round_untouched(study: Study) -> None:
    candidate = finish(begin(), reasons=["It got worse."])
    assert (candidate.state, candidate.reasons) == ("held", ["It got worse."])
    assert Round.objects.get(state="open").number == 1


def test_a_newer_candidate_discards_a_held_one(study: Study) -> None:
    old = finish(begin(), reasons=["It got worse."])
    new = finish(begin(), reasons=["So did this."])
    old.refresh_from_db()
    assert (old.state, new.state) == ("discarded", "held")


def test_an_admin_promotes_a_held_candidate_or_gives_it_up_once(study: Study) -> None:
    held = finish(begin(), reasons=["It got worse."])
    assert candidates.promote(held.pk, "ada", "Better on drawings.").number == 2
    held.refresh_from_db()
    assert (held.state, held.decided_by, held.decided_why) == (
        "promoted",
        "ada",
        "Better on drawings.",
    )
    for decide in (candidates.promote, candidates.discard):
        with pytest.raises(candidates.NotHeld):
            decide(held.pk, "ada", "Again.")
    other = finish(begin(), reasons=["Worse."])
    assert candidates.discard(other.pk, "ada", "Worse.").state == "discarded"
    assert Round.objects.count() == 2


@pytest.mark.survives(
    "a training longer than the queue's retry",
    "not started twice while its lease lives; sent again once it lapsed",
)
def test_a_running_lease_cannot_be_claimed_and_a_lapsed_one_can(study: Study) -> None:
    claim = begin()
    assert candidates.claim(claim.candidate_id) is None
    assert candidates.claim_next() is None
    pass_time(61)
    second = candidates.claim_next()
    assert second is not None
    assert second.token == claim.token + 1
    with pytest.raises(candidates.LeaseLost):
        candidates.renew(claim, 0.5)
    with pytest.raises(candidates.LeaseLost):
        finish(claim)
    candidates.fail(claim, "I was late.")
    candidates.release(claim)
    with pytest.raises(candidates.LeaseLost):
        candidates.keep(claim)
    assert candidates.keep(second) == 0.0
    candidates.renew(second, 0.5)
    assert finish(second).state == "promoted"


def test_a_renewed_lease_lasts(study: Study) -> None:
    claim = begin()
    pass_time(50)
    candidates.renew(claim, 0.5)
    pass_time(50)
    assert candidates.claim(claim.candidate_id) is None
    assert RoundModel.objects.get(pk=claim.candidate_id).progress == 0.5


def test_a_lease_that_is_kept_lasts_and_tells_how_far_the_training_is(study: Study) -> None:
    claim = begin()
    candidates.renew(claim, 0.5)
    pass_time(50)
    assert candidates.keep(claim) == 0.5
    pass_time(50)
    assert candidates.claim(claim.candidate_id) is None


def test_a_lease_that_ran_out_while_nobody_wanted_it_goes_on_once_renewed(study: Study) -> None:
    claim = begin()
    pass_time(300)
    candidates.renew(claim, 0.5)
    assert candidates.claim_next() is None
    assert finish(claim).state == "promoted"


@pytest.mark.survives(
    "a result that comes after the lease ran out and another claimed",
    "the other claim's stands; the late one writes nothing",
)
def test_a_result_that_comes_after_the_lease_ran_out_does_not_count(study: Study) -> None:
    claim = begin()
    pass_time(61)
    with pytest.raises(candidates.LeaseLost):
        finish(claim)
    assert Round.objects.count() == 1
    assert Weights.objects.count() == 1


@pytest.mark.parametrize("days", [-1, 1])
def test_leases_are_by_the_databases_time_whatever_the_machines_clock_says(
    days: int, study: Study
) -> None:
    claim = begin()
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        assert candidates.claim_next() is None
        candidates.renew(claim, 0.5)
        assert candidates.claim_next() is None
    assert candidates.claim_next() is None
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        assert finish(claim).state == "promoted"


@pytest.mark.survives(
    "the clock a day ahead, then right",
    "schedules, leases and heartbeats of that day are not waited for",
)
def test_a_lease_that_ends_later_than_any_given_holds_nobody_up(study: Study) -> None:
    claim = begin()
    pass_time(-30)
    assert candidates.claim_next() is None, "a clock may be set back by seconds"
    pass_time(-24 * 3600)
    second = candidates.claim_next()
    assert second is not None
    with pytest.raises(candidates.LeaseLost):
        candidates.renew(claim, 0.5)
    candidates.renew(second, 0.5)


@pytest.mark.survives(
    "a training killed three times",
    "the candidate is failed, visibly, and collecting goes on",
)
def test_after_three_claims_the_candidate_is_failed_and_collecting_goes_on(study: Study) -> None:
    candidate = candidates.start("mnist_model")
    for _ in range(3):
        assert candidates.claim_next() is not None
        assert candidates.claim_next() is None
        pass_time(61)
    assert candidates.claim(candidate.pk) is None
    assert candidates.claim_next() is None
    candidate.refresh_from_db()
    assert candidate.state == "failed"
    assert "3 times" in candidate.reasons[0]
    assert current().number == 1
    assert candidates.start("mnist_model").state == "training"


@pytest.mark.survives(
    "a trainer is restarted, or the database goes away, again and again in mid-training",
    "such claims are not counted; the candidate is trained once it can be",
)
def test_claims_that_were_given_back_are_not_counted(study: Study) -> None:
    candidate = candidates.start("mnist_model")
    for _ in range(5):
        claim = claim_of(candidates.claim_next())
        candidates.give_back(claim)
        with pytest.raises(candidates.LeaseLost):
            candidates.renew(claim, 0.5)
    candidate.refresh_from_db()
    assert (candidate.claim_count, candidate.lease_expires_at) == (0, None)
    assert finish(claim_of(candidates.claim_next())).state == "promoted"
    candidates.give_back(claim)
    candidate.refresh_from_db()
    assert (candidate.state, candidate.claim_count) == ("promoted", 1), "over is over"


def test_a_claim_given_back_late_is_forgotten_and_leaves_the_next_one_alone(study: Study) -> None:
    cut_off = begin()
    pass_time(61)
    other = claim_of(candidates.claim_next())
    candidates.give_back(cut_off)
    row = RoundModel.objects.get(pk=other.candidate_id)
    assert (row.claim_count, row.token) == (1, other.token)
    assert candidates.claim_next() is None
    assert finish(other).state == "promoted"


def test_one_who_was_killed_over_a_training_is_counted_and_not_waited_for(study: Study) -> None:
    candidate = candidates.start("mnist_model")
    for _ in range(3):
        candidates.release(claim_of(candidates.claim_next()))
    assert candidates.claim_next() is None
    candidate.refresh_from_db()
    assert candidate.state == "failed"


def test_a_failed_training_says_why(study: Study) -> None:
    claim = begin()
    candidates.fail(claim, "Diverged: the loss is not a number")
    row = RoundModel.objects.get(pk=claim.candidate_id)
    assert (row.state, row.reasons) == ("failed", ["Diverged: the loss is not a number"])


def test_a_retraining_never_starts_from_another_candidate(study: Study) -> None:
    first = finish(begin())
    second = candidates.start("mnist_model")
    round_one = Round.objects.get(number=1).model
    assert (first.initial_model, second.initial_model) == (round_one, round_one)


def test_the_database_allows_one_open_round(study: Study) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.create(number=2, model=add_model(3), opened_at=timezone.now())


def test_a_training_on_damaged_weights_fails_and_says_so(alice: Person) -> None:
    from trainer import tasks

    candidate = candidates.start("mnist_model")
    row = Weights.objects.get()
    Weights.objects.update(data=bytes(row.data)[:-1])
    claim = candidates.claim(candidate.pk)
    assert claim
    tasks.train(claim)
    candidate.refresh_from_db()
    assert candidate.state == "failed"
    assert candidate.reasons
    assert Round.objects.get(state="open").number == 1


def test_an_admin_decides_by_command_too(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="No candidate is held"):
        call_command("round", "promote", "--why", "It is better.")
    finish(begin(), reasons=["It got worse."])
    call_command("round", "promote", "--why", "It is better.", "--by", "ada")
    assert capsys.readouterr().out == "Round 2 is open.\n"
    opened = Round.objects.select_related("model").get(number=2)
    assert (opened.opened_by, opened.model.decided_by, opened.model.decided_why) == (
        "ada",
        "ada",
        "It is better.",
    )
    call_command("round", "roll_back", "1", "--why", "It is not.", "--by", "ada")
    assert Round.objects.get(number=3).model == Round.objects.get(number=1).model
    finish(begin(), reasons=["It got worse."])
    call_command("round", "discard", "--why", "Worse indeed.")
    assert RoundModel.objects.filter(state="discarded").count() == 1
    with pytest.raises(CommandError, match="not an earlier round"):
        call_command("round", "roll_back", "7", "--why", "Typo.")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--why", "\udcff"), "no text in UTF-8"),
        (("--why", "So.", "--by", "\udcff"), "no text in UTF-8"),
        (("--why", "So.", "--by", "x" * 101), "has 101 characters; at most 100"),
    ],
)
def test_a_command_writes_no_text_that_a_database_would_not_take(
    study: Study, wrong: tuple[str, ...], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("round", "roll_back", "1", *wrong)
    for command in (("forget_factors", "\udcff"), ("add_person", "ada", "--email", "a@\udcff.org")):
        with pytest.raises(CommandError, match="no text in UTF-8"):
            call_command(*command)
    finish(begin(), reasons=["It got worse."])
    call_command("round", "promote", "--why", "So." * 1000, "--by", "x" * 100)
    assert Round.objects.get(number=2).opened_by == "x" * 100


@pytest.mark.survives(
    "`manage.py round` by a user whom the machine has no name for",
    "written down by number",
)
def test_who_has_no_name_on_the_machine_decides_by_command_as_a_number(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    finish(begin(), reasons=["It got worse."])
    call_command("round", "discard", "--why", "Worse indeed.")
    discarded = RoundModel.objects.get(state="discarded")
    assert discarded.decided_by == f"user {os.getuid()}"


@pytest.mark.parametrize(
    ("exception", "status"),
    [
        (candidates.AlreadyTraining("Later."), 409),
        (candidates.NotHeld("Later."), 409),
        (rounds.NoSuchRound("There is no round 9."), 404),
    ],
)
def test_what_the_trainer_refuses_gets_its_status_in_one_place(
    exception: Exception, status: int
) -> None:
    refusal = as_refusal(exception)
    assert refusal is not None
    assert (refusal.status, refusal.message) == (status, str(exception))


@pytest.mark.survives(
    "a byte changed in the open round's weights while they are served from memory",
    "noticed after 30 s: no prediction until they are mended",
)
def test_damage_to_the_open_rounds_weights_is_noticed_though_they_are_in_memory(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert target.current().number == 1
    row = Weights.objects.get()
    Weights.objects.update(data=bytes(row.data)[:-1] + b"\x01")
    soon = monotonic() + target.KEPT + 1
    monkeypatch.setattr(target, "monotonic", lambda: soon)
    with pytest.raises(target.TargetUnavailable, match="damaged"):
        target.current()
    Weights.objects.update(data=bytes(row.data))
    assert target.current().number == 1, "and mended, it is served again"
