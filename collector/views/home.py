"""The home page: what this is, for a stranger, and how it stands at this moment."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from collector.drawings import public
from collector.models import is_told
from collector.standings import round_figures
from collector.views.parts import figures, pictures
from collector.views.parts.access import viewer_of
from trainer.models import Arm
from trainer.saying import say

SHOWN = 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    viewer = viewer_of(request)
    arm = viewer.arm if viewer else Arm.DYNAMIC
    tells = is_told(arm)
    fools = public.public(arm).select_related("round", "drawer")
    newest_first = fools.order_by("-settled_at", "pk")
    shown = [
        pictures.drawing_card(fool, drawer=fool.drawer.username, public=True)
        for fool in (newest_first[:SHOWN] if tells else ())
    ]
    today = round_figures.fooled_today(arm) if tells else 0
    context = {
        "tells": tells,
        "open": figures.open_round(round_figures.current(arm)) if tells else None,
        "today": say(
            ngettext("Fooled {n:,} time today.", "Fooled {n:,} times today.", today), n=today
        )
        if today
        else _("Not fooled yet today."),
        "fools": shown,
    }
    return render(request, "pages/home.html", context)
