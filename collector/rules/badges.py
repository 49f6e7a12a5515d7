"""Streaks and badges: pure rules over a few facts. Nothing here knows a database; none is for
volume alone."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from trainer.learning.sentences import Sentence

DIGITS = frozenset(range(10))
IN_A_ROUND = 10
DAYS = 7
READINGS, AGREED = 100, 0.95
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Streak:
    """Days in a row with at least one drawing: the row that is going on, and the longest ever."""

    current: int = 0
    longest: int = 0


def streak(days: Collection[date], today: date) -> Streak:
    """Return the streak of somebody who drew on `days`. It goes on until a whole day has passed
    without a drawing."""
    lengths = list(_lengths(set(days)))
    last = max(days, default=None)
    going_on = last is not None and last >= today - _DAY
    return Streak(lengths[-1] if going_on else 0, max(lengths, default=0))


def _lengths(days: set[date]) -> Iterator[int]:
    """The lengths of all rows of days, oldest first."""
    for first in sorted(day for day in days if day - _DAY not in days):
        length = 1
        while first + length * _DAY in days:
            length += 1
        yield length


@dataclass(frozen=True)
class Facts:
    """What badges are given for, of one person.

    `fool_count` are verified fools that earned credit, `digits` which digits they were,
    `best_round_count` the most in one round. `pioneered_count` is how many confusions (this digit
    taken for that) they were the first to show; `has_taught` whether a model was trained on a
    drawing of theirs, or is measured with one. `agreed_count` of their `settled_count` readings of
    settled drawings say what the drawing settled as.
    """

    fool_count: int = 0
    digits: frozenset[int] = field(default_factory=frozenset)
    best_round_count: int = 0
    pioneered_count: int = 0
    has_taught: bool = False
    streak: Streak = field(default_factory=Streak)
    is_moderator: bool = False
    settled_count: int = 0
    agreed_count: int = 0


@dataclass(frozen=True)
class Badge:
    """A badge: the key of its mark, its name, and what it is for; `earned` says whether somebody
    has it, `lacking` what is missing until then."""

    key: str
    name: Sentence
    what: Sentence
    earned: Callable[[Facts], bool]
    lacking: Callable[[Facts], Sentence]


def _missing(facts: Facts) -> Sentence:
    digits = ", ".join(map(str, sorted(DIGITS - facts.digits)))
    return Sentence("Still missing: {digits}", digits=digits)


def _read_well(facts: Facts) -> bool:
    return facts.settled_count >= READINGS and facts.agreed_count >= AGREED * facts.settled_count


def _readings(facts: Facts) -> Sentence:
    if facts.settled_count < READINGS:
        return Sentence("{have} of {need}", have=facts.settled_count, need=READINGS)
    return Sentence(
        "{agreed:,} of {settled:,} agree so far",
        agreed=facts.agreed_count,
        settled=facts.settled_count,
    )


BADGES = (
    Badge(
        "first",
        Sentence("First trick"),
        Sentence("A first verified trick."),
        lambda f: f.fool_count > 0,
        lambda f: Sentence("None yet"),
    ),
    Badge(
        "taught",
        Sentence("Teacher"),
        Sentence("A drawing that a model was trained on, or that later models are measured with."),
        lambda f: f.has_taught,
        lambda f: Sentence("Comes with the next model after a verified trick"),
    ),
    Badge(
        "pioneer",
        Sentence("Pioneer"),
        Sentence("The first ever to show a mistake: this digit, taken for that one."),
        lambda f: f.pioneered_count > 0,
        lambda f: Sentence("There are ninety such mistakes to show"),
    ),
    Badge(
        "digits",
        Sentence("All ten"),
        Sentence("A verified trick with every digit."),
        lambda f: f.digits >= DIGITS,
        _missing,
    ),
    Badge(
        "round",
        Sentence("Hot round"),
        Sentence("Ten verified tricks in one round."),
        lambda f: f.best_round_count >= IN_A_ROUND,
        lambda f: Sentence(
            "Best so far: {have} of {need}", have=f.best_round_count, need=IN_A_ROUND
        ),
    ),
    Badge(
        "week",
        Sentence("Seven days"),
        Sentence("At least one drawing on each of seven days in a row."),
        lambda f: f.streak.longest >= DAYS,
        lambda f: Sentence("Longest so far: {have} of {need}", have=f.streak.longest, need=DAYS),
    ),
)
STEADY = Badge(
    "steady",
    Sentence("Steady eye"),
    Sentence("A hundred settled readings, of which 95 in 100 say what the drawing settled as."),
    _read_well,
    _readings,
)


def earned(facts: Facts) -> list[Badge]:
    """Return the badges that somebody has."""
    return [badge for badge in _open_to(facts) if badge.earned(facts)]


def to_come(facts: Facts) -> list[Badge]:
    """Return the badges that somebody can still earn, in the order in which people mostly do."""
    return [badge for badge in _open_to(facts) if not badge.earned(facts)]


def _open_to(facts: Facts) -> tuple[Badge, ...]:
    """A moderator's badge is for moderators, and for whoever has earned it."""
    return (*BADGES, STEADY) if facts.is_moderator or STEADY.earned(facts) else BADGES
