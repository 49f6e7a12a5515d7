"""How far each moderator is trusted: how often his readings say what the drawings settled as, and
who is suspended."""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from collector.errors import Conflict, Forbidden, Refused
from collector.models import Act, Person, Reading, Suspension
from collector.moderation import queue, readings
from collector.rules import verdicts

LAST = 100  # readings that a moderator is judged by
AT_ONCE = 400  # moderators; SQLite joins no more than five hundred selects
EVER = Value(datetime(1970, 1, 1, tzinfo=UTC))


class Judged(NamedTuple):
    """A reading that is known to be right or not."""

    moderator: uuid.UUID
    answer: str
    answered: datetime
    agreed: bool


@dataclass(frozen=True)
class Agreement:
    """A moderator's last readings, oldest first: of settled drawings, which say what the drawing
    settled as or do not, and of hidden gold."""

    moderator: Person
    of_settled: Sequence[Judged]
    of_gold: Sequence[Judged]

    @property
    def agreed(self) -> int:
        return sum(one.agreed for one in self.of_settled)

    @property
    def settled(self) -> int:
        return len(self.of_settled)

    @property
    def right(self) -> int:
        return sum(one.agreed for one in self.of_gold)

    @property
    def gold(self) -> int:
        return len(self.of_gold)

    @property
    def pace(self) -> float | None:
        """The median seconds from one reading to the next within a sitting."""
        return pace([one.answered for one in self.of_settled])

    def share(self, answer: str) -> float | None:
        """How many of the readings of settled drawings say this; None where there are none."""
        return (
            sum(one.answer == answer for one in self.of_settled) / self.settled
            if self.of_settled
            else None
        )


def everybody() -> list[Agreement]:
    """Every active moderator's, of readings since a suspension was last lifted; the suspended
    first, then by name."""
    settled = Reading.objects.filter(agreed__isnull=False, attempt__isnull=False)
    gold = Reading.objects.filter(agreed__isnull=False, gold__isnull=False)
    gold = gold.filter(gold__practice=False, gold__retired=False)
    lifted = Suspension.objects.filter(person=OuterRef("pk"), lifted__isnull=False).order_by(
        "-lifted"
    )
    people: Any = (
        Person.objects.filter(role=Person.Role.MODERATOR, is_active=True)
        .annotate(
            lifted=Coalesce(Subquery(lifted.values("lifted")[:1]), EVER),
            oldest=_oldest(settled),
            oldest_gold=_oldest(gold),
        )
        .order_by("-suspended", "username")
    )
    people = list(people)
    of_settled = _since(settled, {one.pk: max(one.oldest, one.lifted) for one in people})
    of_gold = _since(gold, {one.pk: max(one.oldest_gold, one.lifted) for one in people})
    return [Agreement(one, of_settled[one.pk][-LAST:], of_gold[one.pk][-LAST:]) for one in people]


def _oldest(readings: QuerySet[Reading]) -> Coalesce:
    """When each moderator answered the oldest of his `LAST`."""
    his = readings.filter(moderator=OuterRef("pk")).order_by("-answered")
    return Coalesce(Subquery(his.values("answered")[LAST - 1 : LAST]), EVER)


def _since(
    readings: QuerySet[Reading], since: Mapping[uuid.UUID, datetime]
) -> dict[uuid.UUID, list[Judged]]:
    """Each moderator's readings from his own time on, a few rows of an index for each, `AT_ONCE` of
    them in a query."""
    found: dict[uuid.UUID, list[Judged]] = {pk: [] for pk in since}
    his = [
        readings.filter(moderator=pk, answered__gte=when).order_by() for pk, when in since.items()
    ]
    for start in range(0, len(his), AT_ONCE):
        first, *others = (
            one.values_list("moderator", "answer", "answered", "agreed")
            for one in his[start:][:AT_ONCE]
        )
        for row in first.union(*others, all=True):
            found[row[0]].append(Judged(*row))  # type: ignore[arg-type]
    for rows in found.values():
        rows.sort(key=lambda one: one.answered)
    return found


@dataclass(frozen=True)
class Work:
    """How many drawings a moderator has ever read, and how many of the practice ones."""

    readings: int
    practised: int


def work(moderators: Sequence[Person]) -> dict[uuid.UUID, Work]:
    """Each one's, by his id."""
    answered = Reading.objects.filter(moderator__in=moderators, answer__isnull=False)
    total = _by_moderator(answered.filter(attempt__isnull=False))
    practised = _by_moderator(answered.filter(gold__practice=True))
    return {one.pk: Work(total.get(one.pk, 0), practised.get(one.pk, 0)) for one in moderators}


def pace(times: Sequence[datetime]) -> float | None:
    """The median seconds from one reading to the next, oldest first; longer than a lease lasts is a
    pause, no pace."""
    gaps = [
        later - earlier
        for earlier, later in itertools.pairwise(times)
        if later - earlier < queue.LEASE
    ]
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


def suspend_untrusted() -> int:
    """Suspend every moderator who is no longer trusted, by what drawings settled as or by hidden
    gold, which finds those who are wrong together, and put the drawings he had read back into the
    queue; how many there were. Safe to call often: what an interrupted call left counted is
    discounted by the next one."""
    found = 0
    for one in everybody():
        if not one.moderator.suspended and not verdicts.trusted(one.agreed, one.settled):
            found += _suspend(one.moderator, one.agreed, one.settled)
        if not one.moderator.suspended and not verdicts.trusted(one.right, one.gold):
            found += _suspend(one.moderator, one.right, one.gold, on_gold=True)
        if one.moderator.suspended:
            readings.discount(one.moderator)
    return found


def _suspend(moderator: Person, agreed: int, settled: int, on_gold: bool = False) -> bool:
    with transaction.atomic():
        if not Person.objects.filter(pk=moderator.pk, suspended=False).update(suspended=True):
            return False
        Suspension.objects.create(person=moderator, agreed=agreed, settled=settled, on_gold=on_gold)
    moderator.suspended = True
    return True


def qualify(moderator: Person, admin: Person, why: str) -> None:
    """Let somebody moderate who has not qualified by practice, saying why. Raises Forbidden,
    Refused, Conflict."""
    if not admin.is_admin:
        raise Forbidden("Only an admin lets somebody moderate.")
    if not why.strip():
        raise Refused("Say why, for the log.", field="why")
    with transaction.atomic():
        practising = Person.objects.filter(
            pk=moderator.pk, role=Person.Role.MODERATOR, qualified=None
        )
        if not practising.update(qualified=timezone.now()):
            raise Conflict("This is no moderator who practises (any more).")
        Act.objects.create(admin=admin, kind=Act.Kind.QUALIFIED, person=moderator, why=why.strip())


def lift(moderator: Person, admin: Person, why: str) -> None:
    """Let a suspended moderator go on, saying why; he is judged anew from here. Raises Forbidden,
    Refused, Conflict."""
    if not admin.is_admin:
        raise Forbidden("Only an admin lifts a suspension.")
    if not why.strip():
        raise Refused("Say why, for the log.", field="why")
    with transaction.atomic():
        if not Person.objects.filter(pk=moderator.pk, suspended=True).update(suspended=False):
            raise Conflict("This moderator is not suspended (any more).")
        Suspension.objects.filter(person=moderator, lifted=None).update(lifted=timezone.now())
        Act.objects.create(admin=admin, kind=Act.Kind.LIFTED, person=moderator, why=why.strip())
