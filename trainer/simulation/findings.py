"""What the runs of a study come to: means over its seeds with 95 % intervals, and how the arms
compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from trainer.simulation.experiment import ARMS, EQUAL_DRAWINGS

Runs = dict[str, dict[str, list[dict[str, Any]]]]
"""By seed, then by arm: the rows that ``study.simulate`` gives."""
MNIST = "mnist_test"
WORDS = {
    "held_out": "held-out writers",
    "hard": "hard set",
    MNIST: "MNIST",
    "dynamic": "dynamic",
    "static": "static",
    "none": "none",
    EQUAL_DRAWINGS: "none, with as many drawings as dynamic",
}
_T_95 = (
    12.71,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
    2.228,
    2.201,
    2.179,
    2.160,
    2.145,
    2.131,
    2.120,
    2.110,
    2.101,
    2.093,
    2.086,
    2.080,
    2.074,
    2.069,
    2.064,
    2.060,
    2.056,
    2.052,
    2.048,
    2.045,
)
"""Student's t for 1–29 degrees of freedom, two-sided 5 % («Student», Biometrika 6, 1908); 1.96 beyond."""


@dataclass(frozen=True)
class Mean:
    """A mean of ``n`` seeds with its 95 % interval by Student's t; from one seed there is no
    interval."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def as_percent(self, digits: int = 1) -> str:
        """Such as «5.2 % (4.9 to 5.5)»."""
        text = f"{self.mean:.{digits}%}".replace("%", " %").replace("-", "−")
        if self.low is None or self.high is None:
            return text
        return f"{text} ({100 * self.low:.{digits}f} to {100 * self.high:.{digits}f})".replace(
            "-", "−"
        )


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of at least one value, each from a seed of its own."""
    n, mean = len(values), fmean(values)
    if n == 1:
        return Mean(mean, None, None, 1)
    half = (_T_95[n - 2] if n - 2 < len(_T_95) else 1.96) * stdev(values) / sqrt(n)
    return Mean(mean, mean - half, mean + half, n)


def error(row: dict[str, Any], name: str) -> float:
    """The share that the row's model misreads of the set ``name``."""
    counted = row["errors"][name]
    return float(counted["wrong"] / counted["n"])


def curves(runs: Runs, arm: str) -> list[dict[str, Any]]:
    """For each round of the arm: ``samples``, how many candidates the gate ``held``, and as
    ``Mean`` over the seeds ``drawings``, ``tries_per_fool`` (None for round 1's model) and the
    ``errors`` by set."""
    return [_point(rows) for rows in zip(*_rows(runs, arm), strict=True)]


def fewer_errors(runs: Runs, number: int, name: str, against: str) -> Mean | None:
    """By what share *dynamic* errs less on the set than the arm ``against`` after round ``number``,
    paired by seed: 1 - dynamic ÷ other. None where no seed has both."""
    shares = []
    for arms in runs.values():
        mine, other = (_at(arms.get(arm, []), number) for arm in ("dynamic", against))
        if mine and other and other["errors"][name]["wrong"]:
            shares.append(1 - error(mine, name) / error(other, name))
    return mean_of(shares) if shares else None


def mnist_loss(runs: Runs, arm: str) -> tuple[float, float]:
    """How far the arm's models are under round 1's on MNIST's test set, as shares: the most in any
    seed and round, and the most in a round's mean over the seeds."""
    by_seed = [
        [error(row, MNIST) - error(rows[0], MNIST) for row in rows] for rows in _rows(runs, arm)
    ]
    return max(map(max, by_seed)), max(fmean(losses) for losses in zip(*by_seed, strict=True))


def table(found: dict[str, Any]) -> Iterator[str]:
    """What ``study.run`` found, as lines of Markdown: a table for each arm, then how the arms
    compare."""
    runs: Runs = found["runs"]
    arms = [arm for arm in (*ARMS, EQUAL_DRAWINGS) if _rows(runs, arm)]
    if found["base"]["stand_in"]:
        yield from ("The base data are the stand-in for MNIST.", "")
    for arm in arms:
        yield from _arm(runs, arm)
    for number in found["plan"]["compared_at"]:
        yield from _comparisons(runs, number)
    for arm in arms:
        if arm != EQUAL_DRAWINGS and not found["base"]["stand_in"]:
            most, mean = mnist_loss(runs, arm)
            yield (
                f"- MNIST, {arm}: at most {100 * mean:.2f} points under round 1's model in a "
                "round's mean, "
                f"{100 * most:.2f} in any one model."
            )


def _rows(runs: Runs, arm: str) -> list[list[dict[str, Any]]]:
    return [arms[arm] for arms in runs.values() if arm in arms]


def _at(rows: list[dict[str, Any]], number: int) -> dict[str, Any] | None:
    return next((row for row in rows if row["round"] == number), None)


def _point(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    tries = [row["tries_per_fool"] for row in rows if row["tries_per_fool"] is not None]
    return {
        "samples": mean_of([row["samples"] for row in rows]),
        "held": sum(row["held"] for row in rows),
        "drawings": mean_of([row["drawings"] for row in rows]),
        "tries_per_fool": mean_of(tries) if tries else None,
        "errors": {
            name: mean_of([error(row, name) for row in rows]) for name, one in _sets(rows[0])
        },
    }


def _sets(row: dict[str, Any]) -> Iterator[tuple[str, dict[str, int]]]:
    """The row's sets that hold anything: without MNIST there is no test set."""
    return ((name, one) for name, one in row["errors"].items() if one["n"])


def _arm(runs: Runs, arm: str) -> Iterator[str]:
    points = curves(runs, arm)
    seeds = points[0]["drawings"].n
    yield f"**{WORDS[arm]}**: errors, mean of {seeds} seed{'s' * (seeds > 1)} with 95 % interval"
    yield ""
    yield (
        "| samples | drawings | tries per fool | "
        + " | ".join(WORDS[name] for name in points[0]["errors"])
        + " |"
    )
    yield "| ---: | ---: | ---: |" + " ---: |" * len(points[0]["errors"])
    for point in points:
        tries = "–" if point["tries_per_fool"] is None else f"{point['tries_per_fool'].mean:.1f}"
        errors = " | ".join(
            one.as_percent(2 if name == MNIST else 1) for name, one in point["errors"].items()
        )
        yield (
            f"| {point['samples'].mean:,.0f} | {point['drawings'].mean:,.0f} | {tries} | {errors} |"
        )
    yield ""
    if held := sum(point["held"] for point in points):
        yield from (f"The gate held {held} of its candidates.", "")


def _comparisons(runs: Runs, number: int) -> Iterator[str]:
    for against, axis in (("none", "samples"), ("static", "samples"), (EQUAL_DRAWINGS, "drawings")):
        for name in ("held_out", "hard"):
            if fewer := fewer_errors(runs, number, name, against):
                yield (
                    f"- After round {number}, {WORDS[name]}: {fewer.as_percent(0)} fewer "
                    "errors in dynamic than in "
                    f"{against.partition('_')[0]}, at equally many {axis}."
                )
