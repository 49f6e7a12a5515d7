"""The rule that lets a candidate open a round: plain reports in, a verdict with reasons out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.learning.report import GATE_BASE, Count, PairedTest, Report, TestSet
from trainer.learning.sentences import Sentence

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
    reasons = [] if finite else [Sentence("The candidate's weights or answers are not finite.")]
    measured, first = candidate.of(GATE_BASE), round_one.of(GATE_BASE)
    if not measured.n or not first.n:
        reasons.append(
            Sentence(
                "There is no report on {set} to compare the candidate with round 1 by.",
                set=GATE_BASE,
            )
        )
    elif measured.n != first.n:
        reasons.append(
            Sentence(
                "The reports are on different images: {n} for the candidate, {first_n} for "
                "round 1.",
                n=measured.n,
                first_n=first.n,
            )
        )
    else:
        reasons += _under(measured, first, MOST_POINTS_UNDER, Sentence("base images"))
        for digit, (count, first_count) in enumerate(
            zip(measured.per_digit, first.per_digit, strict=True)
        ):
            reasons += _under(
                count,
                first_count,
                MOST_POINTS_UNDER_ON_A_DIGIT,
                Sentence("base images of the digit {digit}", digit=digit),
            )
    reasons += [reason for test, pairs in paired.items() for reason in _forgot(test, pairs)]
    return Verdict(not reasons, tuple(reasons))


def _under(measured: Count, first: Count, most: int, what: Sentence) -> list[Sentence]:
    """Say why the candidate is held, if it is. Compared by counts, in integers: a float would put
    the exact boundary on either side."""
    n = measured.n
    if 100 * (first.correct - measured.correct) <= most * n:
        return []
    points = 100 * (first.correct - measured.correct) / n
    return [
        Sentence(
            "The candidate reads {correct} of {n} {what} correctly ({share:.2f}%), {points:.2f} "
            "points under round 1's {first_correct} ({first_share:.2f}%); at most {most} is "
            "allowed.",
            correct=measured.correct,
            n=n,
            what=what,
            share=100 * (measured.correct / n),
            points=points,
            first_correct=first.correct,
            first_share=100 * (first.correct / n),
            most=most,
        )
    ]


def _forgot(test: TestSet, pairs: PairedTest) -> list[Sentence]:
    if pairs.n < FEWEST_PAIRS or pairs.lost <= pairs.gained or pairs.p >= SIGNIFICANT:
        return []
    return [
        Sentence(
            "Of the {n} test samples “{set}”, the candidate lost {lost} that the target model "
            "reads correctly and gained {gained} (exact McNemar test, p = {p:.3f}).",
            n=pairs.n,
            set=test.name,
            lost=pairs.lost,
            gained=pairs.gained,
            p=pairs.p,
        )
    ]
