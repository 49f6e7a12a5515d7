"""The data page: what there is, and for whom."""

import pytest

from collector.models import Person, Publication, Study, clock
from tests.support import kept
from tests.support.pages import Browse, Insert, text


@pytest.fixture(autouse=True)
def is_public(open_round: object) -> None:
    Study.objects.update(has_public_releases=True)


def test_it_counts_tricks_by_digit_and_confusion_of_how_many_and_what_waits(
    alice: Person, bob: Person, insert: Insert, browse: Browse
) -> None:
    first = insert(alice)
    Person.objects.filter(pk=insert(bob).drawer_id).update(is_listed=False)
    insert(alice, target=4, predicted=4, status="not_fooled")
    insert(alice, status="pending")
    insert(alice, near_duplicate_of=first, credit=0)
    insert(alice, target=7, predicted=1, status="rejected")
    page = browse(None).get("/data/")
    told = text(page)
    assert "drawings, 1 trick waiting, 1 copy left out 5" in told
    assert "as people confirmed 2" in told
    assert "2 of 4 decided 50.0 %" in told
    assert "4 2 4" in told
    assert "7 0 1" in told
    assert page.content.count(b'data-step="5">2<') == 1


def test_desk_and_data_say_of_what_they_count(
    alice: Person, ada: Person, insert: Insert, browse: Browse
) -> None:
    first = insert(alice)
    insert(alice, near_duplicate_of=first, credit=0)
    insert(alice, status="pending", target=4, predicted=4)
    client = browse(ada)
    data, desk = (text(client.get(address)) for address in ("/data/", "/desk/"))
    assert "drawings, no trick waiting, 1 copy left out 2" in data
    assert "every drawing that came is counted, copies too" in desk
    assert "3 drawings" in desk


def test_without_a_release_it_says_so(browse: Browse) -> None:
    told = text(browse(None).get("/data/"))
    assert "no release yet" in told
    assert "Load it" not in told


def test_it_says_where_a_release_is_too_and_admins_where_it_should_be(
    alice: Person, ada: Person, browse: Browse
) -> None:
    release = kept.keep("1.1.0", attempts__npz=b"")
    there = {"release": release, "due_at": clock.now()}
    Publication.objects.create(
        **there,
        place="zenodo",
        address="https://zenodo.org",
        revision="12",
        doi="10.5281/zenodo.12",
        url="https://doi.org/10.5281/zenodo.12",
        published_at=clock.now(),
    )
    Publication.objects.create(
        **there,
        place="dataset",
        address="digits/fools",
        failure="The Hub answers 500.",
        try_count=1,
    )
    page = browse(alice).get("/data/")
    link = b'<a href="https://doi.org/10.5281/zenodo.12">10.5281/zenodo.12</a>'
    assert link in page.content
    assert "digits/fools" not in text(page)
    for address in ("/data/", "/desk/"):
        told = text(browse(ada).get(address))
        assert "Release 1.1.0 is not at digits/fools yet. The Hub answers 500. As long" in told
    [listed] = browse(None).get("/api/releases/").json()["results"]
    assert [each["doi"] for each in listed["publications"]] == ["10.5281/zenodo.12"]
    kept.withdraw(release)
    assert "10.5281" not in text(browse(None).get("/data/"))
    assert "was withdrawn and is still at https://zenodo.org" in text(browse(ada).get("/data/"))
