"""How far readers agree with each other beyond chance: Krippendorff's α, and over which drawings it
is measured."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.models import Attempt, Reading

MOST_DRAWINGS = 2000  # the newest that α is measured over
ATTEMPTS_SEARCHED = 20_000  # the last submitted, among which they are looked for
RESAMPLES, SEED = 1000, 1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Alpha:
    """α with its 95 % interval, over how many drawings and how many readings of them; None where
    there is nothing to tell it from."""

    alpha: float | None
    low: float | None
    high: float | None
    drawings: int
    readings: int


def alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Compute Krippendorff's α for nominal values: 1 − observed ÷ expected disagreement.

    `units` are drawings, each the answers that it got, from anybody and in any order; those with
    fewer than two count for nothing. The result is 1 where all agree, about 0 where they agree as
    by chance, under 0 where less. None without pairs, and where only one answer was ever given,
    since then nothing tells agreement from habit.

    K. Krippendorff, “Computing Krippendorff's Alpha-Reliability”, 2011 (section C and its formula
    for nominal data).
    """
    [value] = _alphas(np.ones((1, 1)), _count_answers(units).sum(axis=0, keepdims=True))
    return None if np.isnan(value) else float(value)


def interval(units: Sequence[Sequence[str]]) -> tuple[float, float] | None:
    """Compute the 95 % interval of α for `units` as `alpha` takes them: the percentiles over
    `RESAMPLES` bootstrap samples of the drawings, with a fixed seed. None where no sample has an
    α."""
    counts = _count_answers(units)
    if not len(counts):
        return None
    # Each bootstrap sample is a row: how often each drawing is drawn, with replacement.
    weights = np.random.default_rng(SEED).multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), RESAMPLES
    )
    alphas = _alphas(weights.astype(float), counts)
    alphas = alphas[~np.isnan(alphas)]
    if not len(alphas):
        return None
    low, high = np.percentile(alphas, (2.5, 97.5))
    return float(low), float(high)


def _count_answers(units: Sequence[Sequence[str]]) -> Floats:
    """Count, for each unit of two answers or more, how often each answer was given and, in the last
    column, the sum over answers of its agreeing pairs ÷ (answers − 1); float64 (units, answers +
    1)."""
    paired = [unit for unit in units if len(unit) > 1]
    # A column for each answer that occurs, in alphabetical order.
    answers = sorted({answer for unit in paired for answer in unit})
    columns = {answer: column for column, answer in enumerate(answers)}
    counts = np.zeros((len(paired), len(columns) + 1))
    for unit_counts, unit in zip(counts, paired, strict=True):
        for answer, count in Counter(unit).items():
            unit_counts[columns[answer]] = count
            # Pairs are ordered: `count` answers alike make count · (count − 1) of them.
            unit_counts[-1] += count * (count - 1) / (len(unit) - 1)
    return counts


def _alphas(weights: Floats, counts: Floats) -> Floats:
    """Compute α once for each row of `weights` (k, units), which says how often each unit of
    `counts` (units, answers + 1) counts; float64 (k,), NaN where there is none."""
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


def measured() -> Alpha:
    """Measure α over the newest `MOST_DRAWINGS` drawings that have two counted readings or more,
    among the `ATTEMPTS_SEARCHED` last submitted."""
    oldest = (
        Attempt.objects.order_by("-submitted_at")
        .values_list("submitted_at", flat=True)[ATTEMPTS_SEARCHED - 1 : ATTEMPTS_SEARCHED]
        .first()
    )
    readings = Reading.objects.filter(
        attempt__isnull=False, answer__isnull=False, is_discounted=False
    )
    if oldest:
        readings = readings.filter(attempt__submitted_at__gte=oldest)
    answers: dict[uuid.UUID | None, list[str]] = defaultdict(list)
    for attempt_id, answer in readings.order_by("-attempt__submitted_at").values_list(
        "attempt", "answer"
    ):
        answers[attempt_id].append(answer or "")
    units = [unit for unit in answers.values() if len(unit) > 1][:MOST_DRAWINGS]
    low, high = interval(units) or (None, None)
    return Alpha(alpha(units), low, high, len(units), sum(map(len, units)))
