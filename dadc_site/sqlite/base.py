"""SQLite whose writers wait in line.

It lets one write at a time. Who has to wait asks again after ever longer sleeps, and whoever asks
in the right moment is next: where many write, some are passed by until they hear that the database
is locked. Here the threads of a process have their turns in the order in which they came, and the
one whose turn it is asks SQLite each millisecond, as another process may be writing.
"""

import os
import sqlite3
import threading
import time
from collections import defaultdict, deque
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

ASKS_AGAIN_SECONDS = 0.001


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

    def _start_transaction_under_autocommit(self) -> None:
        """Begin, to write as soon as it is our turn. Raises OperationalError where that is not
        within the connection's timeout."""
        if self.transaction_mode == "DEFERRED":
            self._begin()
            return
        with self.wrap_database_errors:
            milliseconds = self.connection.execute("PRAGMA busy_timeout").fetchone()[0]
        end = time.monotonic() + milliseconds / 1000
        line = _lines[str(self.settings_dict["NAME"])]
        if line.wait(milliseconds / 1000):
            self._line = line
        try:
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._begin_until(end)
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
        except BaseException:
            self._leave()
            raise

    def _begin_until(self, end: float) -> None:
        while True:
            try:
                self._begin()
                return
            except OperationalError as error:
                code: int = getattr(error.__cause__, "sqlite_errorcode", 0)
                if code & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
            time.sleep(ASKS_AGAIN_SECONDS)

    def _begin(self) -> None:
        super()._start_transaction_under_autocommit()  # type: ignore[misc]

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._line:
            line, self._line = self._line, None
            line.leave()
