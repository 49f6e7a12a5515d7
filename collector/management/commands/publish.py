"""`manage.py publish`: releases to the Hub and to Zenodo, as the environment says; with `--keep`
each minute what is due, until ended. It may be ended at any moment, and goes on where it was."""

import os
import sys
from contextlib import suppress
from multiprocessing import get_context
from time import sleep
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, connections

from collector.data import publishing
from collector.errors import Refused
from collector.management import lifeline
from collector.management.alone import PUBLISHING, IsTaken, alone
from collector.models import Publication

LOOKS_EVERY, WHERE_REFUSED = 60.0, 900.0  # seconds
AT_MOST = 6 * 3600.0  # seconds in one look; the next one goes on


class Command(BaseCommand):
    help = (
        "Publish the releases that the public may have and that are not published yet: to the "
        "Hugging Face Hub and, for a DOI, to Zenodo, as far as there are tokens. Take back what "
        "was withdrawn. The newest round's release is made if there is none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keep", action="store_true", help="look each minute for what is due, until ended"
        )

    def handle(self, *args: object, **options: Any) -> None:
        if not publishing.places():
            raise CommandError(
                "There is nowhere to publish to. Set DADC_HUB_TOKEN, with DADC_HUB_DATASET or "
                "DADC_HUB_MODEL, or DADC_ZENODO_TOKEN."
            )
        if options["keep"]:
            _keep()
        try:
            with alone(settings.DATA_DIR, PUBLISHING):
                tried = publishing.run(is_asked=True)
        except (Refused, IsTaken) as refusal:
            raise CommandError(str(refusal)) from refusal
        for each in tried:
            self.stdout.write(_said(each))
        if any(each.failure for each in tried):
            sys.exit(1)
        if not tried:
            self.stdout.write("All is where it should be.")


def _said(each: Publication) -> str:
    what = f"Release {each.release.version} at {each.address}"
    if each.failure:
        return f"{what}: {each.failure}"
    return f"{what}: {'taken back.' if each.taken_back_at else f'published, {each.url}'}"


def _keep() -> None:
    """Look each minute, in a child: what it loads and leaks ends with it."""
    is_first = True
    while True:
        connections.close_all()  # which a child would share
        child = get_context("fork").Process(target=_look, args=(os.getpid(), is_first))
        child.start()
        child.join(AT_MOST)
        child.kill()
        child.join()
        is_first = False
        sleep(WHERE_REFUSED if child.exitcode == os.EX_CONFIG else LOOKS_EVERY)


def _look(parent: int, is_asked: bool) -> None:
    """Publish what is due, as the child. What fails is noted in its row; where no release can be
    made, there is no row yet."""
    lifeline.end_with(parent)
    with suppress(IsTaken, DatabaseError, InterfaceError), alone(settings.DATA_DIR, PUBLISHING):
        try:
            publishing.run(is_asked=is_asked)
        except Refused as refusal:
            print(f"No release can be made to publish. {refusal}", file=sys.stderr)
            sys.exit(os.EX_CONFIG)
