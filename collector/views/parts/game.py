"""The game beside the draw page's pad, in words: today's challenge and its board, one's own day,
streak and next badge, and how far the next model is."""

import time
from datetime import UTC, datetime

from collector import words
from collector.models import Person
from collector.rules import badges, challenges
from collector.standings import progress, round_figures
from collector.standings import today as days

Said = dict[str, str | int]


def panel(person: Person, due: round_figures.Due) -> Said:
    """Say how the game stands for a person: what changes often, and what does so with a new trick
    alone."""
    return often(person, due) | seldom(person)


def often(person: Person, due: round_figures.Due, since: datetime | None = None) -> Said:
    """Say how somebody's day stands, what was confirmed `since` then, and how far the next model
    is; one query."""
    day = days.of_person(person, since)
    digit = challenges.digit_of(days.today())
    return {
        "person": str(person.pk),
        "now": int(time.time()),
        "digit": digit,
        "challenge": f"Trick it with {words.named(digit)}",
        "today": _today(day),
        "attempts": day.counts.attempt_count,
        "confirmed": f"{words.count(day.confirmed_count, 'trick')} of yours confirmed since your "
        "last visit."
        if day.confirmed_count
        else "",
        "confirmed_count": day.confirmed_count,
        "model": f"{words.count(due.missing, 'more verified trick')} to go"
        if due.missing
        else "its training starts soon",
        "have": min(due.have, due.need),
        "need": due.need,
    }


def _today(day: days.Day) -> str:
    """Say one's own day, as in “2 of 9 verified, 3 waiting to be read”."""
    counts = day.counts
    if not counts.attempt_count:
        return "nothing drawn yet"
    waiting = f"{counts.pending_count:,}" if counts.pending_count else "none"
    verified = f"{counts.verified_count:,} of {counts.attempt_count:,} verified"
    return f"{verified}, {waiting} waiting to be read"


def seldom(person: Person) -> Said:
    """Say somebody's streak and next badge, and who leads on the board of today's challenge."""
    facts = progress.facts_about(person)
    coming = badges.to_come(facts)
    return {
        "streak": f"{words.count(facts.streak.current, 'day')} in a row"
        if facts.streak.current
        else "begins with a drawing",
        "badge": coming[0].key if coming else "",
        "badge_name": coming[0].name if coming else "",
        "badge_lacking": f"{coming[0].lacking(facts)}." if coming else "",
        "board": _board(),
        "has_drawn": int(facts.streak.longest > 0),
    }


def _board() -> str:
    """Say who leads on the board of today's challenge, and how many are on it."""
    board = days.challenge_board(days.today())
    if not board:
        return "Nobody yet."
    first, people = board[0], words.count(len(board), "person", "people")
    waiting = words.waiting(sum(place.counts.pending_count for place in board))
    verified = first.counts.verified_count
    leads = (
        f"{first.username} leads with {verified:,} verified" if verified else "none verified yet"
    )
    return f"{people}, {leads}, {waiting}."


def moment(asked: str) -> datetime | None:
    """Return the moment that a page asks about, in seconds since 1970; None where it names none."""
    is_one = asked.isascii() and asked.isdigit() and len(asked) <= 10
    return datetime.fromtimestamp(int(asked), tz=UTC) if is_one else None
