"""The cast of the pages: a stranger, alice and bob who draw, mona who moderates, ada the admin; one
open round."""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from collector.models import Attempt, Person
from collector.study import settings as study_settings
from tests.support import PASSWORD
from tests.support.models import add_model
from tests.support.pages import Browse, Insert
from trainer import target
from trainer.models import Round

Role = Person.Role


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def kept_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """No query more in a test that a busy machine takes half a minute for."""
    monkeypatch.setattr(target, "KEPT", math.inf)


@pytest.fixture(autouse=True)
def open_round(db: None) -> Iterator[Round]:
    """Round 1, open, with a model that was measured."""
    study_settings.begin()
    confusion = [[99 if row == column else 0 for column in range(10)] for row in range(10)]
    measured = {
        "n": 1000,
        "correct": 990,
        "accuracy": 0.99,
        "low": 0.98,
        "high": 0.995,
        "stand_in": True,
        "per_digit": [{"n": 100, "correct": 99}] * 10,
        "confusion": confusion,
    }
    absent = {"n": 0, "correct": 0, "accuracy": None, "low": None, "high": None, "stand_in": True}
    report = {"sets": {"gate_base": measured, "mnist_test": absent}}
    model = add_model(9, report=report, progress=1)
    yield Round.objects.create(number=1, model=model, opened_at=timezone.now())
    target.forget()


@pytest.fixture
def alice(db: None) -> Person:
    return Person.objects.create_user("alice", PASSWORD, email="alice@example.org")


@pytest.fixture
def bob(db: None) -> Person:
    return Person.objects.create_user("bob", PASSWORD)


@pytest.fixture
def mona(db: None) -> Person:
    person = Person.objects.create_user("mona", PASSWORD, role=Role.MODERATOR)
    Person.objects.update(qualified_at=timezone.now())
    person.refresh_from_db()
    return person


@pytest.fixture
def ada(db: None) -> Person:
    return Person.objects.create_user("ada", PASSWORD, role=Role.ADMIN)


@pytest.fixture
def browse() -> Browse:
    """A client signed in as this person, or as nobody."""

    def make(person: Person | None = None) -> Client:
        client = Client()
        if person:
            client.force_login(person, backend="collector.people.accounts.Backend")
        return client

    return make


@pytest.fixture
def insert(open_round: Round) -> Insert:
    """Inserts the row of an attempt: by default a 4 that fooled the model into a 9 and that others
    confirmed."""
    made = 0

    def make(
        drawer: Person, target: int = 4, predicted: int = 9, status: str = "verified", **extra: Any
    ) -> Attempt:
        nonlocal made
        made += 1
        pixels = made.to_bytes(4, "big") * 196
        settled = None if status == "pending" else timezone.now()
        values: dict[str, Any] = {
            "target_label": target,
            "predicted_label": predicted,
            "probabilities": [0.9 if digit == predicted else 0.1 / 9 for digit in range(10)],
            "strokes": [{"x": [40, 200], "y": [50, made], "t": [0, 9]}],
            "width": 22,
            "pixels": pixels,
            "pixels_sha256": hashlib.sha256(pixels).hexdigest(),
            "body_sha256": "0" * 64,
            "raster_version": 1,
            "has_live_preview": False,
            "status": status,
            "is_audited": False,
            "quorum": 1,
            "needed_reading_count": 1 if status == "pending" else 0,
            "settled_at": settled,
            "settled_label": target if status == "verified" else None,
            "credit": 1.0 if status == "verified" else 0.0,
        }
        attempt = Attempt.objects.create(drawer=drawer, round=open_round, **(values | extra))
        attempt.refresh_from_db()
        return attempt

    return make
