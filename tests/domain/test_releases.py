"""A round's release: what is in it, what is not, and that it can be told from the folder alone."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from collector.data import releases
from collector.errors import Conflict, Gone
from collector.models import Attempt, Person, Release, Study
from collector.drawings import attempts
from collector.people import closing
from collector.study import settings as study_settings
from tests.support.cast import add_person, read, submit
from tests.support.models import add_model
from tests.support.penmanship import fooling
from trainer import candidates, rounds, target, tasks
from trainer.learning import drawing, fit
from trainer.models import Contributor, Round, RoundModel, Weights

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Round 1 is over: ten fools of alice's trained round 2's model, which is over too. zoe is not
    listed, gus removed his, rita took one back."""
    patch = pytest.MonkeyPatch()
    from django.conf import settings

    patch.setattr(settings, "MNIST_DIR", None)
    patch.setattr(settings, "MNIST_CACHE", settings.BASE_DIR / "there is no such folder")
    recipe = replace(fit.default_recipe("mnist_model", 10), steps=40)
    patch.setattr(fit, "default_recipe", lambda net, n: recipe)
    with django_db_blocker.unblock(), transaction.atomic():
        target.forget()
        study_settings.begin()
        Study.objects.update(
            audit_share=0.0, gold_share=0.0, round_size=10, licence="CC-BY-4.0"
        )
        rounds.open_first("mnist_model")
        _draw()
        yield
        transaction.set_rollback(True)
    target.forget()
    patch.undo()


def _draw() -> None:
    alice, zoe, gus, rita = (add_person(name) for name in ("alice", "zoe", "gus", "rita"))
    Person.objects.filter(pk=zoe.pk).update(is_listed=False)
    mona = add_person("mona", "moderator")
    for position, drawer in enumerate((alice, zoe, gus)):
        Contributor.objects.create(id=drawer.contributor, position=position, split="train")
    drawn = [(label, drawing.parse(strokes, width)) for label, strokes, width in fooling(3, 13)]
    for drawer, (label, each) in zip((*[alice] * 10, zoe, gus, rita), drawn, strict=True):
        attempt = submit(drawer, label, each)
        if drawer != rita:
            read(mona, str(label), attempt)
    attempts.retract(rita, Attempt.objects.get(drawer=rita).pk)
    closing._remove_drawings(gus)
    candidate = RoundModel.objects.get(state="training")
    claim = candidates.claim(candidate.pk)
    assert claim is not None
    tasks.train(claim)
    if Round.objects.count() == 1:
        candidates.promote(candidate.pk, "ada", "to go on")
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(7))


@pytest.fixture(scope="module")
def folder(world: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release 1.2.0 as it is given away."""
    out = tmp_path_factory.mktemp("releases") / "second"
    call_command("release", round=2, out=out)
    return out


def test_x(folder: Path) -> None:
    import shutil
    shutil.rmtree("/tmp/relprobe/out", ignore_errors=True)
    shutil.copytree(folder, "/tmp/relprobe/out")
