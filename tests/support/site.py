"""A real site for tests: its own database, gunicorn and django-q2 clusters as real processes,
spoken to over HTTP."""

import functools
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx
import psycopg
from django.contrib.auth.hashers import Argon2PasswordHasher

from tests.support import PASSWORD, forking, templates

ROOT = forking.ROOT
PEOPLE = """
from unittest.mock import patch
from collector.people import accounts
with patch("django.contrib.auth.base_user.make_password", return_value={hashed!r}):
    people = [accounts.add(name, {password!r}, role={role!r}) for name in {names!r}]
print(*(accounts.issue_token(person)[0] for person in people))
"""
T = TypeVar("T")
NOT_OF_THE_STUDY = {
    "DADC_EMAIL_URL",
    "DADC_LIMIT_SCALE",
    "DADC_LOG_FORMAT",
    "DADC_METRICS_TOKEN",
}


def wait_for(what: Callable[[], T], seconds: float = 30.0, why: str = "it") -> T:
    """The first truthy answer of `what`, asked for `seconds`; then a failure that says what was
    last seen."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s for {why}; last seen: {answer!r}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, body parsed where it is JSON, headers."""

    status: int
    body: Any
    headers: httpx.Headers = field(default_factory=httpx.Headers)


@functools.cache
def wire(address: str = "127.0.0.1") -> httpx.HTTPTransport:
    """What asks a site from this address, each time by a connection of its own."""
    alone = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.HTTPTransport(local_address=address, limits=alone, trust_env=False)


def answer_of(response: httpx.Response) -> Answer:
    is_json = response.headers.get("Content-Type", "").partition(";")[0] == "application/json"
    body = json.loads(response.read()) if is_json else response.read()
    return Answer(response.status_code, body, response.headers)


@dataclass
class Client:
    """Speaks to the API as one person (or as nobody)."""

    site: "Site"
    token: str | None = None
    address: str = "127.0.0.1"
    timeout: httpx.Timeout = field(default_factory=lambda: httpx.Timeout(60))

    def request(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str
    ) -> Answer:
        """The path goes out as it stands here, however odd it is."""
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        if self.token:
            sent["Authorization"] = f"Token {self.token}"
        request = httpx.Request(
            method,
            self.site.url,
            headers=httpx.Headers(sent, encoding="latin-1"),
            content=content,
            extensions={"target": path.encode(), "timeout": self.timeout.as_dict()},
        )
        return answer_of(wire(self.address).handle_request(request))

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, body: Any = None) -> Answer:
        return self.request("POST", path, {} if body is None else body)


@dataclass
class Site:
    """One site. `web` and `clusters` start its processes; whatever runs is ended by `stop`."""

    data_dir: Path
    database_url: str
    port: int
    extra: dict[str, str] = field(default_factory=dict)
    processes: dict[str, forking.Forked | subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        of_the_tests = ("DADC_", "DJANGO_", "MAKE", "MFLAGS", "PYTEST_", "SLIPCOVER_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(of_the_tests)}
        return {
            **kept,
            "DADC_DATA_DIR": str(self.data_dir),
            "DATABASE_URL": self.database_url,
            "PORT": str(self.port),
            "DADC_PASSWORD": PASSWORD,
            "OMP_NUM_THREADS": "1",
            "DADC_AUDIT_SHARE": "0",  # no lot decides what is read, unless a test wants it
            "DADC_GOLD_SHARE": "0",
            **self.extra,
        }

    def manage(self, *arguments: str) -> str:
        """The output of a management command; its failure is this test's."""
        status, told, complaints = self._managed(*arguments)
        assert status == 0, f"{arguments}: {told}\n{complaints}"
        return told

    def refused(self, *arguments: str) -> str:
        """What a management command says that refuses, in a sentence; anything else is this test's
        failure."""
        status, told, complaints = self._managed(*arguments)
        assert status == 1, f"{arguments}: {told}\n{complaints}"
        assert "Traceback" not in complaints, complaints
        return complaints

    def _managed(self, *arguments: str) -> tuple[int, str, str]:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            # A first start is one, whatever was run before.
            fork = forking.start if arguments[0] == "setup" else forking.command
            status = fork(["manage.py", *arguments], self.env, out, err).wait()
            return status, _written(out), _written(err)

    def python(self, code: str) -> str:
        """What `code` prints, run beside the site in a process of its own."""
        return self.manage("shell", "--verbosity", "0", "-c", code).strip()

    @property
    def machine(self) -> tuple[str, str] | None:
        """Where it runs, if not here: a network namespace, and a name."""
        return None

    def start(self, name: str, *command: str) -> forking.Forked:
        with (self.data_dir / f"{name}.log").open("ab") as log:
            process = forking.start(command, self.env, log, log, self.machine)
        self.processes[name] = process
        return process

    def start_web(self) -> None:
        self.start("web", "-m", "gunicorn", "dadc_site.wsgi")
        wait_for(self.answers, 60, f"{self.url} to answer")

    def start_clusters(self) -> None:
        self.start("worker", "manage.py", "cluster")
        self.start("trainer", "manage.py", "trainer")

    def answers(self) -> bool:
        try:
            return Client(self).get("/healthz").status == 200
        except httpx.TransportError:
            return False

    def person(self, name: str, role: str = "crowdworker") -> Client:
        """A new person with this role, signed in by a token."""
        return self.people(name, role=role)[0]

    def people(self, *names: str, role: str = "crowdworker") -> list[Client]:
        code = PEOPLE.format(names=names, password=PASSWORD, hashed=_hashed(), role=role)
        tokens = self.python(code).split()
        return [Client(self, token) for token in tokens]

    def sign_in(self, name: str) -> Client:
        answer = Client(self).post("/api/tokens/", {"username": name, "password": PASSWORD})
        assert answer.status == 201, answer
        return Client(self, answer.body["token"])

    def current_round(self) -> dict[str, Any]:
        body: dict[str, Any] = Client(self).get("/api/rounds/current/").body
        return body

    def stop(self) -> None:
        """End every process that was started here, the whole group of each, at once."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def logs(self) -> str:
        return "\n".join(
            f"== {path.name}\n{path.read_text()[-3000:]}"
            for path in sorted(self.data_dir.glob("*.log"))
        )


@functools.cache
def _hashed() -> str:
    """One hash of the password for everybody: a hash is slow on purpose."""
    hasher = Argon2PasswordHasher()
    return hasher.encode(PASSWORD, hasher.salt())


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to outgoing connections, so
    that none of these takes it before the server does."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


@contextmanager
def database(kind: str, data_dir: Path, made_by: str = "migrate") -> Iterator[str]:
    """The URL of a database of its own as that command leaves one, with all tables and no row or
    set up: an SQLite file, or a PostgreSQL database that is dropped at the end."""
    like = _template(kind, made_by)
    if kind == "sqlite":
        shutil.copyfile(like.removeprefix("sqlite:///"), data_dir / "db.sqlite3")
    with _own(kind, data_dir, like) as url:
        yield url


@contextmanager
def empty_database(kind: str, data_dir: Path) -> Iterator[str]:
    """The URL of a database of its own without any table."""
    with _own(kind, data_dir) as url:
        yield url


@functools.cache
def _template(kind: str, made_by: str) -> str:
    """The URL of the database that others are copies of."""
    return templates.once(f"{kind}-{made_by}", lambda: _made(kind, made_by))


def _made(kind: str, made_by: str) -> str:
    """The URL of a database that this command made, which lasts as long as the session."""
    data_dir = Path(tempfile.mkdtemp(dir=templates.folder()))
    with database(kind, data_dir) if made_by == "setup" else empty_database(kind, data_dir) as url:
        Site(data_dir, url, free_port()).manage(made_by, "--verbosity", "0")
        return url if kind == "sqlite" else templates.create(url)


@contextmanager
def _own(kind: str, data_dir: Path, like: str = "") -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{data_dir / 'db.sqlite3'}"
        return
    url = templates.create(like)
    try:
        yield url
    finally:
        templates.drop(url)


@contextmanager
def site(kind: str, data_dir: Path, **extra: str) -> Iterator[Site]:
    """A site on a fresh database, set up and served; `extra` are settings."""
    # Others may be copied into the study.
    is_study_usual = extra.keys() <= NOT_OF_THE_STUDY
    with database(kind, data_dir, "setup" if is_study_usual else "migrate") as url:
        made = Site(data_dir, url, free_port(), extra)
        try:
            if not is_study_usual:
                made.manage("setup")
            made.start_web()
            yield made
        finally:
            made.stop()


@contextmanager
def reader(url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Asks the site's database directly; each query is a transaction of its own."""
    if url.startswith("sqlite:///"):
        path = urllib.parse.quote(url.removeprefix("sqlite:///"))
        address = f"file:{path}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10, isolation_level=None)) as file:
            yield lambda sql: file.execute(sql).fetchall()
    else:
        with psycopg.connect(url, autocommit=True) as server:
            yield lambda sql: server.execute(sql.encode()).fetchall()
