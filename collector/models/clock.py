"""The time that all machines share: the database's, by which what several of them count or lease
begins and ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.utils import timezone

_AHEAD = "ahead_of_the_database"


@receiver(connection_created)
def _compare(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Note with a new connection how far this machine's clock is ahead, as far as that is sure: a
    question in ten minutes of a thread's, and none with each request."""
    if connection.vendor == "postgresql":
        before = timezone.now()
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (there,) = cursor.fetchone()
        ahead = max(before - there, timedelta()) or min(timezone.now() - there, timedelta())
        setattr(connection, _AHEAD, ahead)


def ahead() -> timedelta:
    """Return how far this machine's clock is ahead of the database's; SQLite's is the same one."""
    connection.ensure_connection()
    return getattr(connection, _AHEAD, timedelta())


def now() -> datetime:
    """Return the database's time."""
    return timezone.now() - ahead()


def today() -> datetime:
    """Return when this day began: days are UTC's."""
    return now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
