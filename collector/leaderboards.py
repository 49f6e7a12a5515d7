"""Standings, and the one definition of MER and vMER."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from collector.errors import Refused
from collector.models import Attempt
from trainer.models import Round

PERIODS = ("round", "week", "all")
SHOWN = 100

_COUNTS: dict[str, Any] = {
    "attempts": Count("pk"),
    "fooled": Count("pk", filter=Q(fooled=True)),
    "pending": Count("pk", filter=Q(status=Attempt.Status.PENDING)),
    "verified": Count("pk", filter=Q(status=Attempt.Status.VERIFIED)),
}


@dataclass(frozen=True)
class Tally:
    """Counts over some attempts. Retracted ones stay in every denominator."""

    attempts: int = 0
    fooled: int = 0
    pending: int = 0
    verified: int = 0

    @property
    def mer(self) -> float | None:
        """Model error rate: fooled ÷ all attempts; None for 0/0."""
        return self.fooled / self.attempts if self.attempts else None

    @property
    def vmer(self) -> float | None:
        """Verified model error rate: verified fools ÷ all attempts that are not pending; None for 0/0."""
        return self.verified / self.decided if self.decided else None

    @property
    def decided(self) -> int:
        """All attempts that are not pending."""
        return self.attempts - self.pending

    @property
    def tries_per_fool(self) -> float | None:
        """All attempts ÷ verified fools; None where no fool is verified."""
        return self.attempts / self.verified if self.verified else None


@dataclass(frozen=True)
class Standing:
    """One line of the leaderboard."""

    rank: int
    username: str
    credit: float
    verified: int
    attempts: int
    pending: int
    vmer: float | None


def tally(attempts: QuerySet[Attempt]) -> Tally:
    """MER and vMER of these attempts."""
    return Tally(**attempts.aggregate(**_COUNTS))


def tallies_by_round() -> dict[int, Tally]:
    """Every round's tally by the round's id; a round without attempts is missing."""
    rows: Any = Attempt.objects.values("round_id").annotate(**_COUNTS)
    return {row["round_id"]: _counted(row) for row in rows}


def _counted(row: dict[str, Any]) -> Tally:
    return Tally(**{name: row[name] for name in _COUNTS})


def standings(period: str = "round") -> list[Standing]:
    """The best by credit in the open round, the last seven days, or ever; equal credit, equal rank."""
    rows: Any = _within(period).filter(drawer__is_active=True)
    rows = (
        rows.values("drawer__username")
        .annotate(**_COUNTS, earned=Sum("credit"))
        .filter(earned__gt=0)
        .order_by("-earned", "attempts", "drawer__username")[:SHOWN]
    )
    lines: list[Standing] = []
    for place, row in enumerate(rows, start=1):
        rank = lines[-1].rank if lines and lines[-1].credit == row["earned"] else place
        counts = _counted(row)
        lines.append(
            Standing(
                rank=rank,
                username=row["drawer__username"],
                credit=row["earned"],
                verified=counts.verified,
                attempts=counts.attempts,
                pending=counts.pending,
                vmer=counts.vmer,
            )
        )
    return lines


def _within(period: str) -> QuerySet[Attempt]:
    if period == "round":
        return Attempt.objects.filter(round__state=Round.State.OPEN)
    if period == "week":
        return Attempt.objects.filter(submitted__gte=timezone.now() - timedelta(days=7))
    if period == "all":
        return Attempt.objects.all()
    raise Refused("The period is round, week or all.", field="period")
