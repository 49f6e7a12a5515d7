"""Open a round, promote into the next one, roll back. With candidates.py, and opened.py for a site
made of a release, the only writer of rounds and round models."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from trainer.learning import shipped
from trainer.learning.sentences import Sentence
from trainer.models import Arm, Round, RoundModel, Weights


class NoSuchRound(Exception):
    """There is no round of that number, or none that is over and could be gone back to."""


class AnotherIsOpen(Exception):
    """Another round is open by now than whoever asks has seen; the text says which."""


def lock() -> None:
    """Take the trainer's one lock, of all arms, until the transaction ends: the row of the dynamic
    arm's round 1, which is always there.

    Whoever also needs rows of their own (an attempt, say) locks those first, so that nobody waits
    in a circle.
    """
    Round.objects.select_for_update(no_key=True).get(number=1, arm=Arm.DYNAMIC)


def open_first(architecture: str, arm: str = Arm.DYNAMIC) -> Round:
    """Open an arm's round 1, unless it is there already, and return it: the dynamic arm's with the
    shipped weights of `architecture`, any other with that arm's model. Raises NotShipped."""
    existing = Round.objects.filter(number=1, arm=arm).first()
    if existing:
        return existing
    with transaction.atomic():
        model = (
            initial_model_of(architecture) if arm == Arm.DYNAMIC else open_first(architecture).model
        )
        return Round.objects.create(number=1, arm=arm, model=model, opened_at=timezone.now())


def is_open(model_id: int) -> bool:
    """Whether a round is open with this model."""
    return Round.objects.filter(state=Round.State.OPEN, model=model_id).exists()


def get_round(number: int, arm: str = Arm.DYNAMIC) -> Round:
    """Return an arm's round of this number, its model with it. Raises NoSuchRound."""
    round_ = Round.objects.select_related("model").filter(number=number, arm=arm).first()
    if round_ is None:
        raise NoSuchRound(Sentence("There is no round {number}.", number=number))
    return round_


def architectures() -> list[str]:
    """Return the architectures that a study may choose: those with a first model here, or with one
    shipped; in alphabetical order."""
    return sorted({*shipped.names(), *_initial_models().values_list("architecture", flat=True)})


def initial_model_of(architecture: str) -> RoundModel:
    """Return the model that every retraining of `architecture` starts from, made from the shipped
    weights when first asked for.

    The caller holds lock(), or is opening round 1. Raises NotShipped.
    """
    known = _initial_models().filter(architecture=architecture).order_by("pk").first()
    if known:
        return known
    round_one, now = shipped.round_one(architecture), timezone.now()
    model = RoundModel.objects.create(
        architecture=architecture,
        state=RoundModel.State.PROMOTED,
        seed=round_one.seed,
        manifest=round_one.manifest,
        report=round_one.report.as_json(),
        started_at=now,
        finished_at=now,
        progress=1.0,
    )
    Weights.objects.create(model=model, data=round_one.weights, sha256=round_one.sha256)
    return model


def _initial_models() -> QuerySet[RoundModel]:
    return RoundModel.objects.filter(initial_model=None, state=RoundModel.State.PROMOTED)


def tell_all(told_at: datetime) -> None:
    """Have people told of every arm, and in those without a verdict what models said, from
    `told_at` on: the study has ended."""
    with transaction.atomic():
        lock()
        Round.objects.update(told_at=told_at)


def open_next(model: RoundModel, by: str = "", why: str = "") -> Round:
    """Close the open round of `model`'s arm, open the next and return that; by whom and why, if by
    hand. Its target is `model` in the dynamic arm; in others it stays what it was.

    The caller holds lock() and has made `model` promoted.
    """
    now = timezone.now()
    current = Round.objects.get(state=Round.State.OPEN, arm=model.arm)
    current.state, current.closed_at = Round.State.CLOSED, now
    current.save(update_fields=["state", "closed_at"])
    return Round.objects.create(
        number=current.number + 1,
        arm=model.arm,
        model=model if model.arm == Arm.DYNAMIC else current.model,
        opened_at=now,
        opened_by=by,
        opened_why=why,
        told_at=current.told_at,
    )


def roll_back(number: int, by: str, why: str, *, seen_open: int | None = None) -> Round:
    """Open the dynamic arm's next round with the model that its earlier round `number` had, saying
    who and why, and return it. Raises NoSuchRound; AnotherIsOpen unless round `seen_open` (None:
    any) still is. A button pressed twice finds the round that it opened.

    Rounds are never reopened, so no attempt moves.
    """
    with transaction.atomic():
        lock()
        now_open = Round.objects.get(state=Round.State.OPEN, arm=Arm.DYNAMIC)
        if seen_open not in (None, now_open.number):
            found = now_open.number - 1, now_open.opened_by, now_open.opened_why
            if found == (seen_open, by, why):
                return now_open
            told = Sentence("Round {now_open} is open meanwhile.", now_open=now_open.number)
            raise AnotherIsOpen(told)
        earlier = (
            Round.objects.select_related("model")
            .filter(number=number, arm=Arm.DYNAMIC, state=Round.State.CLOSED)
            .first()
        )
        if earlier is None:
            raise NoSuchRound(Sentence("Round {number} is not an earlier round.", number=number))
        if not earlier.model.architecture:
            raise NoSuchRound(Sentence("Round {number}’s model is not here.", number=number))
        return open_next(earlier.model, by, why)


def rename_admin(before: str, now: str) -> None:
    """Write another name where an admin opened a round or decided on a candidate by hand."""
    Round.objects.filter(opened_by=before).update(opened_by=now)
    RoundModel.objects.filter(decided_by=before).update(decided_by=now)
