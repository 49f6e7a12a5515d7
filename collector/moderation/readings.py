"""What a reading does: it is stored, and settles its drawing if that decides it."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.utils import timezone

from collector.errors import Conflict, Forbidden, Gone, NotFound, Refused
from collector.models import (
    DRAWER_SUSPENDED,
    ORIGINAL,
    Attempt,
    Gold,
    Person,
    Reading,
    Study,
    clock,
)
from collector.moderation import gold
from collector.moderation.queue import NOT_A_MODERATOR
from collector.people import notices
from collector.rules import verdicts
from trainer import candidates, rounds, samples
from trainer.learning.sentences import Sentence
from trainer.models import Arm

Status = Attempt.Status
WENT_ON = Sentence("This drawing went on to somebody else meanwhile. Take the next one.")


def read(moderator: Person, reading_id: uuid.UUID, answer: str) -> Reading:
    """Store a blind reading, settle the drawing if that decides it, and return the reading.

    The same answer sent again is no error. Raises Refused (no such answer), NotFound, Gone (the
    lease ran out, or the drawing was settled meanwhile), Conflict (another answer was given
    before), Forbidden (they do not moderate any more).
    """
    if answer not in verdicts.ANSWERS:
        raise Refused(
            Sentence("A reading is a digit from 0 to 9, ambiguous or junk."), field="reading"
        )
    with transaction.atomic():
        if moderator.is_practising:
            moderator = Person.objects.select_for_update(no_key=True).get(pk=moderator.pk)
        reading = Reading.objects.filter(pk=reading_id, moderator=moderator).first()
        if reading is None:
            raise NotFound(Sentence("You have no such assignment."))
        drawing = _locked(reading)
        # Read once more, as it is now that nobody else changes it.
        reading = Reading.objects.filter(pk=reading_id).first()
        if reading is not None and reading.answer is not None:
            if reading.answer != answer:
                raise Conflict(Sentence("You have read this drawing already; a reading is final."))
            return reading
        if not moderator.is_moderator:
            raise Forbidden(NOT_A_MODERATOR)
        now = clock.now()
        if reading is None or reading.lease_expires_at <= now or not _is_open(drawing):
            raise Gone(WENT_ON)
        _store(reading, drawing, answer, now)
        if isinstance(drawing, Attempt):
            _weigh(drawing, now)
        elif drawing.is_practice:
            gold.conclude(moderator)
        else:
            gold.weigh(drawing)
        return reading


def _is_open(drawing: Attempt | Gold) -> bool:
    """Whether a reading of this drawing still counts: gold never settles."""
    return isinstance(drawing, Gold) or drawing.status == Status.PENDING


def _store(reading: Reading, drawing: Attempt | Gold, answer: str, now: datetime) -> None:
    reading.answer, reading.answered_at = answer, now
    if isinstance(drawing, Gold):
        reading.is_correct = answer == drawing.answer
    reading.save(update_fields=["answer", "answered_at", "is_correct"])


def _locked(reading: Reading) -> Attempt | Gold:
    """Return what is read, its row being ours until the transaction ends."""
    if reading.attempt_id:
        attempts = Attempt.objects.select_for_update(no_key=True, of=("self",))
        return attempts.select_related("round").get(pk=reading.attempt_id)
    assert reading.gold_id
    return Gold.objects.select_for_update(no_key=True).get(pk=reading.gold_id)


def _weigh(attempt: Attempt, now: datetime) -> None:
    """Recompute a pending attempt's state from all its readings. The caller holds its row."""
    answered = attempt.readings.filter(answer__isnull=False, is_discounted=False).order_by(
        "answered_at", "pk"
    )
    readings = [answer for answer in answered.values_list("answer", flat=True) if answer]
    outcome = verdicts.settle(attempt.target_label, attempt.has_fooled, readings, attempt.quorum)
    if outcome:
        settle(attempt, outcome, now)
        return
    attempt.first_read_at = attempt.first_read_at or now
    attempt.needed_reading_count = verdicts.readings_needed(
        attempt.target_label, readings, attempt.quorum
    )
    attempt.save(update_fields=["first_read_at", "needed_reading_count"])


def settle(attempt: Attempt, outcome: verdicts.Outcome, now: datetime) -> None:
    """Fix status and credit, keep the sample, and start a candidate if that makes one due: all or
    nothing. The caller holds the attempt's row.

    The trainer's lock, which a sample needs anyway, also makes one count of fools alike follow the
    other.
    """
    rounds.lock()
    attempt.status, attempt.settled_label = outcome.status, outcome.label
    attempt.first_read_at = attempt.first_read_at or now
    attempt.settled_at, attempt.needed_reading_count = now, 0
    attempt.credit = verdicts.credit(
        outcome.status, fools_alike(attempt).count(), attempt.is_original
    )
    attempt.save(
        update_fields=[
            "status",
            "settled_label",
            "first_read_at",
            "settled_at",
            "needed_reading_count",
            "credit",
        ]
    )
    is_correct = ExpressionWrapper(Q(answer=outcome.answer), BooleanField())
    attempt.readings.filter(answer__isnull=False, is_discounted=False).update(is_correct=is_correct)
    gold.keep(attempt, outcome.answer)
    notices.announce_settled(attempt)
    if outcome.label is None or not (attempt.is_original or attempt.is_imported):
        return
    sample = samples.add(
        attempt=attempt.pk,
        contributor=attempt.drawer.contributor,
        pixels=bytes(attempt.pixels),
        label=outcome.label,
        has_fooled=attempt.is_kept_as_fool,
        is_audited=attempt.is_audited,
        round_=attempt.round,
    )
    # Its drawer may have been suspended after it was leased.
    if Attempt.objects.filter(DRAWER_SUSPENDED, pk=attempt.pk).exists():
        samples.withdraw(attempt.drawer.contributor)
    elif sample and (sample.has_fooled or sample.arm == Arm.NONE):
        study = Study.current()
        candidates.start_if_due(
            study.architecture, study.round_size, study.max_per_person, sample.arm
        )


def discount(moderator: Person) -> None:
    """Let what a paused moderator read of drawings still pending count no longer, and end their
    leases; the drawings go back into the queue."""
    gold_leases = Reading.objects.filter(moderator=moderator, answer=None, attempt=None)
    if gold_leases.exists():
        gold_leases.delete()
    of_pending = Reading.objects.filter(
        moderator=moderator, is_discounted=False, attempt__status=Status.PENDING
    )
    for attempt_id in list(of_pending.values_list("attempt", flat=True)):
        with transaction.atomic():
            attempt = Attempt.objects.select_for_update(no_key=True).get(pk=attempt_id)
            if attempt.status != Status.PENDING:
                continue
            of_moderator = attempt.readings.filter(moderator=moderator)
            of_moderator.filter(answer=None).delete()
            if of_moderator.update(is_discounted=True):
                _weigh(attempt, timezone.now())


def fools_alike(attempt: Attempt) -> QuerySet[Attempt]:
    """Return the drawer's verified fools in the attempt's round of the same digit, taken for the
    same other; copies aside."""
    return Attempt.objects.filter(
        ORIGINAL,
        drawer=attempt.drawer_id,
        round=attempt.round_id,
        status=Status.VERIFIED,
        target_label=attempt.target_label,
        predicted_label=attempt.predicted_label,
    )
