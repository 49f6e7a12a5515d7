"""Whoever closes the account leaves no name, address or browser in any table."""

import getpass
import hashlib
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Task

from collector import tasks
from collector.drawings import asking
from collector.models import Appeal, Factor, Notice, Person, RecoveryCode
from collector.people import closing, mails, notices, roles, suspensions
from collector.study import settings as study_settings
from tests.support import PASSWORD
from tests.support.cast import a_line
from tests.support.dumps import tables_with
from tests.support.models import add_model
from tests.support.pages import Browse, Insert
from trainer import candidates, rounds
from trainer.models import Round, RoundModel

NAME, EMAIL, NEXT_EMAIL = "Zephyrine", "zephyr@sky.example", "breeze@sky.example"
AGENT, ADDRESS = "ZephyrBrowser/7.1 (Windows NT 10.0) Firefox/140.0", "203.0.113.77"
ACCOUNT = reverse("account")


@pytest.fixture
def client(db: None) -> Client:
    return Client(headers={"User-Agent": AGENT}, REMOTE_ADDR=ADDRESS)


@pytest.fixture
def zephyrine(client: Client, ada: Person, browse: Browse, insert: Insert) -> Person:
    """Somebody who has done everything that one can do here."""
    given = {"username": NAME, "password": PASSWORD, "email": EMAIL}
    client.post(reverse("sign_up"), given)
    person = Person.objects.get(username=NAME)
    admin = browse(ada)
    form = {"username": NAME, "email": EMAIL}
    admin.post(reverse("admin:collector_person_change", args=[person.pk]), form)
    roles.change(person, ada, "admin", "To do everything.")
    draw_and_ask(person, insert)
    sign_in_everywhere(client)
    act_as_admin(person)
    Client().post(reverse("password_reset"), {"email": EMAIL})
    given = {"do": "email", "email-email": NEXT_EMAIL, "email-password": PASSWORD}
    client.post(ACCOUNT, given)
    Factor.objects.create(person=person, kind="app", name=f"Phone of {NAME}", content=b"")
    RecoveryCode.objects.create(person=person, sha256=hashlib.sha256(b"a code").hexdigest())
    person.refresh_from_db()
    return person


def draw_and_ask(person: Person, insert: Insert) -> None:
    attempt = insert(person, status="rejected")
    Appeal.objects.create(attempt=attempt, text=f"I, {NAME}, meant a 4.")
    asking.predict(a_line(), person, str(person.pk))
    Person.objects.filter(pk=person.pk).update(wants_mail=True)
    Notice.objects.create(person=person, attempt=attempt, text="Your 4 is junk.")
    notices.queue_emails()


def sign_in_everywhere(client: Client) -> None:
    client.post(reverse("sign_out"))
    given = {"username": NAME.upper(), "password": PASSWORD}
    client.post(reverse("sign_in"), given | {"password": "wrong"})
    client.post(reverse("sign_in"), given)
    client.post("/api/tokens/", given, "application/json")


def act_as_admin(person: Person) -> None:
    person.refresh_from_db()
    candidate = add_model(4, state=RoundModel.State.HELD)
    candidates.promote(candidate.pk, person.username, "It is better.")
    rounds.roll_back(1, person.username, "It was better.")
    study_settings.change(person, round_size=20)
    other = Person.objects.create(username="spammer")
    suspensions.suspend(other, person, "Spam.")


@pytest.mark.survives(
    "an account is closed, and all tables searched for name, address and browser, also in what "
    "is packed",
    "found in none",
)
def test_whoever_closes_the_account_leaves_no_name_address_or_browser_in_any_table(
    zephyrine: Person, client: Client
) -> None:
    before = {
        NAME: {"collector_person", "collector_appeal", "django_admin_log", "trainer_round"}
        | {"trainer_roundmodel", "collector_factor"},
        EMAIL: {"collector_person", "collector_email"},
        NEXT_EMAIL: {"collector_person", "collector_email"},
        "Firefox on Windows": {"collector_session", "collector_token"},
    }
    for words, tables in before.items():
        assert tables <= tables_with(words), words
    given = {"do": "close", "drawings": "remove", "password": PASSWORD}
    assert client.post(ACCOUNT, given)["Location"] == "/"
    for words in (NAME, EMAIL, NEXT_EMAIL, "Zephyr", "Firefox on Windows", str(zephyrine.password)):
        assert tables_with(words) == set(), words
    assert mails.send_due() == 0
    assert not RecoveryCode.objects.exists()


def test_an_admins_new_name_stands_everywhere_and_whoever_acts_by_command_is_nobody_here(
    open_round: Round, ada: Person, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(4), NAME, "It is better.")
    call_command("round", "roll_back", "1", "--why", "By command.")
    admin = Person.objects.create_user(NAME, PASSWORD, role="admin")
    form = {"username": "zed", "email": "", "role": "admin"}
    browse(ada).post(reverse("admin:collector_person_change", args=[admin.pk]), form)
    assert Round.objects.get(number=2).opened_by == "zed"
    closing.close(Person.objects.create_user("root", PASSWORD), PASSWORD, remove=False)
    assert Round.objects.get(number=3).opened_by == "root (by command)"


@pytest.mark.survives(
    "what limits count of an IP address",
    "gone within a day",
)
def test_what_limits_count_of_an_address_is_gone_within_a_day(
    zephyrine: Person, client: Client
) -> None:
    client.post(ACCOUNT, {"do": "close", "drawings": "keep", "password": PASSWORD})
    assert tables_with(ADDRESS) <= {"collector_allowance"}
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        tasks.tidy()
    assert tables_with(ADDRESS) == set()


def test_the_queue_forgets_what_its_tasks_were_given_and_returned(db: None) -> None:
    for id_, days in (("old", 8), ("new", 6)):
        stopped = timezone.now() - timedelta(days=days)
        Task.objects.create(
            id=id_,
            name=id_,
            func="f",
            args=(EMAIL,),
            started=stopped,
            stopped=stopped,
            success=False,
            result=EMAIL,
        )
    tasks.tidy()
    assert [task.id for task in Task.objects.all()] == ["new"]
