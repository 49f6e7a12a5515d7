"""Two hundred requests at once through gunicorn: nobody reads a drawing twice, no lease is given
twice, nothing counts twice, the standings are what a recount of the rows says, and of ten drawings
nearly the same one is the original."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.site import Answer, Client, Site
from tests.support.trainings import rounds_of

AT_ONCE = 200
PEOPLE = """
import json
from collector.people import accounts
from collector.models import Person
from django.utils import timezone
tokens = dict(drawer=[], moderator=[])
for kind in tokens:
    for n in range(20):
        moderates = kind == "moderator"
        person = Person.objects.create(
            username=f"{kind}{n}", role=kind if moderates else "crowdworker",
            qualified_at=timezone.now() if moderates else None,
        )
        tokens[kind].append(accounts.issue_token(person)[0])
print(json.dumps(tokens))
"""
ROWS = """
import json
from collector.models import Attempt, Reading
from trainer.models import RoundModel, Sample
attempts = Attempt.objects.values("pk", "drawer__username", "status", "credit", "target_label",
    "predicted_label", "near_duplicate_of", "client_key", "needed_reading_count", "settled_at")
readings = Reading.objects.values(
    "attempt", "moderator__username", "attempt__drawer__username", "answer")
samples = Sample.objects.filter(withdrawn_at=None).values_list("attempt", flat=True)
training = RoundModel.objects.filter(state="training").count()
print(json.dumps([list(attempts), list(readings), list(samples), training], default=str))
"""


def crooked(chances: random.Random) -> list[dict[str, list[int]]]:
    return [
        {
            "x": [chances.randrange(280) for _ in range(6)],
            "y": [chances.randrange(40, 280) for _ in range(6)],  # the top is for specks
            "t": [0, 20, 40, 60, 80, 100],
        }
    ]


def at_once(asked: list[Callable[[], Answer]]) -> list[Answer]:
    """The answers to all, in order, asked in the same moment."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [future.result() for future in [pool.submit(ask) for ask in asked]]


@pytest.mark.survives(
    "200 requests at once: submissions, readings, leases, taking back, near-duplicates",
    "everything counts once; `verify` finds nothing",
)
def test_two_hundred_requests_at_once_count_everything_once(make_site: Callable[..., Site]) -> None:
    site = make_site(DADC_LIMIT_SCALE="1000", DADC_QUORUM="2", DADC_ROUND_SIZE="30")
    site.python(rounds_of(7))
    tokens: dict[str, list[str]] = json.loads(site.python(PEOPLE))
    drawers, moderators = (
        [Client(site, token) for token in tokens[kind]] for kind in ("drawer", "moderator")
    )
    chances = random.Random(4)

    def drawing(n: int) -> list[Callable[[], Answer]]:
        """The same submission twice."""
        body = {"target_label": 4, "strokes": crooked(chances), "client_key": f"key{n}"}
        return [lambda: drawers[n % 20].post("/api/attempts/", body)] * 2

    drawn = at_once([ask for n in range(AT_ONCE // 2) for ask in drawing(n)])
    assert Counter(answer.status for answer in drawn) == {201: AT_ONCE // 2, 200: AT_ONCE // 2}
    assert all(
        one.body["id"] == other.body["id"]
        for one, other in zip(drawn[::2], drawn[1::2], strict=True)
    )
    statuses: Counter[int] = Counter()
    held: list[tuple[Client, str]] = []
    for wave in range(4):
        asked: list[Callable[[], Answer]] = []
        for moderator, reading in held:  # four times the same, once another
            for answer in ("4", "4", "4", "4", "9"):
                address, body = f"/api/assignments/{reading}/reading/", {"reading": answer}
                asked.append(lambda m=moderator, a=address, b=body: m.post(a, b))  # type: ignore[misc]
        for n in range(20):
            retracted = drawn[wave * 20 + n].body["id"]
            asked.append(
                lambda d=drawers[n // 2], r=retracted: d.post(f"/api/attempts/{r}/retract/")  # type: ignore[misc]
            )
        asks = [
            (moderator, moderator)
            for moderator in moderators
            for _ in range((AT_ONCE - len(asked)) // 20 or 4)
        ]
        first = len(asked)
        asked += [lambda m=moderator: m.post("/api/assignments/") for moderator, _ in asks]  # type: ignore[misc]
        answers = at_once(asked)
        statuses.update(answer.status for answer in answers)
        given = {
            (moderators.index(moderator), answer.body["id"])
            for (moderator, _), answer in zip(asks, answers[first:], strict=True)
            if answer.status == 201
        }
        per_moderator = Counter(place for place, _ in given)
        assert not per_moderator or max(per_moderator.values()) <= 4, (
            "two at a time, two read meanwhile"
        )
        held = [(moderators[place], reading) for place, reading in given]
    assert set(statuses) <= {200, 201, 204, 404, 409, 410}, statuses
    check(site, Client(site))
    line = crooked(chances)
    alike = at_once(
        [lambda n=n: drawers[n].post("/api/attempts/", with_a_speck(line, n)) for n in range(10)]  # type: ignore[misc]
    )
    told = [
        drawers[n].get(f"/api/attempts/{answer.body['id']}/").body["original"]
        for n, answer in enumerate(alike)
    ]
    assert sorted(told) == [False] * 9 + [True]


def with_a_speck(line: list[dict[str, list[int]]], place: int) -> dict[str, Any]:
    speck = {"x": [place, place + 3], "y": [9, 9], "t": [101, 102]}
    return {"target_label": 4, "strokes": [*line, speck]}


def check(site: Site, nobody: Client) -> None:
    attempts, readings, samples, training = json.loads(site.python(ROWS))
    assert (
        len(attempts)
        == AT_ONCE // 2
        == len({(row["drawer__username"], row["client_key"]) for row in attempts})
    )
    pairs = Counter((row["attempt"], row["moderator__username"]) for row in readings)
    assert max(pairs.values()) == 1
    assert all(row["moderator__username"] != row["attempt__drawer__username"] for row in readings)
    answered = Counter(row["attempt"] for row in readings if row["answer"])
    for row in attempts:
        assert answered[row["pk"]] <= 5, "2·quorum + 1"
        leased = sum(
            reading["attempt"] == row["pk"] and not reading["answer"] for reading in readings
        )
        assert row["status"] != "pending" or leased <= row["needed_reading_count"]
        assert (row["status"] == "pending") == (row["settled_at"] is None)
    assert training <= 1
    assert max(Counter(samples).values(), default=1) == 1
    groups: dict[Any, list[float]] = defaultdict(list)
    standings: dict[str, list[float]] = defaultdict(lambda: [0.0, 0, 0])
    for row in attempts:
        line = standings[row["drawer__username"]]
        line[0], line[1], line[2] = (
            line[0] + row["credit"],
            line[1] + (row["status"] == "verified"),
            line[2] + 1,
        )
        if row["status"] == "verified" and row["near_duplicate_of"] is None:
            groups[row["drawer__username"], row["predicted_label"]].append(row["credit"])
        else:
            assert row["credit"] == 0
    assert sum(map(len, groups.values())) >= 20, "enough settled to say something"
    for earned in groups.values():
        assert sorted(earned, reverse=True) == [1.0, 1.0, *[0.5] * len(earned)][: len(earned)]
    board = nobody.get("/api/leaderboard/?period=all").body["results"]
    told = {
        line["username"]: [line["credit"], line["verified"], line["attempts"]] for line in board
    }
    assert told == {name: line for name, line in standings.items() if line[0] > 0}
    assert site.manage("verify") == "Everything agrees.\n"
