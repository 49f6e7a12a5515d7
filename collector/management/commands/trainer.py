"""`manage.py trainer`: claims and does trainings until it is ended; any number of them, on any
machine.

Each training is done by a child process, so that one that is killed or eats all memory takes
nothing else with it, and what it leaks ends with it. The database may be away for as long as it
likes.
"""

import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from time import monotonic, sleep
from typing import TypeVar

from django.core.management import BaseCommand
from django.db import DatabaseError, InterfaceError, connections

from collector.management import lifeline
from collector.people import notices
from trainer import candidates, heartbeats, tasks

LOOKS_EVERY = 0.1  # seconds
ASKS_EVERY = 1.0  # seconds; also when the database was away
ENDS_WITHIN = 8  # seconds, also where the database does not answer
HANGS_AFTER = 600.0  # seconds that a child does not come on
T = TypeVar("T")


class Command(BaseCommand):
    help = "Train what waits to be trained, one after the other, until ended."

    def handle(self, *args: object, **options: object) -> None:
        if os.getpgrp() != os.getpid():
            os.setpgrp()
        Trainer().work()


class Trainer:
    """Takes trainings and sees to them, one at a time."""

    def __init__(self) -> None:
        self.is_ending = False
        self.beat_at = -heartbeats.BEATS_EVERY
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def work(self) -> None:
        """Train until asked to end."""
        while not self.is_ending:
            self._beat()
            claim = _asked(candidates.claim_next)
            if claim is None:
                self._pause()
            else:
                self._see_to(claim)
        _asked(lambda: heartbeats.end("trainer"))

    def _end(self, *_: object) -> None:
        self.is_ending = True
        signal.alarm(ENDS_WITHIN)  # it kills; the child ends with its parent

    def _pause(self) -> None:
        until = monotonic() + ASKS_EVERY
        while not self.is_ending and monotonic() < until:
            sleep(LOOKS_EVERY)

    def _see_to(self, claim: candidates.Claim) -> None:
        """Have a child do the training, and say what became of the claim when the child cannot."""
        connections.close_all()  # which a child would share
        child = get_context("fork").Process(target=_train, args=(claim, os.getpid()))
        child.start()
        self._watch(child, claim)
        child.kill()
        child.join()
        if child.exitcode == -signal.SIGTERM:
            self._pause()  # who ends all of a machine sends it here too; who wants memory does not
        if self.is_ending or child.exitcode == os.EX_TEMPFAIL:
            self._insist(lambda: candidates.give_back(claim))
        elif child.exitcode:
            how = f"ended by signal {-child.exitcode}" if child.exitcode < 0 else "broken off"
            print(f"The training of candidate {claim.candidate_id} was {how}.", file=sys.stderr)
            self._insist(lambda: candidates.release(claim))

    def _watch(self, child: BaseProcess, claim: candidates.Claim) -> None:
        """Keep the lease while the child trains, however little of the processor others leave it,
        until it ends, this is to end, or the claim is lost at two looks in a row. A child that has
        not come on for long, while the database was there, hangs."""
        lost_count, seen, hangs_at = 0, 0.0, monotonic() + HANGS_AFTER
        while child.is_alive() and not self.is_ending and lost_count < 2 and monotonic() < hangs_at:
            child.join(LOOKS_EVERY)
            if not self._beat():
                continue
            try:
                progress = _asked(lambda: candidates.keep(claim))
            except candidates.LeaseLost:
                lost_count += 1
                continue
            lost_count = 0
            if progress != seen:
                seen, hangs_at = progress or 0.0, monotonic() + HANGS_AFTER

    def _beat(self) -> bool:
        """Show life, if it is time to; whether it was."""
        is_due = monotonic() - self.beat_at >= heartbeats.BEATS_EVERY
        if is_due:
            _asked(lambda: heartbeats.beat("trainer"))
            self.beat_at = monotonic()
        return is_due

    def _insist(self, write: Callable[[], None]) -> None:
        """Write this as soon as the database is there; once, when asked to end."""
        while not _is_done(write) and not self.is_ending:
            self._pause()


def _train(claim: candidates.Claim, parent: int) -> None:
    """Train, as the child, and tell people of the round that opened; where the database is away end
    with a status that says so."""
    lifeline.end_with(parent)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's, meant for the parent
    try:
        tasks.train(claim)
    except tasks.DatabaseAway:
        sys.exit(os.EX_TEMPFAIL)
    _asked(notices.notify_of_round)  # or a worker does, later


def _asked(question: Callable[[], T]) -> T | None:
    """What the database answers; None while it is away."""
    try:
        return question()
    except (DatabaseError, InterfaceError):
        connections.close_all()
        return None


def _is_done(write: Callable[[], None]) -> bool:
    def done() -> bool:
        write()
        return True

    return _asked(done) or False
