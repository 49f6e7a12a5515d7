"""Databases that are made once a session, by whichever of its processes is first, and copied by
all: to migrate an empty one takes seconds of a processor."""

import atexit
import fcntl
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.needs import POSTGRES

_folder: Path | None = None  # of the session, for all its processes


def folder() -> Path:
    """Where what is made lies: a folder that ends with the process that asked first."""
    global _folder
    if _folder is None:
        _folder = Path(tempfile.mkdtemp(prefix="dadc-templates-"))
        atexit.register(_end, _folder)
    return _folder


def share(session: str) -> None:
    """Use the folder of another process."""
    global _folder
    _folder = Path(session)


def _end(made: Path) -> None:
    for told in made.glob("*.url"):
        if (url := told.read_text()).startswith("postgres"):
            drop(url)
    shutil.rmtree(made)


def once(name: str, make: Callable[[], str]) -> str:
    """The URL that `make` returned, in whichever process was the first to ask for this name; the
    others wait. Where it raised, the next one tries."""
    with (folder() / f"{name}.url").open("a+") as told:
        fcntl.flock(told, fcntl.LOCK_EX)
        told.seek(0)
        if not (url := told.read()):
            url = make()
            told.write(url)
    return url


def create(like: str = "") -> str:
    """The URL of a new PostgreSQL database: empty, or a copy of the one at this URL."""
    name = f"dadc_test_{uuid.uuid4().hex[:12]}"
    template = f"TEMPLATE {like.rpartition('/')[2]}" if like else ""
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {template}")
    return url_of(name)


def drop(url: str) -> None:
    """Drop a PostgreSQL database, whoever uses it."""
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")


def url_of(name: str) -> str:
    """The URL of a database on the tests' PostgreSQL server."""
    return f"{POSTGRES.rpartition('/')[0]}/{name}"


def takes(connection: BaseDatabaseWrapper) -> bool:
    """Whether the tests' own database may be a copy: a PostgreSQL server of another kind has none
    of ours."""
    return connection.vendor == "sqlite" or os.environ.get("DATABASE_URL") == POSTGRES


def copy_of(connection: BaseDatabaseWrapper) -> str:
    """The URL of a copy of the tests' own database."""
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        connection.close()
        return create(url_of(connection.settings_dict["NAME"]))
    path = folder() / f"{uuid.uuid4().hex}.sqlite3"
    with closing(sqlite3.connect(path)) as file:
        connection.connection.backup(file)
    return f"sqlite:///{path}"


@contextmanager
def beginning_as(connection: BaseDatabaseWrapper, like: str) -> Iterator[None]:
    """Within, the tests' own database is made as a copy of the one at this URL."""
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["TEMPLATE"] = like.rpartition("/")[2]
        yield
        return
    name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]
    with (
        closing(sqlite3.connect(name, uri=True)) as memory,  # which lasts as long as it is open
        closing(sqlite3.connect(like.removeprefix("sqlite:///"))) as file,
    ):
        file.backup(memory)
        yield
