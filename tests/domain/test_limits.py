"""How much may wait to be read, and whom a limit on sign-ups holds."""

import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from collector import limits
from collector.drawings import asking, attempts
from collector.errors import TooMany
from collector.models import Attempt, Person, Study, clock
from tests.support.cast import a_line, read, submit
from trainer.learning import drawing, raster


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch, study: Study) -> None:
    """Few may wait; many drawings in a minute are not what is tested here."""
    monkeypatch.setattr(limits, "PENDING_WHILE_NEW", 3)
    monkeypatch.setattr(limits, "NEW_UNTIL", 2)
    Study.objects.update(round_size=1000)


def test_who_is_new_has_only_so_many_drawings_waiting(alice: Person, mona: Person) -> None:
    for _ in range(3):
        submit(alice, 4)
    with pytest.raises(TooMany, match="3 of your drawings wait to be read") as refused:
        submit(alice, 4)
    assert refused.value.retry_after > 0
    assert alice.attempts.count() == 3
    read(mona, "9")
    with pytest.raises(TooMany):
        submit(alice, 4)
    read(mona, "4")
    submit(alice, 4)


def test_once_enough_are_verified_there_is_no_such_limit(alice: Person, mona: Person) -> None:
    for _ in range(2):
        read(mona, "4", submit(alice, 4))
    for _ in range(5):
        submit(alice, 4)
    assert alice.attempts.filter(status="pending").count() == 5


def test_one_persons_waiting_drawings_are_not_anothers(alice: Person, mona: Person) -> None:
    for _ in range(3):
        submit(alice, 4)
    submit(mona, 4)


def test_who_is_refused_as_the_window_ends_is_told_to_come_back_in_a_second(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = replace(limits.PREDICTIONS_A_MINUTE, most=1)
    times = map(partial(datetime.fromtimestamp, tz=UTC), [119.9, 119.999, 120.25])
    monkeypatch.setattr(clock, "now", lambda: next(times))
    limits.take(limit, "192.0.2.1")
    with pytest.raises(TooMany) as refused:
        limits.take(limit, "192.0.2.1")
    assert refused.value.retry_after == 1


def replace_row(attempt: Attempt, **values: Any) -> Attempt:
    """A copy of the row, not stored, with other values."""
    other = copy(attempt)
    for name, value in values.items():
        setattr(other, name, value)
    return other


@pytest.mark.survives(
    "one person with hundreds of drawings waiting",
    "429 from a limit on; another's drawing is read within seven",
)
def test_one_person_cannot_fill_the_queue_and_anothers_drawing_is_read_soon(
    alice: Person, mona: Person, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most six in a row that a moderator is given are of the person with hundreds waiting."""
    monkeypatch.setattr(limits, "PENDING_OF_ONE", 300)
    monkeypatch.setattr(limits, "PENDING_IN_ALL", 302)
    for _ in range(2):
        read(mona, "4", submit(alice, 4))
    one = submit(alice, 4)
    Attempt.objects.bulk_create(
        replace_row(one, pk=uuid.uuid4(), pixels_sha256=f"{n:064x}") for n in range(299)
    )
    with pytest.raises(TooMany, match="300 of your drawings wait to be read, and that is the most"):
        submit(alice, 4)
    theirs = submit(person("bob"), 4)
    mei = person("mei", "moderator")
    drawn = [read(mei, "4").drawer_id for _ in range(7)]
    assert theirs.drawer_id in drawn


@pytest.mark.survives(
    "more waits than moderators can read",
    "429 that says so",
)
def test_when_moderators_are_far_behind_nothing_more_is_taken(
    alice: Person, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PENDING_IN_ALL", 2)
    submit(alice, 4)
    submit(person(), 4)
    with pytest.raises(TooMany, match="moderators are behind"):
        submit(person(), 4)


def test_what_waits_in_all_is_told_by_the_sums_of_those_who_wait(alice: Person) -> None:
    submit(alice, 4)
    with CaptureQueriesContext(connection) as queries:
        submit(alice, 4)
    [asked] = {query["sql"] for query in queries if "all_pending_count" in query["sql"]}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # which reads so small a table from end to end, else
            cursor.execute("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{explain} {asked}")
        plan = str(cursor.fetchall())
    assert "what_waits_in_all" in plan, plan


def test_a_submission_sent_again_is_answered_though_nothing_more_is_taken(alice: Person) -> None:
    sent = attempts.Submission(4, a_line(), client_key="once")
    first, new = attempts.submit(alice, sent)
    submit(alice, 4)
    submit(alice, 4)
    again, new_again = attempts.submit(alice, sent)
    assert (again.pk, new, new_again) == (first.pk, True, False)
    assert Attempt.objects.count() == 3


def test_limits_grow_with_their_scale(alice: Person, settings: Any) -> None:
    settings.LIMIT_SCALE = 2
    for _ in range(6):
        submit(alice, 4)
    with pytest.raises(TooMany, match="6 of your drawings"):
        submit(alice, 4)


def scribble(turns: int) -> drawing.Drawing:
    """Up and down beside the canvas’ left edge with the widest pen."""
    x = [37 * place % (60 + turns // 100) for place in range(turns)]
    y = [279 * (place % 2) for place in range(turns)]
    return drawing.parse([{"x": x, "y": y, "t": [0] * turns}], 40)


@pytest.mark.survives(
    "5,000 points back and forth across the canvas, previewed again and again",
    "counts as 32 drawings",
)
def test_a_scribble_that_takes_as_long_as_many_drawings_counts_as_many(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    worst = scribble(5000)
    assert raster.shares_of_work(worst) == 32
    monkeypatch.setattr(
        limits,
        "PREDICTIONS_A_MINUTE",
        limits.Limit("tight", 40, 60, "That was more than {most:,} previews."),
    )
    monkeypatch.setattr(limits, "_window", lambda limit: (7, datetime(2300, 1, 1, tzinfo=UTC)))
    asking.predict(worst, None, "somebody")
    with pytest.raises(TooMany, match="more than 40 previews"):
        asking.predict(worst, None, "somebody")
    submit(alice, 7, scribble(200))
    assert raster.shares_of_work(scribble(1400)) == 9
    submit(alice, 7, worst)
    with pytest.raises(TooMany, match="more than 40 drawings, long scribbles counted as several"):
        submit(alice, 7, scribble(1400))


@given(st.integers(1, 300), st.integers(8, 40))
def test_what_people_draw_counts_as_one(points: int, width: int) -> None:
    """Three times across the canvas, in any number of points."""
    y = [840 * place // points % 280 for place in range(points)]
    drawn = drawing.Drawing((drawing.Stroke(tuple(y), tuple(y), (0,) * points),), width)
    assert raster.shares_of_work(drawn) == 1


@pytest.mark.survives(
    "drawings of 90 kB all day",
    "429 after so many kB in a day, for their drawer alone",
)
def test_one_person_stores_only_so_many_bytes_a_day(
    alice: Person, mona: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        limits,
        "KILOBYTES_A_DAY",
        limits.Limit("tight", 5, 24 * 3600, "That was more than {most} kB of drawings in a day."),
    )
    x = [3 * (place % 90) for place in range(290)]
    sent = [{"x": x, "y": x[::-1], "t": [9000 + place for place in range(290)]}]
    submit(alice, 7, drawing.parse(sent))  # 4 kB
    submit(alice, 7)
    with pytest.raises(TooMany, match="more than 5 kB of drawings in a day") as refused:
        submit(alice, 7)
    assert refused.value.retry_after > 0
    assert alice.attempts.count() == 2
    submit(mona, 7)


@given(st.ip_addresses(v=4))
def test_neighbours_share_the_first_three_numbers(address: Any) -> None:
    first = str(address).rpartition(".")[0]
    assert (
        limits.neighbourhood(str(address))
        == f"{first}.0/24"
        == limits.neighbourhood(f"::ffff:{address}")
    )


@given(st.ip_addresses(v=6), st.integers(0, 2**80 - 1))
def test_whoever_has_a_network_of_ipv6_is_one_neighbour(address: Any, rest: int) -> None:
    other = type(address)((int(address) >> 80 << 80) | rest)
    if not (address.ipv4_mapped or other.ipv4_mapped):
        assert limits.neighbourhood(str(address)) == limits.neighbourhood(str(other))


def test_what_is_no_address_stands_for_itself() -> None:
    assert limits.neighbourhood("") == ""
    assert limits.neighbourhood("unix:") == "unix:"


def test_a_48_of_ipv6_has_three_times_the_limit_and_neighbours_by_ipv4_have_each_their_own(
    db: None,
) -> None:
    limit = replace(limits.SIGN_INS_A_MINUTE, seconds=24 * 3600)
    for number in range(3 * limit.most):
        limits.take_from(limit, f"2001:db8:5:{number:x}::")
        limits.take_from(limit, f"192.0.2.{number}")
    limits.take_from(limit, "192.0.2.200")
    limits.take_from(limit, "2001:db8:6::")
    with pytest.raises(TooMany):
        limits.take_from(limit, "2001:db8:5:ffff::")


@given(
    block=st.integers(1, 20),
    most=st.integers(1, 1500),
    asked=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 32)), max_size=60),
)
def test_claimed_in_blocks_no_more_is_allowed_and_one_process_loses_nothing(
    block: int, most: int, asked: list[tuple[int, int]]
) -> None:
    """Three processes, of which each asks for some, in any order."""
    rule = limits.Limit("in blocks", most, 3600, "That was more than {most:,}.", block=block)
    counted: Counter[str] = Counter()
    processes: list[dict[tuple[str, str], tuple[int, int]]] = [{}, {}, {}]

    def claim(limit: object, who: str, slot: object, ends: object, amount: int) -> int:
        counted[who] += amount
        return counted[who]

    def allowed(who: str, amount: int) -> int:
        try:
            limits.take(rule, who, amount)
        except TooMany:
            return 0
        return amount

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(limits, "_claim", claim)
        patched.setattr(limits, "_window", lambda limit: (7, datetime(2300, 1, 1, tzinfo=UTC)))
        of_all = 0
        for process, amount in asked:
            patched.setattr(limits, "_blocks", processes[process])
            of_all += allowed("all", amount)
        assert of_all <= most
        assert sum(allowed("alone", 1) for _ in range(most + 40)) == most


def test_most_predictions_write_nothing(
    alice: Person, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    with django_assert_num_queries(2):
        for _ in range(40):
            limits.take(limits.PREDICTIONS_A_MINUTE, str(alice.pk))
