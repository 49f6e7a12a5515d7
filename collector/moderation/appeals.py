"""A drawer's one objection to how a drawing settled. `decisions.decide` answers it."""

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from collector.errors import Conflict, Refused
from collector.models import Appeal, Attempt, Person, lock_own_attempt
from trainer.learning.sentences import Sentence

Status = Attempt.Status
WITHIN = timedelta(days=14)
AGAINST = (Status.CORRECTED, Status.REJECTED, Status.AMBIGUOUS)


def possible(attempt: Attempt) -> bool:
    """Whether its drawer may appeal: it settled against them not long ago, its picture is still
    there, and they have not appealed yet."""
    is_recent = attempt.settled_at is not None and attempt.settled_at > timezone.now() - WITHIN
    return (
        attempt.fate().status in AGAINST
        and is_recent
        and not attempt.removed_at
        and not hasattr(attempt, "appeal")
    )


def appeal(drawer: Person, attempt_id: uuid.UUID, text: str) -> Appeal:
    """Ask an admin to look again at a drawing of one's own, saying why; the same text sent again
    finds the appeal that is there.

    Raises Refused (no text, or too long), NotFound, Conflict.
    """
    if not text.strip() or len(text.strip()) > Appeal.LONGEST:
        raise Refused(
            Sentence(
                "Say in at most {longest} characters why it should be looked at again.",
                longest=Appeal.LONGEST,
            ),
            field="text",
        )
    with transaction.atomic():
        attempt = lock_own_attempt(drawer, attempt_id)
        made: Appeal | None = getattr(attempt, "appeal", None)
        if made and made.text == text.strip():
            return made
        if not possible(attempt):
            raise Conflict(
                Sentence("There is one appeal for a drawing, within {days} days.", days=WITHIN.days)
            )
        return Appeal.objects.create(attempt=attempt, text=text.strip())


def waiting() -> QuerySet[Attempt]:
    """Return the drawings whose appeal no admin has answered yet, the oldest appeal first."""
    return (
        Attempt.objects.filter(appeal__decision=None, appeal__isnull=False, removed_at=None)
        .select_related("drawer", "round", "appeal")
        .prefetch_related("readings__moderator")
        .order_by("appeal__appealed_at", "pk")
    )
