"""The edge of the site: hosts, addresses and bodies that are none of ours, and refusals raised
anywhere turned into answers."""

import io
import sys
from collections.abc import Callable

from axes.helpers import get_cool_off
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from collector.errors import NotFound, Refused, TooMany, Unavailable
from trainer.target import TargetUnavailable

_Answer = Callable[[HttpRequest], HttpResponse]
_BUSY = "The site cannot answer at this moment. Please try again in a minute."


class Edge:
    """Refuses what no view should see.

    Hosts that are not this site's (400); paths with a null character (404), which PostgreSQL's text
    can't hold; bodies over DATA_UPLOAD_MAX_MEMORY_SIZE, declared or chunked (413), and encoded ones
    (415).
    """

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        meta = request.META
        try:
            request.get_host()
        except DisallowedHost:
            return answer(
                request, Refused("This site is not known by that name.", code="unknown_host")
            )
        if "\0" in request.path:
            return answer(request, NotFound("There is no such address here."))
        if meta.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            return answer(
                request,
                Refused("Send the body as it is, not encoded.", code="unsupported_encoding"),
                415,
            )
        if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", ""):
            # Django reads what Content-Length declares, and a chunked body declares nothing.
            try:
                body = meta["wsgi.input"].read(most + 1)
            except (ParseException, OSError):
                return answer(
                    request, Refused("The chunks of this body are broken.", code="broken_body")
                )
            meta["CONTENT_LENGTH"] = str(len(body))
            request._stream = io.BytesIO(body)
        declared = meta.get("CONTENT_LENGTH") or "0"
        if not declared.isdigit() or int(declared) > most:
            return answer(
                request, Refused(f"A request has at most {most // 1024} kB.", code="too_large"), 413
            )
        return self.get_response(request)


class Refusals:
    """Turns what domain functions refuse into pages, as collector.api.errors does for the API.

    And gives axes' lockout, which is a page without a time, the shape of all other limits.
    """

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not getattr(request, "axes_locked_out", False):
            return response
        wait = int(get_cool_off(request).total_seconds())
        if request.path.startswith("/api/"):
            return answer(
                request,
                TooMany(
                    f"Signing in to this account failed too often. Try again in {wait // 60} "
                    "minutes.",
                    wait,
                ),
            )
        response["Retry-After"] = str(wait)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        refusal = as_refusal(exception)
        return answer(request, refusal) if refusal else None


def as_refusal(exception: BaseException | None) -> Refused | None:
    """What an exception means to the outside, if it is not a fault of ours."""
    if isinstance(exception, Refused):
        return exception
    if isinstance(exception, TargetUnavailable):
        return Unavailable(f"The model cannot be asked: {exception}")
    if isinstance(exception, OperationalError | InterfaceError):
        return Unavailable(_BUSY)
    return None


def answer(request: HttpRequest, refusal: Refused, status: int | None = None) -> HttpResponse:
    """A refusal as JSON under /api/, as a page elsewhere."""
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
    """The one shape of API errors."""
    error = {"code": refusal.code, "message": refusal.message}
    return {"error": error | ({"field": refusal.field} if refusal.field else {})}


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, reached also by what fails in a middleware: a database that is gone is
    no 500."""
    refusal = as_refusal(sys.exc_info()[1])
    if refusal:
        return answer(request, refusal)
    if request.path.startswith("/api/"):
        return answer(request, Refused("Something broke on our side.", code="server_error"), 500)
    return defaults.server_error(request)
