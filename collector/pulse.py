"""How the site is at this moment, for its admins: what lives, what waits, and who did what since yesterday."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Sum
from django.utils import timezone

from collector.models import Attempt, Person, Reading
from trainer.models import Heartbeat

A_DAY = timedelta(days=1)
CLUSTERS = {"dadc": "short tasks", "train": "training"}


@dataclass(frozen=True)
class Pulse:
    """`beats` are the workers' last signs of life, None before the first; `wanted` is how many readings would settle
    what waits if moderators agree; all other counts are of the last 24 hours."""

    beats: dict[str, datetime | None]
    waiting: int
    wanted: int
    oldest: datetime | None
    drawings: int
    drawers: int
    readings: int
    readers: int
    sign_ups: int

    @property
    def takes(self) -> timedelta | None:
        """How long what waits takes at the last day's pace; None where nobody read anything."""
        return A_DAY * (self.wanted / self.readings) if self.readings else None


def now() -> Pulse:
    """Seven short queries."""
    since = timezone.now() - A_DAY
    beats = dict(Heartbeat.objects.values_list("cluster", "at"))
    pending = Attempt.objects.filter(pk__in=Attempt.objects.filter(status=Attempt.Status.PENDING).values("pk"))
    queue = pending.aggregate(n=Count("pk"), wanted=Sum("wanted"), oldest=Min("submitted"))
    drawn = Attempt.objects.filter(submitted__gt=since).aggregate(n=Count("pk"), who=Count("drawer", distinct=True))
    moderators = Person.objects.filter(role__in=[Person.Role.MODERATOR, Person.Role.ADMIN]).values("pk")
    read = Reading.objects.filter(moderator__in=moderators, leased__gt=since, answer__isnull=False).aggregate(
        n=Count("pk"), who=Count("moderator", distinct=True)
    )
    return Pulse(
        beats={cluster: beats.get(cluster) for cluster in CLUSTERS},
        waiting=queue["n"],
        wanted=queue["wanted"] or 0,
        oldest=queue["oldest"],
        drawings=drawn["n"],
        drawers=drawn["who"],
        readings=read["n"],
        readers=read["who"],
        sign_ups=Person.objects.filter(joined__gt=since).count(),
    )
