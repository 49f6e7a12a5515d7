"""Which arm's rounds a page shows."""

from django.http import HttpRequest

from collector.standings import round_figures
from collector.views.parts.access import viewer_of


def asked_by(request: HttpRequest) -> str:
    """Return the arm that `?arm=` asks for, or that of whoever asks. Raises Refused, Forbidden."""
    return round_figures.shown_arm(viewer_of(request), request.GET.get("arm", ""))
