"""SQLite whose writers wait in line.

It lets one write at a time. Who has to wait asks again after ever longer sleeps, and whoever asks
in the right moment is next: where many write, some are passed by until they hear that the database
is locked. Here the threads of a process have their turns in the order in which they came, and the
one whose turn it is asks SQLite each millisecond, as another process may be writing.
"""

import os
import re
import sqlite3
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, TypeVar

from django.db.backends.sqlite3 import base
from django.db.backends.utils import debug_transaction

ASKS_AGAIN_SECONDS = 0.001
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
T = TypeVar("T")


class Line:
    """A lock for threads, which hands itself on to whoever has waited longest."""

    def __init__(self) -> None:
        self._is_taken = False
        self._waiting: deque[Any] = deque()  # a lock each, held until it is their turn
        self._changing = threading.Lock()

    def wait(self, seconds: float) -> bool:
        """Return whether it is the caller's turn now; False after so many seconds."""
        mine = threading.Lock()
        with self._changing:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=seconds):
            return True
        with self._changing:
            if mine not in self._waiting:  # its turn came in this very moment
                return True
            self._waiting.remove(mine)
        return False

    def leave(self) -> None:
        """End the caller's turn."""
        with self._changing:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


_lines: dict[str, Line] = defaultdict(Line)  # of each file
os.register_at_fork(after_in_child=_lines.clear)  # whoever has a turn there is no thread of it


class DatabaseWrapper(base.DatabaseWrapper):
    transaction_mode: str | None  # Django's
    _line: Line | None = None  # where it is our turn

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=lambda raw: Cursor(raw, self))

    def _start_transaction_under_autocommit(self) -> None:
        """Begin, to write as soon as it is our turn, which lasts until the transaction ends. Raises
        OperationalError where that is not within the connection's timeout."""
        begin = f"BEGIN {self.transaction_mode or ''}".strip()
        with debug_transaction(self, begin), self.wrap_database_errors:
            if self.transaction_mode in ("IMMEDIATE", "EXCLUSIVE"):
                self.take_turn(lambda: self.connection.execute(begin))
            else:
                self.connection.execute(begin)

    def take_turn(self, write: Callable[[], T]) -> T:
        """Return what this, which locks the database, returns when it is our turn. Raises
        sqlite3.OperationalError where that is not within the connection's timeout."""
        milliseconds = self.connection.execute("PRAGMA busy_timeout").fetchone()[0]
        end = time.monotonic() + milliseconds / 1000
        line = _lines[str(self.settings_dict["NAME"])]
        if self._line is None and line.wait(milliseconds / 1000):
            self._line = line
        try:
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                return _once_free(write, end)
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
        except BaseException:
            self.end_turn()
            raise

    def end_turn(self) -> None:
        """Let the next one write, where it was our turn."""
        if self._line:
            line, self._line = self._line, None
            line.leave()

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self.end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self.end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self.end_turn()


class Cursor(base.SQLiteCursorWrapper):
    """One whose statements, where they write outside a transaction, wait in line as well."""

    def __init__(self, raw: sqlite3.Connection, database: DatabaseWrapper) -> None:
        super().__init__(raw)
        self._database = database

    def execute(self, query: str, params: Any = None) -> Any:
        if self.connection.in_transaction or not WRITES.match(query):
            return super().execute(query, params)
        try:
            return self._database.take_turn(lambda: super(Cursor, self).execute(query, params))
        finally:
            self._database.end_turn()


def _once_free(write: Callable[[], T], end: float) -> T:
    while True:
        try:
            return write()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
        time.sleep(ASKS_AGAIN_SECONDS)
