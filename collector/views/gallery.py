"""The gallery of tricks, the best fools first, the public page of each, and its card for
elsewhere."""

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from django.core.cache import cache
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from collector.drawings import public, reasons
from collector.errors import Refused
from collector.models import Attempt
from collector.views.parts import arms, cards, charts, pictures
from trainer import words
from trainer.learning.png import png
from trainer.learning.sentences import Sentence
from trainer.models import Round
from trainer.saying import say

MOST_PAGES = 100  # so that no page is far down an index
FILTERS = ("round", "target", "predicted")
DIGITS = range(10)
FOR_A_DAY = "public, max-age=86400, immutable"  # no longer: a drawing may cease to be public


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    asked = {name: _number(request, name) for name in FILTERS}
    chosen = {name: number for name, number in asked.items() if number is not None}
    number, target, predicted = asked["round"], asked["target"], asked["predicted"]
    arm = arms.asked_by(request)
    best = public.best(number, target, predicted, arm)
    counts = public.counts(number, arm)
    length = sum(
        n for (t, p), n in counts.items() if target in (None, t) and predicted in (None, p)
    )
    # Which ones a page shows is found without their strokes, or all of those would be sorted too.
    pages = Paginator(best.values_list("pk", flat=True), pictures.DRAWINGS_A_PAGE)
    pages.count = min(length, MOST_PAGES * pictures.DRAWINGS_A_PAGE)  # known without asking again
    page = pages.get_page(request.GET.get("page"))
    fools = best.filter(pk__in=list(page)).select_related("round", "drawer")
    newest_first = Round.objects.filter(arm=arm).order_by("-number")
    rounds = list(newest_first.values_list("number", "state"))
    context = {
        "fools": [
            pictures.drawing_card(
                fool,
                drawer=fool.drawer.username,
                headline=words.surely(fool.sureness),
                public=True,
            )
            for fool in fools
        ],
        "page": page,
        "query": f"{urlencode(chosen)}&" if chosen else "",
        "rounds": [each for each, _ in rounds],
        "digits": DIGITS,
        "round": number,
        "target": target,
        "predicted": predicted,
        "filtered": bool(chosen),
        "summary": _in_words(words.drawings(length), number, target, predicted),
        "more": say(_("Only the best {n:,} hang here."), n=pages.count)
        if length > pages.count
        else "",
        "is_no_fool": target is not None and target == predicted,
        "grid": _grid(
            counts,
            {**arms.kept(request), **chosen},
            inviting=number is None or (number, Round.State.OPEN) in rounds,
        ),
    }
    return render(request, "pages/gallery.html", context)


def _number(request: HttpRequest, name: str) -> int | None:
    """Return a filter as it was asked for; None where any will do. Raises Refused for what is no
    number."""
    asked = request.GET.get(name, "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 7):
        raise Refused(Sentence("Rounds and digits are asked for as numbers."), field=name)
    return int(asked)


def _in_words(drawings: str, number: int | None, target: int | None, predicted: int | None) -> str:
    """Say which drawings are shown, as in “2 drawings of a 4 taken for a 9 in round 2”."""
    if target is not None and predicted is not None:
        of = _("{drawings} of {drawn} taken for {taken}")
    elif target is not None:
        of = _("{drawings} of {drawn}")
    elif predicted is not None:
        of = _("{drawings} taken for {taken}")
    else:
        of = "{drawings}"
    shown = say(
        of,
        drawings=drawings,
        drawn="" if target is None else words.named(target),
        taken="" if predicted is None else words.named(predicted),
    )
    if number is None:
        return shown
    return say(_("{drawings} in round {number}"), drawings=shown, number=number)


def _grid(
    counts: dict[tuple[int, int], int], chosen: dict[str, str | int], inviting: bool
) -> list[dict[str, object]]:
    """Give the grid of confusions: rows by target, cells by what it was taken for."""
    most = max(counts.values(), default=1)
    return [
        {
            "digit": target,
            "cells": [
                _cell(target, taken, counts.get((target, taken), 0), most, chosen, inviting)
                for taken in DIGITS
            ],
        }
        for target in DIGITS
    ]


def _cell(
    target: int, taken: int, n: int, most: int, chosen: dict[str, str | int], inviting: bool
) -> dict[str, object]:
    """Give a confusion's count and the way to its drawings; where there are none, the way to the
    draw page, if `inviting`."""
    if target == taken:
        return {"same": True}
    pair = {"target": target, "predicted": taken}
    named = words.confusion(target, taken)
    if n:
        return {
            "n": words.short(n),
            "url": f"?{urlencode(chosen | pair)}",
            "label": say(
                _("{drawings} of {confusion}"), drawings=words.drawings(n), confusion=named
            ),
            "step": charts.step(n, most),
            "picked": pair.items() <= chosen.items(),
        }
    if not inviting:
        return {"label": say(_("{confusion}: nobody"), confusion=named)}
    return {
        "url": f"{reverse('draw')}?digit={target}",
        "label": say(_("{confusion}: nobody yet. Draw one!"), confusion=named),
    }


def _fool(request: HttpRequest, attempt_id: UUID) -> Attempt:
    """Return a fool that whoever asks may see. Raises NotFound."""
    arm = arms.asked_by(request) if "arm" in request.GET else arms.of_viewer(request)
    return public.get_public_fool(attempt_id, arm)


@require_safe
def fool(request: HttpRequest, attempt_id: UUID) -> HttpResponse:
    attempt = _fool(request, attempt_id)
    before, after = public.neighbours(attempt)
    context = {
        "item": pictures.drawing_card(attempt, drawer=attempt.drawer.username, public=True),
        "strokes": pictures.strokes(attempt),
        "settled": attempt.settled_at,
        "reason": reasons.said_of(attempt),
        "through": pictures.through_rounds(attempt),
        "said": f"{words.named(attempt.predicted_label)}, {words.sure(attempt.sureness)}",
        "alike": urlencode({"target": attempt.target_label, "predicted": attempt.predicted_label}),
        "alike_words": words.confusion(attempt.target_label, attempt.predicted_label),
        "before": before,
        "after": after,
        "address": request.build_absolute_uri(reverse("fool", args=[attempt_id])),
        "card": request.build_absolute_uri(reverse("fool_card", args=[attempt_id])),
        "card_width": cards.WIDTH,
        "card_height": cards.HEIGHT,
    }
    return render(request, "pages/fool.html", context)


@require_safe
def seen(request: HttpRequest, attempt_id: UUID) -> HttpResponse:
    """Answer with what the model saw, 28 × 28, as PNG. Raises NotFound."""
    return _png(png(bytes(_fool(request, attempt_id).pixels)))


@require_safe
def card(request: HttpRequest, attempt_id: UUID) -> HttpResponse:
    """Answer with the picture that is shown where somebody shares the page, as PNG. It names
    nobody, since other sites keep copies of it, and is the same for everybody. Drawn once in a
    while: a process keeps some. Raises NotFound."""
    attempt = _fool(request, attempt_id)
    drawn = partial(cards.png, attempt)
    picture: bytes = cache.get_or_set(f"card-{attempt_id}", drawn)  # type: ignore[assignment]
    return _png(picture)


def _png(picture: bytes) -> HttpResponse:
    response = HttpResponse(picture, content_type="image/png")
    response["Cache-Control"] = FOR_A_DAY
    return response
