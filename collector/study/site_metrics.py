"""How the site is at this moment as metrics for Prometheus, asked of the database in few queries,
however much it holds."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.db import Error
from django.db.models import Count, Sum
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from collector.models import Alarm, Attempt, Email, Reading, Tally, clock
from collector.study import site_status
from trainer.models import Round, RoundModel

State = RoundModel.State


def collect() -> list[Metric]:
    """Return all of it; where the database does not answer, that, and how full the disk is."""
    try:
        of_rows, is_up = [*_status(), *_waiting(), *_trainings(), *_arms()], 1
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


def _arms() -> Iterator[GaugeMetricFamily]:
    """Open rounds and what is in training; in a study of several arms by arm."""
    opened = list(Round.objects.filter(state=Round.State.OPEN).values_list("arm", "number", "pk"))
    running = RoundModel.objects.filter(state=State.TRAINING).order_by("arm")
    training = list(running.only("arm", "progress", "created_at"))
    ages = {model.arm: _seconds_since(model.created_at) for model in training}
    of_arms: tuple[tuple[str, str, dict[str, float]], ...] = (
        ("open_round", "The number of the open round.", {arm: n for arm, n, _ in opened}),
        (
            "training_progress",
            "How far the training is, 0 to 1.",
            {model.arm: model.progress for model in training},
        ),
        ("training_age_seconds", "Seconds since it was begun.", ages),
    )
    for name, told, values in of_arms:
        if len(opened) > 1:
            yield _gauges(name, told, "arm", values)
        else:
            yield from (_gauge(name, told, value) for value in values.values())
    yield _attempts({pk: arm for arm, _, pk in opened})


def _attempts(arms: Mapping[int, str]) -> GaugeMetricFamily:
    """Drawings of the open rounds, of which the arm of each is given by its key."""
    labels = ["arm", "status"] if len(arms) > 1 else ["status"]
    told = "Drawings of the open round."
    family = GaugeMetricFamily("dadc_round_attempts", told, labels=labels)
    statuses = Attempt.Status.values
    sums = {status: Sum(f"all_{status}_count") for status in statuses}
    rows = Tally.objects.filter(round__in=arms).order_by().values_list("round")
    counts = {pk: of_round for pk, *of_round in rows.annotate(**sums)}
    for pk, arm in arms.items():
        for status, n in zip(statuses, counts.get(pk, [0] * len(statuses)), strict=True):
            family.add_metric([arm, status][-len(labels) :], n)
    return family


def _seconds_since(moment: datetime) -> float:
    return max(0.0, (clock.now() - moment).total_seconds())
