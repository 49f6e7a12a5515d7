"""Limits on how often somebody may do a thing, counted in the database so that they hold over all processes."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection

from collector.errors import TooMany
from collector.models import Allowance


@dataclass(frozen=True)
class Limit:
    """At most `most` (times DADC_LIMIT_SCALE) in each window of `seconds`."""

    rule: str
    most: int
    seconds: int
    what: str


SUBMISSIONS_A_MINUTE = Limit("submissions a minute", 40, 60, "drawings")
SUBMISSIONS_A_DAY = Limit("submissions a day", 2000, 24 * 3600, "drawings")
PREDICTIONS_A_MINUTE = Limit("predictions a minute", 1200, 60, "previews")
SIGN_UPS_AN_HOUR = Limit("sign-ups an hour", 30, 3600, "new accounts from one address")
RESETS_AN_HOUR = Limit("resets an hour", 3, 3600, "mails to one address")
RESETS_AN_HOUR_FROM = Limit("resets an hour from", 20, 3600, "forgotten passwords")
SIGN_INS_A_MINUTE = Limit("tokens a minute", 20, 60, "sign-ins from one address")

_COUNT = """
    INSERT INTO {table} (rule, who, slot, used, ends) VALUES (%s, %s, %s, 1, %s)
    ON CONFLICT (rule, who, slot) DO UPDATE SET used = {table}.used + 1 RETURNING used
"""


def take(limit: Limit, who: str) -> None:
    """Count one more for `who`, in one statement, so that simultaneous ones are all counted. Raises TooMany."""
    now = time.time()
    slot = int(now // limit.seconds)
    ends = datetime.fromtimestamp((slot + 1) * limit.seconds, tz=UTC)
    with connection.cursor() as cursor:
        sql = _COUNT.format(table=Allowance._meta.db_table)
        cursor.execute(sql, [limit.rule, who, slot, connection.ops.adapt_datetimefield_value(ends)])
        (used,) = cursor.fetchone()
    most = max(1, round(limit.most * settings.LIMIT_SCALE))
    if used > most:
        wait = math.ceil(ends.timestamp() - now)
        raise TooMany(f"That was more than {most} {limit.what} in {_span(limit.seconds)}. Try again {_in(wait)}.", wait)


def _span(seconds: int) -> str:
    return {60: "a minute", 3600: "an hour", 24 * 3600: "a day"}[seconds]


def _in(seconds: int) -> str:
    if seconds < 90:
        return f"in {seconds} second{'' if seconds == 1 else 's'}"
    minutes = math.ceil(seconds / 60)
    return f"in {minutes} minutes" if minutes < 90 else f"in {round(minutes / 60)} hours"
