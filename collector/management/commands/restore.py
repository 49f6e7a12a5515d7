"""`manage.py restore FILE`: a backup or an archive into an empty database, and on to this
version."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command

from collector.data import backups
from collector.data.sealed import Summary
from collector.errors import Refused
from collector.management.alone import alone
from collector.study import schema
from trainer import heartbeats

BACKUP = "Passwords, sessions and tokens are those of then."
WITH_PASSWORDS = (
    "Passwords, second factors and API tokens are those of then, and people sign in again. With "
    "another secret key than then, the codes of authenticator apps are wrong."
)
WITHOUT = (
    "No passwords were in it. People choose one by “Forgot your password?”; an admin who has no "
    "email address gets one by manage.py changepassword NAME, and gives others theirs."
)
TRAINING = (
    "A training that was under way is taken up again within two minutes once the site runs, or "
    "fails visibly."
)


class Command(BaseCommand):
    help = (
        "Put a backup or an archive into the empty database, all of it or nothing, and bring it "
        "forward to this version. Stop the site first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="delete all that is in the database"
        )

    def handle(self, *args: object, **options: Any) -> None:
        with alone(settings.DATA_DIR):
            self._restore(options["file"], replaces=options["replace"])

    def _restore(self, file: Path, *, replaces: bool) -> None:
        try:
            made = backups.restore(file, replaces=replaces, tell=self.stderr.write)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"Restored as of {made.taken_at}, made by version {made.version}: {made}.\n"
            f"{_access(made)} {TRAINING}"
        )
        call_command("migrate", verbosity=0, interactive=False)
        heartbeats.forget()
        if differing := schema.differences():
            raise CommandError(
                "Its tables are not those of this version, as they were not when it was taken:\n  "
                + "\n  ".join(differing)
            )


def _access(made: Summary) -> str:
    """Say how people get in, by which tables came along."""
    if "collector_session" in made.counts:
        return BACKUP
    return WITH_PASSWORDS if "collector_token" in made.counts else WITHOUT
