"""Submit a drawing, and take it back."""

import hashlib
import json
import math
import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from collector import limits
from collector.drawings import asking, near_duplicates
from collector.errors import Conflict, Forbidden, Refused, TooMany, Unprocessable
from collector.models import (
    PRACTICE,
    Attempt,
    Person,
    Phase,
    Reason,
    Study,
    lock_own_attempt,
    require_open,
)
from collector.rules import verdicts
from trainer import mnist_duplicates, target
from trainer.learning import drawing, raster, similarity
from trainer.learning.sentences import Sentence
from trainer.prepared import Prepared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Status = Attempt.Status
SUBMISSION_WINDOW = timedelta(minutes=1)  # from the model's answer to the row takes no longer
_lot = random.SystemRandom()


@dataclass(frozen=True)
class Submission:
    """What a drawer sends; nothing else that a client says is believed."""

    target_label: int
    drawn: drawing.Drawing
    client_key: str | None = None

    @cached_property
    def body(self) -> bytes:
        """What was sent, in as few bytes as can be."""
        body = [self.target_label, self.drawn.as_json(), self.drawn.width]
        return json.dumps(body, separators=(",", ":")).encode()

    @property
    def sha256(self) -> str:
        """The hash of what was sent, by which the same body is known again."""
        return hashlib.sha256(self.body).hexdigest()


def parse(strokes: object, width: object = drawing.DEFAULT_WIDTH) -> drawing.Drawing:
    """Read the drawing from a request's strokes and width. Raises Refused for what is no drawing,
    Unprocessable for one that nobody could read."""
    try:
        return drawing.parse(strokes, width)
    except drawing.Degenerate as error:
        raise Unprocessable(error.message, field=error.field, code=error.code) from error
    except drawing.InvalidDrawing as error:
        raise Refused(error.message, field=error.field, code=error.code) from error


_STUDY_LOCK = Prepared(Study.objects.select_for_update(no_key=True).all)
_WITH_KEY = Prepared(
    lambda drawer_id, client_key: Attempt.objects.filter(drawer=drawer_id, client_key=client_key),
    uuid.UUID,
    str,
)


def submit(drawer: Person, submission: Submission) -> tuple[Attempt, bool]:
    """Take a drawing; return its attempt, and whether that is new: the same client key and body
    again give the attempt that is there. Practice, before the study starts, is judged and not kept.

    Rasterising and the model's answer come before the one short insert. The attempt keeps the round
    that judged it, even when that round closes a moment later. Raises Conflict, also once the study
    has ended, Forbidden, TooMany, Unprocessable, target.TargetUnavailable.
    """
    if earlier := _same_key(drawer, submission):
        return earlier, False
    try:
        attempt = _submit(drawer, submission)
        return attempt, attempt.status != PRACTICE
    except (Conflict, TooMany):
        if earlier := _same_key(drawer, submission):  # sent twice at once
            return earlier, False
        raise


def _submit(drawer: Person, submission: Submission) -> Attempt:
    _require_consent(drawer)
    limits.take_each(
        str(drawer.pk),
        (limits.SUBMISSIONS_A_MINUTE, raster.shares_of_work(submission.drawn)),
        (limits.SUBMISSIONS_A_DAY, 1),
        (limits.KILOBYTES_A_DAY, math.ceil(len(submission.body) / 1000)),
    )
    limits.leave_room(drawer)
    study = Study.current()
    phase = _require_going_on(study)
    attempt = _judged(drawer, submission, study)
    path = similarity.path_of(attempt.strokes)
    asking.require_not_reading(drawer, path, attempt.pixels)
    if phase == Phase.DRAFT:
        return _as_practice(attempt)
    if not attempt.has_live_preview:
        attempt.has_live_preview = asking.has_asked(drawer, attempt.pixels_sha256, path)
    if attempt.target_label != attempt.predicted_label:
        attempt.shape = similarity.shape(path).tobytes()
    since = attempt.submitted_at - SUBMISSION_WINDOW
    lately = since, attempt.target_label, attempt.round.arm
    seen = near_duplicates.submitted_after(*lately) if attempt.shape else set()
    attempt.near_duplicate_of_id = near_duplicates.find_original(attempt, path)
    attempt.is_mnist_duplicate = mnist_duplicates.is_duplicate(
        raster.picture(attempt.pixels), attempt.target_label
    )
    try:
        with transaction.atomic():
            if attempt.shape or phase != Phase.PLAIN:
                # One after the other: bounds and originals are exact, and none comes after the end.
                [study] = _STUDY_LOCK.ask()
                _require_going_on(study)
            if attempt.shape:
                limits.leave_room(drawer)
                if attempt.near_duplicate_of_id is None:
                    # Comparing takes long, and here everybody waits: only what came meanwhile.
                    now = near_duplicates.submitted_after(*lately)
                    if new := now - seen:
                        attempt.near_duplicate_of_id = near_duplicates.find_original(
                            attempt, path, among=new
                        )
            require_open(drawer)  # who removed all of theirs meanwhile leaves no drawing
            attempt.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            Sentence(
                "Exactly this drawing has already been submitted in this round. Change it a little."
            ),
            code="copy",
        ) from error
    attempt.has_fooled = attempt.shape is not None  # as the database has generated it
    return attempt


def _require_consent(drawer: Person) -> None:
    if drawer.lacks_consent:
        raise Forbidden(
            Sentence(
                "Before you draw on, this study asks for your consent, as its text is now: read it "
                "at {address}, and agree there if you do.",
                address=reverse("consent"),
            ),
            code="consent",
        )


def _same_key(drawer: Person, submission: Submission) -> Attempt | None:
    if submission.client_key is None:
        return None
    earlier = _WITH_KEY.first(drawer.pk, submission.client_key)
    if earlier and earlier.body_sha256 != submission.sha256:
        raise Conflict(
            Sentence("This client key was used for another drawing."),
            field="client_key",
            code="client_key_reused",
        )
    return earlier


def _require_going_on(study: Study) -> Phase:
    """Return how far the study is with its protocol. Raises Conflict once it has ended."""
    phase = study.phase
    if phase == Phase.ENDED:
        raise Conflict(
            Sentence("The study has ended: no drawing is taken any more. Thank you for yours."),
            code="study_ended",
        )
    return phase


def _as_practice(attempt: Attempt) -> Attempt:
    """Give a drawing back as it was judged, which nothing is kept of."""
    attempt.status, attempt.settled_at = PRACTICE, None
    attempt.has_fooled = attempt.target_label != attempt.predicted_label
    return attempt


def _judged(drawer: Person, submission: Submission, study: Study) -> Attempt:
    """Make the attempt as the open round's model judges it, not stored yet. Raises Unprocessable,
    target.TargetUnavailable."""
    pixels = raster.rasterise(submission.drawn)
    try:
        raster.check_ink(pixels)
    except drawing.Degenerate as error:
        raise Unprocessable(error.message, field=error.field, code=error.code) from error
    model = target.current(drawer.arm)
    prediction = model.read(pixels.tobytes())
    fooled = prediction.digit != submission.target_label
    audited = not fooled and (not model.round.has_verdict or _is_chosen(drawer, study))
    moderated = fooled or audited
    now = timezone.now()
    return Attempt(
        drawer=drawer,
        round=model.round,
        submitted_at=now,
        client_key=submission.client_key,
        body_sha256=submission.sha256,
        target_label=submission.target_label,
        predicted_label=prediction.digit,
        probabilities=prediction.probabilities,
        strokes=submission.drawn.as_json(),
        width=submission.drawn.width,
        pixels=pixels.tobytes(),
        pixels_sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
        raster_version=raster.VERSION,
        licence=study.licence,
        has_live_preview=study.has_live_preview and model.round.has_verdict,
        status=Status.PENDING if moderated else Status.NOT_FOOLED,
        is_audited=audited,
        quorum=study.quorum,
        needed_reading_count=verdicts.readings_needed(submission.target_label, [], study.quorum)
        if moderated
        else 0,
        settled_at=None if moderated else now,
    )


def _is_chosen(drawer: Person, study: Study) -> bool:
    """Whether a drawing that did not fool is to be read all the same."""
    return _lot.random() < study.audit_share and limits.may_check(drawer)


def runner_up(attempt: Attempt) -> int:
    """Return the digit that the predicted one won over: the target, or, where the model was right,
    its second choice."""
    if attempt.has_fooled:
        return attempt.target_label
    return max(
        (d for d in range(10) if d != attempt.predicted_label),
        key=attempt.probabilities.__getitem__,
    )


def attribution_map(attempt: Attempt) -> "NDArray[np.float64]":
    """Ask the model that judged a drawing how much each pixel, (28, 28), spoke for the predicted
    digit and against its runner-up. Raises target.TargetUnavailable."""
    return target.of_round(attempt.round.number, attempt.round.arm).attribution(
        attempt.pixels, attempt.predicted_label, runner_up(attempt)
    )


def retract(drawer: Person, attempt_id: uuid.UUID) -> Attempt:
    """Take an own drawing back, as long as they may. Raises NotFound, Conflict."""
    with transaction.atomic():
        attempt = lock_own_attempt(drawer, attempt_id)
        if may_retract(attempt):
            _retract(attempt, timezone.now())
        elif attempt.fate().status != Status.RETRACTED:
            raise Conflict(
                Sentence(
                    "A moderator has already looked at this drawing; it can no longer be taken "
                    "back."
                )
            )
        return attempt


def may_retract(attempt: Attempt) -> bool:
    """Whether its drawer may take a drawing back: a fool as long as nobody has it, or has had it,
    on their screen; what did not fool as long as it is not told that moderators read it."""
    status = attempt.fate().status
    is_unread = status == Status.PENDING and not attempt.readings.exists()
    return status == Status.NOT_FOOLED or is_unread


def _retract(attempt: Attempt, now: datetime) -> None:
    """Take a drawing back. The audit goes on with what the lot chose: its drawer cannot tell it
    from the others, and who takes back what may not choose what is measured."""
    if attempt.is_audited:
        attempt.taken_back_at = now
        attempt.save(update_fields=["taken_back_at"])
        return
    attempt.status, attempt.settled_at = Status.RETRACTED, now
    attempt.needed_reading_count = 0
    attempt.save(update_fields=["status", "settled_at", "needed_reading_count"])
    Reason.objects.filter(attempt=attempt).delete()
