"""Who moderates and how well, for admins; here a pause is lifted and somebody let moderate."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from collector.errors import NotFound
from collector.forms import ReasonForm
from collector.models import Person
from collector.moderation import agreement, gold, trust
from collector.rules import verdicts
from collector.views.parts.access import for_admins
from collector.views.parts.buttons import Button, Forms, leads_back, number_of, with_a_form
from trainer import words
from trainer.learning.sentences import Sentence
from trainer.saying import number, say

Change = Callable[[Person, Person, str, int | None], None]
CHANGES: dict[str, tuple[Change, str]] = {
    "resume": (trust.resume, gettext_noop("{name} moderates again.")),
    "qualify": (trust.qualify, gettext_noop("{name} may moderate now.")),
}
CHIPS = {"paused": "held", "practising": "pending", "qualified": "verified"}


@with_a_form
@for_admins
def moderators(request: HttpRequest, admin: Person) -> HttpResponse:
    bound: Forms = {}
    buttons = {do: partial(_button, admin, *change) for do, change in CHANGES.items()}
    if leads_back(request, buttons, bound):
        return redirect("moderators")
    everybody = trust.moderator_figures()
    work = trust.reading_counts([figures.moderator for figures in everybody])
    tests = gold.qualification_test_count()
    pauses = trust.current_pauses()
    rows = [
        _row(figures, work[figures.moderator.pk], tests, bound)
        | {"seen": _seen(figures.moderator, work[figures.moderator.pk], pauses)}
        for figures in everybody
    ]
    context = {"rows": rows, "alpha": _alpha(agreement.measured())}
    return render(request, "pages/moderators.html", context)


def _button(admin: Person, change: Change, done: str, post: QueryDict) -> Button:
    """The button of a moderator. Raises NotFound for a name that nobody has."""
    name = post.get("moderator", "")
    moderator = None if "\0" in name else Person.objects.filter(username=name).first()
    if moderator is None:
        raise NotFound(Sentence("There is no such person."))

    seen_number = number_of(post.get("seen", ""))

    def act(why: str) -> str:
        change(moderator, admin, why, seen_number)
        return say(_(done), name=moderator.username)

    return Button(act, ReasonForm(post, prefix=_key(moderator)))


def _seen(moderator: Person, work: trust.ReadingCounts, pauses: dict[UUID, int]) -> int:
    """What its button was read at: the pause, or how many tens of practice drawings were read."""
    if moderator.is_moderation_paused:
        return pauses.get(moderator.pk, 0)
    return work.practice_count // verdicts.PRACTICE


def _key(moderator: Person) -> str:
    return f"moderator-{moderator.pk}"


def _row(
    figures: trust.ModeratorFigures, work: trust.ReadingCounts, tests: int, bound: Forms
) -> dict[str, object]:
    moderator, key = figures.moderator, _key(figures.moderator)
    practising = moderator.is_practising
    state = (
        "paused" if moderator.is_moderation_paused else "practising" if practising else "qualified"
    )
    used_up = practising and work.practice_count >= tests * verdicts.PRACTICE
    return {
        "name": moderator.username,
        "state": state,
        "chip": CHIPS[state],
        "urgent": moderator.is_moderation_paused or used_up,
        "practice": _practice(work.practice_count, used_up) if practising else "",
        "readings": number(work.reading_count),
        "agreement": words.share(figures.agreed_count, figures.settled_count),
        "agreement_of": say(
            _("{agreed:,} of {settled:,} settled"),
            agreed=figures.agreed_count,
            settled=figures.settled_count,
        )
        if figures.settled_count
        else "",
        "gold": words.share(figures.correct_gold_count, figures.gold_count),
        "gold_of": say(
            _("{correct:,} of {read:,} gold"),
            correct=figures.correct_gold_count,
            read=figures.gold_count,
        )
        if figures.gold_count
        else "",
        "seconds": "–" if figures.pace is None else say(_("{seconds:.1f} s"), seconds=figures.pace),
        "ambiguous": words.percent(figures.share(verdicts.AMBIGUOUS)),
        "junk": words.percent(figures.share(verdicts.JUNK)),
        "key": key,
        "form": bound.get(key) or ReasonForm(prefix=key),
    }


def _practice(practised: int, used_up: bool) -> str:
    if used_up:
        return _("has read all practice drawings and waits for you")
    if not practised:
        return _("has not begun to practise")
    whole, more = divmod(practised, verdicts.PRACTICE)
    return say(
        _("is at {more} of {of} practice drawings; of the {before} before, too many were wrong")
        if whole
        else _("is at {more} of {of} practice drawings"),
        more=more,
        of=verdicts.PRACTICE,
        before=whole * verdicts.PRACTICE,
    )


def _alpha(measured: agreement.Alpha) -> dict[str, str]:
    """Say α and its interval; both empty where there is too little to measure."""
    is_known = None not in (measured.alpha, measured.low, measured.high)
    readings = ngettext(
        "{n:,} reading of {drawings}", "{n:,} readings of {drawings}", measured.readings
    )
    return {
        "alpha": number(measured.alpha or 0, ".2f") if is_known else "",
        "interval": say(_("{low:.2f} to {high:.2f}"), low=measured.low, high=measured.high)
        if is_known
        else "",
        "of": say(readings, n=measured.readings, drawings=words.drawings(measured.drawings)),
    }
