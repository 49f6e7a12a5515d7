"""The moderator's page. It tells nothing of any drawing that counts: the script gets each from the
API, blind. Practice comes first, and what it came to is told here."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector.models import Person, Reading
from collector.moderation import gold
from collector.rules import verdicts, words
from collector.views.parts import pictures
from collector.views.parts.access import for_moderators

BREAK_EVERY = 50  # readings


@require_safe
@for_moderators
def moderate(request: HttpRequest, person: Person) -> HttpResponse:
    """Practice drawings until somebody is qualified, told before (unless `?go`) and after each ten
    (`?result`)."""
    practice = (
        gold.qualification_progress(person)
        if person.is_practising or "result" in request.GET
        else None
    )
    if (
        practice
        and practice.last
        and ("result" in request.GET or _is_told(person, practice, "go" in request.GET))
    ):
        return render(request, "pages/practice.html", _result(person, practice))
    if practice and not practice.read and "go" not in request.GET and person.is_practising:
        return render(
            request, "pages/practice.html", {"of": verdicts.PRACTICE, "least": verdicts.LEAST_RIGHT}
        )
    under_way = (
        {"done": len(practice.under_way), "of": verdicts.PRACTICE}
        if practice and person.is_practising
        else None
    )
    return render(
        request,
        "pages/moderate.html",
        {"digits": range(10), "practice": under_way, "break_every": BREAK_EVERY},
    )


def _is_told(person: Person, practice: gold.QualificationProgress, goes_on: bool) -> bool:
    """Whether what a ten came to is told unasked: before the next one begins, and for good once
    there is none."""
    return person.is_practising and not practice.under_way and (practice.used_up or not goes_on)


def _result(person: Person, practice: gold.QualificationProgress) -> dict[str, object]:
    wrong = [_wrong(reading) for reading in practice.last if not reading.is_correct]
    return {
        "of": verdicts.PRACTICE,
        "least": verdicts.LEAST_RIGHT,
        "right": len(practice.last) - len(wrong),
        "wrong": wrong,
        "qualified": not person.is_practising,
        "used_up": practice.used_up,
        "wrong_words": words.count(len(wrong), "drawing"),
    }


def _wrong(reading: Reading) -> dict[str, object]:
    gold = reading.drawing
    answer = reading.gold.answer if reading.gold else ""
    return {
        "picture": pictures.Picture(pictures.path(gold.strokes), gold.width),
        "is": _named(answer),
        "read": _named(reading.answer or ""),
    }


def _named(answer: str) -> str:
    return words.named(int(answer)) if answer in verdicts.DIGITS else answer
