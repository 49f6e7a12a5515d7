"""Standings, and the one definition of MER and vMER."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from collector.errors import Refused
from collector.models import (
    BEST_FIRST,
    ORIGINAL,
    SHOWABLE,
    Attempt,
    ConfusionTally,
    DigitTally,
    Person,
    Tally,
)
from trainer.learning.sentences import Sentence
from trainer.models import Arm, Round

PERIODS = ("round", "week", "all")
SHOWN = 100
WEEK = timedelta(days=7)
Status = Attempt.Status


@dataclass(frozen=True)
class AttemptCounts:
    """Counts over some attempts that are originals; the others are only counted as copies.
    Retracted ones stay in every denominator. Pending are the fools that wait: what did not fool is
    decided, whether it was chosen to be read or not."""

    attempt_count: int = 0
    fooled_count: int = 0
    pending_count: int = 0
    verified_count: int = 0
    copy_count: int = 0

    def __add__(self, other: "AttemptCounts") -> "AttemptCounts":
        mine, theirs = astuple(self), astuple(other)
        return AttemptCounts(*map(sum, zip(mine, theirs, strict=True)))

    @property
    def decided_count(self) -> int:
        """All attempts that are not pending."""
        return self.attempt_count - self.pending_count

    @property
    def mer_parts(self) -> tuple[int, int]:
        """What the model error rate divides: fooled, by all attempts."""
        return self.fooled_count, self.attempt_count

    @property
    def vmer_parts(self) -> tuple[int, int]:
        """What the verified model error rate divides: verified fools, by all that are decided."""
        return self.verified_count, self.decided_count

    @property
    def tries_parts(self) -> tuple[int, int]:
        """What tries per fool divide: all attempts, by verified fools."""
        return self.attempt_count, self.verified_count

    @property
    def mer(self) -> float | None:
        """Model error rate; None for 0/0."""
        return _divided(*self.mer_parts)

    @property
    def vmer(self) -> float | None:
        """Verified model error rate; None for 0/0."""
        return _divided(*self.vmer_parts)

    @property
    def tries_per_fool(self) -> float | None:
        """How many attempts a verified fool took; None where no fool is verified."""
        return _divided(*self.tries_parts)


def _divided(count: int, of: int) -> float | None:
    return count / of if of else None


@dataclass(frozen=True)
class Standing:
    """One line of the leaderboard."""

    rank: int
    drawer: UUID
    username: str
    credit: float
    verified_count: int
    attempt_count: int
    pending_count: int
    vmer: float | None


PENDING = Q(ORIGINAL, status=Status.PENDING, has_fooled=True)
VERIFIED = Q(ORIGINAL, status=Status.VERIFIED)
FOOLED = Q(ORIGINAL, has_fooled=True)
# What is counted of each person: all but what fooled.
OF_EACH = {"attempt_count": ORIGINAL, "pending_count": PENDING, "verified_count": VERIFIED}
COUNTS = tuple(each.name for each in fields(AttemptCounts))  # as tallies have them
SUMS = {f"of_{name}": Sum(name) for name in COUNTS}


def counts_by_round(rounds: Iterable[int]) -> dict[int, AttemptCounts]:
    """Count the attempts of these rounds, by the round's id; one without attempts is missing."""
    tallies = Tally.objects.filter(round__in=list(rounds)).order_by().values_list("round_id")
    return {pk: AttemptCounts(*counts) for pk, *counts in tallies.annotate(**SUMS)}


def counts_by_digit(rounds: Iterable[Round]) -> dict[int, AttemptCounts]:
    """Count the attempts of these rounds by what their drawers say they are; a digit nobody drew is
    missing."""
    tallies = DigitTally.objects.filter(round__in=rounds).order_by().values_list("target_label")
    counted = {digit: AttemptCounts(*counts) for digit, *counts in tallies.annotate(**SUMS)}
    return {digit: counts for digit, counts in counted.items() if counts != AttemptCounts()}


def fools_by_confusion(arm: str | None) -> dict[tuple[int, int], int]:
    """Count the verified fools that are there, of an arm or of all, by (target, predicted); what
    nobody has done yet is missing."""
    which = Q(round__arm=arm) if arm else Q(round=None)
    sums = ConfusionTally.objects.filter(which, drawer=None, fool_count__gt=0).order_by()
    pairs = sums.values_list("target_label", "predicted_label").annotate(n=Sum("fool_count"))
    return {(target, predicted): n for target, predicted, n in pairs}


def counts_of(people: Iterable[Person]) -> dict[UUID, AttemptCounts]:
    """Count what each of these people drew, by their ids."""
    drawers = [person.pk for person in people]
    ever = Tally.objects.filter(day=None, round=None, drawer__in=drawers)
    drawn = {pk: AttemptCounts(*counts) for pk, *counts in ever.values_list("drawer", *COUNTS)}
    return dict.fromkeys(drawers, AttemptCounts()) | drawn


def standings(period: str = "round", arm: str = Arm.DYNAMIC) -> list[Standing]:
    """List the best of an arm by credit in its open `round`, the last `week`, or of `all` time:
    equal credit, equal rank, and whoever was there first before the others. Raises Refused for
    another period.

    People are gone through, and no attempts but those of the day on which the week began.
    """
    now = timezone.now()
    within, earned = _within(period, now, arm), _earned(period, now, arm)
    earning = within.filter(credit__gt=0, drawer=OuterRef("pk")).order_by("-submitted_at")
    people = Person.objects.filter(pk__in=earned).annotate(
        last=Subquery(earning.values("submitted_at")[:1])
    )
    best = sorted(
        people.values_list("pk", "username", "last"),
        key=lambda person: (-earned[person[0]][0], person[2] or now, person[0]),
    )
    lines: list[Standing] = []
    for place, (drawer, username, _) in enumerate(best[:SHOWN], start=1):
        credit, *of_each = earned[drawer]
        counts = AttemptCounts(**dict(zip(OF_EACH, of_each, strict=True)))
        lines.append(
            Standing(
                rank=lines[-1].rank if lines and lines[-1].credit == credit else place,
                drawer=drawer,
                username=username,
                credit=credit,
                verified_count=counts.verified_count,
                attempt_count=counts.attempt_count,
                pending_count=counts.pending_count,
                vmer=counts.vmer,
            )
        )
    return lines


def _earned(period: str, now: datetime, arm: str) -> dict[UUID, tuple[Any, ...]]:
    """What those of an arm earned in a period whom the public sees, and then what they drew in it,
    in the order of OF_EACH: the best `SHOWN` who earned anything, and their equals."""
    hidden = Person.objects.hidden(arm)
    parts: list[str] = []
    params: list[Any] = []
    for rows, sums in _summed(period, now, arm):
        visible = rows.exclude(drawer__in=hidden).order_by().values_list("drawer")
        summed = visible.annotate(**{f"of_{name}": sums[name] for name in sums})
        part, asked = summed.query.sql_with_params()
        parts.append(part)
        params += asked
    total = ", ".join(f"SUM(of_{name})" for name in ("credit", *OF_EACH))
    earned: dict[UUID, tuple[Any, ...]] = {}
    with connection.cursor() as cursor:
        # The parts are added up by the database: most people are not among the best.
        cursor.execute(
            f"SELECT drawer, {total} FROM ({' UNION ALL '.join(parts)}) AS parts "
            "GROUP BY drawer HAVING SUM(of_credit) > 0 ORDER BY SUM(of_credit) DESC",
            params,
        )
        least = 0.0
        for drawer, credit, *of_each in cursor:
            if len(earned) >= SHOWN and credit < least:
                break
            least = credit
            earned[UUID(str(drawer))] = (credit, *map(int, of_each))
    return earned


def _summed(
    period: str, now: datetime, arm: str
) -> Iterator[tuple[QuerySet[Any], dict[str, Sum | Count]]]:
    """Yield what is summed up over a period, and how: the credit, and OF_EACH."""
    tallies = Tally.objects.filter(day=None, round=None)
    if period == "round":
        open_round = Round.objects.filter(state=Round.State.OPEN, arm=arm).values("pk")[:1]
        tallies = Tally.objects.filter(round=Subquery(open_round))
    elif period == "week":
        # Its first day is cut through by the hour; of the others there are sums.
        first_day = (now - WEEK).date()
        # Day by day: asked for from one on, SQLite would go through all people's of all time.
        days = [first_day + timedelta(days=after) for after in range(1, WEEK.days + 1)]
        tallies = Tally.objects.filter(day__in=days)
        ends = datetime.combine(first_day, time(), UTC) + timedelta(days=1)
        counts = {name: Count("status", filter=which) for name, which in OF_EACH.items()}
        cut = _within(period, now, arm).filter(submitted_at__lt=ends)
        yield cut, {"credit": Sum("credit"), **counts}
    yield tallies, {name: Sum(name) for name in ("credit", *OF_EACH)}


def best_fools(drawers: Iterable[UUID], period: str, arm: str) -> dict[UUID, Attempt]:
    """Return the best public fool in a period of each of these people, who are in an arm's
    standings, with its round; who has none is missing. Raises Refused for another period."""
    fools = (
        _within(period, timezone.now(), arm)
        .filter(SHOWABLE, drawer=OuterRef("pk"))
        .order_by(*BEST_FIRST)
    )
    people = Person.objects.filter(pk__in=list(drawers))
    best = people.annotate(best=Subquery(fools.values("pk")[:1])).values("best")
    found = Attempt.objects.filter(pk__in=best).select_related("round")
    return {fool.drawer_id: fool for fool in found}


def _within(period: str, now: datetime, arm: str) -> QuerySet[Attempt]:
    if period == "round":
        return Attempt.objects.filter(round=Round.objects.get(state=Round.State.OPEN, arm=arm))
    if period == "week":
        return Attempt.objects.filter(submitted_at__gte=now - WEEK)
    if period == "all":
        return Attempt.objects.all()
    raise Refused(Sentence("The period is round, week or all."), field="period")
