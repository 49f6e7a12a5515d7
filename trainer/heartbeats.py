"""Signs of life of the site's programs, by machine and by the database's time: what readiness and
the desk know of who works where."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

from django.db.models import BooleanField, Case, Q, Value, When
from django.db.models.functions import Now

from trainer.learning.sentences import Sentence
from trainer.models import Heartbeat

BEATS_EVERY = 10.0  # seconds
SILENCE = timedelta(minutes=3)
FORGOTTEN_AFTER = timedelta(days=1)
MACHINE = socket.gethostname()[:64]


@dataclass(frozen=True)
class Sign:
    """The last sign of life of one machine's program, and whether it is recent enough."""

    program: str
    machine: str
    beat_at: datetime
    is_alive: bool


def beat(program: str) -> None:
    """Note that this machine's `program` (web, worker or trainer) lives."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(program=program, machine=MACHINE, beat_at=Now())],
        update_conflicts=True,
        unique_fields=["program", "machine"],
        update_fields=["beat_at"],
    )


def end(program: str) -> None:
    """Note that this machine's `program` was ended as it should, and will not be missed."""
    Heartbeat.objects.filter(program=program, machine=MACHINE).delete()


def last(program: str) -> datetime | None:
    """Return when this machine's `program` last showed life; None before the first time."""
    beats = Heartbeat.objects.filter(program=program, machine=MACHINE)
    return beats.values_list("beat_at", flat=True).first()


def signs(*programs: str) -> list[Sign]:
    """Return the signs of life of these programs on all machines, by program and machine. One in
    the future is of a clock that was ahead, and says nothing."""
    is_recent = Q(beat_at__gt=Now() - SILENCE, beat_at__lt=Now() + SILENCE)
    found = Heartbeat.objects.filter(program__in=programs).annotate(
        is_alive=Case(When(is_recent, then=Value(True)), default=False, output_field=BooleanField())
    )
    return [
        Sign(*row)
        for row in found.order_by("program", "machine").values_list(
            "program", "machine", "beat_at", "is_alive"
        )
    ]


def living() -> list[str]:
    """Name the programs that have lately shown life, with their machines."""
    known = signs("web", "worker", "trainer")
    return [f"the {sign.program} on {sign.machine}" for sign in known if sign.is_alive]


def forget() -> None:
    """Forget all signs of life, as those of another time."""
    Heartbeat.objects.all().delete()


def missing(*programs: str) -> list[Sentence]:
    """Name those of these programs that no machine shows a sign of life of, with the machines that
    once did."""
    known = signs(*programs)
    without = [
        program
        for program in programs
        if not any(sign.is_alive for sign in known if sign.program == program)
    ]
    return [_named(program, known) for program in without]


def _named(program: str, known: list[Sign]) -> Sentence:
    machines = [sign.machine for sign in known if sign.program == program]
    if not machines:
        return Sentence("any {program}", program=program)
    return Sentence("the {program} on {machines}", program=program, machines=reduce(_or, machines))


def _or(one: str, other: str) -> str:
    return Sentence("{one} or {other}", one=one, other=other)
