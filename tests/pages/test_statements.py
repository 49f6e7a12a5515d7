"""How many statements the requests of a plain site take: none for what it has not, arms, a protocol
or consent."""

import json
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from collector import health
from collector.models import Appeal, Attempt, Person, Study
from collector.moderation import decisions
from tests.support import PASSWORD, penmanship
from tests.support.models import add_model
from tests.support.pages import Browse, Insert
from trainer import rounds
from trainer.models import Contributor, Round, Sample, Split

# For a stranger, somebody who draws, a moderator and an admin; - where it is not for them. Before
# there were arms, protocols and consent none of these was smaller; the draw page has one more since
# it says how many tricks there is room for.
COSTS = """
/ 7 10 10 15
/draw/ - 16 16 21
/drawings/ - 13 10 15
/gallery/ 5 8 8 13
/fools/{fool}/ 4 7 7 12
/fools/{fool}/seen.png 1 1 1 1
/fools/{fool}/card.png 1 1 1 1
/leaderboard/ 3 6 6 11
/rounds/ 8 11 11 16
/rounds/1/ 10 13 13 18
/rounds/1/card.md 8 8 8 8
/rounds/1/weights.safetensors 3 3 3 3
/rounds/history.csv 5 5 5 5
/account/ - 7 7 12
/account/export/ - 5 4 4
/moderate/ - - 5 10
/data/ - - - 14
/desk/ - - - 33
/people/ - - - 11
/readyz 2 2 2 2
/api/rounds/ 5 7 7 7
/api/rounds/current/ 5 7 7 7
/api/rounds/1/ 4 6 6 6
/api/leaderboard/ 2 4 4 4
/api/attempts/ - 5 3 3
/api/samples/ - - - 4
/api/samples/?as=csv - - - 4
"""


def asked(do: Callable[[], Any]) -> int:
    """How many statements it takes, but for those that begin and end a transaction."""
    with CaptureQueriesContext(connection) as queries:
        answer = do()
        if getattr(answer, "streaming", False):
            b"".join(answer.streaming_content)
    return len([one for one in queries if "SAVEPOINT" not in one["sql"]])


@pytest.fixture(autouse=True)
def quiet(open_round: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lot decides, no gold is given, no model is trained, and readiness writes nothing."""
    monkeypatch.setattr(health, "WRITES_EVERY", math.inf)
    Study.objects.update(audit_share=0.0, gold_share=0.0, round_size=1000)


@pytest.fixture
def fool(alice: Person, insert: Insert, open_round: Round) -> Attempt:
    """A verified fool that is a sample, of the round before the open one."""
    fool = insert(alice)
    contributor = Contributor.objects.create(id=alice.contributor, position=0, split=Split.TRAIN)
    Sample.objects.create(
        attempt=fool.pk,
        contributor=contributor,
        pixels=fool.pixels,
        sha256=fool.pixels_sha256,
        label=4,
        has_fooled=True,
        round=open_round,
    )
    rounds.open_next(add_model(9))
    return fool


def test_what_is_read_takes_as_many_as_it_did_before_there_were_arms(
    browse: Browse, alice: Person, mona: Person, ada: Person, fool: Attempt
) -> None:
    clients = [browse(who) for who in (None, alice, mona, ada)]
    found = []
    for path in re.findall(r"^/\S*", COSTS, re.MULTILINE):
        address, row = path.format(fool=fool.pk), [path]
        for client in clients:
            is_answered = client.get(address).status_code in (200, 503)
            row.append(str(asked(partial(client.get, address))) if is_answered else "-")
        found.append(" ".join(row))
    assert found == COSTS.split("\n")[1:-1]


def test_what_is_written_takes_as_many_as_it_did_before_there_were_arms(
    browse: Browse, alice: Person, mona: Person, ada: Person
) -> None:
    drawer = browse(alice)

    def post(client: Client, path: str, body: dict[str, Any]) -> Any:
        return client.post(path, json.dumps(body), content_type="application/json")

    def submit(strokes: Any, label: int) -> Any:
        return post(drawer, "/api/attempts/", {"target_label": label, "strokes": strokes})

    drawn = [strokes for _, strokes in penmanship.drawings(6, 5)]
    for strokes in drawn[:2]:
        submit(strokes, 4)
    reader = browse(mona)
    given = [post(reader, "/api/assignments/", {}).json()["id"] for _ in range(2)]

    def read(place: int, answer: str) -> Any:
        return post(reader, f"/api/assignments/{given[place]}/reading/", {"reading": answer})

    found = {
        "a trick": asked(partial(submit, drawn[2], 4)),
        "no trick": asked(partial(submit, drawn[3], 9)),
        "a copy": asked(partial(submit, drawn[2], 4)),
        "a reading that settles nothing": asked(partial(read, 0, "junk")),
        "a reading that settles": asked(partial(read, 1, "4")),
        "the next drawing": asked(partial(post, reader, "/api/assignments/", {})),
    }
    back = submit(drawn[4], 4).json()["id"]
    found["a trick taken back"] = asked(partial(post, drawer, f"/api/attempts/{back}/retract/", {}))
    Attempt.objects.filter(status="pending").update(
        status="rejected", needed_reading_count=0, settled_at=timezone.now()
    )
    lost, other = Attempt.objects.filter(status="rejected")[:2]
    found["an appeal"] = asked(
        partial(drawer.post, f"/drawings/{lost.pk}/appeal/", {"text": "It is a 4."})
    )
    Appeal.objects.create(attempt=other, text="It is a 4.")
    found["an appeal turned down"] = asked(
        partial(decisions.decide, other.pk, ada, "junk", "It is none.")
    )
    somebody = {"username": "daisy", "password": PASSWORD}
    found["a sign-up"] = asked(partial(post, Client(), "/api/accounts/", somebody))
    assert found == {
        "a trick": 24,
        "no trick": 17,
        "a copy": 19,
        "a reading that settles nothing": 8,
        "a reading that settles": 31,
        "the next drawing": 14,
        "a trick taken back": 6,
        "an appeal": 6,
        "an appeal turned down": 8,
        "a sign-up": 5,
    }
