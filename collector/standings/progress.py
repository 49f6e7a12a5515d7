"""How far a person has come: the facts that streaks and badges are given for, in a fixed number of
queries."""

from collections import Counter
from datetime import UTC
from typing import Any

from django.db.models import Count, Min, OuterRef, Q, Subquery
from django.db.models.functions import TruncDate
from django.utils import timezone

from collector.models import Attempt, Person, Reading
from collector.rules import badges
from trainer.models import RoundModel, Sample, Split


def of(person: Person) -> badges.Facts:
    """The facts about a person at this moment. Days are UTC days."""
    earning: Any = person.attempts.filter(credit__gt=0).order_by()
    by_round: Counter[int] = Counter()
    digits = set()
    for round_id, digit, n in earning.values_list("round_id", "target_label").annotate(
        n=Count("*")
    ):
        by_round[round_id] += n
        digits.add(digit)
    readings = Reading.objects.filter(moderator=person, agreed__isnull=False)
    return badges.Facts(
        fools=by_round.total(),
        digits=frozenset(digits),
        best_round=max(by_round.values(), default=0),
        pioneered=_pioneered(earning),
        taught=_taught(person),
        streak=badges.streak(_days(person), timezone.now().astimezone(UTC).date()),
        moderator=person.is_moderator,
        **readings.aggregate(settled=Count("pk"), agreed=Count("pk", filter=Q(agreed=True))),
    )


def _pioneered(earning: Any) -> int:
    """In how many of his mistakes (this digit, taken for that) his settled before everybody
    else's."""
    alike = Attempt.objects.filter(
        credit__gt=0,
        target_label=OuterRef("target_label"),
        predicted_label=OuterRef("predicted_label"),
    )
    first = Subquery(alike.order_by("settled").values("settled")[:1])
    mine = earning.values("target_label", "predicted_label").annotate(
        mine=Min("settled"), first=first
    )
    return sum(row["mine"] == row["first"] for row in mine)


def _taught(person: Person) -> bool:
    used = Q(first_trained__state=RoundModel.State.PROMOTED) | Q(
        contributor__split=Split.TEST, withdrawn=None
    )
    return Sample.objects.filter(used, contributor=person.contributor).exists()


def _days(person: Person) -> set[Any]:
    drawn = person.attempts.order_by().annotate(day=TruncDate("submitted", tzinfo=UTC))
    return set(drawn.values_list("day", flat=True).distinct())
