"""The rule that lets a candidate open a round: plain reports in, a verdict with reasons out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_POINTS_UNDER = 1
MOST_POINTS_UNDER_ON_A_DIGIT = 3
GATE_SET = "gate_base"
FEWEST_PAIRS = 50
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Verdict:
    """Whether to promote, and if not, every reason as a sentence. ``reasons`` is empty exactly when
    ``promote``."""

    promote: bool
    reasons: tuple[str, ...]


def decide(
    candidate: dict[str, Any],
    round_one: dict[str, Any],
    paired: Mapping[str, Mapping[str, Any]],
    finite: bool,
) -> Verdict:
    """Judge a candidate's report beside the first round's, both as ``evaluate`` makes them, now and
    on the same sets.

    ``paired`` compares it with the target model on earlier rounds' test samples, as
    ``evaluate.paired`` does, by the set's name. Held when the weights are not ``finite``; when
    either report has nothing to compare on ``gate_base``; when the candidate is there more than one
    percentage point under round 1, or more than three on any digit; or when it lost significantly
    more of a set of at least 50 than it gained. Exactly one, or three, points under is not held.
    """
    reasons = [] if finite else ["The candidate's weights or answers are not finite."]
    mine, first = (
        report.get("sets", {}).get(GATE_SET) or {"n": 0} for report in (candidate, round_one)
    )
    if not mine["n"] or not first["n"]:
        reasons.append(
            f"There is no report on {GATE_SET} to compare the candidate with round 1 by."
        )
    elif mine["n"] != first["n"]:
        reasons.append(
            f"The reports are on different images: {mine['n']} for the candidate, {first['n']} "
            "for round 1."
        )
    else:
        reasons += _under(mine, first, MOST_POINTS_UNDER, "base images")
        for digit, (part, first_part) in enumerate(
            zip(mine["per_digit"], first["per_digit"], strict=True)
        ):
            reasons += _under(
                part, first_part, MOST_POINTS_UNDER_ON_A_DIGIT, f"base images of the digit {digit}"
            )
    reasons += [said for name, pairs in paired.items() for said in _forgot(name, pairs)]
    return Verdict(not reasons, tuple(reasons))


def _under(mine: Mapping[str, int], first: Mapping[str, int], most: int, what: str) -> list[str]:
    """Compared by counts, in integers: a float would put the exact boundary on either side."""
    n = mine["n"]
    if 100 * (first["correct"] - mine["correct"]) <= most * n:
        return []
    points = 100 * (first["correct"] - mine["correct"]) / n
    return [
        f"The candidate reads {mine['correct']} of {n} {what} right "
        f"({mine['correct'] / n:.2%}), {points:.2f} points "
        f"under round 1's {first['correct']} ({first['correct'] / n:.2%}); at most {most} is "
        "allowed."
    ]


def _forgot(name: str, pairs: Mapping[str, Any]) -> list[str]:
    if pairs["n"] < FEWEST_PAIRS or pairs["lost"] <= pairs["gained"] or pairs["p"] >= SIGNIFICANT:
        return []
    return [
        f"Of the {pairs['n']} test samples «{name}», the candidate lost {pairs['lost']} that "
        "the target model reads "
        f"right and gained {pairs['gained']} (exact McNemar test, p = {pairs['p']:.3f})."
    ]
