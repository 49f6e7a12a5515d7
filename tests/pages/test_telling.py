"""Notices and appeals as their drawer meets them, and the admin on the desk."""

import pytest

from collector.models import Appeal, Attempt, Notice, Person
from tests.support.pages import Browse, Insert, text


def test_what_is_new_is_counted_in_the_menu_until_it_was_looked_at(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    for _ in range(3):
        Notice.objects.create(person=alice, attempt=insert(alice), text="Your <4>, taken for 9.")
    client = browse(alice)
    assert "Notices (3 new)" in client.get("/draw/").content.decode()
    page = client.get("/notices/").content.decode()
    assert page.count("data-new") == 3
    assert "Your &lt;4&gt;" in page
    assert "3 notices" in page
    assert "data-new" not in client.get("/notices/").content.decode()
    assert "new)" not in client.get("/draw/").content.decode()


def test_one_sees_ones_own_notices_alone(browse: Browse, alice: Person, bob: Person) -> None:
    Notice.objects.create(person=alice, text="For alice.")
    assert "For alice." not in browse(bob).get("/notices/").content.decode()
    assert Notice.objects.get().seen_at is None


def test_an_appeal_goes_from_the_drawing_to_the_desk_and_back(
    browse: Browse, alice: Person, ada: Person, insert: Insert
) -> None:
    attempt = insert(alice, status="rejected", credit=0.0)
    address = f"/drawings/{attempt.pk}/"
    assert "Not right?" in browse(alice).get(address).content.decode()
    assert "Not right?" not in browse(ada).get(address).content.decode()
    empty = browse(alice).post(f"{address}appeal/", {"text": " "})
    assert "This field is required" in empty.content.decode()
    assert not Appeal.objects.exists()
    told = (
        browse(alice)
        .post(f"{address}appeal/", {"text": "Open <top>."}, follow=True)
        .content.decode()
    )
    assert "An admin will look at it again" in told
    assert "Open &lt;top&gt;." in told
    assert "Not right?" not in told
    assert "Open &lt;top&gt;." in browse(ada).get("/desk/").content.decode()
    key = f"attempt-{attempt.pk}"
    decision = {
        "do": "decide",
        "attempt": str(attempt.pk),
        f"{key}-answer": "4",
        f"{key}-why": "A four.",
    }
    assert browse(ada).post("/desk/", decision).status_code == 302
    attempt.refresh_from_db()
    assert attempt.status == Attempt.Status.VERIFIED
    assert attempt.credit == 1
    assert "An admin answered (4): A four." in browse(alice).get(address).content.decode()


@pytest.mark.survives(
    "a second appeal",
    "refused in words",
)
def test_a_second_appeal_is_refused_in_words(browse: Browse, alice: Person, insert: Insert) -> None:
    attempt = insert(alice, status="ambiguous", credit=0.0)
    at = f"/drawings/{attempt.pk}/appeal/"
    client = browse(alice)
    for _ in range(2):
        told = text(client.post(at, {"text": "Again."}, follow=True))
        assert "An admin will look at it again" in told
    told = text(client.post(at, {"text": "And again."}, follow=True))
    assert "There is one appeal for a drawing" in told
    assert [appeal.text for appeal in Appeal.objects.all()] == ["Again."]
