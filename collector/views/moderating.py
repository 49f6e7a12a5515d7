"""The moderator's page. It says nothing of any drawing that counts: the script gets each from the
API, blind. Practice comes first, and its result is shown here."""

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
    """Give practice drawings until somebody is qualified, with a page before the first (unless
    `?go`) and one after each ten (`?result`)."""
    practice = (
        gold.qualification_progress(person)
        if person.is_practising or "result" in request.GET
        else None
    )
    if (
        practice
        and practice.last
        and ("result" in request.GET or _is_shown_unasked(person, practice, "go" in request.GET))
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


def _is_shown_unasked(person: Person, practice: gold.QualificationProgress, goes_on: bool) -> bool:
    """Whether the result of a ten is shown unasked: before the next ten begins, and for good once
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
    drawing = reading.drawing
    answer = reading.gold.answer if reading.gold else ""
    return {
        "picture": pictures.Picture(pictures.path(drawing.strokes), drawing.width),
        "is": _named(answer),
        "read": _named(reading.answer or ""),
    }


def _named(answer: str) -> str:
    return words.named(int(answer)) if answer in verdicts.DIGITS else answer
