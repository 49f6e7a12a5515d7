"""A list costs as many queries with twenty rows as with two."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector.models import Person, Reading
from tests.support.pages import Browse, Insert
from trainer.models import Contributor, Round, RoundModel, Sample, Split


@pytest.fixture
def more(
    insert: Insert, alice: Person, bob: Person, mona: Person, open_round: Round
) -> Callable[[], None]:
    """Adds to every list at once: people, drawings of all kinds with their samples, unsettled ones,
    rounds."""
    made = 0

    def add() -> None:
        nonlocal made
        for n in range(3):
            made += 1
            drawer = Person.objects.create_user(f"drawer{made}")
            contributor = Contributor.objects.create(
                id=drawer.contributor, position=made, split=Split.TRAIN
            )
            for person in (alice, bob, drawer):
                attempt = insert(person)
                Sample.objects.create(
                    attempt=attempt.pk,
                    contributor=contributor,
                    pixels=attempt.pixels,
                    sha256=attempt.pixels_sha256,
                    label=4,
                    has_fooled=True,
                    round=open_round,
                )
            unsettled = insert(alice, status="pending", needed_reading_count=0)
            for answer in (str(n), "junk"):
                reader = Person.objects.create_user(f"reader{made}{answer}", role="moderator")
                when = unsettled.submitted_at
                Reading.objects.create(
                    attempt=unsettled,
                    moderator=reader,
                    leased_at=when,
                    lease_expires_at=when,
                    answer=answer,
                    answered_at=when,
                )
        RoundModel.objects.create(architecture="mnist_model", state="failed", reasons=["It broke."])
        model = RoundModel.objects.create(
            architecture="mnist_model", state="promoted", initial_model=open_round.model
        )
        number = Round.objects.count() + 1
        Round.objects.create(
            number=number,
            model=model,
            state="closed",
            opened_at=open_round.opened_at,
            closed_at=open_round.opened_at,
        )

    return add


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/gallery/",
        "/gallery/?round=1&target=4&predicted=9",
        "/drawings/",
        "/notices/",
        "/leaderboard/?period=all",
        "/people/",
        "/people/alice/",
        "/rounds/",
        "/rounds/1/",
        "/desk/",
        "/moderators/",
        "/admin-log/",
    ],
)
def test_a_longer_list_takes_no_more_queries(
    path: str, more: Callable[[], None], browse: Browse, alice: Person
) -> None:
    alice.role = Person.Role.ADMIN
    alice.save()
    client = browse(alice)
    more()
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert client.get(path).status_code == 200
    more()
    with CaptureQueriesContext(connection) as many:
        assert client.get(path).status_code == 200
    assert len(many) == len(few), [query["sql"] for query in many]


def test_drawings_come_in_pages(browse: Browse, alice: Person, insert: Insert) -> None:
    for _ in range(30):
        insert(alice)
    client = browse(alice)
    first, second = (client.get(f"/drawings/?page={page}").content.decode() for page in (1, 2))
    assert first.count('class="took"') == 24 and second.count('class="took"') == 6
    for odd in ("0", "-1", "99", "x", "1e9"):
        assert client.get(f"/drawings/?page={odd}").status_code == 200
