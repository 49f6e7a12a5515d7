"""A client of the API of a site of dynamic adversarial data collection: one file, and nothing but
the standard library.

    site = Site.sign_in("https://digits.example.org", "daisy", "correct horse battery")
    four = Drawing().stroke((90, 50), (76, 150), (200, 148)).stroke((160, 60), (157, 240))
    print(site.submit(4, four)["fooled"])

What is asked is asked again where the connection breaks or the site says when to come back, but
only what may be: a drawing goes with a key of its own, by which the site knows it again. What the
API answers comes as it is told at /api/docs/, in dicts.
"""

from __future__ import annotations

import contextlib
import hashlib
import http
import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

Answer = dict[str, Any]
T = TypeVar("T")
TRIES = 5
PATIENCE = 60.0  # seconds that a site may ask to wait for before it is left alone
TIMEOUT = 30.0
CHUNK = 1 << 16
_HERE = ("localhost", "127.0.0.1", "::1")
_BROKEN = (OSError, http.client.HTTPException)


class Refused(Exception):
    """What the site answered instead: `status`, a `code` for programs, a `message` for people, the
    `field` at fault if there is one, and the seconds to wait for (`retry_after`) if it says."""

    def __init__(self, status: int, error: Answer, retry_after: float | None = None) -> None:
        super().__init__(f"{error.get('message', 'No answer of this API.')} ({status})")
        self.status, self.retry_after = status, retry_after
        self.code: str = error.get("code", "")
        self.message: str = error.get("message", "")
        self.field: str | None = error.get("field")


class Drawing:
    """Strokes on a canvas of 280 × 280 units, the origin at the top left."""

    def __init__(self, width: int = 22) -> None:
        self.strokes: list[dict[str, list[int]]] = []
        self.width = width

    def stroke(self, *points: tuple[int, int], milliseconds: int = 16) -> Drawing:
        """Add a stroke through these points, one so much after the other; return the drawing."""
        begins = self.strokes[-1]["t"][-1] + 10 * milliseconds if self.strokes else 0
        self.strokes.append(
            {
                "x": [x for x, _ in points],
                "y": [y for _, y in points],
                "t": [begins + place * milliseconds for place in range(len(points))],
            }
        )
        return self

    def as_json(self) -> Answer:
        return {"strokes": self.strokes, "width": self.width}


class Site:
    """A site, asked by whoever has the token, or by nobody in particular."""

    def __init__(self, address: str, token: str | None = None) -> None:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
            raise ValueError(f"{address} is no https address: a token would go in the plain.")
        self.address, self.token = address.rstrip("/"), token
        self._opener = urllib.request.build_opener(_NoRedirects)

    @classmethod
    def sign_in(
        cls, address: str, username: str, password: str, code: str = "", name: str = ""
    ) -> Site:
        """Get a token, good for 90 days. `code` is of an authenticator app, or a recovery code: who
        has either is refused without (`second_factor`). `name` lists it on the account page."""
        site = cls(address)
        body = {"username": username, "password": password, "code": code, "name": name}
        site.token = _having(site._post("tokens/", body, tries=1), token=str)["token"]
        return site

    # Drawing

    def predict(self, drawing: Drawing) -> Answer:
        """What the model sees in a drawing, which is not submitted."""
        return self._post("predictions/", drawing.as_json())

    def submit(self, label: int, drawing: Drawing, client_key: str | None = None) -> Answer:
        """Submit a drawing of a digit; the answer has the verdict. With the same key it is taken
        once, however often it is sent: give one to be able to go on after your program ended."""
        key = client_key or str(uuid.uuid4())
        body = {"target_label": label, "client_key": key, **drawing.as_json()}
        return self._post("attempts/", body)

    def attempt(self, attempt_id: str) -> Answer:
        """One of your drawings, with its `fate`, and the whole `timeline`."""
        return self._get(f"attempts/{attempt_id}/")

    def retract(self, attempt_id: str) -> Answer:
        """Take a drawing back, before anybody has read it."""
        return self._post(f"attempts/{attempt_id}/retract/")

    # Moderating

    def assignment(self) -> Answer | None:
        """The next drawing to read; None where there is nothing to do."""
        return self._post("assignments/", tries=1) or None

    def read(self, assignment_id: str, reading: str) -> None:
        """Say what it shows: "0" to "9", "ambiguous" or "junk". A reading is final."""
        self._post(f"assignments/{assignment_id}/reading/", {"reading": reading}, tries=1)

    # Lists, and what is in them

    def attempts(self) -> Iterator[Answer]:
        """Your drawings, the newest first, each with its fate."""
        return self._list("attempts/")

    def rounds(self) -> Iterator[Answer]:
        """All rounds, the newest first."""
        return self._list("rounds/")

    def round(self, number: int | None = None) -> Answer:
        """A round with its model's report; without a number the open one."""
        return self._get(f"rounds/{'current' if number is None else number}/")

    def leaderboard(self, period: str = "round") -> list[Answer]:
        """The best of the open `round`, of the last `week` or of `all` time."""
        return list(self._list("leaderboard/", period=period))

    # Releases

    def releases(self) -> Iterator[Answer]:
        """What is released, the newest first, each with its files."""
        return self._list("releases/")

    def download(self, release: Answer, name: str, path: str | Path) -> Path:
        """Write a file of a release to `path`, which appears once it is whole and its checksum is
        right; what is there of an earlier try (`.part`) is gone on with. Raises ValueError where
        the release has no such file, more comes than it has, or the checksum is wrong."""
        path = Path(path)
        files = _having(release, version=str, round=int, files=list)["files"]
        file = next((file for file in map(_file, files) if file["name"] == name), None)
        if file is None:
            raise ValueError(f"Release {release['version']} has no {name}.")
        part = path.with_name(f"{path.name}.part")
        _insist(lambda: self._go_on(release, file, part), TRIES)
        with part.open("rb") as whole:
            if hashlib.file_digest(whole, "sha256").hexdigest() != file["sha256"]:
                part.unlink()
                raise ValueError(f"What came as {name} has another checksum than it should.")
        return part.replace(path)

    def _go_on(self, release: Answer, file: Answer, part: Path) -> None:
        """Add what is missing to the part of a file that is there."""
        have = part.stat().st_size if part.exists() else 0
        if have > file["size"]:
            part.unlink()
            have = 0
        if have == file["size"] and part.exists():
            return
        headers = {"Range": f"bytes={have}-", "If-Range": f'"{file["sha256"]}"'} if have else {}
        query = urllib.parse.urlencode({"version": release["version"]})
        name = urllib.parse.quote(file["name"])
        with (
            self._open("GET", f"releases/{release['round']}/{name}?{query}", None, headers) as sent,
            part.open("ab" if sent.status == 206 else "wb") as out,
        ):
            left = file["size"] - (have if sent.status == 206 else 0)
            while chunk := sent.read(min(CHUNK, left + 1)):
                out.write(chunk[:left])
                left -= len(chunk)
        if left < 0:
            part.unlink()
            raise ValueError(f"More came as {file['name']} than it has.")
        if left:
            raise http.client.IncompleteRead(b"", left)

    # Asking

    def _list(self, path: str, **query: str) -> Iterator[Answer]:
        while True:
            page = self._get(f"{path}?{urllib.parse.urlencode(query)}")
            yield from map(_having, _having(page, results=list, next=str | None)["results"])
            if not page.get("next"):
                return
            # Its query alone: the token goes nowhere but to the site that it is of.
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page["next"]).query))

    def _get(self, path: str) -> Answer:
        return self._ask("GET", path, None, TRIES)

    def _post(self, path: str, body: Answer | None = None, tries: int = TRIES) -> Answer:
        return self._ask("POST", path, body or {}, tries)

    def _ask(self, method: str, path: str, body: Answer | None, tries: int) -> Answer:
        def ask() -> Answer:
            with self._open(method, path, body) as answer:
                return _read(answer)

        return _insist(ask, tries)

    def _open(
        self, method: str, path: str, body: Answer | None, headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Ask once. Raises Refused, OSError and HTTPException where no whole answer came."""
        sent = {"Accept": "*/*", "User-Agent": "dadc-client", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Token {self.token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(
            f"{self.address}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=sent,
        )
        try:
            answer: http.client.HTTPResponse = self._opener.open(request, timeout=TIMEOUT)
            return answer
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: the API has none, and the token would go along."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _insist(ask: Callable[[], T], tries: int) -> T:
    """Ask so often, where the connection breaks or the site says when to come back."""
    for tried in range(1, tries + 1):
        try:
            return ask()
        except Refused as refused:
            waits = refused.retry_after
            if waits is None or waits > PATIENCE or tried == tries:
                raise
            _wait(tried, waits)
        except _BROKEN:
            if tried == tries:
                raise
            _wait(tried)
    raise AssertionError("asked no more than never")


def _read(answer: http.client.HTTPResponse) -> Answer:
    """What an answer says. Raises Refused for what is none of this API, as a page of the network's
    own, and IncompleteRead for nothing, as where the connection broke within the headers."""
    content = answer.read()
    if answer.status == http.HTTPStatus.NO_CONTENT:
        return {}
    if not content:
        raise http.client.IncompleteRead(content)
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Refused(answer.status, {})
    return told


def _having(told: Any, **kinds: Any) -> Answer:
    """What is told, an object that has each of these, of its kind. Raises Refused."""
    is_one = isinstance(told, dict)
    if not is_one or not all(isinstance(told.get(name), kind) for name, kind in kinds.items()):
        raise Refused(http.HTTPStatus.OK, {})
    answer: Answer = told
    return answer


def _file(told: Any) -> Answer:
    file = _having(told, name=str, size=int, sha256=str)
    if file["size"] < 0:
        raise Refused(http.HTTPStatus.OK, {})
    return file


def _refusal(error: urllib.error.HTTPError) -> Refused:
    told: Answer = {}
    # A proxy's page.
    with contextlib.suppress(*_BROKEN, ValueError, KeyError, TypeError, RecursionError):
        told = dict(json.loads(error.read())["error"])
    waits = error.headers.get("Retry-After", "")
    return Refused(error.code, told, float(waits) if waits.isdecimal() else None)


def _wait(tried: int, least: float = 0.0) -> None:
    """Wait as long as the site says, or ever longer, and by chance longer than others."""
    time.sleep(least + random.uniform(0, min(2.0**tried, 30.0)) / 2)
