"""Closing an account: the person goes, and the drawings stay without a name or are removed, as the
person chooses."""

import secrets

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from collector.data import releases
from collector.errors import Refused
from collector.models import (
    Answer,
    Appeal,
    AskedPrediction,
    Attempt,
    Email,
    Factor,
    Gold,
    Notice,
    PanelMember,
    Person,
    Reading,
    Reason,
    RecoveryCode,
)
from collector.people import accounts
from trainer import rounds, samples
from trainer.learning.sentences import Sentence

Status = Attempt.Status


def close(person: Person, password: str, *, remove: bool) -> None:
    """Close one's own account, for good; with `remove` the drawings go too: of each its id, hash
    and label stay.

    What others did stays, and so do the person's readings, under a name that says nothing. Sessions
    and API tokens end, since the password is no more. Whom a panel sent has none, and needs none.
    Raises Refused (the password), TooMany (tries at it), Conflict (the last admin, or another
    password meanwhile).
    """
    if person.has_usable_password() and not accounts.is_password_of(person, password):
        raise Refused(Sentence("That is not your password."), field="password")
    with transaction.atomic():
        # Pressed twice, the second waits here for what the first did.
        still_open = Person.objects.filter(pk=person.pk, closed_at=None)
        if still_open.select_for_update(no_key=True).first() is None:
            return
        person = accounts.locked(person)
        accounts.require_another_admin(person)
        if remove:
            _remove_drawings(person)
        elif person.is_listed or Reason.objects.filter(attempt__drawer=person).exists():
            rounds.lock()
            releases.withdraw_with(person)  # which have their name, or words
        # What an admin removed is empty, and says who did it, and why.
        Reason.objects.filter(attempt__drawer=person, removed_at=None).delete()
        name = f"gone-{secrets.token_hex(6)}"
        _forget(person, name)
        person.username, person.email, person.language = name, "", ""
        person.is_active = person.is_listed = person.wants_mail = False
        person.closed_at = timezone.now()
        person.set_unusable_password()
        person.save()


def _forget(person: Person, name: str) -> None:
    """Take a person's name and addresses out of all other rows; where a name has to stand, write
    this one. What admins wrote by hand is theirs and stays."""
    to_them = Q(person=person)
    for address in filter(None, (person.email, person.unconfirmed_email)):
        to_them |= Q(to__iexact=address)
    Email.objects.filter(to_them).delete()
    Notice.objects.filter(person=person).delete()
    Factor.objects.filter(person=person).delete()
    RecoveryCode.objects.filter(person=person).delete()
    AskedPrediction.objects.filter(person=person).delete()
    Answer.objects.filter(person=person).delete()
    PanelMember.objects.filter(person=person).delete()
    LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Person), object_id=str(person.pk)
    ).update(object_repr=name)
    rounds.rename_admin(person.username, name)


def _remove_drawings(person: Person) -> None:
    """Make tombstones of a person's drawings, and of what was made of them. What is waiting is
    taken back: a moderator who has it before them is told that it went on."""
    own = Attempt.objects.filter(drawer=person)
    # All rows are locked, so that a reading under way comes first.
    list(own.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    rounds.lock()  # as whoever settles, since sums of all people's change
    now = timezone.now()
    Reading.objects.filter(attempt__in=own.filter(status=Status.PENDING), answer=None).delete()
    own.filter(status=Status.PENDING).update(
        status=Status.RETRACTED, settled_at=now, needed_reading_count=0
    )
    own.update(removed_at=now, strokes=[], pixels=b"", shape=None)
    Gold.objects.filter(attempt__in=own).update(is_retired=True, strokes=[], pixels=b"")
    Appeal.objects.filter(attempt__in=own).update(text="")
    samples.remove(person.contributor)
    releases.withdraw_with(person)
