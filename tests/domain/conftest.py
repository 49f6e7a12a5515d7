"""A study whose round 1 always says 7, and its people."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from collector.models import Person, Study
from collector.study import settings as study_settings
from dadc_site import addresses
from tests.support.cast import add_person
from tests.support.mail_servers import Use
from tests.support.models import add_model
from trainer import samples, target
from trainer.models import Round


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
    return add_person


@pytest.fixture
def alice(person: Callable[..., Person]) -> Person:
    """A drawer."""
    return person("alice")


@pytest.fixture
def mona(person: Callable[..., Person]) -> Person:
    """A moderator."""
    return person("mona", "moderator")


@pytest.fixture
def mei(person: Callable[..., Person]) -> Person:
    """Another moderator."""
    return person("mei", "moderator")


@pytest.fixture
def ada(person: Callable[..., Person]) -> Person:
    """An admin."""
    return person("ada", "admin")


@pytest.fixture
def many_due(study: Study) -> None:
    """No candidate starts while the test runs."""
    Study.objects.update(round_size=100)


@pytest.fixture
def a_sample(study: Study) -> None:
    """Something to train on."""
    with transaction.atomic():
        samples.add(
            attempt=uuid.uuid4(),
            contributor=uuid.uuid4(),
            pixels=bytes(784),
            label=4,
            has_fooled=True,
            round_=Round.objects.get(number=1),
        )


@pytest.fixture
def use(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Makes this process send emails as a URL says."""

    def by(url: str) -> None:
        monkeypatch.setenv("DADC_EMAIL_URL", url)
        mail = addresses.mail("DADC_EMAIL_URL", "consolemail://")
        settings.EMAIL_BACKEND = mail.backend
        settings.EMAIL_HOST = mail.host
        settings.EMAIL_PORT = mail.port
        settings.EMAIL_HOST_USER = mail.user
        settings.EMAIL_HOST_PASSWORD = mail.password
        settings.EMAIL_USE_TLS = mail.use_tls
        settings.EMAIL_USE_SSL = mail.use_ssl
        settings.EMAIL_TIMEOUT = mail.timeout
        settings.EMAIL_FILE_PATH = mail.folder

    return by
