"""How the site is at this moment, for its admins: what lives, what waits, and who did what since
yesterday."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Min, QuerySet, Sum
from django.utils import timezone

from collector.models import (
    DRAWER_SUSPENDED,
    Alarm,
    Attempt,
    Delivery,
    Person,
    Reading,
    clock,
    tallies,
)
from trainer import candidates, heartbeats

A_DAY, DAYS = timedelta(days=1), 14
SETTLES_WITHIN = timedelta(hours=12)  # something, while anything waits
COMES_WITHIN = timedelta(hours=48)
LEAST_FREE_SHARE, LEAST_FREE = 0.1, 10**9  # of the disk, and bytes
Kind = Alarm.Kind
PROGRAMS = ("worker", "trainer")


@dataclass(frozen=True)
class SiteStatus:
    """How the site is.

    `signs` are the last signs of life of workers and trainers. Of what waits to be read: how many
    drawings (`waiting`), when the oldest was submitted, how many readings would settle them if
    moderators agree (`needed_reading_count`), and how long those take at the pace since the first
    reading of the last 24 hours (`takes`, None where there was none).
    All other counts are of the last 24 hours.
    """

    signs: list[heartbeats.Sign]
    waiting: int
    needed_reading_count: int
    oldest: datetime | None
    drawings: int
    drawers: int
    readings: int
    readers: int
    sign_ups: int
    takes: timedelta | None


def measure() -> SiteStatus:
    """Ask how the site is now; it takes five queries."""
    now = timezone.now()
    since = now - A_DAY
    waiting = Attempt.objects.filter(status=Attempt.Status.PENDING).aggregate(
        count=Count("status"),
        needed_reading_count=Sum("needed_reading_count"),
        oldest=Min("submitted_at"),
    )
    drawn = Attempt.objects.filter(submitted_at__gt=since).aggregate(
        count=Count("drawer"), drawers=Count("drawer", distinct=True)
    )
    read = Reading.objects.filter(
        moderator__in=_moderators(), leased_at__gt=since, answer__isnull=False
    ).aggregate(
        count=Count("pk"), readers=Count("moderator", distinct=True), first=Min("leased_at")
    )
    needed_reading_count = waiting["needed_reading_count"] or 0
    return SiteStatus(
        signs=heartbeats.signs(*PROGRAMS),
        waiting=waiting["count"],
        needed_reading_count=needed_reading_count,
        oldest=waiting["oldest"],
        drawings=drawn["count"],
        drawers=drawn["drawers"],
        readings=read["count"],
        readers=read["readers"],
        takes=(now - read["first"]) * (needed_reading_count / read["count"])
        if read["count"]
        else None,
        sign_ups=Person.objects.filter(joined_at__gt=since).count(),
    )


@dataclass(frozen=True)
class Day:
    """How much was drawn and read on a day, by UTC, and how many people signed up."""

    begins_at: datetime
    drawing_count: int
    reading_count: int
    sign_up_count: int


def daily() -> list[Day]:
    """Return the last `DAYS` days, today last, in one query."""
    days = [clock.today() - A_DAY * ago for ago in range(DAYS - 1, -1, -1)]
    dates = [day.date().isoformat() for day in days]
    listed = ", ".join(f"'{date}'" for date in dates)
    drawn = " + ".join(f"all_{status}_count" for status in Attempt.Status)
    joined = tallies.day_of("collector_person", "joined_at")
    adapt = connection.ops.adapt_datetimefield_value
    counts: dict[str, list[int]] = {date: [0, 0, 0] for date in dates}
    with connection.cursor() as cursor:
        # Put together here, since through the ORM it would take longer than the adding up.
        cursor.execute(
            f"SELECT 0, day, SUM({drawn}) FROM collector_tally "
            f"WHERE day IN ({listed}) GROUP BY day "
            "UNION ALL SELECT 1, day, SUM(answer_count) FROM collector_readingdaytally "
            f"WHERE day IN ({listed}) GROUP BY day "
            f"UNION ALL SELECT 2, {joined}, COUNT(*) FROM collector_person "
            f"WHERE joined_at >= %s AND joined_at < %s GROUP BY {joined}",
            [adapt(days[0]), adapt(days[-1] + A_DAY)],
        )
        for kind, date, n in cursor.fetchall():
            counts[str(date)][kind] = int(n)
    return [Day(day, *counts[date]) for day, date in zip(days, dates, strict=True)]


def wrong() -> list[Alarm.Kind]:
    """Return what is wrong with the site now: what the desk shows and admins are told by email. It
    takes seven queries."""
    found = {
        Kind.UNREAD: _is_unread(),
        Kind.IDLE: _is_idle(),
        Kind.TRAINING: candidates.last_failed() is not None,
        Kind.DISK: _is_disk_full(),
        Kind.WORKERS: bool(heartbeats.missing(*PROGRAMS)),
        Kind.WEBHOOKS: _are_events_given_up(),
    }
    return [kind for kind, is_wrong in found.items() if is_wrong]


def disk() -> tuple[int, int]:
    """Return how many bytes the disk of the data folder has, and how many of them are free."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    return usage.total, usage.free


def _is_disk_full() -> bool:
    total, free = disk()
    return free < LEAST_FREE or free < LEAST_FREE_SHARE * total


def _is_unread() -> bool:
    """Whether a drawing that moderators are given waits, and no reading of a settled one is new."""
    since = timezone.now() - SETTLES_WITHIN
    if not _pending().filter(submitted_at__lt=since).exclude(DRAWER_SUSPENDED).exists():
        return False
    settled = Reading.objects.filter(
        moderator__in=_moderators(), is_correct__isnull=False, attempt__isnull=False
    )
    return not settled.filter(answered_at__gt=since).exists()


def _is_idle() -> bool:
    newest = Attempt.objects.aggregate(at=Max("submitted_at"))["at"]
    return newest is not None and newest < timezone.now() - COMES_WITHIN


def _are_events_given_up() -> bool:
    """Whether events of a webhook that still takes none were given up."""
    given_up = Delivery.objects.filter(is_given_up=True, webhook__resumed_at__isnull=False)
    return given_up.filter(webhook__failure_count__gt=0).exists()


def _pending() -> QuerySet[Attempt]:
    """Return what waits to be read. By ids, which the index of what is pending holds, so that no
    database is tempted to read along all attempts by their time for the oldest."""
    return Attempt.objects.filter(
        pk__in=Attempt.objects.filter(status=Attempt.Status.PENDING).values("pk")
    )


def _moderators() -> QuerySet[Person]:
    return Person.objects.filter(role__in=[Person.Role.MODERATOR, Person.Role.ADMIN])
