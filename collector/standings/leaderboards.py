"""Standings, and the one definition of MER and vMER."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum, Value
from django.utils import timezone

from collector.errors import Refused
from collector.models import Attempt, Person
from trainer.models import Round

PERIODS = ("round", "week", "all")
SHOWN = 100
Status = Attempt.Status


@dataclass(frozen=True)
class AttemptCounts:
    """Counts over some attempts. Retracted ones stay in every denominator."""

    attempt_count: int = 0
    fooled_count: int = 0
    pending_count: int = 0
    verified_count: int = 0

    @property
    def mer(self) -> float | None:
        """Model error rate: fooled ÷ all attempts; None for 0/0."""
        return self.fooled_count / self.attempt_count if self.attempt_count else None

    @property
    def vmer(self) -> float | None:
        """Verified model error rate: verified fools ÷ all attempts that are not pending; None for
        0/0."""
        return self.verified_count / self.decided_count if self.decided_count else None

    @property
    def decided_count(self) -> int:
        """All attempts that are not pending."""
        return self.attempt_count - self.pending_count

    @property
    def tries_per_fool(self) -> float | None:
        """All attempts ÷ verified fools; None where no fool is verified."""
        return self.attempt_count / self.verified_count if self.verified_count else None


@dataclass(frozen=True)
class Standing:
    """One line of the leaderboard."""

    rank: int
    username: str
    credit: float
    verified_count: int
    attempt_count: int
    pending_count: int
    vmer: float | None


def count_attempts(attempts: QuerySet[Attempt]) -> AttemptCounts:
    """The counts over these attempts, with their MER and vMER."""
    counts = _counts_by(attempts.annotate(all_of_them=Value(1)), "all_of_them")
    return counts.get(1, AttemptCounts())


def counts_by_round() -> dict[int, AttemptCounts]:
    """Every round's counts by the round's id; a round without attempts is missing."""
    return _counts_by(Attempt.objects.all(), "round_id")


def _counts_by(attempts: QuerySet[Attempt], key: str) -> dict[Any, AttemptCounts]:
    """The attempts' counts by the value of `key`.

    The database counts each kind of attempt in the order of an index; the kinds are few, and are
    put together here.
    """
    kinds: Any = attempts.order_by().values_list(key, "status", "has_fooled").annotate(n=Count("*"))
    sums: dict[Any, Counter[str]] = defaultdict(Counter)
    for group, status, has_fooled, n in kinds:
        sums[group].update(attempt_count=n, fooled_count=n if has_fooled else 0)
        if status in (Status.PENDING, Status.VERIFIED):
            sums[group][f"{status}_count"] += n
    return {group: AttemptCounts(**counts) for group, counts in sums.items()}


def counts_of(
    people: Iterable[Any], within: QuerySet[Attempt] | None = None
) -> dict[Any, AttemptCounts]:
    """What these people (or their ids) drew within some attempts, by id, without what fooled; who
    drew nothing is missing."""
    attempts: Any = Attempt.objects.all() if within is None else within
    rows = attempts.filter(drawer__in=list(people)).order_by().values("drawer")
    rows = rows.annotate(
        attempt_count=Count("*"),
        pending_count=Count("status", filter=Q(status=Status.PENDING)),
        verified_count=Count("status", filter=Q(status=Status.VERIFIED)),
    )
    return {row.pop("drawer"): AttemptCounts(**row) for row in rows}


def standings(period: str = "round") -> list[Standing]:
    """The best by credit in the open round, the last seven days, or ever; equal credit, equal rank,
    and whoever was there first before the others.

    Only what earned is gone through to find them, and only theirs is counted.
    """
    within = _within(period)
    earners: Any = (
        within.filter(credit__gt=0)
        .exclude(drawer__in=Person.objects.hidden().values("pk"))
        .values("drawer")
    )
    earners = earners.annotate(earned=Sum("credit"), last=Max("submitted_at")).order_by(
        "-earned", "last", "drawer"
    )
    best = list(earners[:SHOWN])
    shown = [row["drawer"] for row in best]
    names = dict(Person.objects.filter(pk__in=shown).values_list("pk", "username"))
    tallies = counts_of(shown, within)
    lines: list[Standing] = []
    for place, row in enumerate(best, start=1):
        counts = tallies[row["drawer"]]
        lines.append(
            Standing(
                rank=lines[-1].rank if lines and lines[-1].credit == row["earned"] else place,
                username=names[row["drawer"]],
                credit=row["earned"],
                verified_count=counts.verified_count,
                attempt_count=counts.attempt_count,
                pending_count=counts.pending_count,
                vmer=counts.vmer,
            )
        )
    return lines


def _within(period: str) -> QuerySet[Attempt]:
    if period == "round":
        return Attempt.objects.filter(round=Round.objects.get(state=Round.State.OPEN))
    if period == "week":
        return Attempt.objects.filter(submitted_at__gte=timezone.now() - timedelta(days=7))
    if period == "all":
        return Attempt.objects.all()
    raise Refused("The period is round, week or all.", field="period")
