"""Samples in, samples out, what is due, and what a model was trained on."""

import hashlib
import random
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from numpy.typing import NDArray

from trainer import rounds
from trainer.learning import raster
from trainer.learning.report import Ablation, Kind, TestSet
from trainer.models import Arm, Contributor, Round, RoundModel, Sample, Split

BLOCK = 5  # contributors; one random position of 2–5 in each block is test
_lot = random.SystemRandom()


class Removed(Exception):
    """Samples that are asked for are tombstones."""


def add(
    *,
    attempt: uuid.UUID,
    contributor: uuid.UUID,
    pixels: bytes,
    label: int,
    has_fooled: bool,
    is_audited: bool = False,
    round_: Round,
) -> Sample | None:
    """Keep a settled drawing as a sample of its round's arm and return that; None where the very
    same pixels are an active one of that arm already, or the attempt is one.

    Runs in the caller's transaction, which it makes hold the trainer's lock.
    """
    rounds.lock()
    sha256 = hashlib.sha256(pixels).hexdigest()
    active = Sample.objects.filter(withdrawn_at__isnull=True)
    # Two queries, each by its own index.
    same = active.filter(sha256=sha256, arm=round_.arm)
    if same.exists() or active.filter(attempt=attempt).exists():
        return None
    return Sample.objects.create(
        attempt=attempt,
        arm=round_.arm,
        contributor=_contributor(contributor),
        pixels=pixels,
        sha256=sha256,
        label=label,
        has_fooled=has_fooled,
        is_audited=is_audited,
        round=round_,
    )


def _contributor(contributor_id: uuid.UUID) -> Contributor:
    """Return the contributor's row, made at the first sample: with it the split is fixed for life.
    Needs the lock."""
    known = Contributor.objects.filter(pk=contributor_id).first()
    if known:
        return known
    last = Contributor.objects.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    block_start, place = position - position % BLOCK, position % BLOCK
    has_test = Contributor.objects.filter(position__gte=block_start, split=Split.TEST).exists()
    # Uniform over places 1–4 of the block, drawn one at a time: 1/4, then 1/3, 1/2 and 1 of what is
    # left.
    is_test = place > 0 and not has_test and _lot.randrange(BLOCK - place) == 0
    return Contributor.objects.create(
        id=contributor_id, position=position, split=Split.TEST if is_test else Split.TRAIN
    )


def withdraw(contributor: uuid.UUID) -> int:
    """Take a contributor's samples out of every later training; return how many there were."""
    with transaction.atomic():
        rounds.lock()
        return _withdraw(Sample.objects.filter(contributor=contributor))


def _withdraw(samples: QuerySet[Sample]) -> int:
    active = samples.filter(withdrawn_at__isnull=True)
    now, latest = timezone.now(), RoundModel.objects.aggregate(latest=Max("pk"))["latest"]
    trained = active.filter(first_trained_by__isnull=False).update(
        withdrawn_at=now, last_trained_by=latest
    )
    return trained + active.update(withdrawn_at=now)


def returnable(
    contributor: uuid.UUID, since: datetime, but: Collection[uuid.UUID] = ()
) -> list[Sample]:
    """Return what was withdrawn of a contributor at `since` or later and may come back: of each
    attempt its last sample, but for some attempts none. Nor where the same pixels are an active
    sample of the arm meanwhile, or were removed.
    """
    active = Sample.objects.filter(withdrawn_at__isnull=True)
    withdrawn = Sample.objects.filter(
        contributor=contributor, withdrawn_at__gte=since, removed_at__isnull=True
    ).exclude(
        Exists(active.filter(sha256=OuterRef("sha256"), arm=OuterRef("arm")))
        | Q(attempt__in=active.values("attempt"))
        | Q(attempt__in=but)
    )
    return list({sample.attempt: sample for sample in withdrawn.order_by("added_at")}.values())


def reinstate(contributor: uuid.UUID, since: datetime, but: Collection[uuid.UUID] = ()) -> int:
    """Take what is `returnable` back into later trainings; return how many samples that are. The
    old rows go on saying which models trained on them; each sample gets a new row."""
    with transaction.atomic():
        rounds.lock()
        again = [
            Sample(
                attempt=sample.attempt,
                arm=sample.arm,
                contributor_id=sample.contributor_id,
                pixels=sample.pixels,
                sha256=sample.sha256,
                label=sample.label,
                has_fooled=sample.has_fooled,
                is_audited=sample.is_audited,
                round_id=sample.round_id,
            )
            for sample in returnable(contributor, since, but)
        ]
        return len(Sample.objects.bulk_create(again))


def withdraw_one(attempt: uuid.UUID) -> None:
    """Take the sample of an attempt, if there is one, out of every later training. Needs the
    lock."""
    _withdraw(Sample.objects.filter(attempt=attempt))


def remove(contributor: uuid.UUID) -> int:
    """Withdraw a contributor's samples and drop their pixels, for good; return how many there were.
    Hashes and labels stay, so that it can be said what a model was trained on, though it cannot be
    made again."""
    with transaction.atomic():
        withdraw(contributor)
        samples = Sample.objects.filter(contributor=contributor, removed_at__isnull=True)
        return samples.update(removed_at=timezone.now(), pixels=b"")


def removed_since(model: RoundModel) -> datetime | None:
    """Return since when a model cannot be made again, because samples that it was trained on were
    removed; None if it can."""
    removed = trained_on(model).filter(removed_at__isnull=False)
    first: datetime | None = removed.aggregate(first=Min("removed_at"))["first"]
    return first


def due(max_per_person: int | None = None, arm: str = Arm.DYNAMIC) -> QuerySet[Sample]:
    """Return the samples of an arm's train split, active, that no candidate has trained on,
    `max_per_person` of each contributor (None: all): those verified as having fooled; where nobody
    is to fool anything, every one."""
    new = _new(max_per_person, arm)
    return new if arm == Arm.NONE else new.filter(has_fooled=True)


def _new(max_per_person: int | None, arm: str) -> QuerySet[Sample]:
    """Return what the next candidate is the first to train on: of each contributor
    `max_per_person`, the fooling and older ones before the others."""
    new = active(arm).filter(first_trained_by__isnull=True)
    if max_per_person is None:
        return new
    order = [F("has_fooled").desc(), F("added_at").asc(), F("pk").asc()]
    turn = Window(RowNumber(), partition_by=F("contributor"), order_by=order)
    return new.annotate(turn=turn).filter(turn__lte=max_per_person)


def active(arm: str = Arm.DYNAMIC) -> QuerySet[Sample]:
    """Return what may be trained on: every sample of an arm's train split that is not withdrawn."""
    return Sample.objects.filter(withdrawn_at__isnull=True, contributor__split=Split.TRAIN, arm=arm)


def fix_set(candidate: RoundModel, max_per_person: int | None = None) -> None:
    """Give `candidate` its training set for good: what was trained on before, if still active, and
    the new samples, `max_per_person` of each contributor; the rest waits for a later one. Needs the
    lock."""
    new = _new(max_per_person, candidate.arm)
    Sample.objects.filter(pk__in=new.values("pk")).update(first_trained_by=candidate)


def trained_on(model: RoundModel) -> QuerySet[Sample]:
    """Return the samples that `model` was or is being trained on, in a fixed order; of one that
    leaves a contributor out, those of the model it is compared with that are not the contributor's,
    as far as they are still there."""
    if model.left_out_contributor is not None:
        whole = Ablation.from_json(model.report or {}).compared_with
        others = trained_on(RoundModel.objects.get(pk=whole))
        return others.exclude(contributor=model.left_out_contributor).filter(
            removed_at__isnull=True
        )
    return Sample.objects.filter(
        Q(withdrawn_at__isnull=True) | Q(last_trained_by__gte=model.pk),
        arm=model.arm,
        first_trained_by__lte=model.pk,
    ).order_by("pk")


def counts_trained_on() -> dict[int, int]:
    """Count what each model was trained on that leaves nobody out, all models by one query: as
    many as `trained_on` gives."""
    spans = list(
        Sample.objects.filter(first_trained_by__isnull=False)
        .filter(Q(withdrawn_at__isnull=True) | Q(last_trained_by__isnull=False))
        .annotate(is_active=Q(withdrawn_at__isnull=True))
        .values_list("arm", "first_trained_by", "last_trained_by", "is_active")
        .annotate(sample_count=Count("pk"))
        .order_by()
    )
    models = RoundModel.objects.filter(left_out_contributor=None).values_list("pk", "arm")
    return {
        model: sum(
            sample_count
            for of_arm, first, last, is_active, sample_count in spans
            if of_arm == arm and first <= model and (is_active or last >= model)
        )
        for model, arm in models
    }


def load(model: RoundModel) -> "Arrays":
    """Load what `model` is about to be trained on. What was removed since its set was fixed leaves
    the set, for good; the rest of it stays. Raises Removed where nothing is left."""
    while True:
        with transaction.atomic():
            rounds.lock()
            gone = trained_on(model).filter(removed_at__isnull=False)
            before = RoundModel.objects.filter(pk__lt=model.pk).aggregate(latest=Max("pk"))
            gone.filter(first_trained_by=model).update(first_trained_by=None, last_trained_by=None)
            gone.update(last_trained_by=before["latest"])
        try:
            loaded = arrays(trained_on(model))
        except Removed:
            continue  # somebody removes theirs in this very moment
        if not loaded.ids:
            raise Removed("Everything that this model was to be trained on has been removed.")
        return loaded


@dataclass(frozen=True)
class Arrays:
    """Samples in memory: ids, their attempts, pixels uint8 (n, 28, 28), labels int64 (n,), in the
    order of the ids."""

    ids: list[str]
    attempts: list[str]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


def arrays(samples: QuerySet[Sample]) -> Arrays:
    """Load samples into memory, without a query per sample. Raises Removed where pixels are
    gone."""
    rows = list(samples.values_list("pk", "attempt", "pixels", "label"))
    if not all(row[2] for row in rows):
        raise Removed("Some of these drawings were removed by whoever drew them.")
    pixels = raster.pictures(row[2] for row in rows)
    labels = np.array([row[3] for row in rows], dtype=np.int64)
    return Arrays([str(row[0]) for row in rows], [str(row[1]) for row in rows], pixels, labels)


def held_out(arm: str = Arm.DYNAMIC) -> dict[TestSet, Arrays]:
    """Return the test split of every round of an arm so far: what fooled the round's model, and
    what did not, chosen at random.

    What was meant to fool and was read as another digit is in neither: nobody chose it at random.
    Empty ones too, so that a report says that there was nothing to measure on.
    """
    tests = Sample.objects.filter(
        withdrawn_at__isnull=True, contributor__split=Split.TEST
    ).order_by("pk")
    return {
        TestSet(kind, round_.number): arrays(tests.filter(**{field: True}, round=round_))
        for round_ in Round.objects.filter(arm=arm).order_by("number")
        for kind, field in ((Kind.FOOLS, "has_fooled"), (Kind.AUDITED, "is_audited"))
    }
