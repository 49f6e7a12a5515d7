"""A release opened on an empty site: the study is there as the release tells it, and releases the
same bytes again."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from collector.data import opening, releases
from collector.drawings import attempts, reasons
from collector.models import Attempt, Gold, Person, Reading, Release, Study
from collector.moderation import decisions
from collector.people import closing, suspensions
from collector.standings import leaderboards, round_figures
from collector.study import consistency
from collector.study import settings as study_settings
from tests.support.cast import a_line, add_person, read, submit
from tests.support.emptied import emptied
from tests.support.models import add_model
from tests.support.nets import always
from trainer import candidates, rounds, samples, target
from trainer.learning import fit, report, weights
from trainer.models import Contributor, Round, RoundModel, Sample

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.django_db
SAID = "Left open."
# What says where and when a release was made: nothing does.
OF_A_PLACE: set[str] = set()


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Three rounds are over, and round 4 is open."""
    with django_db_blocker.unblock(), transaction.atomic():
        target.forget()
        study_settings.begin()
        Study.objects.update(
            audit_share=0.0, gold_share=0.0, round_size=100, licence="CC-BY-4.0", quorum=1
        )
        Round.objects.create(number=1, model=add_model(7), opened_at=timezone.now())
        _draw()
        yield
        transaction.set_rollback(True)
    target.forget()


def _draw() -> None:
    """Of every kind a few."""
    names = ("alice", "zoe", "sue", "bob", "cara", "dan", "rita", "eve", "gus")
    alice, zoe, sue, bob, cara, dan, rita, eve, gus = (add_person(name) for name in names)
    Person.objects.filter(pk=zoe.pk).update(is_listed=False)
    mona, mei, mo = (add_person(name, "moderator") for name in ("mona", "mei", "mo"))
    ada = add_person("ada", "admin")
    for position, drawer in enumerate((alice, zoe, sue, bob, cara)):
        split = "test" if drawer == zoe else "train"
        Contributor.objects.create(id=drawer.contributor, position=position, split=split)
    for drawer in (alice, alice, alice, zoe, sue, bob):
        read(mona, "4", submit(drawer))
    reasons.say(alice, alice.attempts.order_by("submitted_at")[0].pk, SAID)
    for drawer, answers in ((dan, ("junk", "junk")), (cara, ("9", "9")), (eve, ("1", "2", "3"))):
        attempt = submit(drawer)
        for moderator, answer in zip((mona, mei, mo), answers, strict=False):
            read(moderator, answer, attempt)
    decisions.decide(attempt.pk, ada, "ambiguous", "Nobody can tell.")
    attempts.retract(rita, submit(rita).pk)
    Study.objects.update(audit_share=1.0)
    read(mei, "7", submit(alice, 7))
    read(mo, "7", attempts.retract(zoe, submit(zoe, 7).pk))
    Study.objects.update(audit_share=0.0)
    _read_gold(mona, alice.attempts.get(is_audited=True))
    _train(3)
    read(mona, "4", submit(gus))
    read(mei, "5", submit(alice, 5))
    submit(alice, 3)
    again = Attempt.objects.filter(drawer=alice, round__number=1, target_label=4)[0]
    read(mo, "4", submit(eve, 4, _drawn(again)))
    suspensions.suspend(sue, ada, "Spam.")
    _train(5)
    suspensions.suspend(bob, ada, "Spam.")
    read(mona, "2", submit(zoe, 2))
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(6))


def _drawn(attempt: Attempt) -> Any:
    from trainer.learning import drawing

    return drawing.parse(attempt.strokes, attempt.width)


def _read_gold(mona: Person, attempt: Attempt) -> None:
    """mona reads this attempt as hidden gold, and somebody's reading of another is discounted."""
    now = timezone.now()
    item = Gold.objects.get(attempt=attempt)
    given = {"moderator": mona, "leased_at": now, "lease_expires_at": now}
    given["answered_at"] = now + timedelta(seconds=2)
    Reading.objects.create(gold=item, answer="7", is_correct=True, **given)
    Reading.objects.create(attempt=attempt, answer="1", is_discounted=True, **given)


def _train(digit: int) -> None:
    """Open the next round with a model that always says this, as if it had been trained."""
    claim = candidates.claim(candidates.start("mnist_model").pk)
    assert claim is not None
    candidate = RoundModel.objects.get(pk=claim.candidate_id)
    assert candidate.initial_model is not None
    learned = samples.arrays(samples.trained_on(candidate))
    manifest = fit.manifest(
        learned.ids,
        learned.pixels,
        learned.labels,
        "0" * 64,
        candidate.initial_model.weights.sha256,
        "mnist_model",
        fit.default_recipe("mnist_model", len(learned.ids)),
        candidate.seed,
    )
    data = always(digit)
    one = report.SetFigures(1, 1, 1.0, 0.2, 1.0)
    paired = {report.TestSet(report.Kind.FOOLS, 1): report.PairedTest(1, 1, 0, 1.0)}
    against = report.AgainstTarget(1, paired)
    candidates.finish(
        claim,
        weights=data,
        sha256=weights.checksum(data),
        manifest=manifest,
        report=report.Report({"mnist_test": one, "fools_1": one}, against, forgot=()),
        reasons=[],
    )


def _released(out: Path, number: int = 3) -> Path:
    call_command("release", round=number, out=out)
    return out


@pytest.fixture(scope="module")
def folder(world: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release 1.3.0, as it is given away."""
    return _released(tmp_path_factory.mktemp("releases") / "third")


def sums(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


def _figures() -> dict[str, object]:
    """What pages tell of the rounds up to 3, and of people."""
    counts = leaderboards.counts_by_round(
        Round.objects.filter(number__lte=3).values_list("pk", flat=True)
    )
    numbers = dict(Round.objects.values_list("pk", "number"))
    return {"rounds": {numbers[pk]: each for pk, each in counts.items()}}


def test_it_is_released_again_to_the_byte(folder: Path, tmp_path: Path) -> None:
    assert list(consistency.problems()) == []
    before = _figures()
    emptied()
    call_command("open_release", folder)
    assert list(consistency.problems()) == []
    assert _figures() == before
    out = _released(tmp_path / "again")
    assert sums(out) == sums(folder)
