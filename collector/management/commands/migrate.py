"""`manage.py migrate`, as Django's, but that a database of before the last fold is refused."""

from typing import Any

from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

OF_BEFORE = ("collector", "0001_initial")
REFUSAL = (
    "This database was made by a version before 0.2, whose tables had other names, and cannot be "
    "brought forward. Nothing was changed. Take your samples out with the version that made it "
    "(`manage.py export_samples`), then start with a new database: set DATABASE_URL, or "
    "DADC_DATA_DIR to another folder."
)


class Command(migrate.Command):
    def handle(self, *args: object, **options: Any) -> None:
        """Migrate. Raises CommandError for a database that no migration leads on from."""
        applied = MigrationRecorder(connections[options["database"]]).applied_migrations()
        if OF_BEFORE in applied:
            raise CommandError(REFUSAL)
        super().handle(*args, **options)
