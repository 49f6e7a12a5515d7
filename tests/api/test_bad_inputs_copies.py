"""The same drawing twice, the same client key twice, and both at the same moment."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.site import Answer, Client, wait_for
from tests.support.world import World, assert_refusal

ATTEMPTS = "/api/attempts/"


def at_once(*asked: tuple[Client, dict[str, Any]]) -> list[Answer]:
    """The answers to these submissions, all sent at the same moment."""
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(lambda pair: pair[0].post(ATTEMPTS, pair[1]), asked))


@pytest.mark.survives(
    "the same client key and body again",
    "200 and the same answer",
)
def test_the_same_client_key_and_drawing_again_get_the_same_answer(world: World) -> None:
    attempt = next(world.drawings) | {"client_key": str(uuid4())}
    with world.adding(attempt_not_fooled=1):
        first, second = world.alice.post(ATTEMPTS, attempt), world.alice.post(ATTEMPTS, attempt)
    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body


@pytest.mark.survives(
    "a connection that breaks after the commit, before the reply or in the middle of it",
    "the client key makes the second try the first one's answer",
)
def test_a_reply_that_is_cut_is_told_again_to_the_same_client_key(world: World) -> None:
    for taken in (0, 20):
        attempt = next(world.drawings) | {"client_key": str(uuid4())}
        raw = json.dumps(attempt).encode()
        sent = (
            f"POST {ATTEMPTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Token {world.alice.token}\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        kept = f"SELECT id FROM collector_attempt WHERE client_key = '{attempt['client_key']}'"
        with world.adding(attempt_not_fooled=1):
            with socket.create_connection(("127.0.0.1", world.site.port), timeout=30) as wire:
                wire.sendall(sent.encode() + raw)
                assert len(wire.recv(taken)) == taken if taken else True
                [(first,)] = wait_for(partial(world.query, kept), 30, "the row")
            again = [world.alice.post(ATTEMPTS, attempt) for _ in range(2)]
        assert [answer.status for answer in again] == [200, 200]
        assert again[0].body == again[1].body
        assert UUID(again[0].body["id"]) == UUID(str(first))


@pytest.mark.survives(
    "the same client key with another body",
    "409; a key is one's own",
)
def test_the_same_client_key_with_another_drawing_conflicts(world: World) -> None:
    key = {"client_key": str(uuid4())}
    attempt = next(world.drawings) | key
    assert world.alice.post(ATTEMPTS, attempt).status == 201
    with world.adding():
        for other in (
            next(world.drawings) | key,
            attempt | {"width": 23},
            attempt | {"target_label": (attempt["target_label"] + 1) % 10},
        ):
            assert_refusal(world.alice.post(ATTEMPTS, other), 409, "client_key")
    with world.adding(attempt_not_fooled=1):
        assert world.bob.post(ATTEMPTS, next(world.drawings) | key).status == 201, (
            "a key is one's own"
        )


@pytest.mark.survives(
    "the same client key 16 times at once",
    "one row, 16 equal answers",
)
def test_the_same_client_key_sixteen_times_at_once_is_one_row_and_sixteen_equal_answers(
    world: World,
) -> None:
    for _ in range(3):
        attempt = next(world.drawings) | {"client_key": str(uuid4())}
        with world.adding(attempt_not_fooled=1):
            answers = at_once(*[(world.alice, attempt)] * 16)
        assert sorted(answer.status for answer in answers) == [200] * 15 + [201]
        assert all(answer.body == answers[0].body for answer in answers)


@pytest.mark.survives(
    "exactly the same pixels again in one round, by the same or another person",
    "409",
)
def test_the_same_pixels_again_conflict_whoever_sends_them(world: World) -> None:
    attempt = next(world.drawings)
    assert world.alice.post(ATTEMPTS, attempt).status == 201
    later = attempt | {
        "strokes": [line | {"t": [t + 1000 for t in line["t"]]} for line in attempt["strokes"]]
    }
    other_label = attempt | {"target_label": (attempt["target_label"] + 1) % 10}
    with world.adding():
        for again in (attempt, attempt | {"client_key": str(uuid4())}, later, other_label):
            for person in (world.alice, world.bob, world.mona):
                assert_refusal(person.post(ATTEMPTS, again), 409)


@pytest.mark.survives(
    "a verified fool sent again, and its reading",
    "409; scored once",
)
def test_a_verified_fool_sent_again_scores_once(world: World) -> None:
    fool = next(world.fools)
    label = str(fool["target_label"])
    before = world.query("SELECT sum(credit) FROM collector_attempt")[0][0]
    assert world.bob.post(ATTEMPTS, fool).body["status"] == "pending"
    lease = world.mona.post("/api/assignments/").body["id"]
    reading = f"/api/assignments/{lease}/reading/"
    assert [answer.status for answer in _both(world.mona, reading, {"reading": label})] == [
        201,
        201,
    ]
    with world.adding():
        assert world.mona.post(reading, {"reading": label}).status == 201, (
            "the same reading again is no error"
        )
        other = "junk" if label != "junk" else "0"
        assert_refusal(world.mona.post(reading, {"reading": other}), 409)
        for person in (world.alice, world.bob):
            assert_refusal(person.post(ATTEMPTS, fool), 409)
    assert world.query("SELECT sum(credit) FROM collector_attempt")[0][0] == before + 1


def _both(client: Client, path: str, body: dict[str, str]) -> list[Answer]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda _: client.post(path, body), range(2)))


@pytest.mark.survives(
    "pixels that were taken back, sent again",
    "taken; taking back twice is once",
)
def test_retracted_pixels_may_be_sent_again(world: World) -> None:
    attempt = next(world.drawings)
    with world.adding(attempt_retracted=1, attempt_not_fooled=1):
        first = world.alice.post(ATTEMPTS, attempt).body["id"]
        assert world.alice.post(f"{ATTEMPTS}{first}/retract/").status == 200
        assert world.alice.post(f"{ATTEMPTS}{first}/retract/").status == 200, "twice is once"
        assert world.bob.post(ATTEMPTS, attempt).status == 201


@pytest.mark.survives(
    "the same pixels by two people at once",
    "one attempt and one 409",
)
def test_the_same_pixels_by_two_people_at_once_are_one_attempt_and_one_conflict(
    world: World,
) -> None:
    for _ in range(5):
        attempt = next(world.drawings)
        with world.adding(attempt_not_fooled=1):
            answers = at_once((world.alice, attempt), (world.bob, attempt))
        assert sorted(answer.status for answer in answers) == [201, 409]
        assert_refusal(max(answers, key=lambda answer: answer.status), 409)


@pytest.mark.survives(
    "another person's attempt, by its id",
    "404, also to take back",
)
def test_another_persons_attempt_can_neither_be_seen_nor_taken_back(world: World) -> None:
    attempt = world.alice.post(ATTEMPTS, next(world.drawings)).body["id"]
    with world.adding():
        for person in (world.bob, world.mona, world.admin):
            assert_refusal(person.get(f"{ATTEMPTS}{attempt}/"), 404)
            assert_refusal(person.post(f"{ATTEMPTS}{attempt}/retract/"), 404)
            assert attempt not in [row["id"] for row in person.get(ATTEMPTS).body["results"]]
        assert_refusal(world.nobody.get(f"{ATTEMPTS}{attempt}/"), 401)
        assert_refusal(world.nobody.post(f"{ATTEMPTS}{attempt}/retract/"), 401)


def test_an_attempt_that_somebody_has_read_cannot_be_taken_back(world: World) -> None:
    first = world.alice.get(ATTEMPTS).body["results"][-1]
    assert first["status"] == "verified"
    world.refuses(409, lambda: world.alice.post(f"{ATTEMPTS}{first['id']}/retract/"))


@pytest.mark.survives(
    "a moderator who would read their own drawing",
    "never given; 404 by its id",
)
def test_nobody_is_given_their_own_drawing_to_read(world: World) -> None:
    fool = next(world.fools)
    with world.adding(attempt_pending=1):
        own = world.mona.post(ATTEMPTS, fool).body["id"]
        assert world.mona.post("/api/assignments/").status == 204
    with world.adding():
        for person in (world.mona, world.alice, world.admin):
            assert_refusal(person.post(f"/api/assignments/{own}/reading/", {"reading": "3"}), 404)
    with world.adding(attempt_pending=-1, attempt_retracted=1):
        assert world.mona.post(f"{ATTEMPTS}{own}/retract/").status == 200


@pytest.mark.survives(
    "a reading for another's assignment",
    "404",
)
def test_a_lease_is_only_for_whoever_holds_it(world: World) -> None:
    fool = next(world.fools)
    assert world.alice.post(ATTEMPTS, fool).body["status"] == "pending"
    lease = world.mona.post("/api/assignments/").body["id"]
    with world.adding():
        for person in (world.alice, world.bob, world.admin):
            assert_refusal(person.post(f"/api/assignments/{lease}/reading/", {"reading": "3"}), 404)
    answer = world.mona.post(
        f"/api/assignments/{lease}/reading/", {"reading": str(fool["target_label"])}
    )
    assert answer.status == 201


@pytest.mark.survives(
    "a crowdworker who moderates or exports, a moderator who exports",
    "403, a stranger 401",
)
def test_a_crowdworker_moderates_nothing(world: World) -> None:
    with world.adding():
        assert_refusal(world.alice.post("/api/assignments/"), 403)
        assert_refusal(world.nobody.post("/api/assignments/"), 401)
        for person in (world.alice, world.mona):
            assert_refusal(person.get("/api/samples/"), 403)
