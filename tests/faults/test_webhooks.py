"""Webhooks when workers are killed, or several send at once."""

import os
import signal
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.receivers import Receiver, status
from tests.support.site import Site, wait_for

pytestmark = [pytest.mark.faults]

ALLOWED = {"DADC_WEBHOOK_NETWORKS": "127.0.0.0/8"}
ADD = """
from collector.data import webhooks
from collector.models import Person, Webhook
admin = Person.objects.get(username="admin")
webhooks.add(admin, {url!r}, Webhook.Event.values)
"""
TEST = """
from collector.data import webhooks
from collector.models import Person, Webhook
admin = Person.objects.get(username="admin")
for _ in range({count}):
    webhooks.test(admin, Webhook.objects.get().pk)
"""
# And its minute has come: a cluster looks at its schedules half a minute after its start.
DUE = """
from collector.models import Delivery, clock
from django_q.tasks import async_task
Delivery.objects.filter(ended_at=None).update(due_at=clock.now())
async_task("collector.tasks.tell_webhooks", save=False)
"""
SEND = "from collector import tasks; tasks.tell_webhooks()"
HOW = """
from collector.models import Delivery
for each in Delivery.objects.order_by("happened_at"):
    print(each.try_count, "ended" if each.ended_at else "waits", end="; ")
"""


@pytest.mark.survives(
    "`kill -9` of a worker that has sent an event and not noted it",
    "the event is sent again, under the same id, and noted once",
)
def test_a_worker_killed_between_sending_and_noting_sends_it_again_under_the_same_id(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(**ALLOWED)
    is_here, is_over = threading.Event(), threading.Event()

    def hold(handler: BaseHTTPRequestHandler) -> None:
        is_here.set()
        is_over.wait(30)

    with Receiver(answer=hold) as receiver:
        site.python(ADD.format(url=receiver.url))
        site.python(TEST.format(count=1))
        worker = site.start("worker", "manage.py", "cluster")
        assert is_here.wait(60)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        is_over.set()
        assert site.python(HOW) == "1 waits;"
        receiver.answer = status(200)
        site.python(DUE)
        site.start("worker", "manage.py", "cluster")
        wait_for(lambda: site.python(HOW) == "2 ended;", 90, "the second try")
        assert len(receiver.got) == 2
        assert len(set(receiver.ids)) == 1
        assert len({got.body for got in receiver.got}) == 1


@pytest.mark.survives(
    "several workers send events at once",
    "each event is sent once",
)
def test_workers_that_send_at_once_send_each_event_once(make_site: Callable[..., Site]) -> None:
    site = make_site(**ALLOWED)
    with Receiver() as receiver:
        site.python(ADD.format(url=receiver.url))
        site.python(TEST.format(count=60))
        for place in range(3):
            site.start(f"sender {place}", "manage.py", "shell", "--verbosity", "0", "-c", SEND)
        wait_for(lambda: len(receiver.got) >= 60, 90, "all events")
        for place in range(3):
            assert site.processes[f"sender {place}"].wait() == 0
        assert len(receiver.got) == len(set(receiver.ids)) == 60
        assert site.python(HOW) == " ".join(["1 ended;"] * 60)
