"""`manage.py cluster`: a cluster of django-q2 workers that is ended once one of them was killed or
all have fallen silent, so that its parent starts it again.

A worker that is killed while it waits for a task takes the lock of its queue with it, and whoever
replaces it waits for ever; a clock that was ahead for a while leaves schedules in the future. So
nobody who was killed is replaced, the cluster is asked again and again for a sign of life, and
schedules that are too far off are brought back.
"""

import os
import resource
import signal
import sys
from datetime import datetime, timedelta
from multiprocessing import Process
from time import monotonic, sleep

import django_q.cluster
from django.core.management import BaseCommand
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import Schedule
from django_q.tasks import async_task

from collector.management import lifeline
from collector.management.queue import OWN
from trainer import heartbeats

ASK_EVERY = heartbeats.BEATS_EVERY
SILENT_AFTER = 65.0  # a task may take 60
MOST_GROWTH = 90_000  # kB; a worker that has held more, MNIST for one, makes room for a new one
PERIODS = {"I": timedelta(minutes=1), "H": timedelta(hours=1), "D": timedelta(days=1)}


class Command(BaseCommand):
    help = "Run this machine's workers, which do the queue's short tasks, and see to them."

    def handle(self, *args: object, **options: object) -> None:
        if os.getpgrp() != os.getpid():
            os.setpgrp()  # so that all of it can be ended, and nothing else
        lifeline.tie_children()
        Conf.MAX_RSS = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + MOST_GROWTH
        django_q.cluster.Sentinel = Guard  # which Cluster starts
        cluster = django_q.cluster.Cluster()
        cluster.start()
        asking = Asking()
        while cluster.sentinel.is_alive() and not asking.is_silent():
            sleep(0.5)
        if cluster.has_stopped:
            heartbeats.end("worker")
            return
        why = "gave no sign of life" if cluster.sentinel.is_alive() else "have lost their guard"
        self.stderr.write(f"The workers {why} and are ended.")
        os.killpg(0, signal.SIGKILL)


class Guard(django_q.cluster.Sentinel):  # type: ignore[misc]
    """Looks after the cluster's processes as django-q2 does, but ends all when one was killed."""

    def reincarnate(self, process: Process) -> None:
        if (process.exitcode or 0) < 0:
            print("A worker was killed, and all beside it are ended.", file=sys.stderr, flush=True)
            os.killpg(0, signal.SIGKILL)
        super().reincarnate(process)


class Asking:
    """Asks this machine's workers for a sign of life by a task that leaves one, one at a time."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        self.answered_at = monotonic() - ASK_EVERY
        self.seen: datetime | None = None

    def is_silent(self) -> bool:
        """Ask, if it is time to; whether the last question has gone unanswered for too long.
        Called every second or so. A database that is away is no silence."""
        try:
            return self._is_silent()
        except (DatabaseError, InterfaceError):
            connection.close()
            self.asked_at, self.answered_at = None, monotonic()
            return False

    def _is_silent(self) -> bool:
        now = monotonic()
        if self.asked_at is None:
            if now - self.answered_at >= ASK_EVERY:
                bring_back_schedules()
                self.seen, self.asked_at = heartbeats.last("worker"), now
                async_task("trainer.tasks.beat", cluster=OWN, save=False)
            return False
        if heartbeats.last("worker") != self.seen:
            self.asked_at, self.answered_at = None, now
        return self.asked_at is not None and now - self.asked_at > SILENT_AFTER


def bring_back_schedules() -> None:
    """Let run now what is scheduled later than its period and again as long allow."""
    now = timezone.now()
    for kind, period in PERIODS.items():
        late = Schedule.objects.filter(schedule_type=kind, next_run__gt=now + 2 * period)
        late.update(next_run=now)
