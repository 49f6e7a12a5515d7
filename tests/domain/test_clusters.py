"""A cluster that has fallen silent is noticed, whatever the clock says; one that trains, or whose
database is away, is not taken for silent."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from collector import health
from collector.management.commands import cluster
from collector.management.commands.setup import SCHEDULES
from collector.models import Study
from trainer import candidates, tasks
from trainer.models import Heartbeat, RoundModel

DAY = timedelta(days=1)
pytestmark = pytest.mark.usefixtures("a_sample")


class Clock:
    """What the cluster's command takes for the time that passes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(cluster, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_cluster_is_asked_at_once_and_then_after_each_answer(study: Study, clock: Clock) -> None:
    asking = cluster.Asking("dadc")
    for turn in range(1, 4):
        assert not asking.is_silent()
        assert OrmQ.objects.count() == turn
        clock.now += cluster.SILENT_AFTER - 1
        assert not asking.is_silent(), "asked once until there is an answer"
        assert OrmQ.objects.count() == turn
        tasks.beat("dadc")
        assert not asking.is_silent()
        clock.now += cluster.ASK_EVERY


@pytest.mark.parametrize("days_ahead", [0, 1])
def test_one_that_does_not_answer_is_silent_whatever_time_its_last_beat_has(
    days_ahead: int, study: Study, clock: Clock
) -> None:
    beat_at = timezone.now() + days_ahead * DAY
    Heartbeat.objects.create(cluster="train", beat_at=beat_at)
    asking = cluster.Asking("train")
    assert not asking.is_silent()
    clock.now += cluster.SILENT_AFTER + 1
    assert asking.is_silent()


def test_one_that_trains_is_not_silent(study: Study, clock: Clock) -> None:
    candidate = candidates.start("mnist_model")
    claim = candidates.claim(candidate.pk)
    assert claim
    asking = cluster.Asking("train")
    for _ in range(3):
        assert not asking.is_silent()
        clock.now += cluster.SILENT_AFTER + 1
    candidates.fail(claim, "It broke.")
    asking.is_silent()
    clock.now += cluster.SILENT_AFTER + 1
    assert asking.is_silent()


def test_a_database_that_is_away_is_no_silence(
    study: Study, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = cluster.Asking("dadc")
    assert not asking.is_silent()
    clock.now += cluster.SILENT_AFTER + 1
    with monkeypatch.context() as away:

        def gone(name: str) -> Any:
            raise OperationalError("The server closed the connection.")

        away.setattr(Heartbeat.objects, "filter", lambda cluster: gone(cluster))
        away.setattr(connection, "close", lambda: None)
        assert not asking.is_silent()
    clock.now += cluster.ASK_EVERY
    assert not asking.is_silent()
    clock.now += cluster.SILENT_AFTER + 1
    assert asking.is_silent()


@pytest.mark.survives(
    "the clock a day ahead, then right",
    "schedules, leases and heartbeats of that day are not waited for",
)
def test_a_clock_that_was_a_day_ahead_leaves_no_schedule_in_the_future(study: Study) -> None:
    with time_machine.travel(timezone.now() + DAY):
        for each in SCHEDULES:
            Schedule.objects.create(**each)
    cluster.bring_back_schedules()
    now = timezone.now()
    due = Schedule.objects.filter(next_run__lte=now).values_list("schedule_type", flat=True)
    assert {"I", "H"} == set(due), "what runs daily may well be due in a day"
    Schedule.objects.update(next_run=now + timedelta(seconds=50))
    cluster.bring_back_schedules()
    assert not Schedule.objects.filter(next_run__lte=now).exists()


@pytest.mark.survives(
    "the clock a day ahead, then right",
    "schedules, leases and heartbeats of that day are not waited for",
)
def test_a_lease_given_by_a_clock_that_was_ahead_holds_nobody_up(study: Study) -> None:
    candidate = candidates.start("mnist_model")
    with time_machine.travel(timezone.now() + DAY):
        assert candidates.claim(candidate.pk)
        assert candidates.is_training()
    assert not candidates.is_training()
    candidates.recover()
    assert OrmQ.objects.count() == 1, "too young to have been left lying"
    RoundModel.objects.filter(pk=candidate.pk).update(created_at=timezone.now() - DAY)
    candidates.recover()
    assert OrmQ.objects.count() == 2
    assert candidates.claim(candidate.pk)


@pytest.mark.survives(
    "the clock a day ahead, then right",
    "schedules, leases and heartbeats of that day are not waited for",
)
def test_a_beat_in_the_future_is_no_sign_of_life(study: Study) -> None:
    for name in ("dadc", "train"):
        Heartbeat.objects.create(cluster=name, beat_at=timezone.now() + DAY)
    assert [said for said in health.problems() if "dadc and train" in said]
    tasks.beat("dadc")
    tasks.beat("train")
    assert not [said for said in health.problems() if "sign of life" in said]
