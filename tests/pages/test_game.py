"""The game beside the pad: what the day's challenge counts, who is on its board, what a page that
asks again is told, and what that costs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector import limits
from collector.models import Person, Study
from collector.rules import challenges
from collector.standings import today
from tests.support.pages import Browse, Insert, text
from trainer import words

DAY = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DIGIT = challenges.digit_of(DAY)
TAKEN = (DIGIT + 1) % 10


@pytest.fixture(autouse=True)
def that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same day in every test."""
    monkeypatch.setattr(today, "today", lambda: DAY)


def draw(insert: Insert, who: Person, status: str = "verified", **more: Any) -> None:
    """A drawing of the day's digit."""
    values: dict[str, Any] = {"target": DIGIT, "predicted": TAKEN, "submitted_at": NOON} | more
    insert(who, status=status, **values)


def test_the_board_has_verified_tricks_of_the_days_digit_first_and_what_waits_as_waiting(
    browse: Browse, insert: Insert, alice: Person, bob: Person, mona: Person, ada: Person
) -> None:
    draw(insert, alice)
    for _ in range(3):
        draw(insert, alice, "pending")
    for _ in range(2):
        draw(insert, bob)
    draw(insert, bob, "not_fooled", predicted=DIGIT)
    draw(insert, mona, "pending")
    # None of these is on it: another digit, another day, a copy, read as another digit, unlisted.
    draw(insert, ada, target=TAKEN, predicted=DIGIT)
    draw(insert, ada, submitted_at=NOON + timedelta(days=1))
    draw(insert, ada, is_mnist_duplicate=True, credit=0.0)
    draw(insert, ada, "corrected", settled_label=TAKEN)
    draw(insert, Person.objects.create(username="unlisted", is_listed=False))
    counted = [
        (one.rank, one.username, one.counts.verified_count, one.counts.pending_count)
        for one in today.challenge_board(DAY, "dynamic")
    ]
    assert counted == [(1, "bob", 2, 0), (2, "alice", 1, 3), (None, "mona", 0, 1)]
    page = text(browse(None).get("/leaderboard/?period=today"))
    assert "1 bob 2 0 3 2 alice 1 3 4 – mona 0 1 1" in page
    assert "25 November 2026, UTC" in page


def test_the_draw_page_says_how_the_game_stands_and_so_does_what_it_asks_again(
    browse: Browse, insert: Insert, alice: Person
) -> None:
    Study.objects.update(round_size=50)
    page, client = text(browse(alice).get("/draw/")), browse(alice)
    for words_of_it in (
        "nothing drawn yet",
        "50 more verified tricks to go",
        "First trick",
        "Nobody yet.",
    ):
        assert words_of_it in page
    before = int(NOON.timestamp()) - 1
    for status, count in (("verified", 2), ("pending", 3), ("rejected", 4)):
        for _ in range(count):
            settled = None if status == "pending" else NOON + timedelta(hours=1)
            draw(insert, alice, status, settled_at=settled)
    draw(insert, alice, submitted_at=NOON - timedelta(days=3), settled_at=NOON)
    said = client.get(f"/draw/today/?since={before}&whole").json()
    assert said["today"] == "2 of 9 tricks verified, 3 waiting"
    assert said["confirmed"] == "3 tricks of yours confirmed since your last visit."
    assert said["board"] == "1 person, you lead with 2 verified, 3 waiting."
    assert said["badge_name"] == "Teacher"
    assert client.get(f"/draw/today/?since={before + 7200}").json()["confirmed"] == ""
    page = text(client.get("/draw/"))
    for words_of_it in (said["today"], said["board"], f"Trick it with {words.named(DIGIT)}"):
        assert words_of_it in page


def test_a_limit_on_what_waits_is_told_before_it_is_reached(
    browse: Browse, insert: Insert, alice: Person
) -> None:
    client = browse(alice)

    def told() -> str:
        said: str = client.get("/draw/today/?whole").json()["room"]
        assert said in text(client.get("/draw/"))
        return said

    for _ in range(14):
        draw(insert, alice, "pending")
    draw(insert, alice, "pending", predicted=DIGIT)  # the audit's, of which nothing is told
    assert told() == ""
    draw(insert, alice, "pending")
    assert told().startswith("There is room for 5 more tricks of yours until")
    for _ in range(4):
        draw(insert, alice, "pending")
    assert told().startswith("There is room for 1 more trick of yours until")
    draw(insert, alice, "pending")
    assert told().startswith("20 of your drawings wait to be read, and that is the most until 10")
    for _ in range(10):
        draw(insert, alice)
    assert told() == ""


def test_what_did_not_fool_is_no_trick_that_waits_to_be_verified(
    browse: Browse, insert: Insert, alice: Person
) -> None:
    client = browse(alice)
    insert(alice, 4, 4, status="not_fooled", submitted_at=NOON, credit=0.0)
    assert client.get("/draw/today/").json()["today"] == "1 drawing, no trick yet"
    draw(insert, alice)
    said = client.get("/draw/today/").json()["today"]
    assert said == "1 of 1 trick verified, none waiting"


def test_who_leads_is_told_so_and_everybody_else_who_it_is(
    browse: Browse, insert: Insert, alice: Person, bob: Person
) -> None:
    draw(insert, alice)
    for who, leads in ((alice, "you lead"), (bob, "alice leads")):
        said = browse(who).get("/draw/today/?whole").json()["board"]
        assert said == f"1 person, {leads} with 1 verified, none waiting."


def test_asking_again_costs_four_statements_beside_who_asks_and_is_limited(
    browse: Browse, insert: Insert, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browse(alice)
    for _ in range(30):
        draw(insert, alice)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get("/draw/today/?since=1")
    assert answer.json()["person"] == str(alice.pk)
    of_who_asks = [
        query
        for query in asked
        if "collector_session" in query["sql"] or "password" in query["sql"]
    ]
    assert len(asked) - len(of_who_asks) == 4, [query["sql"] for query in asked]
    few = limits.Limit("looks a minute", 2, 60, "Too many looks.")
    monkeypatch.setattr(limits, "LOOKS_A_MINUTE", few)
    assert [client.get("/draw/today/").status_code for _ in range(3)][-1] == 429
    assert browse(None).get("/draw/today/").status_code == 302


def test_the_card_of_a_trick_is_its_drawers_and_says_whether_people_have_read_it(
    browse: Browse, insert: Insert, alice: Person, bob: Person
) -> None:
    cards = []
    for status in ("pending", "verified"):
        address = f"/drawings/{insert(alice, status=status).pk}/card.png"
        answer = browse(alice).get(address)
        assert answer["Content-Type"] == "image/png"
        cards.append(answer.content)
        assert browse(bob).get(address).status_code == 404
    assert cards[0] != cards[1]
    told = insert(alice, predicted=4, status="not_fooled")
    assert browse(alice).get(f"/drawings/{told.pk}/card.png").status_code == 404
