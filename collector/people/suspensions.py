"""Switching a person off, and on again, and seeing what a model is without him: an admin's answers
to poison."""

import uuid
from dataclasses import dataclass

from django.db import transaction

from collector.errors import Conflict, Forbidden, Refused
from collector.models import AdminAction, Attempt, Person
from collector.people import accounts
from trainer import candidates, rounds, samples
from trainer.models import RoundModel, Sample


@dataclass(frozen=True)
class SuspensionImpact:
    """What suspending a person takes out, or reinstating brings back: samples, and drawings that
    wait to be read."""

    samples: int
    waiting: int


def impact_of(person: Person) -> SuspensionImpact:
    """What it would do now."""
    if since := _since(person):
        moved = len(samples.returnable(person.contributor, since.done_at, _no_digit(person, since)))
    else:
        moved = Sample.objects.filter(
            contributor=person.contributor, withdrawn_at__isnull=True
        ).count()
    return SuspensionImpact(
        samples=moved,
        waiting=person.attempts.filter(status=Attempt.Status.PENDING).count(),
    )


def suspend(person: Person, admin: Person, why: str) -> int:
    """Switch a person off, saying why; how many samples that withdrew. Raises Forbidden, Refused,
    Conflict.

    He is signed out and his tokens end, the standings leave him out, his drawings that wait go to
    no moderator, and later models train without him. Under the trainer's lock: a reading that
    settles one of his drawings comes before, or finds him switched off; either way its sample is
    withdrawn.
    """
    _check(admin, why)
    if person.pk == admin.pk:
        raise Forbidden("Nobody suspends himself.")
    with transaction.atomic():
        rounds.lock()
        if not Person.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
            raise Conflict("This person is switched off already.")
        AdminAction.objects.create(
            admin=admin, kind=AdminAction.Kind.SUSPENDED, person=person, why=why.strip()
        )
        withdrawn = samples.withdraw(person.contributor)
    accounts.sign_out_everywhere(person)
    return withdrawn


def reinstate(person: Person, admin: Person, why: str) -> int:
    """Switch a suspended person on again, saying why; how many samples that brought back.

    Raises Forbidden, Refused, Conflict.
    """
    _check(admin, why)
    with transaction.atomic():
        rounds.lock()
        if not Person.objects.suspended().filter(pk=person.pk).update(is_active=True):
            raise Conflict("This person is not suspended (any more).")
        since = _since(person)
        AdminAction.objects.create(
            admin=admin, kind=AdminAction.Kind.REINSTATED, person=person, why=why.strip()
        )
        if since is None:
            return 0
        return samples.reinstate(person.contributor, since.done_at, _no_digit(person, since))


def ablate(person: Person, admin: Person, why: str) -> RoundModel:
    """Have the newest model trained again without a person, to see the difference, saying why.

    Raises Forbidden, Refused, candidates.NotNow.
    """
    _check(admin, why)
    with transaction.atomic():
        started = candidates.start_ablation(person.contributor)
        AdminAction.objects.create(
            admin=admin, kind=AdminAction.Kind.ABLATED, person=person, why=why.strip()
        )
        return started


def latest_ablation(person: Person) -> RoundModel | None:
    """The last model that was, or is being, trained without a person."""
    return (
        RoundModel.objects.filter(left_out_contributor=person.contributor).order_by("-pk").first()
    )


def last(person: Person) -> AdminAction | None:
    """How he was last suspended or reinstated."""
    kinds = (AdminAction.Kind.SUSPENDED, AdminAction.Kind.REINSTATED)
    return (
        AdminAction.objects.filter(person=person, kind__in=kinds)
        .select_related("admin")
        .order_by("-pk")
        .first()
    )


def _since(person: Person) -> AdminAction | None:
    """The suspension that holds."""
    found = last(person)
    return found if found and found.kind == AdminAction.Kind.SUSPENDED else None


def _no_digit(person: Person, since: AdminAction) -> list[uuid.UUID]:
    """His attempts that settled as no digit meanwhile: by an appeal, they may have been samples
    before."""
    return list(
        person.attempts.filter(settled_at__gte=since.done_at, settled_label=None).values_list(
            "pk", flat=True
        )
    )


def _check(admin: Person, why: str) -> None:
    if not admin.is_admin:
        raise Forbidden("Only an admin does this.")
    if not why.strip():
        raise Refused("Say why, for the log.", field="why")
