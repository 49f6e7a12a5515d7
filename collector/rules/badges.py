"""Streaks and badges: pure rules over a few facts. Nothing here knows a database; none is for
volume alone."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

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
    name: str
    what: str
    earned: Callable[[Facts], bool]
    lacking: Callable[[Facts], str]


def _of(have: int, need: int) -> str:
    return f"{have} of {need}"


def _missing(facts: Facts) -> str:
    return "Still missing: " + ", ".join(map(str, sorted(DIGITS - facts.digits)))


def _read_well(facts: Facts) -> bool:
    return facts.settled_count >= READINGS and facts.agreed_count >= AGREED * facts.settled_count


def _readings(facts: Facts) -> str:
    if facts.settled_count < READINGS:
        return _of(facts.settled_count, READINGS)
    return f"{facts.agreed_count:,} of {facts.settled_count:,} agree so far"


BADGES = (
    Badge(
        "first",
        "First trick",
        "A first verified trick.",
        lambda f: f.fool_count > 0,
        lambda f: "None yet",
    ),
    Badge(
        "taught",
        "Teacher",
        "A drawing that a model was trained on, or that later models are measured with.",
        lambda f: f.has_taught,
        lambda f: "Comes with the next model after a verified trick",
    ),
    Badge(
        "pioneer",
        "Pioneer",
        "The first ever to show a mistake: this digit, taken for that one.",
        lambda f: f.pioneered_count > 0,
        lambda f: "There are ninety such mistakes to show",
    ),
    Badge(
        "digits",
        "All ten",
        "A verified trick with every digit.",
        lambda f: f.digits >= DIGITS,
        _missing,
    ),
    Badge(
        "round",
        "Hot round",
        "Ten verified tricks in one round.",
        lambda f: f.best_round_count >= IN_A_ROUND,
        lambda f: f"Best so far: {_of(f.best_round_count, IN_A_ROUND)}",
    ),
    Badge(
        "week",
        "Seven days",
        "At least one drawing on each of seven days in a row.",
        lambda f: f.streak.longest >= DAYS,
        lambda f: f"Longest so far: {_of(f.streak.longest, DAYS)}",
    ),
)
STEADY = Badge(
    "steady",
    "Steady eye",
    "A hundred settled readings, of which 95 in 100 say what the drawing settled as.",
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
