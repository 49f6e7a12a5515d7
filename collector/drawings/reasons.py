"""What drawers say they did to fool the model: a line beside a trick, if they like."""

import unicodedata
import uuid

from django.db import transaction
from django.utils import timezone

from collector.errors import Conflict, Forbidden, NotFound, Refused
from collector.models import (
    Attempt,
    Person,
    Reason,
    lock_own_attempt,
    require_admin,
    require_open,
    require_reason,
)
from collector.rules import arms
from trainer.learning.sentences import Sentence

Status = Attempt.Status
JOINERS = "\u200c\u200d"  # which some scripts, and emoji, are written with
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def possible(attempt: Attempt) -> bool:
    """Whether its drawer may say what they did: it fooled the model, which they were told, and it
    is theirs still. What was said once stays as it is from when the drawing has settled."""
    return (
        attempt.round.has_verdict
        and attempt.has_fooled
        and not attempt.is_imported
        and not attempt.removed_at
        and attempt.fate().status != Status.RETRACTED
        and (attempt.status == Status.PENDING or not hasattr(attempt, "reason"))
    )


def said_of(attempt: Attempt) -> str:
    """Return what its drawer says they did; empty where they do not, or an admin removed it."""
    return attempt.reason.text if hasattr(attempt, "reason") else ""


def say(drawer: Person, attempt_id: uuid.UUID, text: str) -> Reason | None:
    """Keep what the drawer says they did in a trick of their own, or, of an empty text, nothing of
    it any more. The same text sent again finds itself.

    Nobody who reads the drawing is ever sent it. Raises Refused for what is no line of text,
    NotFound, Forbidden where their arm is told no verdict, and Conflict for what did not fool, or
    may be changed no more.
    """
    line = as_line(text)
    with transaction.atomic():
        require_open(drawer)  # before the drawing is locked, as whoever closes the account does
        attempt = lock_own_attempt(drawer, attempt_id, "reason")
        if not attempt.round.has_verdict:
            raise Forbidden(arms.NOT_TOLD, code="no_verdict")
        known: Reason | None = getattr(attempt, "reason", None)
        if line == said_of(attempt) and not (known and known.removed_at):
            return known
        if not possible(attempt):
            raise Conflict(_why_not(attempt))
        if not line:
            Reason.objects.filter(attempt=attempt).delete()
            return None
        return Reason.objects.update_or_create(
            attempt=attempt, defaults={"text": line, "said_at": timezone.now()}
        )[0]


def remove(attempt_id: uuid.UUID, admin: Person, why: str) -> Reason:
    """Remove, as an admin, what a drawer says they did, once the drawing has settled; nothing more
    can be said of it then. The same act sent again finds itself. Raises Forbidden, Refused,
    NotFound, Conflict."""
    require_admin(admin, Sentence("Only an admin does this."))
    because = require_reason(why)
    with transaction.atomic():
        said = (
            Reason.objects.select_for_update(no_key=True, of=("self",))
            .select_related("attempt", "removed_by")
            .filter(attempt=attempt_id)
            .first()
        )
        if said is None or said.attempt.status == Status.PENDING:
            raise NotFound(Sentence("Nothing is said of this drawing that could be removed."))
        if said.removed_by is None:
            said.text, said.removed_at = "", timezone.now()
            said.removed_by, said.removed_why = admin, because
            said.save()
        elif (said.removed_by, said.removed_why) != (admin, because):
            raise Conflict(
                Sentence("{admin} removed it meanwhile.", admin=said.removed_by.username)
            )
        return said


def as_line(text: str) -> str:
    """Return a text as it is kept. Raises Refused for one of several lines, too long, or with what
    nobody sees, which can turn round how it reads."""
    line = unicodedata.normalize("NFC", text.strip())
    if len(line) > Reason.LONGEST:
        raise Refused(
            Sentence("Say it in at most {longest} characters.", longest=Reason.LONGEST),
            field="reason",
        )
    kinds = {unicodedata.category(char) for char in line if char not in JOINERS}
    if kinds & _UNSEEN or (line and not any(kind[0] in "LNPS" for kind in kinds)):
        raise Refused(
            Sentence("Say it in one line, without control characters or others that nobody sees."),
            field="reason",
        )
    return line


def _why_not(attempt: Attempt) -> Sentence:
    if not attempt.has_fooled:
        return Sentence("It did not fool the model, so there is nothing to say of it.")
    if attempt.fate().status == Status.RETRACTED:
        return Sentence("You took it back, so there is nothing to say of it.")
    return Sentence("It has settled: what you said of it stays as it is.")
