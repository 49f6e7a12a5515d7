"""Who reads which drawing next: the queue, its leases, and the gold and practice mixed in."""

import itertools
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from collector.errors import Forbidden
from collector.models import DRAWER_SUSPENDED, Attempt, Gold, Person, Reading, Study, clock
from collector.moderation import gold
from collector.rules import verdicts
from trainer.learning.sentences import Sentence

Status = Attempt.Status
LEASE = timedelta(minutes=5)
MOST_LEASES = 2
NOT_A_MODERATOR = Sentence("Only moderators read other people's drawings.")
NO_PRACTICE_LEFT = Sentence(
    "You have read all the practice drawings there are. An admin has to let you moderate now."
)
OLDEST_BEGUN_TRIED = 20  # several, where others take what is wanted in the same moment
OLDEST_UNREAD_SHUFFLED = 50  # nobody can foresee which of them they get
_lot = random.SystemRandom()


def assign(moderator: Person) -> Reading | None:
    """Lease the next drawing to a moderator; the older of two leases again; None when there is
    nothing to do.

    Begun drawings come first, oldest first; then a random one of the oldest unread; both from
    drawers whom the moderator has not read too often lately, if there are any. Ahead of them, by
    the study's share of gold, hidden gold. Who is not qualified gets practice drawings. Each try is
    a transaction of its own, so that nobody holds one drawing while waiting for another. Raises
    Forbidden.
    """
    if not moderator.is_moderator:
        raise Forbidden(NOT_A_MODERATOR)
    held = leases(moderator)
    if len(held) >= MOST_LEASES:
        return held[0]
    if moderator.is_practising:
        return _practise(moderator) or (held[0] if held else None)
    # Gold is looked for at every call, so that a call takes no longer when it is given, and given
    # only ahead of a drawing that is there: out of an empty queue it could be told.
    hidden = gold.unseen(moderator)
    gold_id = hidden if _lot.random() < Study.current().gold_share else None
    readable = _next(moderator)
    best = next(readable, None)
    if best is None:
        return held[0] if held else None
    # First gold …
    if gold_id and (reading := _lease(moderator, Gold, gold_id)):
        return reading
    # … then the queue.
    for attempt_id in itertools.chain([best], readable):
        if reading := _lease(moderator, Attempt, attempt_id):
            return reading
    return held[0] if held else None


def leases(moderator: Person) -> list[Reading]:
    """Return a moderator's running leases of what is still wanted, oldest first."""
    live = Reading.objects.filter(
        moderator=moderator, answer=None, lease_expires_at__gt=clock.now()
    )
    wanted = live.filter(Q(attempt=None) | Q(attempt__status=Status.PENDING))
    return list(wanted.select_related("attempt", "gold").order_by("leased_at", "pk"))


def shown(reading: Reading) -> dict[str, object]:
    """Return all that a moderator is sent of a lease: never the target label, the prediction, the
    drawer or other readings."""
    # A page reckons from the time of the answer, which this machine's clock makes.
    expires = reading.lease_expires_at + clock.ahead()
    drawn = reading.drawing
    drawing = {
        "id": drawn.pk,
        "strokes": drawn.strokes,
        "width": drawn.width,
        "pixels": list(bytes(drawn.pixels)),
    }
    return {"id": reading.pk, "attempt": drawing, "expires": expires}


def _next(moderator: Person) -> Iterator[uuid.UUID]:
    """Yield the drawings that this moderator could read, best first: each query takes a few rows
    from the head of a partial index, and is asked only once the rows before are used up."""
    now = clock.now()
    readings = Reading.objects.filter(attempt=OuterRef("pk"))
    read_or_leased = readings.filter(moderator=moderator).filter(
        Q(answer__isnull=False) | Q(lease_expires_at__gt=now)
    )
    leases = (
        readings.filter(answer=None, lease_expires_at__gt=now)
        .order_by()
        .values("attempt")
        .annotate(n=Count("pk"))
    )
    open_to_them = (
        Attempt.objects.filter(
            ~Exists(read_or_leased), status=Status.PENDING, needed_reading_count__gt=0
        )
        .exclude(DRAWER_SUSPENDED)
        .exclude(drawer=moderator)
        .alias(lease_count=Coalesce(Subquery(leases.values("n")), 0))
        .filter(lease_count__lt=F("needed_reading_count"))
    )
    latest = Reading.objects.filter(moderator=moderator, attempt__isnull=False).order_by(
        "-leased_at"
    )
    read_too_often = verdicts.too_often(
        list(latest.values_list("attempt__drawer", flat=True)[: verdicts.LAST_GIVEN])
    )
    yield from _in_order(open_to_them.exclude(drawer__in=read_too_often))
    if read_too_often:
        yield from _in_order(open_to_them.filter(drawer__in=read_too_often))


def _in_order(attempts: QuerySet[Attempt]) -> Iterator[uuid.UUID]:
    """Yield the ids of a few begun drawings, oldest first, then of the oldest unread, shuffled."""
    begun = attempts.filter(first_read_at__isnull=False).order_by("first_read_at")
    yield from list(begun.values_list("pk", flat=True)[:OLDEST_BEGUN_TRIED])
    unread = list(
        attempts.filter(first_read_at=None)
        .order_by("submitted_at")
        .values_list("pk", flat=True)[:OLDEST_UNREAD_SHUFFLED]
    )
    _lot.shuffle(unread)
    yield from unread


def _lease(
    moderator: Person, kind: type[Attempt] | type[Gold], drawing_id: uuid.UUID
) -> Reading | None:
    """Lease this drawing, if it is still wanted once its row, and the moderator's, are ours alone;
    None if it is not. Takes as many queries for the one kind as for the other. Raises Forbidden."""
    with transaction.atomic():
        _lock(moderator)
        drawing = kind.objects.select_for_update(no_key=True).get(pk=drawing_id)
        now = clock.now()
        if len(held := leases(moderator)) >= MOST_LEASES:
            return held[0]
        readings = list(drawing.readings.all())
        earlier = next(
            (reading for reading in readings if reading.moderator_id == moderator.pk), None
        )
        if earlier and (earlier.answer is not None or earlier.lease_expires_at > now):
            return None
        if isinstance(drawing, Attempt):
            lease_count = sum(
                reading.answer is None and reading.lease_expires_at > now for reading in readings
            )
            if drawing.status != Status.PENDING or lease_count >= drawing.needed_reading_count:
                return None
        return _leased(earlier or Reading(moderator=moderator), drawing, now)


def _practise(moderator: Person) -> Reading | None:
    """Lease another practice drawing; None while the moderator has the last of ten before them.
    Raises Forbidden once all are read."""
    with transaction.atomic():
        _lock(moderator)
        if len(held := leases(moderator)) >= MOST_LEASES:
            return held[0]
        if (progress := gold.qualification_progress(moderator)).used_up:
            raise Forbidden(NO_PRACTICE_LEFT)
        if (drawing := gold.next_practice(moderator, progress)) is None:
            return None
        earlier = drawing.readings.filter(moderator=moderator).first()
        return _leased(earlier or Reading(moderator=moderator), drawing, clock.now())


def _lock(moderator: Person) -> None:
    """Take the moderator's row until the transaction ends. Raises Forbidden where they may moderate
    no longer."""
    if not Person.objects.select_for_update(no_key=True).get(pk=moderator.pk).is_moderator:
        raise Forbidden(NOT_A_MODERATOR)


def _leased(reading: Reading, drawing: Attempt | Gold, now: datetime) -> Reading:
    """Make a reading a lease of this drawing from now on, store it and return it."""
    if isinstance(drawing, Attempt):
        reading.attempt = drawing
    else:
        reading.gold = drawing
    reading.leased_at, reading.lease_expires_at = now, now + LEASE
    reading.save()
    return reading
