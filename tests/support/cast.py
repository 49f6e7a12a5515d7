"""The people of the tests, and what they do through the domain's own functions.

alice and bob draw; mona, mei and max moderate; newt is to moderate and has yet to practise; ada is
an admin (on a real site, `admin`).
"""

import itertools
import random
from typing import Any

from django.utils import timezone

from collector.drawings import attempts
from collector.models import Allocation, Attempt, Person
from collector.moderation import queue, readings
from trainer.learning import drawing

ARMS = "dynamic:2,static:1,none:1"
_serial = itertools.count()


def add_person(name: str | None = None, role: str = "crowdworker") -> Person:
    """Somebody without a password; a moderator has practised already."""
    qualified = timezone.now() if role == "moderator" else None
    return Person.objects.create(
        username=name or f"person{next(_serial)}", role=role, qualified_at=qualified
    )


def a_line(place: int | None = None) -> drawing.Drawing:
    """A crooked stroke; each place gives another, no near-copy of any. It leaves the top free, for
    specks, which would else be hidden under some."""
    chances = random.Random(next(_serial) if place is None else place)
    x, y = ([chances.randrange(top, 280) for _ in range(6)] for top in (0, 40))
    return drawing.parse([{"x": x, "y": y, "t": [0, 20, 40, 60, 80, 100]}])


def submit(
    drawer: Person, label: int = 4, drawn: drawing.Drawing | None = None, **more: Any
) -> Attempt:
    """Submit `drawn`, or a drawing of its own, meant as `label` (7 does not fool)."""
    submission = attempts.Submission(label, drawn or a_line(), **more)
    return attempts.submit(drawer, submission)[0]


def read(moderator: Person, answer: str, attempt: Attempt | None = None) -> Attempt:
    """Have the moderator read `attempt`, or what they are assigned."""
    reading = queue.assign(moderator)
    assert reading is not None
    assert attempt is None or reading.attempt_id == attempt.pk
    readings.read(moderator, reading.pk, answer)
    return Attempt.objects.get(readings=reading)


def put(person: Person, arm: str) -> Person:
    """Give somebody to an arm, as the lot would have."""
    block = Allocation.objects.count() + 1000
    Allocation.objects.create(person=person, arm=arm, block=block, place=0, weights=ARMS)
    return Person.objects.get(pk=person.pk)
