"""MER, vMER, the leaderboard, fates and the check of everything."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from collector.drawings import attempts, timeline
from collector.errors import Refused
from collector.models import Attempt, Person, Study
from collector.moderation import readings
from collector.standings import leaderboards, round_figures
from collector.study import consistency
from tests.domain.test_tallies import recount
from tests.support.cast import read, submit
from tests.support.examples import examples
from tests.support.models import add_model
from trainer import rounds as trainer_rounds
from trainer.models import Contributor, Round, RoundModel, Sample, Weights
from trainer.rounds import NoSuchRound


def test_mer_counts_all_attempts_and_vmer_those_that_are_not_pending(
    alice: Person, mona: Person, mei: Person
) -> None:
    Study.objects.update(round_size=100)
    for answer in ("4", "4", "9", "9"):
        read(mona, answer, submit(alice, 4))
    read(mei, "9")
    submit(alice, 7)
    attempts.retract(alice, submit(alice, 4).pk)
    submit(alice, 4)
    tally = leaderboards.counts_of([alice])[alice.pk]
    # two verified, one corrected, one begun, one not fooled, one taken back, one unread
    assert (tally.attempt_count, tally.fooled_count, tally.pending_count, tally.verified_count) == (
        7,
        6,
        2,
        2,
    )
    assert (tally.mer, tally.vmer, tally.tries_per_fool) == (6 / 7, 2 / 5, 7 / 2)
    told = round_figures.history([1]).rounds[0].figures
    assert (told["mer"].value, told["vmer"].value, told["tries"].value) == (6 / 7, 2 / 5, 7 / 2)


def test_nothing_over_nothing_is_no_number(study: Study) -> None:
    nothing = leaderboards.AttemptCounts()
    assert (nothing.mer, nothing.vmer, nothing.tries_per_fool) == (None, None, None)
    assert leaderboards.AttemptCounts(attempt_count=1, fooled_count=1, pending_count=1).vmer is None


def test_standings_rank_by_verified_fools_and_not_by_volume(
    alice: Person, mei: Person, mona: Person
) -> None:
    for _ in range(5):
        submit(mei, 7)
    read(mona, "4", submit(mei, 4))
    for _ in range(2):
        read(mona, "4", submit(alice, 4))
    lines = leaderboards.standings("round")
    assert [(line.rank, line.username, line.credit) for line in lines] == [
        (1, "alice", 2.0),
        (2, "mei", 1.0),
    ]
    assert lines[1].vmer == 1 / 6


def test_the_same_confusion_earns_half_after_the_second_in_a_round_and_the_drawer_is_told(
    alice: Person, mei: Person, mona: Person
) -> None:
    Study.objects.update(round_size=100)
    for label in (4, 4, 9, 4, 4):
        read(mona, str(label), submit(alice, label))
    read(mona, "4", submit(mei, 4))
    assert [one.credit for one in alice.attempts.order_by("submitted_at")] == [1, 1, 1, 0.5, 0.5]
    assert [(line.username, line.credit) for line in leaderboards.standings()] == [
        ("alice", 4.0),
        ("mei", 1.0),
    ]
    third = alice.attempts.order_by("submitted_at")[3]
    assert "half a credit" in timeline.timeline(third)[1].text
    assert "a 4 taken for a 7" in timeline.timeline(third)[1].text
    assert "1 credit" in timeline.timeline(mei.attempts.get())[1].text
    assert list(consistency.problems()) == []
    next_round = Round.objects.create(
        number=2,
        model=add_model(7),
        opened_at=timezone.now(),
        state="closed",
        closed_at=timezone.now(),
    )
    assert (
        readings.fools_alike(
            Attempt(drawer=alice, round=next_round, target_label=4, predicted_label=7)
        ).count()
        == 0
    )


def test_equal_credit_is_equal_rank(alice: Person, mei: Person, mona: Person) -> None:
    for drawer in (alice, mei):
        read(mona, "4", submit(drawer, 4))
    assert [line.rank for line in leaderboards.standings("all")] == [1, 1]


def test_only_who_is_active_and_wants_to_be_listed_is_ranked(
    alice: Person, mei: Person, mona: Person
) -> None:
    for drawer in (alice, mei):
        read(mona, "4", submit(drawer, 4))
    for hidden in ({"is_listed": False}, {"is_active": False}, {"closed_at": timezone.now()}):
        Person.objects.filter(pk=alice.pk).update(**hidden)
        for period in leaderboards.PERIODS:
            assert [line.username for line in leaderboards.standings(period)] == ["mei"]
        Person.objects.filter(pk=alice.pk).update(is_listed=True, is_active=True, closed_at=None)
    assert len(leaderboards.standings("all")) == 2


def test_of_equals_whoever_was_there_first_comes_first_and_no_more_than_a_hundred_are_shown(
    study: Study, person: Callable[..., Person], mona: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    Study.objects.update(round_size=100)
    monkeypatch.setattr(leaderboards, "SHOWN", 3)
    people = [person() for _ in range(4)]
    for drawer in people:
        read(mona, "4", submit(drawer, 4))
    lines = leaderboards.standings("all")
    assert [(line.rank, line.username) for line in lines] == [
        (1, drawer.username) for drawer in people[:3]
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from(["verified", "pending", "not_fooled", "retracted"])
        ),
        max_size=12,
    )
)
@hypothesis_settings(
    max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_standings_and_tallies_are_what_a_count_of_the_rows_says(
    study: Study, person: Callable[..., Person], drawn: list[tuple[int, str]]
) -> None:
    Attempt.objects.all().delete()
    people = [person() for _ in range(3)]
    for who, status in drawn:
        one = submit(people[who], 7 if status == "not_fooled" else 4)
        Attempt.objects.filter(pk=one.pk).update(
            status=status, credit=float(status == "verified"), needed_reading_count=0
        )
    rows = list(Attempt.objects.all())
    pk = Round.objects.get().pk
    whole = leaderboards.counts_by_round([pk]).get(pk, leaderboards.AttemptCounts())
    assert whole == recount(rows)
    for line in leaderboards.standings("all"):
        own = [
            row.status
            for row in rows
            if row.drawer_id == next(p.pk for p in people if p.username == line.username)
        ]
        assert (line.attempt_count, line.verified_count, line.pending_count) == (
            len(own),
            own.count("verified"),
            own.count("pending"),
        )
    assert sum(line.credit for line in leaderboards.standings("all")) == whole.verified_count


def test_the_periods_are_the_open_round_the_week_and_ever(alice: Person, mona: Person) -> None:
    read(mona, "4", submit(alice, 4))
    trainer_rounds.open_next(add_model(3))
    assert leaderboards.standings("round") == []
    assert [line.verified_count for line in leaderboards.standings("week")] == [1]
    Attempt.objects.update(submitted_at=timezone.now() - timedelta(days=8))
    assert leaderboards.standings("week") == []
    assert [line.verified_count for line in leaderboards.standings("all")] == [1]
    with pytest.raises(Refused):
        leaderboards.standings("year")


def test_the_open_round_says_what_is_due_and_what_is_in_training(
    alice: Person, mona: Person
) -> None:
    Study.objects.update(round_size=2)
    assert round_figures.current().due == round_figures.Due(have=0, need=2)
    read(mona, "4", submit(alice, 4))
    overview = round_figures.current()
    assert overview.due is not None
    assert overview.due.have == 1
    assert (overview.training, overview.counts.verified_count) == (None, 1)
    read(mona, "4", submit(alice, 4))
    training = round_figures.current().training
    assert training is not None
    assert training.progress == 0
    assert training.started_at is not None
    with pytest.raises(NoSuchRound):
        round_figures.describe(99)


def kinds(attempt: Attempt) -> list[str]:
    attempt.refresh_from_db()
    return [event.kind for event in timeline.timeline(attempt)]


def test_the_fate_of_a_drawing_is_told_step_by_step(alice: Person, mona: Person) -> None:
    Study.objects.update(round_size=1)
    attempt = submit(alice, 4)
    assert kinds(attempt) == ["submitted", "waiting"]
    read(mona, "4", attempt)
    assert kinds(attempt) == ["submitted", "settled", "training"]
    RoundModel.objects.filter(state="training").update(state="promoted")
    model = RoundModel.objects.latest("pk")
    trainer_rounds.open_next(model)
    assert kinds(attempt) == ["submitted", "settled", "trained"], (
        "the new model has no weights to ask"
    )
    attempt.refresh_from_db()
    assert timeline.with_headlines([attempt]) == [(attempt, "Verified · trained into round 2")]


@pytest.mark.parametrize(
    ("digit", "told"),
    [
        (4, "Round 2’s model now reads it as a 4, over 99 % sure: right."),
        (9, "as a 9, over 99 % sure: still not as a 4."),
    ],
)
def test_once_another_round_is_open_its_drawer_reads_what_the_new_model_makes_of_it(
    alice: Person, mona: Person, digit: int, told: str
) -> None:
    Study.objects.update(round_size=100)
    attempt, taken_back = submit(alice, 4), submit(alice, 4)
    attempts.retract(alice, taken_back.pk)
    assert "now" not in kinds(attempt)
    read(mona, "4", attempt)
    assert "now" not in kinds(attempt), "round 1 judged it, and is open"
    trainer_rounds.open_next(add_model(digit))
    attempt.refresh_from_db()
    assert timeline.timeline(attempt)[-1].text.endswith(told)
    assert "now" not in kinds(taken_back)


def test_a_confirmed_fool_says_how_many_confirmed_it(
    alice: Person, mona: Person, mei: Person
) -> None:
    Study.objects.update(quorum=2, round_size=100)
    attempt = submit(alice, 4)
    for moderator in (mona, mei):
        read(moderator, "4", attempt)
    attempt.refresh_from_db()
    assert "Confirmed: 2 moderators read a 4 too." in timeline.timeline(attempt)[1].text


def test_a_test_persons_fate_says_kept_to_measure_the_models(alice: Person, mona: Person) -> None:
    Contributor.objects.create(id=alice.contributor, position=0, split="test")
    attempt = submit(alice, 4)
    read(mona, "4", attempt)
    assert kinds(attempt) == ["submitted", "settled", "test"]
    attempt.refresh_from_db()
    [(_, words)] = timeline.with_headlines([attempt])
    assert words.endswith("kept to measure the models")


def test_while_a_drawing_waits_its_fate_tells_nothing_of_the_readings(
    alice: Person, mona: Person
) -> None:
    attempt = submit(alice, 4)
    read(mona, "junk", attempt)
    attempt.refresh_from_db()
    told = " ".join(event.text for event in timeline.timeline(attempt))
    assert "junk" not in told
    assert "no digit" not in told
    assert "1 so far" in told


def test_a_drawing_that_did_not_fool_and_was_not_drawn_for_audit_has_no_verdict_of_moderators(
    alice: Person,
) -> None:
    attempt = submit(alice, 7)
    assert kinds(attempt) == ["submitted"]
    assert timeline.headline(attempt) == "The model was right"


def test_an_honest_database_agrees_with_itself(alice: Person, mona: Person, mei: Person) -> None:
    Study.objects.update(round_size=100)
    for answer in ("4", "9"):
        read(mona, answer, submit(alice, 4))
    read(mei, "9")
    attempts.retract(alice, submit(alice, 4).pk)
    assert list(consistency.problems()) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda: Attempt.objects.filter(status="verified").update(credit=5.0),
        lambda: Attempt.objects.filter(status="verified").update(credit=0.5),
        lambda: Attempt.objects.filter(status="verified").update(status="rejected", credit=0.0),
        lambda: Attempt.objects.update(pixels=b"\0" * 784),
        lambda: Sample.objects.update(label=8),
        lambda: Sample.objects.update(has_fooled=False),
        lambda: Sample.objects.update(has_fooled=False, is_audited=True),
        lambda: Sample.objects.update(attempt=uuid.uuid4()),
        lambda: Weights.objects.update(sha256="0" * 64),
        lambda: RoundModel.objects.update(state="held"),
    ],
)
def test_whatever_is_changed_behind_the_rules_is_found(
    alice: Person, mona: Person, spoil: object
) -> None:
    Study.objects.update(round_size=100)
    read(mona, "4", submit(alice, 4))
    assert callable(spoil)
    assert spoil() == 1
    assert list(consistency.problems())


def test_the_current_round_is_told_as_such_even_when_the_next_one_opens_meanwhile(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next round opens after the open one was looked up and before anything else of it is
    read."""
    first = Round.objects.get(number=1)
    next_model = add_model(7)
    get = QuerySet.get

    def get_then_open(rows: Any, *args: Any, **kwargs: Any) -> Any:
        found = get(rows, *args, **kwargs)
        if rows.model is Round:
            monkeypatch.undo()
            trainer_rounds.open_next(next_model)
        return found

    monkeypatch.setattr(QuerySet, "get", get_then_open)
    overview = round_figures.current()
    assert overview.number == first.number
    assert overview.due is not None
    assert round_figures.current().number == 2
