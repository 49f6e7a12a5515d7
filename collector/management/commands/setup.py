"""`manage.py setup`: make a database ready to serve — tables, study, round 1, practice drawings,
schedules, a first admin. Run again, it changes nothing."""

import multiprocessing
import os
import secrets
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import OperationalError, connection
from django_q.models import Schedule

from collector.errors import Refused
from collector.management import arguments
from collector.management.alone import alone
from collector.management.commands.migrate import ANEW
from collector.models import Person, clock
from collector.moderation import gold
from collector.people import accounts, sessions
from collector.study import schema
from collector.study import settings as study_settings
from trainer import rounds

SCHEDULES: list[dict[str, object]] = [
    {
        "name": "start what is due",
        "func": "collector.tasks.start_if_due",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "pause untrusted moderators",
        "func": "collector.tasks.pause_untrusted_moderators",
        "schedule_type": "I",
        "minutes": 1,
    },
    {"name": "tell people", "func": "collector.tasks.tell", "schedule_type": "I", "minutes": 1},
    {
        "name": "look for alarms",
        "func": "collector.tasks.look_for_alarms",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "send emails",
        "func": "collector.tasks.send_emails",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "tell webhooks",
        "func": "collector.tasks.tell_webhooks",
        "schedule_type": "I",
        "minutes": 1,
    },
    {"name": "tidy", "func": "collector.tasks.tidy", "schedule_type": "H"},
    {"name": "fetch MNIST", "func": "trainer.tasks.fetch_mnist", "schedule_type": "D"},
]

OPEN_TO_OTHERS = (
    "Other users of this machine may look into the data folder. It is left so, since it holds what "
    "is not this site's; to close it: chmod 700."
)
OTHER_TABLES = (
    "The tables of this database are not those of this version, so nothing is served:\n  "
    f"{{differences}}\nPut right what is named here, or {ANEW}"
)


SHARED = (
    "Behind a proxy all strangers have its address, and so share the limits on sign-ups, sign-ins, "
    "forgotten passwords and previews. Set DADC_TRUSTED_PROXIES to the number of proxies in front "
    "that add to X-Forwarded-For."
)


ANOTHER_KEY = (
    "The secret key is not the one of before: people sign in again, links in emails are void, and "
    "codes of authenticator apps are wrong for good. If that was not meant, set "
    "DADC_SECRET_KEY to the one before."
)
CLOCKS_AGREE_WITHIN = 5.0  # seconds
CLOCKS_DIFFER = (
    "This machine’s clock is {seconds:.0f} s {how} the database’s, and times that it writes are as "
    "wrong. Set the clocks by NTP."
)


class Command(BaseCommand):
    help = (
        "Prepare the database: tables, study, round 1, schedules, and at first start an "
        "admin whose password is shown."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--serve",
            action="store_true",
            help="check that PORT is free; say what is amiss with how it is served",
        )

    def handle(self, *args: object, **options: Any) -> None:
        for sentence in settings.MISSPELT:
            self.stderr.write(sentence)
        if settings.DATA_DIR.stat().st_mode & 0o077:
            self.stderr.write(OPEN_TO_OTHERS)
        port = settings.PORT
        if options["serve"]:
            for address in settings.ADDRESSES:
                _check_free(address, port)
            _check_locks()
        try:
            connection.ensure_connection()
        except OperationalError as error:
            raise CommandError(f"The database cannot be reached. {error}") from error
        _compare_clocks(self.stderr.write)
        with alone(settings.DATA_DIR):
            self._set_up(serve=options["serve"])

    def _set_up(self, *, serve: bool) -> None:
        """Make the database ready; one process at a time, so that the second finds it done."""
        call_command("migrate", verbosity=0, interactive=False)
        if differing := schema.differences():
            raise CommandError(OTHER_TABLES.format(differences="\n  ".join(differing)))
        study = study_settings.begin()
        for arm in study.weights:
            rounds.open_first(study.architecture, arm)
        gold.ship()
        for schedule in SCHEDULES:
            Schedule.objects.update_or_create(name=schedule["name"], defaults=schedule)
        Schedule.objects.exclude(name__in=[each["name"] for each in SCHEDULES]).delete()
        if serve and not settings.LOCAL and not settings.TRUSTED_PROXIES:
            self.stdout.write(SHARED)
        if sessions.are_of_another_key():
            self.stdout.write(ANOTHER_KEY)
        self._first_admin()
        self.stdout.flush()

    def _first_admin(self) -> None:
        if Person.objects.filter(role=Person.Role.ADMIN).exists():
            return
        password = arguments.password(partial(secrets.token_urlsafe, 9))
        try:
            accounts.add("admin", password, role=Person.Role.ADMIN)
        except Refused as refusal:
            if refusal.field != "username":
                raise CommandError(f"DADC_PASSWORD: {refusal.message}") from refusal
            self.stderr.write(
                "Nobody is an admin, and the name “admin” is taken. Add one: "
                "manage.py add_person NAME --role admin"
            )
            return
        shown = (
            "that of DADC_PASSWORD"
            if os.environ.get("DADC_PASSWORD")
            else f"{password} (shown this once)"
        )
        self.stdout.write(f"Sign in as admin, password {shown}; change it on your account page.")


def _compare_clocks(tell: Callable[[str], object]) -> None:
    """Say so where this machine's clock and the database's differ."""
    ahead = clock.ahead().total_seconds()
    if abs(ahead) > CLOCKS_AGREE_WITHIN:
        tell(CLOCKS_DIFFER.format(seconds=abs(ahead), how="ahead of" if ahead > 0 else "behind"))


def _check_locks() -> None:
    try:
        multiprocessing.Lock()
    except OSError as error:
        raise CommandError(
            f"Queue workers share their locks in /dev/shm, where this user may not write. {error}"
        ) from error


def _check_free(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError as error:
            raise CommandError(
                f"This user may not open port {port}; try PORT=8000 make run"
            ) from error
        except OSError as error:
            raise CommandError(f"Port {port} is in use; try PORT={port + 1} make run") from error
