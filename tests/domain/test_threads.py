"""The pool that a web process answers with: two threads that compute, and others beside them."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from threading import Event
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dadc_site.threads import HELD_AFTER, QUICK_COUNT, Threads

COUNT = 8


@contextmanager
def pool() -> Iterator[Threads]:
    threads = Threads(COUNT)
    try:
        yield threads
    finally:
        threads.shutdown()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The pool's time, `now` in seconds; it stands still."""
    time = SimpleNamespace(now=100.0)
    time.monotonic = lambda: time.now
    monkeypatch.setattr("dadc_site.threads.time", time)
    return time


class Held:
    """A task that waits for something else until it is let go."""

    def __init__(self) -> None:
        self.has_begun, self.let_go = Event(), Event()
        self.result: Future[object] | None = None

    def __call__(self) -> None:
        self.has_begun.set()
        assert self.let_go.wait(30)

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()


def held(stack: ExitStack, threads: Threads, count: int) -> list[Held]:
    """So many more tasks that wait; as many of them as there are quick threads begin."""
    tasks = [stack.enter_context(Held()) for _ in range(count)]
    for task in tasks:
        task.result = threads.submit(task)
    for task in tasks[:QUICK_COUNT]:
        assert task.has_begun.wait(30)
    return tasks


def test_two_are_done_at_once_and_the_next_in_the_order_in_which_they_came(
    clock: SimpleNamespace,
) -> None:
    order: list[int] = []
    with ExitStack() as stack:
        threads = stack.enter_context(pool())
        first, _, third = held(stack, threads, QUICK_COUNT + 1)
        for number in range(20):
            threads.submit(order.append, number)
        clock.now += HELD_AFTER
        threads.relieve()
        assert not third.has_begun.is_set()
        assert threads.has_line()
        third.let_go.set()
        first.let_go.set()
        threads.submit(lambda: None).result(30)
        assert order == list(range(20))


def test_where_both_wait_for_something_else_whoever_comes_goes_to_another(
    clock: SimpleNamespace,
) -> None:
    with ExitStack() as stack:
        threads = stack.enter_context(pool())
        held(stack, threads, QUICK_COUNT)
        clock.now += 2 * HELD_AFTER
        assert threads.submit(lambda: "answered").result(30) == "answered"
        assert not threads.has_line()


def test_who_was_in_line_already_goes_to_another_once_both_have_waited_for_long(
    clock: SimpleNamespace,
) -> None:
    with ExitStack() as stack:
        threads = stack.enter_context(pool())
        tasks = held(stack, threads, COUNT)
        assert not any(task.has_begun.is_set() for task in tasks[QUICK_COUNT:])
        clock.now += 2 * HELD_AFTER
        threads.relieve()
        assert all(task.has_begun.wait(30) for task in tasks)
        assert not threads.has_line()


def test_where_one_of_the_two_computes_nobody_passes_the_line(clock: SimpleNamespace) -> None:
    with ExitStack() as stack:
        threads = stack.enter_context(pool())
        _, short = held(stack, threads, QUICK_COUNT)
        clock.now += 2 * HELD_AFTER
        short.let_go.set()
        assert short.result is not None
        short.result.result(30)
        for number in range(20):
            assert threads.submit(abs, number).result(30) == number
        assert not threads.has_line(), "what is done is forgotten, also behind one that is held"
        [computes] = held(stack, threads, 1)
        last = threads.submit(str, "after it")
        threads.relieve()
        assert threads.has_line()
        assert not last.done()
        computes.let_go.set()
        assert last.result(30) == "after it"


def test_a_task_that_fails_tells_its_future_and_the_thread_goes_on() -> None:
    with pool() as threads:
        failed = threads.submit(divmod, 1, 0)
        with pytest.raises(ZeroDivisionError):
            failed.result(30)
        assert threads.submit(abs, -1).result(30) == 1


@given(st.lists(st.sampled_from(["quick", "held", "let go", "relieve"]), max_size=40))
def test_each_task_is_done_exactly_once_whatever_waits_meanwhile(acts: list[str]) -> None:
    done: list[int] = []
    results: dict[int, Future[object]] = {}
    waiting: list[Held] = []
    with ExitStack() as stack:
        threads = stack.enter_context(pool())
        for number, act in enumerate(acts):
            if act == "quick":
                results[number] = threads.submit(done.append, number)
            elif act == "held" and len(waiting) < COUNT:
                waiting.append(stack.enter_context(Held()))
                threads.submit(waiting[-1])
            elif act == "let go" and waiting:
                waiting.pop(0).let_go.set()
            elif act == "relieve":
                threads.relieve()
    for result in results.values():
        result.result(30)
    assert sorted(done) == sorted(results)
