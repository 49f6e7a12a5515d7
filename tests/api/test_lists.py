"""What is asked for again and again: by tags, and page by page."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from collector.models import Person, Release, ReleaseFile, ReleasePart, Study
from collector.people import accounts
from collector.study import settings as study_settings
from trainer import rounds, target
from trainer.models import Round, RoundModel

TAGGED = (
    "/api/rounds/",
    "/api/rounds/1/",
    "/api/rounds/current/",
    "/api/leaderboard/",
    "/api/releases/",
    "/api/releases/1/README.md",
)


@pytest.fixture(autouse=True)
def open_round(db: None) -> None:
    target.forget()
    study_settings.begin()
    Study.objects.update(has_public_releases=True)
    rounds.open_first("mnist_model")
    release(1)


def release(minor: int, major: int = 1) -> Release:
    made = Release.objects.create(
        round=Round.objects.get(number=1),
        major=major,
        minor=minor,
        patch=0,
        sha256="0" * 64,
        attempts=b"",
        is_licensed=True,
        published_at=timezone.now(),
    )
    file = ReleaseFile.objects.create(release=made, name="README.md", size=4, sha256="1" * 64)
    ReleasePart.objects.create(file=file, place=0, data=b"read")
    return made


def more_rounds(most: int) -> None:
    """Rounds up to this number; the last is open."""
    model, now = RoundModel.objects.get(), timezone.now()
    last = Round.objects.count()
    Round.objects.filter(state="open").update(state="closed", closed_at=now)
    Round.objects.bulk_create(
        Round(
            number=number,
            model=model,
            state="open" if number == most else "closed",
            opened_at=now,
            closed_at=None if number == most else now,
        )
        for number in range(last + 1, most + 1)
    )


@pytest.mark.parametrize("path", TAGGED)
def test_who_has_the_answer_already_is_told_so_and_nothing_else(path: str) -> None:
    client = Client()
    first = client.get(path)
    assert first.status_code == 200
    assert first["Cache-Control"] == "private, no-cache"
    for known in (first["ETag"], f'"other", {first["ETag"]}', f"W/{first['ETag']}", "*"):
        again = client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.getvalue()) == (304, b"")
        assert again["ETag"] == first["ETag"]
    for unknown in ('"other"', "nonsense", "", '"'):
        assert client.get(path, headers={"If-None-Match": unknown}).status_code == 200
    assert client.head(path)["ETag"] == first["ETag"]


def test_an_answer_that_has_changed_has_another_tag() -> None:
    client = Client()
    before = {path: client.get(path)["ETag"] for path in TAGGED}
    more_rounds(2)
    release(2)
    Person.objects.create(username="daisy")
    changed = {path for path in TAGGED if client.get(path)["ETag"] != before[path]}
    assert changed == {"/api/rounds/", "/api/rounds/1/", "/api/rounds/current/", "/api/releases/"}


def test_a_refusal_has_no_tag() -> None:
    Study.objects.update(has_public_releases=False)
    assert "ETag" not in Client().get("/api/releases/", headers={"If-None-Match": "*"})


def pages(path: str, client: Client | None = None) -> list[list[dict[str, Any]]]:
    """All pages from this one on."""
    found = []
    following: str | None = path
    while following:
        page = (client or Client()).get(following.removeprefix("http://testserver")).json()
        found.append(page["results"])
        following = page["next"]
    return found


def test_rounds_come_page_by_page_and_none_twice_while_others_open() -> None:
    more_rounds(7)
    first = Client().get("/api/rounds/?limit=3").json()
    assert [each["number"] for each in first["results"]] == [7, 6, 5]
    more_rounds(9)
    rest = pages(first["next"].removeprefix("http://testserver"))
    assert [[each["number"] for each in page] for page in rest] == [[4, 3, 2], [1]]
    back = Client().get(first["next"]).json()["previous"]
    assert [each["number"] for each in Client().get(back).json()["results"]] == [7, 6, 5]


def test_releases_come_page_by_page_by_their_whole_version() -> None:
    for major, minor in ((1, 2), (1, 3), (2, 1), (2, 3)):
        release(minor, major)
    found = [[each["version"] for each in page] for page in pages("/api/releases/?limit=2")]
    assert found == [["2.3.0", "2.1.0"], ["1.3.0", "1.2.0"], ["1.1.0"]]


def test_a_page_has_as_many_lines_as_are_asked_for() -> None:
    more_rounds(60)
    assert [len(page) for page in pages("/api/rounds/")] == [50, 10]
    assert [len(page) for page in pages("/api/rounds/?limit=100")] == [60]
    token, _ = accounts.issue_token(Person.objects.create(username="daisy"))
    own = Client(headers={"Authorization": f"Token {token}"}).get("/api/attempts/?limit=1").json()
    assert own == {"next": None, "previous": None, "results": []}
