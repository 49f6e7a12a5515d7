"""The rule that lets a candidate open a round: plain reports in, a verdict with reasons out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_POINTS_UNDER = 1
GATE_SET = "gate_base"


@dataclass(frozen=True)
class Verdict:
    """Whether to promote, and if not, every reason as a sentence. ``reasons`` is empty exactly when ``promote``."""

    promote: bool
    reasons: tuple[str, ...]


def decide(candidate: dict[str, Any], round_one: dict[str, Any], finite: bool) -> Verdict:
    """Judge a candidate's report beside the first round's, both as ``evaluate`` makes them, now and on the same sets.

    Held when the weights are not ``finite``, when either report has nothing to compare on ``gate_base``, or when the
    candidate is more than one percentage point under round 1 there. Exactly one point under is not held.
    """
    reasons = [] if finite else ["The candidate's weights or answers are not finite."]
    reasons += _accuracy(candidate, round_one)
    return Verdict(not reasons, tuple(reasons))


def _accuracy(candidate: dict[str, Any], round_one: dict[str, Any]) -> list[str]:
    """Compared by counts, in integers: a float would put the exact boundary on either side."""
    mine, first = (report.get("sets", {}).get(GATE_SET) or {"n": 0} for report in (candidate, round_one))
    n = mine["n"]
    if not n or not first["n"]:
        return [f"There is no report on {GATE_SET} to compare the candidate with round 1 by."]
    if n != first["n"]:
        return [f"The reports are on different images: {n} for the candidate, {first['n']} for round 1."]
    if 100 * (first["correct"] - mine["correct"]) <= MOST_POINTS_UNDER * n:
        return []
    points = 100 * (first["correct"] - mine["correct"]) / n
    return [
        f"The candidate reads {mine['correct']} of {n} base images right ({mine['correct'] / n:.2%}), "
        f"{points:.2f} points under round 1's {first['correct']} ({first['correct'] / n:.2%}); "
        f"at most {MOST_POINTS_UNDER} is allowed."
    ]
