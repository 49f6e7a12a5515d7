"""What is raised becomes an answer: which refusal an exception means, and its JSON or page."""

import sys
from urllib.parse import urlsplit

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware import csrf
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults

from collector.errors import Conflict, NotFound, Refused, TooMany, Unavailable
from trainer.candidates import NotNow
from trainer.rounds import AnotherIsOpen, NoSuchRound
from trainer.target import TargetUnavailable

_BUSY = "The site cannot answer at this moment. Please try again in a minute."
_TOO_OLD = (
    "This page was open for too long, or you signed in or out elsewhere meanwhile. Go back, load "
    "it again and send it once more."
)
_NO_REFERER = (
    "Your browser does not say from which page this comes. Allow it to tell this site, load the "
    "page again and send it once more."
)
_WHY_REFUSED = {
    csrf.REASON_NO_CSRF_COOKIE: "Your browser sent no cookie with this. Allow cookies for this "
    "site, load the page again and send it once more.",
    csrf.REASON_NO_REFERER: _NO_REFERER,
    csrf.REASON_MALFORMED_REFERER: _NO_REFERER,
    csrf.REASON_INSECURE_REFERER: "This comes from a page that was not opened by https. Open it "
    "so and send it once more.",
}
_NOT_TRUSTED = csrf.REASON_BAD_ORIGIN.rpartition("%s")[2]
_NOWHERE = (
    "Your browser does not say from which site this comes. Open {ours} itself, not within another "
    "page, and send it once more."
)
_ELSEWHERE = (
    "This comes from {origin}, and this site knows itself as {ours}. If both are this site, its "
    "admin has to add {origin} to DADC_ORIGINS, or have the proxy in front pass on the browser’s "
    "Host, and its scheme as X-Forwarded-Proto."
)


def as_refusal(exception: BaseException | None) -> Refused | None:
    """Return what an exception means to the outside; None where it is a fault of ours.

    The trainer knows no statuses: what it refuses gets them here.
    """
    if isinstance(exception, Refused):
        return exception
    if isinstance(exception, NoSuchRound):
        return NotFound(str(exception))
    if isinstance(exception, NotNow | AnotherIsOpen):
        return Conflict(str(exception))
    if isinstance(exception, TargetUnavailable):
        return Unavailable(f"The model cannot be asked: {exception}")
    if isinstance(exception, OperationalError | InterfaceError):
        return Unavailable(_BUSY)
    return None


def answer(request: HttpRequest, refusal: Refused, status: int | None = None) -> HttpResponse:
    """Return a refusal as JSON under /api/, as a page elsewhere, with its own status or another."""
    status = status or refusal.status
    response: HttpResponse
    if is_api(request):
        response = JsonResponse(body_of(refusal), status=status)
    else:
        # Who is there would be asked of the database, which at 503 may be what is missing.
        asked_by = request if status != 503 else None
        page = render_to_string(
            [f"{status}.html", "400.html"],
            {"message": refusal.message, "code": refusal.code},
            asked_by,
        )
        response = HttpResponse(page, status=status)
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.retry_after)
    return response


def is_api(request: HttpRequest) -> bool:
    """Say whether a request is the API's, and is answered in JSON."""
    return request.path.startswith(f"{settings.PATH}/api/")


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that may be another site's, as Django's CSRF_FAILURE_VIEW."""
    return render(request, "403_csrf.html", {"message": why_refused(request, reason)}, status=403)


def why_refused(request: HttpRequest, reason: str) -> str:
    """Say why a form, or a script's request, was not taken; `reason` is Django's."""
    if not reason.endswith(_NOT_TRUSTED):
        return _WHY_REFUSED.get(reason, _TOO_OLD)
    referer = urlsplit(request.META.get("HTTP_REFERER", ""))
    origin = request.META.get("HTTP_ORIGIN") or f"{referer.scheme}://{referer.netloc}"
    ours = f"{request.scheme}://{request.get_host()}"
    told = _ELSEWHERE if origin != "null" else _NOWHERE
    return told.format(origin=origin, ours=ours)


def body_of(refusal: Refused) -> dict[str, dict[str, str]]:
    """Return a refusal in the one shape that the API's errors have."""
    error = {"code": refusal.code, "message": refusal.message}
    return {"error": error | ({"field": refusal.field} if refusal.field else {})}


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what broke, as Django's handler500. What fails in a middleware comes here too: a
    database that is gone is no 500."""
    refusal = as_refusal(sys.exc_info()[1])
    if refusal:
        return answer(request, refusal)
    if is_api(request):
        return answer(request, Refused("Something broke on our side.", code="server_error"), 500)
    return defaults.server_error(request)
