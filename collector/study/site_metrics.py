"""How the site is at this moment as metrics for Prometheus, asked of the database in few queries,
however much it holds."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.db import Error
from django.db.models import Count
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from collector.models import Alarm, Attempt, Email, Reading, clock
from collector.study import site_status
from trainer.models import Arm, Round, RoundModel

State = RoundModel.State


def collect() -> list[Metric]:
    """Return all of it; where the database does not answer, that, and how full the disk is."""
    try:
        of_rows, is_up = [*_status(), *_waiting(), *_trainings(), *_round()], 1
    except Error:
        of_rows, is_up = [], 0
    return [
        _gauge("database_up", "Whether the database answers.", is_up),
        *_disk(),
        *of_rows,
    ]


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dadc_{name}", told, value)


def _gauges(name: str, told: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """A gauge for each value of one label."""
    family = GaugeMetricFamily(f"dadc_{name}", told, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counts(names: Iterable[str], rows: Iterable[tuple[str, int]]) -> dict[str, float]:
    """Counted rows by name, 0 where there are none."""
    return dict.fromkeys(names, 0.0) | dict(rows)


def _disk() -> Iterator[GaugeMetricFamily]:
    total, free = site_status.disk()
    yield _gauge("disk_free_bytes", "Free bytes on the disk of the data folder.", free)
    yield _gauge("disk_free_share", "The free share of that disk, 0 to 1.", free / total)


def _status() -> Iterator[GaugeMetricFamily]:
    """What the desk shows."""
    status = site_status.measure()
    age = _seconds_since(status.oldest) if status.oldest else 0
    beats = GaugeMetricFamily(
        "dadc_heartbeat_age_seconds",
        "Since a program on a machine last showed life.",
        labels=["program", "machine"],
    )
    for sign in status.signs:
        beats.add_metric([sign.program, sign.machine], _seconds_since(sign.beat_at))
    yield _gauge("queue_length", "Drawings that wait to be read.", status.waiting)
    yield _gauge("queue_readings", "Readings that would settle them.", status.needed_reading_count)
    yield _gauge("queue_oldest_seconds", "How long the oldest of them has waited.", age)
    yield _gauge("attempts_last_day", "Drawings of the last 24 hours.", status.drawings)
    yield _gauge("readings_last_day", "Readings of the last 24 hours.", status.readings)
    yield beats


def _waiting() -> Iterator[GaugeMetricFamily]:
    leases = Reading.objects.filter(answer=None, lease_expires_at__gt=clock.now())
    alarms = Alarm.objects.filter(ended_at=None).exclude(told_at=None)
    told = [(kind, 1) for kind in alarms.values_list("kind", flat=True)]
    kinds = _counts(Alarm.Kind.values, told)
    yield _gauge("leases", "Drawings that are with a moderator now.", leases.count())
    yield _gauge("emails_waiting", "Emails that wait to be sent.", Email.objects.count())
    yield _gauges("alarm", "Whether admins were told of this, and it goes on.", "kind", kinds)


def _trainings() -> Iterator[GaugeMetricFamily]:
    trained = RoundModel.objects.filter(initial_model__isnull=False)
    rows = trained.values_list("state").annotate(count=Count("pk")).order_by()
    counts = _counts(State.values, rows)
    yield _gauges("trainings", "Models trained here, by what became of them.", "state", counts)
    running = trained.filter(state=State.TRAINING).first()
    if running:
        age = _seconds_since(running.created_at)
        yield _gauge("training_progress", "How far the training is, 0 to 1.", running.progress)
        yield _gauge("training_age_seconds", "Seconds since it was begun.", age)


def _round() -> Iterator[GaugeMetricFamily]:
    number, pk = Round.objects.values_list("number", "pk").get(
        state=Round.State.OPEN, arm=Arm.DYNAMIC
    )
    yield _gauge("open_round", "The number of the open round.", number)
    attempts = Attempt.objects.filter(round=pk)
    rows = attempts.values_list("status").annotate(count=Count("status")).order_by()
    counts = _counts(Attempt.Status.values, rows)
    yield _gauges("round_attempts", "Drawings of the open round.", "status", counts)


def _seconds_since(moment: datetime) -> float:
    return max(0.0, (clock.now() - moment).total_seconds())
