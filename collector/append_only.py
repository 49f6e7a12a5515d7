"""What was done by hand, or fell by lot, stays written: the database itself refuses to change or
delete these rows.

Row triggers, so PostgreSQL's TRUNCATE, and with it `manage.py flush`, passes them by; on SQLite
flush deletes row by row, so the project's own flush lifts them meanwhile. On SQLite a migration
that alters one of these tables makes it anew, without its triggers, and has to call `refuse` again.
"""

from collections.abc import Iterator, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = (
    "collector_adminaction",
    "collector_allocation",
    "collector_consent",
    "collector_decision",
    "collector_studyact",
    "collector_studychange",
    "collector_studytext",
)
_FUNCTION = """
CREATE OR REPLACE FUNCTION collector_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def refuse(connection: BaseDatabaseWrapper, tables: Sequence[str] = TABLES) -> None:
    """Make the database refuse UPDATE and DELETE of these tables' rows, with an IntegrityError."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for _, _, statement in triggers(connection.vendor, tables):
            cursor.execute(statement)


def triggers(vendor: str, tables: Sequence[str] = TABLES) -> Iterator[tuple[str, str, str]]:
    """Yield (table, name, statement that makes it) of each trigger that refuses."""
    for table in tables:
        for event in ("UPDATE", "DELETE"):
            body = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            if vendor == "postgresql":
                body = "EXECUTE FUNCTION collector_append_only()"
            name = _name(table, event)
            yield (
                table,
                name,
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {body}",
            )


def allow(connection: BaseDatabaseWrapper, tables: Sequence[str] = TABLES) -> None:
    """Let these tables' rows be changed and deleted again."""
    with connection.cursor() as cursor:
        for table in tables:
            for event in ("UPDATE", "DELETE"):
                on = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER {_name(table, event)}{on}")


def _name(table: str, event: str) -> str:
    return f"{table}_refuses_{event.lower()}"
