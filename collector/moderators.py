"""How far each moderator is trusted: how often his readings say what the drawings settled as, and who is suspended."""

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from collector import reviews, verdicts
from collector.errors import Conflict, Forbidden, Refused
from collector.models import Act, Person, Reading, Suspension

LAST = 100  # readings that a moderator is judged by
EVER = Value(datetime(1970, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Agreement:
    """Of a moderator's last `settled` readings of settled drawings, `agreed` say what the drawing settled as, and of
    the last `gold` of hidden gold, `right` say what it is."""

    moderator: Person
    agreed: int
    settled: int
    right: int = 0
    gold: int = 0
    since: datetime = datetime.max.replace(tzinfo=UTC)  # the first of the settled ones, none from before a lift


def everybody() -> list[Agreement]:
    """Every active moderator's, of readings since a suspension was last lifted; the suspended first, then by name."""
    return [
        Agreement(
            one,
            one.agreed_readings,
            one.settled_readings,
            one.right_readings,
            one.gold_readings,
            max(one.oldest, one.lifted),
        )
        for one in _judged().order_by("-suspended", "username")
    ]


@dataclass(frozen=True)
class Habit:
    """What a moderator does: how many drawings he has read and how many of the practice, and of the readings of his
    `Agreement` how many say ambiguous and junk, and the median seconds from one to the next within a sitting."""

    readings: int
    practised: int
    ambiguous: int
    junk: int
    seconds: float | None


def habits(of: Sequence[Agreement]) -> dict[uuid.UUID, Habit]:
    """Each moderator's, by his id, in three queries."""
    everyone = [one.moderator.pk for one in of]
    answered = Reading.objects.filter(moderator__in=everyone, answer__isnull=False)
    total = _by_moderator(answered.filter(attempt__isnull=False))
    practised = _by_moderator(answered.filter(gold__practice=True))
    judged = Q(pk=None)
    for one in of:
        judged |= Q(moderator=one.moderator, answered__gte=one.since)
    settled = Reading.objects.filter(judged, agreed__isnull=False, attempt__isnull=False).order_by("answered")
    answers: dict[uuid.UUID, list[str | None]] = {pk: [] for pk in everyone}
    times: dict[uuid.UUID, list[datetime]] = {pk: [] for pk in everyone}
    for pk, answer, when in settled.values_list("moderator", "answer", "answered"):
        answers[pk].append(answer)
        if when:
            times[pk].append(when)
    return {
        pk: Habit(
            readings=total.get(pk, 0),
            practised=practised.get(pk, 0),
            ambiguous=answers[pk].count(verdicts.AMBIGUOUS),
            junk=answers[pk].count(verdicts.JUNK),
            seconds=pace(times[pk]),
        )
        for pk in everyone
    }


def pace(times: Sequence[datetime]) -> float | None:
    """The median seconds from one reading to the next, oldest first; longer than a lease lasts is a pause, no pace."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(times) if later - earlier < reviews.LEASE]
    return median(gap.total_seconds() for gap in gaps) if gaps else None


def _by_moderator(readings: QuerySet[Reading]) -> dict[uuid.UUID, int]:
    return dict(readings.order_by().values_list("moderator").annotate(n=Count("pk")))


@dataclass(frozen=True)
class Tally:
    """How many moderators there are, and how many of them practise or are suspended."""

    moderators: int
    practising: int
    suspended: int


def tally() -> Tally:
    active = Person.objects.filter(role=Person.Role.MODERATOR, is_active=True)
    suspended = Q(suspended=True)
    return Tally(
        **active.aggregate(
            moderators=Count("pk"),
            practising=Count("pk", filter=Q(qualified=None) & ~suspended),
            suspended=Count("pk", filter=suspended),
        )
    )


def _judged() -> QuerySet[Any]:
    """Moderators with the counts of an `Agreement`, each from the few newest rows of an index."""
    settled = _last(attempt__isnull=False)
    gold = _last(gold__isnull=False, gold__practice=False, gold__retired=False)
    lifted = Suspension.objects.filter(person=OuterRef("pk"), lifted__isnull=False).order_by("-lifted")
    return (
        Person.objects.filter(role=Person.Role.MODERATOR, is_active=True)
        .annotate(
            lifted=Coalesce(Subquery(lifted.values("lifted")[:1]), EVER),
            oldest=_oldest(settled),
            oldest_gold=_oldest(gold),
        )
        .annotate(
            settled_readings=_count(_since(settled, "oldest")),
            agreed_readings=_count(_since(settled, "oldest").filter(agreed=True)),
            gold_readings=_count(_since(gold, "oldest_gold")),
            right_readings=_count(_since(gold, "oldest_gold").filter(agreed=True)),
        )
    )


def _last(**of: bool) -> QuerySet[Reading]:
    return Reading.objects.filter(moderator=OuterRef("pk"), agreed__isnull=False, **of)


def _oldest(readings: QuerySet[Reading]) -> Coalesce:
    return Coalesce(Subquery(readings.order_by("-answered").values("answered")[LAST - 1 : LAST]), EVER)


def _since(readings: QuerySet[Reading], oldest: str) -> QuerySet[Reading]:
    return readings.filter(answered__gte=OuterRef(oldest), answered__gt=OuterRef("lifted"))


def _count(readings: QuerySet[Reading]) -> Coalesce:
    return Coalesce(Subquery(readings.order_by().values("moderator").annotate(n=Count("pk")).values("n")), 0)


def suspend_untrusted() -> int:
    """Suspend every moderator who is no longer trusted, by what drawings settled as or by hidden gold, which finds
    those who are wrong together, and put the drawings he had read back into the queue; how many there were. Safe to
    call often: what an interrupted call left counted is discounted by the next one."""
    found = 0
    for one in everybody():
        if not one.moderator.suspended and not verdicts.trusted(one.agreed, one.settled):
            found += _suspend(one.moderator, one.agreed, one.settled)
        if not one.moderator.suspended and not verdicts.trusted(one.right, one.gold):
            found += _suspend(one.moderator, one.right, one.gold, on_gold=True)
        if one.moderator.suspended:
            reviews.discount(one.moderator)
    return found


def _suspend(moderator: Person, agreed: int, settled: int, on_gold: bool = False) -> bool:
    with transaction.atomic():
        if not Person.objects.filter(pk=moderator.pk, suspended=False).update(suspended=True):
            return False
        Suspension.objects.create(person=moderator, agreed=agreed, settled=settled, on_gold=on_gold)
    moderator.suspended = True
    return True


def qualify(moderator: Person, admin: Person, why: str) -> None:
    """Let somebody moderate who has not qualified by practice, saying why. Raises Forbidden, Refused, Conflict."""
    if not admin.is_admin:
        raise Forbidden("Only an admin lets somebody moderate.")
    if not why.strip():
        raise Refused("Say why, for the log.", field="why")
    with transaction.atomic():
        practising = Person.objects.filter(pk=moderator.pk, role=Person.Role.MODERATOR, qualified=None)
        if not practising.update(qualified=timezone.now()):
            raise Conflict("This is no moderator who practises (any more).")
        Act.objects.create(admin=admin, kind=Act.Kind.QUALIFIED, person=moderator, why=why.strip())


def lift(moderator: Person, admin: Person, why: str) -> None:
    """Let a suspended moderator go on, saying why; he is judged anew from here. Raises Forbidden, Refused, Conflict."""
    if not admin.is_admin:
        raise Forbidden("Only an admin lifts a suspension.")
    if not why.strip():
        raise Refused("Say why, for the log.", field="why")
    with transaction.atomic():
        if not Person.objects.filter(pk=moderator.pk, suspended=True).update(suspended=False):
            raise Conflict("This moderator is not suspended (any more).")
        Suspension.objects.filter(person=moderator, lifted=None).update(lifted=timezone.now())
        Act.objects.create(admin=admin, kind=Act.Kind.LIFTED, person=moderator, why=why.strip())
