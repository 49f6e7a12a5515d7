"""What is raised becomes an answer: which refusal an exception means, and its JSON or page."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

from collector.errors import Conflict, NotFound, Refused, TooMany, Unavailable
from trainer.candidates import NotNow
from trainer.rounds import AnotherIsOpen, NoSuchRound
from trainer.target import TargetUnavailable

_BUSY = "The site cannot answer at this moment. Please try again in a minute."


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
    if request.path.startswith("/api/"):
        response = JsonResponse(body_of(refusal), status=status)
    else:
        # Who is there would be asked of the database, which at 503 may be what is missing.
        asked_by = request if status != 503 else None
        page = render_to_string(
            [f"{status}.html", "400.html"], {"message": refusal.message}, asked_by
        )
        response = HttpResponse(page, status=status)
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.retry_after)
    return response


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
    if request.path.startswith("/api/"):
        return answer(request, Refused("Something broke on our side.", code="server_error"), 500)
    return defaults.server_error(request)
