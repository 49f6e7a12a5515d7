"""Have one process do at a time what several machines, or several starts on one, may begin at
once."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connections

LOCK = 0x64616463  # of PostgreSQL's advisory ones, one number for all of this site's
WAITS = "120s"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else is in here, on this data folder or with this database; a process that
    is killed leaves it. Raises OperationalError after two minutes of waiting for the database."""
    held = os.open(folder / "setup.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with _alone_with_the_database():
            yield
    finally:
        os.close(held)


@contextmanager
def _alone_with_the_database() -> Iterator[None]:
    """Hold PostgreSQL's lock by a transaction, which also a pooler leaves on one connection."""
    holding = connections.create_connection("default")
    if holding.vendor != "postgresql":
        yield
        return
    try:
        holding.set_autocommit(False)
        with holding.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{WAITS}'")
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield
    finally:
        holding.close()
