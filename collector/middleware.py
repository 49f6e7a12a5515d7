"""The edge of the site: hosts, addresses and bodies that are none of ours, and refusals raised
anywhere turned into answers."""

import io
from collections.abc import Callable

from axes.helpers import get_cool_off
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from collector.errors import NotFound, Refused, TooMany
from collector.refusals import answer, as_refusal

_Answer = Callable[[HttpRequest], HttpResponse]


class Edge:
    """Refuse what no view should see.

    Hosts that are not this site's (400); paths with a null character (404), which PostgreSQL's text
    can't hold; bodies over DATA_UPLOAD_MAX_MEMORY_SIZE, declared or chunked (413), and encoded ones
    (415). And send no body for HEAD.
    """

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        max_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
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
        if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower():
            # Django reads what Content-Length declares, and a chunked body declares nothing.
            try:
                body = meta["wsgi.input"].read(max_bytes + 1)
            except (ParseException, OSError):
                return answer(
                    request, Refused("The chunks of this body are broken.", code="broken_body")
                )
            meta["CONTENT_LENGTH"] = str(len(body))
            request._stream = io.BytesIO(body)
        declared = meta.get("CONTENT_LENGTH") or "0"
        if not declared.isdigit() or int(declared) > max_bytes:
            return answer(
                request,
                Refused(f"A request has at most {max_bytes // 1024} kB.", code="too_large"),
                413,
            )
        response = self.get_response(request)
        if request.method == "HEAD":
            _leave_out_body(response)
        return response


def _leave_out_body(response: HttpResponseBase) -> None:
    """Keep the headers alone, the length among them, which no server below us does."""
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = ()
    elif isinstance(response, HttpResponse):
        length = len(response.content)
        response.content = b""
        response["Content-Length"] = str(length)


class Refusals:
    """Turn what domain functions refuse into pages, as collector.api.errors does for the API, and
    give axes' lockout, which is a page without a time, the shape of all other limits."""

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
