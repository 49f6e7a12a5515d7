"""Every page in the language of whoever looks at it, and nothing on it that no translator saw."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as djangos
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from collector.models import Person
from collector.people import accounts, closing
from dadc_site import pseudo
from tests.support import PASSWORD
from tests.support.pages import Browse, Insert, every_page

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-CH,de;q=0.9,en;q=0.5"}
COOKIE = djangos.LANGUAGE_COOKIE_NAME
ATTRIBUTES = {"alt", "aria-label", "content", "placeholder", "title"}
# What nobody translates: names, codes and times.
NAMES = re.compile(
    r"Fool the Digits|English|Deutsch|alice(@example\.org)?|mona|ada|mnist_model|strong|JSON|UTC"
)
SAID_AS_IT_IS = {"code", "kbd", "script", "style", "time"}


def language_of(client: Client, path: str = "/", **asked: str) -> str:
    page = client.get(path, **asked).content.decode()  # type: ignore[arg-type]
    found = re.search(r'<html lang="([^"]+)"', page)
    assert found
    return found[1]


def test_a_page_is_in_the_accounts_language_else_the_chosen_one_else_the_browsers(
    browse: Browse, alice: Person
) -> None:
    client = browse(alice)
    assert language_of(client) == "en"
    assert language_of(client, **GERMAN) == "de"
    assert language_of(client, HTTP_ACCEPT_LANGUAGE="fr") == "en"
    client.cookies[COOKIE] = "en"
    assert language_of(client, **GERMAN) == "en"
    Person.objects.update(language="de")
    assert language_of(client) == language_of(client, "/nothing/") == "de"
    assert language_of(browse(None), "/nothing/", **GERMAN) == "de"


def test_a_stranger_chooses_a_language_by_a_cookie_and_is_led_back(browse: Browse) -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get("/rounds/?page=1").content.decode()
    assert 'name="next" value="/rounds/?page=1"' in page
    assert "csrfmiddlewaretoken" not in page
    chosen = client.post(reverse("language"), {"language": "de", "next": "/rounds/?page=1"})
    assert chosen["Location"] == "/rounds/?page=1"
    assert chosen.cookies[COOKIE]["httponly"]
    assert language_of(client) == "de"
    outside = client.post(reverse("language"), {"language": "en", "next": "https://evil.example/"})
    assert outside["Location"] == "/"
    assert client.post(reverse("language"), {"language": "qps"}).status_code == 400


def test_who_is_signed_in_changes_the_accounts_language_and_nobody_else_for_them(
    alice: Person,
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="collector.people.accounts.Backend")
    assert client.post(reverse("language"), {"language": "de"}).status_code == 403
    client.get("/")
    token = client.cookies["csrftoken"].value
    client.post(reverse("language"), {"language": "de", "csrfmiddlewaretoken": token})
    alice.refresh_from_db()
    assert alice.language == "de"


def test_an_account_keeps_the_language_of_its_sign_up_until_it_is_closed(db: None) -> None:
    client = Client(**GERMAN)  # type: ignore[arg-type]
    welcome = client.post(
        reverse("sign_up"), {"username": "heidi", "password": PASSWORD}, follow=True
    )
    heidi = Person.objects.get(username="heidi")
    assert heidi.language == "de"
    assert 'lang="de"' in welcome.content.decode()
    form = {"do": "save", "is_listed": "on", "language": "en"}
    assert "Saved." in client.post(reverse("account"), form, follow=True).content.decode()
    accounts.add("another", PASSWORD, role=Person.Role.ADMIN)
    heidi.refresh_from_db()
    closing.close(heidi, PASSWORD, remove=False)
    heidi.refresh_from_db()
    assert heidi.language == ""


def test_scripts_get_their_words_by_an_address_that_changes_with_them(db: None) -> None:
    assert "/words/" not in Client().get("/").content.decode()
    page = Client().get("/", **GERMAN).content.decode()  # type: ignore[arg-type]
    [address] = re.findall(r'<script defer src="(/words/de/\w+\.js)"', page)
    kept = Client().get(address)
    assert "gettext" in kept.content.decode()
    assert "immutable" in kept["Cache-Control"]
    assert "Vary" not in kept or "Cookie" not in kept["Vary"]
    assert Client().get("/words/de/old.js")["Cache-Control"] == "no-cache"
    assert Client().get("/words/xx/old.js").status_code == 404


def test_a_language_costs_no_query(
    browse: Browse, alice: Person, django_assert_num_queries: Any
) -> None:
    client = browse(alice)
    for page in ("/", "/leaderboard/"):
        with CaptureQueriesContext(connection) as asked:
            client.get(page)
        Person.objects.update(language="de")
        with django_assert_num_queries(len(asked)):
            client.get(page)
    with django_assert_num_queries(0):
        client.get("/worker.js")


def test_numbers_in_attributes_are_for_machines_in_every_language(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    attempt = insert(alice)
    page = browse(alice).get(reverse("drawing", args=[attempt.pk]), **GERMAN).content.decode()  # type: ignore[arg-type]
    shown = re.findall(r' (?:value|width|height|x|y|d|stroke-width)="([^"]*)"', page)
    assert any("." in value for value in shown)
    assert [value for value in shown if re.search(r"\d,\d", value)] == []


class Heard(HTMLParser):
    """What a page says outside the brackets of the language that nobody speaks."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.depth = self.silent = 0

    def hear(self, text: str, depth: int = 0) -> int:
        for part in re.split("([⟦⟧])", text):
            depth += {"⟦": 1, "⟧": -1}.get(part, 0)
            if not depth and re.search(r"[^\W\d_]{2}", NAMES.sub("", part)):
                self.outside.append(" ".join(part.split()))
        return depth

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.silent += tag in SAID_AS_IT_IS
        is_of_machines = tag == "meta" and told.get("name") != "description"
        for name in ATTRIBUTES & told.keys() if not is_of_machines else ():
            self.hear(told[name] or "")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in SAID_AS_IT_IS

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.depth = self.hear(data, self.depth)


@pytest.fixture
def nobodys(settings: Any, tmp_path: Path) -> str:
    """The language that nobody speaks, as DADC_DEBUG=1 has it."""
    apps = [djangos.BASE_DIR / app / "locale" for app in ("collector", "trainer")]
    folder = pseudo.make(tmp_path, [*djangos.LOCALE_PATHS, *apps])
    settings.LOCALE_PATHS = [folder, *djangos.LOCALE_PATHS]
    settings.LANGUAGES = [*djangos.LANGUAGES, (pseudo.LANGUAGE, "")]
    return pseudo.LANGUAGE


@pytest.mark.parametrize("who", [None, "alice", "mona", "ada"])
def test_nothing_on_any_page_is_said_outside_gettext(
    nobodys: str,
    browse: Browse,
    insert: Insert,
    alice: Person,
    mona: Person,
    ada: Person,
    who: str | None,
) -> None:
    fool = insert(alice)
    insert(alice, 3, 3, status="not_fooled")
    client = browse({None: None, "alice": alice, "mona": mona, "ada": ada}[who])
    client.cookies[COOKIE] = nobodys
    outside: dict[str, list[str]] = {}
    for name, path in {**every_page(fool), "404": "/nothing/"}.items():
        answer = client.get(path)
        if answer.status_code == 302:
            continue
        page = answer.content.decode()
        assert '<html lang="qps" dir="rtl"' in page, path
        heard = Heard()
        heard.feed(page)
        if heard.outside:
            outside[name] = heard.outside
    assert outside == {}
