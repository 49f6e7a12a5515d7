"""Who writes to SQLite has their turn, however many write."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import OperationalError, transaction
from django.db.utils import ConnectionHandler

from dadc_site import addresses
from dadc_site.sqlite import base
from tests.support.site import wait_for

WRITERS, WRITES, TURNS = 8, 5, 5
Serve = Callable[[float], ConnectionHandler]


@pytest.fixture
def serve(db: None, tmp_path: Path) -> Iterator[Serve]:
    """A database of its own, for threads that wait for so many seconds to write."""
    with pytest.MonkeyPatch.context() as patch:

        def made(timeout: float) -> ConnectionHandler:
            database = addresses.own_file(tmp_path / "written.sqlite3")
            database["OPTIONS"]["timeout"] = timeout
            handler = ConnectionHandler({"default": database})
            patch.setattr(transaction, "connections", handler)
            with handler["default"].cursor() as cursor:
                cursor.execute("CREATE TABLE written (id INTEGER PRIMARY KEY, writer INTEGER)")
            return handler

        yield made


def write(handler: ConnectionHandler, writer: int, seconds: float = 0) -> None:
    """Write for so long."""
    with transaction.atomic(), handler["default"].cursor() as cursor:
        cursor.execute("INSERT INTO written (writer) VALUES (%s)", [writer])
        time.sleep(seconds)


def write_alone(handler: ConnectionHandler, writer: int) -> None:
    """Write in one statement, outside a transaction."""
    with handler["default"].cursor() as cursor:
        cursor.execute("INSERT INTO written (writer) VALUES (%s)", [writer])


def write_soon(
    handler: ConnectionHandler, how: Callable[[ConnectionHandler, int], None], writer: int
) -> None:
    """Write where nobody else does: whoever waits there for a turn waits for one that has not
    ended."""

    def patiently() -> None:
        with handler["default"].cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 60000")
        how(handler, writer)
        handler["default"].close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(patiently).result(30)


def writers(handler: ConnectionHandler) -> list[int]:
    with handler["default"].cursor() as cursor:
        return [row[0] for row in cursor.execute("SELECT writer FROM written ORDER BY id")]


@pytest.mark.survives(
    "many who write to SQLite again and again",
    "each has their turn in the order in which they came",
)
def test_nobody_is_passed_by_while_others_write_again_and_again(serve: Serve) -> None:
    handler = serve(60)
    line = base._lines[str(handler["default"].settings_dict["NAME"])]

    def go_on(writer: int) -> None:
        for _ in range(WRITES):
            if writer % 2:
                write(handler, writer, seconds=0.002)
            else:
                write_alone(handler, writer)
        handler["default"].close()

    for turn in range(TURNS):
        with ThreadPoolExecutor(WRITERS) as pool:
            with transaction.atomic():
                going = [pool.submit(go_on, writer) for writer in range(WRITERS)]
                wait_for(lambda: len(line._waiting) == WRITERS, 30, "all to stand in line")
            for each in going:
                each.result(30)
        order = writers(handler)[turn * WRITERS * WRITES :]
        assert Counter(order) == dict.fromkeys(range(WRITERS), WRITES)
        assert sorted(order[:WRITERS]) == list(range(WRITERS)), order


def test_whoever_waits_too_long_hears_it_and_writes_later(serve: Serve) -> None:
    handler = serve(0.2)
    has_begun, may_end = threading.Event(), threading.Event()

    def take_long() -> None:
        with transaction.atomic():
            has_begun.set()
            assert may_end.wait(30)
        handler["default"].close()

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(take_long)
        assert has_begun.wait(30)
        for how in (write, write_alone):
            with pytest.raises(OperationalError, match="database is locked"):
                how(handler, 1)
        may_end.set()
        long.result(30)
    write_soon(handler, write, 2)
    write_soon(handler, write_alone, 3)
    assert writers(handler) == [2, 3]


def test_a_turn_ends_with_its_transaction_however_it_ends(serve: Serve) -> None:
    handler = serve(60)

    def fail() -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
        with transaction.atomic():
            handler["default"].close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(fail).result(30)
    write_soon(handler, write, 1)
    write_soon(handler, write_alone, 2)
    write_soon(handler, write, 3)
    assert writers(handler) == [1, 2, 3]
