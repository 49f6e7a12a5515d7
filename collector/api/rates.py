"""What is left of the limits that a request was counted by, in its answer: RateLimit and
RateLimit-Policy, as draft 10 of the IETF's HTTPAPI group has them."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from collector import limits


class Counted(APIView):
    """What is counted by the limits of whoever asks, and by nobody else's."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with limits.noting() as noted:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        if noted:
            response["RateLimit-Policy"] = ", ".join(map(_policy, noted))
            response["RateLimit"] = ", ".join(
                f'"{taken.limit.rule}";r={taken.left};t={taken.seconds}' for taken in noted
            )
        return response


def _policy(taken: limits.Taken) -> str:
    limit = taken.limit
    unit = "" if limit.unit == "requests" else f';qu="{limit.unit}"'
    return f'"{limit.rule}";q={taken.most};w={limit.seconds}{unit}'
