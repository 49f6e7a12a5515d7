"""Drawings whose answer is beyond doubt: practice, which qualifies a moderator, and hidden ones,
mixed in unseen."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from collector.models import Attempt, Gold, Person, Reading
from collector.moderation import practice
from collector.rules import verdicts

_lot = random.SystemRandom()


def ship() -> None:
    """Put the practice drawings into the database, unless they are there."""
    drawings = practice.shipped()
    if Gold.objects.filter(pk__in=[shipped.id for shipped in drawings]).count() == len(drawings):
        return
    rows = [
        Gold(
            id=shipped.id,
            answer=shipped.answer,
            strokes=shipped.drawing.as_json(),
            width=shipped.drawing.width,
            pixels=shipped.pixels,
            is_practice=True,
        )
        for shipped in drawings
    ]
    Gold.objects.bulk_create(rows, ignore_conflicts=True)


def keep(attempt: Attempt, answer: str) -> None:
    """Make an attempt that settled as `answer` hidden gold if that is beyond doubt; if not, it is
    none any more.

    Runs in the transaction that settles it.
    """
    counted = attempt.readings.filter(answer__isnull=False, is_discounted=False)
    readings = [given for given in counted.values_list("answer", flat=True) if given]
    sure = verdicts.gold(attempt.target_label, attempt.predicted_label, attempt.status, readings)
    known_elsewhere = attempt.is_mnist_duplicate or attempt.near_duplicate_of_id is not None
    if sure != answer or known_elsewhere:
        Gold.objects.filter(attempt=attempt).update(is_retired=True)
        return
    copied = {"strokes": attempt.strokes, "width": attempt.width, "pixels": bytes(attempt.pixels)}
    Gold.objects.get_or_create(attempt=attempt, defaults={"answer": answer, **copied})


def unseen(moderator: Person) -> uuid.UUID | None:
    """A hidden gold drawing, chosen at random, that is not his own and that he has read neither as
    gold nor before."""
    mine = Reading.objects.filter(moderator=moderator)
    hidden = (
        Gold.objects.filter(is_practice=False, is_retired=False)
        .filter(~Exists(Attempt.objects.filter(pk=OuterRef("attempt"), drawer=moderator)))
        .filter(~Exists(mine.filter(attempt=OuterRef("attempt"))), ~Exists(_before_him(moderator)))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    # Ids are random, so the first from a random place on is a random one, and the index finds it.
    # Both are looked for whatever is found, so that it takes the same time.
    place = uuid.uuid4()
    found = [*hidden.filter(pk__gte=place)[:1], *hidden.filter(pk__lt=place)[:1]]
    return found[0] if found else None


def _before_him(moderator: Person) -> QuerySet[Reading]:
    """The moderator's reading or live lease of the outer query's gold; a lease that ran out is like
    none, as ever."""
    mine = Reading.objects.filter(gold=OuterRef("pk"), moderator=moderator)
    return mine.filter(Q(answer__isnull=False) | Q(lease_expires_at__gt=timezone.now()))


def weigh(gold: Gold) -> None:
    """Retire a hidden gold that moderators doubt. The caller holds its row."""
    agreed = list(
        gold.readings.filter(is_correct__isnull=False).values_list("is_correct", flat=True)
    )
    gold.is_retired = gold.is_retired or verdicts.doubtful(agreed.count(True), len(agreed))
    gold.save(update_fields=["is_retired"])


@dataclass(frozen=True)
class QualificationProgress:
    """How far a moderator is with his practice: what he read, oldest first, what he has before him,
    and how many tens there are."""

    read: Sequence[Reading]
    leased: Sequence[Reading]
    test_count: int

    @property
    def under_way(self) -> Sequence[Reading]:
        """What he read of the ten under way; empty before it begins."""
        return self.read[len(self.read) // verdicts.PRACTICE * verdicts.PRACTICE :]

    @property
    def last(self) -> Sequence[Reading]:
        """The last ten that he read to the end, or none."""
        whole = len(self.read) // verdicts.PRACTICE * verdicts.PRACTICE
        return self.read[max(0, whole - verdicts.PRACTICE) : whole]

    @property
    def used_up(self) -> bool:
        """All tens are read."""
        return len(self.read) >= self.test_count * verdicts.PRACTICE


def qualification_progress(moderator: Person) -> QualificationProgress:
    """In three queries."""
    mine = Reading.objects.filter(moderator=moderator, gold__is_practice=True).select_related(
        "gold"
    )
    read = list(mine.filter(answer__isnull=False).order_by("answered_at", "pk"))
    leased = list(mine.filter(answer=None, lease_expires_at__gt=timezone.now()))
    return QualificationProgress(read, leased, qualification_test_count())


def qualification_test_count() -> int:
    """How many tens of practice drawings there are."""
    return verdicts.practice_tens(list(_practice().values_list("answer", flat=True)))


def next_practice(moderator: Person, state: QualificationProgress) -> Gold | None:
    """The next drawing to practise on, at random within the fixed mix; None once a ten, or all, is
    given out."""
    given = [reading.gold.answer for reading in (*state.under_way, *state.leased) if reading.gold]
    if state.used_up or len(given) >= verdicts.PRACTICE:
        return None
    fitting = _practice().filter(
        ~Exists(_before_him(moderator)), answer__in=verdicts.practice_left(given)
    )
    return _lot.choice(fitting) if fitting else None


def conclude(moderator: Person) -> None:
    """Qualify a moderator whose tenth practice reading shows that he can. The caller holds the
    moderator's row."""
    state = qualification_progress(moderator)
    right = sum(reading.is_correct is True for reading in state.last)
    if not state.under_way and verdicts.qualifies(right):
        moderator.qualified_at = timezone.now()
        moderator.save(update_fields=["qualified_at"])


def _practice() -> QuerySet[Gold]:
    return Gold.objects.filter(is_practice=True, is_retired=False)
