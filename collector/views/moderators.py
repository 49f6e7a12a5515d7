"""Who moderates and how well, for admins; a suspension is lifted and somebody let moderate here."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from collector.errors import Conflict, NotFound, Refused
from collector.forms import ReasonForm
from collector.models import Person
from collector.moderation import agreement, gold
from collector.moderation import trust as rules
from collector.rules import verdicts, words
from collector.views.parts.access import for_admins
from trainer.learning.evaluate import wilson

Change = Callable[[Person, Person, str], None]
CHANGES: dict[str, tuple[Change, str]] = {
    "lift": (rules.resume, "{} moderates again."),
    "qualify": (rules.qualify, "{} may moderate now."),
}
CHIPS = {"suspended": "held", "practising": "pending", "qualified": "verified"}


@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def moderators(request: HttpRequest, admin: Person) -> HttpResponse:
    bound: dict[str, ReasonForm] = {}
    if request.method == "POST":
        if request.POST.get("do", "") not in CHANGES:
            raise Refused("This page has no such button.")
        done = _change(request, admin, bound)
        if done:
            messages.success(request, done)
            return redirect("moderators")
    everybody = rules.everybody()
    work, tens = rules.work([one.moderator for one in everybody]), gold.qualification_test_count()
    return render(
        request,
        "pages/moderators.html",
        {
            "rows": [_row(one, work[one.moderator.pk], tens, bound) for one in everybody],
            "alpha": _alpha(agreement.measured()),
        },
    )


def _change(request: HttpRequest, admin: Person, bound: dict[str, ReasonForm]) -> str:
    """Do what the button says; what was done, or "" with the refusal beside the form (in `bound`)
    or as a message."""
    moderator = Person.objects.filter(username=request.POST.get("moderator", "")).first()
    if moderator is None:
        raise NotFound("There is no such person.")
    form = bound[_key(moderator)] = ReasonForm(request.POST, prefix=_key(moderator))
    if not form.is_valid():
        return ""
    change, done = CHANGES[request.POST["do"]]
    try:
        change(moderator, admin, form.cleaned_data["why"])
    except Conflict as refusal:
        messages.error(request, refusal.message)
        return ""
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return ""
    return done.format(moderator.username)


def _key(moderator: Person) -> str:
    return f"moderator-{moderator.pk}"


def _row(
    one: rules.Agreement, work: rules.ReadingCounts, tens: int, bound: dict[str, ReasonForm]
) -> dict[str, Any]:
    moderator, key = one.moderator, _key(one.moderator)
    practising = moderator.is_practising
    state = (
        "suspended"
        if moderator.is_moderation_paused
        else "practising"
        if practising
        else "qualified"
    )
    used_up = practising and work.practised >= tens * verdicts.PRACTICE
    return {
        "name": moderator.username,
        "state": state,
        "chip": CHIPS[state],
        "urgent": moderator.is_moderation_paused or used_up,
        "practice": _practice(work.practised, used_up) if practising else "",
        "readings": f"{work.readings:,}",
        "agreement": _share(one.agreed_count, one.settled_count),
        "agreement_of": f"{one.agreed_count:,} of {one.settled_count:,} settled"
        if one.settled_count
        else "",
        "gold": _share(one.correct_gold_count, one.gold_count),
        "gold_of": f"{one.correct_gold_count:,} of {one.gold_count:,} gold"
        if one.gold_count
        else "",
        "seconds": "–" if one.pace is None else f"{one.pace:.1f} s",
        "ambiguous": words.percent(one.share(verdicts.AMBIGUOUS)),
        "junk": words.percent(one.share(verdicts.JUNK)),
        "key": key,
        "form": bound.get(key) or ReasonForm(prefix=key),
    }


def _practice(practised: int, used_up: bool) -> str:
    if used_up:
        return "has read all practice drawings and waits for you"
    if not practised:
        return "has not begun to practise"
    whole, more = divmod(practised, verdicts.PRACTICE)
    earlier = f"; of the {whole * verdicts.PRACTICE} before, too many were wrong" if whole else ""
    return f"is at {more} of {verdicts.PRACTICE} practice drawings{earlier}"


def _share(count: int, of: int) -> str:
    low, high = wilson(count, of) if of else (0.0, 1.0)
    return words.interval(count / of if of else None, low, high)


def _alpha(found: agreement.Alpha) -> dict[str, str]:
    """α in words; without a figure where nothing tells it."""
    told = found.alpha is not None and found.low is not None and found.high is not None
    return {
        "alpha": f"{found.alpha:.2f}" if told else "",
        "interval": f"{found.low:.2f} to {found.high:.2f}" if told else "",
        "of": f"{words.count(found.readings, 'reading')} of "
        f"{words.count(found.drawings, 'drawing')}",
    }
