"""What machines ask to see how the site is: `/metrics`, for Prometheus; and, as they ask, a look
for what admins have to be told, which no worker sees once it has died."""

from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from collector.errors import Forbidden
from collector.models import Person
from collector.people import mails
from collector.study import alarms, site_metrics
from dadc_site import request_metrics
from trainer.learning.sentences import Sentence

LOOKS_EVERY = 60.0  # seconds, in each process
ASKED_BY_MACHINES = {
    f"{path}/{name}" for path in ("", settings.PATH) for name in ("readyz", "metrics")
}
_looked_at = -LOOKS_EVERY


class Inside:
    """Answer who asks for metrics by the right token, whatever the Host, as probes are answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path not in ASKED_BY_MACHINES:
            return self.get_response(request)
        is_scrape = path.endswith("/metrics") and request.method == "GET" and _has_token(request)
        response = _page() if is_scrape else self.get_response(request)
        _look_if_due()
        return response


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer an admin, or who has the token. Raises Forbidden for others."""
    is_admin = isinstance(request.user, Person) and request.user.is_admin
    if not is_admin and not _has_token(request):
        raise Forbidden(
            Sentence("This is for the admins of this site, and for who has its metrics token.")
        )
    return _page()


def _has_token(request: HttpRequest) -> bool:
    scheme, _, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    token: str = settings.METRICS_TOKEN
    return bool(
        token
        and scheme.lower() == "bearer"
        and constant_time_compare(given.strip().encode("latin-1", "replace"), token.encode())
    )


class _All(Collector):
    def collect(self) -> list[Metric]:
        return [*request_metrics.collected(), *site_metrics.collect()]


def _page() -> HttpResponse:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All())
    response = HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    response["Content-Length"] = str(len(response.content))
    return response


def _look_if_due() -> None:
    """Look for alarms, if this process has not done so lately. The worker does it every minute;
    this is for when it does not."""
    global _looked_at
    now = monotonic()
    if now - _looked_at >= LOOKS_EVERY:
        _looked_at = now
        with suppress(Error):
            alarms.look(mails.queue_of_alarm)
