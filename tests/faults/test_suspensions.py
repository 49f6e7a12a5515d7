"""A suspension in the middle of the moderating, on real processes: no sample of the suspended
stays, none is lost."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.penmanship import fooling
from tests.support.site import Client, Site

pytestmark = [pytest.mark.faults]

# It begins once readings come in.
SUSPEND = """
from collector.people import suspensions
from collector.models import Attempt, Person
from tests.support.site import wait_for
wait_for(lambda: Attempt.objects.filter(status="verified").count() > 3)
people = {name: Person.objects.get(username=name) for name in ("alice", "admin")}
suspensions.suspend(people["alice"], people["admin"], "Poison.")
"""
REINSTATE = """
from collector.study import consistency
from collector.people import suspensions
from collector.models import Attempt, Person
from trainer.models import Sample
active, problems = Sample.objects.filter(withdrawn_at=None), list(consistency.problems())
before = active.count()
alice, admin = (Person.objects.get(username=name) for name in ("alice", "admin"))
suspensions.reinstate(alice, admin, "Sorry.")
print(problems + list(consistency.problems()), before,
      active.count() == Attempt.objects.filter(status="verified").count() > 3)
"""


@pytest.mark.survives(
    "a suspension amid readings",
    "no active sample of theirs is left; its end brings back every one",
)
def test_a_suspension_amid_readings_leaves_no_active_sample_and_its_end_brings_back_every_one(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(DADC_LIMIT_SCALE="100", DADC_ROUND_SIZE="1000")
    alice, readers = site.person("alice"), site.people("mona", "max", role="moderator")
    meant = {}
    with ThreadPoolExecutor(3) as pool:
        suspending = pool.submit(site.python, SUSPEND)
        for label, strokes, width in fooling(1, 40):
            body = {"target_label": label, "strokes": strokes, "width": width}
            assert alice.post("/api/attempts/", body).status == 201
            meant[json.dumps(strokes, sort_keys=True)] = str(label)

        def read_all(reader: Client) -> None:
            while (given := reader.post("/api/assignments/")).status == 201:
                answer = meant[json.dumps(given.body["attempt"]["strokes"], sort_keys=True)]
                assert (
                    reader.post(
                        f"/api/assignments/{given.body['id']}/reading/", {"reading": answer}
                    ).status
                    == 201
                )

        list(pool.map(read_all, readers))
        suspending.result()
    assert alice.get("/api/attempts/").status == 401
    assert site.python(REINSTATE) == "[] 0 True"
