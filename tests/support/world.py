"""A running site for the tests of bad input: its cast, pages as a browser asks for them, and a look
at its rows from outside."""

import json
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from django.apps import apps

from tests.support import PASSWORD
from tests.support.penmanship import drawings, fooling, picture, read
from tests.support.site import Answer, Client, Site, answer_of, reader, wire

# By what the rows of a table are counted apart; those of all others are counted as they are.
KINDS = {
    "attempt": "status",
    "contributor": "split",
    "person": "role",
    "reading": "answer",
    "round": "state",
    "roundmodel": "state",
}
NO_KIND = "CAST(NULL AS text)"
SUMS = ("tally", "digittally", "confusiontally", "readingtally", "readingdaytally", "sampletally")
NOT_STATE = {
    "allowance": "limits count what they refuse too",
    **dict.fromkeys(SUMS, "sums of rows that are"),
    "session": "a page with a form may begin one",
}
Standings = list[tuple[int, str, float]]


def _state() -> str:
    """The query for rows by table and kind, of every table there is but those of NOT_STATE."""
    models = {
        model.__name__.lower(): model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy
    }
    assert KINDS.keys() | NOT_STATE.keys() <= models.keys(), "one of these is no model any more"
    return " UNION ALL ".join(
        f"SELECT '{name}', {KINDS.get(name, NO_KIND)}, count(*) FROM {table} GROUP BY 2"
        for name, table in models.items()
        if name not in NOT_STATE
    )


STATE = _state()


@dataclass
class World:
    """A site with one verified fool on its leaderboard, and everybody who tries things on it."""

    site: Site
    nobody: Client
    alice: Client
    bob: Client
    mona: Client
    admin: Client
    query: Callable[[str], list[tuple[Any, ...]]]
    drawings: Iterator[dict[str, Any]]
    fools: Iterator[dict[str, Any]]
    webs: list[Site] = field(default_factory=list)

    def state(self) -> tuple[Counter[str], Standings]:
        """Rows by table and kind, and the standings."""
        rows = Counter(
            {" ".join(filter(None, (table, kind))): n for table, kind, n in self.query(STATE)}
        )
        lines = self.nobody.get("/api/leaderboard/?period=all").body["results"]
        return rows, [(line["rank"], line["username"], line["credit"]) for line in lines]

    @contextmanager
    def adding(self, **rows: int) -> Iterator[None]:
        """Within, exactly these rows come to be and no score moves (`_` stands for the space in a
        key of state)."""
        before, standings = self.state()
        yield
        before.update({key.replace("_", " ", 1): count for key, count in rows.items()})
        assert self.state() == (before, standings)

    def refuses(self, status: int, ask: Callable[[], Answer], field: str | None = None) -> Answer:
        """The answer to `ask`, which is an error of this status in the API's one shape, and changes
        nothing."""
        with self.adding():
            answer = ask()
        assert_refusal(answer, status, field)
        return answer


class Browser:
    """Speaks to the pages as a browser does: keeps cookies, sends forms with their CSRF token,
    follows no redirect."""

    def __init__(self, site: Site, address: str = "127.0.0.1") -> None:
        self.client = httpx.Client(base_url=site.url, transport=wire(address), timeout=60)

    @property
    def csrf(self) -> str:
        return self.client.cookies["csrftoken"]

    def ask(self, method: str, path: str, raw: bytes | None = None, **headers: str) -> Answer:
        target = {"target": path.encode()}
        response = self.client.request(method, "/", content=raw, headers=headers, extensions=target)
        answer = answer_of(response)
        is_text = isinstance(answer.body, bytes)
        return replace(answer, body=answer.body.decode()) if is_text else answer

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, form: dict[str, str], token: bool = True, **headers: str) -> Answer:
        filled = form | ({"csrfmiddlewaretoken": self.csrf} if token else {})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urllib.parse.urlencode(filled).encode(), **kind, **headers)

    def send(self, path: str, body: Any, **headers: str) -> Answer:
        """JSON to the API, by the session."""
        kind = {"Content-Type": "application/json"}
        return self.ask("POST", path, json.dumps(body).encode(), **kind, **headers)

    def sign_in(self, name: str) -> None:
        self.get("/accounts/sign-in/")
        answer = self.post("/accounts/sign-in/", {"username": name, "password": PASSWORD})
        assert answer.status == 302, answer


def assert_refusal(answer: Answer, status: int, field: str | None = None) -> None:
    """`{"error": {"code", "message", "field"?}}`, with a sentence for people and the field at
    fault."""
    assert answer.status == status, answer
    assert isinstance(answer.body, dict), answer
    assert set(answer.body) == {"error"}, answer
    error = answer.body["error"]
    assert {"code", "message"} <= set(error) <= {"code", "message", "field"}, answer
    assert error["code"] == error["code"].lower().replace(" ", "_")
    assert error.get("field") == field, answer
    sentence = error["message"]
    assert sentence[-1] in ".!?", answer
    assert len(sentence.split()) > 2, answer


@contextmanager
def peopled(site: Site) -> Iterator[World]:
    """The site with its people and one verified fool; web servers that are added to it end with
    it."""
    nobody = Client(site)
    mona, admin = site.person("mona", "moderator"), site.sign_in("admin")
    alice, bob = site.people("alice", "bob")
    fools = (
        {"target_label": label, "strokes": strokes, "width": width}
        for label, strokes, width in fooling(1122, 12)
    )
    fool = next(fools)
    assert alice.post("/api/attempts/", fool).body["fooled"]
    lease = mona.post("/api/assignments/").body["id"]
    reading = {"reading": str(fool["target_label"])}
    assert mona.post(f"/api/assignments/{lease}/reading/", reading).status == 201
    with reader(site.database_url) as query:
        world = World(site, nobody, alice, bob, mona, admin, query, _easy(), fools)
        assert world.state()[1] == [(1, "alice", 1.0)]
        yield world
        for web in world.webs:
            web.stop()


def signed_up(site: Site, name: str) -> Client:
    """A new crowdworker, signed in by a token."""
    answer = Client(site).post("/api/accounts/", {"username": name, "password": PASSWORD})
    assert answer.status == 201, answer
    return site.sign_in(name)


def _easy() -> Iterator[dict[str, Any]]:
    """Drawings that round 1's model reads correctly, so that nobody has to read them; no two
    alike."""
    for label, strokes in drawings(1122, 400):
        if read(picture(strokes, 22)[None])[0] == label:
            yield {"target_label": label, "strokes": strokes}
