"""Streak and badges in words."""

from collector import words
from collector.models import Person
from collector.rules import badges
from collector.standings import leaderboards, progress

SHOWN_TO_COME = 3


def achievements(person: Person, *, own: bool) -> dict[str, object]:
    """Say what a person has earned, and on their `own` page what comes next and how far it is."""
    facts = progress.facts_about(person)
    coming = badges.to_come(facts)[:SHOWN_TO_COME] if own else []
    return {
        "badges": [_badge(badge) for badge in badges.earned(facts)],
        "badges_to_come": [_badge(badge) | {"lacking": badge.lacking(facts)} for badge in coming],
        "streak": _streak(facts.streak, own),
    }


def _badge(badge: badges.Badge) -> dict[str, str]:
    return {"key": badge.key, "name": badge.name, "what": badge.what}


def _streak(streak: badges.Streak, own: bool) -> str:
    """Say a streak, as in “4 days in a row, and going on; 9 days in a row at the longest.”; nothing
    before the first drawing, and to others nothing of a single day."""
    if streak.longest < (1 if own else 2):
        return ""
    longest = f"{words.count(streak.longest, 'day')} in a row at the longest"
    if not streak.current:
        return f"{longest[0].upper()}{longest[1:]}."
    if streak.current == streak.longest:
        return f"{words.count(streak.current, 'day')} in a row, and going on."
    return f"{words.count(streak.current, 'day')} in a row, and going on; {longest}."


def summary(counts: leaderboards.AttemptCounts) -> str:
    """Say a person's drawings in one sentence."""
    if not counts.attempt_count + counts.copy_count:
        return "No drawings yet."
    return (
        f"{words.count(counts.attempt_count, 'drawing')}: {counts.fooled_count:,} fooled the "
        f"model, {counts.verified_count:,} verified, {words.waiting(counts.pending_count)}"
        f"{words.copies(counts.copy_count)}."
    )
