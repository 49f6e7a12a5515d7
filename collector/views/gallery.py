"""The gallery of the best fools, the public page of each, and its card for elsewhere."""

import math
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from collector.drawings import public
from collector.errors import Refused
from collector.rules import words
from collector.views.parts import cards, pictures
from trainer.models import Round

MOST_PAGES = 100  # so that no page is far down an index
FILTERS = ("round", "target", "predicted")
STEPS = 5
DIGITS = range(10)
FOR_A_DAY = "public, max-age=86400, immutable"  # no longer: a drawing may cease to be public


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    chosen = {name: number for name in FILTERS if (number := _number(request, name)) is not None}
    round, target, predicted = (chosen.get(name) for name in FILTERS)
    best = public.best(round, target, predicted).select_related("round", "drawer")
    counts = public.counts(round)
    length = sum(
        n for (t, p), n in counts.items() if target in (None, t) and predicted in (None, p)
    )
    pages = Paginator(best, pictures.DRAWINGS_A_PAGE)
    pages.count = min(length, MOST_PAGES * pictures.DRAWINGS_A_PAGE)  # known without asking again
    page = pages.get_page(request.GET.get("page"))
    rounds = list(Round.objects.order_by("-number").values_list("number", "state"))
    context = {
        "fools": [
            pictures.drawing_card(
                fool,
                drawer=fool.drawer.username,
                headline=f"{words.sureness(fool.sureness)} sure",
                public=True,
            )
            for fool in page.object_list
        ],
        "page": page,
        "query": f"{urlencode(chosen)}&" if chosen else "",
        "rounds": [number for number, _ in rounds],
        "digits": DIGITS,
        "round": round,
        "target": target,
        "predicted": predicted,
        "filtered": bool(chosen),
        "summary": f"{words.count(length, 'drawing')}{_told(round, target, predicted)}",
        "more": f"Only the best {pages.count:,} hang here." if length > pages.count else "",
        "is_no_fool": target is not None and target == predicted,
        "grid": _grid(
            counts, chosen, inviting=round is None or (round, Round.State.OPEN) in rounds
        ),
    }
    return render(request, "pages/gallery.html", context)


def _number(request: HttpRequest, name: str) -> int | None:
    """A filter as it was asked for; None for «any»."""
    asked = request.GET.get(name, "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 7):
        raise Refused("Rounds and digits are asked for as numbers.", field=name)
    return int(asked)


def _told(round: int | None, target: int | None, predicted: int | None) -> str:
    """Which drawings: « of a 4 taken for a 9 in round 2»."""
    return "".join(
        (
            f" of {words.named(target)}" if target is not None else "",
            f" taken for {words.named(predicted)}" if predicted is not None else "",
            f" in round {round}" if round is not None else "",
        )
    )


def _grid(
    counts: dict[tuple[int, int], int], chosen: dict[str, int], inviting: bool
) -> list[dict[str, object]]:
    """Rows by target, cells by what it was taken for."""
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
    target: int, taken: int, n: int, most: int, chosen: dict[str, int], inviting: bool
) -> dict[str, object]:
    """A confusion's count and the way to its drawings; where there are none, to the draw page, if
    `inviting`."""
    if target == taken:
        return {"same": True}
    pair = {"target": target, "predicted": taken}
    named = f"{words.named(target)} taken for {words.named(taken)}"
    if n:
        return {
            "n": words.short(n),
            "url": f"?{urlencode(chosen | pair)}",
            "label": f"{words.count(n, 'drawing')} of {named}",
            "step": step(n, most),
            "picked": pair.items() <= chosen.items(),
        }
    if not inviting:
        return {"label": f"{named}: nobody"}
    return {"url": f"{reverse('draw')}?digit={target}", "label": f"{named}: nobody yet. Draw one!"}


def step(n: int, most: int) -> int:
    """How common, from 1 to STEPS, on a logarithmic scale: the rare are many, the common few."""
    return 1 + min(STEPS - 1, int(STEPS * math.log(n) / math.log(most))) if most > 1 else 1


@require_safe
def fool(request: HttpRequest, id: UUID) -> HttpResponse:
    attempt = public.get_public_fool(id)
    before, after = public.neighbours(attempt)
    target, predicted = (
        words.named(attempt.target_label),
        words.named(attempt.predicted_label),
    )
    context = {
        "item": pictures.drawing_card(attempt, drawer=attempt.drawer.username, public=True),
        "strokes": pictures.strokes(attempt),
        "settled": attempt.settled_at,
        "through": pictures.through_rounds(attempt),
        "said": f"{predicted}, {words.sure(attempt.sureness)}",
        "alike": urlencode({"target": attempt.target_label, "predicted": attempt.predicted_label}),
        "alike_words": f"{target} taken for {predicted}",
        "before": before,
        "after": after,
        "address": request.build_absolute_uri(reverse("fool", args=[id])),
        "card": request.build_absolute_uri(reverse("fool_card", args=[id])),
        "card_width": cards.WIDTH,
        "card_height": cards.HEIGHT,
    }
    return render(request, "pages/fool.html", context)


@require_safe
def seen(request: HttpRequest, id: UUID) -> HttpResponse:
    """What the model saw, 28 × 28."""
    return _png(pictures.png(bytes(public.get_public_fool(id).pixels)))


@require_safe
def card(request: HttpRequest, id: UUID) -> HttpResponse:
    """What is shown where somebody shares the page. Names nobody: copies of it lie about for
    long."""
    fool = public.get_public_fool(id)
    return _png(
        cards.png(
            fool.strokes, fool.width, fool.target_label, fool.predicted_label, fool.round.number
        )
    )


def _png(picture: bytes) -> HttpResponse:
    response = HttpResponse(picture, content_type="image/png")
    response["Cache-Control"] = FOR_A_DAY
    return response
