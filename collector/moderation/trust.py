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
from collector.models import AdminAction, ModerationPause, Person, Reading
from collector.moderation import queue, readings
from collector.rules import verdicts

LAST = 100  # readings that a moderator is judged by
AT_ONCE = 400  # moderators; SQLite joins no more than five hundred selects
EVER = Value(datetime(1970, 1, 1, tzinfo=UTC))


class GradedReading(NamedTuple):
    """A reading that is known to be right or not."""

    moderator: uuid.UUID
    answer: str
    answered_at: datetime
    is_correct: bool


@dataclass(frozen=True)
class Agreement:
    """A moderator's last readings, oldest first: of settled drawings, which say what the drawing
    settled as or do not, and of hidden gold."""

    moderator: Person
    of_settled: Sequence[GradedReading]
    of_gold: Sequence[GradedReading]

    @property
    def agreed_count(self) -> int:
        return sum(one.is_correct for one in self.of_settled)

    @property
    def settled_count(self) -> int:
        return len(self.of_settled)

    @property
    def correct_gold_count(self) -> int:
        return sum(one.is_correct for one in self.of_gold)

    @property
    def gold_count(self) -> int:
        return len(self.of_gold)

    @property
    def pace(self) -> float | None:
        """The median seconds from one reading to the next within a sitting."""
        return pace([one.answered_at for one in self.of_settled])

    def share(self, answer: str) -> float | None:
        """How many of the readings of settled drawings say this; None where there are none."""
        return (
            sum(one.answer == answer for one in self.of_settled) / self.settled_count
            if self.of_settled
            else None
        )


def everybody() -> list[Agreement]:
    """Every active moderator's, of readings since a suspension was last lifted; the suspended
    first, then by name."""
    settled = Reading.objects.filter(is_correct__isnull=False, attempt__isnull=False)
    gold = Reading.objects.filter(is_correct__isnull=False, gold__isnull=False)
    gold = gold.filter(gold__is_practice=False, gold__is_retired=False)
    lifted = ModerationPause.objects.filter(
        person=OuterRef("pk"), lifted_at__isnull=False
    ).order_by("-lifted_at")
    people: Any = (
        Person.objects.filter(role=Person.Role.MODERATOR, is_active=True)
        .annotate(
            lifted_at=Coalesce(Subquery(lifted.values("lifted_at")[:1]), EVER),
            oldest=_oldest(settled),
            oldest_gold=_oldest(gold),
        )
        .order_by("-is_moderation_paused", "username")
    )
    people = list(people)
    of_settled = _since(settled, {one.pk: max(one.oldest, one.lifted_at) for one in people})
    of_gold = _since(gold, {one.pk: max(one.oldest_gold, one.lifted_at) for one in people})
    return [Agreement(one, of_settled[one.pk][-LAST:], of_gold[one.pk][-LAST:]) for one in people]


def _oldest(readings: QuerySet[Reading]) -> Coalesce:
    """When each moderator answered the oldest of his `LAST`."""
    his = readings.filter(moderator=OuterRef("pk")).order_by("-answered_at")
    return Coalesce(Subquery(his.values("answered_at")[LAST - 1 : LAST]), EVER)


def _since(
    readings: QuerySet[Reading], since: Mapping[uuid.UUID, datetime]
) -> dict[uuid.UUID, list[GradedReading]]:
    """Each moderator's readings from his own time on, a few rows of an index for each, `AT_ONCE` of
    them in a query."""
    found: dict[uuid.UUID, list[GradedReading]] = {pk: [] for pk in since}
    his = [
        readings.filter(moderator=pk, answered_at__gte=when).order_by()
        for pk, when in since.items()
    ]
    for start in range(0, len(his), AT_ONCE):
        first, *others = (
            one.values_list("moderator", "answer", "answered_at", "is_correct")
            for one in his[start:][:AT_ONCE]
        )
        for row in first.union(*others, all=True):
            found[row[0]].append(GradedReading(*row))  # type: ignore[arg-type]
    for rows in found.values():
        rows.sort(key=lambda one: one.answered_at)
    return found


@dataclass(frozen=True)
class ReadingCounts:
    """How many drawings a moderator has ever read, and how many of the practice ones."""

    readings: int
    practised: int


def work(moderators: Sequence[Person]) -> dict[uuid.UUID, ReadingCounts]:
    """Each one's, by his id."""
    answered = Reading.objects.filter(moderator__in=moderators, answer__isnull=False)
    total = _by_moderator(answered.filter(attempt__isnull=False))
    practised = _by_moderator(answered.filter(gold__is_practice=True))
    return {
        one.pk: ReadingCounts(total.get(one.pk, 0), practised.get(one.pk, 0)) for one in moderators
    }


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
class ModeratorCounts:
    """How many moderators there are, and how many of them practise or are suspended."""

    moderator_count: int
    practising_count: int
    paused_count: int


def count_moderators() -> ModeratorCounts:
    active = Person.objects.filter(role=Person.Role.MODERATOR, is_active=True)
    paused = Q(is_moderation_paused=True)
    return ModeratorCounts(
        **active.aggregate(
            moderator_count=Count("pk"),
            practising_count=Count("pk", filter=Q(qualified_at=None) & ~paused),
            paused_count=Count("pk", filter=paused),
        )
    )


def pause_untrusted() -> int:
    """Suspend every moderator who is no longer trusted, by what drawings settled as or by hidden
    gold, which finds those who are wrong together, and put the drawings he had read back into the
    queue; how many there were. Safe to call often: what an interrupted call left counted is
    discounted by the next one."""
    found = 0
    for one in everybody():
        if not one.moderator.is_moderation_paused and not verdicts.trusted(
            one.agreed_count, one.settled_count
        ):
            found += _pause(one.moderator, one.agreed_count, one.settled_count)
        if not one.moderator.is_moderation_paused and not verdicts.trusted(
            one.correct_gold_count, one.gold_count
        ):
            found += _pause(one.moderator, one.correct_gold_count, one.gold_count, is_on_gold=True)
        if one.moderator.is_moderation_paused:
            readings.discount(one.moderator)
    return found


def _pause(
    moderator: Person, agreed_count: int, settled_count: int, is_on_gold: bool = False
) -> bool:
    with transaction.atomic():
        if not Person.objects.filter(pk=moderator.pk, is_moderation_paused=False).update(
            is_moderation_paused=True
        ):
            return False
        ModerationPause.objects.create(
            person=moderator,
            agreed_count=agreed_count,
            settled_count=settled_count,
            is_on_gold=is_on_gold,
        )
    moderator.is_moderation_paused = True
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
            pk=moderator.pk, role=Person.Role.MODERATOR, qualified_at=None
        )
        if not practising.update(qualified_at=timezone.now()):
            raise Conflict("This is no moderator who practises (any more).")
        AdminAction.objects.create(
            admin=admin, kind=AdminAction.Kind.QUALIFIED, person=moderator, why=why.strip()
        )


def resume(moderator: Person, admin: Person, why: str) -> None:
    """Let a suspended moderator go on, saying why; he is judged anew from here. Raises Forbidden,
    Refused, Conflict."""
    if not admin.is_admin:
        raise Forbidden("Only an admin lifts a suspension.")
    if not why.strip():
        raise Refused("Say why, for the log.", field="why")
    with transaction.atomic():
        if not Person.objects.filter(pk=moderator.pk, is_moderation_paused=True).update(
            is_moderation_paused=False
        ):
            raise Conflict("This moderator is not suspended (any more).")
        ModerationPause.objects.filter(person=moderator, lifted_at=None).update(
            lifted_at=timezone.now()
        )
        AdminAction.objects.create(
            admin=admin, kind=AdminAction.Kind.RESUMED, person=moderator, why=why.strip()
        )
