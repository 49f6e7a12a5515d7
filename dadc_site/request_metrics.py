"""How many requests were answered and how long they took, over all web processes of this machine.

Each process writes to a file of its own in the data folder, by prometheus_client's mode for several
processes; whoever is asked adds them up. A file goes by the place of a process among the others,
so that who takes the place of one that died counts on from there: nothing is lost, and there are no
more files than processes.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Histogram, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = settings.DATA_DIR / f"metrics-{settings.PORT}"
# Bytes of each file, taken from the disk at once: to write to a page that a full disk has no room
# for ends a process. A combination of route, method and status takes about 3 kB.
FILE_SIZE = 2 * 1024 * 1024
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds

logger = logging.getLogger(__name__)
_registry = CollectorRegistry()
_seconds = Histogram(
    "dadc_request_seconds",
    "How long requests took to answer, by the route that their path matched.",
    ["route", "method", "status"],
    buckets=BUCKETS,
    registry=_registry,
)
_place = 0  # of this process; 0 for one that is alone


class Count:
    """Count each request and the seconds until its answer, by route, method and class of
    status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - began
        method = request.method if request.method in METHODS else "other"
        status = f"{response.status_code // 100}xx"
        with suppress(OSError):  # a file that cannot grow
            _seconds.labels(_route(request), method, status).observe(seconds)
        return response


def _route(request: HttpRequest) -> str:
    """What a path matched: never what somebody put into it, and one for all that matched
    nothing."""
    path = request.path_info.removeprefix(settings.PATH)
    if path in ("/healthz", "/readyz", "/metrics"):
        return path
    if request.path_info.startswith(settings.STATIC_URL):
        return "/static/"
    if request.resolver_match is None:
        return "none"
    route = request.resolver_match.route.removeprefix(f"{settings.PATH[1:]}/" * bool(settings.PATH))
    return "/admin/" if route.startswith("admin/") else f"/{route}"


def collected() -> Iterable[Metric]:
    """Return what all web processes have counted since they were started together."""
    if not _place:
        return _registry.collect()
    files: MultiProcessCollector = MultiProcessCollector(None, str(FOLDER))  # type: ignore[no-untyped-call]
    return list(files.collect())  # type: ignore[no-untyped-call]


def begin() -> None:
    """Forget what was counted before, as the web is started."""
    with suppress(OSError):
        FOLDER.mkdir(0o700, exist_ok=True)
        for path in FOLDER.glob("*.db"):
            path.unlink()


def free_place(workers: Iterable[Any]) -> int:
    """Return the first place, from 1, that none of these workers has."""
    taken = {getattr(worker, "place", 0) for worker in workers}
    return next(place for place in range(1, len(taken) + 2) if place not in taken)


def take(place: int) -> None:
    """Have this process count in the file of a place, on from what is there; by itself alone where
    there can be none."""
    global _place
    path = FOLDER / f"histogram_{place}.db"
    try:
        _make(path)
    except OSError as error:
        logger.warning("Requests of one web process are not counted: %s", error)
        return
    _place = place
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def _make(path: Path) -> None:
    """Make a file of zeros that has all its room on the disk, if it is not there."""
    if path.exists():
        return
    made = path.with_suffix(".new")
    try:
        made.write_bytes(bytes(FILE_SIZE))
        made.rename(path)
    except OSError:
        made.unlink(missing_ok=True)
        raise
