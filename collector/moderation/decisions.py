"""What an admin decides: drawings that moderators could not settle, and appeals."""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from collector.errors import Conflict, Forbidden, NotFound, Refused
from collector.models import (
    DRAWER_SUSPENDED,
    Appeal,
    Attempt,
    Decision,
    Person,
    Reading,
    require_admin,
    require_reason,
)
from collector.moderation import appeals, readings, trust
from collector.people import notices
from collector.rules import verdicts
from trainer import rounds, samples
from trainer.learning.sentences import Sentence
from trainer.models import RoundModel

Status = Attempt.Status


@dataclass(frozen=True)
class Waiting:
    """How much of each kind waits for an admin: held candidates, drawings that moderators cannot
    settle, appeals, paused moderators."""

    held_count: int
    unsettled_count: int
    appeal_count: int
    paused_count: int

    @property
    def total(self) -> int:
        return self.held_count + self.unsettled_count + self.appeal_count + self.paused_count


def waiting() -> Waiting:
    """Count what waits for an admin, in five queries."""
    return Waiting(
        held_count=RoundModel.objects.filter(state=RoundModel.State.HELD).count(),
        unsettled_count=unsettled().count(),
        appeal_count=appeals.waiting().count(),
        paused_count=trust.count_moderators().paused_count,
    )


def unsettled() -> QuerySet[Attempt]:
    """Return the drawings that neither readings nor the moderators who are left can settle, oldest
    first."""
    moderators = Person.objects.filter(
        Q(role=Person.Role.ADMIN)
        | Q(role=Person.Role.MODERATOR, is_moderation_paused=False, qualified_at__isnull=False),
        is_active=True,
    )
    moderator_count = moderators.count()
    counted = Reading.objects.filter(
        attempt=OuterRef("pk"), answer__isnull=False, is_discounted=False
    )
    # Of what nobody has read there is nothing to decide while two moderators are left, and of all
    # that is pending it is the most.
    pending = Attempt.objects.filter(status=Status.PENDING)
    if moderator_count > 1:
        pending = pending.exclude(first_read_at=None, needed_reading_count__gt=0)
    # By their ids, so that they are found from the index of what is pending; the order asked for
    # would have all attempts read by their time.
    return (
        Attempt.objects.filter(pk__in=pending.values("pk"))
        .exclude(DRAWER_SUSPENDED)
        .alias(
            reading_count=Coalesce(
                Subquery(counted.order_by().values("attempt").annotate(n=Count("pk")).values("n")),
                0,
            ),
            is_drawer_moderator=Exists(moderators.filter(pk=OuterRef("drawer"))),
        )
        .filter(
            Q(needed_reading_count=0)
            | Q(is_drawer_moderator=False, reading_count__gte=moderator_count)
            | Q(is_drawer_moderator=True, reading_count__gte=moderator_count - 1)
        )
        .select_related("drawer", "round", "appeal")
        .prefetch_related("readings__moderator")
        .order_by("submitted_at", "pk")
    )


def _as_it_stands(attempt: Attempt) -> Sentence:
    """Say why there is nothing to decide."""
    if attempt.status == Status.PENDING:
        return Sentence("Moderators can settle this drawing by now: there is nothing to decide.")
    by = Decision.objects.filter(attempt=attempt).order_by("-pk").first()
    if by is None:
        return Sentence("This drawing is settled already. Your decision was not taken.")
    return Sentence(
        "This drawing is settled already by {name}, as {answer}. Your decision was not taken.",
        name=by.admin.username,
        answer=verdicts.IN_WORDS.get(by.answer, by.answer),
    )


def decide(
    attempt_id: uuid.UUID,
    admin: Person,
    answer: str,
    why: str,
    *,
    seen_appeal: bool | None = None,
) -> Attempt:
    """Settle, as an admin, what moderators could not, or answer an appeal, saying why; return the
    attempt as it is then.

    The same answer as before turns an appeal down. The same decision sent again finds itself.
    `seen_appeal`: whether the admin has read an appeal (None: not asked); one that was made since
    is not answered unread. Raises Forbidden, NotFound, Conflict, Refused.
    """
    require_admin(admin, Sentence("Only an admin decides."))
    if answer not in verdicts.ANSWERS:
        raise Refused(Sentence("Choose a digit, ambiguous or junk."), field="answer")
    reason = require_reason(why, Sentence("Say why, for the drawer and for the log."))
    with transaction.atomic():
        locked = Attempt.objects.select_for_update(no_key=True, of=("self",))
        attempt = locked.select_related("round").filter(pk=attempt_id).first()
        if attempt is None:
            raise NotFound(Sentence("There is no such drawing."))
        if attempt.drawer_id == admin.pk:
            raise Forbidden(Sentence("Nobody decides on a drawing of their own."))
        appeal = Appeal.objects.filter(attempt=attempt, decision=None).first()
        if appeal and seen_appeal is False:
            raise Conflict(
                Sentence("This drawing was settled meanwhile, and its drawer appeals. Read why.")
            )
        if not (appeal or unsettled().filter(pk=attempt_id).exists()):
            same = {"admin": admin, "answer": answer, "why": reason}
            if Decision.objects.filter(attempt=attempt, **same).exists():
                return attempt
            raise Conflict(_as_it_stands(attempt))
        decision = Decision.objects.create(attempt=attempt, admin=admin, answer=answer, why=reason)
        outcome = verdicts.outcome(attempt.target_label, attempt.has_fooled, answer)
        if appeal:
            appeal.decision = decision
            appeal.save(update_fields=["decision"])
            if (attempt.status, attempt.settled_label) == (outcome.status, outcome.label):
                notices.notify_settled(attempt)
                return attempt
            rounds.lock()
            samples.withdraw_one(attempt.pk)
        readings.settle(attempt, outcome, timezone.now())
        return attempt
