"""A database whose tables are not those of this code is refused in sentences, at the start and by
`verify`; what else stands in it is nobody's business."""

from importlib import import_module

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from collector.study import schema

PLANTED = {
    "column": (
        "ALTER TABLE collector_attempt DROP COLUMN is_audited",
        "collector_attempt lacks the column is_audited",
    ),
    "column more": (
        "ALTER TABLE collector_attempt ADD COLUMN shade integer NOT NULL DEFAULT 0",
        "collector_attempt has the column shade, which is unknown here",
    ),
    "index": ("DROP INDEX one_open_round", "trainer_round lacks the index one_open_round"),
    "rule more": (
        "CREATE UNIQUE INDEX one_drawing ON collector_attempt (drawer_id)",
        "collector_attempt has the index one_drawing, which is unknown here",
    ),
    "table": ("DROP TABLE collector_appeal", "The table collector_appeal is missing"),
} | (
    {
        "trigger": (
            "DROP TRIGGER collector_decision_refuses_update ON collector_decision",
            "collector_decision lacks the trigger collector_decision_refuses_update",
        ),
        "trigger that sleeps": (
            "ALTER TABLE collector_decision DISABLE TRIGGER collector_decision_refuses_update",
            "collector_decision's trigger collector_decision_refuses_update is",
        ),
        "constraint": (
            "ALTER TABLE trainer_round DROP CONSTRAINT closed_round_has_a_time",
            "trainer_round lacks the constraint closed_round_has_a_time",
        ),
        "must be there": (
            "ALTER TABLE collector_attempt ALTER COLUMN first_read_at SET NOT NULL",
            "collector_attempt's column first_read_at is",
        ),
    }
    if connection.vendor == "postgresql"
    else {
        "trigger": (
            "DROP TRIGGER collector_decision_refuses_update",
            "collector_decision lacks the trigger collector_decision_refuses_update",
        ),
        "constraint": (
            "UPDATE sqlite_master SET sql = replace(sql, '<= 9', '<= 8')",
            "trainer_sample's constraint sample_label_is_a_digit is",
        ),
        "must be there": (
            "UPDATE sqlite_master SET sql = replace(sql, '\"first_read_at\" datetime NULL', "
            "'\"first_read_at\" datetime NOT NULL')",
            "collector_attempt's column first_read_at is",
        ),
    }
)
pytestmark = pytest.mark.django_db


def alter(statement: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA writable_schema = 1")
        cursor.execute(statement)
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA writable_schema = 0")


def test_a_database_as_the_migrations_make_it_has_the_tables_of_the_models() -> None:
    assert schema.differences() == []


@pytest.mark.survives(
    "a database of another commit, whose migrations have the same names: a column, constraint, "
    "index, trigger or table missing, one too many, or another",
    "each difference is named",
)
@pytest.mark.parametrize("what", PLANTED)
def test_what_differs_is_named(what: str) -> None:
    change, said = PLANTED[what]
    alter(change)
    found = schema.differences()
    assert [one for one in found if said in one], found


def test_tables_of_others_and_an_index_of_ones_own_are_nobodys_business() -> None:
    alter("CREATE TABLE notes (id integer, text text NOT NULL, CHECK (text <> ''))")
    alter("CREATE INDEX of_the_lab ON collector_attempt (status)")
    assert schema.problems() == []


@pytest.mark.survives(
    "`setup` and `verify` on such a database",
    "both refuse, name each difference and say what to do",
)
@pytest.mark.parametrize("command", ["setup", "verify"])
def test_other_tables_are_refused_by_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    alter("ALTER TABLE collector_attempt ADD COLUMN shade integer NOT NULL DEFAULT 0")
    with pytest.raises(CommandError, match="not those of this version") as refused:
        call_command(command)
    assert "collector_attempt has the column shade" in f"{refused.value}{capsys.readouterr().out}"


@pytest.mark.survives(
    "a database newer than the code",
    "refused by the migration's name",
)
@pytest.mark.parametrize("command", ["setup", "migrate", "verify"])
def test_a_database_newer_than_the_code_is_refused(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    MigrationRecorder(connection).record_applied("trainer", "0099_tomorrow")
    with pytest.raises(CommandError) as refused:
        call_command(command)
    assert "trainer.0099_tomorrow" in f"{refused.value}{capsys.readouterr().out}"


def test_who_signed_in_from_where_goes_with_the_tables_that_kept_it(db: None) -> None:
    axes = import_module("collector.migrations.0004_axes_is_gone")
    with connection.cursor() as cursor:
        for table in reversed(axes.TABLES[:2]):
            cursor.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY)")
        cursor.execute(
            f"ALTER TABLE {axes.TABLES[0]} ADD COLUMN of integer REFERENCES {axes.TABLES[1]} (id)"
        )
    MigrationRecorder(connection).record_applied("axes", "0001_initial")
    axes.drop(None, connection.schema_editor())
    assert not set(axes.TABLES) & set(connection.introspection.table_names())
    assert not [
        app for app, _ in MigrationRecorder(connection).applied_migrations() if app == "axes"
    ]
