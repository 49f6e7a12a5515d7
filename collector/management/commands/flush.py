"""`manage.py flush`, as Django's: empties the database. On SQLite that deletes row by row, also
what is append-only."""

from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction

from collector import append_only


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "sqlite":
            super().handle(**options)
            return
        with transaction.atomic(using=connection.alias):
            append_only.allow(connection)
            super().handle(**options)
            append_only.refuse(connection)
