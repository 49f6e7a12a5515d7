"""Large files, or a range of their bytes, streamed: a download that broke off goes on."""

import re
from collections.abc import Callable, Iterable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from collector.api import tags

_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def answer(
    request: HttpRequest,
    size: int,
    sha256: str,
    name: str,
    content: Callable[[int, int], Iterable[bytes]],
) -> HttpResponseBase:
    """Answer with a file of `size` bytes, of which `content` gives those from a start up to, not
    including, an end; with one range where one is asked for, 416 where there is none such, and 304
    for who has the file."""
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{sha256}"', "Cache-Control": tags.KEPT}
    if known := tags.not_modified(request, headers["ETag"]):
        return known
    span = _span(request, size, headers["ETag"])
    if span is None:
        start, end, status = 0, size, 200
    elif span[0] >= span[1]:
        headers["Content-Range"] = f"bytes */{size}"
        return HttpResponse(status=416, headers=headers)
    else:
        (start, end), status = span, 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return StreamingHttpResponse(
        content(start, end),
        status=status,
        content_type="application/octet-stream",
        headers=headers,
    )


def _span(request: HttpRequest, size: int, tag: str) -> tuple[int, int] | None:
    """Return which bytes are asked for, from and up to; None where all are, also where the range is
    of another file, or is several, which nobody has to answer."""
    asked = _ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or request.headers.get("If-Range", tag) != tag:
        return None
    first, last = asked.groups()
    if not first:
        return (max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size
