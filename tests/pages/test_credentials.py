"""What opens an account, as a whole: sessions and tokens are listed and ended together, and an
email address takes the place of another only with the password, confirmed, and told."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import DatabaseError, connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from collector import tasks
from collector.errors import Conflict, Refused
from collector.models import Email, Notice, Person, Session, Token
from collector.people import accounts, closing, mails, notices, sessions
from tests.support import PASSWORD
from tests.support.pages import Browse, text

ACCOUNT = reverse("account")
FORGOTTEN = reverse("password_reset")
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
NEW = {"new_password1": "another fine horse", "new_password2": "another fine horse"}


def sign_in(name: str = "alice", agent: str = FIREFOX) -> Client:
    client = Client(headers={"User-Agent": agent})
    given = {"username": name, "password": PASSWORD}
    assert client.post(reverse("sign_in"), given).status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get(ACCOUNT).status_code == 200)


def ids(client: Client) -> list[str]:
    return re.findall(r'name="id" value="(\w+)"', client.get(ACCOUNT).content.decode())


def link() -> str:
    """The only link in the newest email, without its host."""
    [found] = re.findall(r"http://testserver(\S+)", str(mail.outbox[-1].body))
    assert isinstance(found, str)
    return found


def test_sessions_and_tokens_are_listed_and_this_one_is_marked(alice: Person) -> None:
    here, _ = sign_in(), sign_in(agent=SAFARI)
    given = {"username": "alice", "password": PASSWORD}
    agent = {"User-Agent": "python-httpx/0.28.1"}
    issued = Client(headers=agent).post("/api/tokens/", given, "application/json")
    assert issued.status_code == 201
    page = text(here.get(ACCOUNT))
    assert "Firefox on Windows this one Since" in page
    assert "Safari on iPhone Since" in page
    assert "API token of python-httpx Since" in page
    assert "not used yet" in page
    Client(headers={"Authorization": f"Token {issued.json()['token']}"}).get("/api/attempts/")
    assert "not used yet" not in text(here.get(ACCOUNT))
    html = here.get(ACCOUNT).content.decode()
    assert not [key for key in Session.objects.values_list("pk", flat=True) if key in html]


def make_token(client: Client, name: str, password: str = PASSWORD) -> Any:
    form = {"do": "token", "token-name": name, "token-password": password}
    return client.post(ACCOUNT, form)


def test_a_token_is_made_with_a_name_and_told_once(
    alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    here = sign_in()
    name = "Nightly <b>on</b> “cron”"
    [made] = re.findall(
        r'<code class="secret">([\w-]+)</code>', make_token(here, name).content.decode()
    )
    assert accounts.person_of_token(made) == alice
    page = here.get(ACCOUNT)
    assert made not in page.content.decode()
    assert "API token “Nightly &lt;b&gt;on&lt;/b&gt; “cron””" in page.content.decode()
    [token] = Token.objects.all()
    assert (token.name, token.browser) == (name, "Firefox on Windows")
    assert f"{alice.pk} made an API token." in caplog.messages
    assert made not in caplog.text
    ended = here.post(ACCOUNT, {"do": "end", "id": token.pk}, follow=True)
    assert "Ended." in text(ended)
    assert accounts.person_of_token(made) is None
    assert f"{alice.pk} ended an API token." in caplog.messages


def test_a_token_without_a_name_or_with_a_wrong_password_is_not_made(alice: Person) -> None:
    here = sign_in()
    assert "This field is required." in text(make_token(here, " "))
    assert "at most 40 characters" in text(make_token(here, "n" * 41))
    assert "That is not your password." in text(make_token(here, "n", "wrong"))
    assert Token.objects.count() == 0


def test_a_program_may_name_its_token(alice: Person) -> None:
    given = {"username": "alice", "password": PASSWORD, "name": "Nightly"}
    assert Client().post("/api/tokens/", given, "application/json").status_code == 201
    assert "API token “Nightly”" in text(sign_in().get(ACCOUNT))
    refused = Client().post("/api/tokens/", {**given, "name": "n" * 41}, "application/json")
    assert refused.json()["error"]["field"] == "name"


def test_each_has_a_button_that_ends_it_and_only_it(alice: Person, bob: Person) -> None:
    here, elsewhere, of_bob = sign_in(), sign_in(agent=SAFARI), sign_in("bob")
    kept, _ = accounts.issue_token(alice)
    [token, session] = sorted(ids(here), key=lambda one: not Token.objects.filter(pk=one).exists())
    assert "has ended already" in text(
        of_bob.post(ACCOUNT, {"do": "end", "id": session}, follow=True)
    )
    assert is_signed_in(elsewhere)
    here.post(ACCOUNT, {"do": "end", "id": session})
    assert [is_signed_in(one) for one in (here, elsewhere, of_bob)] == [True, False, True]
    assert accounts.person_of_token(kept) == alice
    here.post(ACCOUNT, {"do": "end", "id": token})
    assert accounts.person_of_token(kept) is None


def test_one_button_ends_all_others(alice: Person, bob: Person) -> None:
    here, elsewhere, of_bob = sign_in(), sign_in(), sign_in("bob")
    token, _ = accounts.issue_token(alice)
    here.post(ACCOUNT, {"do": "end others"})
    assert [is_signed_in(one) for one in (here, elsewhere, of_bob)] == [True, False, True]
    assert accounts.person_of_token(token) is None
    assert Session.objects.filter(person=alice).count() == 1


def change_it_oneself(here: Client, alice: Person, admin: Client) -> None:
    here.post(reverse("password_change"), {"old_password": PASSWORD, **NEW})


def reset_it(here: Client, alice: Person, admin: Client) -> None:
    Client().post(FORGOTTEN, {"email": "alice@example.org"})
    mails.send_due()
    client = Client()
    form = client.get(link(), follow=True).redirect_chain[-1][0]
    assert client.post(form, NEW).status_code == 302


def have_an_admin_change_it(here: Client, alice: Person, admin: Client) -> None:
    given = {"password1": "yet another horse", "password2": "yet another horse"}
    address = reverse("admin:auth_user_password_change", args=[alice.pk])
    assert admin.post(address, given | {"usable_password": "true"}).status_code == 302


def have_an_admin_take_it_away(here: Client, alice: Person, admin: Client) -> None:
    address = reverse("admin:auth_user_password_change", args=[alice.pk])
    assert (
        admin.post(address, {"usable_password": "false", "unset-password": "1"}).status_code == 302
    )


@pytest.mark.survives(
    "a password changed by oneself, reset by email, changed or taken away by an admin",
    "all other sessions and all tokens end at once",
)
@pytest.mark.parametrize(
    "change",
    [change_it_oneself, reset_it, have_an_admin_change_it, have_an_admin_take_it_away],
)
def test_any_change_of_the_password_ends_all_else_at_once(
    change: Callable[[Client, Person, Client], None], alice: Person, ada: Person, browse: Browse
) -> None:
    here, elsewhere, admin = sign_in(), sign_in(), browse(ada)
    token, _ = accounts.issue_token(alice)
    others, _ = accounts.issue_token(ada)
    change(here, alice, admin)
    left = Session.objects.filter(person=alice)
    is_by_oneself = change is change_it_oneself
    assert (left.count(), Token.objects.filter(person=alice).count()) == (int(is_by_oneself), 0)
    assert [is_signed_in(one) for one in (here, elsewhere, admin)] == [is_by_oneself, False, True]
    assert accounts.person_of_token(token) is None
    assert accounts.person_of_token(others) == ada


def ask(client: Client, address: str, password: str = PASSWORD) -> Any:
    given = {"do": "email", "email-email": address, "email-password": password}
    return client.post(ACCOUNT, given, follow=True)


@pytest.mark.survives(
    "an email address changed at a session left open",
    "asks for the password",
)
def test_another_address_asks_for_the_password(alice: Person) -> None:
    here = sign_in()
    assert "not your password" in text(ask(here, "thief@example.org", "guess"))
    assert "This field is required" in text(ask(here, "thief@example.org", ""))
    assert "valid email" in text(ask(here, "no address"))
    alice.refresh_from_db()
    assert (alice.email, alice.unconfirmed_email) == ("alice@example.org", "")
    assert not Email.objects.exists()


@pytest.mark.survives(
    "another email address, given with the password",
    "the old one is told at once, and resets go there until the owner of the new one has "
    "followed the link",
)
def test_another_address_is_confirmed_by_its_owner_and_the_old_one_is_told_at_once(
    alice: Person,
) -> None:
    assert "is on its way to new@example.org" in text(ask(sign_in(), "new@example.org"))
    assert mails.send_due() == 2
    assert [sent.to for sent in mail.outbox] == [["new@example.org"], ["alice@example.org"]]
    assert "another email address" in mail.outbox[1].body
    assert "new@" not in mail.outbox[1].body
    mail.outbox.pop()
    at = link()
    assert "Is new@example.org your email address?" in text(Client().get(at))
    alice.refresh_from_db()
    assert alice.email == "alice@example.org", "a program that follows links confirms nothing"
    Client().post(at)
    alice.refresh_from_db()
    assert (alice.email, alice.unconfirmed_email) == ("new@example.org", "")
    assert "new@example.org is confirmed" in text(Client().post(at, follow=True)), "pressed twice"


def test_resets_and_notices_go_to_confirmed_addresses_alone(alice: Person) -> None:
    Person.objects.update(wants_mail=True)
    ask(sign_in(), "new@example.org")
    mails.send_due()
    mail.outbox.clear()
    for address in ("new@example.org", "alice@example.org"):
        Client().post(FORGOTTEN, {"email": address})
    Notice.objects.create(person=alice, text="Something.")
    notices.queue_emails()
    assert mails.send_due() == 2
    assert {sent.to[0] for sent in mail.outbox} == {"alice@example.org"}


@pytest.mark.survives(
    "that link after a day, after a new password, after another address …",
    "confirms nothing",
)
@pytest.mark.parametrize("why", ["too old", "a new password", "another address", "closed"])
def test_a_link_of_before_confirms_nothing(why: str, alice: Person) -> None:
    here = sign_in()
    ask(here, "new@example.org")
    mails.send_due()
    mail.outbox.pop()
    at, now = link(), timezone.now()
    if why == "a new password":
        here.post(reverse("password_change"), {"old_password": PASSWORD, **NEW})
    elif why == "another address":
        ask(here, "newer@example.org")
    elif why == "closed":
        here.post(ACCOUNT, {"do": "close", "drawings": "keep", "password": PASSWORD})
    with time_machine.travel(now + timedelta(days=1, minutes=1) if why == "too old" else now):
        assert "used already, or is too old" in text(Client().post(at))
    alice.refresh_from_db()
    assert alice.email == ("" if why == "closed" else "alice@example.org")


def test_the_same_address_asked_for_again_makes_the_first_link_void(alice: Person) -> None:
    here = sign_in()
    links = []
    for _ in range(2):
        ask(here, "new@example.org")
        mails.send_due()
        mail.outbox.pop()
        links.append(link())
    assert "used already" in text(Client().get(links[0]))
    assert "Is new@example.org" in text(Client().get(links[1]))


def test_an_address_given_twice_before_anything_is_sent_is_one_email_to_each(alice: Person) -> None:
    here = sign_in()
    for _ in range(2):
        ask(here, "new@example.org")
    assert mails.send_due() == 2
    mail.outbox.pop()
    assert "Is new@example.org" in text(Client().get(link()))


def test_an_address_given_at_sign_up_is_confirmed_too(db: None) -> None:
    given = {"username": "newcomer", "password": PASSWORD, "email": "new@example.org"}
    page = Client().post(reverse("sign_up"), given, follow=True)
    assert "A link to confirm your address" in text(page)
    api = given | {"username": "another", "email": "api@example.org"}
    assert Client().post("/api/accounts/", api, "application/json").status_code == 201
    Client().post(FORGOTTEN, {"email": "new@example.org"})
    assert mails.send_due() == 2, "and no reset"
    told = [str(sent.body) for sent in mail.outbox]
    assert not any(name in body for body in told for name in ("newcomer", "another")), (
        "what a stranger calls themself, perhaps prize.example, is not sent to others"
    )
    Client().post(link())
    assert Person.objects.get(username="another").email == "api@example.org"
    assert Person.objects.get(username="newcomer").email == ""


def test_an_address_is_taken_away_with_the_password_and_its_owner_told(alice: Person) -> None:
    Person.objects.update(wants_mail=True)
    here = sign_in()
    assert "not your password" in text(ask(here, "", "guess"))
    ask(here, "")
    alice.refresh_from_db()
    assert (alice.email, alice.wants_mail) == ("", False)
    mails.send_due()
    assert [sent.to for sent in mail.outbox] == [["alice@example.org"]]


def test_the_old_address_is_told_when_an_admin_gives_another(
    alice: Person, ada: Person, browse: Browse
) -> None:
    form = {"username": "alice", "email": "new@example.org", "role": alice.role}
    browse(ada).post(reverse("admin:collector_person_change", args=[alice.pk]), form)
    mails.send_due()
    assert [sent.to for sent in mail.outbox] == [["alice@example.org"]]


def test_nobody_floods_an_address_with_links(alice: Person) -> None:
    here = sign_in()
    answers = [ask(here, "victim@example.org").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


def test_an_address_that_nobody_confirmed_is_forgotten_after_its_day(alice: Person) -> None:
    ask(sign_in(), "stranger@example.org")
    tasks.tidy()
    alice.refresh_from_db()
    assert alice.unconfirmed_email == "stranger@example.org"
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        tasks.tidy()
    alice.refresh_from_db()
    assert (alice.unconfirmed_email, alice.email_asked_at) == ("", None)


def test_when_somebody_was_here_is_written_every_ten_minutes_and_costs_no_page(
    alice: Person,
) -> None:
    here = sign_in()
    [begun] = Session.objects.values_list("seen_at", flat=True)
    here.get(ACCOUNT)
    assert Session.objects.get().seen_at == begun

    def full(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise DatabaseError("disk full")
        return execute(sql, *rest)

    with time_machine.travel(begun + timedelta(minutes=11)):
        with connection.execute_wrapper(full):
            assert is_signed_in(here)
        assert Session.objects.get().seen_at == begun
        assert is_signed_in(here)
        assert Session.objects.get().seen_at > begun


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        (SAFARI, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("Mozilla/5.0", "Mozilla"),
        ("", "unknown"),
        ("x" * 500, "x" * 30),
    ],
)
def test_a_browser_is_named_in_short(agent: str, words: str) -> None:
    assert sessions.describe(agent) == words


# What somebody began with the old password comes to its end after it was changed.


def changed_meanwhile(person: Person) -> Person:
    """Somebody as a request read them before their password was changed."""
    before = Person.objects.get(pk=person.pk)
    person.set_password("another fine horse")
    person.save()
    return before


@pytest.mark.survives(
    "a token asked for or an address given with a password that is changed in the same moment",
    "refused; nothing outlives the change",
)
def test_no_token_is_issued_for_a_password_that_was_changed_meanwhile(alice: Person) -> None:
    before = changed_meanwhile(alice)
    with pytest.raises(Conflict):
        accounts.issue_token(before)
    assert not Token.objects.exists()
    assert accounts.issue_token(Person.objects.get(pk=alice.pk))[0]


@pytest.mark.survives(
    "a token asked for or an address given with a password that is changed in the same moment",
    "refused; nothing outlives the change",
)
def test_no_address_waits_that_was_given_with_a_password_changed_meanwhile(alice: Person) -> None:
    before = changed_meanwhile(alice)
    with pytest.raises(Conflict):
        accounts.change_email(before, "thief@example.org", PASSWORD, address="", site="")
    alice.refresh_from_db()
    assert not alice.unconfirmed_email
    assert not Email.objects.exists()


@pytest.mark.survives(
    "an address given while the account closes",
    "refused; the account stays closed and without address",
)
def test_what_is_changed_while_an_account_closes_brings_no_address_back(alice: Person) -> None:
    before = Person.objects.get(pk=alice.pk)
    closing.close(alice, PASSWORD, remove=False)
    with pytest.raises(Conflict):
        accounts.change_email(before, "late@example.org", PASSWORD, address="", site="")
    now = Person.objects.get(pk=alice.pk)
    assert (now.email, now.unconfirmed_email) == ("", "")


@pytest.mark.survives(
    "an admin gives an address while another waits to be confirmed",
    "the wait ends",
)
def test_an_admin_who_gives_an_address_ends_the_wait_for_another(
    alice: Person, ada: Person, browse: Browse
) -> None:
    accounts.change_email(
        alice, "thief@example.org", PASSWORD, address="", site="http://testserver"
    )
    mails.send_due()
    thief = link()
    form = {"username": "alice", "email": "owner@example.org", "role": "crowdworker"}
    browse(ada).post(reverse("admin:collector_person_change", args=[alice.pk]), form)
    Client().post(thief)
    alice.refresh_from_db()
    assert (alice.email, alice.unconfirmed_email) == ("owner@example.org", "")


@pytest.mark.survives(
    "an admin's form of before an account was closed",
    "403",
)
def test_no_admin_writes_a_name_into_a_closed_account(
    alice: Person, ada: Person, browse: Browse
) -> None:
    closing.close(alice, PASSWORD, remove=False)
    form = {"username": "alice", "email": "alice@example.org", "role": "crowdworker"}
    address = reverse("admin:collector_person_change", args=[alice.pk])
    assert browse(ada).post(address, form).status_code == 403
    assert Person.objects.get(pk=alice.pk).username.startswith("gone-")


# What is asked for in somebody's name, and by odd requests.


def ask_reset(email: str, address: str) -> int:
    return Client(REMOTE_ADDR=address).post(FORGOTTEN, {"email": email}).status_code


@pytest.mark.survives(
    "resets asked for in others' names, sign-ups with others' addresses",
    "nobody's own allowance is used up",
)
def test_who_has_no_more_resets_takes_none_from_others(alice: Person) -> None:
    names = (f"nobody{number}@example.org" for number in range(100))
    assert any(ask_reset(name, "192.0.2.1") == 429 for name in names)
    for _ in range(3):
        assert ask_reset("alice@example.org", "192.0.2.1") == 429
    assert ask_reset("alice@example.org", "192.0.2.2") == 302


@pytest.mark.survives(
    "resets asked for in others' names, sign-ups with others' addresses",
    "nobody's own allowance is used up",
)
def test_sign_ups_with_somebodys_address_take_no_reset_from_them(alice: Person) -> None:
    for number in range(4):
        given = {"username": f"liar{number}", "password": PASSWORD, "email": "alice@example.org"}
        Client().post("/api/accounts/", given, "application/json")
    assert ask_reset("alice@example.org", "192.0.2.2") == 302


@pytest.mark.parametrize("email", ['"\x0cx"@example.org', '"\tx"@example.org'])
def test_no_address_has_control_characters(db: None, email: str) -> None:
    given = {"username": "newcomer", "password": PASSWORD, "email": email}
    refused = Client().post("/api/accounts/", given, "application/json")
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "email")
    with pytest.raises(Refused):
        accounts.ask_reset(email, address="", site="")


@pytest.mark.survives(
    "one mailbox in many spellings",
    "counted as one",
)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Me@b\u00fccher.example", "me@xn--bcher-kva.example"),
        ('"vic\\tim"@example.org', "victim@example.org"),
    ],
)
def test_a_mailbox_is_the_same_however_it_is_spelled(one: str, other: str) -> None:
    assert accounts._mailbox(one) == accounts._mailbox(other)


@pytest.mark.parametrize("to", ["x", "draw", "?x", "\u20ac", "..", "foo.bar"])
def test_an_odd_place_to_go_on_to_after_signing_in_signs_in_all_the_same(
    alice: Person, to: str
) -> None:
    client = Client()
    given = {"username": "alice", "password": PASSWORD, "next": to}
    assert client.post(reverse("sign_in"), given).status_code == 302
    assert is_signed_in(client)


@pytest.mark.survives(
    "ending a session that has ended, or is none",
    "it says so",
)
def test_an_odd_session_to_end_is_none(alice: Person) -> None:
    assert "That has ended already" in text(
        sign_in().post(ACCOUNT, {"do": "end", "id": "\0"}, follow=True)
    )


@pytest.mark.survives(
    "`Host` with a port that somebody made up, or of 400 digits",
    "links in emails lead to no such port",
)
def test_links_lead_to_no_port_that_the_request_made_up(alice: Person, settings: Any) -> None:
    settings.ALLOWED_HOSTS, settings.PORT = ["digits.example"], 8000
    settings.CSRF_TRUSTED_ORIGINS = ["http://digits.example:8443"]
    for host, place in {
        "digits.example": "digits.example",
        "digits.example:8000": "digits.example:8000",
        "digits.example:8443": "digits.example:8443",
        "digits.example:31337": "digits.example",
        f"digits.example:{'0' * 400}8000": "digits.example",
    }.items():
        asked = RequestFactory().get("/", headers={"Host": host})
        assert mails.site_of(asked) == f"http://{place}"
