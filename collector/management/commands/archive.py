"""`manage.py archive FILE`: the whole study in one file, for another instance."""

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.data import archives
from collector.errors import Refused
from collector.study import schema

WARNING = (
    "Whoever holds this file holds people's data: names, addresses, drawings, and the key of the "
    "pseudonyms in releases. Keep it as closed as the database."
)
OTHER_TABLES = (
    "The tables of this database are not those of this version, so no archive was made. If it is "
    "of an earlier one, `manage.py migrate` brings it forward; `manage.py verify` says what "
    "differs."
)


class Command(BaseCommand):
    help = (
        "Write the whole study to a new file, as it is at one moment, while the site runs; "
        "`restore` puts it into another instance, on SQLite or PostgreSQL. Passwords are only in "
        "it if asked for."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--with-passwords",
            action="store_true",
            help="also password hashes, second factors and API tokens",
        )

    def handle(self, *args: object, **options: Any) -> None:
        if schema.problems():
            raise CommandError(OTHER_TABLES)
        try:
            made = archives.write(
                options["file"],
                with_access=options["with_passwords"],
                tell=self.stderr.write,
            )
        except Refused as refusal:
            raise CommandError(f"{refusal} No archive was made.") from refusal
        self.stdout.write(f"{options['file']}: {made}.\n{WARNING}")
