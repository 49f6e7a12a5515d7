"""The edge of the site: ids of requests, hosts, addresses and bodies that are none of ours, and
refusals raised anywhere turned into answers."""

import io
import ipaddress
import re
import secrets
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from collector.errors import Forbidden, NotFound, Refused
from collector.health import PROBES
from collector.refusals import answer, as_refusal, is_api
from trainer.learning.sentences import Sentence

_Answer = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestId:
    """Give each request an id, which its answer and the log's lines about it have: that of a
    trusted proxy, where there is one and it sent one, else one made here."""

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "") if settings.TRUSTED_PROXIES else ""
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        request.META["HTTP_X_REQUEST_ID"] = request_id
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class Edge:
    """Say whose address a request comes from, answer probes, and refuse what no view should see.

    Hosts that are not this site's (400), but for probes, which are asked by IP; the API without TLS
    where the site wants it (403); addresses with a null character (404), which PostgreSQL's text
    can't hold, though the API says by itself what it thinks of a query; bodies over
    DATA_UPLOAD_MAX_MEMORY_SIZE, declared or chunked (413), and encoded ones (415). And send no body
    for HEAD.
    """

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["REMOTE_ADDR"] = client_address(request)
        if probe := PROBES.get(request.path_info):
            response = probe(request)
            response["Content-Length"] = str(len(response.content))
        else:
            response = _refused(request) or self.get_response(request)
        if request.method == "HEAD":
            _leave_out_body(response)
        return response


def client_address(request: HttpRequest) -> str:
    """Return the IP address that a request comes from.

    DADC_TRUSTED_PROXIES in front each add to X-Forwarded-For the address that they were asked from,
    so the first of them wrote the one that is as many from the right; what stands further left may
    be the client's invention. Where there is none, or no address, it is the peer's.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    if not settings.TRUSTED_PROXIES:
        return peer
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(forwarded) < settings.TRUSTED_PROXIES:
        return peer
    # Some write the port too, and then IPv6 in brackets.
    written = forwarded[-settings.TRUSTED_PROXIES].strip()
    found = re.fullmatch(r"\[(.+)\](?::\d+)?|([^:]+):\d+", written)
    try:
        return str(ipaddress.ip_address(found[1] or found[2] if found else written))
    except ValueError:
        return peer


def _refused(request: HttpRequest) -> HttpResponse | None:
    max_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    meta = request.META
    try:
        request.get_host()
    except DisallowedHost:
        return answer(
            request, Refused(Sentence("This site is not known by that name."), code="unknown_host")
        )
    if settings.SECURE_SSL_REDIRECT and is_api(request) and not request.is_secure():
        # Led on to https, a program would go on sending its token in the plain.
        return answer(request, Forbidden(Sentence("Ask by https."), code="https_needed"))
    if "\0" in request.path or ("%00" in meta["QUERY_STRING"] and not is_api(request)):
        return answer(request, NotFound(Sentence("There is no such address here.")))
    if meta.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        return answer(
            request,
            Refused(Sentence("Send the body as it is, not encoded."), code="unsupported_encoding"),
            415,
        )
    if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower():
        # Django reads what Content-Length declares, and a chunked body declares nothing.
        try:
            body = meta["wsgi.input"].read(max_bytes + 1)
        except (ParseException, OSError):
            return answer(
                request,
                Refused(Sentence("The chunks of this body are broken."), code="broken_body"),
            )
        meta["CONTENT_LENGTH"] = str(len(body))
        request._stream = io.BytesIO(body)
    declared = meta.get("CONTENT_LENGTH") or "0"
    if not declared.isdigit() or int(declared) > max_bytes:
        return answer(
            request,
            Refused(
                Sentence("A request has at most {most} kB.", most=max_bytes // 1024),
                code="too_large",
            ),
            413,
        )
    return None


def _leave_out_body(response: HttpResponseBase) -> None:
    """Keep the headers alone, the length among them, which no server below us does."""
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = ()
    elif isinstance(response, HttpResponse):
        length = len(response.content)
        response.content = b""
        response["Content-Length"] = str(length)


_NOT_SO = Sentence("This address is not asked for in that way. Go back, and use the page itself.")


class Refusals:
    """Turn what domain functions refuse into pages, as collector.api.errors does for the API."""

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or is_api(request):
            return response
        told = answer(request, Refused(_NOT_SO), response.status_code)
        told["Allow"] = response["Allow"]
        return told

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        refusal = as_refusal(exception)
        return answer(request, refusal) if refusal else None
