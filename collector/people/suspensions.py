"""Suspending a person and taking it back, and training a model without one: an admin's answers to
poison."""

import uuid
from dataclasses import dataclass

from django.db import transaction

from collector.errors import Conflict, Forbidden
from collector.models import AdminAction, Attempt, Person, require_admin, require_reason
from collector.people import accounts
from trainer import candidates, rounds, samples
from trainer.learning.sentences import Sentence
from trainer.models import RoundModel, Sample

Kind = AdminAction.Kind


@dataclass(frozen=True)
class SuspensionImpact:
    """What suspending a person takes out, or reinstating brings back: samples, and drawings that
    wait to be read."""

    samples: int
    waiting: int


def impact_of(person: Person) -> SuspensionImpact:
    """Return what suspending this person would take out now or, of somebody suspended, what
    reinstating would bring back."""
    if suspension := _current_suspension(person):
        moved_count = len(
            samples.returnable(
                person.contributor, suspension.done_at, _no_digit(person, suspension)
            )
        )
    else:
        moved_count = Sample.objects.filter(
            contributor=person.contributor, withdrawn_at__isnull=True
        ).count()
    return SuspensionImpact(
        samples=moved_count,
        waiting=person.attempts.filter(status=Attempt.Status.PENDING).count(),
    )


def suspend(person: Person, admin: Person, why: str, seen_last: int | None = None) -> int:
    """Suspend a person, saying why; return how many samples that withdrew. Raises Forbidden,
    Refused, Conflict, also unless the last suspension or reinstatement is still the one that the
    admin has seen, 0 for none (None: not asked).

    Their sessions and API tokens end for good, the standings leave them out, their drawings that
    wait go to no moderator, and later models train without them. It runs under the trainer's lock:
    a reading that settles one of their drawings comes before, or finds them suspended; either way
    its sample is withdrawn.
    """
    require_admin(admin, Sentence("Only an admin does this."))
    reason = require_reason(why)
    if person.pk == admin.pk:
        raise Forbidden(Sentence("Nobody suspends themselves."))
    with transaction.atomic():
        accounts.require_another_admin(person)  # two could suspend each other in one moment
        rounds.lock()
        _require_still_last(person, seen_last)
        if not Person.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
            raise Conflict(Sentence("This person is suspended already, or the account is closed."))
        AdminAction.objects.create(admin=admin, kind=Kind.SUSPENDED, person=person, why=reason)
        withdrawn_count = samples.withdraw(person.contributor)
        person.end_access()
    return withdrawn_count


def reinstate(person: Person, admin: Person, why: str, seen_last: int | None = None) -> int:
    """Let a suspended person in again, saying why; return how many samples that brought back.

    Raises Forbidden, Refused, Conflict, and asks for what was seen as suspend does.
    """
    require_admin(admin, Sentence("Only an admin does this."))
    reason = require_reason(why)
    with transaction.atomic():
        rounds.lock()
        _require_still_last(person, seen_last)
        if not Person.objects.suspended().filter(pk=person.pk).update(is_active=True):
            raise Conflict(Sentence("This person is not suspended (any more)."))
        suspension = _current_suspension(person)
        AdminAction.objects.create(admin=admin, kind=Kind.REINSTATED, person=person, why=reason)
        if suspension is None:
            return 0
        return samples.reinstate(
            person.contributor, suspension.done_at, _no_digit(person, suspension)
        )


def ablate(person: Person, admin: Person, why: str, seen_ablation: int | None = None) -> RoundModel:
    """Start training the newest model again without a person, to see the difference, saying why;
    return the model to come.

    The same act sent again finds itself. `seen_ablation`: the last such model that the admin has
    seen, 0 for none (None: not asked). Raises Forbidden, Refused, Conflict, candidates.NotNow.
    """
    require_admin(admin, Sentence("Only an admin does this."))
    reason = require_reason(why)
    with transaction.atomic():
        rounds.lock()
        latest = latest_ablation(person)
        if latest and seen_ablation not in (None, latest.pk):
            action = (
                AdminAction.objects.filter(person=person, kind=Kind.ABLATED).order_by("-pk").first()
            )
            if action and (action.admin_id, action.why) == (admin.pk, reason):
                return latest
            raise Conflict(
                Sentence(
                    "A model without {username} was trained since you opened this page.",
                    username=person.username,
                )
            )
        started = candidates.start_ablation(person.contributor)
        AdminAction.objects.create(admin=admin, kind=Kind.ABLATED, person=person, why=reason)
        return started


def latest_ablation(person: Person) -> RoundModel | None:
    """Return the last model that was, or is being, trained without a person; None if none was."""
    return (
        RoundModel.objects.filter(left_out_contributor=person.contributor).order_by("-pk").first()
    )


def last(person: Person) -> AdminAction | None:
    """Return how this person was last suspended or reinstated; None if they never were."""
    return (
        AdminAction.objects.filter(person=person, kind__in=(Kind.SUSPENDED, Kind.REINSTATED))
        .select_related("admin")
        .order_by("-pk")
        .first()
    )


def _require_still_last(person: Person, seen_last: int | None) -> None:
    action = last(person)
    if action is None or seen_last in (None, action.pk):
        return
    told = {"admin": action.admin.username, "person": person.username, "why": action.why}
    if action.kind == Kind.SUSPENDED:
        raise Conflict(Sentence("{admin} suspended {person} meanwhile: {why}", **told))
    raise Conflict(Sentence("{admin} reinstated {person} meanwhile: {why}", **told))


def _current_suspension(person: Person) -> AdminAction | None:
    """Return the suspension that holds; None where none does."""
    action = last(person)
    return action if action and action.kind == Kind.SUSPENDED else None


def _no_digit(person: Person, suspension: AdminAction) -> list[uuid.UUID]:
    """Return the person's attempts that an appeal settled as no digit during the suspension: they
    may have been samples before."""
    return list(
        person.attempts.filter(settled_at__gte=suspension.done_at, settled_label=None).values_list(
            "pk", flat=True
        )
    )
