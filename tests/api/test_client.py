"""The client of one file, and the example of the docs, against a real server."""

import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from uuid import uuid4

import dadc_client
import pyotp
import pytest
from dadc_client import Drawing, Refused
from dadc_client import Site as Asked

from tests.support import PASSWORD
from tests.support.site import ROOT
from tests.support.standins import Standin
from tests.support.world import World

RELEASE = """
import hashlib
from django.utils import timezone
from collector.models import Release, ReleaseFile, ReleasePart
from trainer.models import Round
release = Release.objects.create(round=Round.objects.get(number=1), major=1, minor=1, patch=0,
    sha256="0" * 64, attempts=b"", is_licensed=True, published_at=timezone.now())
data = bytes(range(256)) * 5000
file = ReleaseFile.objects.create(release=release, name="attempts.csv", size=len(data),
    sha256=hashlib.sha256(data).hexdigest())
for place in range(0, len(data), ReleasePart.SIZE):
    ReleasePart.objects.create(file=file, place=place // ReleasePart.SIZE,
        data=data[place:place + ReleasePart.SIZE])
"""
DATA = bytes(range(256)) * 5000
SECOND_FACTOR = """
import pyotp
from collector.models import Factor, Person
from collector.people import factors
person, secret = Person.objects.get(username={name!r}), pyotp.random_base32()
Factor.objects.create(
    person=person, kind="app", name="Phone", content=factors._sealed(person, secret))
print(secret)
"""


class Cutting:
    """A way to a server that lets so many bytes of each answer through, connection by connection,
    and then all of it."""

    def __init__(self, port: int, *lets_through: int) -> None:
        self.server, self.lets_through = ("127.0.0.1", port), list(lets_through)
        self.asked_count = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self.listening.accept()
                self.asked_count += 1
                most = self.lets_through.pop(0) if self.lets_through else None
                with here, socket.create_connection(self.server) as there:
                    threading.Thread(target=_pass_on, args=(here, there, None), daemon=True).start()
                    _pass_on(there, here, most)
                    here.shutdown(socket.SHUT_RDWR)


def _pass_on(here: socket.socket, there: socket.socket, most: int | None) -> None:
    with suppress(OSError):
        while data := here.recv(65536):
            there.sendall(data if most is None else data[:most])
            most = None if most is None else most - len(data)
            if most is not None and most <= 0:
                return


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits; the seconds that were to be waited for are listed."""
    waited: list[float] = []
    monkeypatch.setattr(dadc_client, "_wait", lambda _, least=0.0: waited.append(least))
    return waited


@pytest.fixture
def release(world: World) -> Iterator[dict[str, Any]]:
    world.site.python(RELEASE)
    [made] = asked_by(world).releases()
    yield made
    world.site.python("from collector.models import Release; Release.objects.all().delete()")


def asked_by(world: World, way: Cutting | None = None) -> Asked:
    return Asked(way.url if way else world.site.url, world.admin.token)


def drawn(world: World) -> tuple[int, Drawing]:
    given = next(world.drawings)
    drawing = Drawing()
    drawing.strokes = given["strokes"]
    return given["target_label"], drawing


def test_one_signs_in_draws_and_follows_what_becomes_of_it(world: World) -> None:
    site = Asked.sign_in(f"{world.site.url}/", "alice", PASSWORD, name="Nightly")
    label, drawing = drawn(world)
    assert site.predict(drawing)["predicted_label"] == label
    attempt = site.submit(label, drawing)
    assert (attempt["fooled"], attempt["status"]) == (False, "not_fooled")
    assert site.attempt(attempt["id"])["fate"] == "The model was right"
    assert site.retract(attempt["id"])["status"] == "retracted"
    assert next(site.attempts())["id"] == attempt["id"]
    assert site.round()["number"] == site.round(1)["number"] == next(site.rounds())["number"] == 1
    assert "alice" in [line["username"] for line in site.leaderboard("all")]


def test_a_stroke_is_made_of_points_and_time_goes_on() -> None:
    drawing = Drawing(30).stroke((1, 2), (3, 4)).stroke((5, 6), milliseconds=10)
    assert drawing.as_json() == {
        "strokes": [{"x": [1, 3], "y": [2, 4], "t": [0, 16]}, {"x": [5], "y": [6], "t": [116]}],
        "width": 30,
    }


def test_moderators_read(world: World) -> None:
    site = Asked(world.site.url, world.mona.token)
    assert world.alice.post("/api/attempts/", next(world.fools)).body["fooled"]
    given = site.assignment()
    assert given is not None
    site.read(given["id"], "junk")
    with pytest.raises(Refused) as refused:
        site.read(given["id"], "4")
    assert refused.value.status in (404, 409)
    assert site.assignment() is None


def test_who_has_a_second_factor_gives_a_code(world: World) -> None:
    name = f"f{uuid4().hex[:8]}"
    world.site.person(name)
    secret = world.site.python(SECOND_FACTOR.format(name=name))
    with pytest.raises(Refused) as refused:
        Asked.sign_in(world.site.url, name, PASSWORD)
    assert (refused.value.code, refused.value.field) == ("second_factor", "code")
    site = Asked.sign_in(world.site.url, name, PASSWORD, code=pyotp.TOTP(secret).now())
    assert list(site.attempts()) == []


def test_a_refusal_says_what_is_wrong_with_what(world: World) -> None:
    site = Asked(world.site.url, world.alice.token)
    with pytest.raises(Refused, match="at least two different points") as refused:
        site.submit(4, Drawing().stroke((5, 5)))
    told = refused.value
    assert (told.status, told.code, told.field) == (422, "degenerate", "strokes")
    with pytest.raises(Refused, match="unknown or has run out"):
        next(Asked(world.site.url, "made up").attempts())
    with pytest.raises(Refused, match="No answer of this API"):
        Asked(f"{world.site.url}/accounts/sign-in/?", "").round()


def test_a_drawing_whose_answer_was_lost_is_sent_again_and_taken_once(world: World) -> None:
    way = Cutting(world.site.port, 0, 30)
    site = Asked(way.url, world.bob.token)
    label, drawing = drawn(world)
    with world.adding(attempt_not_fooled=1):
        attempt = site.submit(label, drawing)
    assert way.asked_count == 3
    assert next(site.attempts())["id"] == attempt["id"]


def test_it_waits_as_long_as_it_is_told_to_and_not_for_ever(
    world: World, at_once: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, asked = Asked(world.site.url), []

    def refuse(seconds: float) -> Any:
        def open_(*_: object) -> Any:
            asked.append(seconds)
            raise Refused(429, {"code": "too_many", "message": "Too many."}, seconds)

        return open_

    monkeypatch.setattr(site, "_open", refuse(7))
    with pytest.raises(Refused):
        site.round()
    assert len(asked) == dadc_client.TRIES
    assert at_once == [7] * (dadc_client.TRIES - 1)
    monkeypatch.setattr(site, "_open", refuse(900))
    with pytest.raises(Refused):
        site.round()
    assert len(asked) == dadc_client.TRIES + 1


def test_a_list_goes_on_by_its_cursor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Asked(world.site.url, world.alice.token)
    whole = [each["id"] for each in site.attempts()]
    assert len(whole) > 1
    assert [each["id"] for each in site._list("attempts/", limit="1")] == whole


def test_a_release_that_breaks_off_is_gone_on_with_and_checked(
    world: World, release: dict[str, Any], tmp_path: Path
) -> None:
    way = Cutting(world.site.port, 400_000, 100_000, 0)
    path = asked_by(world, way).download(release, "attempts.csv", tmp_path / "all.csv")
    assert path.read_bytes() == DATA
    assert way.asked_count == 4
    assert [each.name for each in tmp_path.iterdir()] == ["all.csv"]


def test_what_is_there_of_an_earlier_try_is_gone_on_with_and_if_wrong_thrown_away(
    world: World, release: dict[str, Any], tmp_path: Path
) -> None:
    site, part = asked_by(world), tmp_path / "all.csv.part"
    part.write_bytes(DATA[:999_999])
    assert site.download(release, "attempts.csv", tmp_path / "all.csv").read_bytes() == DATA
    part.write_bytes(b"another" * 1000)
    with pytest.raises(ValueError, match="another checksum"):
        site.download(release, "attempts.csv", tmp_path / "all.csv")
    assert not part.exists()
    with pytest.raises(ValueError, match=r"has no nothing\.csv"):
        site.download(release, "nothing.csv", tmp_path / "nothing.csv")


class Answering(Standin):
    """A site that answers whatever is asked with these bytes."""

    def __init__(self, content: bytes, status: int = 200) -> None:
        super().__init__()
        self.content, self.status = content, status

    def _done(self, *_: object) -> tuple[int, bytes]:
        return self.status, self.content

    def _answer(
        self, handler: BaseHTTPRequestHandler, status: int, answer: Any, headers: dict[str, str]
    ) -> None:
        if isinstance(answer, bytes):
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(answer)))
            handler.end_headers()
            with suppress(OSError):  # whoever has enough is gone
                handler.wfile.write(answer)
        else:
            super()._answer(handler, status, answer, headers)


def offered(content: bytes = DATA) -> dict[str, Any]:
    """A release with one file, as a site tells of it."""
    file = {"name": "a", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {"version": "1.1.0", "round": 1, "files": [file]}


@pytest.mark.parametrize("status", [429, 503])
def test_a_download_waits_as_long_as_it_is_told_to_and_not_for_ever(
    status: int, at_once: list[float], tmp_path: Path
) -> None:
    with Answering(DATA) as site:
        site.fails("GET /api/releases", status, Retry_After="7")
        path = Asked(site.url).download(offered(), "a", tmp_path / "a")
        assert path.read_bytes() == DATA
        assert at_once == [7]
        site.fails("GET /api/releases", status, Retry_After="900")
        with pytest.raises(Refused):
            Asked(site.url).download(offered(), "a", tmp_path / "b")
        assert at_once == [7]


def test_of_more_than_a_file_has_no_more_is_kept(tmp_path: Path) -> None:
    for content in (DATA * 20, DATA + b"x"):
        with Answering(content) as site, pytest.raises(ValueError, match="More came as a than"):
            Asked(site.url).download(offered(), "a", tmp_path / "a")
        assert list(tmp_path.iterdir()) == []


NONE_OF_THE_API = {
    "a list": b"[1]",
    "null": b"null",
    "nested": b"[" * 100_000,
    "nothing in it": b"{}",
    "results that are none": b'{"results": 5, "next": null}',
    "a result that is none": b'{"results": [1], "next": null}',
    "a next that is none": b'{"results": [], "next": 7}',
}


@pytest.mark.parametrize("name", NONE_OF_THE_API)
def test_an_answer_that_is_none_of_the_api_is_refused(name: str) -> None:
    with Answering(NONE_OF_THE_API[name]) as site:
        with pytest.raises(Refused, match=r"No answer of this API\. \(200\)"):
            list(Asked(site.url).releases())
        with pytest.raises(Refused, match=r"No answer of this API\. \(200\)"):
            Asked.sign_in(site.url, "alice", PASSWORD)
    with Answering(b"[" * 100_000, 400) as site, pytest.raises(Refused, match=r"API\. \(400\)"):
        Asked(site.url).round()


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"files": None},
        {"files": [1]},
        {"files": [{"name": "a"}]},
        {"files": offered()["files"], "round": "1"},
    ],
)
def test_a_release_that_is_none_of_the_api_is_refused(told: dict[str, Any], tmp_path: Path) -> None:
    release = told and offered() | told
    with pytest.raises(Refused, match="No answer of this API"):
        Asked("http://localhost:1").download(release, "a", tmp_path / "a")


def test_a_token_goes_nowhere_in_the_plain() -> None:
    for address in ("http://digits.example.org", "digits.example.org", "ftp://localhost"):
        with pytest.raises(ValueError, match="no https address"):
            Asked(address)


def example() -> str:
    """The only program of the docs' page on the API."""
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)
    assert isinstance(code, str)
    return code


def test_the_example_of_the_docs_has_twenty_lines_and_runs(
    world: World, release: dict[str, Any], tmp_path: Path
) -> None:
    assert len(example().splitlines()) == 20
    person = {"SITE": world.site.url, "NAME": "admin", "PASSWORD": PASSWORD}
    command = [sys.executable, "-c", example()]
    environment = os.environ | person | {"PYTHONPATH": str(ROOT / "client")}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0] == "The model sees a 4"
    assert "Round 1 was fooled by" in ran.stdout
    assert lines[-1] == "attempts-1.1.0.csv"
    found = (tmp_path / "attempts-1.1.0.csv").read_bytes()
    assert hashlib.sha256(found).hexdigest() == release["files"][0]["sha256"]


def test_it_is_installed_from_the_repository_and_needs_nothing_else(tmp_path: Path) -> None:
    copy = tmp_path / "client"
    copy.mkdir()
    for name in ("pyproject.toml", "dadc_client.py"):
        (copy / name).write_bytes((ROOT / "client" / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", tmp_path / "in", copy], check=True, capture_output=True)
    code = "import sys, dadc_client; print(dadc_client.__file__)"
    command = [sys.executable, "-S", "-c", code]  # no site-packages
    ran = subprocess.run(
        command, env={"PYTHONPATH": str(tmp_path / "in")}, capture_output=True, text=True
    )
    assert ran.stdout.strip() == str(tmp_path / "in" / "dadc_client.py"), ran.stderr
