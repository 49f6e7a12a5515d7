"""Second factors: adding them, signing in with them, losing them, and a study that asks for one."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pyotp
import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from collector.models import AdminAction, Factor, Notice, Person, Session, Study, Token
from collector.people import accounts, mails
from collector.study import settings as study_settings
from tests.support import PASSWORD
from tests.support.dumps import tables_with
from tests.support.pages import Browse, text
from tests.support.passkeys import Passkey

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HALF_A_MINUTE = timedelta(seconds=30)
OURS = {"origin": "http://testserver"}


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still, so that a code is good for as long as a test wants."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def page() -> str:
    return reverse("factors")


def opened(client: Client) -> Any:
    """The page of second factors, once the password was given."""
    client.post(page(), {"do": "password", "password-password": PASSWORD})
    return client.get(page())


def secret_on(answer: Any) -> str:
    [found] = re.findall(r'class="secret">([A-Z2-7]{32})<', answer.content.decode())
    return str(found)


def code_of(secret: str, later: timedelta = timedelta()) -> str:
    return pyotp.TOTP(secret).at(timezone.now() + later)


def options_on(answer: Any) -> dict[str, Any]:
    """What a passkey is asked with on a page."""
    [found] = re.findall(r'data-options="([^"]+)"', answer.content.decode())
    options: dict[str, Any] = json.loads(unescape(found))
    return options


def add_app(client: Client) -> tuple[str, list[str]]:
    """The secret of an app that is added, and the recovery codes that come with it."""
    secret = secret_on(opened(client))
    given = {"do": "app", "app-name": "Phone", "app-code": code_of(secret, -HALF_A_MINUTE)}
    return secret, codes_on(client.post(page(), given))


def codes_on(answer: Any) -> list[str]:
    return re.findall(r"(?:[a-z2-7]{4}-){5}[a-z2-7]{4}", answer.content.decode())


def add_passkey(client: Client, passkey: Passkey) -> Any:
    answer = passkey.make(options_on(opened(client)))
    given = {"do": "passkey", "passkey-name": "Key", "passkey-answer": answer}
    return client.post(page(), given)


def first_step(person: Person, client: Client | None = None) -> Client:
    """A browser in which somebody has given the right password."""
    client = client or Client()
    given = {"username": person.username, "password": PASSWORD}
    answer = client.post(reverse("sign_in"), given)
    assert answer["Location"] == reverse("second_step")
    return client


def second_step(client: Client, code: str) -> Any:
    return client.post(reverse("second_step"), {"do": "code", "code": code})


def is_in(client: Client) -> bool:
    return client.get(reverse("draw")).status_code == 200


def ask_for_token(person: Person, **code: str) -> Any:
    given = {"username": person.username, "password": PASSWORD, **code}
    return Client().post("/api/tokens/", given, content_type="application/json")


@pytest.fixture
def secret(browse: Browse, alice: Person) -> str:
    """That of alice's app."""
    return add_app(browse(alice))[0]


def test_with_an_app_the_password_alone_signs_nobody_in(alice: Person, secret: str) -> None:
    client = first_step(alice)
    assert not is_in(client)
    refused = second_step(client, "000000" if code_of(secret) != "000000" else "111111")
    assert "That code is wrong" in text(refused)
    assert not is_in(client)
    assert second_step(client, code_of(secret))["Location"] == reverse("draw")
    assert is_in(client)
    assert Factor.objects.get().used_at == NOON


def test_one_goes_where_one_wanted_to_after_the_second_step(alice: Person, secret: str) -> None:
    client = Client()
    given = {"username": "alice", "password": PASSWORD, "next": "/account/"}
    client.post(reverse("sign_in"), given)
    assert second_step(client, code_of(secret))["Location"] == "/account/"


def test_a_code_is_taken_once_and_none_that_came_before_it(
    alice: Person, secret: str, clock: time_machine.Traveller
) -> None:
    now, before, after = (code_of(secret, n * HALF_A_MINUTE) for n in (0, -1, 1))
    assert second_step(first_step(alice), now).status_code == 302
    for used in (now, before):
        assert second_step(first_step(alice), used).status_code == 200
    assert second_step(first_step(alice), after).status_code == 302
    assert ask_for_token(alice, code=after).status_code == 400


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(
    alice: Person, secret: str, clock: time_machine.Traveller, steps: int, is_taken: bool
) -> None:
    clock.shift(timedelta(minutes=5))
    answer = second_step(first_step(alice), code_of(secret, steps * HALF_A_MINUTE))
    assert (answer.status_code == 302) is is_taken


def test_the_second_step_is_for_the_browser_of_the_first_and_for_five_minutes(
    alice: Person, secret: str, clock: time_machine.Traveller
) -> None:
    assert second_step(Client(), code_of(secret))["Location"] == reverse("sign_in")
    late = first_step(alice)
    clock.shift(timedelta(minutes=5))
    answer = late.post(reverse("second_step"), {"do": "code", "code": code_of(secret)}, follow=True)
    assert "That took too long" in text(answer)
    assert not is_in(late)


def press_twice(client: Client, address: str, form: dict[str, str]) -> None:
    """Send a form twice before an answer came; a browser keeps what both answers set."""
    again = Client()
    for name, morsel in client.cookies.items():
        again.cookies[name] = morsel.value
    client.post(address, form)
    for name, morsel in again.post(address, form).cookies.items():
        client.cookies[name] = "" if morsel["max-age"] == 0 else morsel.value


def test_whoever_presses_twice_is_in(alice: Person, browse: Browse) -> None:
    adding, entering = browse(alice), Client(enforce_csrf_checks=True)
    secret = secret_on(opened(adding))
    app = {"do": "app", "app-name": "Phone", "app-code": code_of(secret, -HALF_A_MINUTE)}
    press_twice(adding, page(), app)
    assert is_in(adding)
    client = first_step(alice)
    form = {"do": "code", "code": code_of(secret)}
    press_twice(client, reverse("second_step"), form)
    first = client.get(reverse("draw"))
    assert first.status_code == 200
    assert "too long" not in text(first)
    # Where the first answer has come, and with it another token.
    entering.cookies = client.cookies
    entering.get(reverse("account"))
    void = form | {"csrfmiddlewaretoken": "x" * 64}
    assert entering.post(reverse("second_step"), void)["Location"] == reverse("draw")


def test_a_first_step_ends_with_a_change_of_the_password_or_a_suspension(
    alice: Person, secret: str
) -> None:
    changed, suspended = first_step(alice), first_step(alice)
    Person.objects.filter(pk=alice.pk).update(is_active=False)
    assert second_step(suspended, code_of(secret))["Location"] == reverse("sign_in")
    Person.objects.filter(pk=alice.pk).update(is_active=True)
    alice.refresh_from_db()
    alice.set_password("another, and a long one")
    alice.save()
    assert second_step(changed, code_of(secret))["Location"] == reverse("sign_in")


def test_a_new_session_begins_with_each_step(alice: Person, secret: str) -> None:
    client = Client()
    client.get(reverse("sign_in"))
    first_step(alice, client)
    before = client.cookies["sessionid"].value
    second_step(client, code_of(secret))
    assert client.cookies["sessionid"].value != before
    assert not Session.objects.filter(pk=before).exists()


def test_a_forgotten_password_does_not_pass_the_second_step(alice: Person, secret: str) -> None:
    Client().post(reverse("password_reset"), {"email": alice.email})
    mails.send_due()  # the search, and what comes of it
    mails.send_due()
    body = str(mail.outbox[-1].body)
    [link] = re.findall(r"http://testserver(/accounts/reset/[^/\s]+/[^/\s]+/)", body)
    client = Client()
    form = client.get(link)["Location"]
    new = {"new_password1": "another, and a long one", "new_password2": "another, and a long one"}
    assert client.post(form, new)["Location"] == reverse("password_reset_complete")
    assert not is_in(client)
    given = {"username": "alice", "password": "another, and a long one"}
    assert client.post(reverse("sign_in"), given)["Location"] == reverse("second_step")


@pytest.mark.survives(
    "Somebody knows a password and guesses codes",
    "twenty from new places are taken in an hour; the owner signs in where they are known, or with "
    "a passkey or a recovery code anywhere",
)
def test_guessing_codes_ends_and_locks_nobody_out(
    alice: Person, browse: Browse, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = 1
    known = browse(alice)
    secret, recovery = add_app(known)

    def at(address: str) -> Client:
        return Client(headers={"x-forwarded-for": address})

    home = first_step(alice, at("198.51.100.7"))
    assert second_step(home, code_of(secret)).status_code == 302
    taken = 0
    for number in range(5):
        client = first_step(alice, at(f"203.0.113.{number}"))
        answers = [second_step(client, "123456") for _ in range(11)]
        taken += sum(answer.status_code == 200 for answer in answers)
        assert answers[-1].status_code == 429
        assert int(answers[-1]["Retry-After"]) > 0
    assert taken == 20
    home.cookies.pop("sessionid")
    assert second_step(first_step(alice, home), code_of(secret, HALF_A_MINUTE)).status_code == 302
    elsewhere = first_step(alice, at("192.0.2.1"))
    assert second_step(elsewhere, recovery[0]).status_code == 302


def test_who_knows_the_password_alone_makes_no_place_known(alice: Person, secret: str) -> None:
    client = first_step(alice)
    assert "sessionid-device" not in client.cookies
    second_step(client, code_of(secret))
    assert "sessionid-device" in client.cookies


def test_recovery_codes_sign_in_once_each_and_new_ones_make_them_void(
    alice: Person, browse: Browse
) -> None:
    client = browse(alice)
    _, codes = add_app(client)
    assert len(set(codes)) == 10
    assert codes_on(client.get(page())) == []
    assert second_step(first_step(alice), f" {codes[0].upper()} ").status_code == 302
    assert second_step(first_step(alice), codes[0]).status_code == 200
    assert tables_with(codes[1].replace("-", "")) == tables_with(codes[1]) == set()
    renewed = codes_on(client.post(page(), {"do": "renew"}))
    assert len(renewed) == 10
    assert second_step(first_step(alice), codes[1]).status_code == 200
    assert second_step(first_step(alice), renewed[0]).status_code == 302
    assert alice.recovery_codes.count() == 9


def test_an_apps_secret_lies_in_no_table_and_is_one_persons(
    alice: Person, bob: Person, browse: Browse, secret: str
) -> None:
    assert tables_with(secret) == set()
    offered = secret_on(opened(browse(bob)))
    assert tables_with(offered) == set()
    taken = Factor.objects.get()
    Factor.objects.create(person=bob, kind="app", name="Stolen", content=taken.content)
    assert second_step(first_step(bob), code_of(secret)).status_code == 200


@pytest.mark.survives(
    "DADC_SECRET_KEY is another",
    "codes of apps are wrong from then on, and the log says why; passkeys and recovery codes go on",
)
def test_with_another_site_key_recovery_codes_and_passkeys_go_on(
    alice: Person, browse: Browse, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client, passkey = browse(alice), Passkey()
    secret, codes = add_app(client)
    add_passkey(client, passkey)
    settings.SECRET_KEY = "another key"
    assert second_step(first_step(alice), code_of(secret)).status_code == 200
    assert "DADC_SECRET_KEY is another" in caplog.text
    assert second_step(first_step(alice), codes[0]).status_code == 302
    assert by_passkey(first_step(alice), passkey).status_code == 302


def by_passkey(client: Client, passkey: Passkey) -> Any:
    options = options_on(client.get(reverse("second_step")))
    given = {"do": "passkey", "answer": passkey.sign(options)}
    return client.post(reverse("second_step"), given, follow=False)


def test_a_passkey_signs_in_and_is_this_sites_and_this_persons_alone(
    alice: Person, bob: Person, browse: Browse
) -> None:
    passkey = Passkey()
    assert len(codes_on(add_passkey(browse(alice), passkey))) == 10
    by_passkey(client := first_step(alice), passkey)
    assert is_in(client)
    for wrong in (
        {"origin": "https://evil.example"},
        {"origin": "http://testserver:81"},
        {"rp_id": "evil.example"},
        {"key": Passkey().key},
        {"id": b"x" * 32},
    ):
        other = Passkey()
        other.__dict__ |= passkey.__dict__ | wrong
        client = first_step(alice)
        by_passkey(client, other)
        assert not is_in(client), wrong
    refused = add_passkey(browse(bob), passkey)
    assert "in use already" in text(refused)
    assert not bob.factors.exists()


def test_an_answer_to_an_earlier_question_is_no_answer(alice: Person, browse: Browse) -> None:
    passkey = Passkey()
    add_passkey(browse(alice), passkey)
    client = first_step(alice)
    signed = passkey.sign(options_on(client.get(reverse("second_step"))))
    client.get(reverse("second_step"))
    client.post(reverse("second_step"), {"do": "passkey", "answer": signed})
    assert not is_in(client)


def test_a_passkey_that_counts_backwards_is_not_taken(alice: Person, browse: Browse) -> None:
    passkey = Passkey()
    add_passkey(browse(alice), passkey)
    for count, is_taken in ((0, True), (0, True), (7, True), (7, False), (6, False), (0, False)):
        passkey.count = count
        by_passkey(client := first_step(alice), passkey)
        assert is_in(client) is is_taken, count


@pytest.mark.survives("An answer of a passkey that is made up", "it is refused in a sentence")
@pytest.mark.parametrize(
    "answer", ["", "{", "[]", "7", '{"id": 1}', '{"rawId": "AA", "response": {}}', "[" * 5000]
)
def test_whatever_a_passkeys_answer_is_it_is_refused_in_a_sentence(
    alice: Person, browse: Browse, answer: str
) -> None:
    client = browse(alice)
    opened(client)
    given = {"do": "passkey", "passkey-name": "Key", "passkey-answer": answer}
    assert client.post(page(), given).status_code == 200
    add_passkey(client, Passkey())
    step = first_step(alice)
    step.get(reverse("second_step"))
    refused = step.post(reverse("second_step"), {"do": "passkey", "answer": answer}, follow=True)
    assert "That passkey was not taken" in text(refused)


def test_origins_are_this_hosts_and_those_of_dadc_origins_at_it(
    alice: Person, browse: Browse, settings: Any
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://testserver:8443", "https://other.example"]
    passkey = Passkey(origin="https://testserver:8443")
    add_passkey(browse(alice), passkey)
    assert alice.factors.count() == 1
    passkey.origin = "https://other.example"
    by_passkey(client := first_step(alice), passkey)
    assert not is_in(client)


@pytest.mark.parametrize("do", ["app", "passkey", "remove", "renew"])
def test_nothing_is_changed_without_the_password_of_the_last_ten_minutes(
    alice: Person, browse: Browse, clock: time_machine.Traveller, do: str
) -> None:
    client, passkey = browse(alice), Passkey()
    _, codes = add_app(client)
    answer = passkey.make(options_on(opened(client)))
    clock.shift(timedelta(minutes=11))
    secret = "A" * 32
    given = {
        "do": do,
        "id": str(alice.factors.get().pk),
        "app-name": "x",
        "app-code": code_of(secret),
        "passkey-name": "x",
        "passkey-answer": answer,
    }
    answered = client.post(page(), given, follow=True)
    assert alice.factors.count() == 1
    assert codes_on(answered) == []
    assert second_step(first_step(alice), codes[0]).status_code == 302


def test_a_wrong_password_opens_nothing(alice: Person, browse: Browse) -> None:
    client = browse(alice)
    refused = client.post(page(), {"do": "password", "password-password": "wrong"})
    assert "not your password" in text(refused)
    assert 'class="secret"' not in client.get(page()).content.decode()


@pytest.mark.parametrize("change", ["add", "remove", "renew"])
def test_a_change_ends_every_other_session_and_token_and_is_told(
    alice: Person, browse: Browse, change: str
) -> None:
    client = browse(alice)
    if change != "add":
        add_app(client)
    other = browse(alice)
    _, token = accounts.issue_token(Person.objects.get(pk=alice.pk))
    mails.send_due()
    mail.outbox.clear()
    if change == "add":
        add_app(client)
    else:
        factor = alice.factors.get().pk
        client.post(page(), {"do": change, "id": str(factor)})
    assert is_in(client)
    assert not is_in(other)
    assert not Token.objects.filter(pk=token.pk).exists()
    assert mails.send_due() == 1
    assert "were changed" in mail.outbox[0].subject
    assert ("Phone" in mail.outbox[0].body) is (change != "remove")


def test_a_session_of_the_password_alone_does_not_outlive_the_first_factor(
    alice: Person, browse: Browse
) -> None:
    """As where one signs in with the password in the very moment in which another adds the
    factor: the session is stored after the others were ended."""
    signed_in = browse(alice)
    stored = Session.objects.get(person=alice)
    add_app(browse(alice))
    Session.objects.create(**{f.name: getattr(stored, f.name) for f in Session._meta.fields})
    assert not is_in(signed_in)


def test_who_removes_the_last_one_signs_in_with_the_password_again(
    alice: Person, browse: Browse
) -> None:
    client = browse(alice)
    add_app(client)
    gone = {"do": "remove", "id": str(alice.factors.get().pk)}
    assert "Removed." in text(client.post(page(), gone, follow=True))
    assert "It was gone." in text(client.post(page(), gone, follow=True))
    assert not alice.recovery_codes.exists()
    answer = Client().post(reverse("sign_in"), {"username": "alice", "password": PASSWORD})
    assert answer["Location"] == reverse("draw")


def test_nobody_removes_anothers(alice: Person, bob: Person, browse: Browse, secret: str) -> None:
    client = browse(bob)
    opened(client)
    for id_ in (str(alice.factors.get().pk), "x", "9" * 40):
        client.post(page(), {"do": "remove", "id": id_})
    assert alice.factors.count() == 1


def test_ten_are_the_most(alice: Person, browse: Browse) -> None:
    client = browse(alice)
    for number in range(9):
        Factor.objects.create(person=alice, kind="app", name=str(number), content=b"")
    for _ in range(2):
        add_passkey(client, Passkey())
    assert "that is the most" in text(client.get(page()))
    assert alice.factors.count() == 10


def test_a_token_takes_a_code_of_who_has_a_factor(alice: Person, browse: Browse) -> None:
    secret, codes = add_app(browse(alice))
    for wrong in ({}, {"code": ""}, {"code": "nonsense"}):
        refused = ask_for_token(alice, **wrong)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "second_factor"
        assert refused.json()["error"]["field"] == "code"
    for right in (code_of(secret), codes[0]):
        assert ask_for_token(alice, code=right).status_code == 201
        assert ask_for_token(alice, code=right).status_code == 400


def test_without_a_factor_a_token_needs_no_code(alice: Person) -> None:
    assert ask_for_token(alice).status_code == 201


def test_the_account_page_makes_a_token_for_the_password_and_shows_it_once(
    alice: Person, browse: Browse
) -> None:
    client = browse(alice)
    add_passkey(client, Passkey())
    asked = {"do": "token", "token-name": "My script"}
    refused = client.post(reverse("account"), {**asked, "token-password": "wrong"})
    assert "not your password" in text(refused)
    made = client.post(reverse("account"), {**asked, "token-password": PASSWORD})
    assert "no-store" in made["Cache-Control"]
    [token] = re.findall(r'class="secret">([^<]+)<', made.content.decode())
    own = Client().get("/api/attempts/", headers={"Authorization": f"Token {token}"})
    assert own.status_code == 200
    assert token not in client.get(reverse("account")).content.decode()


def reset(admin: Client, name: str, why: str = "They called, and I know the voice.") -> Any:
    given = {"do": "reset_factors", "reset_factors-why": why}
    return admin.post(reverse("person", args=[name]), given, follow=True)


def test_an_admin_takes_lost_factors_away_with_a_reason_and_it_is_told(
    alice: Person, ada: Person, browse: Browse
) -> None:
    client, admin = browse(alice), browse(ada)
    add_app(client)
    half_way = first_step(alice)
    mails.send_due()
    mail.outbox.clear()
    assert "This field is required" in text(reset(admin, "alice", why=""))
    assert alice.factors.count() == 1
    assert "has no second factor any more" in text(reset(admin, "alice"))
    assert not alice.factors.exists()
    assert not alice.recovery_codes.exists()
    assert not is_in(client)
    assert half_way.get(reverse("second_step"))["Location"] == reverse("sign_in")
    assert mails.send_due() == 1
    assert "It has none now" in mail.outbox[0].body
    assert "I know the voice" in Notice.objects.get(person=alice).text
    assert AdminAction.objects.get().kind == "factors"
    log = text(admin.get(reverse("admin_log")))
    assert "ada took away the second factors of alice" in log
    assert "no second factor (any more)" in text(reset(admin, "alice"))


def test_nobody_but_an_admin_takes_them_away_and_no_admin_their_own(
    alice: Person, mona: Person, ada: Person, browse: Browse, secret: str
) -> None:
    assert reset(browse(mona), "alice").status_code == 403
    admin = browse(ada)
    add_app(admin)
    assert "Take away the second factors" not in text(admin.get(reverse("person", args=["ada"])))
    assert reset(admin, "ada").status_code == 403
    assert (alice.factors.count(), ada.factors.count()) == (1, 1)


def test_the_command_helps_an_admin_whom_no_other_can(ada: Person, browse: Browse) -> None:
    client = browse(ada)
    add_app(client)
    call_command("forget_factors", "Ada")
    assert not is_in(client)
    assert not ada.factors.exists()
    for name, said in (("ada", "has no second factor"), ("nobody", "nobody of this name")):
        with pytest.raises(CommandError, match=said):
            call_command("forget_factors", name)


def required() -> None:
    Study.objects.update(requires_second_factor=True)


def test_who_switches_it_on_needs_one_and_it_is_logged(ada: Person, browse: Browse) -> None:
    admin = browse(ada)
    study = Study.current()
    fields = [f.name for f in Study._meta.fields if f.name not in ("id", "has_live_preview")]
    values = {name: getattr(study, name) for name in fields}
    given = {"do": "study", **{name: value for name, value in values.items() if value is not None}}
    given["requires_second_factor"] = "on"
    assert "Add a second factor to your own account first" in text(admin.post("/desk/", given))
    assert not Study.current().requires_second_factor
    add_app(admin)
    assert admin.post("/desk/", given).status_code == 302
    assert Study.current().requires_second_factor
    assert "set requires second factor from no to yes" in text(admin.get(reverse("admin_log")))


PAGES = {
    "mona": ["moderate", "my_readings", "guidelines"],
    "ada": ["desk", "people", "admin_log", "moderators", "moderate", "admin:index"],
}


@pytest.mark.parametrize("who", PAGES)
def test_who_has_none_is_led_to_adding_one_and_then_has_all_pages(
    who: str, mona: Person, ada: Person, browse: Browse
) -> None:
    required()
    person = {"mona": mona, "ada": ada}[who]
    client = browse(person)
    for name in PAGES[who]:
        answer = client.get(reverse(name), follow=True)
        assert answer.redirect_chain[-1][0].endswith(page()), name
    assert "asks its moderators and admins for a second factor" in text(client.get("/draw/"))
    add_app(client)
    for name in PAGES[who]:
        assert client.get(reverse(name)).status_code == 200, name
    assert "asks its moderators and admins" not in text(client.get("/draw/"))


def test_without_one_an_admin_sees_no_more_than_a_crowdworker(
    ada: Person, alice: Person, browse: Browse, insert: Callable[..., Any]
) -> None:
    attempt = insert(alice, status="rejected")
    admin = browse(ada)
    drawing = reverse("drawing", args=[attempt.pk])
    assert admin.get(drawing).status_code == 200
    required()
    assert admin.get(drawing).status_code == 404
    assert "What an admin can do" not in text(admin.get(reverse("person", args=["alice"])))
    assert browse(alice).get(drawing).status_code == 200


def test_the_api_says_that_a_second_factor_is_needed(
    ada: Person, mona: Person, alice: Person, browse: Browse
) -> None:
    tokens = {person: ask_for_token(person).json()["token"] for person in (ada, mona, alice)}
    required()

    def ask(person: Person, method: str, path: str) -> Any:
        headers = {"Authorization": f"Token {tokens[person]}"}
        return getattr(Client(), method)(path, headers=headers, content_type="application/json")

    reading = "/api/assignments/00000000-0000-4000-8000-000000000000/reading/"
    for person, method, path in (
        (ada, "get", "/api/samples/"),
        (ada, "post", "/api/assignments/"),
        (mona, "post", "/api/assignments/"),
        (mona, "post", reading),
    ):
        refused = ask(person, method, path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "second_factor")
    assert ask(alice, "get", "/api/attempts/").status_code == 200
    assert ask(mona, "get", "/api/attempts/").status_code == 200
    secret, _ = add_app(browse(mona))
    tokens[mona] = ask_for_token(mona, code=code_of(secret)).json()["token"]
    assert ask(mona, "post", "/api/assignments/").status_code == 204


def test_the_last_admin_without_one_gets_back_in_by_adding_one(ada: Person, browse: Browse) -> None:
    admin = browse(ada)
    add_app(admin)
    study_settings.change(Person.objects.get(pk=ada.pk), requires_second_factor=True)
    admin.post(page(), {"do": "remove", "id": str(ada.factors.get().pk)})
    assert admin.get(reverse("desk"))["Location"] == page()
    add_app(admin)
    assert admin.get(reverse("desk")).status_code == 200


def test_what_is_secret_is_stored_by_no_browser(alice: Person, browse: Browse, secret: str) -> None:
    signed_in = browse(Person.objects.get(pk=alice.pk))
    for answer in (
        signed_in.get(page()),
        signed_in.get(reverse("account")),
        first_step(alice).get(reverse("second_step")),
    ):
        assert "no-store" in answer["Cache-Control"]
