"""`manage.py crowd`: a simulated crowd that draws and moderates beside the site until it is
stopped."""

import random
import signal
import threading
import time
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.errors import Refused
from collector.management import simulated_crowd
from collector.management.arguments import at_least_one

TELL_EVERY = 30.0


class Command(BaseCommand):
    help = (
        "Let simulated people, whose names end in -bot, draw and moderate on this site, until "
        "stopped. New ones get DADC_PASSWORD, else a password that nobody knows. Never on a site "
        "that collects real data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--drawers", type=at_least_one, metavar="N", help="default: six, or six times the arms"
        )
        parser.add_argument(
            "--moderators", type=at_least_one, default=len(simulated_crowd.MODERATORS), metavar="N"
        )
        parser.add_argument(
            "--pace",
            type=float,
            default=simulated_crowd.PACE,
            metavar="SECONDS",
            help="mean pause after an act",
        )
        parser.add_argument(
            "--seed",
            type=int,
            help="the same one again draws the same pictures; default: a new one",
        )
        parser.add_argument("--drawings", type=at_least_one, metavar="N", help="end after so many")

    def handle(self, *args: object, **options: Any) -> None:
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: stop.set())
            signal.signal(signal.SIGINT, lambda *_: stop.set())
        seed = (
            random.SystemRandom().randrange(1 << 32) if options["seed"] is None else options["seed"]
        )
        try:
            people = simulated_crowd.gather(
                options["drawers"], options["moderators"], seed=seed, pace=max(0.0, options["pace"])
            )
        except Refused as refusal:
            raise CommandError(f"{refusal.field}: {refusal.message}") from refusal
        self._say(
            f"A simulated crowd draws and moderates ({len(people.drawers)} and "
            f"{len(people.moderators)} people)."
        )
        last_told_at = time.monotonic()
        for seconds in people.turns(options["drawings"]):
            if stop.wait(seconds):
                break
            if time.monotonic() - last_told_at > TELL_EVERY:
                self._tell(people)
                last_told_at = time.monotonic()
        self._tell(people)

    def _tell(self, people: simulated_crowd.Crowd) -> None:
        line = f"The crowd: {'; '.join(people.progress())}"
        if people.refused:
            line += f", {people.refused} refused, last: {people.last_refusal}"
        self._say(line)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
