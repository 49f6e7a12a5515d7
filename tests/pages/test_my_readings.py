"""What moderators see of their own readings, that nobody can tell by it which of them were hidden
gold, and the guidelines."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.utils import timezone

from collector.models import Appeal, Attempt, Gold, Person, Reading, Study
from collector.moderation import gold, trust
from tests.pages.test_blind import sent
from tests.support.pages import Browse, Insert, text

MINE, GUIDELINES = "/moderate/mine/", "/moderate/guidelines/"


@pytest.fixture
def settled(insert: Insert, alice: Person) -> Callable[..., Attempt]:
    """A drawing of alice's, settled as a 7 against what she meant."""

    def make(**more: Any) -> Attempt:
        return insert(alice, **({"status": "corrected", "settled_label": 7, "credit": 0.0} | more))

    return make


def give(person: Person, answer: str, ago: timedelta, **what: Any) -> Reading:
    at = timezone.now() - ago
    return Reading.objects.create(
        moderator=person, leased_at=at, lease_expires_at=at, answer=answer, answered_at=at, **what
    )


def copy_of(attempt: Attempt, **more: Any) -> Gold:
    return Gold.objects.create(
        answer="7",
        strokes=attempt.strokes,
        width=22,
        pixels=bytes(attempt.pixels),
        attempt=attempt,
        **more,
    )


@pytest.mark.parametrize("answer", ["7", "1"])
def test_a_reading_of_hidden_gold_is_told_as_that_of_any_other_drawing_byte_for_byte(
    browse: Browse, mona: Person, settled: Callable[..., Attempt], answer: str
) -> None:
    """Just read, a day later, and once nobody is given it any more."""
    attempt, client = settled(), browse(mona)
    client.get(MINE)

    def seen(**what: Any) -> list[bytes]:
        with transaction.atomic():
            give(mona, answer, timedelta(), is_correct=answer == "7", **what)
            pages = [sent(client.get(MINE))]
            with time_machine.travel(timezone.now() + timedelta(days=1, hours=1), tick=False):
                pages.append(sent(client.get(MINE)))
                Gold.objects.update(is_retired=True)
                pages += [sent(client.get(MINE)), sent(client.get(f"{MINE}?otherwise"))]
            transaction.set_rollback(True)
        return pages

    as_itself = seen(attempt=attempt)
    just_read, later, *_ = as_itself
    assert b"data-agrees" not in just_read
    assert b"data-agrees" in later
    assert as_itself == seen(gold=copy_of(attempt))


def test_figures_chart_and_list_say_the_same_and_leave_practice_out(
    browse: Browse, mona: Person, settled: Callable[..., Attempt]
) -> None:
    gold.ship()
    give(mona, "7", timedelta(days=9), gold=Gold.objects.filter(is_practice=True)[0])
    for n in range(30):
        answer = "7" if n % 3 else "1"
        give(mona, answer, timedelta(days=8), attempt=settled(), is_correct=answer == "7")
    removed = settled(removed_at=timezone.now(), strokes=[])
    give(mona, "7", timedelta(days=8), gold=copy_of(removed), is_correct=True)
    give(mona, "7", timedelta(days=8), attempt=settled(), is_discounted=True)
    give(mona, "7", timedelta(), attempt=settled(), is_correct=True)
    client = browse(mona)
    told = text(client.get(MINE))
    assert "read in all 33" in told
    assert "67.7 % (50.1–81.4) of your readings" in told
    assert "say what the drawing settled as: 21 of 31 readings" in told
    assert "Its drawer has removed it." in told
    pages = [client.get(f"{MINE}?page={n}").content.decode() for n in (1, 2)]
    assert [page.count("data-agrees") for page in pages] == [24, 7]
    assert pages[0].count('class="plot__mark"') == 1
    otherwise = client.get(f"{MINE}?otherwise").content.decode()
    assert otherwise.count('data-agrees="no"') == otherwise.count("data-agrees") == 10
    assert "You read a 1" in otherwise
    assert "settled as a 7" in otherwise
    # An admin sees as many readings.
    [row] = trust.reading_counts([mona]).values()
    assert (row.reading_count, row.practice_count) == (33, 1)


def test_how_many_wait_is_told_in_tens(
    browse: Browse, mona: Person, bob: Person, insert: Insert
) -> None:
    client = browse(mona)
    for count, said, on_the_bench in (
        (0, "none", ""),
        (9, "under 10", "under 10 wait"),
        (26, "about 30", "about 30 wait"),
    ):
        while Attempt.objects.filter(status="pending").count() < count:
            insert(bob, status="pending")
        assert f"waiting for you {said}" in text(client.get(MINE))
        assert f'<p id="waiting">{on_the_bench}</p>' in client.get("/moderate/").content.decode()


def test_what_somebody_has_read_or_drawn_themselves_does_not_wait_for_them(
    browse: Browse, mona: Person, ada: Person, bob: Person, insert: Insert
) -> None:
    """So it tells nobody which of their own drawings are audited, nor what a reading settled."""
    Study.objects.update(quorum=2)
    for _ in range(4):
        insert(mona, status="pending")
    for _ in range(12):
        insert(bob, status="pending")
    for attempt in Attempt.objects.filter(drawer=bob)[:3]:
        give(mona, "7", timedelta(), attempt=attempt)
    assert "under 10 wait" in text(browse(mona).get("/moderate/"))
    assert "about 20 wait" in text(browse(ada).get("/moderate/"))


def test_a_paused_moderator_is_told_and_still_sees_what_the_readings_became(
    browse: Browse, mona: Person, ada: Person, alice: Person, settled: Callable[..., Attempt]
) -> None:
    for n in range(40):
        give(mona, "1", timedelta(days=2, seconds=n), attempt=settled(), is_correct=False)
    for _ in range(2):
        trust.pause_untrusted()
    client = browse(mona)
    assert client.get("/moderate/").status_code == 403
    assert "Your moderating is paused" in text(client.get(MINE))
    mona.refresh_from_db()
    trust.resume(mona, ada, "We talked.")
    assert [notice.text.partition(":")[0] for notice in mona.notices.order_by("pk")] == [
        "Your moderating is paused",
        "You moderate again",
    ]
    assert "My readings" in text(client.get("/notices/"))
    assert browse(alice).get(MINE).status_code == browse(alice).get(GUIDELINES).status_code == 403


def shown(client: Client) -> list[str]:
    """The drawings of the guidelines, as the paths that draw them; those that every site has are
    left out."""
    page = client.get(GUIDELINES).content.decode()
    return re.findall(r'<path d="([^"]*)" stroke-width="22"', page)


def test_guidelines_show_what_has_settled_but_no_gold_and_nothing_that_is_contested_or_hidden(
    browse: Browse, mona: Person, alice: Person, bob: Person, insert: Insert
) -> None:
    Person.objects.filter(pk=bob.pk).update(is_listed=False)

    def junk(drawer: Person = alice, **more: Any) -> Attempt:
        return insert(drawer, status="rejected", credit=0.0, **more)

    trick, plain_junk, ambiguous = (
        insert(alice),
        junk(),
        insert(alice, status="ambiguous", credit=0),
    )
    copy_of(junk())
    Appeal.objects.create(attempt=junk(), text="It is a 4.")
    junk(removed_at=timezone.now(), strokes=[])
    junk(bob)
    insert(bob)
    insert(alice, status="pending")
    drawn = [f"M40 50L200 {one.strokes[0]['y'][1]}" for one in (trick, ambiguous, plain_junk)]
    assert shown(browse(mona)) == drawn


def test_who_practises_is_shown_no_practice_drawing_before_they_have_read_it(
    browse: Browse, mona: Person
) -> None:
    gold.ship()
    newt = Person.objects.create_user("newt", role="moderator")
    everything = browse(mona).get(GUIDELINES).content.decode().count('aria-label="An example"')
    assert everything == 10 + 4 + 4
    client = browse(newt)
    assert 'aria-label="An example"' not in client.get(GUIDELINES).content.decode()
    give(newt, "junk", timedelta(), gold=Gold.objects.filter(answer="3")[0], is_correct=False)
    assert client.get(GUIDELINES).content.decode().count('aria-label="An example"') == 1
