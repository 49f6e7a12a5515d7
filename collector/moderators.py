"""How far each moderator is trusted: how often his readings say what the drawings settled as, and who is suspended."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from collector import reviews, verdicts
from collector.errors import Conflict, Forbidden, Refused
from collector.models import Act, Person, Reading, Suspension

LAST = 100  # readings that a moderator is judged by


@dataclass(frozen=True)
class Agreement:
    """Of a moderator's last `settled` readings of settled drawings, `agreed` say what the drawing settled as."""

    moderator: Person
    agreed: int
    settled: int


def everybody() -> list[Agreement]:
    """Every active moderator's, of readings since a suspension was last lifted; the suspended first, then by name."""
    return [
        Agreement(moderator, moderator.agreed_readings, moderator.settled_readings)
        for moderator in _judged().order_by("-suspended", "username")
    ]


def _judged() -> QuerySet[Any]:
    """Moderators with the counts of an `Agreement`, each from the few newest rows of an index."""
    readings = Reading.objects.filter(moderator=OuterRef("pk"), agreed__isnull=False)
    oldest = readings.order_by("-answered").values("answered")[LAST - 1 : LAST]
    lifted = Suspension.objects.filter(person=OuterRef("pk"), lifted__isnull=False).order_by("-lifted")
    counted = readings.filter(answered__gte=OuterRef("oldest"), answered__gt=OuterRef("lifted"))
    ever = Value(datetime(1970, 1, 1, tzinfo=UTC))
    return Person.objects.filter(role=Person.Role.MODERATOR, is_active=True).annotate(
        oldest=Coalesce(Subquery(oldest), ever),
        lifted=Coalesce(Subquery(lifted.values("lifted")[:1]), ever),
        settled_readings=_count(counted),
        agreed_readings=_count(counted.filter(agreed=True)),
    )


def _count(readings: QuerySet[Reading]) -> Coalesce:
    return Coalesce(Subquery(readings.order_by().values("moderator").annotate(n=Count("pk")).values("n")), 0)


def suspend_untrusted() -> int:
    """Suspend every moderator who is no longer trusted and put the drawings he had read back into the queue; how many
    there were. Safe to call often: what an interrupted call left counted is discounted by the next one."""
    found = 0
    for one in everybody():
        if not one.moderator.suspended and not verdicts.trusted(one.agreed, one.settled):
            found += _suspend(one)
        if one.moderator.suspended:
            reviews.discount(one.moderator)
    return found


def _suspend(found: Agreement) -> bool:
    with transaction.atomic():
        if not Person.objects.filter(pk=found.moderator.pk, suspended=False).update(suspended=True):
            return False
        Suspension.objects.create(person=found.moderator, agreed=found.agreed, settled=found.settled)
    found.moderator.suspended = True
    return True


def lift(moderator: Person, admin: Person, why: str) -> None:
    """Let a suspended moderator go on, saying why; he is judged anew from here. Raises Forbidden, Refused, Conflict."""
    if not admin.is_admin:
        raise Forbidden("Only an admin lifts a suspension.")
    if not why.strip():
        raise Refused("Say why, for the log.", field="why")
    with transaction.atomic():
        if not Person.objects.filter(pk=moderator.pk, suspended=True).update(suspended=False):
            raise Conflict("This moderator is not suspended (any more).")
        Suspension.objects.filter(person=moderator, lifted=None).update(lifted=timezone.now())
        Act.objects.create(admin=admin, kind=Act.Kind.LIFTED, person=moderator, why=why.strip())
