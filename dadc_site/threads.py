"""Two threads that compute, and others for as long as these wait for something else.

Threads of a process compute one at a time, and each that wants to compute takes its turn from those
that do: with eight, every request takes as long as the slowest, and all of them longer. In line
for two, the first come are the first answered.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

QUICK_COUNT = 2
HELD_AFTER = 0.1  # seconds: who takes so long waits for the database, a client or a password's hash


class _Task:
    def __init__(self, do: Callable[[], object]) -> None:
        self.do = do
        self.future: Future[Any] = Future()
        self.began_at: float | None = None

    def run(self) -> None:
        self.began_at = time.monotonic()
        try:
            self.future.set_result(self.do())
        except BaseException as error:  # is for whoever asks the future, as in any executor
            self.future.set_exception(error)


class Threads:
    """A pool of `count` threads, at least three; everything but its tasks is one thread's to
    call."""

    def __init__(self, count: int) -> None:
        self._quick = ThreadPoolExecutor(QUICK_COUNT)
        self._others = ThreadPoolExecutor(count - QUICK_COUNT)
        # Tasks of the quick threads, in line or begun, in their order.
        self._line: deque[tuple[_Task, Future[None]]] = deque()

    def submit(self, do: Callable[..., object], *arguments: object) -> "Future[Any]":
        """Put a task in line; returns what will be its result."""
        task = _Task(partial(do, *arguments))
        if self._are_held():
            self._others.submit(task.run)
        else:
            self._line.append((task, self._quick.submit(task.run)))
        return task.future

    def has_line(self) -> bool:
        """Say whether a task may be waiting for a quick thread; then `relieve` is to be called now
        and then."""
        self._forget_done()
        return len(self._line) > QUICK_COUNT

    def relieve(self) -> None:
        """Where the quick threads wait for something else, give all that wait for them to the
        others."""
        if not self._are_held():
            return
        begun = deque[tuple[_Task, Future[None]]]()
        for task, handed in self._line:
            if handed.cancel():
                self._others.submit(task.run)
            else:
                begun.append((task, handed))
        self._line = begun

    def shutdown(self, wait: bool = True) -> None:
        """Take no more tasks."""
        self._quick.shutdown(wait)
        self._others.shutdown(wait)

    def _are_held(self) -> bool:
        self._forget_done()
        before = time.monotonic() - HELD_AFTER
        began = [task.began_at for task, _ in islice(self._line, QUICK_COUNT)]
        return len(began) == QUICK_COUNT and all(at is not None and at < before for at in began)

    def _forget_done(self) -> None:
        """Have the line begin with what the quick threads are at: others may have been done behind
        one that is held."""
        for place in range(QUICK_COUNT):
            while len(self._line) > place and self._line[place][0].future.done():
                del self._line[place]
