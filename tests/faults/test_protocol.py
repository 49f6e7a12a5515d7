"""A study that several admins start in the same moment, and that ends while people draw."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.site import Site

STARTED_AT_ONCE = """
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from django.db import connection
from collector.errors import Conflict
from collector.models import Person, StudyAct
from collector.study import protocol, settings
admin = Person.objects.get(username="admin")
settings.change(admin, question="Which?", stop_samples=5, secondary_outcomes="")
def start(_):
    try:
        protocol.start(admin)
        return "started"
    except Conflict as refusal:
        return str(refusal)
    finally:
        connection.close()
with ThreadPoolExecutor(8) as at_once:
    said = Counter(at_once.map(start, range(8)))
print(json.dumps([said, StudyAct.objects.count()]))
"""
ENDED_WHILE_PEOPLE_DRAW = """
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from django.db import connection
from collector.errors import Conflict
from collector.models import Attempt, Person
from collector.study import protocol
from tests.support.cast import add_person, submit
DRAWERS = 6
ready = Barrier(DRAWERS + 1)
def draw(drawer):
    taken = 0
    try:
        submit(drawer)
        ready.wait(60)
        while True:
            submit(drawer, taken % 10)
            taken += 1
    except Conflict as refusal:
        return [refusal.code, taken]
    finally:
        connection.close()
people = [add_person() for _ in range(DRAWERS)]
with ThreadPoolExecutor(DRAWERS) as at_once:
    going = [at_once.submit(draw, each) for each in people]
    ready.wait(60)
    while Attempt.objects.count() < 3 * DRAWERS:
        pass
    protocol.end(Person.objects.get(username="admin"), "It is over.")
    kept = Attempt.objects.count()
    said = [each.result(60) for each in going]
print(json.dumps([said, kept, Attempt.objects.count()]))
"""


@pytest.mark.survives(
    "eight starts of a study at once; its end while people draw",
    "it starts once, under one hash; after the end no drawing is stored",
)
def test_a_study_starts_once_and_takes_nothing_after_its_end(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(DADC_LIMIT_SCALE="1000", DADC_ARMS="dynamic:1,none:1")
    said, acts = json.loads(site.python(STARTED_AT_ONCE))
    assert said == {"started": 1, "The study has started already.": 7}
    assert acts == 1
    answers: list[Any]
    answers, kept, after = json.loads(site.python(ENDED_WHILE_PEOPLE_DRAW))
    assert {code for code, _ in answers} == {"study_ended"}
    assert kept == after
    assert site.manage("verify") == "Everything agrees.\n"
