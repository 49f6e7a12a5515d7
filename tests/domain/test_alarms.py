"""Alarms: each is told once as it begins and once when it is over, to admins with a confirmed
address; also where several look at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from collector import tasks
from collector.models import Alarm, Attempt, Delivery, Email, Person, Webhook
from collector.people import mails
from collector.study import alarms, site_status
from tests.support import site as sites
from tests.support.cast import read, submit
from tests.support.models import add_model
from tests.support.site import Site
from trainer import candidates, heartbeats
from trainer.models import Heartbeat, RoundModel

Kind = Alarm.Kind
State = RoundModel.State
GIGABYTE = 10**9


def a_given_up_event() -> None:
    now = timezone.now()
    hook = Webhook.objects.create(
        url="https://there.example/",
        events=[],
        secret=b"",
        added_at=now,
        resumed_at=now,
        failure_count=1,
    )
    times = dict.fromkeys(("happened_at", "queued_at", "due_at", "ended_at"), now)
    Delivery.objects.create(webhook=hook, event="test", content={}, is_given_up=True, **times)


class Trouble:
    """Breaks and mends what alarms are about."""

    def __init__(self, drawer: Person, moderator: Person) -> None:
        self.drawer, self.moderator = drawer, moderator
        self.disk = 1000 * GIGABYTE, 500 * GIGABYTE
        self.alive = [*site_status.PROGRAMS]

    def begin(self, kind: Kind) -> None:
        hours = {Kind.UNREAD: 13, Kind.IDLE: 49}.get(kind)
        if hours:
            submit(self.drawer, 4 if kind == Kind.UNREAD else 7)
            Attempt.objects.update(submitted_at=timezone.now() - timedelta(hours=hours))
        elif kind == Kind.TRAINING:
            add_model(3, state=State.FAILED)
        elif kind == Kind.DISK:
            self.disk = 1000 * GIGABYTE, 99 * GIGABYTE
        elif kind == Kind.WEBHOOKS:
            a_given_up_event()
        else:
            self.alive.remove("trainer")

    def mend(self, kind: Kind) -> None:
        if kind == Kind.UNREAD:
            read(self.moderator, "4")
        elif kind == Kind.IDLE:
            submit(self.drawer, 7)
        elif kind == Kind.TRAINING:
            add_model(3, state=State.HELD)
        else:
            self.disk = 1000 * GIGABYTE, 500 * GIGABYTE
            self.alive = [*site_status.PROGRAMS]
            Webhook.objects.update(failure_count=0)

    def look(self) -> None:
        """What the worker does every minute."""
        # Signs of life are by the database's time, which nobody moves here.
        Heartbeat.objects.all().delete()
        for program in self.alive:
            heartbeats.beat(program)
        tasks.look_for_alarms()


@pytest.fixture
def trouble(alice: Person, mona: Person, monkeypatch: pytest.MonkeyPatch) -> Trouble:
    made = Trouble(alice, mona)
    monkeypatch.setattr(site_status, "disk", lambda: made.disk)
    return made


@pytest.fixture
def admin(ada: Person) -> Person:
    Person.objects.filter(pk=ada.pk).update(email="ada@example.org")
    return ada


@pytest.fixture
def clock(many_due: None) -> Iterator[Callable[[float], None]]:
    """Moves the time on by minutes."""
    with time_machine.travel(timezone.now(), tick=False) as now:
        yield lambda minutes: now.shift(timedelta(minutes=minutes))


def told() -> list[tuple[str, str]]:
    return list(Email.objects.order_by("pk").values_list("kind", "to"))


@pytest.mark.parametrize("kind", Kind)
def test_each_alarm_begins_once_is_told_once_and_ends_once(
    kind: Kind, trouble: Trouble, admin: Person, clock: Callable[[float], None]
) -> None:
    trouble.look()
    assert not Alarm.objects.exists()
    trouble.begin(kind)
    clock(4)  # of workers one is told after three minutes alone
    began_at = timezone.now()
    for _ in range(30):
        trouble.look()
        clock(1)
    assert told() == [("alarm", "ada@example.org")]
    trouble.mend(kind)
    for _ in range(30):
        trouble.look()
        clock(1)
    assert told() == [("alarm", "ada@example.org"), ("over", "ada@example.org")]
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.began_at) == (kind, began_at)
    assert alarm.told_at == began_at + alarms.LASTS
    assert alarm.ended_at == began_at + timedelta(minutes=29) + alarms.CALM
    assert mails.send_due() == 2
    assert str(kind.label) in mail.outbox[0].body
    assert str(kind.label) in mail.outbox[1].body
    noticed_at = f"{began_at:%H:%M} UTC on {began_at.day} {began_at:%B %Y}"
    assert noticed_at in mail.outbox[0].body


def test_the_desk_shows_what_admins_are_alarmed_of(trouble: Trouble, admin: Person) -> None:
    client = Client()
    client.force_login(admin, backend="collector.people.accounts.Backend")
    trouble.look()
    for kind in (Kind.UNREAD, Kind.DISK):
        label = str(kind.label)
        assert label not in client.get("/desk/").content.decode()
        trouble.begin(kind)
        assert label in client.get("/desk/").content.decode()
        assert kind in site_status.wrong()


def test_only_active_admins_with_a_confirmed_address_are_told(
    trouble: Trouble, admin: Person, clock: Callable[[float], None], person: Callable[..., Person]
) -> None:
    others: dict[str, dict[str, object]] = {
        "anna": {"unconfirmed_email": "anna@example.org"},
        "abel": {},
        "axel": {"email": "axel@example.org", "is_active": False},
    }
    for name, fields in others.items():
        Person.objects.filter(pk=person(name, "admin").pk).update(**fields)
    Person.objects.filter(pk=trouble.moderator.pk).update(email="mona@example.org")
    trouble.begin(Kind.DISK)
    for _ in range(5):
        trouble.look()
        clock(1)
    assert told() == [("alarm", "ada@example.org")]
    Person.objects.filter(pk=admin.pk).update(role=Person.Role.MODERATOR)
    assert mails.send_due() == 0, "who is no admin any more is not told either"


def test_what_comes_and_goes_is_one_alarm_and_what_goes_at_once_is_none(
    trouble: Trouble, admin: Person, clock: Callable[[float], None]
) -> None:
    for minute in range(60):
        change = trouble.begin if minute % 5 == 0 else trouble.mend
        change(Kind.DISK)
        trouble.look()
        clock(1)
    assert (told(), Alarm.objects.count()) == ([], 0)
    for minute in range(60):
        change = trouble.mend if minute % 5 == 4 else trouble.begin
        change(Kind.DISK)
        trouble.look()
        clock(1)
    assert told() == [("alarm", "ada@example.org")]


def test_a_site_that_was_stopped_for_a_night_alarms_nobody_as_it_starts(
    trouble: Trouble, admin: Person, clock: Callable[[float], None]
) -> None:
    trouble.alive = []
    trouble.look()  # the web, say, as the workers have just ended
    assert Alarm.objects.get().told_at is None
    clock(8 * 60)
    trouble.look()
    trouble.alive = [*site_status.PROGRAMS]
    clock(1)
    trouble.look()
    assert (told(), Alarm.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    ("total", "free", "is_full"),
    [(1000, 101, False), (1000, 99, True), (5, 0.9, True), (5, 1.1, False)],
)
def test_a_disk_is_nearly_full_under_a_tenth_or_a_gigabyte(
    total: float, free: float, is_full: bool, trouble: Trouble
) -> None:
    trouble.disk = int(total * GIGABYTE), int(free * GIGABYTE)
    assert (Kind.DISK in site_status.wrong()) == is_full


def test_drawings_of_the_suspended_wait_for_nobody_and_an_empty_site_is_not_idle(
    trouble: Trouble,
) -> None:
    assert Kind.IDLE not in site_status.wrong()
    trouble.begin(Kind.UNREAD)
    assert Kind.UNREAD in site_status.wrong()
    Person.objects.filter(pk=trouble.drawer.pk).update(is_active=False)
    assert Kind.UNREAD not in site_status.wrong()


def test_a_training_that_failed_is_forgotten_once_another_ended_and_an_ablation_is_none(
    trouble: Trouble,
) -> None:
    failed = add_model(3, state=State.FAILED)
    add_model(3, state=State.TRAINING)
    assert candidates.last_failed() == failed
    RoundModel.objects.filter(state=State.TRAINING).update(
        state=State.FAILED, left_out_contributor="5b6b7b0e-7d0f-4b3b-9d5a-2f1f0f0b8a11"
    )
    assert candidates.last_failed() == failed
    add_model(3, state=State.DISCARDED, arm="static")
    assert candidates.last_failed() == failed, "that was another arm's"
    assert candidates.last_failed("static") is None
    add_model(3, state=State.DISCARDED)
    assert candidates.last_failed() is None


# All kinds at once, so that there is more to race for; each step begins in all processes at once.
RACE = """
import sys, time
from datetime import timedelta
from pathlib import Path
from django.utils import timezone
from collector import tasks
from collector.models import Alarm
from collector.study import site_status
from tests.support.site import wait_for

def together(step):
    (Path({folder!r}) / f"{{step}}-{{ {number} }}").touch()
    wait_for(lambda: len(list(Path({folder!r}).glob(f"{{step}}-*"))) == {count}, 60)

long_ago = timezone.now() - timedelta(hours=1)
site_status.wrong = lambda: list(Alarm.Kind)
together("begin")
tasks.look_for_alarms()
together("begun")
Alarm.objects.update(began_at=long_ago)
together("tell")
tasks.look_for_alarms()
together("told")
site_status.wrong = lambda: []
Alarm.objects.filter(ended_at=None).update(seen_at=long_ago)
together("end")
tasks.look_for_alarms()
"""
MADE = """
from collector.models import Person
Person.objects.create(username="ada", role="admin", email="ada@example.org")
"""
LEFT = """
from collector.models import Alarm, Email
print(Alarm.objects.filter(ended_at__isnull=False).count(), Alarm.objects.count(),
      *(Email.objects.filter(kind=kind).count() for kind in ("alarm", "over")))
"""


def test_three_workers_that_look_at_once_write_one_alarm_and_tell_of_it_once(
    database_kind: str, tmp_path: Path
) -> None:
    with sites.database(database_kind, tmp_path) as url, ThreadPoolExecutor(3) as workers:
        site = Site(tmp_path, url, sites.free_port())
        site.python(MADE)
        races = [RACE.format(folder=str(tmp_path), number=n, count=3) for n in range(3)]
        list(workers.map(site.python, races))
        assert site.python(LEFT) == " ".join([str(len(Kind))] * 4)
