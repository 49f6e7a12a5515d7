"""How far each moderator is trusted: how often their readings say what the drawings settled as, and
who is paused."""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from collector.errors import Conflict
from collector.models import (
    AdminAction,
    ModerationPause,
    Person,
    Reading,
    ReadingTally,
    require_admin,
    require_reason,
)
from collector.moderation import queue, readings
from collector.people import notices
from collector.rules import verdicts
from trainer.learning.sentences import Sentence

JUDGED_READINGS = 100  # the last, by which a moderator is judged
MAX_UNION_SELECTS = 400  # SQLite joins no more than five hundred
BEFORE_ALL_READINGS = Value(datetime(1970, 1, 1, tzinfo=UTC))


class GradedReading(NamedTuple):
    """A reading that is known to be correct or not."""

    moderator: uuid.UUID
    answer: str
    answered_at: datetime
    is_correct: bool


@dataclass(frozen=True)
class ModeratorFigures:
    """A moderator's last readings, oldest first: of settled drawings, which say what the drawing
    settled as or do not, and of hidden gold."""

    moderator: Person
    settled_readings: Sequence[GradedReading]
    gold_readings: Sequence[GradedReading]

    @property
    def agreed_count(self) -> int:
        return sum(reading.is_correct for reading in self.settled_readings)

    @property
    def settled_count(self) -> int:
        return len(self.settled_readings)

    @property
    def correct_gold_count(self) -> int:
        return sum(reading.is_correct for reading in self.gold_readings)

    @property
    def gold_count(self) -> int:
        return len(self.gold_readings)

    @property
    def pace(self) -> float | None:
        """The median seconds from one reading to the next within a sitting."""
        return pace([reading.answered_at for reading in self.settled_readings])

    def share(self, answer: str) -> float | None:
        """Return which share of the readings of settled drawings say this; None where there are
        none."""
        if not self.settled_readings:
            return None
        return (
            sum(reading.answer == answer for reading in self.settled_readings) / self.settled_count
        )


def moderator_figures() -> list[ModeratorFigures]:
    """Return every active moderator's figures, of readings since a pause of theirs was last lifted;
    the paused first, then by name."""
    settled = Reading.objects.filter(is_correct__isnull=False, attempt__isnull=False)
    gold = Reading.objects.filter(is_correct__isnull=False, gold__isnull=False)
    gold = gold.filter(gold__is_practice=False, gold__is_retired=False)
    lifted = ModerationPause.objects.filter(
        person=OuterRef("pk"), lifted_at__isnull=False
    ).order_by("-lifted_at")
    moderators = list(
        Person.objects.filter(role=Person.Role.MODERATOR, is_active=True)
        .annotate(
            lifted_at=Coalesce(Subquery(lifted.values("lifted_at")[:1]), BEFORE_ALL_READINGS),
            oldest=_oldest_judged(settled),
            oldest_gold=_oldest_judged(gold),
        )
        .order_by("-is_moderation_paused", "username")
    )
    settled_readings = _graded_since(
        settled, {person.pk: max(person.oldest, person.lifted_at) for person in moderators}
    )
    gold_readings = _graded_since(
        gold, {person.pk: max(person.oldest_gold, person.lifted_at) for person in moderators}
    )
    return [
        ModeratorFigures(
            person,
            settled_readings[person.pk][-JUDGED_READINGS:],
            gold_readings[person.pk][-JUDGED_READINGS:],
        )
        for person in moderators
    ]


def _oldest_judged(readings: QuerySet[Reading]) -> Coalesce:
    """Return, as an expression of each moderator, when they answered the oldest of the last
    `JUDGED_READINGS`; the beginning of time where they have fewer."""
    newest_first = readings.filter(moderator=OuterRef("pk")).order_by("-answered_at")
    oldest = newest_first.values("answered_at")[JUDGED_READINGS - 1 : JUDGED_READINGS]
    return Coalesce(Subquery(oldest), BEFORE_ALL_READINGS)


def _graded_since(
    readings: QuerySet[Reading], since: Mapping[uuid.UUID, datetime]
) -> dict[uuid.UUID, list[GradedReading]]:
    """Return, by moderator, their readings among these from their own moment in `since` on, oldest
    first."""
    # Each moderator's are a select of their own, which takes a few rows from the head of an index.
    selects = [
        readings.filter(moderator=moderator_id, answered_at__gte=moment)
        .order_by()
        .values_list("moderator", "answer", "answered_at", "is_correct")
        for moderator_id, moment in since.items()
    ]
    # Many of them are sent as one statement.
    graded: dict[uuid.UUID, list[GradedReading]] = {moderator_id: [] for moderator_id in since}
    for start in range(0, len(selects), MAX_UNION_SELECTS):
        first, *others = selects[start : start + MAX_UNION_SELECTS]
        for row in first.union(*others, all=True):
            reading = GradedReading(*row)  # type: ignore[arg-type]
            graded[reading.moderator].append(reading)
    # A union has no order.
    for of_moderator in graded.values():
        of_moderator.sort(key=lambda reading: reading.answered_at)
    return graded


@dataclass(frozen=True)
class ReadingCounts:
    """How many drawings a moderator has ever read, hidden gold among them, and how many practice
    ones besides."""

    reading_count: int
    practice_count: int


def reading_counts(moderators: Sequence[Person]) -> dict[uuid.UUID, ReadingCounts]:
    """Return how much each of these has read, by their ids."""
    read = ReadingTally.objects.filter(moderator__in=moderators).values_list()
    counts = {moderator: ReadingCounts(*counts) for moderator, *counts in read}
    return {person.pk: counts.get(person.pk, ReadingCounts(0, 0)) for person in moderators}


def pace(times: Sequence[datetime]) -> float | None:
    """Return the median seconds from one reading to the next, given when they were answered, oldest
    first; None without two in a row. A gap longer than a lease lasts is a break and counts for
    nothing."""
    gaps = [
        later - earlier
        for earlier, later in itertools.pairwise(times)
        if later - earlier < queue.LEASE
    ]
    return median(gap.total_seconds() for gap in gaps) if gaps else None


@dataclass(frozen=True)
class ModeratorCounts:
    """How many moderators there are, and how many of them practise or are paused."""

    moderator_count: int
    practising_count: int
    paused_count: int

    @property
    def reading_count(self) -> int:
        """How many are left who read."""
        return self.moderator_count - self.practising_count - self.paused_count


def count_moderators() -> ModeratorCounts:
    """Count the active moderators, in one query."""
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
    """Pause every moderator who is no longer trusted, and put the drawings that they had read back
    into the queue; return how many there were.

    They are judged by what drawings settled as, and by hidden gold, which finds those who are wrong
    together. Safe to call often: what an interrupted call left counted is discounted by the next
    one.
    """
    pause_count = 0
    for figures in moderator_figures():
        moderator = figures.moderator
        if not moderator.is_moderation_paused and not verdicts.trusted(
            figures.agreed_count, figures.settled_count
        ):
            pause_count += _pause(moderator, figures.agreed_count, figures.settled_count)
        if not moderator.is_moderation_paused and not verdicts.trusted(
            figures.correct_gold_count, figures.gold_count
        ):
            pause_count += _pause(
                moderator, figures.correct_gold_count, figures.gold_count, is_on_gold=True
            )
        if moderator.is_moderation_paused:
            readings.discount(moderator)
    return pause_count


def _pause(
    moderator: Person, agreed_count: int, settled_count: int, is_on_gold: bool = False
) -> bool:
    """Pause a moderator and keep the counts that say why; False where they are paused already."""
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
        notices.tell(moderator, notices.PAUSED)  # in the same words, whatever it was judged on
    moderator.is_moderation_paused = True
    return True


def qualify(moderator: Person, admin: Person, why: str, seen_test_count: int | None = None) -> None:
    """Let somebody moderate who has not passed the qualification test, saying why. The same act
    sent again finds itself. `seen_test_count`: how many tens of practice drawings the admin has
    seen them finish (None: not asked). Raises Forbidden, Refused, Conflict."""
    require_admin(admin, Sentence("Only an admin lets somebody moderate."))
    reason = require_reason(why)
    with transaction.atomic():
        # Whoever reads holds this row too, so that no ten is finished in between.
        found = Person.objects.select_for_update(no_key=True).get(pk=moderator.pk)
        if not found.is_practising:
            if _is_done_already(moderator, admin, AdminAction.Kind.QUALIFIED, reason):
                return
            raise Conflict(Sentence("This is no moderator who practises (any more)."))
        tests = reading_counts([found])[found.pk].practice_count // verdicts.PRACTICE
        if seen_test_count not in (None, tests):
            raise Conflict(
                Sentence(
                    "{username} has finished another ten practice drawings since you opened "
                    "this page. See how they stand now.",
                    username=found.username,
                )
            )
        Person.objects.filter(pk=found.pk).update(qualified_at=timezone.now())
        AdminAction.objects.create(
            admin=admin, kind=AdminAction.Kind.QUALIFIED, person=moderator, why=reason
        )
        notices.tell(moderator, notices.QUALIFIED)


def current_pauses() -> dict[uuid.UUID, int]:
    """Return the pause that holds, by its number, of each moderator who is paused."""
    held = ModerationPause.objects.filter(lifted_at=None)
    return dict(held.order_by().values_list("person_id", "pk"))


def resume(moderator: Person, admin: Person, why: str, seen_pause: int | None = None) -> None:
    """Let a paused moderator go on, saying why; they are judged anew from here. The same act sent
    again finds itself. `seen_pause`: the pause that the admin has seen (None: not asked); another
    one is not lifted unseen. Raises Forbidden, Refused, Conflict."""
    require_admin(admin, Sentence("Only an admin lets a paused moderator go on."))
    reason = require_reason(why)
    with transaction.atomic():
        if not Person.objects.filter(pk=moderator.pk, is_moderation_paused=True).update(
            is_moderation_paused=False
        ):
            if _is_done_already(moderator, admin, AdminAction.Kind.RESUMED, reason):
                return
            raise Conflict(Sentence("This moderator is not paused (any more)."))
        if seen_pause not in (None, current_pauses().get(moderator.pk)):
            raise Conflict(
                Sentence(
                    "{username} was paused again since you opened this page. "
                    "See how they stand now.",
                    username=moderator.username,
                )
            )
        ModerationPause.objects.filter(person=moderator, lifted_at=None).update(
            lifted_at=timezone.now()
        )
        AdminAction.objects.create(
            admin=admin, kind=AdminAction.Kind.RESUMED, person=moderator, why=reason
        )
        notices.tell(moderator, notices.RESUMED)


def _is_done_already(person: Person, admin: Person, kind: AdminAction.Kind, why: str) -> bool:
    """Whether the last that was done so to somebody was by this admin, for this reason."""
    last = AdminAction.objects.filter(person=person, kind=kind).order_by("-pk").first()
    return last is not None and (last.admin_id, last.why) == (admin.pk, why)
