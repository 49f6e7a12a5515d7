"""Which arm's rounds a page shows, and its links lead to."""

from django.http import HttpRequest

from collector.models import Person
from collector.standings import round_figures
from collector.study import texts
from collector.views.parts.access import viewer_of
from trainer.models import Arm


def asked_by(request: HttpRequest) -> str:
    """Return the arm that `?arm=` asks for, or that of whoever asks. Raises Refused, Forbidden."""
    asked = request.GET.get("arm", "")
    return round_figures.shown_arm(viewer_of(request) if asked else _member(request), asked)


def of_viewer(request: HttpRequest) -> str:
    """Return the arm of whoever asks, of strangers the dynamic."""
    member = _member(request)
    return member.arm if member else Arm.DYNAMIC


def _member(request: HttpRequest) -> Person | None:
    """Return who is signed in where that can be another arm's; where there are none, a file that
    asks for nothing else does not ask who it is for."""
    return viewer_of(request) if texts.shown().has_several_arms else None


def kept(request: HttpRequest) -> dict[str, str | int]:
    """Return `?arm=` where a page was asked for one of an arm, for its links."""
    asked = request.GET.get("arm", "")
    return {"arm": asked} if asked in Arm.values else {}


def in_links(request: HttpRequest) -> dict[str, str]:
    """Return the same for templates: whole, and behind other parameters."""
    arm = kept(request).get("arm", "")
    return {
        "asked_arm": f"{arm}",
        "in_arm": f"?arm={arm}" if arm else "",
        "and_arm": f"&arm={arm}" if arm else "",
    }
