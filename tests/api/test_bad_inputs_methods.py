"""Formats and queries that no page of the site asks for, on every URL, against a running
site on SQLite and PostgreSQL."""

import re
from contextlib import closing
from http.client import HTTPConnection

import pytest
from django.apps import apps

from tests.api.test_matrix import EVERYTHING
from tests.support.world import Browser, World, assert_refusal

FILLED = {
    r"<uuid:\w+>": "00000000-0000-4000-8000-000000000000",
    r"<int:number>": "1",
    r"<str:username>": "alice",
    r"<str:link>": "z",
    r"<uidb64>/<token>": "MQ/set-password",
    r"<path:\w+>/<path:\w+>": "1/1",
    r"<(path:)?\w+>": "1",
    r"\^\(\?P<app_label>.*": "collector/",
    r"\(\?P<url>.*": "nothing/",
}
# Which types are served is no affair of the database; what text it holds is.
on_sqlite = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("world", ["postgres"], indirect=True)
# Who reads the metrics also has the site look for what is wrong with it.
OURS = [each for each in EVERYTHING if each != "metrics" and not each.startswith("admin/")]


def path_of(pattern: str) -> str:
    for named, value in FILLED.items():
        pattern = re.sub(named, value, pattern)
    return f"/{pattern}"


@pytest.fixture
def admin(world: World) -> Browser:
    browser = Browser(world.site)
    browser.sign_in("admin")
    browser.get("/desk/")  # which notes that the web lives
    return browser


@pytest.mark.survives(
    "`?format=`, an address with `.json`, an Accept that nobody serves, on every URL",
    "as without, 404, and JSON or 406 in the API",
)
@on_sqlite
def test_every_url_answers_whatever_is_wanted_of_it(world: World, admin: Browser) -> None:
    with world.adding():
        for pattern in OURS:
            path = path_of(pattern)
            got = admin.get(path).status
            assert admin.get(f"{path}?format=pickle").status in {got, 404}, path
            if pattern:
                assert admin.get(f"{path.rstrip('/')}.json").status in {301, 404}, path
            for wanted in ("application/x-nothing", "*/html;q=x,;", "text/html;q=0"):
                answer = admin.ask("GET", path, Accept=wanted)
                assert answer.status in {got, 406}, (wanted, path)


WRITTEN_BY_READING = {
    "collector_allowance": "limits count what they refuse too",
    "collector_session": "a session says when it was seen",
    "trainer_heartbeat": "the desk notes that the web lives",
}
NOT_FOR_READING = ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "NOSUCH"]
NO_METHODS = ["get", "pOsT", "G#T"]


def rows(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but those that whatever is asked may write."""
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    return {
        table: sorted(world.query(f"SELECT * FROM {table}"), key=repr)
        for table in tables
        if table not in WRITTEN_BY_READING
    }


@pytest.mark.survives(
    "HEAD, OPTIONS, PUT, PATCH, DELETE, TRACE, PROPFIND and a made-up method on every URL; small "
    "letters",
    "HEAD as GET; OPTIONS 200 or 405; others 405, small letters 400; no row changes",
)
@on_sqlite
def test_every_url_answers_every_method_and_changes_nothing(world: World, admin: Browser) -> None:
    before, headers = rows(world), {"X-CSRFToken": admin.csrf}

    def answered(method: str, path: str) -> int:
        target = {"target": path.encode()}
        asked = admin.client.request(method, "/", headers=headers, extensions=target)
        return asked.status_code

    for pattern in OURS:
        path = path_of(pattern)
        assert answered("HEAD", path) == answered("GET", path), path
        assert answered("OPTIONS", path) in {200, 403, 404, 405}, path
        for method in NOT_FOR_READING:
            assert answered(method, path) in {404, 405}, (method, path)
    for method in NO_METHODS:
        with closing(HTTPConnection("127.0.0.1", world.site.port)) as wire:
            wire.request(method, "/api/attempts/")
            assert wire.getresponse().status == 400, method
    assert rows(world) == before


ODD = ["%00", str(10**20), "-1", "%ED%A0%80"]
ASKED = ["page", "unsettled", "appeals", "round", "target", "predicted", "q", "next", "period"]


@pytest.mark.survives(
    "U+0000, a page of 10^20, a surrogate or no UTF-8 in any query string of any page",
    "200, 302, 400 or 404; never 500",
)
@on_postgres
def test_every_page_answers_any_query(world: World, admin: Browser) -> None:
    with world.adding():
        for pattern in OURS:
            path = path_of(pattern)
            got = admin.get(path).status
            known = {got, 400, 404}
            for value in ODD if got < 400 else ():
                query = "&".join(f"{name}={value}" for name in ASKED)
                assert admin.get(f"{path}?{query}").status in known, (path, value)


@pytest.mark.survives(
    "U+0000, full-width or Arabic digits in any text field of any form",
    "refused at its field or as text; never 500",
)
@on_postgres
def test_every_form_takes_any_text(world: World, admin: Browser) -> None:
    forms = {
        "/accounts/sign-in/": ["username", "password"],
        "/accounts/reset/": ["email"],
        "/accounts/password/": ["old_password", "new_password1", "new_password2"],
        "/account/": ["do", "id", "email-email", "email-password", "drawings", "password"],
        "/desk/": ["do", "attempt", "candidate", "roll_back-number", "roll_back-why", "quorum"],
        "/moderators/": ["do", "moderator", "seen"],
        "/people/alice/": ["do", "seen_last", "seen_ablation", "suspend-why", "role-role"],
    }
    acts = {
        "/account/": ["save", "email", "end", "close"],
        "/desk/": ["train", "promote", "discard", "roll_back", "decide", "study"],
        "/moderators/": ["resume", "qualify"],
        "/people/alice/": ["suspend", "reinstate", "ablate", "role"],
    }
    with world.adding():
        for path, names in forms.items():
            for text in ("\0", "a\0b", "١٠", "\u202e", "９"):
                for do in (text, *acts.get(path, ())):
                    if do == "train" or (do == "suspend" and "\0" not in text):
                        continue  # which are done whatever else is posted
                    form = dict.fromkeys(names, text) | {"do": do}
                    answer = admin.post(path, form)
                    assert answer.status in {200, 302, 400, 404, 429}, (path, do, text)


@pytest.mark.survives("`-0.0`, `1e-400`, label `“١٠”` in JSON", "400 at the field")
def test_numbers_that_are_nearly_none_are_refused(world: World) -> None:
    with world.adding():
        for number in (b"-0.0", b"1e-400", '"١٠"'.encode(), b'"\xef\xbc\x93"'):
            for field in ("target_label", "width"):
                raw = b'{"strokes": [{"x": [20, 200], "y": [20, 240], "t": [0, 9]}], "width": 22'
                raw = raw.replace(b', "width": 22', b"") if field == "width" else raw
                raw += b', "%s": %s' % (field.encode(), number)
                raw += b', "target_label": 3}' if field == "width" else b"}"
                answer = world.alice.request("POST", "/api/attempts/", raw=raw)
                assert_refusal(answer, 400, field)
