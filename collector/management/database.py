"""What a command says whose database is away, busy, full, damaged, or without its tables."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connection

from collector.errors import trouble_of

_NO_TABLE = "42P01"  # PostgreSQL's code
EMPTY = (
    "The database {name} has not all of the tables; manage.py setup makes them. Where it should "
    "have them, DADC_DATA_DIR or DATABASE_URL is not the site's."
)


@contextmanager
def refusing() -> Iterator[None]:
    """End the program with a sentence where the database's state is to blame, as far as nobody has
    said so already; exit status 1. With `--traceback`, and where a bug may be, let it through."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        told = _told(error)
        if told is None or "--traceback" in sys.argv:
            raise
        sys.exit(told)


def _told(error: Exception) -> str | None:
    first_line = (str(error).strip().splitlines() or [""])[0]
    is_empty = getattr(error.__cause__, "sqlstate", None) == _NO_TABLE
    if is_empty or first_line.startswith(("no such table", "no such trigger")):
        return f"{EMPTY.format(name=connection.settings_dict['NAME'])} ({first_line})"
    trouble = trouble_of(error)
    return f"{trouble.cause} ({first_line})" if trouble else None
