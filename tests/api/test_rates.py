"""Answers say what is left of the limits that they were counted by."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collector import limits
from collector.models import Person
from collector.people import accounts
from collector.study import settings as study_settings
from tests.support.penmanship import drawings
from trainer import rounds, target

NOON = datetime(2026, 11, 29, 12, 0, 15, tzinfo=UTC)


@pytest.fixture
def daisy(db: None) -> Client:
    target.forget()
    study_settings.begin()
    rounds.open_first("mnist_model")
    token, _ = accounts.issue_token(Person.objects.create(username="daisy"))
    return Client(headers={"Authorization": f"Token {token}"})


def submit(client: Client, seed: int = 1) -> Any:
    label, strokes = next(iter(drawings(seed, 1)))
    body = {"target_label": label, "strokes": strokes}
    return client.post("/api/attempts/", json.dumps(body), "application/json")


def preview(client: Client, seed: int = 1) -> Any:
    _, strokes = next(iter(drawings(seed, 1)))
    return client.post("/api/predictions/", json.dumps({"strokes": strokes}), "application/json")


def left(answer: Any) -> dict[str, tuple[int, int]]:
    """By the name of each limit what is left, and for how many seconds."""
    items = re.findall(r'"([^"]+)";r=([0-9]+);t=([0-9]+)(?:, |$)', answer.get("RateLimit", ""))
    assert len(items) == answer.get("RateLimit", "").count('";')
    return {name: (int(rest), int(seconds)) for name, rest, seconds in items}


def test_a_submission_says_what_is_left_of_each_limit(daisy: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        first, second = submit(daisy, 1), submit(daisy, 2)
    assert first.status_code == second.status_code == 201
    assert first["RateLimit-Policy"] == (
        '"submissions a minute";q=40;w=60, "submissions a day";q=2000;w=86400, '
        '"kilobytes a day";q=20000;w=86400;qu="kilobytes"'
    )
    assert left(first)["submissions a minute"] == (39, 45)
    assert left(second)["submissions a minute"] == (38, 45)
    assert left(second)["submissions a day"] == (1998, 43185)
    assert left(second)["kilobytes a day"][0] < left(first)["kilobytes a day"][0] < 20000


def test_who_is_refused_is_told_when_to_come_back_by_both_headers(
    daisy: Client, settings: Any
) -> None:
    settings.LIMIT_SCALE = 1 / 40
    with time_machine.travel(NOON, tick=False):
        submit(daisy, 1)
        refused = submit(daisy, 2)
    assert (refused.status_code, refused["Retry-After"]) == (429, "45")
    assert left(refused) == {"submissions a minute": (0, 45)}


def test_a_preview_that_asks_nothing_of_the_database_says_nothing(daisy: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        told = [left(preview(daisy, seed)) for seed in range(1, 22)]
    [first, *others, last] = told
    assert first == {limits.PREDICTIONS_A_MINUTE.rule: (1199, 45)}
    assert last == {limits.PREDICTIONS_A_MINUTE.rule: (1179, 45)}
    assert others == [{}] * 19


def test_reading_a_list_is_counted_by_nothing_and_says_so(daisy: Client) -> None:
    assert "RateLimit" not in daisy.get("/api/attempts/")


def test_it_costs_no_statement(daisy: Client) -> None:
    submit(daisy, 1)
    with CaptureQueriesContext(connection) as asked:
        submit(daisy, 2)
    assert sum("allowance" in query["sql"] for query in asked) == 3
