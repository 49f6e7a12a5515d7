"""The home page: what this is, for a stranger, and how it stands at this moment."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from collector import fools, rounds
from collector.views import pictures, words

LATELY = 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    lately = fools.public().select_related("round", "drawer").order_by("-settled", "pk")[:LATELY]
    shown = [pictures.shown(fool, drawer=fool.drawer.username, public=True) for fool in lately]
    today = rounds.fooled_today()
    context = {
        "open": told(rounds.current()),
        "today": f"Fooled {words.count(today, 'time')} today."
        if today
        else "Not fooled yet today.",
        "fools": shown,
    }
    return render(request, "pages/home.html", context)


def told(current: dict[str, Any]) -> dict[str, Any]:
    """The open round in words."""
    due, training = current["due"], current["training"]
    missing = max(0, due["need"] - due["have"])
    return {
        "number": current["number"],
        "fooled": f"{current['fooled']:,}",
        "fooled_words": f"fooled the model, of {words.count(current['attempts'], 'drawing')}",
        "verified": f"{current['verified']:,}",
        "pending_words": f", {current['pending']:,} still waiting" if current["pending"] else "",
        "have": min(due["have"], due["need"]),
        "need": due["need"],
        "due_words": f"{words.count(missing, 'more verified fool')} until the next model"
        if missing
        else "Enough for the next model: its training starts soon",
        "training": words.left(training["progress"], timezone.now() - training["started"])
        if training
        else "",
        "training_value": f"{training['progress']:.3f}" if training else "",
    }
