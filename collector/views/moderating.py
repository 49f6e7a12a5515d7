"""The moderators' pages. The one where they read has the drawings that they hold, as blind as the
API, which its script asks for more. Practice comes first, and its result is shown there. What
became of their readings, and the guidelines, are pages of their own."""

import json

from django.core.paginator import Paginator
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from collector.drawings import examples
from collector.models import Person, Reading
from collector.moderation import gold, own_readings, queue
from collector.people.notices import PAUSED
from collector.rules import verdicts
from collector.views.parts import charts, pictures
from collector.views.parts.access import for_moderators, for_readers
from trainer import saying, words
from trainer.learning.evaluate import wilson
from trainer.saying import number, say

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
        {
            "digits": range(10),
            "practice": under_way,
            "break_every": BREAK_EVERY,
            "held_json": json.dumps(
                [queue.shown(lease) for lease in queue.leases(person)], cls=DjangoJSONEncoder
            ),
            "now": timezone.now().isoformat(),
            "waiting": "" if under_way else _waiting(own_readings.waiting_count(person)),
        },
    )


def _waiting(count: int) -> str:
    """Say how many wait, in tens as `_roughly` does; nothing where none do."""
    if not count:
        return ""
    return _("under 10 wait") if count < 10 else say(_("about {n:,} wait"), n=_in_tens(count))


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
        "wrong_words": words.drawings(len(wrong)),
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
    if answer in verdicts.DIGITS:
        return words.named(int(answer))
    return saying.told(verdicts.IN_WORDS[answer]) if answer else ""


@require_safe
@for_readers
def my_readings(request: HttpRequest, person: Person) -> HttpResponse:
    """Show moderators what they read and what it became; with `?otherwise`, of the latter what
    settled as something else than they read."""
    is_otherwise = "otherwise" in request.GET
    told = own_readings.told(person)
    if is_otherwise:
        told = told.filter(is_correct=False)
    page = Paginator(told, pictures.DRAWINGS_A_PAGE).get_page(request.GET.get("page"))
    weeks = own_readings.weeks(person)
    counts = own_readings.counts(person)
    context = {
        "figures": [
            {"says": _("read today"), "value": number(counts.today)},
            {"says": _("read this week, from Monday"), "value": number(weeks[-1].reading_count)},
            {"says": _("read in all"), "value": number(counts.ever)},
            {"says": _("waiting for you"), "value": _roughly(own_readings.waiting_count(person))},
        ],
        "page": page,
        "items": [_became(reading) for reading in page.object_list],
        "is_otherwise": is_otherwise,
        "query": "otherwise&" if is_otherwise else "",
        "paused": saying.told(PAUSED) if person.is_moderation_paused else "",
        "is_practising": person.is_practising,
    }
    return render(request, "pages/my_readings.html", context | _agreement(weeks))


def _roughly(count: int) -> str:
    """Say how many wait, in tens: who reads alone could tell by the exact number that a drawing
    was gold."""
    if not count:
        return _("none")
    return _("under 10") if count < 10 else say(_("about {n:,}"), n=_in_tens(count))


def _in_tens(count: int) -> int:
    return 10 * round(count / 10)


def _became(reading: Reading) -> dict[str, object]:
    """Tell a reading, and what the drawing settled as."""
    attempt = own_readings.settled_as(reading)
    settled = verdicts.Outcome(attempt.status, attempt.settled_label).answer
    return {
        "picture": None if attempt.removed_at else pictures.picture(attempt),
        "read": _named(reading.answer or ""),
        "settled": _named(settled),
        "agrees": reading.answer == settled,
    }


def _agreement(weeks: list[own_readings.Week]) -> dict[str, object]:
    """Tell how many readings a week there were, and how often they say what the drawing settled
    as; all of it together first."""
    told_count = sum(week.told_count for week in weeks)
    agreed_count = sum(week.agreed_count for week in weeks)
    rows = [
        {
            "week": date_format(week.begins_at, "SHORT_DATE_FORMAT"),
            "readings": number(week.reading_count),
            "agreement": words.share(week.agreed_count, week.told_count),
            "of": words.count_of(week.agreed_count, week.told_count) if week.told_count else "",
        }
        for week in weeks
    ]
    shares = [
        (week.agreed_count / week.told_count, *wilson(week.agreed_count, week.told_count))
        if week.told_count
        else None
        for week in weeks
    ]
    says = [say(_("Week of {week}: {agreement}, {of}"), **row) for row in rows]
    read = [say(_("Week of {week}: {readings} read"), **row) for row in rows]
    return {
        "weeks": rows[::-1],
        "begins": date_format(weeks[0].begins_at, "MONTH_DAY_FORMAT"),
        "has_read": any(week.reading_count for week in weeks),
        "marks": charts.marks(shares, says),
        "columns": charts.columns([week.reading_count for week in weeks], read),
        "agreement": words.share(agreed_count, told_count),
        "agreement_of": say(
            _("{agreed:,} of {told:,} readings"), agreed=agreed_count, told=told_count
        ),
        "is_told": told_count > 0,
    }


@require_safe
@for_readers
def guidelines(request: HttpRequest, person: Person) -> HttpResponse:
    """Show how to read, by examples."""
    shown = examples.examples(person)
    context = {
        "is_practising": person.is_practising,
        **{
            kind: [_example(one) for one in getattr(shown, kind)]
            for kind in ("plain", "tricks", "ambiguous", "junk")
        },
    }
    return render(request, "pages/guidelines.html", context)


def _example(example: examples.Example) -> dict[str, object]:
    taken = "" if example.taken_for is None else words.named(example.taken_for)
    return {
        "picture": pictures.Picture(pictures.path(example.strokes), example.width),
        "is": _named(example.answer) if example.answer in verdicts.DIGITS else "",
        "taken": taken,
    }
