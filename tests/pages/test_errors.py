"""What does not work is told: its cause in the log, once, and its number to whoever asked; only
what is busy is called so."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings as site_settings
from django.db import DatabaseError, InternalError, OperationalError, ProgrammingError
from django.test import Client

from collector import health
from collector.standings import round_figures
from dadc_site.logs import Line
from tests.support.pages import text

PAGE, API = "/try/", "/api/rounds/current/"
IN_A_MINUTE, IN_THE_LOG = "in a minute", "its admins can see why in the log"


def test_an_address_that_is_asked_in_another_way_says_so_on_a_page(db: None) -> None:
    answer = Client().post("/gallery/")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert "not asked for in that way" in text(answer)


@pytest.fixture(autouse=True)
def untold() -> Iterator[None]:
    """Nothing is known of another test's database."""
    health.forget()
    yield
    health.forget()


def of_sqlite(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind(f"what SQLite says of {code}")
    error.sqlite_errorcode = code
    return error


def failing(driver: Exception | None, kind: type[Exception]) -> Callable[..., None]:
    """What a view finds in place of the database."""

    def fail(*_: object) -> None:
        raise kind(*(driver.args if driver else ("the connection is closed",))) from driver

    return fail


def lines_of(caplog: pytest.LogCaptureFixture, request_id: str) -> list[logging.LogRecord]:
    """What the log has under this id."""
    return [record for record in caplog.records if f"[{request_id}]" in Line().format(record)]


BUSY = [
    (of_sqlite(5), OperationalError),
    (of_sqlite(6), OperationalError),
    (of_sqlite(261), OperationalError),  # busy, while another recovers
    (psycopg.errors.LockNotAvailable("lock timeout"), OperationalError),
    (psycopg.errors.DeadlockDetected("deadlock"), OperationalError),
    (psycopg.errors.SerializationFailure("serialization"), OperationalError),
    (psycopg.errors.TooManyConnections("too many"), OperationalError),
    (psycopg.OperationalError("FATAL: sorry, too many clients already"), OperationalError),
]
NOT_BUSY = [
    (of_sqlite(8), OperationalError, "read-only"),
    (of_sqlite(1032), OperationalError, "read-only"),  # the file was moved
    (of_sqlite(13), OperationalError, "full"),
    (of_sqlite(778), OperationalError, "disk"),
    (of_sqlite(14), OperationalError, "cannot be opened"),
    (of_sqlite(11, sqlite3.DatabaseError), DatabaseError, "damaged"),
    (of_sqlite(26, sqlite3.DatabaseError), DatabaseError, "damaged"),
    (psycopg.errors.ReadOnlySqlTransaction("read-only"), InternalError, "read-only"),
    (psycopg.errors.DiskFull("no space left"), OperationalError, "full"),
    (psycopg.errors.InsufficientPrivilege("no"), ProgrammingError, "does not let us write"),
    (psycopg.errors.DataCorrupted("bad page"), InternalError, "damaged"),
    (psycopg.errors.AdminShutdown("shut down"), OperationalError, "does not answer"),
    (psycopg.OperationalError("Connection refused"), OperationalError, "does not answer"),
    (None, OperationalError, "does not answer"),
]


@pytest.mark.survives(
    "busy and crowded databases, by the driver's codes",
    "503 “in a minute”, one line of warning",
)
@pytest.mark.parametrize(("driver", "kind"), BUSY)
def test_what_is_busy_says_in_a_minute_and_is_one_line_of_warning(
    driver: Exception,
    kind: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(round_figures, "current", failing(driver, kind))
    for path in (PAGE, API):
        answer = Client().get(path)
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        assert IN_A_MINUTE in text(answer)
        [line] = lines_of(caplog, answer["X-Request-Id"])
        assert (line.levelname, line.exc_info) == ("WARNING", None)
        assert str(driver) in line.getMessage()


@pytest.mark.survives(
    "full, damaged, gone or read-only databases, by the driver's codes",
    "503 that says so, one line of error",
)
@pytest.mark.parametrize(("driver", "kind", "cause"), NOT_BUSY)
def test_what_does_not_get_better_by_itself_says_so_and_is_one_line_of_error(
    driver: Exception | None,
    kind: type[Exception],
    cause: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(round_figures, "current", failing(driver, kind))
    for path in (PAGE, API):
        answer = Client().get(path)
        assert answer.status_code == 503
        assert IN_THE_LOG in text(answer)
        assert IN_A_MINUTE not in text(answer)
        assert "Retry-After" not in answer
        [line] = lines_of(caplog, answer["X-Request-Id"])
        assert (line.levelname, line.exc_info) == ("ERROR", None)
        assert cause in line.getMessage()
        assert (answer["X-Request-Id"] in text(answer)) == (path == PAGE)


@pytest.mark.survives(
    "what nobody expected, no such table among it",
    "500, one line with its traceback",
)
@pytest.mark.parametrize(
    ("driver", "kind"),
    [
        (of_sqlite(1), OperationalError),  # no such table
        (psycopg.errors.UndefinedTable("no such table"), ProgrammingError),
        (None, ValueError),
    ],
)
def test_what_is_not_expected_is_one_line_with_its_traceback(
    driver: Exception | None,
    kind: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(round_figures, "current", failing(driver, kind))
    for path in (PAGE, API):
        answer = Client(raise_request_exception=False).get(path)
        assert answer.status_code == 500
        assert IN_A_MINUTE not in text(answer)
        [line] = lines_of(caplog, answer["X-Request-Id"])
        assert line.exc_info
        assert line.exc_info[0] is kind
        assert (answer["X-Request-Id"] in text(answer)) == (path == PAGE)


def test_an_error_of_the_api_keeps_its_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_figures, "current", failing(of_sqlite(8), OperationalError))
    assert Client().get(API).json()["error"].keys() == {"code", "message"}


@pytest.mark.parametrize("proxies", [0, 1])
@pytest.mark.parametrize(
    ("sent", "is_good"),
    [
        ("0b8c4f6e-1d2a-4c3b-9e8f-7a6b5c4d3e2f", True),
        ("short", False),
        ("x" * 65, False),
        ("an id\twith more", False),
        ("one-of-two,one-of-two", False),
        ("<script>alert</script>", False),
        ("", False),
    ],
)
def test_an_id_is_believed_from_a_trusted_proxy_alone(
    sent: str, is_good: bool, proxies: int, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = proxies
    given = Client(headers={"x-request-id": sent}).get("/healthz")["X-Request-Id"]
    assert (given == sent) == (is_good and proxies == 1)
    assert given


def test_each_request_has_an_id_of_its_own(db: None) -> None:
    paths = ("/healthz", "/", "/", "/none", "/api/none/", "/api/rounds/")
    assert len({Client().get(path)["X-Request-Id"] for path in paths}) == len(paths)


def test_the_log_has_the_id_and_has_nothing_twice_while_debugging() -> None:
    record = logging.makeLogRecord(
        {"msg": "Something.", "request": type("R", (), {"META": {"HTTP_X_REQUEST_ID": "an-id"}})}
    )
    logs: dict[str, Any] = site_settings.LOGGING
    [handler] = logs["root"]["handlers"]
    formatter = logs["formatters"][logs["handlers"][handler]["formatter"]]
    assert formatter["()"]().format(record).endswith("Something. [an-id]")
    assert logging.getLogger("django").handlers == []


@pytest.mark.survives(
    "a flood of probes",
    "one write in a few seconds in each process",
)
def test_readiness_writes_once_in_a_few_seconds_and_says_what_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[float] = []

    def write() -> None:
        tries.append(now)
        if now < 100:
            raise OperationalError("attempt to write") from of_sqlite(8)

    now = 1.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(health, "_write", write)
    for now in (1.0, 2.0, 5.9, 6.1, 7.0):  # noqa: B007 (read by both above)
        answer = Client().get("/readyz")
        assert (answer.status_code, answer.json()["database"]) == (
            503,
            "The database is read-only.",
        )
        assert Client().get("/healthz").status_code == 200
    assert tries == [1.0, 6.1]
    assert len([line for line in caplog.records if "Not ready" in line.getMessage()]) == 1
    now = 101.0
    assert Client().get("/readyz").json()["database"] == "ok"
    assert [state for state in health.problems() if "database" in state] == []


def test_readiness_says_that_nothing_answers_where_nothing_can_be_read_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("_write", "_target", "_worker"):
        monkeypatch.setattr(health, name, failing(None, OperationalError))
    assert Client().get("/readyz").json() == {
        "database": "The database does not answer.",
        "target": "unknown",
        "worker": "unknown",
    }
