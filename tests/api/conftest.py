"""One running site a database for all tests of bad input, its cast, and a look at its rows from
outside."""

import http.client
import json
import sqlite3
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import lacking
from tests.support import site as sites
from tests.support.penmanship import drawings, fooling, picture, read
from tests.support.site import PASSWORD, Answer, Client, Site

# Whatever is written on purpose; sessions, counts of limits and failed sign-ins are none of it.
STATE = """
    SELECT 'people', role, count(*) FROM collector_person GROUP BY role
    UNION ALL SELECT 'attempts', status, count(*) FROM collector_attempt GROUP BY status
    UNION ALL SELECT 'readings', answer, count(*) FROM collector_reading GROUP BY answer
    UNION ALL SELECT 'models', state, count(*) FROM trainer_roundmodel GROUP BY state
    UNION ALL SELECT 'tokens', '', count(*) FROM collector_token
    UNION ALL SELECT 'decisions', '', count(*) FROM collector_decision
    UNION ALL SELECT 'study changes', '', count(*) FROM collector_studychange
    UNION ALL SELECT 'rounds', state, count(*) FROM trainer_round GROUP BY state
    UNION ALL SELECT 'samples', '', count(*) FROM trainer_sample
    UNION ALL SELECT 'contributors', split, count(*) FROM trainer_contributor GROUP BY split
    UNION ALL SELECT 'weights', '', count(*) FROM trainer_weights
"""
Standings = list[tuple[int, str, float]]


@dataclass
class World:
    """A site with one verified fool on its leaderboard, and everybody who tries things on it."""

    site: Site
    nobody: Client
    daisy: Client
    dora: Client
    moby: Client
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
        self.site, self.address = site, address
        self.cookies: dict[str, str] = {}

    @property
    def csrf(self) -> str:
        return self.cookies["csrftoken"]

    def ask(self, method: str, path: str, raw: bytes | None = None, **headers: str) -> Answer:
        source = (self.address, 0)
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.site.port, timeout=60, source_address=source
        )
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        connection.request(method, path, raw, {**cookies, **headers})
        response = connection.getresponse()
        content = response.read()
        for header, value in response.getheaders():
            if header == "Set-Cookie":
                self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(value).items()}
        connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return Answer(
            response.status,
            json.loads(content) if is_json else content.decode(),
            dict(response.headers),
        )

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, form: dict[str, str], token: bool = True, **headers: str) -> Answer:
        filled = form | ({"csrfmiddlewaretoken": self.csrf} if token else {})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urllib.parse.urlencode(filled).encode(), **kind, **headers)

    def send(self, path: str, body: Any, **headers: str) -> Answer:
        """JSON to the API, by the session."""
        return self.ask(
            "POST",
            path,
            json.dumps(body).encode(),
            **{"Content-Type": "application/json"},
            **headers,
        )

    def sign_in(self, name: str) -> None:
        self.get("/accounts/sign-in/")
        answer = self.post("/accounts/sign-in/", {"username": name, "password": PASSWORD})
        assert answer.status == 302, answer


def assert_refusal(answer: Answer, status: int, field: str | None = None) -> None:
    """`{"error": {"code", "message", "field"?}}`, with a sentence for people and the field at
    fault."""
    assert answer.status == status, answer
    assert isinstance(answer.body, dict) and set(answer.body) == {"error"}, answer
    error = answer.body["error"]
    assert {"code", "message"} <= set(error) <= {"code", "message", "field"}, answer
    assert error["code"] == error["code"].lower().replace(" ", "_")
    assert error.get("field") == field, answer
    sentence = error["message"]
    assert sentence[-1] in ".!?" and len(sentence.split()) > 2, answer


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    kind: str = request.param
    if kind == "postgres" and (missing := sites.postgres_is_missing()):
        lacking(missing)
    with ExitStack() as stack:
        data_dir = tmp_path_factory.mktemp(f"bad_inputs_{kind}")
        world = _peopled(stack.enter_context(sites.site(kind, data_dir, DADC_LIMIT_SCALE="1000")))
        yield world
        for web in world.webs:
            web.stop()


@pytest.fixture(scope="session")
def strict(world: World, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The same site by another door: a second web server on its database, with the limits as they
    are by default."""
    data_dir: Path = tmp_path_factory.mktemp("strict")
    key = (world.site.data_dir / "secret_key").read_text()
    web = Site(data_dir, world.site.database_url, sites.free_port(), {"DADC_SECRET_KEY": key})
    web.start_web()
    world.webs.append(web)
    return web


def _peopled(site: Site) -> World:
    query = _reader(site.database_url)
    nobody = Client(site)
    site.manage("add_person", "moby", "--role", "moderator")
    moby, admin = site.sign_in("moby"), site.sign_in("admin")
    daisy, dora = (signed_up(site, name) for name in ("daisy", "dora"))
    fools = (
        {"target_label": label, "strokes": strokes, "width": width}
        for label, strokes, width in fooling(1122, 12)
    )
    world = World(site, nobody, daisy, dora, moby, admin, query, _easy(), fools)
    fool = next(fools)
    assert daisy.post("/api/attempts/", fool).body["fooled"]
    lease = moby.post("/api/assignments/").body["id"]
    assert (
        moby.post(
            f"/api/assignments/{lease}/reading/", {"reading": str(fool["target_label"])}
        ).status
        == 201
    )
    assert world.state()[1] == [(1, "daisy", 1.0)]
    return world


def signed_up(site: Site, name: str) -> Client:
    """A new crowdworker, signed in by a token."""
    answer = Client(site).post("/api/accounts/", {"username": name, "password": PASSWORD})
    assert answer.status == 201, answer
    return site.sign_in(name)


def _easy() -> Iterator[dict[str, Any]]:
    """Drawings that round 1's model reads rightly, so that nobody has to read them; no two
    alike."""
    for label, strokes in drawings(1122, 400):
        if read(picture(strokes, 22)[None])[0] == label:
            yield {"target_label": label, "strokes": strokes}


def _reader(url: str) -> Callable[[str], list[tuple[Any, ...]]]:
    """Asks the site's database directly; each query is a transaction of its own."""
    if url.startswith("sqlite:///"):
        path = urllib.parse.quote(url.removeprefix("sqlite:///"))
        file = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10, isolation_level=None)
        return lambda sql: file.execute(sql).fetchall()
    server = psycopg.connect(url, autocommit=True)
    return lambda sql: server.execute(sql.encode()).fetchall()
