"""The whole database into a file and back: SQLite by its own means, PostgreSQL by `pg_dump`,
`pg_restore` and `psql`."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import IO, Any

from django.db import DatabaseError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from collector.errors import Refused

WAIT = 10.0  # seconds for others' locks, before a restore is given up
_IN_PARTS = 10_000  # pages of SQLite, between two looks at the time
_EMPTYING = {
    "sqlite": """
    SELECT format('DROP TABLE "%w"', name) FROM sqlite_master
    WHERE type = 'table' AND name NOT GLOB 'sqlite_*'
""",
    "postgresql": """
    SELECT format('DROP TABLE %I.%I CASCADE', schemaname, tablename) FROM pg_tables
    WHERE schemaname = current_schema()
UNION ALL
    SELECT format('DROP ROUTINE %s CASCADE', oid::regprocedure) FROM pg_proc p
    WHERE pronamespace = to_regnamespace(quote_ident(current_schema())) AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
""",
}
_KIND_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
Facts = dict[str, object]


def kind() -> str:
    """Return which kind of database this is, in its own spelling."""
    return _KIND_NAMES.get(connection.vendor, connection.vendor)


def is_empty() -> bool:
    """Whether there is no table yet."""
    return not connection.introspection.table_names()


def migrations() -> list[str]:
    """Return the migrations that the database has had."""
    return sorted(".".join(key) for key in MigrationRecorder(connection).applied_migrations())


def empty() -> None:
    """Drop all that is in the database, in the caller's transaction."""
    with connection.cursor() as cursor:
        for statement in _emptying(cursor):
            cursor.execute(statement)


def _emptying(cursor: Any) -> list[str]:
    cursor.execute(_EMPTYING[connection.vendor])
    return [statement for (statement,) in cursor.fetchall()]


def write(path: Path) -> Facts:
    """Write the database to `path` as it is at one moment, whoever writes to it meanwhile. Return
    what is in it: migrations, rows by table, and PostgreSQL's schema. Raises Refused."""
    try:
        return _from_postgres(path) if connection.vendor == "postgresql" else _from_sqlite(path)
    except DatabaseError as error:
        raise Refused(f"The database could not be written out: {said_by(error)}.") from error


def load(path: Path, schema: str) -> None:
    """Put what `write` wrote in place of all that is in the database, in one transaction. Raises
    Refused, and then nothing is changed."""
    try:
        if connection.vendor == "postgresql":
            _into_postgres(path, schema)
        else:
            _into_sqlite(path)
    except DatabaseError as error:
        raise Refused(f"Nothing was restored: {said_by(error)}.") from error
    connection.close()  # what it knew of the tables is no longer so


def _facts(ask: Callable[[str], list[tuple[Any, ...]]], tables: Iterable[str]) -> Facts:
    migrations = ask("SELECT app, name FROM django_migrations")
    return {
        "migrations": sorted(f"{app}.{name}" for app, name in migrations),
        "counts": {table: ask(f'SELECT count(*) FROM "{table}"')[0][0] for table in sorted(tables)},
    }


def _from_sqlite(path: Path) -> Facts:
    """What was deleted and not yet written over is not in it: the file is made anew."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])
    tables = connection.introspection.table_names()
    with closing(sqlite3.connect(path)) as written:
        return _facts(lambda sql: written.execute(sql).fetchall(), tables)


def _into_sqlite(path: Path) -> None:
    connection.ensure_connection()
    given_up_at = monotonic() + WAIT
    last_left = -1

    def look(status: int, left: int, total: int) -> None:
        nonlocal given_up_at, last_left
        if left != last_left:
            last_left, given_up_at = left, monotonic() + WAIT
        elif monotonic() > given_up_at:
            raise Refused("Nothing was restored: others use the database. Stop the site first.")

    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source:
        try:
            source.backup(connection.connection, pages=_IN_PARTS, progress=look)
        except sqlite3.Error as error:
            raise Refused(f"Nothing was restored: {error}.") from error


def _from_postgres(path: Path) -> Facts:
    command = _tool("pg_dump")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot(), current_schema()")
        snapshot, schema = cursor.fetchone()
        tables = connection.introspection.table_names(cursor)
        facts = _facts(lambda sql: cursor.execute(sql).fetchall(), tables)
        where, environment = _server()
        told = subprocess.run(
            [
                *(command, "--format=custom", "--no-owner", "--no-privileges"),
                *(f"--snapshot={snapshot}", f"--schema={_pattern(schema)}"),
                *(f"--file={path}", f"--dbname={where}"),
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    if told.returncode:
        raise Refused(f"pg_dump could not write the database out: {_last(told.stderr)}")
    return facts | {"schema": schema}


def _into_postgres(path: Path, schema: str) -> None:
    """All of it is one transaction of psql's, which is committed once pg_restore has ended well."""
    psql, pg_restore = _tool("psql"), _tool("pg_restore")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (own,) = cursor.fetchone()
        emptying = "".join(f"{statement};\n" for statement in _emptying(cursor))
    if own != schema:
        raise Refused(
            f"This backup is of the schema “{schema}”, and DATABASE_URL leads to “{own}”. Name the "
            "first in its search_path."
        )
    where, environment = _server()
    with (
        subprocess.Popen(
            [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", f"--dbname={where}"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as taking,
        subprocess.Popen(
            [
                *(pg_restore, "--no-owner", "--no-privileges", f"--schema={schema}"),
                *("--file=-", str(path)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as giving,
    ):
        _hand_on(giving, taking, f"SET client_min_messages = warning;\nBEGIN;\n{emptying}")


def _hand_on(giving: "subprocess.Popen[bytes]", taking: "subprocess.Popen[bytes]", to: str) -> None:
    assert giving.stdout
    assert taking.stdin
    try:
        taking.stdin.write(to.encode())
        shutil.copyfileobj(giving.stdout, taking.stdin)
        giving.stdout.close()
        complaints = _rest(giving.stderr)
        if giving.wait() == 0:
            taking.stdin.write(b"\nCOMMIT;\n")
        taking.stdin.close()
    except BrokenPipeError:  # psql has ended, and says why
        giving.kill()
        complaints = b""
    said = _rest(taking.stderr)
    if taking.wait() or giving.wait():
        raise Refused(f"Nothing was restored: {_last(said or complaints)}")


def _rest(stream: IO[bytes] | None) -> bytes:
    return stream.read() if stream else b""


def _server() -> tuple[str, dict[str, str]]:
    """Where the server is, without the password, and an environment that has it."""
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    said = {key: v for key, v in connection.get_connection_params().items() if key in known}
    password = said.pop("password", None) or os.environ.get("PGPASSWORD", "")
    return make_conninfo(**said), {**os.environ, "PGPASSWORD": password, "LC_MESSAGES": "C"}


def _tool(name: str) -> str:
    """Return the path of a program of PostgreSQL's. Raises Refused where there is none, or one
    older than the server."""
    path = shutil.which(name)
    connection.ensure_connection()
    server = connection.connection.info.server_version // 10_000
    if path is None:
        raise Refused(
            f"{name} is not on this machine. Install PostgreSQL's programs, version {server} or "
            "later."
        )
    told = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"(\d+)", told)
    if found is None or int(found[1]) < server:
        raise Refused(
            f"{name} here is of version {found[1] if found else 'unknown'}, and the server of "
            f"{server}: install that, or a later one."
        )
    return path


def _pattern(schema: str) -> str:
    """The name as pg_dump's patterns have it, taken literally."""
    doubled = schema.replace('"', '""')
    return f'"{doubled}"'


def said_by(error: Exception) -> str:
    """Return the first line of what a database says."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "no word"


def _last(said: bytes) -> str:
    """What a program said, in its own words: the first line that has an error."""
    lines = said.decode(errors="replace").strip().splitlines()
    wrong = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (wrong or lines or ["it ended without a word"])[0]
