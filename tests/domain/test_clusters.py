"""Workers that have fallen silent are noticed, whatever the clock says and whoever else works;
those whose database is away are not taken for silent."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule

from collector import health
from collector.management import queue
from collector.management.commands import cluster
from collector.management.commands.setup import SCHEDULES
from collector.models import Study
from collector.people import retention
from trainer import heartbeats, tasks
from trainer.models import Heartbeat

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


def test_workers_are_asked_at_once_and_then_after_each_answer(study: Study, clock: Clock) -> None:
    asking = cluster.Asking()
    for turn in range(1, 4):
        assert not asking.is_silent()
        assert OrmQ.objects.count() == turn
        clock.now += cluster.SILENT_AFTER - 1
        assert not asking.is_silent(), "asked once until there is an answer"
        assert OrmQ.objects.count() == turn
        tasks.beat()
        assert not asking.is_silent()
        clock.now += cluster.ASK_EVERY


@pytest.mark.parametrize("days_ahead", [0, 1])
def test_one_that_does_not_answer_is_silent_whatever_time_its_last_beat_has(
    days_ahead: int, study: Study, clock: Clock
) -> None:
    beat_at = timezone.now() + days_ahead * DAY
    Heartbeat.objects.create(program="worker", machine=heartbeats.MACHINE, beat_at=beat_at)
    asking = cluster.Asking()
    assert not asking.is_silent()
    clock.now += cluster.SILENT_AFTER + 1
    assert asking.is_silent()


def test_another_machines_workers_answer_for_nobody_else(
    study: Study, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = cluster.Asking()
    assert not asking.is_silent()
    assert [message.key for message in OrmQ.objects.all()] == [queue.OWN]
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(heartbeats, "MACHINE", "another")
        elsewhere.setattr(queue, "OWN", "dadc@another")
        elsewhere.setattr("django_q.conf.Conf.POLL", 0)
        assert get_broker().dequeue() is None
        tasks.beat()
    clock.now += cluster.SILENT_AFTER + 1
    assert asking.is_silent()
    assert len(get_broker().dequeue()) == 1


def test_a_database_that_is_away_is_no_silence(
    study: Study, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = cluster.Asking()
    assert not asking.is_silent()
    clock.now += cluster.SILENT_AFTER + 1
    with monkeypatch.context() as away:

        def gone() -> Any:
            raise OperationalError("The server closed the connection.")

        away.setattr(Heartbeat.objects, "filter", lambda **which: gone())
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
def test_a_beat_in_the_future_is_no_sign_of_life(study: Study) -> None:
    for program in ("worker", "trainer"):
        Heartbeat.objects.create(
            program=program, machine=heartbeats.MACHINE, beat_at=timezone.now() + DAY
        )
    assert [said for said in health.problems() if "sign of life" in said]
    heartbeats.beat("worker")
    heartbeats.beat("trainer")
    assert not [said for said in health.problems() if "sign of life" in said]


def test_it_is_ready_while_one_worker_and_one_trainer_are_left_and_says_who_is_missing(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent() -> list[str]:
        return [said for said in health.problems() if "sign of life" in said]

    assert silent() == ["No sign of life from any worker or from any trainer."]
    for machine in ("north", "south"):
        monkeypatch.setattr(heartbeats, "MACHINE", machine)
        heartbeats.beat("worker")
        heartbeats.beat("trainer")
    assert silent() == []
    long_ago = timezone.now() - timedelta(minutes=4)
    Heartbeat.objects.filter(machine="north").update(beat_at=long_ago)
    assert silent() == []
    assert [(sign.machine, sign.is_alive) for sign in heartbeats.signs("trainer")] == [
        ("north", False),
        ("south", True),
    ]
    Heartbeat.objects.filter(program="trainer").update(beat_at=long_ago)
    assert silent() == ["No sign of life from the trainer on north or south."]
    heartbeats.beat("trainer")
    heartbeats.end("worker")
    assert silent() == ["No sign of life from the worker on north."], "south was ended as it should"
    Heartbeat.objects.update(beat_at=timezone.now() - 2 * DAY)
    retention.keep()
    assert not Heartbeat.objects.exists()
