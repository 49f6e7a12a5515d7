"""Liveness and readiness: does the process live; are database, target model and workers well, or
which is not."""

from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from trainer import candidates, target
from trainer.models import Heartbeat

SILENCE = timedelta(minutes=3)


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while this process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


def problems() -> list[str]:
    """Return what readiness would say is wrong, in sentences."""
    return [state for state in (_target(), _worker()) if state != "ok"]


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 with `{"database", "target", "worker"}` all "ok", else 503 with what is wrong in
    the value."""
    try:
        state = {"database": "ok", "target": _target(), "worker": _worker()}
    except DatabaseError:
        state = {
            "database": "The database does not answer.",
            "target": "unknown",
            "worker": "unknown",
        }
    is_well = all(value == "ok" for value in state.values())
    return JsonResponse(state, status=200 if is_well else 503)


# A process is asked at its own root, and through a proxy below the site's path.
PROBES = {
    f"{path}/{probe.__name__}": probe for path in ("", settings.PATH) for probe in (healthz, readyz)
}


def _target() -> str:
    try:
        target.current()
    except target.TargetUnavailable as error:
        return str(error)
    return "ok"


def _worker() -> str:
    now = timezone.now()
    beats = dict(Heartbeat.objects.values_list("cluster", "beat_at"))
    # A training worker that trains shows life by its lease, not by doing another task.
    if candidates.is_training():
        beats["train"] = now
    # One in the future is of a clock that was ahead, and says nothing.
    silent = [
        name for name in ("dadc", "train") if name not in beats or abs(now - beats[name]) > SILENCE
    ]
    return "ok" if not silent else f"No sign of life from the workers {' and '.join(silent)}."
