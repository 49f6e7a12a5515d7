"""How the site is at this moment, for its admins: what lives, what waits, and who did what since
yesterday."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Sum
from django.utils import timezone

from collector.models import Attempt, Person, Reading
from trainer.models import Heartbeat

A_DAY = timedelta(days=1)
CLUSTERS = {"dadc": "short tasks", "train": "training"}


@dataclass(frozen=True)
class SiteStatus:
    """`beats` are the workers' last signs of life, None before the first; `wanted` is how many
    readings would settle what waits if moderators agree, and `takes` how long they take at the pace
    since the first reading of the last 24 hours, None where there was none; all other counts are of
    the last 24 hours."""

    beats: dict[str, datetime | None]
    waiting: int
    wanted: int
    oldest: datetime | None
    drawings: int
    drawers: int
    readings: int
    readers: int
    sign_ups: int
    takes: timedelta | None


def measure() -> SiteStatus:
    """Five queries."""
    this_moment = timezone.now()
    since = this_moment - A_DAY
    beats = dict(Heartbeat.objects.values_list("cluster", "beat_at"))
    pending = Attempt.objects.filter(
        pk__in=Attempt.objects.filter(status=Attempt.Status.PENDING).values("pk")
    )
    queue = pending.aggregate(
        n=Count("pk"), wanted=Sum("needed_reading_count"), oldest=Min("submitted_at")
    )
    drawn = Attempt.objects.filter(submitted_at__gt=since).aggregate(
        n=Count("pk"), who=Count("drawer", distinct=True)
    )
    moderators = Person.objects.filter(role__in=[Person.Role.MODERATOR, Person.Role.ADMIN]).values(
        "pk"
    )
    read = Reading.objects.filter(
        moderator__in=moderators, leased_at__gt=since, answer__isnull=False
    ).aggregate(n=Count("pk"), who=Count("moderator", distinct=True), first=Min("leased_at"))
    wanted = queue["wanted"] or 0
    return SiteStatus(
        beats={cluster: beats.get(cluster) for cluster in CLUSTERS},
        waiting=queue["n"],
        wanted=wanted,
        oldest=queue["oldest"],
        drawings=drawn["n"],
        drawers=drawn["who"],
        readings=read["n"],
        readers=read["who"],
        takes=(this_moment - read["first"]) * (wanted / read["n"]) if read["n"] else None,
        sign_ups=Person.objects.filter(joined_at__gt=since).count(),
    )
