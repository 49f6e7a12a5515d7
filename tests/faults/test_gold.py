"""Many requests of one moderator in the same moment: no drawing is given to them twice, and no more
than two at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import penmanship
from tests.support.site import Answer, Client, Site

HIDDEN = """
from collector.models import Gold, Person
Gold.objects.bulk_create(
    Gold(answer=gold.answer, strokes=gold.strokes, width=gold.width, pixels=gold.pixels)
    for gold in Gold.objects.filter(is_practice=True)[:2]
)
Person.objects.filter(username="newt").update(role="moderator")
"""
GIVEN_TWICE = """
from django.db.models import Count
from collector.models import Reading
pairs = Reading.objects.filter(gold__isnull=False).values("gold", "moderator")
twice = pairs.annotate(n=Count("pk")).filter(n__gt=1)
print(twice.count(), Reading.objects.filter(gold__is_practice=False).count())
"""


def at_once(client: Client, path: str, times: int = 6) -> list[Answer]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: client.post(path), range(times)))


@pytest.mark.survives(
    "a moderator asks six times at once",
    "no gold drawing twice, two leases at most",
)
def test_asking_many_times_at_once_gives_each_gold_drawing_once(
    make_site: Callable[..., Site],
) -> None:
    """To who practises, and to who moderates and is given gold whenever there is some."""
    site = make_site(DADC_GOLD_SHARE="1", DADC_LIMIT_SCALE="100")
    drawer, newt, mona = site.person("alice"), site.person("newt"), site.person("mona", "moderator")
    for label, strokes, width in penmanship.fooling(3, 4):
        assert (
            drawer.post(
                "/api/attempts/", {"target_label": label, "strokes": strokes, "width": width}
            ).status
            == 201
        )
    site.python(HIDDEN)
    for client in (newt, mona):
        for _ in range(2):
            answers = at_once(client, "/api/assignments/")
            assert {answer.status for answer in answers} == {201}
            given = {answer.body["id"]: answer.body["attempt"]["id"] for answer in answers}
            assert len(given) == 2 == len(set(given.values()))
            for reading in given:
                assert (
                    client.post(f"/api/assignments/{reading}/reading/", {"reading": "junk"}).status
                    == 201
                )
    assert site.python(GIVEN_TWICE) == "0 2"
