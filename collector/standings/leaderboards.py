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
        """Verified model error rate: verified fools ÷ all attempts that are not pending; None for
        0/0."""
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
    [counted] = _tallies(attempts.annotate(one=Value(1)), "one").values() or [Tally()]
    return counted


def tallies_by_round() -> dict[int, Tally]:
    """Every round's tally by the round's id; a round without attempts is missing."""
    return _tallies(Attempt.objects.all(), "round_id")


def _tallies(attempts: QuerySet[Attempt], key: str) -> dict[Any, Tally]:
    """The attempts' tallies by `key`. The database counts each kind of attempt in the order of an
    index; the kinds are few, and are put together here."""
    kinds: Any = attempts.order_by().values_list(key, "status", "fooled").annotate(n=Count("*"))
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    for group, status, fooled, n in kinds:
        found[group].update(attempts=n, fooled=n if fooled else 0)
        if status in (Status.PENDING, Status.VERIFIED):
            found[group][status] += n
    return {group: Tally(**counts) for group, counts in found.items()}


def tallies_of(people: Iterable[Any], within: QuerySet[Attempt] | None = None) -> dict[Any, Tally]:
    """What these people (or their ids) drew within some attempts, by id, without what fooled; who
    drew nothing is missing."""
    drawn: Any = Attempt.objects.all() if within is None else within
    counted = drawn.filter(drawer__in=list(people)).order_by().values("drawer")
    counted = counted.annotate(
        attempts=Count("*"), pending=_of(Status.PENDING), verified=_of(Status.VERIFIED)
    )
    return {row.pop("drawer"): Tally(**row) for row in counted}


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
    earners = earners.annotate(earned=Sum("credit"), last=Max("submitted")).order_by(
        "-earned", "last", "drawer"
    )
    best = list(earners[:SHOWN])
    shown = [row["drawer"] for row in best]
    names = dict(Person.objects.filter(pk__in=shown).values_list("pk", "username"))
    tallies = tallies_of(shown, within)
    lines: list[Standing] = []
    for place, row in enumerate(best, start=1):
        counts = tallies[row["drawer"]]
        lines.append(
            Standing(
                rank=lines[-1].rank if lines and lines[-1].credit == row["earned"] else place,
                username=names[row["drawer"]],
                credit=row["earned"],
                verified=counts.verified,
                attempts=counts.attempts,
                pending=counts.pending,
                vmer=counts.vmer,
            )
        )
    return lines


def _of(status: Attempt.Status) -> Count:
    return Count("status", filter=Q(status=status))


def _within(period: str) -> QuerySet[Attempt]:
    if period == "round":
        return Attempt.objects.filter(round=Round.objects.get(state=Round.State.OPEN))
    if period == "week":
        return Attempt.objects.filter(submitted__gte=timezone.now() - timedelta(days=7))
    if period == "all":
        return Attempt.objects.all()
    raise Refused("The period is round, week or all.", field="period")
