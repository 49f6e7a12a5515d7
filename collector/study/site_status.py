"""How the site is at this moment, for its admins: what lives, what waits, and who did what since
yesterday."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Sum
from django.utils import timezone

from collector.models import Attempt, Person, Reading
from trainer import heartbeats

A_DAY = timedelta(days=1)
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
    # By their ids, which the index of what is pending holds, so that no database is tempted to read
    # along all attempts by their time for the oldest.
    pending = Attempt.objects.filter(
        pk__in=Attempt.objects.filter(status=Attempt.Status.PENDING).values("pk")
    )
    waiting = pending.aggregate(
        count=Count("pk"),
        needed_reading_count=Sum("needed_reading_count"),
        oldest=Min("submitted_at"),
    )
    drawn = Attempt.objects.filter(submitted_at__gt=since).aggregate(
        count=Count("pk"), drawers=Count("drawer", distinct=True)
    )
    moderators = Person.objects.filter(role__in=[Person.Role.MODERATOR, Person.Role.ADMIN]).values(
        "pk"
    )
    read = Reading.objects.filter(
        moderator__in=moderators, leased_at__gt=since, answer__isnull=False
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
