"""How the day stands, which ends at midnight UTC: for one person, and on the board of the day's
challenge."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Count, F, Max, Q

from collector.models import Attempt, Person, clock
from collector.rules import challenges
from collector.standings.leaderboards import (
    FOOLED,
    OF_EACH,
    PENDING,
    SHOWN,
    VERIFIED,
    AttemptCounts,
)


@dataclass(frozen=True)
class Day:
    """What a person drew today, and how many of their fools were verified since a moment, whenever
    they were drawn."""

    counts: AttemptCounts
    confirmed_count: int


@dataclass(frozen=True)
class Place:
    """One line of the board: of somebody's drawings of the day's digit. Who has no verified fool
    has no rank yet."""

    rank: int | None
    username: str
    counts: AttemptCounts


def today() -> date:
    return clock.today().date()


def drawn_count(person: Person) -> int:
    """Count what somebody drew today and has not taken back, copies too, which would tell that an
    earlier one fooled a model; one query."""
    drawn = person.attempts.filter(submitted_at__gte=datetime.combine(today(), time(), UTC))
    return drawn.exclude(status=Attempt.Status.RETRACTED).count()


def of_person(person: Person, since: datetime | None = None) -> Day:
    """Count what somebody drew today, and what was confirmed `since` then (None: nothing); one
    query."""
    drawn_today = Q(submitted_at__gte=datetime.combine(today(), time(), UTC))
    confirmed = VERIFIED & Q(settled_at__gt=since or clock.now())
    kinds = OF_EACH | {"fooled_count": FOOLED}
    counted = person.attempts.filter(drawn_today | confirmed).aggregate(
        **{name: Count("status", filter=which & drawn_today) for name, which in kinds.items()},
        confirmed_count=Count("status", filter=confirmed),
    )
    return Day(confirmed_count=counted.pop("confirmed_count"), counts=AttemptCounts(**counted))


def challenge_board(day: date, arm: str) -> list[Place]:
    """List who, in an arm, drew the digit of a day on that day and fooled the model with it, as far
    as it is verified or waits: the most verified fools first, then the most waiting, then whoever
    was there first. One query; nobody is on it whom the public does not see."""
    begins = datetime.combine(day, time(), UTC)
    within = Attempt.objects.filter(
        target_label=challenges.digit_of(day),
        submitted_at__gte=begins,
        submitted_at__lt=begins + timedelta(days=1),
    ).exclude(drawer__in=Person.objects.hidden(arm))
    counts = {name: Count("status", filter=which) for name, which in OF_EACH.items()}
    lines = (
        within.order_by()
        .values("drawer__username")
        .annotate(**counts, last=Max("submitted_at", filter=VERIFIED | PENDING))
        .filter(last__isnull=False)
        .order_by(F("verified_count").desc(), F("pending_count").desc(), "last", "drawer__username")
        .values_list("drawer__username", *OF_EACH)[:SHOWN]
    )
    board: list[Place] = []
    for place, (username, *counted) in enumerate(lines, start=1):
        of_one = AttemptCounts(**dict(zip(OF_EACH, counted, strict=True)))
        is_equal = board and board[-1].counts.verified_count == of_one.verified_count
        rank = board[-1].rank if is_equal else place
        board.append(Place(rank if of_one.verified_count else None, username, of_one))
    return board
