"""A candidate's life: start, claim, renew, finish or fail; and what an admin decides of a held one.

Whether a training runs, who runs it and whether its result counts is decided by conditional updates
of the candidate's row: a lease that runs out unless renewed, and a token that every claim raises.
Its time is the database's: the clocks of the machines that train need not agree.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import Now
from django.utils import timezone

from trainer import measurements, rounds, samples
from trainer.learning.report import Ablation, Report
from trainer.learning.sentences import Sentence, to_json
from trainer.models import Arm, Round, RoundModel, Sample, Weights

State = RoundModel.State

LEASE = timedelta(seconds=60)
RENEW_EVERY = timedelta(seconds=2)  # ten would keep the lease; two move the progress bar
CLAIMS = 3
BY_A_NEWER_ONE = "a newer candidate"  # discards a held one
SEED = 1  # one for all: what differs between two trainings is then their samples


class NotNow(Exception):
    """What was asked for cannot be done as things are; the text says why."""


class AlreadyTraining(NotNow):
    """Another candidate of the arm is in training; there is one at a time."""


class AnotherWasTrained(NotNow):
    """Another candidate was begun and ended since whoever asks looked."""


class NothingToTrainOn(NotNow):
    """There is no active sample of the train split yet."""


class NothingToAblate(NotNow):
    """No promoted model was trained on anything of this contributor."""


class NotHeld(NotNow):
    """Only a held candidate can be promoted or discarded."""


class LeaseLost(Exception):
    """Somebody else holds, or has ended, this training. What was computed here is not written."""


@dataclass(frozen=True)
class Claim:
    """The right to train one candidate, while its lease lasts."""

    candidate_id: int
    token: int
    architecture: str
    seed: int


def start_if_due(
    architecture: str,
    round_size: int,
    max_per_person: int | None = None,
    arm: str = Arm.DYNAMIC,
) -> RoundModel | None:
    """Start an arm's candidate if `round_size` samples are due, `max_per_person` of a contributor
    counting, and none is in training; return it, or None.

    Runs in the caller's transaction, which it makes hold the trainer's lock: two processes that
    both see the threshold get one candidate.
    """
    with transaction.atomic():
        rounds.lock()
        if _is_training(arm) or samples.due(max_per_person, arm).count() < round_size:
            return None
        return _start(architecture, max_per_person, arm)


def _is_training(arm: str) -> bool:
    return RoundModel.objects.filter(state=State.TRAINING, arm=arm).exists()


def newest(arm: str = Arm.DYNAMIC) -> int:
    """Return the number of an arm's model that was begun last; 0 before there is one."""
    of_arm = RoundModel.objects.filter(arm=arm)
    return of_arm.order_by("-pk").values_list("pk", flat=True).first() or 0


def start(
    architecture: str,
    max_per_person: int | None = None,
    arm: str = Arm.DYNAMIC,
    *,
    seen_newest: int | None = None,
) -> RoundModel:
    """Start an arm's candidate now, whatever is due, with `max_per_person` new samples of a
    contributor, and return it.

    Raises AlreadyTraining, NothingToTrainOn; AnotherWasTrained unless the model `seen_newest`
    (None: any) is still the newest, so that an old page's button starts nothing.
    """
    with transaction.atomic():
        rounds.lock()
        if _is_training(arm):
            raise AlreadyTraining(Sentence("A model is already in training."))
        if seen_newest not in (None, newest(arm)):
            raise AnotherWasTrained(
                Sentence("A model was trained since you opened this page; this is what came of it.")
            )
        if not samples.active(arm).exists():
            raise NothingToTrainOn(
                Sentence("There is nothing to train on yet: no drawing has become a sample.")
            )
        return _start(architecture, max_per_person, arm)


def start_ablation(contributor: uuid.UUID) -> RoundModel:
    """Start training their arm's newest promoted model again without one contributor's samples, all
    else being the same; return the model to come.

    It opens no round and ends `ablated`; no sample counts as trained on by it. Raises
    AlreadyTraining, NothingToAblate.
    """
    with transaction.atomic():
        rounds.lock()
        given = Sample.objects.filter(contributor=contributor)
        arm = given.values_list("arm", flat=True).first() or Arm.DYNAMIC
        if _is_training(arm):
            raise AlreadyTraining(
                Sentence(
                    "Another model is in training, and there is one at a time. Try again when it "
                    "is done."
                )
            )
        newest = (
            RoundModel.objects.filter(state=State.PROMOTED, initial_model__isnull=False, arm=arm)
            .order_by("-pk")
            .first()
        )
        whole = samples.trained_on(newest) if newest else Sample.objects.none()
        if newest is None or not whole.filter(contributor=contributor).exists():
            raise NothingToAblate(
                Sentence("The newest model was trained on nothing of this person.")
            )
        candidate = RoundModel.objects.create(
            architecture=newest.architecture,
            arm=arm,
            initial_model=newest.initial_model,
            seed=newest.seed,
            left_out_contributor=contributor,
            report=Ablation(newest.pk).as_json(),
        )
        if not samples.trained_on(candidate).exists():
            raise NothingToAblate(
                Sentence(
                    "The newest model was trained on this person’s drawings alone: none would "
                    "be left."
                )
            )
        return candidate


def _start(architecture: str, max_per_person: int | None, arm: str) -> RoundModel:
    candidate = RoundModel.objects.create(
        architecture=architecture,
        arm=arm,
        initial_model=rounds.initial_model_of(architecture),
        seed=SEED,
    )
    samples.fix_set(candidate, max_per_person)
    return candidate


def claim_next() -> Claim | None:
    """Take whichever training waits and return the claim; None when none does. One that has used up
    its claims is failed. Cheap: asked every second, by each trainer."""
    waiting = RoundModel.objects.filter(_is_free(), state=State.TRAINING)
    for candidate_id, claim_count in waiting.order_by("pk").values_list("pk", "claim_count"):
        if claim_count >= CLAIMS:
            _give_up(candidate_id)
        elif won := claim(candidate_id):
            return won
    return None


def _give_up(candidate_id: int) -> None:
    why = Sentence("The training was begun {n} times and never came to its end.", n=CLAIMS)
    with transaction.atomic():
        _to_take(candidate_id).filter(claim_count__gte=CLAIMS).update(
            state=State.FAILED,
            reasons=[why],
            sentences=[to_json(why)],
            finished_at=Now(),
            lease_expires_at=None,
        )


def claim(candidate_id: int) -> Claim | None:
    """Take the training, if it is still to be done and nobody's lease is running, and return the
    claim; None otherwise."""
    with transaction.atomic():
        won = (
            _to_take(candidate_id)
            .filter(claim_count__lt=CLAIMS)
            .update(
                claim_count=F("claim_count") + 1,
                token=F("token") + 1,
                lease_expires_at=Now() + LEASE,
                started_at=Now(),
                progress=0.0,
            )
        )
        if not won:
            return None
        row = RoundModel.objects.get(pk=candidate_id)
    return Claim(row.pk, row.token, row.architecture, row.seed)


def _to_take(candidate_id: int) -> QuerySet[RoundModel]:
    """Find the training's row, for one UPDATE, if it waits. PostgreSQL passes over a row that
    somebody has locked, who may have been cut off: the trainings of other arms do not wait for
    it. In SQLite nobody else writes meanwhile."""
    waiting = RoundModel.objects.select_for_update(skip_locked=True, no_key=True).filter(
        _is_free(), pk=candidate_id, state=State.TRAINING
    )
    return RoundModel.objects.filter(pk__in=waiting.values("pk"))


def last_failed(arm: str = "") -> RoundModel | None:
    """Return the newest candidate that ended last in its arm, of one arm or of all, and failed;
    ablations do not count."""
    ended = RoundModel.objects.exclude(state=State.TRAINING).filter(left_out_contributor=None)
    later = Q(created_at__gt=OuterRef("created_at"))
    later |= Q(created_at=OuterRef("created_at"), pk__gt=OuterRef("pk"))
    is_last = ~Exists(ended.filter(later, arm=OuterRef("arm")))
    failed = ended.filter(is_last, state=State.FAILED)
    failed = failed.filter(arm=arm) if arm else failed
    return failed.order_by("-created_at", "-pk").first()


def _is_free() -> Q:
    """Whether nobody's lease runs. One that ends much later than any given now was given by a clock
    that was ahead; a clock may be set back by seconds."""
    return Q(lease_expires_at__isnull=True) | ~Q(
        lease_expires_at__gte=Now(), lease_expires_at__lte=Now() + 2 * LEASE
    )


def keep(claim: Claim) -> float:
    """Let the lease run on, for somebody who trains too slowly to renew it in time; return how far
    they said that they are (0–1). Raises LeaseLost."""
    if not _mine(claim).update(lease_expires_at=Now() + LEASE):
        raise LeaseLost(f"candidate {claim.candidate_id}")
    return RoundModel.objects.values_list("progress", flat=True).get(pk=claim.candidate_id)


def renew(claim: Claim, progress: float) -> None:
    """Say that the training lives, and how far it is (0–1). A lease that ran out while nobody else
    wanted it runs again. Raises LeaseLost."""
    if not _mine(claim).update(lease_expires_at=Now() + LEASE, progress=progress):
        raise LeaseLost(f"candidate {claim.candidate_id}")


def release(claim: Claim) -> None:
    """Let the training be claimed again at once, since whoever did it was killed over it."""
    _mine(claim).update(lease_expires_at=None)


def give_back(claim: Claim) -> None:
    """Let the training be claimed again at once, and do not count this claim: that it came to no
    end was no fault of the candidate's. Where another claim was made since, that one goes on.

    Asked twice, as when the first answer was lost, it may forget one claim more.
    """
    is_last = Q(token=claim.token)
    RoundModel.objects.filter(
        pk=claim.candidate_id, state=State.TRAINING, token__gte=claim.token, claim_count__gt=0
    ).update(
        claim_count=F("claim_count") - 1,
        lease_expires_at=Case(When(is_last, then=None), default=F("lease_expires_at")),
        token=F("token") + Case(When(is_last, then=1), default=0),
    )


def _mine(claim: Claim) -> QuerySet[RoundModel]:
    return RoundModel.objects.filter(pk=claim.candidate_id, state=State.TRAINING, token=claim.token)


def finish(
    claim: Claim,
    *,
    weights: bytes,
    sha256: str,
    manifest: dict[str, object],
    report: Report | Ablation,
    reasons: Sequence[str],
) -> RoundModel:
    """Store what was trained and return the candidate. Without reasons to hold it, the next round
    opens with it; an ablation opens none. Raises LeaseLost."""
    with transaction.atomic():
        rounds.lock()
        candidate = (
            _mine(claim).filter(lease_expires_at__gt=Now()).select_for_update(no_key=True).first()
        )
        if candidate is None:
            raise LeaseLost(f"candidate {claim.candidate_id}")
        now = timezone.now()
        is_ablation = candidate.left_out_contributor is not None
        if not is_ablation:
            RoundModel.objects.filter(state=State.HELD, arm=candidate.arm).update(
                state=State.DISCARDED, decided_by=BY_A_NEWER_ONE, finished_at=now
            )
        Weights.objects.create(model=candidate, data=weights, sha256=sha256)
        candidate.manifest, candidate.reasons = manifest, list(reasons)
        candidate.sentences = [to_json(reason) for reason in reasons]
        if isinstance(report, Report):
            measurements.store(candidate, report)
        else:
            candidate.report = report.as_json()
        candidate.state = (
            State.ABLATED if is_ablation else State.HELD if reasons else State.PROMOTED
        )
        candidate.finished_at, candidate.progress, candidate.lease_expires_at = now, 1.0, None
        candidate.save()
        if candidate.state == State.PROMOTED:
            rounds.open_next(candidate)
        return candidate


def fail(claim: Claim, why: str) -> None:
    """End the training without a model. The open round goes on; the next one starts at the next
    threshold."""
    _mine(claim).update(
        state=State.FAILED, reasons=[why], finished_at=timezone.now(), lease_expires_at=None
    )


def promote(candidate_id: int, by: str, why: str) -> Round:
    """Open the next round with a held candidate, as an admin decided, saying why, and return it;
    the same decision again finds that round. Raises NotHeld."""
    with transaction.atomic():
        rounds.lock()
        candidate = _decide(candidate_id, State.PROMOTED, by, why)
        opened = candidate.rounds.order_by("number").first()
        return opened or rounds.open_next(candidate, by, why)


def discard(candidate_id: int, by: str, why: str) -> RoundModel:
    """Give a held candidate up, as an admin decided, saying why, and return it; so does the same
    decision again. Raises NotHeld."""
    with transaction.atomic():
        rounds.lock()
        return _decide(candidate_id, State.DISCARDED, by, why, finished_at=timezone.now())


def _decide(
    candidate_id: int, state: RoundModel.State, by: str, why: str, **more: datetime
) -> RoundModel:
    candidate = RoundModel.objects.select_for_update(no_key=True).filter(pk=candidate_id).first()
    decided = {"state": state, "decided_by": by, "decided_why": why}
    if candidate and all(getattr(candidate, field) == value for field, value in decided.items()):
        return candidate  # pressed twice
    if candidate is None or candidate.state != State.HELD:
        raise NotHeld(Sentence("This candidate is not held (any more)."))
    changes = {**decided, **more}
    for field, value in changes.items():
        setattr(candidate, field, value)
    candidate.save(update_fields=list(changes))
    return candidate
