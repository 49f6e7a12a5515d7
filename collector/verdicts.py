"""The pure rules of moderation: readings in, status out. Nothing here knows a database or a person."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.learning.evaluate import wilson

DIGITS = tuple(str(digit) for digit in range(10))
AMBIGUOUS, JUNK = "ambiguous", "junk"
ANSWERS = (*DIGITS, AMBIGUOUS, JUNK)
FULL_CREDITS = 2
FEWEST_TO_JUDGE_BY, LEAST_AGREEMENT = 30, 0.7


@dataclass(frozen=True)
class Outcome:
    """How an attempt settled: its status and, where it becomes a sample, the digit it is kept under."""

    status: str
    label: int | None

    @property
    def answer(self) -> str:
        """The reading that it bears out."""
        if self.label is not None:
            return str(self.label)
        return AMBIGUOUS if self.status == "ambiguous" else JUNK


def settle(target: int, fooled: bool, readings: Sequence[str], quorum: int) -> Outcome | None:
    """The outcome of `readings` (oldest first) of an attempt at `target`, or None while they leave it open.

    The first `quorum` readings all equal to the target settle it. Otherwise a reading that 2·quorum of at most
    2·quorum + 1 agree on does.
    """
    if len(readings) >= quorum and all(reading == str(target) for reading in readings[:quorum]):
        return outcome(target, fooled, str(target))
    for reading, votes in Counter(readings[: _most(quorum)]).items():
        if votes >= 2 * quorum:
            return outcome(target, fooled, reading)
    return None


def wanted(target: int, readings: Sequence[str], quorum: int) -> int:
    """The fewest further readings that could settle an open attempt; 0 where none could, and an admin decides."""
    if len(readings) < quorum and all(reading == str(target) for reading in readings):
        return quorum - len(readings)
    leading = max(Counter(readings).values())
    lacking = 2 * quorum - leading
    return lacking if len(readings) + lacking <= _most(quorum) else 0


def outcome(target: int, fooled: bool, answer: str) -> Outcome:
    """What an agreed answer means for an attempt at `target` that did or did not fool its model."""
    if answer == AMBIGUOUS:
        return Outcome("ambiguous", None)
    if answer == JUNK:
        return Outcome("rejected", None)
    if answer == str(target):
        return Outcome("verified" if fooled else "not_fooled", target)
    return Outcome("corrected", int(answer))


def credit(status: str, alike: int) -> float:
    """What an attempt that settles earns on the leaderboard. `alike` of the drawer's earlier attempts in the round are
    verified fools of the same digit, taken for the same other: after `FULL_CREDITS` such, another earns half."""
    if status != "verified":
        return 0.0
    return 1.0 if alike < FULL_CREDITS else 0.5


def trusted(agreed: int, settled: int) -> bool:
    """Whether a moderator goes on, of whose last `settled` readings `agreed` say what the drawing settled as: not where
    at least `FEWEST_TO_JUDGE_BY` put the lower bound of the 95 % interval under `LEAST_AGREEMENT`."""
    return settled < FEWEST_TO_JUDGE_BY or wilson(agreed, settled)[0] >= LEAST_AGREEMENT


def _most(quorum: int) -> int:
    return 2 * quorum + 1
