"""Answers that say by a tag what they hold: who has the same already gets 304 and nothing else."""

import hashlib
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

KEPT = "private, no-cache"  # by whoever asked, who asks again each time


class Tagged(APIView):
    """What is asked for again and again, to see whether it has changed."""

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        if answer.status_code == 200:
            answer.add_post_render_callback(partial(_unless_known, request))
        return answer


def _unless_known(request: Request, response: Response) -> HttpResponseBase:
    tag = f'"{hashlib.sha256(response.rendered_content).hexdigest()[:32]}"'
    response["ETag"], response["Cache-Control"] = tag, KEPT
    return not_modified(request._request, tag) or response


def not_modified(request: HttpRequest, tag: str) -> HttpResponse | None:
    """Return the 304 for a request by who has what has this tag; None for who has not."""
    asked = parse_etags(request.headers.get("If-None-Match", ""))
    known = [each.removeprefix("W/") for each in asked]
    if tag not in known and "*" not in known:
        return None
    return HttpResponseNotModified(headers={"ETag": tag, "Cache-Control": KEPT})
