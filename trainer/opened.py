"""Rounds, models and samples that came by a release, put into a site that has none of its own.

A release has one round's model. An earlier round whose drawings that model answered, or the one
that it was trained from, has that; any other has a model that did not come along: a row without
architecture, weights and report.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from trainer import measurements, rounds
from trainer.learning import shipped
from trainer.learning.report import Stored
from trainer.models import (
    Arm,
    Contributor,
    EarlierReport,
    Matrix,
    MatrixRow,
    Round,
    RoundModel,
    Sample,
    Split,
    Weights,
)
from trainer.samples import BLOCK

BY = "manage.py open_release"
_TEST, _TRAIN = 1, (0, 2, 3, 4)  # places in a block
State = RoundModel.State


class Lacking(Exception):
    """What a release's model was trained from is neither in it nor shipped."""


@dataclass(frozen=True)
class ToldModel:
    """What a release says of its model: weights as safetensors bytes, and those that it was trained
    from, where they are in it."""

    architecture: str
    seed: int
    manifest: Mapping[str, Any] | None
    report: Stored | None
    weights: bytes
    initial: bytes | None

    @property
    def start_sha256(self) -> str | None:
        """The checksum of what it was trained from; None where that is nothing."""
        if self.manifest is None:
            return self.initial and _sha256(self.initial)  # type: ignore[return-value]
        start: str | None = self.manifest["start_sha256"]
        return start


@dataclass(frozen=True)
class ToldRound:
    """When a round was."""

    number: int
    opened_at: datetime
    closed_at: datetime


def is_empty() -> bool:
    """Whether there is nothing but a plain site's first round."""
    others = Round.objects.exclude(number=1, arm=Arm.DYNAMIC)
    return not (others.exists() or Sample.objects.exists() or Contributor.objects.exists())


def put_rounds(
    told: ToldModel,
    times: Sequence[ToldRound],
    answered: Callable[[bytes], set[int]],
    why: str,
) -> dict[int, Round]:
    """Put the rounds of these times, of which the last had the model that is `told`, in the place
    of the site's first; open the next one with that model, for this reason. Return all by their
    numbers. `answered` gives the rounds whose drawings were answered by a model of these weights.

    Needs the lock, of a row that goes here. Raises Lacking.
    """
    for rows in (Round, MatrixRow, Matrix, EarlierReport, Weights, RoundModel):
        rows._base_manager.all().delete()
    is_first = told.start_sha256 is None
    first = _made(told.architecture, told.weights, told=told) if is_first else _start(told)
    of_first = answered(bytes(Weights.objects.get(pk=first.pk).data))
    last = times[-1].number
    known = {*answered(told.weights), *of_first, last}
    # Models are numbered in the order of their training.
    absent = {
        each.number: RoundModel.objects.create(
            architecture="", state=State.PROMOTED, initial_model=first
        )
        for each in times
        if each.number not in known
    }
    newest = first if is_first else _made(told.architecture, told.weights, first, told)
    found = [
        Round(
            number=each.number,
            model=absent.get(each.number, first if each.number in of_first - {last} else newest),
            state=Round.State.CLOSED,
            opened_at=each.opened_at,
            closed_at=each.closed_at,
        )
        for each in times
    ]
    opened_at = max(timezone.now(), times[-1].closed_at)
    found.append(
        Round(number=last + 1, model=newest, opened_at=opened_at, opened_by=BY, opened_why=why)
    )
    Round.objects.bulk_create(found)
    return {each.number: each for each in found}


def _start(told: ToldModel) -> RoundModel:
    """Return the model that the release's was trained from. Raises Lacking."""
    is_shipped = told.architecture in shipped.names()
    if is_shipped and shipped.round_one(told.architecture).sha256 == told.start_sha256:
        return rounds.initial_model_of(told.architecture)
    if told.initial and _sha256(told.initial) == told.start_sha256:
        return _made(told.architecture, told.initial)
    raise Lacking(
        "The weights that its model was trained from are neither in it nor those that come with "
        "this version of the site."
    )


def _made(
    architecture: str,
    data: bytes,
    initial_model: RoundModel | None = None,
    told: ToldModel | None = None,
) -> RoundModel:
    model = RoundModel.objects.create(
        architecture=architecture, state=State.PROMOTED, initial_model=initial_model, progress=1.0
    )
    Weights.objects.create(model=model, data=data, sha256=_sha256(data))
    if told:
        model.seed, model.manifest = told.seed, told.manifest
        measurements.store_told(model, told.report)
        model.save()
    return model


def put_contributors(splits: Mapping[uuid.UUID, str]) -> None:
    """Put contributors with their splits. A release does not say in which order they came: they are
    placed so that a block has one of the test split at most, and none but such a one is full."""
    counts = dict.fromkeys(Split, 0)
    made = []
    for contributor, told in splits.items():
        split = Split(told)
        n, counts[split] = counts[split], counts[split] + 1
        if split == Split.TEST:
            position = BLOCK * n + _TEST
        else:
            position = BLOCK * (n // len(_TRAIN)) + _TRAIN[n % len(_TRAIN)]
        made.append(Contributor(id=contributor, position=position, split=split))
    Contributor.objects.bulk_create(made, batch_size=500)


def put_samples(
    rows: Sequence[Mapping[str, Any]],
    round_of: Mapping[int, Round],
    model: RoundModel,
    withdrawn_at: datetime,
) -> None:
    """Put samples as a release has them, each with its `contributor` and `pixels`. What its `model`
    was trained on has that as the first; what is withdrawn was so by `withdrawn_at`."""
    Sample.objects.bulk_create(
        Sample(
            id=row["id"],
            attempt=row["attempt"],
            contributor_id=row["contributor"],
            pixels=row["pixels"],
            sha256=_sha256(row["pixels"]),
            label=row["label"],
            has_fooled=row["fooled"],
            is_audited=row["audited"],
            round=round_of[row["round"]],
            added_at=row["added_at"],
            withdrawn_at=withdrawn_at if row["withdrawn"] else None,
            first_trained_by=model if row["trained_on"] else None,
            last_trained_by=model if row["trained_on"] and row["withdrawn"] else None,
        )
        for row in rows
    )


def put_removed(
    count: int, removed_at: datetime, contributor: uuid.UUID, first: Round, model: RoundModel
) -> None:
    """Put what is left of `count` samples that `model` was trained on and that were removed since:
    no more is told of them than how many they are, and since when."""
    Sample.objects.bulk_create(
        Sample(
            attempt=uuid.uuid4(),
            contributor_id=contributor,
            pixels=b"",
            sha256="",
            label=0,
            has_fooled=False,
            round=first,
            withdrawn_at=removed_at,
            removed_at=removed_at,
            first_trained_by=model,
            last_trained_by=model,
        )
        for _ in range(count)
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
