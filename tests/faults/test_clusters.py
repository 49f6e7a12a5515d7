"""A queue worker that is killed while it waits takes the queue's lock with it, and one may hang:
its cluster is ended and can be started again."""

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


@pytest.mark.survives(
    "`kill -9` of an idle queue worker, or one that hangs",
    "the cluster ends itself, at once or once it was silent too long, and works when started again",
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_cluster_with_a_killed_or_hanging_worker_ends_whole_and_works_once_started_again(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    first = site.start("worker", "manage.py", "cluster")
    beat = wait_for(lambda: site.python(BEATS), 30, "a sign of life")
    [sentinel] = psutil.Process(first.pid).children()
    everybody = children(first.pid)
    kill(sentinel.children()[0])
    wait_for(lambda: not alive(everybody), 10, "nobody to be left of it")
    assert first.wait(5) == -9

    second = site.start("worker", "-c", IMPATIENT)
    wait_for(lambda: site.python(BEATS) != beat, 30, "a sign of life of the next one")
    [sentinel] = psutil.Process(second.pid).children()
    everybody = children(second.pid)
    for process in sentinel.children():
        process.suspend()
    assert wait_for(lambda: second.poll(), 60, "the silent cluster to end") == -9
    wait_for(lambda: not alive(everybody), 10, "nobody to be left of it")
    assert Client(site).get("/readyz").body["database"] == "ok"


HOLD_MEMORY = """
from django_q.tasks import async_task
from collector.management.queue import OWN
print(async_task("tests.support.processes.hold_memory", cluster=OWN))
"""
DONE = "from django_q.models import Success; print(Success.objects.count())"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_worker_that_needed_much_memory_is_followed_by_a_new_one(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    cluster = site.start("worker", "manage.py", "cluster")
    wait_for(lambda: site.python(BEATS), 30, "a sign of life")
    [sentinel] = psutil.Process(cluster.pid).children()
    before = sentinel.children()
    site.python(HOLD_MEMORY)
    wait_for(lambda: len(alive(before)) < len(before), 30, "the worker to end")
    wait_for(lambda: site.python(DONE) == "1", 10, "what it did to be written down")
    wait_for(lambda: len(sentinel.children()) == len(before), 10, "a new worker")
    site.python(HOLD_MEMORY)
    wait_for(lambda: site.python(DONE) == "2", 30, "the new one to work")
    assert cluster.poll() is None
