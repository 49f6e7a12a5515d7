"""What docs/security.md says and no other test shows."""

import logging

import pytest
from django.test import Client
from django.urls import reverse

from collector.models import Person
from tests.support import PASSWORD


def test_headers_and_cookies_are_as_the_security_guide_says(alice: Person) -> None:
    client = Client()
    client.post(reverse("sign_in"), {"username": "alice", "password": PASSWORD})
    for address in (reverse("draw"), "/api/rounds/", "/nothing/"):
        answer = client.get(address)
        for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert part in answer["Content-Security-Policy"], address
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Content-Type"] in ("text/html; charset=utf-8", "application/json")
    for name in ("sessionid", "sessionid-device"):
        assert client.cookies[name]["httponly"]
        assert client.cookies[name]["samesite"] == "Lax"


@pytest.mark.survives(
    "a page that the link of an email opens, as it asks for its files or is left for another",
    "it tells its origin alone, never the link, and its form is taken",
)
@pytest.mark.parametrize("path", ["/account/email/of-somebody/", "/accounts/reset/MQ/of-somebody/"])
def test_the_page_of_a_link_tells_nobody_its_address(db: None, path: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.get(path)["Referrer-Policy"] == "strict-origin"
    browser.get(reverse("sign_in"))
    form = {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    origin = {"Origin": "http://testserver", "Referer": "http://testserver/"}
    assert browser.post(path, form, headers=origin).status_code == 200


def test_a_password_of_a_hundred_characters_and_spaces_is_taken_as_it_is(db: None) -> None:
    password = "  Ä " + "x y" * 32
    client = Client()
    client.post(reverse("sign_up"), {"username": "long", "password": password})
    client.post(reverse("sign_out"))
    for given in (password.strip(), password.lower(), password[:72]):
        refused = client.post(reverse("sign_in"), {"username": "long", "password": given})
        assert refused.status_code == 200
    taken = client.post(reverse("sign_in"), {"username": "long", "password": password})
    assert taken.status_code == 302
    form = client.post(reverse("sign_out"), follow=True) and client.get(reverse("sign_in"))
    assert 'type="password"' in form.content.decode()
    assert 'autocomplete="current-password"' in form.content.decode()


@pytest.mark.parametrize(
    "address",
    ["/.git/config", "/static/", "/static/js/", "/static/../manage.py", "/manage.py", "/.data/"],
)
def test_nothing_but_static_files_is_served_as_a_file(db: None, address: str) -> None:
    assert Client().get(address).status_code == 404
    assert Client().generic("TRACE", "/api/rounds/").status_code == 405
    assert Client().generic("TRACE", "/").status_code == 405


def test_sign_ins_are_logged_without_what_was_typed(
    alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = Client(REMOTE_ADDR="198.51.100.7")
    client.post(reverse("sign_in"), {"username": "my-password-in-here", "password": "guess-it"})
    client.post(reverse("sign_in"), {"username": "alice", "password": PASSWORD})
    assert "A sign-in from 198.51.100.7 failed." in caplog.text
    assert f"{alice.pk} signed in." in caplog.text
    assert "my-password-in-here" not in caplog.text
    assert "guess-it" not in caplog.text
    assert PASSWORD not in caplog.text
