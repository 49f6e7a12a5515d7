"""`manage.py migrate`, as Django's, but that a database is refused that this code cannot bring
forward: one of before the last fold, of a newer version, or with other tables than it should."""

from typing import Any

from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder

from collector.study import schema

OF_BEFORE = ("collector", "0001_initial")
ANEW = (
    "take your samples out with the version that made it (`manage.py export_samples`), then start "
    "with a new database: set DATABASE_URL, or DADC_DATA_DIR to another folder."
)
OLDER = (
    "This database was made by a version before 0.2, whose tables had other names, and cannot be "
    f"brought forward. Nothing was changed. Please {ANEW}"
)
NEWER = (
    "This database is of a newer version: {unknown} is unknown here. Nothing was changed. Use that "
    "version, or a backup of before it."
)
STUCK = (
    "This database could not be brought forward: {error}. If that does not pass by itself, its "
    f"tables are not those of an earlier version: restore a backup, or {ANEW}"
)


class Command(migrate.Command):
    def handle(self, *args: object, **options: Any) -> None:
        """Migrate. Raises CommandError for a database that no migration leads on from."""
        applied = MigrationRecorder(connections[options["database"]]).applied_migrations()
        if OF_BEFORE in applied:
            raise CommandError(OLDER)
        if unknown := schema.newer():
            raise CommandError(NEWER.format(unknown=", ".join(unknown)))
        try:
            super().handle(*args, **options)
        except DatabaseError as error:
            raise CommandError(STUCK.format(error=str(error).strip())) from error
