"""`manage.py open_release DIR`: the study of a published release, whole, into a site that is
empty."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction

from collector.data import opening
from collector.errors import Refused
from collector.management.alone import alone
from collector.models import Study
from collector.study import consistency


class Command(BaseCommand):
    help = (
        "Put the study of a release into this empty site: its rounds, model, drawings, readings "
        "and samples, under the pseudonyms of the release. All of it or nothing. Stop the site "
        "first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: object, **options: Any) -> None:
        try:
            with alone(settings.DATA_DIR), transaction.atomic():
                release = opening.open_release(options["folder"], self.stderr.write)
                for problem in consistency.problems():
                    raise Refused(f"Nothing was changed: what it holds does not agree: {problem}")
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        study = Study.current()
        self.stdout.write(
            f"Opened release {release.version}: round {release.minor + 1} is open with its model. "
            f"New drawings have {study.licence or 'no licence'}."
        )
