"""What one request costs after many rounds: no more than what it shows."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from collector.drawings import timeline
from collector.models import Person
from tests.support import long_study

A_ROUND_MORE = 4000  # bytes, read from the database or answered: what a page shows of a round


@contextmanager
def reading() -> Iterator[list[int]]:
    """Within, the bytes that each query reads are listed: it is asked again beside itself."""
    found: list[int] = []

    def again(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            with closing(connection.create_cursor()) as cursor:
                cursor.execute(sql, params)
                found.append(sum(map(size_of, (value for row in cursor for value in row))))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(again):
        yield found


def size_of(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | memoryview) else 8


def costs_after(rounds: int) -> dict[int, tuple[int, int, int]]:
    """By the place of each address how many queries it asks, the bytes that they read and the bytes
    of the answer, after so many rounds with the same drawings and people."""
    found = {}
    with transaction.atomic():
        long_study.build(rounds, attempt_count=100, person_count=10)
        clients = {role: Client() for role in ("", *Person.Role)}
        for person in Person.objects.filter(username__endswith="00000"):
            clients[person.role].force_login(person, "collector.people.accounts.Backend")
        for place, (path, role) in enumerate(long_study.addresses()):
            with reading() as read:
                answer = clients[role].get(path)
            assert answer.status_code == 200, path
            found[place] = len(read), sum(read), len(answer.getvalue())
        transaction.set_rollback(True)
    return found


@pytest.mark.survives(
    "twice as many rounds, and lists of them",
    "a round more costs no page and no list more than 4 kB",
)
def test_a_round_more_costs_no_address_more_than_what_is_shown_of_a_round(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The models that a drawing goes through are loaded once a process, and are not what is told.
    monkeypatch.setattr(timeline, "through_rounds", lambda attempt: [])
    few, many = costs_after(20), costs_after(40)
    assert few.keys() == many.keys()
    for place, (query_count, read, answered) in many.items():
        assert query_count <= few[place][0] + 3, place
        assert read - few[place][1] <= 20 * A_ROUND_MORE, place
        assert answered - few[place][2] <= 20 * A_ROUND_MORE, place
