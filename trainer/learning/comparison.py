"""How far the models of two arms of a study differ in what they misread, and how sure that is.

Drawings of one person are alike, on both sides. So the people of the common test drawings are drawn
again, whole (the cluster bootstrap: A. C. Davison and D. V. Hinkley, “Bootstrap Methods and their
Application”, 1997; one person fewer than there are, without which the variance is too small:
J. N. K. Rao and C. F. J. Wu, Journal of the American Statistical Association 83, 1988). Models that
other people of the arm would have made are asked too: seeds alone say nothing of who came.

Test people and trainings are crossed. Of the trainings only what makes one better or worse for all
test people is added: how it suits some of them is in the first part already, and counted twice it
makes the interval too wide (A. B. Owen, “The pigeonhole bootstrap”, Annals of Applied Statistics 1,
2007). The two add up with F. E. Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
FEWEST_PEOPLE, FEWEST_TRAININGS = 5, 3  # with fewer no interval is given
_SEEN = (
    1.959964 + 0.841621
)  # standard errors that a difference is away to be told in 4 of 5 studies
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Trained:
    """What an arm's models misread of the common test drawings: `whole`, bool (seeds, n), of models
    that differ by their seed alone; `again`, bool (trainings, n), of models whose seed and people
    were drawn again. All on the same drawings, in one order, at one checkpoint."""

    whole: Bools
    again: Bools


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its 95 % interval and its standard error, and of that the part
    that more people would not make smaller; None where too few people or trainings are there."""

    value: float
    low: float | None = None
    high: float | None = None
    error: float | None = None
    of_seeds: float | None = None

    @property
    def is_sure(self) -> bool:
        """Whether it is told from zero."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    @property
    def seen(self) -> float | None:
        """The smallest true difference that a study of this size tells from zero in four of five
        cases (H. S. Bloom, “Minimum detectable effects”, Evaluation Review 19, 1995)."""
        return None if self.error is None else _SEEN * self.error

    def times_to_see(self, difference: float) -> float | None:
        """Return how many times as many people, each drawing as much as those so far, tell a true
        `difference` from zero in four of five cases: 1 where these do. None where no number would,
        or where it cannot be said."""
        if self.error is None or self.of_seeds is None:
            return None
        left = (difference / _SEEN) ** 2 - self.of_seeds**2
        return max(1.0, (self.error**2 - self.of_seeds**2) / left) if left > 0 else None


def error(arm: Trained, people: Sequence[object], seed: int) -> Interval:
    """Give the share of the test drawings that an arm's models misread; `people` says of each
    drawing whose it is."""
    return _estimate([(1, arm)], people, seed)


def difference(arm: Trained, than: Trained, people: Sequence[object], seed: int) -> Interval:
    """Give the share that the models of an arm misread, less that of another's: below zero the
    first err less. `people` says of each drawing whose it is."""
    return _estimate([(1, arm), (-1, than)], people, seed)


def _estimate(arms: list[tuple[int, Trained]], people: Sequence[object], seed: int) -> Interval:
    # How often each drawing is misread, of one training: the mean over seeds, with the arm's sign.
    misread = sum((sign * arm.whole.mean(axis=0) for sign, arm in arms), np.zeros(len(people)))
    value = float(misread.mean())
    drawn = _DrawnAgain(people, seed)
    fewest = min(len(arm.again) for _, arm in arms)
    if drawn.people_count < FEWEST_PEOPLE or fewest < FEWEST_TRAININGS:
        return Interval(value)
    of_test = float(drawn.means(misread[None]).var(ddof=1))
    of_trainings = [_of_trainings(arm.again, drawn) for _, arm in arms]
    of_seeds = [
        min(_of_trainings(arm.whole, drawn), training)
        for (_, arm), training in zip(arms, of_trainings, strict=True)
    ]
    variance = of_test + sum(of_trainings)
    # Satterthwaite: the variance squared, by each part squared over its own degrees of freedom.
    parts = [(of_test, drawn.people_count - 1)]
    parts += [(part, len(arm.again) - 1) for part, (_, arm) in zip(of_trainings, arms, strict=True)]
    spread = sum(part**2 / freedom for part, freedom in parts)
    half = _student(variance**2 / spread) * variance**0.5 if spread else 0.0
    return Interval(value, value - half, value + half, variance**0.5, sum(of_seeds) ** 0.5)


def _of_trainings(misread: Bools, drawn: _DrawnAgain) -> float:
    """Give the variance of one training's error that is the same for all test people: that of the
    errors, less what other test people add to it."""
    if len(misread) < 2:
        return 0.0
    there = float(misread.mean(axis=1).var(ddof=1))
    with_others = float(drawn.means(misread).var(axis=0, ddof=1).mean())
    return max(0.0, there - (with_others - there))


class _DrawnAgain:
    """The people of the test drawings, drawn again DRAWS times, one fewer than there are."""

    def __init__(self, people: Sequence[object], seed: int) -> None:
        places: dict[object, int] = {}
        self._whose = np.array([places.setdefault(person, len(places)) for person in people], int)
        self.people_count = len(places)
        if self.people_count < 2:
            return
        even = np.full(self.people_count, 1 / self.people_count)
        rng = np.random.default_rng(seed)
        self._times = rng.multinomial(self.people_count - 1, even, DRAWS).astype(float)
        self._sizes = self._times @ np.bincount(self._whose)

    def means(self, rows: Floats | Bools) -> Floats:
        """Give the mean of each row, (k, n), over each draw's drawings: (k, DRAWS)."""
        sums = np.stack([np.bincount(self._whose, row, self.people_count) for row in rows])
        means: Floats = (sums @ self._times.T) / self._sizes
        return means


def _student(freedom: float) -> float:
    """Give how many standard errors hold 95 %."""
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


def people_again(people: NDArray[np.int64], count: int, rng: np.random.Generator) -> Places:
    """Draw people again, whole, from those who drew some samples, until they have `count`; of the
    last one only as many as are missing. Gives the places of the samples, some more than once."""
    whose = [np.flatnonzero(people == person) for person in np.unique(people)]
    found: list[Places] = []
    while (left := count - sum(map(len, found))) > 0:
        found.append(rng.permutation(whose[rng.integers(len(whose))])[:left])
    return np.concatenate(found)
