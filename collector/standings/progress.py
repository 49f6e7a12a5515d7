"""How far a person has come: the facts that streaks and badges are given for, in a fixed number of
queries."""

from collections import Counter
from datetime import date

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet

from collector.models import Attempt, Person, Reading, Tally, clock
from collector.rules import badges
from trainer.models import RoundModel, Sample, Split


def facts_about(person: Person) -> badges.Facts:
    """Gather the facts about a person at this moment. Days are UTC days."""
    earning = person.attempts.filter(credit__gt=0).order_by()
    by_digit = earning.values_list("round_id", "target_label").annotate(n=Count("*"))
    by_round: Counter[int] = Counter()
    digits = set()
    for round_id, digit, n in by_digit:
        by_round[round_id] += n
        digits.add(digit)
    readings = Reading.objects.filter(moderator=person, is_correct__isnull=False)
    return badges.Facts(
        fool_count=by_round.total(),
        digits=frozenset(digits),
        best_round_count=max(by_round.values(), default=0),
        pioneered_count=_pioneered(earning),
        has_taught=_taught(person),
        streak=badges.streak(_days(person), clock.today().date()),
        is_moderator=person.is_moderator,
        **readings.aggregate(
            settled_count=Count("pk"), agreed_count=Count("pk", filter=Q(is_correct=True))
        ),
    )


def _pioneered(earning: QuerySet[Attempt]) -> int:
    """How many confusions (this digit, taken for that) a person, of whom these attempts earn, was
    the first of all to have settled."""
    confusions = earning.values("target_label", "predicted_label").annotate(own=Min("settled_at"))
    own, params = confusions.query.sql_with_params()
    with connection.cursor() as cursor:
        # Looked up once a confusion: through the ORM it would be once for each of these attempts.
        cursor.execute(
            f"SELECT COUNT(*) FROM ({own}) AS mine WHERE NOT EXISTS ("
            "SELECT 1 FROM collector_attempt AS earlier WHERE earlier.credit > 0.0 "
            "AND earlier.target_label = mine.target_label "
            "AND earlier.predicted_label = mine.predicted_label "
            "AND earlier.settled_at < mine.own)",
            params,
        )
        (count,) = cursor.fetchone()
    return int(count)


def _taught(person: Person) -> bool:
    """Whether a model that opened a round was trained on one of their samples, or models are
    measured with one."""
    used = Q(first_trained_by__state=RoundModel.State.PROMOTED) | Q(
        contributor__split=Split.TEST, withdrawn_at=None
    )
    return Sample.objects.filter(used, contributor=person.contributor).exists()


def _days(person: Person) -> set[date]:
    drawn = Tally.objects.filter(drawer=person, day__isnull=False, attempt_count__gt=0)
    return {day for day in drawn.values_list("day", flat=True) if day}
