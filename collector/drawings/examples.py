"""Drawings for the guidelines: what a reading should be, shown by what has settled.

Never what is hidden gold, whose answer would be known then, nor what somebody has yet to practise
on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from collector.drawings import public
from collector.models import ORIGINAL, Attempt, Gold, Person
from collector.rules import verdicts
from trainer.models import Round

A_KIND = 10
TRICKS_SEARCHED = 200  # the best, of which each digit's best is shown
ROUNDS_SEARCHED = 50  # the newest
Stroke = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """A drawing, how it should be read, and what the model took it for where it was fooled."""

    strokes: list[Stroke]
    width: int
    answer: str
    taken_for: int | None = None


@dataclass(frozen=True)
class Examples:
    """Drawings that are digits, digits that fooled the model, ambiguous ones, and junk."""

    plain: list[Example]
    tricks: list[Example]
    ambiguous: list[Example]
    junk: list[Example]


def examples(moderator: Person) -> Examples:
    """Return examples for this moderator, each kind in at most `A_KIND`."""
    practice = _practice(moderator)
    return Examples(
        plain=_one_of_each(practice),
        tricks=_tricks(),
        ambiguous=_no_digit(Attempt.Status.AMBIGUOUS, verdicts.AMBIGUOUS, practice),
        junk=_no_digit(Attempt.Status.REJECTED, verdicts.JUNK, practice),
    )


def _practice(moderator: Person) -> list[Example]:
    """Return the practice drawings; of somebody who still practises, what they have read."""
    drawings = Gold.objects.filter(is_practice=True)
    if moderator.is_practising:
        read = moderator.readings.filter(answer__isnull=False, gold__is_practice=True)
        drawings = drawings.filter(pk__in=read.values("gold"))
    return [Example(each.strokes, each.width, each.answer) for each in drawings.order_by("pk")]


def _one_of_each(practice: Iterable[Example]) -> list[Example]:
    by_digit = {each.answer: each for each in practice if each.answer in verdicts.DIGITS}
    return [by_digit[digit] for digit in sorted(by_digit)]


def _tricks() -> list[Example]:
    """Return of each digit the best public fool, if it is among the best of all."""
    best = public.best().values_list("target_label", "pk")[:TRICKS_SEARCHED]
    first = dict(reversed(list(best)))
    fools = Attempt.objects.filter(pk__in=first.values()).order_by("target_label")
    return [
        Example(fool.strokes, fool.width, str(fool.target_label), fool.predicted_label)
        for fool in fools
    ]


def _no_digit(status: str, answer: str, practice: Iterable[Example]) -> list[Example]:
    """Return drawings that settled so lately and undisputedly; practice drawings where there are
    too few."""
    newest = Round.objects.order_by("-pk").values_list("pk", flat=True)[:ROUNDS_SEARCHED]
    settled = (
        Attempt.objects.filter(round__in=list(newest), status=status, removed_at=None)
        .filter(ORIGINAL, gold=None, appeal=None)
        .exclude(drawer__in=Person.objects.hidden())
        .order_by("-settled_at")
        .values_list("pk", flat=True)[:A_KIND]
    )
    found = Attempt.objects.filter(pk__in=list(settled)).order_by("-settled_at")
    of_study = [Example(each.strokes, each.width, answer) for each in found]
    shipped = [each for each in practice if each.answer == answer]
    return [*of_study, *shipped][:A_KIND]
