"""A queue worker that is killed while it waits takes the queue's lock with it: its cluster is ended
and can be started again."""

from collections.abc import Callable

import psutil
import pytest

from tests.support.processes import alive, children, kill
from tests.support.site import Client, Site, wait_for

pytestmark = [pytest.mark.faults]

IMPATIENT = """
import os, sys
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
from collector.management.commands import cluster
cluster.ASK_EVERY, cluster.SILENT_AFTER = 0.5, 4.0
execute_from_command_line(["manage.py", "cluster"])
"""
BEATS = "from trainer.models import Heartbeat; print(*Heartbeat.objects.values_list('beat_at'))"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_cluster_whose_idle_worker_was_killed_ends_whole_and_works_once_started_again(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    stuck = site.start("worker", "-c", IMPATIENT)
    first = wait_for(lambda: site.python(BEATS), 30, "a sign of life")
    [sentinel] = psutil.Process(stuck.pid).children()
    everybody = children(stuck.pid)
    kill(*sentinel.children())
    assert wait_for(lambda: stuck.poll(), 60, "the silent cluster to end") == -9
    wait_for(lambda: not alive(everybody), 10, "nobody to be left of it")
    last = site.python(BEATS)
    site.start("worker", "-c", IMPATIENT)
    wait_for(lambda: site.python(BEATS) not in (first, last), 30, "a sign of life of the next one")
    assert Client(site).get("/readyz").body["database"] == "ok"
