"""The simulated crowd does what people do, through the same functions, and nothing else."""

import io
import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from collector import limits
from collector.drawings import attempts
from collector.errors import TooMany
from collector.management import simulated_crowd
from collector.models import ORIGINAL, Allocation, Attempt, Person, Reading, Study
from collector.study import consistency
from collector.study import settings as study_settings
from trainer import candidates, rounds, tasks
from trainer.learning import fit
from trainer.models import Arm, Round, RoundModel, Sample
from trainer.simulation import tactics

pytestmark = pytest.mark.usefixtures("study", "quick_passwords")


@pytest.fixture
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def short_trainings(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    """Trainings of few steps, on the stand-in."""
    settings.MNIST_DIR, settings.MNIST_CACHE = None, tmp_path
    whole = fit.default_recipe
    monkeypatch.setattr(fit, "default_recipe", lambda *which: replace(whole(*which), steps=20))


def last_of(drawer: simulated_crowd.Drawer) -> Attempt:
    return Attempt.objects.filter(drawer=drawer.person).latest("submitted_at")


def drawn(crowd: simulated_crowd.Crowd, drawings: int) -> list[Attempt]:
    """What the crowd has drawn after this many drawings, oldest first."""
    for _ in crowd.turns(drawings):
        pass
    return list(Attempt.objects.order_by("submitted_at"))


def test_drawers_draw_and_moderators_read_others_drawings_mostly_right() -> None:
    Study.objects.update(round_size=1000)
    made = drawn(simulated_crowd.gather(3, 2, seed=1), 25)

    assert len(made) == 25
    assert {attempt.drawer.username for attempt in made} <= set(simulated_crowd.DRAWERS)
    assert len({attempt.drawer_id for attempt in made}) == 3
    readings = [
        (reading, reading.attempt) for reading in Reading.objects.filter(attempt__isnull=False)
    ]
    assert {reading.moderator.username for reading, _ in readings} <= set(
        simulated_crowd.MODERATORS
    )
    assert all(read and read.drawer_id != reading.moderator_id for reading, read in readings)
    right = [
        read is not None and reading.answer == str(read.target_label) for reading, read in readings
    ]
    assert sum(right) / len(right) > 0.8
    verified = set(Attempt.objects.filter(ORIGINAL, status="verified").values_list("pk", flat=True))
    assert verified
    assert verified == set(Sample.objects.values_list("attempt", flat=True))
    assert list(consistency.problems()) == []


def test_who_did_not_fool_goes_on_from_the_same_picture_and_then_starts_anew() -> None:
    people = simulated_crowd.gather(1, 1, seed=2)
    made = drawn(people, 25)

    tries = [[made[0]]]
    for before, attempt in itertools.pairwise(made):
        if before.has_fooled or len(tries[-1]) == tactics.MOST_TRIES:
            tries.append([])
        tries[-1].append(attempt)
    assert any(len(series) == tactics.MOST_TRIES for series in tries)
    assert all(len({attempt.target_label for attempt in series}) == 1 for series in tries)
    assert (people.drawn, people.fooled, people.round) == (
        25,
        sum(attempt.has_fooled for attempt in made),
        1,
    )


def test_the_same_seed_draws_the_same_pictures() -> None:
    def pictures(seed: int) -> list[tuple[int, object]]:
        made = drawn(simulated_crowd.gather(2, 1, seed=seed), 8)
        Reading.objects.all().delete()
        Attempt.objects.all().delete()
        return [(attempt.target_label, attempt.strokes) for attempt in made]

    first = pictures(3)
    assert pictures(3) == first
    assert pictures(4) != first


@pytest.fixture
def one_refusal(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The second drawing meets this error."""
    submit, left = attempts.submit, [None, request.param]

    def refuse_once(*args: object) -> object:
        if left and (error := left.pop(0)):
            raise error
        return submit(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(attempts, "submit", refuse_once)


@pytest.mark.parametrize(
    ("one_refusal", "waits"),
    [
        (OperationalError("database is locked"), simulated_crowd.AFTER_A_REFUSAL),
        (TooMany("Too many.", 7), 7),
        (TooMany("Too many.", 3600), simulated_crowd.LONGEST_WAIT),
    ],
    indirect=["one_refusal"],
)
@pytest.mark.usefixtures("one_refusal")
@pytest.mark.django_db(
    transaction=True
)  # a database's error costs the connection, and with it a test's transaction
def test_a_refusal_is_waited_out(waits: float) -> None:
    people = simulated_crowd.gather(2, 1, seed=5, pace=0)
    assert [seconds for seconds in people.turns(4) if seconds] == [waits]
    assert (people.refused, people.drawn, Attempt.objects.count()) == (1, 4, 4)


def test_people_of_each_arm_are_given_to_it_by_the_lot_and_those_without_a_verdict_draw_on(
    short_trainings: None, ada: Person, settings: Any
) -> None:
    """From the lot to a model in every arm, by the site's own ways alone."""
    settings.LIMIT_SCALE = 1000
    study_settings.change(ada, arms="dynamic,static,none", round_size=3)
    for arm in Arm.values:
        rounds.open_first("mnist_model", arm)
    people = simulated_crowd.gather(None, 2, seed=9, pace=0)
    assert Counter(drawer.arm for drawer in people.drawers) == dict.fromkeys(Arm.values, 6)
    assert Allocation.objects.count() == 18
    for _ in people.turns(rounds=1):
        if claim := candidates.claim_next():
            tasks.train(claim)

    trained = RoundModel.objects.filter(initial_model__isnull=False)
    assert {(model.arm, model.state) for model in trained} <= set(
        itertools.product(Arm.values, ("promoted", "held"))
    )
    assert Counter(model.arm for model in trained) == dict.fromkeys(Arm.values, 1)
    drawn = Attempt.objects.filter(round__arm="none")
    assert not drawn.filter(needed_reading_count=0, readings=None).exists(), "all are read"
    told = list(people.progress())
    assert [line.split(" round 1, ")[0] for line in told] == Arm.values
    assert ["fooled" in line for line in told] == [True, True, False]
    assert list(consistency.problems()) == []
    for arm in Arm.values:
        drawer = next(drawer for drawer in people.drawers if drawer.arm == arm)
        drawer.fooler.give_up()
        drawer.act()
        while last_of(drawer).has_fooled:
            drawer.act()
        assert (drawer.fooler.last is None) == (arm == "none"), "told nothing, drawn anew"


def test_it_goes_on_after_copies_limits_and_a_missing_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn(simulated_crowd.gather(1, 1, seed=6), 3)
    copying = simulated_crowd.gather(1, 1, seed=6)
    assert len(drawn(copying, 3)) == 6
    assert copying.refused >= 1

    Round.objects.update(state=Round.State.CLOSED, closed_at=timezone.now())
    waiting = simulated_crowd.gather(1, 1, seed=7)
    turns = waiting.turns()
    assert next(turns) == simulated_crowd.AFTER_A_REFUSAL
    assert waiting.last_refusal == "No round is open."
    Round.objects.update(state=Round.State.OPEN, closed_at=None)
    while not waiting.drawn:
        next(turns)

    monkeypatch.setattr(limits, "SUBMISSIONS_A_MINUTE", limits.Limit("tight", 1, 60, "Too many."))
    limited = simulated_crowd.gather(1, 1, seed=8)
    for _ in zip(range(6), limited.turns(), strict=False):
        pass
    assert limited.refused
    assert "Try again in" in limited.last_refusal


def test_people_are_made_once_and_keep_their_hands() -> None:
    first, later = simulated_crowd.gather(7, 4, seed=1), simulated_crowd.gather(7, 4, seed=2)
    assert Person.objects.count() == 11
    assert all(name.endswith("-bot") for name in Person.objects.values_list("username", flat=True))
    assert [drawer.fooler.hand for drawer in first.drawers] == [
        drawer.fooler.hand for drawer in later.drawers
    ]
    assert len({drawer.fooler.hand.seed for drawer in first.drawers}) == 7


def test_the_password_is_the_one_given_or_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DADC_PASSWORD", "correct horse battery")
    simulated_crowd.gather(1, 1, seed=1)
    monkeypatch.delenv("DADC_PASSWORD")
    simulated_crowd.gather(2, 1, seed=1)
    known = {
        person.username: person.check_password("correct horse battery")
        for person in Person.objects.all()
    }
    assert known == {"penny-bot": True, "owl-bot": True, "quill-bot": False}


def test_the_command_ends_after_its_drawings_and_says_what_it_did() -> None:
    said = io.StringIO()
    call_command("crowd", drawers=2, moderators=1, pace=0.0, drawings=5, stdout=said)
    first, last = said.getvalue().splitlines()
    assert first == "A simulated crowd draws and moderates (2 and 1 people)."
    assert last.startswith("The crowd: round 1, 5 drawings, ")


def test_the_command_takes_nobody_elses_name() -> None:
    Person.objects.create(username="Owl-bot", role=Person.Role.CROWDWORKER)
    with pytest.raises(CommandError, match="taken"):
        call_command("crowd", drawings=1)
