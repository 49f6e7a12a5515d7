"""`manage.py restore FILE`: a backup into an empty database, and on to this version."""

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser, call_command

from collector.data import backups
from collector.errors import Refused
from collector.study import schema
from trainer import heartbeats

DONE = (
    "Passwords, sessions and tokens are those of then. A training that was under way is taken up "
    "again within two minutes once the site runs, or fails visibly."
)


class Command(BaseCommand):
    help = (
        "Put a backup into the empty database, all of it or nothing, and bring it forward to this "
        "version. Stop the site first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="delete all that is in the database"
        )

    def handle(self, *args: object, **options: Any) -> None:
        try:
            made = backups.restore(options["file"], replaces=options["replace"])
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"Restored as of {made.taken_at}, made by version {made.version}: {made}.\n{DONE}"
        )
        call_command("migrate", verbosity=0, interactive=False)
        heartbeats.forget()
        if differing := schema.differences():
            raise CommandError(
                "Its tables are not those of this version, as they were not when it was taken:\n  "
                + "\n  ".join(differing)
            )
