"""The rule that lets a candidate open a round: plain reports in, a verdict with reasons out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.learning.report import GATE_BASE, Count, PairedTest, Report, TestSet

MOST_POINTS_UNDER = 1
MOST_POINTS_UNDER_ON_A_DIGIT = 3
FEWEST_PAIRS = 50
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Verdict:
    """Whether to promote, and if not, every reason as a sentence. ``reasons`` is empty exactly when
    ``promote``."""

    promote: bool
    reasons: tuple[str, ...]


def decide(
    candidate: Report, round_one: Report, paired: Mapping[TestSet, PairedTest], finite: bool
) -> Verdict:
    """Judge a candidate's report beside the first round's, both measured now and on the same sets.

    ``paired`` compares it with the target model on earlier rounds' test samples. Held when the
    weights are not ``finite``; when either report has nothing to compare on ``GATE_BASE``; when the
    candidate is there more than one percentage point under round 1, or more than three on any
    digit; or when it lost significantly more of a set of at least 50 than it gained. Exactly one,
    or three, points under is not held.
    """
    reasons = [] if finite else ["The candidate's weights or answers are not finite."]
    measured, first = candidate.of(GATE_BASE), round_one.of(GATE_BASE)
    if not measured.n or not first.n:
        reasons.append(
            f"There is no report on {GATE_BASE} to compare the candidate with round 1 by."
        )
    elif measured.n != first.n:
        reasons.append(
            f"The reports are on different images: {measured.n} for the candidate, {first.n} "
            "for round 1."
        )
    else:
        reasons += _under(measured, first, MOST_POINTS_UNDER, "base images")
        for digit, (count, first_count) in enumerate(
            zip(measured.per_digit, first.per_digit, strict=True)
        ):
            reasons += _under(
                count,
                first_count,
                MOST_POINTS_UNDER_ON_A_DIGIT,
                f"base images of the digit {digit}",
            )
    reasons += [reason for test, pairs in paired.items() for reason in _forgot(test, pairs)]
    return Verdict(not reasons, tuple(reasons))


def _under(measured: Count, first: Count, most: int, what: str) -> list[str]:
    """Say why the candidate is held, if it is. Compared by counts, in integers: a float would put
    the exact boundary on either side."""
    n = measured.n
    if 100 * (first.correct - measured.correct) <= most * n:
        return []
    points = 100 * (first.correct - measured.correct) / n
    return [
        f"The candidate reads {measured.correct} of {n} {what} correctly "
        f"({measured.correct / n:.2%}), {points:.2f} points under round 1's {first.correct} "
        f"({first.correct / n:.2%}); at most {most} is allowed."
    ]


def _forgot(test: TestSet, pairs: PairedTest) -> list[str]:
    if pairs.n < FEWEST_PAIRS or pairs.lost <= pairs.gained or pairs.p >= SIGNIFICANT:
        return []
    return [
        f"Of the {pairs.n} test samples “{test.name}”, the candidate lost {pairs.lost} that the "
        f"target model reads correctly and gained {pairs.gained} (exact McNemar test, "
        f"p = {pairs.p:.3f})."
    ]
