"""How far readers agree with each other beyond chance: Krippendorff's α, and over which drawings it
is measured."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Func, OuterRef, Subquery, TextField
from numpy.typing import NDArray

from collector.models import Attempt, Reading

MOST_DRAWINGS = 2000  # the newest that α is measured over
ATTEMPTS_SEARCHED = 20_000  # the last submitted, among which they are looked for
RESAMPLES, SEED = 1000, 1
Floats = NDArray[np.float64]
# How many drawings got the same answers, two or more, from anybody, in alphabetical order.
Kinds = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Alpha:
    """α with its 95 % interval, over how many drawings and how many readings of them; None where
    there is nothing to tell it from."""

    alpha: float | None
    low: float | None
    high: float | None
    drawings: int
    readings: int


def alpha(kinds: Kinds) -> float | None:
    """Compute Krippendorff's α for nominal values: 1 − observed ÷ expected disagreement.

    The result is 1 where all agree, about 0 where they agree as by chance, under 0 where less. None
    without pairs, and where only one answer was ever given, since then nothing tells agreement from
    habit.

    K. Krippendorff, “Computing Krippendorff's Alpha-Reliability”, 2011 (section C and its formula
    for nominal data).
    """
    times, counts = _counted(kinds)
    [value] = _alphas(times[None], counts)
    return None if np.isnan(value) else float(value)


def interval(kinds: Kinds) -> tuple[float, float] | None:
    """Compute the 95 % interval of α: the percentiles over `RESAMPLES` bootstrap samples of the
    drawings, with a fixed seed. None where no sample has an α."""
    times, counts = _counted(kinds)
    n = int(times.sum())
    if not n:
        return None
    # Each bootstrap sample is a row: how often drawings of each kind are drawn, with replacement.
    weights = np.random.default_rng(SEED).multinomial(n, times / n, RESAMPLES)
    alphas = _alphas(weights.astype(float), counts)
    alphas = alphas[~np.isnan(alphas)]
    if not len(alphas):
        return None
    low, high = np.percentile(alphas, (2.5, 97.5))
    return float(low), float(high)


def _counted(kinds: Kinds) -> tuple[Floats, Floats]:
    """Tell kinds of units as numbers: how many units there are of each, float64 (kinds,); how often
    each answer was given in one and, in the last column, the sum over answers of its agreeing pairs
    ÷ (answers − 1), float64 (kinds, answers + 1)."""
    # A column for each answer that occurs, in alphabetical order.
    answers = sorted({answer for kind in kinds for answer in kind})
    columns = {answer: column for column, answer in enumerate(answers)}
    counts = np.zeros((len(kinds), len(columns) + 1))
    for kind_counts, kind in zip(counts, sorted(kinds), strict=True):
        for answer, count in Counter(kind).items():
            kind_counts[columns[answer]] = count
            # Pairs are ordered: `count` answers alike make count · (count − 1) of them.
            kind_counts[-1] += count * (count - 1) / (len(kind) - 1)
    return np.array([kinds[kind] for kind in sorted(kinds)], dtype=float), counts


def _alphas(weights: Floats, counts: Floats) -> Floats:
    """Compute α once for each row of `weights` (k, kinds), which says how often a unit of each kind
    of `counts` (kinds, answers + 1) counts; float64 (k,), NaN where there is none."""
    # Add up the units, each as often as it counts.
    sums = weights @ counts
    given, agreeing = sums[:, :-1], sums[:, -1]
    # All answers that have a pair, and the pairs that agree if answers are dealt out by chance.
    n = given.sum(axis=1)
    by_chance = (given * (given - 1)).sum(axis=1)
    # α = 1 − (n − 1) · (n − agreeing) ÷ (n · (n − 1) − by chance), as one fraction.
    with np.errstate(divide="ignore", invalid="ignore"):
        alphas: Floats = ((n - 1) * agreeing - by_chance) / (n * (n - 1) - by_chance)
    # Where nothing, or only one answer, was given the fraction is 0 ÷ 0.
    alphas[~np.isfinite(alphas)] = np.nan
    return alphas


class _Joined(Func):
    """The texts of some rows put together, with a comma between any two, in any order."""

    template = "%(function)s(%(expressions)s, ',')"
    function = "GROUP_CONCAT"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self.as_sql(compiler, connection, function="STRING_AGG")


def measured() -> Alpha:
    """Measure α over the newest `MOST_DRAWINGS` drawings that have two counted readings or more,
    among the `ATTEMPTS_SEARCHED` last submitted."""
    kinds: Kinds = Counter()
    for said, n in Counter(itertools.islice(_newest_units(), MOST_DRAWINGS)).items():
        kinds[tuple(sorted(said.split(",")))] += n
    low, high = interval(kinds) or (None, None)
    readings = sum(n * len(kind) for kind, n in kinds.items())
    return Alpha(alpha(kinds), low, high, kinds.total(), readings)


def _newest_units() -> Iterator[str]:
    """Yield the counted answers, with commas between them, of each drawing that has two or more,
    the newest drawings first; asks for as many as are likely to do, and then for more."""
    newest_first = Attempt.objects.order_by("-submitted_at")
    oldest = newest_first.values_list("submitted_at", flat=True)[
        ATTEMPTS_SEARCHED - 1 : ATTEMPTS_SEARCHED
    ].first()
    counted = Reading.objects.filter(
        attempt=OuterRef("pk"), answer__isnull=False, is_discounted=False
    )
    # Each looked up by itself: joined, PostgreSQL would rather read along all readings there are.
    said = Subquery(counted.order_by().values(said=_Joined("answer")))
    read = newest_first.filter(first_read_at__isnull=False)
    if oldest:
        read = read.filter(submitted_at__gte=oldest)
    found = read.annotate(said=said).values_list("said", flat=True)
    for start in range(0, ATTEMPTS_SEARCHED, MOST_DRAWINGS):
        page = list(found[start : start + MOST_DRAWINGS])
        yield from (unit for unit in page if unit and "," in unit)
        if len(page) < MOST_DRAWINGS:
            return
