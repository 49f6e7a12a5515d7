"""The game beside the draw page's pad, in words: today's challenge and its board, one's own day,
streak and next badge, and how far the next model is."""

import time
from datetime import UTC, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector import limits
from collector.models import Person
from collector.rules import badges, challenges
from collector.standings import progress, round_figures
from collector.standings import today as days
from trainer import words
from trainer.saying import say, told

Said = dict[str, str | int]


def panel(person: Person, due: round_figures.Due) -> Said:
    """Say how the game stands for a person: what changes often, and what does so with a new trick
    alone."""
    return often(person, due) | seldom(person)


def thanks(person: Person) -> Said:
    """Say, to somebody who is told no verdict, what they drew today; one query."""
    drawn = days.drawn_count(person)
    said = say(_("Thank you: drawing {n:,} of today."), n=drawn) if drawn else _("Draw a digit.")
    return {"person": str(person.pk), "thanks": said}


def often(person: Person, due: round_figures.Due, since: datetime | None = None) -> Said:
    """Say how somebody's day stands, what was confirmed `since` then, and how far the next model
    is; one query."""
    day = days.of_person(person, since)
    digit = challenges.digit_of(days.today())
    return {
        "person": str(person.pk),
        "now": int(time.time()),
        "digit": digit,
        "challenge": say(_("Trick it with {digit}"), digit=words.named(digit)),
        "today": _today(day),
        "attempts": day.counts.attempt_count,
        "confirmed": _confirmed(day.confirmed_count),
        "confirmed_count": day.confirmed_count,
        "model": _due(due.missing),
        "have": min(due.have, due.need),
        "need": due.need,
    }


def _confirmed(count: int) -> str:
    confirmed = ngettext(
        "{n:,} trick of yours confirmed since your last visit.",
        "{n:,} tricks of yours confirmed since your last visit.",
        count,
    )
    return say(confirmed, n=count) if count else ""


def _due(missing: int) -> str:
    if not missing:
        return _("its training starts soon")
    to_go = ngettext("{n:,} more verified trick to go", "{n:,} more verified tricks to go", missing)
    return say(to_go, n=missing)


def _today(day: days.Day) -> str:
    """Say one's own day, as in “2 of 9 tricks verified, 3 waiting to be read”."""
    counts = day.counts
    if not counts.attempt_count:
        return _("nothing drawn yet")
    if not counts.fooled_count:
        return say(_("{drawings}, no trick yet"), drawings=words.drawings(counts.attempt_count))
    verified = ngettext(
        "{verified:,} of {tricks:,} trick verified, {waiting}",
        "{verified:,} of {tricks:,} tricks verified, {waiting}",
        counts.fooled_count,
    )
    return say(
        verified,
        verified=counts.verified_count,
        tricks=counts.fooled_count,
        waiting=words.waiting(counts.pending_count),
    )


def seldom(person: Person) -> Said:
    """Say somebody's streak and next badge, who leads on the board of today's challenge, and, where
    few more of their tricks may wait to be read, how many."""
    facts = progress.facts_about(person)
    coming = badges.to_come(facts)
    room = limits.little_room(person)
    return {
        "room": told(room) if room else "",
        "streak": words.days(facts.streak.current)
        if facts.streak.current
        else _("begins with a drawing"),
        "badge": coming[0].key if coming else "",
        "badge_name": told(coming[0].name) if coming else "",
        "badge_lacking": f"{told(coming[0].lacking(facts))}." if coming else "",
        "board": _board(person),
        "has_drawn": int(facts.streak.longest > 0),
    }


def _board(person: Person) -> str:
    """Tell a person who leads on the board of today's challenge, and how many are on it."""
    board = days.challenge_board(days.today(), person.arm)
    if not board:
        return _("Nobody yet.")
    first = board[0]
    verified = first.counts.verified_count
    if not verified:
        leads = _("{people}, none verified yet, {waiting}.")
    elif first.username == person.username:
        leads = _("{people}, you lead with {verified:,} verified, {waiting}.")
    else:
        leads = _("{people}, {name} leads with {verified:,} verified, {waiting}.")
    return say(
        leads,
        people=words.people(len(board)),
        name=first.username,
        verified=verified,
        waiting=words.waiting(sum(place.counts.pending_count for place in board)),
    )


def moment(asked: str) -> datetime | None:
    """Return the moment that a page asks about, in seconds since 1970; None where it names none."""
    is_one = asked.isascii() and asked.isdigit() and len(asked) <= 10
    return datetime.fromtimestamp(int(asked), tz=UTC) if is_one else None
