"""Have one process do at a time what several machines, or several starts on one, may begin at
once."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

WAITS = "120s"


@dataclass(frozen=True)
class Room:
    """What one process does at a time: `file` in the data folder and `number` of PostgreSQL's
    advisory locks are held meanwhile. Who comes second waits, or is sent away."""

    file: str
    number: int
    is_waited_for: bool


SETUP = Room("setup.lock", 0x64616463, is_waited_for=True)
PUBLISHING = Room("publish.lock", 0x64616464, is_waited_for=False)


class IsTaken(Exception):
    """Another process is in the room."""


@contextmanager
def alone(folder: Path, room: Room = SETUP) -> Iterator[None]:
    """Be in a room with nobody else, on this data folder or with this database; a process that is
    killed leaves it. Raises IsTaken, or OperationalError after two minutes of waiting for the
    database."""
    held = os.open(folder / room.file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (0 if room.is_waited_for else fcntl.LOCK_NB))
        except BlockingIOError:
            raise IsTaken("Another process is at it.") from None
        with _alone_with_the_database(room):
            yield
    finally:
        os.close(held)


@contextmanager
def _alone_with_the_database(room: Room) -> Iterator[None]:
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
            if room.is_waited_for:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [room.number])
            else:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [room.number])
                if not cursor.fetchone()[0]:
                    raise IsTaken("Another machine is at it.")
        yield
    finally:
        holding.close()
