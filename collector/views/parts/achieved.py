"""Streak and badges in words."""

from collector.models import Person
from collector.rules import badges, words
from collector.standings import leaderboards, progress

SHOWN_TO_COME = 3


def told(person: Person, *, own: bool) -> dict[str, object]:
    """What a person has earned; for himself also what comes next, and how far it is."""
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
    """«4 days in a row, the longest 9»; nothing before the first drawing, and for others nothing of
    a single day."""
    if streak.longest < (1 if own else 2):
        return ""
    longest = f"{words.count(streak.longest, 'day')} in a row at the longest"
    if not streak.current:
        return f"{longest[0].upper()}{longest[1:]}."
    if streak.current == streak.longest:
        return f"{words.count(streak.current, 'day')} in a row, and going on."
    return f"{words.count(streak.current, 'day')} in a row, and going on; {longest}."


def summary(tally: leaderboards.AttemptCounts) -> str:
    """A person's drawings in one sentence."""
    if not tally.attempt_count:
        return "No drawings yet."
    told = (
        f"{words.count(tally.attempt_count, 'drawing')}: {tally.fooled_count:,} fooled the model, "
        f"{tally.verified_count:,} verified"
    )
    return f"{told}, {words.waiting(tally.pending_count)}."
