"""Webhooks: what is told, to whom, how it is signed, and that it goes to the internet alone."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Network, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from collector import tasks
from collector.data import deliveries, outgoing, webhooks
from collector.errors import Conflict, Forbidden, NotFound, Refused
from collector.models import Alarm, Delivery, Person, Study, StudyChange, Webhook
from collector.moderation import appeals, decisions
from collector.study import settings as study_settings
from collector.study import site_status
from tests.support import mail_servers
from tests.support.cast import ARMS, add_person, put, read, submit
from tests.support.dumps import tables_with
from tests.support.models import add_model
from tests.support.receivers import Answer, Receiver, status
from tests.support.site import ROOT
from trainer import candidates, rounds
from trainer.models import RoundModel

Event, Trouble = Webhook.Event, Delivery.Trouble
ALL = Event.values
LOOPBACK = ip_network("127.0.0.0/8")


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """One that the operator allows."""
    settings.WEBHOOK_NETWORKS = [LOOPBACK]
    with Receiver() as made:
        yield made


@pytest.fixture
def secret(receiver: Receiver, ada: Person) -> str:
    """That of the one webhook."""
    return webhooks.add(ada, receiver.url, ALL)


@pytest.fixture
def hook(secret: str) -> Webhook:
    return Webhook.objects.get()


def checks() -> Callable[[dict[str, str], bytes, str], bool]:
    """The function that the page and the guide give to receivers."""
    section = (ROOT / "docs/operations.md").read_text().partition("### Webhooks")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    page = ROOT / "templates/pages/connections.html"
    assert code.strip() in unescape(page.read_text())
    there: dict[str, Any] = {}
    exec(code, there)
    found: Callable[[dict[str, str], bytes, str], bool] = there["is_from_the_site"]
    return found


def later(**by: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**by))


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(got.body) for got in receiver.got]


# What is told


def test_a_drawing_that_settled_is_told_signed_and_once_without_anybodys_name(
    secret: str, receiver: Receiver, alice: Person, mona: Person, many_due: None
) -> None:
    attempt = submit(alice, 4)
    tasks.tell_webhooks()
    assert receiver.got == []
    attempt = read(mona, "4")
    tasks.tell_webhooks()
    tasks.tell_webhooks()
    [got] = receiver.got
    assert json.loads(got.body) == {
        "type": "attempt.settled",
        "timestamp": attempt.settled_at and attempt.settled_at.isoformat(),
        "data": {
            "attempt": str(attempt.pk),
            "round": 1,
            "status": "verified",
            "target_label": 4,
            "predicted_label": 7,
            "settled_label": 4,
            "counts": True,
        },
    }
    assert got.path == "/hook?from=here"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    for name in (alice.username, str(alice.pk), str(alice.contributor), mona.username):
        assert name not in f"{got.headers} {got.body.decode()}"
    assert checks()(got.headers, got.body, secret)


def test_who_checks_as_the_guide_says_takes_nothing_else(
    secret: str, hook: Webhook, receiver: Receiver, ada: Person
) -> None:
    webhooks.test(ada, hook.pk)
    deliveries.send_due()
    [got] = receiver.got
    check = checks()
    assert check(got.headers, got.body, secret)
    assert not check(got.headers, got.body + b" ", secret)
    assert not check(got.headers | {"webhook-id": "another"}, got.body, secret)
    assert not check(got.headers, got.body, "whsec_" + "QQ" * 22)
    with later(minutes=6):
        assert not check(got.headers, got.body, secret), "it may be somebody who overheard it"


def test_what_is_undone_is_not_told(
    hook: Webhook, alice: Person, mona: Person, many_due: None
) -> None:
    submit(alice, 4)
    with transaction.atomic():
        read(mona, "4")
        assert Delivery.objects.count() == 1
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_what_the_audit_confirmed_is_told_nobody(
    hook: Webhook, alice: Person, mona: Person, mei: Person, many_due: None
) -> None:
    """Or its drawer could learn from the receiver that it was chosen."""
    Study.objects.update(audit_share=1.0)
    attempt = submit(alice, 7)
    assert read(mona, "7", attempt).settled_at
    assert not Delivery.objects.exists()
    junk = submit(alice, 7)
    for moderator in (mona, mei):
        read(moderator, "junk", junk)
    assert Delivery.objects.get().content["status"] == "rejected"


def test_what_an_admin_decides_is_told_and_another_answer_to_an_appeal_is_told_again(
    hook: Webhook, alice: Person, ada: Person, many_due: None
) -> None:
    attempt = submit(alice, 4)
    for answer in ("1", "2", "3"):
        read(add_person(role="moderator"), answer, attempt)
    assert not Delivery.objects.exists()
    decisions.decide(attempt.pk, ada, "junk", "It is nothing.")
    appeals.appeal(alice, attempt.pk, "It is a 4.")
    assert Delivery.objects.count() == 1
    decisions.decide(attempt.pk, ada, "4", "So it is.")
    statuses = Delivery.objects.order_by("happened_at").values_list("content__status", flat=True)
    assert list(statuses) == ["rejected", "verified"]


def test_rounds_and_failed_trainings_are_told_once_however_often_one_looks(
    hook: Webhook, receiver: Receiver, a_sample: None
) -> None:
    model = candidates.start("mnist_model")
    claim = candidates.claim(model.pk)
    assert claim
    candidates.fail(claim, "It ran out of memory.")
    for _ in range(3):
        tasks.tell_webhooks()
    [got] = told(receiver)
    assert got["type"] == "training.failed"
    assert got["data"] == {"training": model.pk, "reasons": ["It ran out of memory."]}
    held = RoundModel.objects.create(
        architecture="mnist_model",
        state="held",
        initial_model=RoundModel.objects.earliest("pk"),
        report={"sets": {}},
    )
    candidates.promote(held.pk, "ada", "It will do.")
    for _ in range(3):
        tasks.tell_webhooks()
    assert told(receiver)[1]["type"] == "round.opened"
    assert told(receiver)[1]["data"] == {
        "round": 2,
        "architecture": "mnist_model",
        "by_hand": True,
    }
    assert len(receiver.got) == 2
    assert b"ada" not in receiver.got[1].body


def test_of_several_arms_each_round_is_told_with_its_own_and_nothing_of_one_without_a_verdict(
    hook: Webhook, receiver: Receiver, ada: Person, mona: Person, many_due: None
) -> None:
    study_settings.change(ada, arms=ARMS)
    for arm in ("static", "none"):
        rounds.open_next(add_model(4, arm=arm))
        attempt = submit(put(add_person(), arm), 4)
        read(mona, "4", attempt)
    tasks.tell_webhooks()
    found = [(got["type"], got["data"]["round"], got["data"]["arm"]) for got in told(receiver)]
    assert sorted(found) == [
        ("attempt.settled", 2, "static"),
        ("round.opened", 1, "static"),
        ("round.opened", 2, "static"),
    ]


def test_what_failed_without_somebodys_drawings_is_nobodys_business(hook: Webhook) -> None:
    RoundModel.objects.create(
        architecture="mnist_model",
        state="failed",
        left_out_contributor=hook.pk,
        finished_at=timezone.now(),
    )
    tasks.tell_webhooks()
    assert not Delivery.objects.exists()


def test_each_is_told_of_what_it_wants_and_from_then_on(
    settings: Any, receiver: Receiver, ada: Person, alice: Person, mona: Person, many_due: None
) -> None:
    read(mona, "4", submit(alice, 4))
    webhooks.add(ada, receiver.url, [Event.ROUND_OPENED])
    webhooks.add(ada, receiver.url + "&all", ALL)
    read(mona, "4", submit(alice, 4))
    tasks.tell_webhooks()
    assert [got.path for got in receiver.got] == ["/hook?from=here&all"]


# How it is sent


def test_what_is_not_taken_is_sent_again_the_same_under_one_id_ever_less_often(
    hook: Webhook, receiver: Receiver, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer = status(500)
    webhooks.test(ada, hook.pk)
    began, at = timezone.now(), []
    with time_machine.travel(began, tick=False) as clock:
        for minute in range(4 * 24 * 60):
            clock.move_to(began + timedelta(minutes=minute, seconds=1))
            before = len(receiver.got)
            if Delivery.objects.filter(ended_at=None, due_at__lte=timezone.now()).exists():
                deliveries.send_due()
            if len(receiver.got) > before:
                at.append(minute)
        deliveries.send_due()
    assert at == [2**n - 1 for n in range(13)]
    assert len(set(receiver.ids)) == 1
    assert len({got.body for got in receiver.got}) == 1
    delivery = Delivery.objects.get()
    assert delivery.is_given_up
    assert (delivery.trouble, delivery.answer_status) == ("status", 500)
    [said] = [text for text in caplog.messages if "given up" in text]
    assert said == f"1 events for 127.0.0.1:{receiver.port} are given up."


@pytest.mark.survives(
    "a webhook's receiver that is away for days",
    "its events are given up after three, on the desk and by email; sent again by a button",
)
def test_what_was_given_up_alarms_until_the_receiver_takes_something_and_can_be_sent_again(
    hook: Webhook, receiver: Receiver, ada: Person
) -> None:
    receiver.answer = status(503)
    webhooks.test(ada, hook.pk)
    deliveries.send_due()
    assert Alarm.Kind.WEBHOOKS not in site_status.wrong()
    with later(days=3, minutes=1):
        deliveries.send_due()
        assert Alarm.Kind.WEBHOOKS in site_status.wrong()
        receiver.answer = status(200)
        assert webhooks.send_again(ada, hook.pk) == 1
        assert deliveries.send_due() == 1
        assert Alarm.Kind.WEBHOOKS not in site_status.wrong()
    assert len(set(receiver.ids)) == 1


def silent(handler: BaseHTTPRequestHandler) -> None:
    threading.Event().wait(2)


def drips(handler: BaseHTTPRequestHandler) -> None:
    """A byte of the head at a time, for ever."""
    for _ in range(200):
        handler.wfile.write(b"H")
        handler.wfile.flush()
        threading.Event().wait(0.02)


def babbles(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 mail.example ESMTP\r\n")


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """A head without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for n in range(5000):
        handler.wfile.write(b"X-%d: x\r\n" % n)


@pytest.mark.survives(
    "a webhook's receiver that is silent, drips, babbles, hangs up or leads elsewhere",
    "each try ends in ten seconds; no redirect is followed; others are told meanwhile",
)
@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (silent, Trouble.SLOW),
        (drips, Trouble.SLOW),
        (babbles, Trouble.NO_HTTP),
        (hangs_up, Trouble.UNREACHABLE),
        (endless, Trouble.NO_HTTP),
        (status(404), Trouble.STATUS),
        (status(302, Location="http://127.0.0.1/"), Trouble.REDIRECT),
        (status(307, Location="http://169.254.169.254/"), Trouble.REDIRECT),
    ],
)
def test_whatever_a_receiver_does_costs_one_try_of_bounded_time_and_nobody_else_anything(
    answer: Answer,
    trouble: Delivery.Trouble,
    hook: Webhook,
    receiver: Receiver,
    ada: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outgoing, "AT_MOST", 1.0)
    receiver.answer = answer
    for _ in range(3):
        webhooks.test(ada, hook.pk)
    with Receiver() as other:
        webhooks.add(ada, other.url, ALL)
        webhooks.test(ada, Webhook.objects.latest("added_at").pk)
        assert deliveries.send_due() == 1
    assert len(other.got) == 1
    assert len(receiver.got) == 1
    tried = Delivery.objects.get(try_count=1, ended_at=None)
    assert tried.trouble == trouble
    assert tried.took_ms is not None
    assert tried.took_ms < 5000


def test_a_silent_receiver_costs_one_try_a_minute_however_much_happens(
    hook: Webhook, receiver: Receiver, alice: Person, mona: Person, many_due: None, ada: Person
) -> None:
    receiver.answer = status(500)
    for _ in range(5):
        read(mona, "4", submit(alice, 4))
        deliveries.send_due()
    assert len(receiver.got) == 1
    with later(minutes=1.1):
        for _ in range(3):
            deliveries.send_due()
        assert len(receiver.got) == 2
        receiver.answer = status(200)
        deliveries.send_due()
        assert len(receiver.got) == 2
        webhooks.test(ada, hook.pk)
        assert deliveries.send_due() == 5, "a test is tried at once, and lets the others go"


def test_a_large_answer_is_not_read(hook: Webhook, receiver: Receiver, ada: Person) -> None:
    def large(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        handler.wfile.write(b"secret " * 1000)

    receiver.answer = large
    webhooks.test(ada, hook.pk)
    assert deliveries.send_due() == 1


def test_a_paused_one_is_told_nothing_and_what_waits_goes_once_it_is_resumed(
    hook: Webhook, receiver: Receiver, ada: Person, alice: Person, mona: Person, many_due: None
) -> None:
    first = read(mona, "4", submit(alice, 4))
    webhooks.pause(ada, hook.pk)
    read(mona, "4", submit(alice, 4))
    tasks.tell_webhooks()
    with pytest.raises(Conflict):
        webhooks.test(ada, hook.pk)
    assert receiver.got == []
    webhooks.resume(ada, hook.pk)
    tasks.tell_webhooks()
    assert [each["data"]["attempt"] for each in told(receiver)] == [str(first.pk)]


def test_a_new_secret_signs_at_once_and_the_one_before_beside_it_for_a_day(
    secret: str, hook: Webhook, receiver: Receiver, ada: Person
) -> None:
    new = webhooks.renew(ada, hook.pk, "")
    with pytest.raises(Conflict):
        webhooks.renew(ada, hook.pk, "")
    webhooks.test(ada, hook.pk)
    deliveries.send_due()
    check = checks()
    [got] = receiver.got
    assert check(got.headers, got.body, secret)
    assert check(got.headers, got.body, new)
    with later(days=1, minutes=1):
        webhooks.test(ada, hook.pk)
        deliveries.send_due()
        got = receiver.got[1]
        assert not check(got.headers, got.body, secret)
        assert check(got.headers, got.body, new)


def test_a_dump_gives_no_secret_away_and_another_site_key_ends_it(
    secret: str, hook: Webhook, receiver: Receiver, ada: Person, settings: Any
) -> None:
    assert tables_with(secret) == set()
    assert tables_with(secret.removeprefix("whsec_")) == set()
    settings.SECRET_KEY = "another"
    webhooks.test(ada, hook.pk)
    assert deliveries.send_due() == 0
    assert receiver.got == []
    assert Delivery.objects.get().trouble == Trouble.SECRET


def test_what_admins_do_is_logged_and_others_do_nothing(
    hook: Webhook, receiver: Receiver, ada: Person, mona: Person
) -> None:
    host = f"127.0.0.1:{receiver.port}"
    webhooks.pause(ada, hook.pk)
    webhooks.pause(ada, hook.pk)
    webhooks.resume(ada, hook.pk)
    webhooks.renew(ada, hook.pk, "")
    for act in (webhooks.pause, webhooks.resume, webhooks.remove, webhooks.test):
        with pytest.raises(Forbidden):
            act(mona, hook.pk)
    with pytest.raises(Forbidden):
        webhooks.add(mona, "https://there.example/", ALL)
    with pytest.raises(Forbidden):
        webhooks.change(mona, hook.pk, None, {"study.ended": False})
    webhooks.remove(ada, hook.pk)
    with pytest.raises(NotFound):
        webhooks.remove(ada, hook.pk)
    changes = StudyChange.objects.order_by("pk").values_list("field", "before", "after")
    assert list(changes) == [
        ("webhook", "none", host),
        ("webhook", host, "paused"),
        ("webhook", host, "on"),
        ("webhook", host, "another secret"),
        ("webhook", host, "none"),
    ]


# Where it goes


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://there.example/",
        "there.example",
        "https://",
        "https:///path",
        "https://user:password@there.example/",
        "https://there.example/#part",
        "https://there.example:0/",
        "https://there.example:99999/",
        "https://there.example:x/",
        "https://thère.example/",
        "https://there.example/a b",
        "https://there.example/\r\nX-Evil: 1",
        "https://there.example\\@10.0.0.1/",
        "https://[::1/",
        "https://there.example/" + "x" * 500,
        "javascript:alert(1)",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_of_a_machine_is_refused_with_a_sentence(url: str, ada: Person) -> None:
    with pytest.raises(Refused, match="An address is") as refused:
        webhooks.add(ada, url, ALL)
    assert refused.value.field == "url"
    assert not Webhook.objects.exists()


def test_an_open_site_sends_by_tls_alone(
    hook: Webhook, receiver: Receiver, ada: Person, settings: Any
) -> None:
    settings.LOCAL = False
    webhooks.test(ada, hook.pk)
    assert deliveries.send_due() == 0
    assert Delivery.objects.get().trouble == Trouble.TLS
    assert receiver.got == []
    with pytest.raises(Refused):
        webhooks.add(ada, "http://there.example/", ALL)
    webhooks.add(ada, "https://there.example/", ALL)


INSIDE = [
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::10.0.0.1]",
    "[2002:0a00:0001::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[::10.0.0.1]",
]


@pytest.mark.survives(
    "a webhook address of 127.0.0.1, 169.254.169.254, `[::ffff:10.0.0.1]`, a name that resolves to"
    " one, a redirect to one",
    "refused, at each try anew",
)
@pytest.mark.parametrize("host", INSIDE)
def test_an_address_within_a_network_is_refused_when_it_is_given(host: str, ada: Person) -> None:
    with pytest.raises(Refused, match="DADC_WEBHOOK_NETWORKS"):
        webhooks.add(ada, f"https://{host}/hook", ALL)


@pytest.mark.survives(
    "a webhook address of 127.0.0.1, 169.254.169.254, `[::ffff:10.0.0.1]`, a name that resolves to"
    " one, a redirect to one",
    "refused, at each try anew",
)
@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f.1", "rebound.example"])
def test_a_name_that_leads_into_a_network_is_refused_at_each_try(
    name: str, ada: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, **how: Any) -> Any:
        asked.append(host)
        return real("10.0.0.7" if host.endswith(".example") else host, port, **how)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with Receiver() as receiver:
        webhooks.add(ada, f"http://{name}:{receiver.port}/", ALL)
        webhooks.test(ada, Webhook.objects.get().pk)
        for tries in (1, 2):
            with later(hours=tries):
                assert deliveries.send_due() == 0
            assert asked == [name] * tries
            assert Delivery.objects.get().trouble == Trouble.ADDRESS
        assert receiver.got == []


def test_a_name_is_looked_up_once_and_what_was_looked_at_is_connected_to(
    ada: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a name could be of the internet for whoever looks, and of the network for whoever
    connects."""
    settings.WEBHOOK_NETWORKS = [LOOPBACK]
    answers = iter(["127.0.0.1", "10.0.0.1", "10.0.0.1"])
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, **how: real(next(answers), port, **how)
    )
    with Receiver() as receiver:
        webhooks.add(ada, f"http://rebound.example:{receiver.port}/", ALL)
        webhooks.test(ada, Webhook.objects.get().pk)
        assert deliveries.send_due() == 1
    assert receiver.got[0].headers["host"] == f"rebound.example:{receiver.port}"
    assert next(answers) == "10.0.0.1"


def test_one_address_within_a_network_among_others_is_enough_to_refuse_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in ("93.184.215.14", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(outgoing.Unsent, match="address"):
        outgoing.post("https://both.example/", {}, b"")


def test_tls_is_checked_and_by_the_name(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_NETWORKS = [LOOPBACK]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, **how: real("127.0.0.1", port, **how)
    )
    context, certificate = mail_servers.certificate(tmp_path)
    found: list[object] = []
    with Receiver(context=context) as receiver:
        for trusted, host in (
            ("/dev/null", "localhost"),
            (str(certificate), "localhost"),
            (str(certificate), "there.example"),
        ):
            monkeypatch.setenv("SSL_CERT_FILE", trusted)
            outgoing._tls.cache_clear()
            try:
                found += [outgoing.post(f"https://{host}:{receiver.port}/", {}, b"{}")]
            except outgoing.Unsent as unsent:
                found += [unsent.trouble]
    outgoing._tls.cache_clear()
    assert found == [Trouble.TLS, 204, Trouble.TLS]
    assert len(receiver.got) == 1


PRIVATE = [
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]


@given(st.sampled_from(PRIVATE).flatmap(lambda network: st.ip_addresses(network=network)))
def test_no_way_of_writing_a_private_address_gets_through(address: Any) -> None:
    four = address.packed
    for written in (
        address,
        IPv6Address(b"\0" * 10 + b"\xff\xff" + four),
        IPv6Address(b"\0" * 12 + four),
        IPv6Address(b"\0\x64\xff\x9b" + b"\0" * 8 + four),
        IPv6Address(b"\x20\x02" + four + b"\0" * 10),
    ):
        assert not outgoing.is_allowed(str(written)), written


@given(st.ip_addresses())
def test_what_is_let_through_is_of_the_internet(address: Any) -> None:
    if outgoing.is_allowed(str(address)):
        assert address.is_global or ip_address(address).packed.startswith(b"\0\x64\xff\x9b")
        assert not address.is_multicast


def test_addresses_of_the_internet_are_let_through() -> None:
    for address in (
        "93.184.215.14",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "64:ff9b::5db8:d70e",
    ):
        assert outgoing.is_allowed(address)


def test_the_log_names_no_address_of_a_webhook(
    hook: Webhook, receiver: Receiver, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Whose path may be a secret."""
    receiver.answer = status(500)
    webhooks.test(ada, hook.pk)
    with caplog.at_level(logging.DEBUG):
        deliveries.send_due()
        with later(days=4):
            deliveries.send_due()
    assert "from=here" not in caplog.text
