"""Streak and badges in words."""

from django.utils.translation import gettext as _

from collector.models import Person, is_told
from collector.rules import badges
from collector.standings import leaderboards, progress
from trainer import words
from trainer.saying import say, told

SHOWN_TO_COME = 3


def achievements(person: Person, *, own: bool) -> dict[str, object]:
    """Say what a person has earned, and on their `own` page what comes next and how far it is;
    nothing of somebody who is told no verdict."""
    if not is_told(person.arm):
        return {}
    facts = progress.facts_about(person)
    coming = badges.to_come(facts)[:SHOWN_TO_COME] if own else []
    return {
        "badges": [_badge(badge) for badge in badges.earned(facts)],
        "badges_to_come": [
            _badge(badge) | {"lacking": told(badge.lacking(facts))} for badge in coming
        ],
        "streak": _streak(facts.streak, own),
    }


def _badge(badge: badges.Badge) -> dict[str, str]:
    return {"key": badge.key, "name": told(badge.name), "what": told(badge.what)}


def _streak(streak: badges.Streak, own: bool) -> str:
    """Say a streak, as in “4 days in a row, and going on; 9 days in a row at the longest.”; nothing
    before the first drawing, and to others nothing of a single day."""
    if streak.longest < (1 if own else 2):
        return ""
    current, longest = words.days(streak.current), words.days(streak.longest)
    if not streak.current:
        return say(_("{days} at the longest."), days=longest)
    if streak.current == streak.longest:
        return say(_("{days}, and going on."), days=current)
    return say(_("{days}, and going on; {longest} at the longest."), days=current, longest=longest)


def own_summary(person: Person) -> str:
    """Say a person's drawings in one sentence, as far as they are told of them."""
    counts = leaderboards.counts_of([person])[person.pk]
    if not is_told(person.arm):
        drawn = words.drawings(counts.attempt_count + counts.copy_count)
        return say(_("{drawings}, kept for the study."), drawings=drawn)
    return summary(counts)


def summary(counts: leaderboards.AttemptCounts) -> str:
    """Say a person's drawings in one sentence."""
    if not counts.attempt_count + counts.copy_count:
        return _("No drawings yet.")
    return say(
        _("{drawings}: {fooled:,} fooled the model, {verified:,} verified, {waiting}{copies}."),
        drawings=words.drawings(counts.attempt_count),
        fooled=counts.fooled_count,
        verified=counts.verified_count,
        waiting=words.waiting(counts.pending_count),
        copies=words.copies(counts.copy_count),
    )
