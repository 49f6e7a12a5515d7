"""What moderators are told of their own readings.

Hidden gold is told as the drawing that it is a copy of, and of the last day's readings nothing but
how many there were: so nobody can tell which of them were gold. A reading is of the day on which
the drawing was taken, by which an index finds it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value

from collector.models import DRAWER_SUSPENDED, Attempt, Person, Reading, clock

TOLD_AFTER = timedelta(days=1)
A_WEEK, WEEKS = timedelta(days=7), 12


@dataclass(frozen=True)
class Week:
    """A week, from Monday 0:00 UTC: how many drawings somebody read in it; of how many of these it
    is told by now what they settled as; and of how many the reading says the same."""

    begins_at: datetime
    reading_count: int
    told_count: int
    agreed_count: int


@dataclass(frozen=True)
class OwnCounts:
    """How many drawings somebody has read today (UTC), and ever."""

    today: int
    ever: int


def counts(moderator: Person) -> OwnCounts:
    """Count what a moderator has read."""
    own = _own(moderator)
    return OwnCounts(own.filter(leased_at__gte=clock.today()).count(), own.count())


def weeks(moderator: Person) -> list[Week]:
    """Return a moderator's last `WEEKS` weeks, this one last, in one query."""
    today = clock.today()
    this = today - timedelta(today.weekday())
    begins = [this - A_WEEK * ago for ago in range(WEEKS - 1, -1, -1)]
    is_told = Q(leased_at__lt=clock.now() - TOLD_AFTER, is_correct__isnull=False)
    selects = [
        _own(moderator)
        .filter(leased_at__gte=begin, leased_at__lt=begin + A_WEEK)
        .order_by()
        .values(week=Value(place))
        .annotate(
            n=Count("*"),
            told=Count("leased_at", filter=is_told),
            agreed=Count("leased_at", filter=is_told & Q(is_correct=True)),
        )
        for place, begin in enumerate(begins)
    ]
    rows = selects[0].union(*selects[1:], all=True).values_list("week", "n", "told", "agreed")
    found = {place: rest for place, *rest in rows}
    return [Week(begin, *found.get(place, (0, 0, 0))) for place, begin in enumerate(begins)]


def told(moderator: Person) -> QuerySet[Reading]:
    """Return a moderator's readings of which it is told what the drawing settled as, the newest
    first; `settled_as` gives the attempt of each."""
    return (
        _own(moderator)
        .filter(leased_at__lt=clock.now() - TOLD_AFTER, is_correct__isnull=False)
        .select_related("attempt", "gold__attempt")
        .order_by("-leased_at")
    )


def settled_as(reading: Reading) -> Attempt:
    """Return the attempt that was read, or that the gold that was read is a copy of."""
    drawing = reading.drawing
    attempt = drawing if isinstance(drawing, Attempt) else drawing.attempt
    assert attempt is not None
    return attempt


def waiting_count(moderator: Person) -> int:
    """Count the drawings of others that wait for readings and that this moderator has not read."""
    read = Reading.objects.filter(attempt=OuterRef("pk"), moderator=moderator, answer__isnull=False)
    waiting = Attempt.objects.filter(
        ~Exists(read), status=Attempt.Status.PENDING, needed_reading_count__gt=0
    )
    return waiting.exclude(DRAWER_SUSPENDED).exclude(drawer=moderator).count()


def _own(moderator: Person) -> QuerySet[Reading]:
    answered = Reading.objects.filter(moderator=moderator, answer__isnull=False)
    return answered.exclude(gold__is_practice=True)
