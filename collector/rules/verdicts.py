"""The pure rules of moderation: readings in, status out. Nothing here knows a database or a
person."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TypeVar

from trainer.learning.sentences import Sentence

DIGITS = tuple(str(digit) for digit in range(10))
AMBIGUOUS, JUNK = "ambiguous", "junk"
ANSWERS = (*DIGITS, AMBIGUOUS, JUNK)
IN_WORDS = {AMBIGUOUS: Sentence("ambiguous"), JUNK: Sentence("junk")}
FULL_CREDITS = 2
FEWEST_TO_JUDGE_BY, LEAST_AGREEMENT = 30, 0.7
MOST_DEVIATIONS = NormalDist().inv_cdf(0.975)  # of the score test, two-sided at 5 %
VOICES_FOR_GOLD = 3
FEWEST_TO_DOUBT_BY = 5
PRACTICE, LEAST_RIGHT = 10, 8
PRACTICE_MIX = {"digit": 8, AMBIGUOUS: 1, JUNK: 1}
LAST_GIVEN, MOST_OF_ONE_DRAWER = 20, 5
Drawer = TypeVar("Drawer", bound=Hashable)


@dataclass(frozen=True)
class Outcome:
    """How an attempt settled: its status and, where it becomes a sample, the digit it is kept
    under."""

    status: str
    label: int | None

    @property
    def answer(self) -> str:
        """The answer that a reading had to give to agree with it."""
        if self.label is not None:
            return str(self.label)
        return AMBIGUOUS if self.status == "ambiguous" else JUNK


def settle(target: int, fooled: bool, readings: Sequence[str], quorum: int) -> Outcome | None:
    """Return the outcome of an attempt at `target` by the answers of its `readings`, oldest first;
    None while they leave it open.

    The first `quorum` readings all equal to the target settle it. Otherwise a reading that 2·quorum
    of at most 2·quorum + 1 agree on does.
    """
    if len(readings) >= quorum and all(reading == str(target) for reading in readings[:quorum]):
        return outcome(target, fooled, str(target))
    for reading, votes in Counter(readings[: _most(quorum)]).items():
        if votes >= 2 * quorum:
            return outcome(target, fooled, reading)
    return None


def readings_needed(target: int, readings: Sequence[str], quorum: int) -> int:
    """Return the fewest further readings that could settle an open attempt; 0 where none could, and
    an admin decides."""
    if len(readings) < quorum and all(reading == str(target) for reading in readings):
        return quorum - len(readings)
    leading = max(Counter(readings).values())
    lacking = 2 * quorum - leading
    return lacking if len(readings) + lacking <= _most(quorum) else 0


def outcome(target: int, fooled: bool, answer: str) -> Outcome:
    """Return what an agreed answer means for an attempt at `target` that did or did not fool its
    model."""
    if answer == AMBIGUOUS:
        return Outcome("ambiguous", None)
    if answer == JUNK:
        return Outcome("rejected", None)
    if answer == str(target):
        return Outcome("verified" if fooled else "not_fooled", target)
    return Outcome("corrected", int(answer))


def credit(status: str, alike: int, original: bool = True) -> float:
    """Return what an attempt that settles earns on the leaderboard: 0, 0.5 or 1; a near-duplicate,
    which is no `original`, earns nothing.

    `alike` of the drawer's earlier attempts in the round are verified fools of the same digit,
    taken for the same other: after `FULL_CREDITS` such, another earns half.
    """
    if status != "verified" or not original:
        return 0.0
    return 1.0 if alike < FULL_CREDITS else 0.5


def trusted(agreed: int, settled: int) -> bool:
    """Whether a moderator goes on, of whose last `settled` readings `agreed` say what the drawing
    settled as.

    Not where there are `FEWEST_TO_JUDGE_BY` and the lower bound of Wilson's 95 % interval is under
    `LEAST_AGREEMENT`: where the score test rejects that share, as the interval is made of those
    that it does not. scipy is not asked, which workers would keep in memory for ever.
    """
    if settled < FEWEST_TO_JUDGE_BY:
        return True
    deviation = sqrt(LEAST_AGREEMENT * (1 - LEAST_AGREEMENT) / settled)
    return agreed / settled - LEAST_AGREEMENT >= MOST_DEVIATIONS * deviation


def gold(target: int, predicted: int, status: str, readings: Sequence[str]) -> str | None:
    """Return the answer of an attempt that settled beyond doubt; None where there is any doubt.

    All counted `readings` say the same, and at least `VOICES_FOR_GOLD` voices do, where the
    drawer's target and the model's prediction are voices too. Never a verified fool: those are
    shown in public.
    """
    if status == "verified" or len(set(readings)) != 1:
        return None
    answer = readings[0]
    voices = len(readings) + (answer == str(target)) + (answer == str(predicted))
    return answer if voices >= VOICES_FOR_GOLD else None


def doubtful(right: int, read: int) -> bool:
    """Whether a gold drawing is to be given to nobody any more: fewer than half of the moderators
    who read it, at least `FEWEST_TO_DOUBT_BY`, gave its answer."""
    return read >= FEWEST_TO_DOUBT_BY and 2 * right < read


def practice_left(answers: Sequence[str]) -> set[str]:
    """Return the answers that the next of ten practice drawings may have, where those so far had
    these `answers`."""
    counts = Counter(_kind(answer) for answer in answers)
    return {answer for answer in ANSWERS if counts[_kind(answer)] < PRACTICE_MIX[_kind(answer)]}


def practice_tens(answers: Sequence[str]) -> int:
    """Count the tens, each in the fixed mix, that practice drawings with these `answers` are enough
    for."""
    counts = Counter(_kind(answer) for answer in answers)
    return min(counts[kind] // of_each for kind, of_each in PRACTICE_MIX.items())


def qualifies(right: int) -> bool:
    """Whether somebody with so many of ten practice drawings right may read other people's."""
    return right >= LEAST_RIGHT


def too_often(drawers: Sequence[Drawer]) -> set[Drawer]:
    """Return those who drew more than `MOST_OF_ONE_DRAWER` of the `LAST_GIVEN` drawings that a
    moderator was given; `drawers` are whose those were, newest first."""
    counts = Counter(drawers[:LAST_GIVEN])
    return {drawer for drawer, count in counts.items() if count > MOST_OF_ONE_DRAWER}


def _kind(answer: str) -> str:
    return "digit" if answer in DIGITS else answer


def _most(quorum: int) -> int:
    return 2 * quorum + 1
