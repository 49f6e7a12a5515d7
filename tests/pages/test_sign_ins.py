"""Whose address a request has, behind as many proxies as are trusted; and that guessing at a
password ends while nobody can lock out another."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse

from collector import limits
from collector.middleware import client_address
from collector.models import Allowance, Person
from collector.people import mails, sessions, sign_ins
from tests.support import PASSWORD

HOME, AWAY = "198.51.100.7", "203.0.113.9"
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)  # a window of every limit begins


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still, so that no window ends while a test counts."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def one_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1


def at(address: str) -> Client:
    """A browser that a proxy says is asking from this address."""
    return Client(headers={"x-forwarded-for": f"192.0.2.1, {address}"})


def sign_in(browser: Client, password: str = PASSWORD, name: str = "alice") -> int:
    """The status of a try on the page: 302 for a right one, 200 for a wrong one, 429 for none."""
    return browser.post(reverse("sign_in"), {"username": name, "password": password}).status_code


def ask_for_token(browser: Client, password: str = PASSWORD, name: str = "alice") -> int:
    given = {"username": name, "password": password}
    return browser.post("/api/tokens/", given, content_type="application/json").status_code


def sign_out(browser: Client) -> None:
    """Forget the session; the device stays the same."""
    browser.cookies.pop("sessionid")


def guess_until_refused(address: str, most: int = 50) -> int:
    """How many wrong passwords are taken from an address."""
    for count in range(most):
        if sign_in(at(address), f"guess {count}") == 429:
            return count
    return most


def guess_from_many_addresses() -> int:
    """How many wrong passwords are taken from eleven of them."""
    return sum(guess_until_refused(f"203.0.113.{number}") for number in range(100, 111))


@pytest.fixture
def few_tries(settings: Any) -> None:
    """Two from a place, twenty from all new ones."""
    settings.LIMIT_SCALE = 0.2


@pytest.mark.survives(
    "`X-Forwarded-For` with ports, brackets, `unknown`, nothing, fewer addresses than proxies",
    "the address without its port, or the peer's",
)
@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, "198.51.100.7", "10.0.0.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        (2, "6.6.6.6, 198.51.100.7,203.0.113.9", "198.51.100.7"),
        (2, "198.51.100.7", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "unknown", "10.0.0.1"),
        (1, "198.51.100.7, ", "10.0.0.1"),
        (1, "010.0.0.7", "10.0.0.1"),
        (1, "198.51.100.7:4711", "198.51.100.7"),
        (1, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, "[2001:DB8::7]", "2001:db8::7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "<script>", "10.0.0.1"),
    ],
)
def test_an_address_is_what_the_first_trusted_proxy_was_asked_from(
    trusted: int, forwarded: str | None, address: str, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = trusted
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert client_address(asked("10.0.0.1", **headers)) == address


def asked(peer: str, **headers: str) -> HttpRequest:
    return RequestFactory(headers=headers).get("/", REMOTE_ADDR=peer)


@pytest.mark.survives(
    "one IPv6 machine with a /64 of addresses",
    "counts as one",
)
def test_one_machines_addresses_count_as_one() -> None:
    same = ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::1%eth0")
    assert {limits.address_of(asked(address)) for address in same} == {"2001:db8:1:2::"}
    assert limits.address_of(asked("2001:db8:1:3::1")) == "2001:db8:1:3::"
    for peer in (HOME, f"::ffff:{HOME}"):
        assert limits.address_of(asked(peer)) == HOME
    assert limits.address_of(asked("")) == ""


DOORS = {
    "sign-up": ("/accounts/sign-up/", {"username": "newcomer", "password": "short"}),
    "sign-up by the API": ("/api/accounts/", {"username": "newcomer", "password": "short"}),
    "sign-in": ("/accounts/sign-in/", {"username": "alice", "password": "wrong"}),
    "token": ("/api/tokens/", {"username": "alice", "password": "wrong"}),
    "forgotten password": ("/accounts/reset/", {"email": "nobody@example.org"}),
    "preview": ("/api/predictions/", {"strokes": [{"x": [9, 99], "y": [9, 99], "t": [0, 9]}]}),
}


@pytest.mark.survives(
    "sign-ups, sign-ins, tokens, previews and forgotten passwords of many addresses in "
    "`X-Forwarded-For`",
    "each has its own limit behind as many proxies as are trusted, and all share one where none "
    "is; an invented address helps nothing",
)
@pytest.mark.parametrize("door", DOORS)
def test_strangers_share_no_limit_behind_trusted_proxies_and_invent_no_address(
    door: str, alice: Person, settings: Any
) -> None:
    settings.LIMIT_SCALE = 0  # one is the most
    path, given = DOORS[door]
    kind = {"content_type": "application/json"} if path.startswith("/api/") else {}

    def is_refused(forwarded: str) -> bool:
        # What limits an email address, or an account, is not of interest here.
        Allowance.objects.filter(rule__in=LIMITS_OF_OTHER_THINGS).delete()
        browser = Client(headers={"x-forwarded-for": forwarded})
        return browser.post(path, given, **kind).status_code == 429  # type: ignore[arg-type]

    assert [is_refused(f"{nth}.2.3.4") for nth in range(1, 9)] == [False] * 8
    assert [is_refused(f"{nth}.2.3.4, 9.2.3.4") for nth in range(1, 4)] == [False, True, True]
    settings.TRUSTED_PROXIES = 0
    assert [is_refused(f"{nth}.2.3.4") for nth in range(1, 4)] == [False, True, True]


LIMITS_OF_OTHER_THINGS = {limits.RESETS_AN_HOUR.rule, limits.SIGN_INS_FROM_NEW_PLACES.rule}


@pytest.mark.survives(
    "wrong passwords at somebody's name, from elsewhere or from their own address",
    "no device that is known is locked out",
)
def test_whoever_guesses_elsewhere_locks_nobody_out(alice: Person) -> None:
    assert guess_until_refused(AWAY) == 10
    assert sign_in(at(AWAY)) == 429, "nor does the right one help there now"
    owner = at(HOME)
    assert [sign_in(owner, "a typo"), sign_in(owner)] == [200, 302]


@pytest.mark.survives(
    "wrong passwords at somebody's name, from elsewhere or from their own address",
    "no device that is known is locked out",
)
def test_whoever_guesses_at_ones_own_address_locks_out_no_device_known_before(
    alice: Person, bob: Person
) -> None:
    shared, stranger = at(HOME), at(HOME)
    for name in ("bob", "alice"):
        assert sign_in(shared, name=name) == 302
        sign_out(shared)
    assert guess_until_refused(HOME) == 10
    assert [sign_in(stranger, "guess", f"nobody{number}") for number in range(9)][-1] == 429
    assert sign_in(at(HOME), name="mona") == 429, "a new one waits with the stranger"
    assert sign_in(shared, "a typo") == 200
    assert sign_in(shared, name="ALICE") == 302
    sign_out(shared)
    assert sign_in(shared, name="bob") == 302


@pytest.mark.survives(
    "a script that goes on with an old password",
    "refused after ten; the others at its address sign in",
)
def test_whoever_goes_on_with_an_old_password_takes_nothing_from_the_others_in_the_house(
    alice: Person, bob: Person
) -> None:
    script = at(HOME)
    taken = [ask_for_token(script, "the old one") for _ in range(60)]
    assert taken == [401] * 10 + [429] * 50
    assert sign_in(at(HOME), name="bob") == 302


def test_guesses_on_a_known_device_end_too(alice: Person) -> None:
    device = at(HOME)
    assert sign_in(device) == 302
    sign_out(device)
    assert [sign_in(device, "guess") for _ in range(11)] == [200] * 10 + [429]
    assert sign_in(at(AWAY)) == 302


@pytest.mark.survives(
    "wrong passwords at somebody's name from many addresses",
    "they end; where the owner had signed in before it stays open",
)
def test_guesses_from_many_addresses_end_and_where_one_signed_in_before_stays_open(
    alice: Person,
) -> None:
    assert ask_for_token(at(HOME)) == 201
    phone = at("198.51.100.88")
    assert sign_in(phone) == 302
    sign_out(phone)
    assert guess_from_many_addresses() == 100
    assert sign_in(at("198.51.100.99")) == 429, "from a new address one waits, or resets"
    assert ask_for_token(at(HOME)) == 201
    guess_until_refused("203.0.113.200")
    assert sign_in(at(HOME)) == 302


def test_the_name_of_nobody_is_refused_as_soon_as_anybodys(alice: Person) -> None:
    for name, address in (("alice", HOME), ("nobody-at-all", AWAY)):
        taken = [sign_in(at(address), "guess", name) for _ in range(11)]
        assert taken == [200] * 10 + [429]


def test_a_locked_try_prolongs_nothing(alice: Person, clock: time_machine.Traveller) -> None:
    guess_until_refused(AWAY)
    for _ in range(14):
        clock.shift(timedelta(minutes=1))
        assert sign_in(at(AWAY)) == 429
    clock.shift(timedelta(minutes=1))
    assert sign_in(at(AWAY)) == 302


def test_it_says_how_long_and_offers_the_way_by_mail(
    alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "collector"):
        guess_until_refused(AWAY)
    refused = at(AWAY).post(reverse("sign_in"), {"username": "alice", "password": PASSWORD})
    assert refused["Retry-After"] == "900"
    said = refused.content.decode()
    assert "more than 10 tries to sign in to this account from here in a quarter of an hour" in said
    assert f'href="{reverse("password_reset")}"' in said
    told = at(AWAY).post(
        "/api/tokens/",
        {"username": "alice", "password": PASSWORD},
        content_type="application/json",
    )
    assert told.json()["error"]["code"] == "locked_out"
    line = next(line for line in caplog.messages if "was refused" in line)
    assert AWAY in line
    assert "alice" not in line


def test_pages_and_api_are_one_door_and_djangos_admin_is_none(alice: Person) -> None:
    taken = [ask_for_token(at(AWAY), "guess") for _ in range(5)]
    taken += [sign_in(at(AWAY), "guess") for _ in range(6)]
    assert taken == [401] * 5 + [200] * 5 + [429]
    assert ask_for_token(at(AWAY)) == 429
    given = {"username": "alice", "password": PASSWORD}
    assert at(AWAY).post("/admin/login/", given).status_code == 405


@pytest.mark.survives(
    "a lock-out, and a right sign-in, or a new password by mail or by an admin",
    "it ends everywhere",
)
def test_a_right_sign_in_ends_it(alice: Person, few_tries: None) -> None:
    assert guess_until_refused(AWAY) == 2
    guess_from_many_addresses()
    assert ask_for_token(at(HOME)) == 429
    Allowance.objects.filter(rule=limits.SIGN_INS_FROM_NEW_PLACES.rule).delete()
    assert ask_for_token(at(HOME)) == 201
    assert sign_in(at(AWAY)) == 302


def by_mail(person: Person) -> Client:
    """As whoever asks for it from an address that is refused, and has the mail."""
    browser = at(AWAY)
    browser.post(reverse("password_reset"), {"email": person.email})
    mails.send_due()
    link = str(mail.outbox[-1].body).partition("http://testserver")[2].split()[0]
    form = browser.get(link, follow=True)
    new = {"new_password1": "another fine horse", "new_password2": "another fine horse"}
    assert browser.post(form.redirect_chain[-1][0], new).status_code == 302
    return browser


def by_an_admin(person: Person) -> None:
    admin = Client()
    admin.force_login(Person.objects.get(username="ada"), backend=sessions.BACKEND)
    new = {"password1": "another fine horse", "password2": "another fine horse"}
    address = reverse("admin:auth_user_password_change", args=[person.pk])
    assert admin.post(address, new | {"usable_password": "true"}).status_code == 302


@pytest.mark.survives(
    "a lock-out, and a right sign-in, or a new password by mail or by an admin",
    "it ends everywhere",
)
@pytest.mark.parametrize("reset", [by_mail, by_an_admin])
def test_a_new_password_ends_it(reset: Any, alice: Person, ada: Person, few_tries: None) -> None:
    assert guess_from_many_addresses() == 20
    assert sign_in(at(AWAY)) == 429
    reset(alice)
    assert sign_in(at(AWAY), "another fine horse") == 302


def by_signing_up() -> Client:
    browser = at(AWAY)
    given = {"username": "alice", "password": PASSWORD}
    assert browser.post(reverse("sign_up"), given)["Location"] == reverse("draw")
    sign_out(browser)
    return browser


@pytest.mark.parametrize("is_new", [True, False])
def test_the_browser_that_signed_up_or_set_the_new_password_is_known(
    is_new: bool, few_tries: None, request: pytest.FixtureRequest
) -> None:
    browser = by_signing_up() if is_new else by_mail(request.getfixturevalue("alice"))
    assert guess_from_many_addresses() == 20
    right = PASSWORD if is_new else "another fine horse"
    assert sign_in(at("198.51.100.99"), right) == 429
    assert sign_in(browser, right) == 302


@pytest.mark.survives(
    "a made-up cookie of a known device, also one that holds a known address",
    "no device is known by it",
)
def test_no_device_is_known_by_a_cookie_that_was_made_up(alice: Person) -> None:
    assert sign_in(at(HOME)) == 302
    taken = 0
    for number in range(30):
        liar = at(AWAY)
        liar.cookies[sign_ins.DEVICE] = HOME if number == 0 else f"device {number}"
        while sign_in(liar, "guess") == 200:
            taken += 1
    assert taken == 10


def test_an_empty_cookie_makes_no_device_known(alice: Person) -> None:
    owner = at(HOME)
    owner.cookies[sign_ins.DEVICE] = ""
    assert sign_in(owner) == 302
    assert len(owner.cookies[sign_ins.DEVICE].value) > 20
    assert not sign_ins._is_known(sign_ins._account("alice"), sign_ins._device(asked(AWAY)))


def test_a_device_is_forgotten_after_half_a_year(
    alice: Person, clock: time_machine.Traveller
) -> None:
    device = at(HOME)
    assert sign_in(device) == 302
    cookie = device.cookies[sign_ins.DEVICE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert int(cookie["max-age"]) == 180 * 24 * 3600
    assert Allowance.objects.get(rule="known place", who__endswith=hash_of(device))
    clock.shift(timedelta(days=181))
    sign_out(device)
    assert guess_until_refused(HOME) == 10
    assert sign_in(device) == 429


def hash_of(device: Client) -> str:
    return sign_ins._hash("device", device.cookies[sign_ins.DEVICE].value)


def test_rows_of_sign_ins_hold_no_name_and_no_address(alice: Person, settings: Any) -> None:
    sign_in(at(HOME), "wrong")
    sign_in(at(HOME))
    sign_in(at(AWAY), "wrong")
    mine = Allowance.objects.exclude(rule=limits.SIGN_INS_A_MINUTE.rule)
    assert {row.rule for row in mine} == {
        "known place",
        "sign-ins from a place",
        "sign-ins from new places",
    }
    told = " ".join(row.who for row in mine)
    for secret in ("alice", str(alice.pk), HOME, AWAY):
        assert secret not in told
    before = sign_ins._hash("account", str(alice.pk))
    settings.SECRET_KEY = "another"
    assert sign_ins._hash("account", str(alice.pk)) != before


@pytest.mark.survives(
    "a right password again and again on a known device",
    "twenty a minute, and others sign in",
)
def test_a_known_device_signs_in_twenty_times_a_minute_at_most(alice: Person) -> None:
    device = at(HOME)
    assert sign_in(device) == 302
    taken = [ask_for_token(device) for _ in range(42)]
    assert 20 <= taken.count(201) <= 40, "a minute may end meanwhile"
    assert ask_for_token(at(AWAY)) == 201, "and takes nothing from others"


@pytest.mark.parametrize("made_up", ["a b", "x" * 500, ""])
def test_a_cookie_that_is_none_of_ours_is_not_sent_back(alice: Person, made_up: str) -> None:
    owner = at(HOME)
    owner.cookies[sign_ins.DEVICE] = made_up
    assert sign_in(owner) == 302
    assert len(owner.cookies[sign_ins.DEVICE].value) == 22


def test_a_first_sign_in_is_told_to_change_the_password_and_admins_begin_at_the_desk(
    alice: Person, ada: Person
) -> None:
    for name, begins in (("ada", "/desk/"), ("alice", "/draw/")):
        for is_first in (True, False):
            browser, given = Client(), {"username": name, "password": PASSWORD}
            answer = browser.post(reverse("sign_in"), given, follow=True)
            assert answer.redirect_chain[-1][0] == begins
            way = '<a href="/accounts/password/">Choose one of your own</a>'
            assert (way in answer.content.decode()) == is_first, name
    asked = Client().post(f"{reverse('sign_in')}?next=/gallery/", given | {"next": "/gallery/"})
    assert asked["Location"] == "/gallery/"


def test_who_signs_up_chose_their_password(db: None) -> None:
    browser = Client()
    new = {"username": "nora", "password": PASSWORD}
    browser.post(reverse("sign_up"), new)
    sign_out(browser)
    answer = browser.post(reverse("sign_in"), new, follow=True)
    assert "Choose one of your own" not in answer.content.decode()
