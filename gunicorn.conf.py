"""How the site is served: two processes of a few threads, forked from one that has loaded all code
(about 330 MB)."""

import os
from typing import Any

from collector.management import lifeline
from dadc_site import environment

with environment.refusing():
    from dadc_site import settings

bind = f"{settings.ADDRESS}:{settings.PORT}"
worker_class = "dadc_site.whole_requests.WholeRequests"
worker_connections = 300  # each; below the usual limit of a process's open files
sendfile = False  # what a client takes slowly is not a thread's to send
workers = 2
threads = 8
timeout = 60
graceful_timeout = 5
control_socket_disable = True
preload_app = True
# What stands in front is the site's to believe, by DADC_TRUSTED_PROXIES and DADC_PATH.
forwarded_allow_ips = ""
os.environ.pop("SCRIPT_NAME", None)


def post_fork(arbiter: Any, worker: Any) -> None:
    """Have a worker end with its parent."""
    lifeline.end_with(arbiter.pid)
