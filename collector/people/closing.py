"""Closing an account: the person goes, and the drawings stay without a name or are removed, as the
person chooses."""

import secrets

from django.db import transaction
from django.utils import timezone

from collector.errors import Refused
from collector.models import Attempt, Gold, Person, Reading
from collector.people import accounts
from trainer import samples

Status = Attempt.Status


def close(person: Person, password: str, *, remove: bool) -> None:
    """Close one's own account, for good; with `remove` the drawings go too: of each its id, hash
    and label stay.

    What others did stays, and so do the person's readings. Sessions end, since their password is
    no more, and API tokens too. Raises Refused (the password), TooMany (tries at it), Conflict (the
    last admin).
    """
    if not accounts.is_password_of(person, password):
        raise Refused("That is not your password.", field="password")
    with transaction.atomic():
        accounts.require_another_admin(person)
        if remove:
            _remove_drawings(person)
        person.username, person.email = f"gone-{secrets.token_hex(6)}", ""
        person.is_active = person.is_listed = person.wants_mail = False
        person.closed_at = timezone.now()
        person.set_unusable_password()
        person.save()


def _remove_drawings(person: Person) -> None:
    """Make tombstones of a person's drawings, and of what was made of them. What is waiting is
    taken back: a moderator who has it before them is told that it went on."""
    own = Attempt.objects.filter(drawer=person)
    # All rows are locked, so that a reading under way comes first.
    list(own.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    now = timezone.now()
    Reading.objects.filter(attempt__in=own.filter(status=Status.PENDING), answer=None).delete()
    own.filter(status=Status.PENDING).update(
        status=Status.RETRACTED, settled_at=now, needed_reading_count=0
    )
    own.update(removed_at=now, strokes=[], pixels=b"", shape=None)
    Gold.objects.filter(attempt__in=own).update(is_retired=True, strokes=[], pixels=b"")
    samples.remove(person.contributor)
