"""`manage.py setup`: make a database ready to serve — tables, study, round 1, practice drawings,
schedules, a first admin. Run again, it changes nothing."""

import os
import secrets
import socket
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django_q.models import Schedule
from django_q.tasks import async_task

from collector.models import Person
from collector.moderation import gold
from collector.people import accounts
from collector.study import settings as study_settings
from trainer import rounds

SCHEDULES: list[dict[str, object]] = [
    {
        "name": "look after trainings",
        "func": "trainer.tasks.look_after",
        "schedule_type": "I",
        "minutes": 1,
    },
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
    {"name": "tidy", "func": "collector.tasks.tidy", "schedule_type": "H"},
    {"name": "fetch MNIST", "func": "trainer.tasks.fetch_mnist", "schedule_type": "D"},
    {
        "name": "training worker's heartbeat",
        "func": "trainer.tasks.beat",
        "args": "'train'",
        "cluster": "train",
        "schedule_type": "I",
        "minutes": 1,
    },
]


class Command(BaseCommand):
    help = (
        "Prepare the database: tables, study, round 1, schedules, and at first start an "
        "admin whose password is shown."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--serve-on",
            type=int,
            metavar="PORT",
            help="check that this port is free; print addresses",
        )

    def handle(self, *args: object, **options: Any) -> None:
        port = options["serve_on"]
        if port:
            _check_free(port)
        call_command("migrate", verbosity=0, interactive=False)
        study = study_settings.begin()
        rounds.open_first(study.architecture)
        gold.ship()
        for schedule in SCHEDULES:
            Schedule.objects.update_or_create(name=schedule["name"], defaults=schedule)
        # The clusters look at schedules only half a minute after their start; these say at once
        # that they live.
        async_task("trainer.tasks.look_after")
        async_task("trainer.tasks.beat", "train", cluster="train")
        if port:
            self.stdout.write(self.style.SUCCESS(f"Fool the Digits is at http://127.0.0.1:{port}/"))
        self._first_admin()
        self.stdout.flush()

    def _first_admin(self) -> None:
        if Person.objects.filter(role=Person.Role.ADMIN).exists():
            return
        password = os.environ.get("DADC_PASSWORD") or secrets.token_urlsafe(9)
        accounts.add("admin", password, role=Person.Role.ADMIN)
        shown = "from DADC_PASSWORD" if os.environ.get("DADC_PASSWORD") else password
        self.stdout.write(
            f"Sign in as admin, password {shown} (shown this once; change it on your account page)."
        )


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(f"Port {port} is in use; try PORT={port + 1} make run") from error
