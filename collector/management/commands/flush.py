"""`manage.py flush`, as Django's: empties the database. On SQLite that deletes row by row, also
what is append-only, and leaves no sums either."""

from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction

from collector.study import schema


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "sqlite":
            super().handle(**options)
            return
        with transaction.atomic(using=connection.alias), schema.without_triggers(connection):
            super().handle(**options)
