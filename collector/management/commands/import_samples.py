"""`manage.py import_samples PATH --to moderation|samples`: drawings from elsewhere, and a line for
each that was refused. Exits with 1 where there were such."""

import re
import sys
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.data import imports
from collector.errors import Refused
from collector.models import Licence
from trainer.target import TargetUnavailable

EVERY = 1000  # items, after which the progress is told


class Command(BaseCommand):
    help = (
        "Take drawings from elsewhere: the samples of a release, a folder or zip of pictures with "
        "metadata.jsonl (id, file_name, correct_number), an npz (pixels, labels), or Quick, "
        "Draw!'s ndjson. They are marked as imported, and count for nobody. Ended in the middle, "
        "the same command goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--to",
            choices=(imports.MODERATION, imports.SAMPLES),
            required=True,
            help="whether moderators read them first, or they are samples at once",
        )
        parser.add_argument("--name", help="of the import; else of the folder or file")
        parser.add_argument("--licence", choices=Licence.values, default="", help="none by itself")

    def handle(self, *args: object, **options: Any) -> None:
        path = options["path"]
        name = options["name"] or re.sub(r"[^a-z0-9._-]", "-", path.resolve().name.lower())[:21]
        taking = imports.Import(name, options["to"], options["licence"])
        try:
            for number, bad in enumerate(taking.run(path), start=1):
                if bad:
                    self.stdout.write(f"{bad.place}: {bad.why.rstrip('.')}.")
                if not number % EVERY:
                    self._tell(taking)
        except (Refused, TargetUnavailable) as refusal:
            self._tell(taking)
            raise CommandError(str(refusal)) from refusal
        self._tell(taking)
        if taking.counts["refused"]:
            sys.exit(1)

    def _tell(self, taking: imports.Import) -> None:
        counts = taking.counts
        self.stderr.write(
            f"{counts['taken']:,} taken, {counts['there']:,} there already, "
            f"{counts['refused']:,} refused."
        )
