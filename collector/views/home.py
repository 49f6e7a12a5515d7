"""The home page: what this is, for a stranger, and how it stands at this moment."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector import words
from collector.drawings import public
from collector.standings import round_figures
from collector.views.parts import figures, pictures

SHOWN = 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    newest_first = public.public().select_related("round", "drawer").order_by("-settled_at", "pk")
    shown = [
        pictures.drawing_card(fool, drawer=fool.drawer.username, public=True)
        for fool in newest_first[:SHOWN]
    ]
    today = round_figures.fooled_today()
    context = {
        "open": figures.open_round(round_figures.current()),
        "today": f"Fooled {words.count(today, 'time')} today."
        if today
        else "Not fooled yet today.",
        "fools": shown,
    }
    return render(request, "pages/home.html", context)
