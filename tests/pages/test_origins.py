"""Forms come from this site and from the origins that it lists; what is not taken is told why. And
probes answer whoever asks, by whatever name."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from collector.models import Person
from tests.support import PASSWORD
from tests.support.pages import text

TUNNEL = "https://digits.example:8443"
JSON = "application/json"


class Browser:
    """A browser whose forms are checked, as Django's test client does not by itself."""

    def __init__(self, **headers: str) -> None:
        self.client = Client(enforce_csrf_checks=True, headers=headers)
        self.client.get(reverse("sign_in"))

    def sign_in(
        self, path: str = "/accounts/sign-in/", token: str | None = None, **more: Any
    ) -> Any:
        given = {"username": "alice", "password": PASSWORD}
        sent = self.client.cookies["csrftoken"].value if token is None else token
        return self.client.post(path, given | {"csrfmiddlewaretoken": sent}, **more)


@pytest.mark.survives(
    "a form or a script's request from another port, a tunnel, nowhere, without its cookie, too"
    " old",
    "told which it is, and which origin an admin has to list",
)
def test_a_form_from_an_origin_that_is_not_listed_is_told_so_and_what_an_admin_has_to_do(
    alice: Person,
) -> None:
    refused = Browser(origin=TUNNEL).sign_in()
    assert refused.status_code == 403
    said = text(refused)
    assert f"This comes from {TUNNEL}, and this site knows itself as http://testserver." in said
    assert f"add {TUNNEL} to DADC_ORIGINS" in said
    assert "X-Forwarded-Proto" in said
    assert "too long" not in said


def test_a_form_from_a_listed_origin_is_taken(alice: Person, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = [TUNNEL]
    assert Browser(origin=TUNNEL).sign_in().status_code == 302
    assert Browser(origin="https://digits.example").sign_in().status_code == 403


def test_without_origin_the_page_that_the_browser_names_counts(
    alice: Person, settings: Any
) -> None:
    there = {"referer": f"{TUNNEL}/accounts/sign-in/"}
    assert f"This comes from {TUNNEL}," in text(Browser(**there).sign_in(secure=True))
    settings.CSRF_TRUSTED_ORIGINS = [TUNNEL]
    assert Browser(**there).sign_in(secure=True).status_code == 302


@pytest.mark.survives(
    "a form or a script's request from another port, a tunnel, nowhere, without its cookie, too"
    " old",
    "told which it is, and which origin an admin has to list",
)
@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"origin": "null"}, "does not say from which site this comes. Open https://testserver"),
        ({}, "does not say from which page this comes"),
        ({"referer": "https://["}, "does not say from which page this comes"),
        ({"referer": "http://testserver/"}, "a page that was not opened by https"),
    ],
)
def test_a_form_from_nowhere_is_told_so(headers: dict[str, str], told: str, alice: Person) -> None:
    assert told in text(Browser(**headers).sign_in(secure=True))


@pytest.mark.survives(
    "a form or a script's request from another port, a tunnel, nowhere, without its cookie, too"
    " old",
    "told which it is, and which origin an admin has to list",
)
def test_a_form_without_its_cookie_or_that_is_too_old_is_told_so(alice: Person) -> None:
    browser = Browser()
    assert "open for too long" in text(browser.sign_in(token="x" * 64))
    browser.client.cookies.clear()
    assert "Allow cookies" in text(browser.sign_in(token="x" * 64))


def test_a_pages_script_is_told_the_same(alice: Person, settings: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="collector.people.accounts.Backend")
    client.get("/draw/")
    headers = {"origin": TUNNEL, "x-csrftoken": client.cookies["csrftoken"].value}
    refused = client.post("/api/attempts/", {}, JSON, headers=headers)
    assert refused.status_code == 403
    assert refused.json()["error"]["message"].startswith(f"This comes from {TUNNEL}, and ")
    settings.CSRF_TRUSTED_ORIGINS = [TUNNEL]
    again = Client(enforce_csrf_checks=True)
    again.cookies = client.cookies
    assert again.post("/api/attempts/", {}, JSON, headers=headers).status_code == 400


@pytest.mark.survives(
    "`/healthz` and `/readyz` by IP and by any other Host, GET and HEAD",
    "answered; every other address 400",
)
@pytest.mark.parametrize(
    "host", ["10.1.2.3", "10.1.2.3:8000", "[fd00::7]", "", "a b", "evil.example"]
)
@pytest.mark.parametrize("method", ["get", "head"])
def test_probes_answer_by_any_host_and_nothing_else_does(
    host: str, method: str, db: None, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    ask = getattr(Client(headers={"host": host}), method)
    lives, is_ready = ask("/healthz"), ask("/readyz")
    assert (lives.status_code, is_ready.status_code) == (200, 503)  # no worker runs
    assert lives.content == (b"ok\n" if method == "get" else b"")
    assert bool(is_ready.content) == (method == "get")
    assert lives["Content-Length"] == "3"
    for path in (
        "/",
        "/healthz/",
        "//healthz",
        "/api/rounds/",
        "/static/css/base.css",
        "/x/healthz",
    ):
        assert ask(path).status_code == 400, path
