"""`manage.py backup FILE`: the whole database in one file, while the site runs."""

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.data import backups
from collector.errors import Refused

WARNING = (
    "Whoever holds this file holds people's data: names, addresses, password hashes, drawings. "
    "Keep it as closed as the database. The secret key is not in it."
)


class Command(BaseCommand):
    help = "Write the whole database to a new file, as it is at one moment, while the site runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: object, **options: Any) -> None:
        try:
            made = backups.write(options["file"])
        except Refused as refusal:
            raise CommandError(f"{refusal} No backup was made.") from refusal
        self.stdout.write(f"{options['file']}: {made}.\n{WARNING}")
