"""Emails are sent by the worker, each by itself, once, and not for ever; no request waits for a
mail server, nor tells by anything who has an account."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from collector import tasks
from collector.models import Email, Notice, Person
from collector.people import accounts, mails, notices
from tests.support import mail_servers
from tests.support.mail_servers import MailServer, Use

NAMES = ("alice", "bob", "carol")
FORGOTTEN = reverse("password_reset")


@pytest.fixture
def people(db: None) -> list[Person]:
    """Three people with an email address, who want mail and have something to be told."""
    made = [
        Person.objects.create(username=name, email=f"{name}@example.org", wants_mail=True)
        for name in NAMES
    ]
    for person in made:
        Notice.objects.create(person=person, text=f"Something for {person.username}.")
    return made


@pytest.fixture
def forget(people: list[Person]) -> Callable[..., None]:
    """Asks to reset the password of these people."""

    def ask(*names: str) -> None:
        for name in names:
            accounts.ask_reset(f"{name}@example.org", address=name, site="http://here.example")

    return ask


def to(server: MailServer) -> list[str]:
    return sorted(name for text in server.mails for name in NAMES if f"To: {name}@" in text)


def given_up(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for text in caplog.messages if "given up" in text]


def tried() -> int:
    return Email.objects.filter(try_count__gt=0).count()


def send_later(hours: int = 0) -> int:
    with time_machine.travel(timezone.now() + timedelta(hours=hours, minutes=3)):
        return mails.send_due()


@pytest.mark.survives(
    "one of three addresses is refused for good (550)",
    "the others have their email, once; the one is given up, its cause logged once, without the"
    " address",
)
def test_an_address_that_is_refused_costs_the_others_nothing_and_is_given_up_with_its_cause(
    people: list[Person], use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    says = {"RCPT TO:<ALICE@": "550 <Alice@EXAMPLE.org>: unknown"}
    with MailServer(says=says) as server:
        use(f"smtp://127.0.0.1:{server.port}")
        assert notices.queue_emails() == 3
        assert mails.send_due() == 2
        assert (mails.send_due(), send_later(), notices.queue_emails()) == (0, 0, 0)
    assert to(server) == ["bob", "carol"]
    assert not Email.objects.exists()
    [told] = given_up(caplog)
    assert told.endswith("tries: 1. 550 <(the address)>: unknown")


@pytest.mark.survives(
    "an address refused for now (451)",
    "tried a bounded number of times, and logged once",
)
@pytest.mark.parametrize("at", ["RCPT TO:<BOB@", "."])
def test_what_is_refused_for_now_is_tried_a_bounded_number_of_times_and_logged_once(
    at: str, forget: Callable[..., None], use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    forget("bob")
    with MailServer(says={at: "451 come back"}) as server:
        use(f"smtp://127.0.0.1:{server.port}")
        assert mails.send_due() == 0
        for _ in range(mails.TRIES):
            Email.objects.update(due_at=timezone.now())
            assert mails.send_due() == 0
    assert not Email.objects.exists()
    assert len(given_up(caplog)) == 1
    assert f"tries: {mails.TRIES}. 451 come back" in given_up(caplog)[0]


@pytest.mark.survives(
    "a mail server that accepts and says nothing, while emails wait",
    "the worker asks it once, and sends all once it answers",
)
def test_a_server_that_says_nothing_is_asked_once_and_all_is_sent_once_it_answers(
    forget: Callable[..., None], use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    forget(*NAMES)
    with mail_servers.silent() as port:
        use(f"smtp://127.0.0.1:{port}?timeout=0.1")
        mails.send_due()
        assert tried() == 1
        mails.send_due()
        assert tried() == 1, "the others wait for the one, and hold the worker up no longer"
        send_later()
        assert tried() == 2
    assert caplog.text.count("Emails wait for the mail server") == 1
    with MailServer() as server:
        use(f"smtp://127.0.0.1:{server.port}")
        assert [send_later(1), send_later(2)] == [3, 0]
    assert to(server) == list(NAMES)
    assert not given_up(caplog)


@pytest.mark.parametrize(
    "says", [{"MAIL": "550 who are you?"}, {"EHLO": "", "HELO": ""}, {"RCPT TO:<ALICE@": ""}]
)
def test_what_is_no_fault_of_an_email_costs_none(
    says: dict[str, str], forget: Callable[..., None], use: Use
) -> None:
    forget(*NAMES)
    with MailServer(says=says) as server:
        use(f"smtp://127.0.0.1:{server.port}")
        assert mails.send_due() == 0
        server.says.clear()
        assert send_later(1) == 3
    assert to(server) == list(NAMES)


@pytest.mark.survives(
    "a server that hangs up after the mail",
    "the same mail again, under one Message-ID",
)
def test_a_server_that_hangs_up_after_the_mail_gets_the_same_mail_again_by_its_id(
    forget: Callable[..., None], use: Use
) -> None:
    forget("bob")
    with MailServer(says={".": ""}) as server:
        use(f"smtp://127.0.0.1:{server.port}")
        assert (mails.send_due(), send_later()) == (0, 0)
        server.says.clear()
        assert send_later(1) == 1
    ids = {line for text in server.mails for line in text.splitlines() if "Message-ID" in line}
    assert (len(server.mails), len(ids)) == (3, 1)


@pytest.mark.survives(
    "an email that waited for a day",
    "given up",
)
def test_what_waited_for_a_day_is_given_up(
    forget: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    forget(*NAMES)
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        assert mails.send_due() == 0
    assert not Email.objects.exists()
    assert len(given_up(caplog)) == 3


@pytest.mark.survives(
    "an email that cannot be made",
    "holds up no other",
)
def test_an_email_that_cannot_be_made_holds_up_no_other(
    people: list[Person], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make = mails._notices

    def break_for_alice(email: Email, person: Person) -> Any:
        if person == people[0]:
            raise ValueError("no text")
        return make(email, person)

    monkeypatch.setitem(mails._DETAILS, Email.Kind.NOTICES, break_for_alice)
    notices.queue_emails()
    assert mails.send_due() == 2
    assert Email.objects.get().to == "alice@example.org"


def test_what_is_taken_back_is_not_sent(people: list[Person]) -> None:
    with suppress(RuntimeError), transaction.atomic():
        notices.queue_emails()
        raise RuntimeError
    assert (mails.send_due(), OrmQ.objects.count(), len(mail.outbox)) == (0, 0, 0)


def test_the_worker_is_told_in_the_same_transaction_and_by_the_minute(
    forget: Callable[..., None],
) -> None:
    forget("alice")
    [message] = OrmQ.objects.all()
    assert message.func() == "collector.tasks.send_emails"
    assert message.args() == (), "nothing of anybody"
    tasks.send_emails()
    assert [sent.to for sent in mail.outbox] == [["alice@example.org"]]


@pytest.mark.survives(
    "a forgotten password at an address that no account has",
    "the same queries, answer and words as at a known one",
)
def test_a_known_address_and_an_unknown_one_are_the_same_to_a_request(
    people: list[Person], django_assert_num_queries: Any, use: Use
) -> None:
    seen = []
    with mail_servers.silent() as port:
        use(f"smtp://127.0.0.1:{port}?timeout=600")
        for address in ("alice@example.org", "nobody@example.org"):
            with django_assert_num_queries(10) as queries:
                answer = Client().post(FORGOTTEN, {"email": address})
            said = [query["sql"].replace(address, "") for query in queries]
            shapes = [re.split(' VALUES| "s[0-9]', sql)[0] for sql in said]
            headers = {k: v for k, v in answer.headers.items() if k != "X-Request-Id"}
            seen.append((answer.status_code, headers, shapes))
    assert seen[0] == seen[1]


@pytest.mark.survives(
    "the database or its dump is read while a reset waits to be sent",
    "it holds no link: that is made when the email is",
)
def test_no_link_waits_in_the_database_and_every_account_of_an_address_gets_its_own(
    people: list[Person],
) -> None:
    Person.objects.create(username="alice2", email="Alice@example.org")
    Client().post(FORGOTTEN, {"email": "aLICE@example.org"})
    [row] = Email.objects.values()
    assert not any("/accounts/reset/" in str(value) for value in row.values())
    assert mails.send_due() == 2
    assert sorted(sent.to[0] for sent in mail.outbox) == ["Alice@example.org", "alice@example.org"]
    assert all("http://testserver/accounts/reset/" in str(sent.body) for sent in mail.outbox)
    assert not Email.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"email": "new@example.org"},
        {"is_active": False},
        {"password": "!"},
    ],
)
def test_nobody_gets_a_link_to_an_account_that_meanwhile_is_another(
    people: list[Person], change: dict[str, Any]
) -> None:
    alice = people[0]
    mails.queue(Email.Kind.RESET, alice.email, person=alice, site="http://here.example")
    Person.objects.filter(pk=alice.pk).update(**change)
    assert (mails.send_due(), mail.outbox) == (0, [])
    assert not Email.objects.exists()


def test_what_was_seen_before_its_email_went_out_is_not_sent(people: list[Person]) -> None:
    notices.queue_emails()
    notices.mark_seen(people[0].notices.all())
    Person.objects.filter(pk=people[1].pk).update(wants_mail=False)
    assert mails.send_due() == 1
    assert mail.outbox[0].to == ["carol@example.org"]
