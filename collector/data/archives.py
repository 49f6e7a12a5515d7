"""The whole study in one file that goes to another instance, on SQLite or PostgreSQL: of each table
its rows as lines, packed, as they are at one moment.

What lets somebody in is only in it if that is asked for, and then all of it: passwords without the
second factors that guard them would open accounts. What is of this instance alone, or could be used
by whoever holds the file, never is.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import is_password_usable
from django.core.management.color import no_style
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model
from django.utils import timezone

from collector.data import dumps, rows, sealed, snapshot
from collector.data.sealed import Broken, Sealed, Summary
from collector.errors import Refused
from collector.models import Person

KIND = "archive"
EVERY = 10_000  # rows, after which the progress is told
ENDING = ".ndjson.gz"
Tell = Callable[[str], object]
Models = dict[str, type[Model]]  # by table

# What lets somebody in, beside `Person.password`.
ACCESS = {"collector.Factor", "collector.RecoveryCode", "collector.Token"}
# What is never in it, and why.
LEFT_OUT = {
    "collector.Alarm": "what was wrong with this instance",
    "collector.Allowance": "what limits count here, and which devices are known",
    "collector.Delivery": "what this instance tells others: two would tell it twice",
    "collector.Email": "on its way: two instances would send it twice",
    "collector.Panel": "its link and code are this instance's, and whoever has them may use them",
    "collector.PanelMember": "what a panel calls people is between it and this instance",
    "collector.Session": "its key signs in whoever holds it",
    "collector.Webhook": "its secret signs for this instance, and is sealed by its key",
    "django_q.OrmQ": "messages to this instance's workers",
    "django_q.Schedule": "made by each start",
    "django_q.Task": "what this instance's workers did",
    "trainer.Heartbeat": "signs of life of these machines",
}


def write(path: Path, *, with_access: bool, tell: Tell) -> Summary:
    """Write the study as it is at one moment to a new file at `path`, which appears whole or not at
    all; `with_access`, what lets people in too. How far it is, is told by `tell`. Raises Refused.

    The tables are those of this version.
    """
    begun = monotonic()
    try:
        with sealed.sealing(path) as file, snapshot.one_moment():
            tables = archived(with_access=with_access)
            manifest = {
                "format": sealed.FORMAT,
                "version": settings.VERSION,
                "kind": KIND,
                "taken_at": timezone.now().isoformat(),
                "migrations": dumps.migrations(),
                "counts": {name: model._base_manager.count() for name, model in tables.items()},
            }
            file.say(manifest)
            progress = _Progress(manifest, tell)
            for table, model in tables.items():
                packed = file.folder / f"{table}{ENDING}"
                _pack(packed, progress.over(rows.written(model, _withheld(model, with_access))))
                file.add(packed)
    except DatabaseError as error:
        raise Refused(f"The database could not be read: {dumps.said_by(error)}.") from error
    return sealed.summary(path, manifest, begun)


def archived(*, with_access: bool) -> Models:
    """Return the tables that are in an archive, by name."""
    left_out = LEFT_OUT.keys() if with_access else LEFT_OUT.keys() | ACCESS
    return {
        table: model for table, model in _tables(apps).items() if model._meta.label not in left_out
    }


def load(file: Sealed, *, replaces: bool, tell: Tell) -> None:
    """Make the tables that an archive is of and put its rows into them, in one transaction; if it
    `replaces`, all that was there goes. Raises Refused, or Broken, and then nothing is changed."""
    counts = file.manifest["counts"]
    if {*file.names} != {sealed.MANIFEST, sealed.SUMS, *(f"{table}{ENDING}" for table in counts)}:
        raise Broken("it has other tables than its manifest says")
    try:
        # Else SQLite alters no table within a transaction; what it did not check is checked below.
        with connection.constraint_checks_disabled(), transaction.atomic():
            if replaces:
                dumps.empty()
            tables = _made(file.manifest["migrations"])
            if unknown := sorted(counts.keys() - tables):
                raise Broken(f"{', '.join(unknown)} is no table of its version")
            with _without_triggers(tables):
                _fill(file, tables, tell)
                connection.check_constraints()
            _count_on(list(tables.values()))
    except DatabaseError as error:
        raise Refused(f"Nothing was restored: {dumps.said_by(error)}.") from error
    connection.close()  # what it knew of the tables is no longer so


def _fill(file: Sealed, tables: Models, tell: Tell) -> None:
    progress = _Progress(file.manifest, tell)
    for table, count in file.manifest["counts"].items():
        put = 0
        with file.open(f"{table}{ENDING}") as packed, gzip.open(packed) as lines:
            for part in rows.load(tables[table], lines):
                put += part
                progress.add(part)
        if put != count:
            raise Broken(f"{table} has {put:,} rows, and the manifest says {count:,}")


def _made(migrations: list[str]) -> Models:
    """Make the tables as these migrations leave them, also where later ones are known; return them
    by name, each with its model of then. Raises Broken."""
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph.node_map
    had = {key for key in graph if ".".join(key) in migrations}
    last = [key for key in had if not any(child.key in had for child in graph[key].children)]
    if {each for key in last for each in executor.loader.graph.forwards_plan(key)} != had:
        raise Broken("it has had a migration without those before it")
    return _tables(executor.migrate(last).apps)


def _tables(registry: Any) -> Models:
    found = registry.get_models(include_auto_created=True)
    return {model._meta.db_table: model for model in found if not model._meta.proxy}


@contextmanager
def _without_triggers(tables: Models) -> Iterator[None]:
    """Within, rows are put in as they are, and nothing is counted, which was counted before."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            quoted = [connection.ops.quote_name(table) for table in tables]
            lift = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in quoted]
            again = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in quoted]
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            there = cursor.fetchall()
            lift, again = [f'DROP TRIGGER "{name}"' for name, _ in there], [sql for _, sql in there]
        for statement in lift:
            cursor.execute(statement)
        yield
        for statement in again:
            cursor.execute(statement)


def _count_on(models: list[type[Model]]) -> None:
    """Have the next row of each table get a number after those that are there."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _withheld(model: type[Model], with_access: bool) -> dict[str, Callable[[Any], Any]]:
    """What is written in place of a field: of a password nothing, so that none is right and a new
    one can be asked for; whoever has closed the account has none to ask for."""
    if model is not Person or with_access:
        return {}
    return {"password": lambda password: "" if is_password_usable(password) else password}


def _pack(path: Path, lines: Iterator[bytes]) -> None:
    """Write lines to a new file; the same lines, the same bytes."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", 1, file, 0) as packed:
        packed.writelines(lines)


class _Progress:
    """Tells now and then how many of all rows are done."""

    def __init__(self, manifest: dict[str, Any], tell: Tell) -> None:
        self._all_count, self._count, self._tell = sum(manifest["counts"].values()), 0, tell

    def over(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Hand on the lines of a table, of which the first is none of a row."""
        yield next(lines)
        for line in lines:
            yield line
            self.add(1)

    def add(self, count: int) -> None:
        before, self._count = self._count, self._count + count
        if before // EVERY < self._count // EVERY:
            self._tell(f"{self._count:,} of {self._all_count:,} rows.")
