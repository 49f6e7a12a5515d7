"""`manage.py release --round N --out DIR`: a round's release, kept by the site and written to a
folder."""

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.data import releases
from collector.errors import Refused
from trainer.rounds import NoSuchRound


class Command(BaseCommand):
    help = (
        "Make the release of a closed round and of those before it, keep it in the database, where "
        "the site gives it away, and write it to a new folder. Made again from the same rows it is "
        "the same to the byte."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--round", type=int, required=True)
        parser.add_argument("--out", type=Path, required=True, help="the new folder")

    def handle(self, *args: object, **options: Any) -> None:
        try:
            if options["out"].exists():
                raise Refused(f"{options['out']} is there already, and nothing is written over.")
            release = releases.make(options["round"])
            releases.write_to(release, options["out"])
        except (Refused, NoSuchRound) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"Release {release.version} in {options['out']}; SHA256SUMS has {release.sha256}."
        )
