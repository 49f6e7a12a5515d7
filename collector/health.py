"""Liveness and readiness: does the process live; are database, target model and workers well, or
which is not."""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse

from collector.errors import trouble_of
from trainer import heartbeats, target
from trainer.learning.sentences import Sentence
from trainer.saying import told

WRITES_EVERY = 5.0  # seconds; a flood of probes is no flood of writes
WRITTEN_WITHIN = 2  # seconds

logger = logging.getLogger(__name__)
_trying = threading.Lock()
_tried = ("", 0.0)  # what the last try to write said, and when
_told: dict[str, str] = {}  # what the log was told last


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while this process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


def problems() -> list[str]:
    """Return what readiness would say is wrong, in sentences of the reader's language."""
    return [told(state) for state in (_database(), _target(), _worker()) if state != "ok"]


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 with `{"database", "target", "worker"}` all "ok", else 503 with what is wrong in
    the value."""
    database = _asked(_database)
    state = {"database": database, "target": _asked(_target), "worker": _asked(_worker)}
    is_well = all(value == "ok" for value in state.values())
    _tell(state)
    return JsonResponse(state, status=200 if is_well else 503)


# A process is asked at its own root, and through a proxy below the site's path.
PROBES = {
    f"{path}/{probe.__name__}": probe for path in ("", settings.PATH) for probe in (healthz, readyz)
}


def forget() -> None:
    """Have the next question try to write (for tests, which break and mend within seconds)."""
    global _tried
    _tried = "", 0.0


def _asked(state: Callable[[], str]) -> str:
    try:
        return state()
    except Error:
        return "unknown"


def _tell(state: dict[str, str]) -> None:
    """Log what is wrong when it changes: probes come every few seconds."""
    global _told
    if state != _told:
        _told = state
        wrong = [f"{name}: {value}" for name, value in state.items() if value != "ok"]
        if wrong:
            logger.warning("Not ready. %s", " ".join(wrong))


def _database() -> str:
    """Say whether the database takes a write, as it did within the last seconds or does now."""
    global _tried
    with _trying:
        state, tried_at = _tried
        if not state or time.monotonic() - tried_at > WRITES_EVERY:
            state = _written()
            _tried = state, time.monotonic()
    return state


def _written() -> str:
    try:
        _write()
    except Error as error:
        trouble = trouble_of(error)
        logger.warning("The database takes no write: %s", " ".join(str(error).split()))
        return trouble.cause if trouble else Sentence("The database takes no write.")
    return "ok"


def _write() -> None:
    """Write one row, and wait no longer than a probe does."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout")
            (usual,) = cursor.fetchone()
            cursor.execute(f"PRAGMA busy_timeout = {WRITTEN_WITHIN * 1000}")
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    cursor.execute(f"SET LOCAL statement_timeout = {WRITTEN_WITHIN * 1000}")
                heartbeats.beat("web")
        finally:
            if connection.vendor == "sqlite":
                cursor.execute(f"PRAGMA busy_timeout = {usual}")


def _target() -> str:
    """Say whether the target model of each arm's open round answers."""
    try:
        target.of_all_arms()
    except target.TargetUnavailable as error:
        why: Sentence = error.args[0]
        return why
    return "ok"


def _worker() -> str:
    missing = heartbeats.missing("worker", "trainer")
    if not missing:
        return "ok"
    if len(missing) == 1:
        return Sentence("No sign of life from {one}.", one=missing[0])
    return Sentence("No sign of life from {one} or from {other}.", one=missing[0], other=missing[1])
