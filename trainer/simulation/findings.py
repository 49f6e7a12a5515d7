"""What the runs of a study come to: means over its seeds with 95 % intervals, and how the arms
compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from scipy.stats import t as student

from trainer.learning.report import MNIST_TEST
from trainer.simulation.experiment import ARMS, EQUAL_DRAWINGS, Outcome, Row, Runs

WORDS = {
    "held_out": "held-out writers",
    "hard": "hard set",
    MNIST_TEST: "MNIST",
    "dynamic": "dynamic",
    "static": "static",
    "none": "none",
    EQUAL_DRAWINGS: "none, with as many drawings as dynamic",
}


@dataclass(frozen=True)
class Mean:
    """A mean of ``n`` seeds with its 95 % interval by Student's t; from one seed there is no
    interval."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def of_one_more(self) -> tuple[float, float] | None:
        """Between which values one seed more would lie, in 95 of 100 studies."""
        if self.high is None:
            return None
        half = (self.high - self.mean) * sqrt(self.n + 1)
        return self.mean - half, self.mean + half

    def as_percent(self, digits: int = 1) -> str:
        """Say it, as in “5.2 % (4.9 to 5.5)”."""
        text = f"{self.mean:.{digits}%}".replace("%", " %").replace("-", "−")
        if self.low is None or self.high is None:
            return text
        return f"{text} ({100 * self.low:.{digits}f} to {100 * self.high:.{digits}f})".replace(
            "-", "−"
        )


def mean_of(values: Sequence[float]) -> Mean:
    """Give the mean of at least one value, each from a seed of its own."""
    n, mean = len(values), fmean(values)
    if n == 1:
        return Mean(mean, None, None, 1)
    half = float(student.ppf(0.975, n - 1)) * stdev(values) / sqrt(n)
    return Mean(mean, mean - half, mean + half, n)


@dataclass(frozen=True)
class Point:
    """An arm after one round, over the seeds: means, and how many candidates the gate ``held``.

    ``tries_per_fool`` is None for round 1's model and where nobody is to be fooled; ``errors`` are
    shares by the set's name.
    """

    samples: Mean
    held: int
    drawings: Mean
    tries_per_fool: Mean | None
    errors: dict[str, Mean]


def error(row: Row, name: str) -> float:
    """Give the share that the row's model misreads of the set ``name``."""
    counted = row["errors"][name]
    return counted["wrong"] / counted["n"]


def curves(runs: Runs, arm: str) -> list[Point]:
    """Give a point for each round of the arm."""
    return [_point(rows) for rows in zip(*_rows(runs, arm), strict=True)]


def fewer_errors(runs: Runs, number: int, name: str, against: str) -> Mean | None:
    """Say by what share *dynamic* errs less on the set than the arm ``against`` after round
    ``number``, paired by seed: 1 - dynamic ÷ other. None where no seed has both."""
    shares = []
    for arms in runs.values():
        dynamic, other = (_at(arms.get(arm, []), number) for arm in ("dynamic", against))
        if dynamic and other and other["errors"][name]["wrong"]:
            shares.append(1 - error(dynamic, name) / error(other, name))
    return mean_of(shares) if shares else None


def mnist_loss(runs: Runs, arm: str) -> tuple[float, float]:
    """Say how far the arm's models are under round 1's on MNIST's test set, as shares: the most in
    any seed and round, and the most in a round's mean over the seeds."""
    by_seed = [
        [error(row, MNIST_TEST) - error(rows[0], MNIST_TEST) for row in rows]
        for rows in _rows(runs, arm)
    ]
    return max(map(max, by_seed)), max(fmean(losses) for losses in zip(*by_seed, strict=True))


def table(outcome: Outcome) -> Iterator[str]:
    """Tell what a study came to, as lines of Markdown: a table for each arm, then how the arms
    compare."""
    runs, stand_in = outcome["runs"], outcome["base"]["stand_in"]
    arms = [arm for arm in (*ARMS, EQUAL_DRAWINGS) if _rows(runs, arm)]
    if stand_in:
        yield from ("The base data are the stand-in for MNIST.", "")
    for arm in arms:
        yield from _arm(runs, arm)
    for number in outcome["plan"]["compared_at"]:
        yield from _comparisons(runs, number)
    for arm in arms:
        if arm != EQUAL_DRAWINGS and not stand_in:
            most, mean = mnist_loss(runs, arm)
            yield (
                f"- MNIST, {arm}: at most {100 * mean:.2f} points under round 1's model in a "
                f"round's mean, {100 * most:.2f} in any one model."
            )


def beside(one: Outcome, many: Outcome) -> Iterator[str]:
    """Put a study that was made in another way, as on the site, beside this one's seeds, as lines
    of Markdown: errors of each arm, and by what share *dynamic* errs less, at equally many
    samples; and whether one seed more would be likely to give as much.
    """
    rounds = [number for number in one["plan"]["compared_at"] if number]
    yield "| | here | offline | one seed more | |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for number in rounds:
        for name in ("held_out", "hard"):
            for arm in ARMS:
                yield from _beside(
                    f"{arm} errs after round {number}, {WORDS[name]}",
                    _error_at(one["runs"], arm, number, name),
                    _error_at(many["runs"], arm, number, name),
                )
            for against in ("none", "static"):
                yield from _beside(
                    f"fewer errors than in {against} after round {number}, {WORDS[name]}",
                    fewer_errors(one["runs"], number, name, against),
                    fewer_errors(many["runs"], number, name, against),
                )


def _error_at(runs: Runs, arm: str, number: int, name: str) -> Mean | None:
    rows = [_at(rows, number) for rows in _rows(runs, arm)]
    errors = [error(row, name) for row in rows if row]
    return mean_of(errors) if errors else None


def _beside(what: str, here: Mean | None, offline: Mean | None) -> Iterator[str]:
    if here is None or offline is None or offline.of_one_more is None:
        return
    low, high = offline.of_one_more
    likely = "likely" if low <= here.mean <= high else "**unlikely**"
    between = f"{100 * low:.1f} to {100 * high:.1f} %".replace("-", "−")
    yield f"| {what} | {here.as_percent()} | {offline.as_percent()} | {between} | {likely} |"


def _rows(runs: Runs, arm: str) -> list[list[Row]]:
    return [arms[arm] for arms in runs.values() if arm in arms]


def _at(rows: list[Row], number: int) -> Row | None:
    return next((row for row in rows if row["round"] == number), None)


def _point(rows: Sequence[Row]) -> Point:
    tries = [row["tries_per_fool"] for row in rows if row["tries_per_fool"] is not None]
    return Point(
        samples=mean_of([row["samples"] for row in rows]),
        held=sum(row["held"] for row in rows),
        drawings=mean_of([row["drawings"] for row in rows]),
        tries_per_fool=mean_of(tries) if tries else None,
        errors={name: mean_of([error(row, name) for row in rows]) for name in _sets(rows[0])},
    )


def _sets(row: Row) -> Iterator[str]:
    """Name the row's sets that hold anything: without MNIST there is no test set."""
    return (name for name, errors in row["errors"].items() if errors["n"])


def _arm(runs: Runs, arm: str) -> Iterator[str]:
    points = curves(runs, arm)
    seeds = points[0].drawings.n
    yield f"**{WORDS[arm]}**: errors, mean of {seeds} seed{'s' * (seeds > 1)} with 95 % interval"
    yield ""
    sets = " | ".join(WORDS[name] for name in points[0].errors)
    yield f"| samples | drawings | tries per fool | {sets} |"
    yield "| ---: | ---: | ---: |" + " ---: |" * len(points[0].errors)
    for point in points:
        tries = "–" if point.tries_per_fool is None else f"{point.tries_per_fool.mean:.1f}"
        errors = " | ".join(
            mean.as_percent(2 if name == MNIST_TEST else 1) for name, mean in point.errors.items()
        )
        yield f"| {point.samples.mean:,.0f} | {point.drawings.mean:,.0f} | {tries} | {errors} |"
    yield ""
    if held := sum(point.held for point in points):
        yield from (f"The gate held {held} of its candidates.", "")


def _comparisons(runs: Runs, number: int) -> Iterator[str]:
    for against, axis in (("none", "samples"), ("static", "samples"), (EQUAL_DRAWINGS, "drawings")):
        for name in ("held_out", "hard"):
            if fewer := fewer_errors(runs, number, name, against):
                yield (
                    f"- After round {number}, {WORDS[name]}: {fewer.as_percent(0)} fewer errors in "
                    f"dynamic than in {against.partition('_')[0]}, at equally many {axis}."
                )
