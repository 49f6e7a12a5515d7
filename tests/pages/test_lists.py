"""A list costs as many queries with twenty rows as with two."""

import math
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector.models import Appeal, Person, Reading
from tests.support.models import add_model
from tests.support.pages import Browse, Insert, every_page, text
from trainer.models import Contributor, Round, RoundModel, Sample, Split

FILTERED = ("/gallery/?round=1&target=4&predicted=9", "/leaderboard/?period=all")


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
        model = add_model(4)
        number = Round.objects.count() + 1
        Round.objects.create(
            number=number,
            model=model,
            state="closed",
            opened_at=open_round.opened_at,
            closed_at=open_round.opened_at,
        )

    return add


def test_a_longer_list_takes_no_more_queries_on_any_page(
    more: Callable[[], None],
    browse: Browse,
    alice: Person,
    insert: Insert,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collector.health.WRITES_EVERY", math.inf)  # the desk asks for health
    alice.role = Person.Role.ADMIN
    alice.save()
    signed_in, stranger = browse(alice), browse(None)
    pages = [*every_page(insert(alice)).values(), *FILTERED]

    def queries(path: str) -> list[str]:
        client = stranger if path.startswith("/accounts/sign-") else signed_in
        client.get(path)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200, path
        return [query["sql"] for query in asked]

    more()
    few = {path: queries(path) for path in pages}
    more()
    many = {path: queries(path) for path in pages}
    assert {path: asked for path, asked in many.items() if len(asked) != len(few[path])} == {}


@pytest.mark.survives(
    "hundreds of appeals and undecided drawings",
    "the desk shows ten of each to a page",
)
def test_what_an_admin_has_to_decide_comes_in_pages_of_their_own(
    browse: Browse, alice: Person, ada: Person, insert: Insert
) -> None:
    for _ in range(13):
        insert(alice, status="pending", needed_reading_count=0)
        Appeal.objects.create(attempt=insert(alice, status="rejected"), text="It is a 4.")
    client = browse(ada)

    def listed(query: str) -> list[str]:
        return re.findall(r'data-attempt="([^"]+)"', client.get(f"/desk/{query}").content.decode())

    assert len(listed("")) == 20
    assert len({*listed(""), *listed("?unsettled=2"), *listed("?appeals=2")}) == 26
    # Deciding on a later page shows what is wrong there.
    last = listed("?unsettled=2")[0]
    answer = client.post("/desk/?unsettled=2", {"do": "decide", "attempt": last})
    assert "This field is required" in text(answer)
    assert f'id="attempt-{last}"' in answer.content.decode()


def test_drawings_come_in_pages(browse: Browse, alice: Person, insert: Insert) -> None:
    for _ in range(30):
        insert(alice)
    client = browse(alice)
    first, second = (client.get(f"/drawings/?page={page}").content.decode() for page in (1, 2))
    assert first.count('class="took"') == 24
    assert second.count('class="took"') == 6
    for odd in ("0", "-1", "99", "x", "1e9"):
        assert client.get(f"/drawings/?page={odd}").status_code == 200


@pytest.mark.parametrize("arm", ["static", "none", "other"])
@pytest.mark.parametrize("path", ["rounds/", "rounds/current/", "rounds/1/", "leaderboard/"])
def test_a_plain_site_has_no_arm_to_ask_for(
    browse: Browse, open_round: Round, path: str, arm: str
) -> None:
    answer = browse(None).get(f"/api/{path}?arm={arm}")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "arm")
    assert browse(None).get(f"/api/{path}?arm=dynamic").status_code == 200
