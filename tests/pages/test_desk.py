"""The desk: what waits for an admin comes first, its number in the menu; and the last two weeks."""

import re
from datetime import datetime, timedelta

import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from collector.models import Appeal, Attempt, ModerationPause, Person, Reading
from tests.support.models import add_model
from tests.support.pages import Browse, Insert, text

NUMBER = re.compile(r'visually-hidden">, waiting for an admin: </span>(\d+)')


def numbers(client: Client, path: str) -> list[str]:
    return NUMBER.findall(client.get(path).content.decode())


def test_what_waits_comes_first_and_its_number_is_in_every_admins_menu_alone(
    browse: Browse, ada: Person, alice: Person, mona: Person, insert: Insert
) -> None:
    admin = browse(ada)
    assert numbers(admin, "/rounds/") == numbers(admin, "/desk/") == []
    assert "Nothing waits for you" in text(admin.get("/desk/"))
    add_model(4, state="held", report={"sets": {}}, reasons=["Too weak."])
    for _ in range(2):
        insert(alice, status="pending", needed_reading_count=0, credit=0.0)
    insert(alice, status="pending", credit=0.0)
    Appeal.objects.create(attempt=insert(alice, status="rejected", credit=0.0), text="It is a 4.")
    Person.objects.filter(pk=mona.pk).update(is_moderation_paused=True)
    ModerationPause.objects.create(person=mona, agreed_count=1, settled_count=40)
    # On the button that unfolds the menu of a phone, and in the menu.
    assert numbers(admin, "/rounds/") == numbers(admin, "/desk/") == ["5", "5"]
    desk = text(admin.get("/desk/"))
    assert (
        "Waiting for an admin 1 held candidate 2 drawings that moderators could not settle "
        "1 appeal 1 paused moderator "
        "1 drawing waits to be read, and no moderator may read just now. "
        "Make somebody a moderator , or read them yourself . Held candidates"
    ) in desk
    assert desk.index("It is a 4.") < desk.index("Round 1 is open")
    for who in (alice, mona, None):
        client = browse(who)
        client.get("/rounds/")
        with CaptureQueriesContext(connection) as asked:
            assert numbers(client, "/rounds/") == []
        assert not [query for query in asked if "'held'" in query["sql"]]


def test_drawings_that_wait_with_nobody_to_read_them_are_told_of_with_the_way_to_a_moderator(
    browse: Browse, ada: Person, alice: Person, insert: Insert
) -> None:
    for _ in range(2):
        insert(alice, status="pending", credit=0.0)
    answer = browse(ada).get("/desk/")
    assert "Nothing waits for you" not in text(answer)
    assert "2 drawings wait to be read, and nobody is a moderator yet." in text(answer)
    assert '<a href="/people/">Make somebody a moderator</a>' in answer.content.decode()
    newt = Person.objects.create(username="newt", role=Person.Role.MODERATOR)
    assert "no moderator may read just now" in text(browse(ada).get("/desk/"))
    Person.objects.filter(pk=newt.pk).update(qualified_at=timezone.now())
    assert "Nothing waits for you" in text(browse(ada).get("/desk/"))


def test_the_last_two_weeks_are_told_by_the_day(
    browse: Browse, ada: Person, mona: Person, insert: Insert
) -> None:
    noon = timezone.now().replace(hour=12)
    for n, days in enumerate((0, 0, 13, 14, 40)):
        at = noon - timedelta(days)
        Person.objects.create(username=f"newcomer{n}", joined_at=at)
        read(mona, insert(mona, submitted_at=at), at, "4" if days != 13 else None)
    read(ada, insert(mona, submitted_at=noon), noon, None)
    with time_machine.travel(noon, tick=False):
        answer = browse(ada).get("/desk/")
    assert answer.content.decode().count('class="plot__column"') == 3 * 14
    told = text(answer)
    today, first = (f"{noon - timedelta(days):%-d %b}" for days in (0, 13))
    # What was only lent out is no reading; ada and mona signed up today, too.
    assert f"{today} 3 2 4" in told
    assert f"{first} 1 0 1" in told
    for total in ("4 drawings", "2 readings", "5 sign-ups"):
        assert total in told


def read(moderator: Person, attempt: Attempt, at: datetime, answer: str | None) -> None:
    Reading.objects.create(
        attempt=attempt,
        moderator=moderator,
        leased_at=at,
        lease_expires_at=at,
        answer=answer,
        answered_at=answer and at,
    )


def test_with_nothing_to_decide_the_one_main_button_saves_the_settings(
    browse: Browse, ada: Person
) -> None:
    desk = browse(ada).get("/desk/").content.decode()
    assert 'class="button" name="do" value="train"' in desk
    assert re.findall(r'button--primary" name="do" value="(\w+)"', desk) == ["study"]
