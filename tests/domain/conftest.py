"""A study whose round 1 always says 7, and its people."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from collector.drawings import attempts
from collector.models import Attempt, Person, Study
from collector.moderation import queue, readings
from collector.study import settings as study_settings
from tests.support.nets import always
from trainer import target
from trainer.learning import drawing, weights
from trainer.models import Round, RoundModel, Weights

_serial = itertools.count()


def add_model(digit: int, state: str = "promoted") -> RoundModel:
    now = timezone.now()
    base = RoundModel.objects.filter(initial_model=None).first()
    model = RoundModel.objects.create(
        architecture="mnist_model",
        state=state,
        initial_model=base,
        finished_at=now,
        report={"sets": {}},
    )
    data = always(digit)
    Weights.objects.create(model=model, data=data, sha256=weights.checksum(data))
    return model


@pytest.fixture
def study(db: None) -> Iterator[Study]:
    """Round 1 is open and its model always says 7. Nothing is audited, and no gold is given, unless
    a test says so."""
    target.forget()
    made = study_settings.begin()
    Study.objects.update(audit_share=0.0, gold_share=0.0)
    Round.objects.create(number=1, model=add_model(7), opened_at=timezone.now())
    made.refresh_from_db()
    yield made
    target.forget()


@pytest.fixture
def person(study: Study) -> Callable[..., Person]:
    def make(name: str | None = None, role: str = "crowdworker") -> Person:
        qualified = timezone.now() if role == "moderator" else None
        return Person.objects.create(
            username=name or f"person{next(_serial)}", role=role, qualified_at=qualified
        )

    return make


@pytest.fixture
def daisy(person: Callable[..., Person]) -> Person:
    """A drawer."""
    return person("daisy")


@pytest.fixture
def moby(person: Callable[..., Person]) -> Person:
    """A moderator."""
    return person("moby", "moderator")


@pytest.fixture
def mara(person: Callable[..., Person]) -> Person:
    """Another moderator."""
    return person("mara", "moderator")


@pytest.fixture
def ada(person: Callable[..., Person]) -> Person:
    """An admin."""
    return person("ada", "admin")


def a_line(place: int | None = None) -> drawing.Drawing:
    """A crooked stroke; each place gives another, no near-copy of any."""
    chances = random.Random(next(_serial) if place is None else place)
    x, y = ([chances.randrange(280) for _ in range(6)] for _ in range(2))
    return drawing.parse([{"x": x, "y": y, "t": [0, 20, 40, 60, 80, 100]}])


def draw(drawer: Person, label: int = 4, **more: Any) -> Attempt:
    """Submit another drawing meant as `label` (7 does not fool)."""
    attempt, _ = attempts.submit(drawer, attempts.Submission(label, a_line(), **more))
    return attempt


def read(moderator: Person, answer: str, attempt: Attempt | None = None) -> Attempt:
    """Have the moderator read `attempt`, or what he is assigned."""
    reading = queue.assign(moderator)
    assert reading is not None
    assert attempt is None or reading.attempt_id == attempt.pk
    readings.read(moderator, reading.pk, answer)
    return Attempt.objects.get(readings=reading)
