"""How the site is served: two processes of a few threads, forked from one that has loaded all code
(about 200 MB)."""

import gc
import os
import resource
import socket
from contextlib import suppress
from typing import Any

import gunicorn.glogging  # type: ignore[import-untyped]
import gunicorn.sock  # type: ignore[import-untyped]

from collector.management import lifeline
from dadc_site import environment, logs

# Before numpy is loaded: to compare a drawing with a thousand others, two threads take 45 ms of
# processor where one takes 9.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
with environment.refusing():
    from dadc_site import settings


class OfOneFamily(gunicorn.sock.TCP6Socket):  # type: ignore[misc]
    """Takes IPv6 alone, whatever the system's default: IPv4 has a socket of its own."""

    def bind(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().bind(sock)


gunicorn.sock.TCP6Socket = OfOneFamily  # which create_sockets makes


class Logger(gunicorn.glogging.Logger):  # type: ignore[misc]
    """Writes gunicorn's own lines as all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.FORMATS[settings.LOG_FORMAT]())


environment.keep_temporary_files_in(settings.DATA_DIR / "tmp")
bind = [
    f"[{address}]:{settings.PORT}" if ":" in address else f"{address}:{settings.PORT}"
    for address in settings.ADDRESSES
]
logger_class = Logger
worker_class = "dadc_site.whole_requests.WholeRequests"
_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # that each may have open
worker_connections = 300 if _files == resource.RLIM_INFINITY else min(300, _files // 2)
sendfile = False  # what a client takes slowly is not a thread's to send
workers = 2
threads = 8  # of which two compute, see dadc_site.threads
timeout = 60
graceful_timeout = 5
control_socket_disable = True
preload_app = True
# What stands in front is the site's to believe, by DADC_TRUSTED_PROXIES and DADC_PATH.
forwarded_allow_ips = ""
os.environ.pop("SCRIPT_NAME", None)


def on_starting(arbiter: Any) -> None:
    """Count requests from nothing."""
    from dadc_site import request_metrics

    request_metrics.begin()


def when_ready(arbiter: Any) -> None:
    """Say where the site is, now that whoever goes there is answered."""
    from collector.management import place

    with suppress(OSError):
        print(place.told(), flush=True)


def on_exit(arbiter: Any) -> None:
    """Take the sign of life away: who ended as asked is no longer there."""
    from django.db import Error

    from trainer import heartbeats

    with suppress(Error):
        heartbeats.end("web")


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Give a worker its place among the others, that of one that died if there is one.

    What is loaded stays: nobody looks through it for garbage, which took 0.2 s amid requests."""
    from dadc_site import request_metrics

    gc.collect()
    gc.freeze()
    worker.place = request_metrics.free_place(arbiter.WORKERS.values())


def post_fork(arbiter: Any, worker: Any) -> None:
    """Have a worker end with its parent, and count on where the last in its place left off."""
    from dadc_site import request_metrics

    lifeline.end_with(arbiter.pid)
    request_metrics.take(worker.place)
