"""Moderation: who reads which drawing next, what a reading does, and what an admin decides."""

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from collector import golds, notices, verdicts
from collector.errors import Conflict, Forbidden, Gone, NotFound, Refused
from collector.models import Appeal, Attempt, Decision, Gold, Person, Reading, Study
from trainer import candidates, rounds, samples

Status = Attempt.Status
LEASE = timedelta(minutes=5)
MOST_LEASES = 2
WENT_ON = "This drawing went on to somebody else meanwhile. Take the next one."
SWITCHED_OFF = Q(
    drawer__is_active=False, drawer__closed=None
)  # suspended: his drawings wait until he is not
NOT_A_MODERATOR = "Only moderators read other people's drawings."
NO_PRACTICE_LEFT = (
    "You have read all the practice drawings there are. An admin has to let you moderate now."
)
BEGUN_AMONG = 20  # tries, where others take what is wanted in the same moment
UNREAD_AMONG = (
    50  # a random one of so many oldest unread drawings: nobody can foresee which he gets
)
_lot = random.SystemRandom()


def assign(moderator: Person) -> Reading | None:
    """Lease the next drawing to a moderator; the older of two leases again; None when there is
    nothing to do.

    Begun drawings come first, oldest first; then a random one of the oldest unread; both from
    drawers whom he has not read too often lately, if there are any. Ahead of them, by the study's
    lot, hidden gold. Who is not qualified gets practice drawings. Each try is a transaction of its
    own, so that nobody holds one drawing while waiting for another. Raises Forbidden.
    """
    if not moderator.is_moderator:
        raise Forbidden(NOT_A_MODERATOR)
    held = _leases(moderator)
    if len(held) >= MOST_LEASES:
        return held[0]
    if moderator.practises:
        return _practise(moderator) or (held[0] if held else None)
    gold = golds.unseen(
        moderator
    )  # asked for every time, so that it takes no longer when it is given
    given = gold if _lot.random() < Study.current().gold_share else None
    for attempt_id in _next(moderator):
        if reading := given and _lease(moderator, Gold, given):
            return reading
        given = None
        if reading := _lease(moderator, Attempt, attempt_id):
            return reading
    return held[0] if held else None


def _leases(moderator: Person) -> list[Reading]:
    live = Reading.objects.filter(moderator=moderator, answer=None, expires__gt=timezone.now())
    wanted = live.filter(Q(attempt=None) | Q(attempt__status=Status.PENDING))
    return list(wanted.select_related("attempt", "gold").order_by("leased", "pk"))


def _next(moderator: Person) -> Iterator[uuid.UUID]:
    """Drawings this moderator could read, best first: each query takes a few rows from the head of
    a partial index."""
    now = timezone.now()
    readings = Reading.objects.filter(attempt=OuterRef("pk"))
    mine = readings.filter(moderator=moderator).filter(Q(answer__isnull=False) | Q(expires__gt=now))
    leases = (
        readings.filter(answer=None, expires__gt=now)
        .order_by()
        .values("attempt")
        .annotate(n=Count("pk"))
    )
    open_to_me = (
        Attempt.objects.filter(~Exists(mine), status=Status.PENDING, wanted__gt=0)
        .exclude(SWITCHED_OFF)
        .exclude(drawer=moderator)
        .alias(taken=Coalesce(Subquery(leases.values("n")), 0))
        .filter(taken__lt=F("wanted"))
    )
    lately = Reading.objects.filter(moderator=moderator, attempt__isnull=False).order_by("-leased")
    often = verdicts.too_often(
        list(lately.values_list("attempt__drawer", flat=True)[: verdicts.LATELY])
    )
    yield from _in_order(open_to_me.exclude(drawer__in=often))
    if often:
        yield from _in_order(open_to_me.filter(drawer__in=often))


def _in_order(attempts: QuerySet[Attempt]) -> Iterator[uuid.UUID]:
    begun = attempts.filter(begun__isnull=False).order_by("begun")
    yield from list(begun.values_list("pk", flat=True)[:BEGUN_AMONG])
    unread = list(
        attempts.filter(begun=None)
        .order_by("submitted")
        .values_list("pk", flat=True)[:UNREAD_AMONG]
    )
    _lot.shuffle(unread)
    yield from unread


def _lease(
    moderator: Person, kind: type[Attempt] | type[Gold], drawing_id: uuid.UUID
) -> Reading | None:
    """Lease this drawing, if it is still wanted once its row, and the moderator's, are ours alone.
    Takes as many queries for the one kind as for the other."""
    with transaction.atomic():
        _lock(moderator)
        drawing = kind.objects.select_for_update(no_key=True).get(pk=drawing_id)
        now = timezone.now()
        if len(held := _leases(moderator)) >= MOST_LEASES:
            return held[0]
        readings = list(drawing.readings.all())
        mine = next((reading for reading in readings if reading.moderator_id == moderator.pk), None)
        if mine and (mine.answer is not None or mine.expires > now):
            return None
        if isinstance(drawing, Attempt):
            taken = sum(reading.answer is None and reading.expires > now for reading in readings)
            if drawing.status != Status.PENDING or taken >= drawing.wanted:
                return None
        return _leased(mine or Reading(moderator=moderator), drawing, now)


def _practise(moderator: Person) -> Reading | None:
    """Lease another practice drawing; None while the last of ten is before him. Raises Forbidden
    once all are read."""
    with transaction.atomic():
        _lock(moderator)
        if len(held := _leases(moderator)) >= MOST_LEASES:
            return held[0]
        if (state := golds.practised(moderator)).used_up:
            raise Forbidden(NO_PRACTICE_LEFT)
        if (gold := golds.next_practice(moderator, state)) is None:
            return None
        mine = gold.readings.filter(moderator=moderator).first()
        return _leased(mine or Reading(moderator=moderator), gold, timezone.now())


def _lock(moderator: Person) -> None:
    if not Person.objects.select_for_update(no_key=True).get(pk=moderator.pk).is_moderator:
        raise Forbidden(NOT_A_MODERATOR)


def _leased(reading: Reading, drawing: Attempt | Gold, now: datetime) -> Reading:
    if isinstance(drawing, Attempt):
        reading.attempt = drawing
    else:
        reading.gold = drawing
    reading.leased, reading.expires = now, now + LEASE
    reading.save()
    return reading


def read(moderator: Person, reading_id: uuid.UUID, answer: str) -> Reading:
    """Store a blind reading and settle the drawing if that decides it.

    The same answer sent again is no error. Raises NotFound, Gone (the lease ran out, or it was
    settled meanwhile), Conflict (another answer was given before), Refused.
    """
    if answer not in verdicts.ANSWERS:
        raise Refused("A reading is a digit from 0 to 9, ambiguous or junk.", field="reading")
    with transaction.atomic():
        if moderator.practises:
            moderator = Person.objects.select_for_update(no_key=True).get(pk=moderator.pk)
        reading = Reading.objects.filter(pk=reading_id, moderator=moderator).first()
        if reading is None:
            raise NotFound("You have no such assignment.")
        drawing = _locked(reading)
        reading = Reading.objects.filter(
            pk=reading_id
        ).first()  # as it is now that nobody else changes it
        if reading is None:
            raise Gone(WENT_ON)
        now = timezone.now()
        if reading.answer is not None:
            if reading.answer != answer:
                raise Conflict("You have read this drawing already; a reading is final.")
            return reading
        if reading.expires <= now or (
            isinstance(drawing, Attempt) and drawing.status != Status.PENDING
        ):
            raise Gone(WENT_ON)
        reading.answer, reading.answered = answer, now
        if isinstance(drawing, Gold):
            reading.agreed = answer == drawing.answer
        reading.save(update_fields=["answer", "answered", "agreed"])
        if isinstance(drawing, Attempt):
            _weigh(drawing, now)
        elif drawing.practice:
            golds.conclude(moderator)
        else:
            golds.weigh(drawing)
        return reading


def _locked(reading: Reading) -> Attempt | Gold:
    """What is read, its row being ours until the transaction ends."""
    if reading.attempt_id:
        return Attempt.objects.select_for_update(no_key=True).get(pk=reading.attempt_id)
    assert reading.gold_id
    return Gold.objects.select_for_update(no_key=True).get(pk=reading.gold_id)


def _weigh(attempt: Attempt, now: datetime) -> None:
    """Recompute a pending attempt's state from all its readings. The caller holds its row."""
    answered = attempt.readings.filter(answer__isnull=False, discounted=False).order_by(
        "answered", "pk"
    )
    readings = [answer for answer in answered.values_list("answer", flat=True) if answer]
    outcome = verdicts.settle(attempt.target_label, attempt.fooled, readings, attempt.quorum)
    if outcome:
        _settle(attempt, outcome, now)
        return
    attempt.begun = attempt.begun or now
    attempt.wanted = verdicts.wanted(attempt.target_label, readings, attempt.quorum)
    attempt.save(update_fields=["begun", "wanted"])


def _settle(attempt: Attempt, outcome: verdicts.Outcome, now: datetime) -> None:
    """Fix status and credit, keep the sample, and start a candidate if that makes one due: all or
    nothing.

    The trainer's lock, which a sample needs anyway, also makes one count of fools alike follow the
    other.
    """
    rounds.lock()
    attempt.status, attempt.settled_label = outcome.status, outcome.label
    attempt.begun, attempt.settled, attempt.wanted = attempt.begun or now, now, 0
    attempt.credit = verdicts.credit(outcome.status, fools_alike(attempt).count(), attempt.original)
    attempt.save(update_fields=["status", "settled_label", "begun", "settled", "wanted", "credit"])
    agreed = ExpressionWrapper(Q(answer=outcome.answer), BooleanField())
    attempt.readings.filter(answer__isnull=False, discounted=False).update(agreed=agreed)
    golds.keep(attempt, outcome.answer)
    notices.settled(attempt)
    if outcome.label is None or attempt.mnist:  # it may be of the test set
        return
    sample = samples.add(
        attempt=attempt.pk,
        contributor=attempt.drawer.contributor,
        pixels=bytes(attempt.pixels),
        label=outcome.label,
        fooling=outcome.status == Status.VERIFIED,
        audited=attempt.audited,
        round=attempt.round,
    )
    if Attempt.objects.filter(
        SWITCHED_OFF, pk=attempt.pk
    ).exists():  # suspended after this was leased
        samples.withdraw(attempt.drawer.contributor)
    elif sample and sample.fooling:
        study = Study.current()
        candidates.start_if_due(study.net, study.round_size, study.most_each)


def discount(moderator: Person) -> None:
    """What a suspended moderator read of drawings still pending no longer counts; they go back into
    the queue."""
    gold = Reading.objects.filter(moderator=moderator, answer=None, attempt=None)
    if gold.exists():
        gold.delete()
    counted = Reading.objects.filter(
        moderator=moderator, discounted=False, attempt__status=Status.PENDING
    )
    for attempt_id in list(counted.values_list("attempt", flat=True)):
        with transaction.atomic():
            attempt = Attempt.objects.select_for_update(no_key=True).get(pk=attempt_id)
            if attempt.status != Status.PENDING:
                continue
            mine = attempt.readings.filter(moderator=moderator)
            mine.filter(answer=None).delete()
            if mine.update(discounted=True):
                _weigh(attempt, timezone.now())


def fools_alike(attempt: Attempt) -> QuerySet[Attempt]:
    """The drawer's own verified fools in the round of the same digit, taken for the same other;
    near-copies aside."""
    return Attempt.objects.filter(
        drawer=attempt.drawer_id,
        round=attempt.round_id,
        status=Status.VERIFIED,
        target_label=attempt.target_label,
        predicted_label=attempt.predicted_label,
        copy_of=None,
        mnist=False,
    )


def unsettled() -> QuerySet[Attempt]:
    """Drawings that neither readings nor the moderators who are left can settle; oldest first."""
    moderators = Person.objects.filter(
        Q(role=Person.Role.ADMIN)
        | Q(role=Person.Role.MODERATOR, suspended=False, qualified__isnull=False),
        is_active=True,
    )
    able = moderators.count()
    counted = Reading.objects.filter(attempt=OuterRef("pk"), answer__isnull=False, discounted=False)
    pending = Attempt.objects.filter(status=Status.PENDING).values("pk")
    return (
        Attempt.objects.filter(
            pk__in=pending
        )  # from the index of what is pending, not along all by their time
        .exclude(SWITCHED_OFF)
        .alias(
            read_by=Coalesce(
                Subquery(counted.order_by().values("attempt").annotate(n=Count("pk")).values("n")),
                0,
            ),
            own=Exists(moderators.filter(pk=OuterRef("drawer"))),
        )
        .filter(Q(wanted=0) | Q(own=False, read_by__gte=able) | Q(own=True, read_by__gte=able - 1))
        .select_related("drawer", "round", "appeal")
        .prefetch_related("readings__moderator")
        .order_by("submitted")
    )


def decide(attempt_id: uuid.UUID, admin: Person, answer: str, why: str) -> Attempt:
    """An admin settles what moderators could not, or answers an appeal, saying why.

    The same answer as before turns an appeal down. Raises Forbidden, NotFound, Conflict, Refused.
    """
    if not admin.is_admin:
        raise Forbidden("Only an admin decides.")
    if answer not in verdicts.ANSWERS:
        raise Refused("Choose a digit, ambiguous or junk.", field="answer")
    if not why.strip():
        raise Refused("Say why, for the drawer and for the log.", field="why")
    with transaction.atomic():
        attempt = Attempt.objects.select_for_update(no_key=True).filter(pk=attempt_id).first()
        if attempt is None:
            raise NotFound("There is no such drawing.")
        if attempt.drawer_id == admin.pk:
            raise Forbidden("Nobody decides on his own drawing.")
        appeal = Appeal.objects.filter(attempt=attempt, decision=None).first()
        if not (appeal or unsettled().filter(pk=attempt_id).exists()):
            raise Conflict("This drawing is settled, or moderators can still settle it.")
        decision = Decision.objects.create(
            attempt=attempt, admin=admin, answer=answer, why=why.strip()
        )
        outcome = verdicts.outcome(attempt.target_label, attempt.fooled, answer)
        if appeal:
            appeal.decision = decision
            appeal.save(update_fields=["decision"])
            if (attempt.status, attempt.settled_label) == (outcome.status, outcome.label):
                notices.settled(attempt)
                return attempt
            rounds.lock()
            samples.withdraw_one(attempt.pk)
        _settle(attempt, outcome, timezone.now())
        return attempt
