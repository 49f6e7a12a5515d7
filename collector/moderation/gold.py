"""Drawings whose answer is beyond doubt: practice, which qualifies a moderator, and hidden ones,
mixed in unseen."""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from collector.models import Attempt, Gold, Person, Reading, clock
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


def differing_practice() -> Iterator[str]:
    """Yield in a sentence each which practice drawings are not what is shipped."""
    stored = Gold.objects.filter(is_practice=True, is_retired=False).in_bulk()
    for shipped in practice.shipped():
        gold = stored.pop(shipped.id, None)
        if gold is None:
            continue  # the next start ships it
        if gold.answer != shipped.answer:
            yield f"The practice drawing {gold.pk} says {gold.answer}; shipped is {shipped.answer}."
        elif (gold.strokes, gold.width, bytes(gold.pixels)) != (
            shipped.drawing.as_json(),
            shipped.drawing.width,
            shipped.pixels,
        ):
            yield f"The practice drawing {gold.pk} is not the one that is shipped."
    yield from (f"The practice drawing {pk} is none of those shipped." for pk in stored)


def keep(attempt: Attempt, answer: str) -> None:
    """Make an attempt that settled as `answer` hidden gold if that is beyond doubt; retire it if it
    was gold and is beyond doubt no more.

    Runs in the transaction that settles it.
    """
    counted = attempt.readings.filter(answer__isnull=False, is_discounted=False)
    answers = [text for text in counted.values_list("answer", flat=True) if text]
    undoubted = verdicts.gold(
        attempt.target_label, attempt.predicted_label, attempt.status, answers
    )
    if undoubted != answer or not attempt.is_original:
        Gold.objects.filter(attempt=attempt).update(is_retired=True)
        return
    copied = {"strokes": attempt.strokes, "width": attempt.width, "pixels": bytes(attempt.pixels)}
    Gold.objects.get_or_create(attempt=attempt, defaults={"answer": answer, **copied})


def unseen(moderator: Person) -> uuid.UUID | None:
    """Return the id of a hidden gold drawing, chosen at random, that the moderator did not draw and
    has read neither as gold nor before it was gold; None where there is none."""
    as_attempt = Reading.objects.filter(moderator=moderator, attempt=OuterRef("attempt"))
    hidden = (
        Gold.objects.filter(is_practice=False, is_retired=False)
        # not drawn by them,
        .filter(~Exists(Attempt.objects.filter(pk=OuterRef("attempt"), drawer=moderator)))
        # not read by them when it was an open drawing, and not as gold
        .filter(~Exists(as_attempt), ~Exists(_read_or_leased_by(moderator)))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    # Ids are random, so the first from a random place on is a random one, and the index finds it.
    place = uuid.uuid4()
    # Past the last id the search goes on at the first. Both are looked for whatever the first
    # finds, so that it takes the same time.
    ids = [*hidden.filter(pk__gte=place)[:1], *hidden.filter(pk__lt=place)[:1]]
    return ids[0] if ids else None


def _read_or_leased_by(moderator: Person) -> QuerySet[Reading]:
    """Return the moderator's reading, or running lease, of the outer query's gold; a lease that ran
    out counts for nothing, as with other drawings."""
    readings = Reading.objects.filter(gold=OuterRef("pk"), moderator=moderator)
    return readings.filter(Q(answer__isnull=False) | Q(lease_expires_at__gt=clock.now()))


def weigh(gold: Gold) -> None:
    """Retire a hidden gold that moderators doubt. The caller holds its row."""
    graded = gold.readings.filter(is_correct__isnull=False).values_list("is_correct", flat=True)
    is_correct = list(graded)
    gold.is_retired = gold.is_retired or verdicts.doubtful(is_correct.count(True), len(is_correct))
    gold.save(update_fields=["is_retired"])


@dataclass(frozen=True)
class QualificationProgress:
    """How far a moderator is with the qualification test: what they read, oldest first, what they
    have before them, and how many tens of practice drawings there are."""

    read: Sequence[Reading]
    leased: Sequence[Reading]
    test_count: int

    @property
    def under_way(self) -> Sequence[Reading]:
        """What they read of the ten under way; empty before it begins."""
        return self.read[len(self.read) // verdicts.PRACTICE * verdicts.PRACTICE :]

    @property
    def last(self) -> Sequence[Reading]:
        """The last ten that they read to the end, or none."""
        whole = len(self.read) // verdicts.PRACTICE * verdicts.PRACTICE
        return self.read[max(0, whole - verdicts.PRACTICE) : whole]

    @property
    def used_up(self) -> bool:
        """Whether all tens are read."""
        return len(self.read) >= self.test_count * verdicts.PRACTICE


def qualification_progress(moderator: Person) -> QualificationProgress:
    """Return how far this moderator is with the qualification test."""
    readings = Reading.objects.filter(moderator=moderator, gold__is_practice=True).select_related(
        "gold"
    )
    read = list(readings.filter(answer__isnull=False).order_by("answered_at", "pk"))
    leased = list(readings.filter(answer=None, lease_expires_at__gt=clock.now()))
    return QualificationProgress(read, leased, qualification_test_count())


def qualification_test_count() -> int:
    """Count the tens of practice drawings there are."""
    return verdicts.practice_tens(list(_practice().values_list("answer", flat=True)))


def next_practice(moderator: Person, progress: QualificationProgress) -> Gold | None:
    """Return the next drawing to practise on, at random within the fixed mix; None once a ten, or
    all, is given out."""
    given_out = (*progress.under_way, *progress.leased)
    answers = [reading.gold.answer for reading in given_out if reading.gold]
    if progress.used_up or len(answers) >= verdicts.PRACTICE:
        return None
    fitting = _practice().filter(
        ~Exists(_read_or_leased_by(moderator)), answer__in=verdicts.practice_left(answers)
    )
    return _lot.choice(fitting) if fitting else None


def conclude(moderator: Person) -> None:
    """Qualify a moderator whose tenth practice reading shows that they can. The caller holds the
    moderator's row."""
    progress = qualification_progress(moderator)
    correct_count = sum(reading.is_correct is True for reading in progress.last)
    if not progress.under_way and verdicts.qualifies(correct_count):
        moderator.qualified_at = timezone.now()
        moderator.save(update_fields=["qualified_at"])


def _practice() -> QuerySet[Gold]:
    return Gold.objects.filter(is_practice=True, is_retired=False)
