"""Standings, and the one definition of MER and vMER."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from collector.errors import Refused
from collector.models import BEST_FIRST, COPY, ORIGINAL, SHOWABLE, Attempt, Person
from trainer.learning.sentences import Sentence
from trainer.models import Round

PERIODS = ("round", "week", "all")
SHOWN = 100
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


# The database counts each kind of attempt, by status and whether it fooled, in the order of an
# index; the kinds are few, and are added up here.
KINDS = ("status", "has_fooled")
COUNTED = {
    "n": Count("status", filter=ORIGINAL),
    "copies": Count("status", filter=COPY),
}
PENDING = Q(ORIGINAL, status=Status.PENDING, has_fooled=True)
VERIFIED = Q(ORIGINAL, status=Status.VERIFIED)
# What is counted of each person: all but what fooled.
OF_EACH = {"attempt_count": ORIGINAL, "pending_count": PENDING, "verified_count": VERIFIED}
Kinds = Iterable[tuple[str, bool, int, int]]


def count_attempts(attempts: QuerySet[Attempt]) -> AttemptCounts:
    """Count these attempts."""
    return _added_up(attempts.order_by().values_list(*KINDS).annotate(**COUNTED))


def counts_by_round(rounds: Iterable[int]) -> dict[int, AttemptCounts]:
    """Count the attempts of these rounds, by the round's id; one without attempts is missing."""
    return _counted_by("round_id", Attempt.objects.filter(round__in=list(rounds)))


def counts_by_digit(attempts: QuerySet[Attempt]) -> dict[int, AttemptCounts]:
    """Count these attempts by what their drawers say they are; a digit nobody drew is missing."""
    return _counted_by("target_label", attempts)


def fools_by_confusion() -> dict[tuple[int, int], int]:
    """Count the verified fools that are there by (target, predicted); what nobody has done yet is
    missing."""
    pairs = Attempt.objects.filter(SHOWABLE).values_list("target_label", "predicted_label")
    counted = pairs.order_by().annotate(n=Count("*"))
    return {(target, predicted): n for target, predicted, n in counted}


def _counted_by(field: str, attempts: QuerySet[Attempt]) -> dict[int, AttemptCounts]:
    kinds = attempts.order_by().values_list(field, *KINDS).annotate(**COUNTED)
    by_value: dict[int, list[tuple[str, bool, int, int]]] = defaultdict(list)
    for value, *kind in kinds:
        by_value[value].append(tuple(kind))
    return {value: _added_up(alike) for value, alike in by_value.items()}


def _added_up(kinds: Kinds) -> AttemptCounts:
    """The counts over attempts of which there are so many of each kind."""
    counts: Counter[str] = Counter()
    for status, has_fooled, n, copies in kinds:
        counts.update(attempt_count=n, copy_count=copies)
        if has_fooled:
            counts["fooled_count"] += n
        if has_fooled and status in (Status.PENDING, Status.VERIFIED):
            counts[f"{status}_count"] += n
    return AttemptCounts(**counts)


def counts_of(
    people: Iterable[Person | UUID], within: QuerySet[Attempt] | None = None
) -> dict[UUID, AttemptCounts]:
    """Count what these people (or their ids) drew within some attempts, by id, but for what fooled;
    who drew nothing is missing."""
    attempts = Attempt.objects.all() if within is None else within
    counts = {name: Count("status", filter=which) for name, which in OF_EACH.items()}
    drawers = attempts.filter(drawer__in=list(people)).order_by().values("drawer")
    counted = drawers.annotate(**counts).values_list("drawer", *OF_EACH)
    return {
        drawer: AttemptCounts(**dict(zip(OF_EACH, numbers, strict=True)))
        for drawer, *numbers in counted
    }


def standings(period: str = "round") -> list[Standing]:
    """List the best by credit in the open `round`, the last `week`, or of `all` time: equal credit,
    equal rank, and whoever was there first before the others. Raises Refused for another period.

    Only what earned is gone through to find them, and only theirs is counted.
    """
    within = _within(period)
    earners = (
        within.filter(credit__gt=0)
        .exclude(drawer__in=Person.objects.hidden().values("pk"))
        .values_list("drawer")
        .annotate(earned=Sum("credit"), last=Max("submitted_at"))
        .order_by("-earned", "last", "drawer")
    )
    best = [(drawer, earned) for drawer, earned, _ in earners[:SHOWN]]
    drawers = [drawer for drawer, _ in best]
    names = dict(Person.objects.filter(pk__in=drawers).values_list("pk", "username"))
    counts_by_drawer = counts_of(drawers, within)
    lines: list[Standing] = []
    for place, (drawer, earned) in enumerate(best, start=1):
        counts = counts_by_drawer[drawer]
        lines.append(
            Standing(
                rank=lines[-1].rank if lines and lines[-1].credit == earned else place,
                drawer=drawer,
                username=names[drawer],
                credit=earned,
                verified_count=counts.verified_count,
                attempt_count=counts.attempt_count,
                pending_count=counts.pending_count,
                vmer=counts.vmer,
            )
        )
    return lines


def best_fools(drawers: Iterable[UUID], period: str) -> dict[UUID, Attempt]:
    """Return the best public fool in a period of each of these people, who are in its standings,
    with its round; who has none is missing. Raises Refused for another period."""
    fools = _within(period).filter(SHOWABLE, drawer=OuterRef("pk")).order_by(*BEST_FIRST)
    people = Person.objects.filter(pk__in=list(drawers))
    best = people.annotate(best=Subquery(fools.values("pk")[:1])).values("best")
    found = Attempt.objects.filter(pk__in=best).select_related("round")
    return {fool.drawer_id: fool for fool in found}


def _within(period: str) -> QuerySet[Attempt]:
    if period == "round":
        return Attempt.objects.filter(round=Round.objects.get(state=Round.State.OPEN))
    if period == "week":
        return Attempt.objects.filter(submitted_at__gte=timezone.now() - timedelta(days=7))
    if period == "all":
        return Attempt.objects.all()
    raise Refused(Sentence("The period is round, week or all."), field="period")
