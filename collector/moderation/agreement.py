"""How far readers agree with each other beyond chance: Krippendorff's α, and over which drawings it
is told."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.models import Attempt, Reading

NEWEST = 2000  # drawings at most
AMONG = 20_000  # so many of the last submitted are looked at for them
RESAMPLES, SEED = 1000, 1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Alpha:
    """α of `readings` of `drawings` with its 95 % interval; None where there is nothing to tell it
    from."""

    alpha: float | None
    low: float | None
    high: float | None
    drawings: int
    readings: int


def alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's α for nominal values: 1 − observed ÷ expected disagreement. `units` are
    drawings, each the answers that it got, from anybody and in any order; those with fewer than two
    count for nothing.

    1 where all agree, about 0 where they do as by chance, under 0 where less. None without pairs,
    and where only one answer was ever given, since then nothing tells agreement from habit.

    K. Krippendorff, «Computing Krippendorff's Alpha-Reliability», 2011 (section C and its formula
    for nominal data).
    """
    [found] = _alphas(np.ones((1, 1)), _counted(units).sum(axis=0, keepdims=True))
    return None if np.isnan(found) else float(found)


def interval(units: Sequence[Sequence[str]]) -> tuple[float, float] | None:
    """The 95 % interval of α: percentiles over `RESAMPLES` bootstrap samples of the drawings, with
    a fixed seed."""
    counted = _counted(units)
    if not len(counted):
        return None
    drawn = np.random.default_rng(SEED).multinomial(
        len(counted), np.full(len(counted), 1 / len(counted)), RESAMPLES
    )
    found = _alphas(drawn.astype(float), counted)
    found = found[~np.isnan(found)]
    if not len(found):
        return None
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def _counted(units: Sequence[Sequence[str]]) -> Floats:
    """For each unit of two answers or more (a row), how often each answer was given and, last, the
    sum over answers of its agreeing pairs ÷ (answers − 1)."""
    paired = [unit for unit in units if len(unit) > 1]
    place = {
        answer: number
        for number, answer in enumerate(sorted({answer for unit in paired for answer in unit}))
    }
    rows = np.zeros((len(paired), len(place) + 1))
    for row, unit in zip(rows, paired, strict=True):
        for answer, count in Counter(unit).items():
            row[place[answer]] = count
            row[-1] += count * (count - 1) / (len(unit) - 1)
    return rows


def _alphas(weights: Floats, counted: Floats) -> Floats:
    """α of each row of `weights`, which says how often each unit counts; NaN where there is
    none."""
    sums = weights @ counted
    given, agreeing = sums[:, :-1], sums[:, -1]
    n = given.sum(axis=1)
    by_chance = (given * (given - 1)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = ((n - 1) * agreeing - by_chance) / (n * (n - 1) - by_chance)
    found[~np.isfinite(found)] = np.nan
    return found


def measured() -> Alpha:
    """α over the newest drawings that have two counted readings or more."""
    oldest = (
        Attempt.objects.order_by("-submitted_at")
        .values_list("submitted_at", flat=True)[AMONG - 1 : AMONG]
        .first()
    )
    readings = Reading.objects.filter(
        attempt__isnull=False, answer__isnull=False, is_discounted=False
    )
    if oldest:
        readings = readings.filter(attempt__submitted_at__gte=oldest)
    answers = defaultdict(list)
    for attempt, answer in readings.order_by("-attempt__submitted_at").values_list(
        "attempt", "answer"
    ):
        answers[attempt].append(answer or "")
    units = [unit for unit in answers.values() if len(unit) > 1][:NEWEST]
    low, high = interval(units) or (None, None)
    return Alpha(alpha(units), low, high, len(units), sum(map(len, units)))
