"""Are the tables those of this code? Migrations are known by their names alone, so a database of
another commit may have recorded the same ones and hold something else.

What Django would make of the models is compared with what the database says of itself: on SQLite
the statements that made it, part by part; on PostgreSQL its catalogue, beside temporary tables that
are made for the purpose and rolled back. Whatever else stands in the database is nobody's business.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

from django.apps import apps
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from collector import append_only
from collector.models import tallies

OUR_APPS = ("collector", "trainer")  # whose migrations go forward only
Parts = dict[tuple[str, str], str]  # (table, kind and name of a part): its definition
_MASTER = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
_OURS = "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
_LIST = r"ARRAY\[[^\]]*\](::text\[\])?"
_CAST = r"::(text\[\]|text|character varying)"
_CATALOGUE = """
    SELECT c.relname, '', '' FROM pg_class c
    WHERE c.relnamespace = {schema} AND c.relkind IN ('r', 'p')
UNION ALL
    SELECT c.relname, 'column ' || a.attname,
        format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || CASE a.attgenerated WHEN 's' THEN ' GENERATED ' ELSE ' DEFAULT ' END
        || coalesce(pg_get_expr(d.adbin, d.adrelid, true), 'none')
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = {schema} AND c.relkind IN ('r', 'p')
        AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
    SELECT c.relname, 'constraint ' || k.conname, pg_get_constraintdef(k.oid, true)
    FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid
    WHERE c.relnamespace = {schema} AND k.contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
    SELECT c.relname, 'index ' || i.relname, pg_get_indexdef(i.oid, 0, true)
    FROM pg_class c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE c.relnamespace = {schema}
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.conrelid = c.oid)
UNION ALL
    SELECT c.relname, 'trigger ' || t.tgname, pg_get_triggerdef(t.oid, true)
        || CASE t.tgenabled WHEN 'D' THEN ', disabled' ELSE '' END
    FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
    WHERE c.relnamespace = {schema} AND NOT t.tgisinternal
"""


def problems() -> list[str]:
    """Return in a sentence each why the rows of this database cannot be read by this code."""
    unknown = [f"The migration {name} of this database is unknown here." for name in newer()]
    return unknown or differences()


@contextmanager
def without_triggers(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Within, rows of this database can be deleted, also what is append-only, and no sums are
    kept."""
    append_only.allow(connection)
    tallies.leave(connection)
    yield
    tallies.keep(connection)
    append_only.refuse(connection)


def newer() -> list[str]:
    """Return the migrations that this database has had and that this code does not know, as a newer
    version's."""
    loader = MigrationLoader(connection)
    ours = sorted(key for key in loader.applied_migrations if key[0] in OUR_APPS)
    return [f"{app}.{name}" for app, name in ours if (app, name) not in loader.disk_migrations]


def differences() -> list[str]:
    """Return in a sentence each what in our tables is not as this code's models make it."""
    read = _in_postgres if connection.vendor == "postgresql" else _in_sqlite
    made, there = read()
    return list(_compare(made, there))


def _compare(made: Parts, there: Parts) -> Iterator[str]:
    ours, present = ({table for table, _ in parts} for parts in (made, there))
    for table in sorted(ours - present):
        yield f"The table {table} is missing."
    for table, part in sorted(made.keys() | there.keys()):
        if table not in ours & present:
            continue
        wanted, found = made.get((table, part)), there.get((table, part))
        if found is None:
            yield f"{table} lacks the {part}: {wanted}"
        elif wanted is None:
            if not found.startswith("CREATE INDEX"):  # of an index no row is refused
                yield f"{table} has the {part}, which is unknown here: {found}"
        elif _plain(wanted) != _plain(found):
            yield f"{table}'s {part} is “{found}” and should be “{wanted}”."


def _plain(definition: str) -> str:
    """Leave out of a definition what says nothing. Django has itself made either kind of whole
    numbers for the ids of pairs; PostgreSQL writes a list of words in another way once it has come
    out of a dump."""
    listed = re.sub(_LIST, lambda found: re.sub(_CAST, "", found[0]), definition)
    return re.sub(r'[\s"]+', "", listed).replace("bigint", "integer")


def _statements() -> list[str]:
    """Return what Django would make of the models, as SQL."""
    editor = connection.schema_editor(collect_sql=True)
    editor.deferred_sql = []
    models = [model for model in apps.get_models() if model._meta.can_migrate(connection)]
    recorded: type[Model] = MigrationRecorder(connection).Migration
    for model in [recorded, *models]:
        editor.create_model(model)
    return [*editor.collected_sql, *(f"{statement};" for statement in editor.deferred_sql)]


def _triggers() -> Iterator[tuple[str, str, str]]:
    yield from append_only.triggers(connection.vendor)
    yield from tallies.triggers(connection.vendor)


def _in_postgres() -> tuple[Parts, Parts]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CATALOGUE.format(schema=_OURS))
        there = _as_parts(cursor.fetchall())
        cursor.execute("SET LOCAL search_path = pg_temp")
        cursor.execute("\n".join(_statements()))
        cursor.execute(_CATALOGUE.format(schema="pg_my_temp_schema()"))
        made = _as_parts(cursor.fetchall())
        transaction.set_rollback(True)
    for table, name, statement in _triggers():
        made[table, f"trigger {name}"] = statement
    return made, there


def _as_parts(rows: list[tuple[str, str, str]]) -> Parts:
    return {(table, part): definition for table, part, definition in rows}


def _in_sqlite() -> tuple[Parts, Parts]:
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript("\n".join(_statements()))
        for _, _, statement in _triggers():
            made.execute(statement)
        with connection.cursor() as there:
            there.execute(_MASTER)
            return _taken_apart(made.execute(_MASTER)), _taken_apart(there.fetchall())


def _taken_apart(master: Iterable[tuple[str, str, str, str]]) -> Parts:
    """Take the statements that made an SQLite database's tables apart."""
    parts: Parts = {}
    for kind, name, table, statement in master:
        if kind != "table":
            parts[table, f"{kind} {name}"] = statement
            continue
        parts[table, ""] = ""
        for clause in _clauses(statement.partition("(")[2].rpartition(")")[0]):
            word, _, definition = clause.partition(" ")
            if word == "CONSTRAINT":
                word, _, definition = definition.partition(" ")
                parts[table, f"constraint {_bare(word)}"] = definition
            else:
                parts[table, f"column {_bare(word)}"] = definition
    return parts


def _bare(name: str) -> str:
    return name.strip('"')


def _clauses(body: str) -> Iterator[str]:
    """Split at the commas that stand in no quotes and no parentheses."""
    clause, depth = "", 0
    for token in re.findall(r"'(?:[^']|'')*'|\"[^\"]*\"|[(),]|[^'\"(),]+", body):
        depth += (token == "(") - (token == ")")
        if token == "," and depth == 0:
            yield clause.strip()
            clause = ""
        else:
            clause += token
    yield clause.strip()
