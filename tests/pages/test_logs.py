"""Lines of the log, as text and as JSON: no link of an email, no token and no query is in them, and
nobody can write one of their own."""

import json
import logging
import secrets
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.handlers import base
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from collector.models import Person
from dadc_site.logs import LONGEST, Json, Line, as_json

SECRET = "secret-of-somebody"
FORMATS = [Line, Json]


class Kept(logging.Handler):
    """Keeps each line as it would be written."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture(params=FORMATS)
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    handler = Kept(request.param())
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def told(formatter: logging.Formatter, message: str, **more: Any) -> str:
    record = logging.makeLogRecord({"msg": message, "name": "a", "levelname": "ERROR"} | more)
    return formatter.format(record)


def links(person: Person) -> list[str]:
    """The paths of the links that emails to this person carry."""
    reset = [signing.b62_encode(7), default_token_generator.make_token(person)]
    confirm = signing.dumps([str(person.pk), "a@example.org", "now"], salt="a")
    return [
        reverse("password_reset_confirm", args=reset),
        reverse("email_confirm", args=[confirm]),
    ]


@pytest.mark.parametrize("way", ["not found", "method", "csrf", "referer", "broken"])
def test_the_links_of_emails_are_in_no_line(
    way: str, alice: Person, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    for path in links(alice):
        end = path.rstrip("/").rpartition("/")[2]
        if way == "not found":
            client.get(f"{path}more/")
        elif way == "method":
            client.put(path)
        elif way == "csrf":
            client.post(path)
        elif way == "referer":
            referer = f"http://elsewhere.example{path}?token={SECRET}"
            client.post("/accounts/reset/", secure=True, headers={"referer": referer})
        else:
            with monkeypatch.context() as patch:
                patch.setattr(base.BaseHandler, "resolve_request", fail)
                client.get(path, {"next": SECRET})
        assert end not in kept.text
        assert SECRET not in kept.text
    assert kept.lines
    assert "/accounts/reset/" in kept.text


def fail(handler: base.BaseHandler, request: HttpRequest) -> None:
    """Break as code does that says what it was asked for."""
    raise ValueError(f"{request.get_full_path()}\n2026-01-01 ERROR a: b")


@pytest.mark.parametrize("formatter", [kind() for kind in FORMATS])
@pytest.mark.parametrize(
    "message",
    [
        f"Error handling request /try/?token={SECRET}",
        f"Error handling request /accounts/reset/MQ/{SECRET}",
        f"Referer checking failed - http://here/digits/account/email/{SECRET} does not match",
        f"connection to postgres://dadc:{SECRET}@host/name failed",
        f"Authorization: Bearer {SECRET}",
        f"sessionid={SECRET}; csrftoken={SECRET}",
        f"b'sessionid-digits={SECRET}'",
    ],
)
def test_what_only_its_owner_may_know_is_cut(formatter: logging.Formatter, message: str) -> None:
    assert SECRET not in told(formatter, message)
    try:
        raise ValueError(message)
    except ValueError:
        line = told(formatter, "Something broke.", exc_info=sys.exc_info())
    assert SECRET not in line
    assert "ValueError" in line


def test_tokens_are_known_by_their_form_and_what_is_none_is_left() -> None:
    tokens = [secrets.token_urlsafe(32), signing.dumps(["a"]), f"c8x9k2-{'0a' * 16}"]
    for token in tokens:
        assert token not in told(Line(), f"with arguments ('MQ', '{token}') not found")
    kept = [
        "/api/attempts/5b6b7b0e-7d0f-4b3b-9d5a-2f1f0f0b8a11/",
        "sha256 " + "0a" * 32,
        "in test_every_setting_is_in_the_operations_guide_2",
        "Is it there? It is.",
    ]
    for text in kept:
        assert text in told(Line(), text)


FORGED = "x\n2026-11-29 08:00:00,000 ERROR a: forged\r\x1b[2K\x85\u2028\u202e\x00"


@pytest.mark.parametrize("formatter", [kind() for kind in FORMATS])
def test_nobody_writes_a_line_of_their_own(formatter: logging.Formatter) -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        line = told(formatter, FORGED, exc_info=sys.exc_info())
    assert [each for each in line.split("\n") if each.startswith("2026-11-29 08:00")] == []
    assert [letter for letter in line if not letter.isprintable() and letter != "\n"] == []
    if isinstance(formatter, Json):
        assert "\n" not in line


def test_a_line_of_json_has_what_is_known_and_is_never_too_long_to_be_written_at_once() -> None:
    request = type("R", (), {"META": {"HTTP_X_REQUEST_ID": "an-id"}})
    try:
        raise ValueError("wrong ü" * LONGEST)
    except ValueError:
        line = told(Json(), "Something broke.", request=request, exc_info=sys.exc_info())
    read = json.loads(line)
    assert len(line) <= LONGEST
    assert list(read) == ["at", "level", "logger", "message", "request_id", "exception", "stack"]
    assert (read["message"], read["request_id"]) == ("Something broke.", "an-id")
    assert read["exception"].startswith("ValueError: wrong")
    assert read["stack"].startswith("Traceback")
    assert list(json.loads(told(Json(), "Well."))) == ["at", "level", "logger", "message"]


def test_what_is_no_json_is_put_into_some() -> None:
    line = told(Json(), "Well.")
    assert as_json(line, "INFO") == line
    for plain in ("Traceback:", '{"at": half', "\udcff"):
        read = json.loads(as_json(plain, "WARNING"))
        assert (read["message"], read["level"]) == (plain, "WARNING")
