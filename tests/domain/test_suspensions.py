"""Suspending a person and taking it back; a model without them; what is done by hand stays
written."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collector import append_only, tasks
from collector.errors import Conflict, Forbidden, Refused
from collector.models import (
    AdminAction,
    Allocation,
    Attempt,
    Consent,
    Decision,
    Person,
    Study,
    StudyAct,
    StudyChange,
    StudyText,
    Token,
)
from collector.moderation import appeals, decisions, queue, readings
from collector.people import accounts, sessions, suspensions
from collector.standings import leaderboards, round_figures
from collector.study import admin_log, consistency
from collector.study import settings as study_settings
from tests.support.cast import read, submit
from tests.support.models import add_model
from trainer import candidates, samples
from trainer.learning.report import Report
from trainer.models import Contributor, Round, RoundModel, Sample

WHY = "Draws sevens and calls them fours."


@pytest.fixture
def bob(study: Study, alice: Person, mona: Person, person: Any) -> Person:
    """A drawer beside alice; both are of the train split and have a verified fool, bob also one
    that waits."""
    Study.objects.update(round_size=100)
    bob: Person = person("bob")
    for position, drawer in enumerate((alice, bob)):
        Contributor.objects.create(id=drawer.contributor, position=position, split="train")
        read(mona, "4", submit(drawer, 4))
    submit(bob, 5)
    return bob


def off(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


def active() -> set[Any]:
    return set(samples.active().values_list("contributor", flat=True))


def ranked() -> list[str]:
    return [line.username for line in leaderboards.standings("all")]


def test_a_suspension_says_beforehand_what_it_takes_out_and_takes_it_out_at_once(
    bob: Person, alice: Person, mona: Person, ada: Person
) -> None:
    assert suspensions.impact_of(bob) == suspensions.SuspensionImpact(samples=1, waiting=1)
    assert set(ranked()) == {"alice", "bob"}
    assert suspensions.suspend(bob, ada, WHY) == 1
    assert (ranked(), active()) == (["alice"], {alice.contributor})
    assert queue.assign(mona) is None
    assert not decisions.unsettled().exists()
    assert off(bob).is_suspended
    assert list(consistency.problems()) == []
    [act] = AdminAction.objects.all()
    assert (act.kind, act.admin, act.person, act.why) == ("suspended", ada, bob, WHY)


def test_reinstating_brings_back_what_was_taken_out(bob: Person, mona: Person, ada: Person) -> None:
    before = leaderboards.standings("all")
    suspensions.suspend(bob, ada, WHY)
    assert suspensions.impact_of(off(bob)) == suspensions.SuspensionImpact(samples=1, waiting=1)
    assert suspensions.reinstate(off(bob), ada, "It was a little brother.") == 1
    assert leaderboards.standings("all") == before
    assert bob.contributor in active()
    assert (
        Sample.objects.filter(contributor=bob.contributor).count() == 2
    )  # a row of its own, beside the withdrawn
    read(mona, "5")
    assert Attempt.objects.get(target_label=5).status == "verified"
    assert list(consistency.problems()) == []
    assert [act.kind for act in AdminAction.objects.order_by("pk")] == ["suspended", "reinstated"]


def test_only_what_this_suspension_withdrew_comes_back(bob: Person, ada: Person) -> None:
    samples.withdraw(bob.contributor)
    suspensions.suspend(bob, ada, WHY)
    assert suspensions.reinstate(off(bob), ada, WHY) == 0


def test_a_removed_picture_and_one_that_somebody_else_gave_meanwhile_do_not_come_back(
    bob: Person, alice: Person, ada: Person, mona: Person
) -> None:
    read(mona, "5")
    read(mona, "8", submit(bob, 8))
    gone, twin = Sample.objects.filter(contributor=bob.contributor).order_by("added_at")[:2]
    suspensions.suspend(bob, ada, WHY)
    Sample.objects.filter(pk=gone.pk).update(removed_at=gone.added_at)
    other = Sample.objects.get(contributor=alice.contributor)
    Sample.objects.filter(pk=other.pk).update(sha256=twin.sha256)
    assert suspensions.reinstate(off(bob), ada, WHY) == 1  # of three


@pytest.mark.parametrize(
    ("answer", "back"), [("5", [5]), ("6", [6]), ("8", [8]), ("junk", []), ("ambiguous", [])]
)
def test_what_an_appeal_made_of_a_drawing_meanwhile_is_what_comes_back(
    bob: Person, mona: Person, mei: Person, ada: Person, answer: str, back: list[int]
) -> None:
    attempt = Attempt.objects.get(target_label=5)
    for moderator in (mona, mei):
        read(moderator, "6", attempt)
    appeals.appeal(bob, attempt.pk, "It is a five.")
    suspensions.suspend(bob, ada, WHY)
    decisions.decide(attempt.pk, ada, answer, "I see it so.")
    assert bob.contributor not in active()
    assert (
        suspensions.impact_of(off(bob)).samples
        == suspensions.reinstate(off(bob), ada, WHY)
        == 1 + len(back)
    )
    mine = samples.active().filter(attempt=attempt.pk)
    assert list(mine.values_list("label", flat=True)) == back
    assert list(consistency.problems()) == []


def test_a_model_in_between_is_told_from_those_before_and_after(bob: Person, ada: Person) -> None:
    first = candidates.start("mnist_model")
    RoundModel.objects.filter(pk=first.pk).update(state="promoted")
    suspensions.suspend(bob, ada, WHY)
    between = candidates.start("mnist_model")
    RoundModel.objects.filter(pk=between.pk).update(state="promoted")
    suspensions.reinstate(off(bob), ada, WHY)
    after = candidates.start("mnist_model")
    assert [samples.trained_on(model).count() for model in (first, between, after)] == [2, 1, 2]


def test_a_reading_leased_before_the_suspension_settles_the_drawing_and_its_sample_is_withdrawn_too(
    bob: Person, mona: Person, ada: Person
) -> None:
    leased = queue.assign(mona)
    assert leased is not None
    suspensions.suspend(bob, ada, WHY)
    settled = readings.read(mona, leased.pk, "5").attempt
    assert settled is not None
    assert settled.status == "verified"
    assert bob.contributor not in active()
    assert list(consistency.problems()) == []
    assert suspensions.reinstate(off(bob), ada, WHY) == 2


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend=sessions.BACKEND)
    return client


def status(client: Client) -> int:
    return client.get("/api/attempts/").status_code


def test_who_is_suspended_is_signed_out_for_good(bob: Person, alice: Person, ada: Person) -> None:
    text, _ = accounts.issue_token(bob)
    kept, _ = accounts.issue_token(alice)
    bobs, alices = signed_in(bob), signed_in(alice)
    let_in = accounts.Backend().get_user(bob.pk)
    assert let_in
    assert status(bobs) == status(alices) == 200
    suspensions.suspend(bob, ada, WHY)
    asleep = Client()
    asleep.cookies["sessionid"] = bobs.cookies["sessionid"].value  # asks nothing meanwhile
    assert status(bobs) == 401
    with pytest.raises(Conflict):  # a token that was asked for a moment before
        accounts.issue_token(let_in)
    suspensions.reinstate(off(bob), ada, WHY)
    assert accounts.person_of_token(text) is None
    assert accounts.person_of_token(kept) == alice
    assert Token.objects.count() == 1
    assert status(asleep) == status(bobs) == 401
    assert status(alices) == status(signed_in(off(bob))) == 200


def test_who_a_session_is_of_is_asked_in_one_query(bob: Person, ada: Person) -> None:
    suspensions.suspend(bob, ada, WHY)
    suspensions.reinstate(off(bob), ada, WHY)
    with CaptureQueriesContext(connection) as queries:
        person = accounts.Backend().get_user(bob.pk)
        assert person is not None
        assert person.get_session_auth_hash().endswith("-1")
    assert len(queries) == 1


def test_only_an_admin_suspends_with_a_reason_and_nobody_themselves_or_twice(
    bob: Person, mona: Person, ada: Person
) -> None:
    for act in (suspensions.suspend, suspensions.reinstate, suspensions.ablate):
        with pytest.raises(Forbidden):
            act(bob, mona, WHY)
        with pytest.raises(Refused):
            act(bob, ada, "  ")
    with pytest.raises(Forbidden):
        suspensions.suspend(ada, ada, WHY)
    with pytest.raises(Conflict):
        suspensions.reinstate(bob, ada, WHY)
    suspensions.suspend(bob, ada, WHY)
    with pytest.raises(Conflict):
        suspensions.suspend(bob, ada, WHY)
    assert AdminAction.objects.count() == 1


def test_who_closed_their_account_is_not_suspended_and_cannot_be_reinstated(
    bob: Person, ada: Person
) -> None:
    Person.objects.filter(pk=bob.pk).update(is_active=False, closed_at=ada.joined_at)
    assert not off(bob).is_suspended
    assert decisions.unsettled().count() == 0
    with pytest.raises(Conflict):
        suspensions.reinstate(off(bob), ada, WHY)


def test_an_active_sample_of_somebody_suspended_is_found(bob: Person) -> None:
    Person.objects.filter(pk=bob.pk).update(is_active=False)
    assert any("suspended" in said for said in consistency.problems())


# A model without somebody.


@pytest.fixture
def trained(bob: Person) -> RoundModel:
    """The newest model, trained on alice's and bob's."""
    model = candidates.start("mnist_model")
    RoundModel.objects.filter(pk=model.pk).update(state="promoted")
    model.refresh_from_db()
    return model


def test_a_comparison_is_the_newest_models_training_less_one_person(
    trained: RoundModel, bob: Person, alice: Person, mona: Person, ada: Person
) -> None:
    read(mona, "5")  # came after
    suspensions.suspend(alice, ada, WHY)  # that model had alice's all the same
    model = suspensions.ablate(bob, ada, WHY)
    assert (model.architecture, model.initial_model, model.seed) == (
        trained.architecture,
        trained.initial_model,
        trained.seed,
    )
    assert list(samples.trained_on(model).values_list("contributor", flat=True)) == [
        alice.contributor
    ]
    assert not Sample.objects.filter(first_trained_by=model).exists()
    assert AdminAction.objects.filter(kind="ablated", person=bob, why=WHY).exists()


def test_a_comparison_is_no_candidate_and_what_is_due_starts_right_after(
    trained: RoundModel, bob: Person, mona: Person, ada: Person
) -> None:
    Study.objects.update(round_size=1)
    held = add_model(3, state="held")
    suspensions.ablate(bob, ada, WHY)
    read(mona, "5")
    tasks.start_if_due()
    open_round = round_figures.current()
    assert (open_round.training, open_round.due) == (None, round_figures.Due(have=1, need=1))
    with pytest.raises(candidates.AlreadyTraining):
        suspensions.ablate(bob, ada, WHY)
    claim = candidates.claim(RoundModel.objects.get(state="training").pk)
    assert claim is not None
    done = candidates.finish(
        claim, weights=b"x", sha256="0" * 64, manifest={}, report=Report(), reasons=[]
    )
    held.refresh_from_db()
    assert (done.state, held.state, Round.objects.count()) == ("ablated", "held", 1)
    tasks.start_if_due()
    assert round_figures.current().training is not None
    assert AdminAction.objects.filter(kind="ablated").count() == 1


def test_a_comparison_left_lying_is_claimed_again_and_fails_after_three_claims(
    trained: RoundModel, bob: Person, ada: Person
) -> None:
    model = suspensions.ablate(bob, ada, WHY)
    for _ in range(3):
        assert candidates.claim(model.pk) is not None
        RoundModel.objects.filter(pk=model.pk).update(lease_expires_at=model.created_at)
    assert candidates.claim_next() is None
    model.refresh_from_db()
    assert model.state == "failed"
    assert suspensions.latest_ablation(bob) == model


def test_there_is_nothing_to_compare_without_a_model_of_theirs_or_with_them_alone(
    bob: Person, alice: Person, ada: Person
) -> None:
    with pytest.raises(candidates.NothingToAblate):
        suspensions.ablate(bob, ada, WHY)
    samples.withdraw(alice.contributor)
    model = candidates.start("mnist_model")
    RoundModel.objects.filter(pk=model.pk).update(state="promoted")
    for person in (alice, bob):
        with pytest.raises(candidates.NothingToAblate):
            suspensions.ablate(person, ada, WHY)
    assert not RoundModel.objects.filter(state="training").exists()
    assert not AdminAction.objects.exists()


# What was done by hand.


@pytest.fixture
def by_hand(bob: Person, ada: Person, mona: Person, mei: Person) -> Person:
    """One of each."""
    suspensions.suspend(bob, ada, WHY)
    suspensions.reinstate(off(bob), ada, "They said sorry.")
    study_settings.change(ada, round_size=20)
    Attempt.objects.filter(target_label=5).update(needed_reading_count=0)
    decisions.decide(Attempt.objects.get(target_label=5).pk, ada, "junk", "A scribble.")
    held = add_model(3, state="held")
    candidates.discard(held.pk, ada.username, "Worse.")
    held = add_model(3, state="held")
    candidates.promote(held.pk, ada.username, "Better.")
    return ada


def test_everything_done_by_hand_is_told_newest_first(by_hand: Person) -> None:
    told = admin_log.page("1").object_list
    assert [(done.what, done.why) for done in told] == [
        ("ada opened round 2.", "Better."),
        ("ada discarded a held candidate.", "Worse."),
        ("ada decided “junk” on a drawing of bob.", "A scribble."),
        ("ada set round size from “100” to “20”.", ""),
        ("ada reinstated bob.", "They said sorry."),
        ("ada suspended bob.", WHY),
    ]
    assert {done.who for done in told} == {"ada"}
    assert told[0].touched == ("round", 2, "round 2")
    assert told[-1].touched == (
        "person",
        "bob",
        "bob",
    )


@pytest.mark.parametrize("model", [AdminAction, Decision, StudyChange])
def test_the_database_itself_refuses_to_change_or_delete_what_was_done_by_hand(
    by_hand: Person, model: Any
) -> None:
    table, number = model._meta.db_table, model.objects.count()
    column = "why" if model is not StudyChange else "field"
    for change in (f"UPDATE {table} SET {column} = 'nothing'", f"DELETE FROM {table}"):
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)
    assert model.objects.count() == number > 0


def test_the_refusal_is_for_all_tables_and_can_be_lifted_by_a_migration(by_hand: Person) -> None:
    assert set(append_only.TABLES) == {
        m._meta.db_table
        for m in (AdminAction, Allocation, Consent, Decision, StudyAct, StudyChange, StudyText)
    }
    append_only.allow(connection)
    AdminAction.objects.all().delete()
    append_only.refuse(connection)
    assert not AdminAction.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_emptying_the_whole_database_still_works_and_leaves_the_refusal_in_place(
    study: Study, ada: Person
) -> None:
    study_settings.change(ada, round_size=20)
    call_command("flush", interactive=False, verbosity=0)
    assert not StudyChange.objects.exists()
    again = Person.objects.create(username="ada", role="admin")
    study_settings.begin()
    study_settings.change(again, round_size=30)
    with pytest.raises(IntegrityError), transaction.atomic():
        StudyChange.objects.all().delete()
