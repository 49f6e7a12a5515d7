"""How the site is served: two processes of a few threads, forked from one that has loaded all code
(about 330 MB)."""

import os
from typing import Any

from collector.management import lifeline

# Without DADC_ALLOWED_HOSTS the site answers to this machine's names alone, so it listens there
# alone.
_address = "0.0.0.0" if os.environ.get("DADC_ALLOWED_HOSTS") else "127.0.0.1"
bind = f"{_address}:{os.environ.get('PORT', '8000')}"
worker_class = "dadc_site.whole_requests.WholeRequests"
worker_connections = 300  # each; below the usual limit of a process's open files
sendfile = False  # what a client takes slowly is not a thread's to send
workers = 2
threads = 8
timeout = 60
graceful_timeout = 5
control_socket_disable = True
preload_app = True


def post_fork(arbiter: Any, worker: Any) -> None:
    """Have a worker end with its parent."""
    lifeline.end_with(arbiter.pid)
