"""What the model makes of a drawing that is not submitted: who may ask, and who did."""

import hashlib
import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from collector import limits
from collector.errors import Forbidden
from collector.models import (
    AskedPrediction,
    Attempt,
    Person,
    Reading,
    Study,
    clock,
    is_told,
    require_open,
)
from collector.rules import arms
from trainer import target
from trainer.learning import drawing, raster, same_ink, similarity
from trainer.learning.sentences import Sentence
from trainer.models import Arm
from trainer.prepared import Prepared

KEPT = timedelta(days=1)
MOST_COMPARED = 2000  # of what a person asked, the newest first
FORGETS_EVERY = 100  # predictions; between two more are kept than are compared
NEARLY_THE_SAME = 0.9  # alikeness of shapes: 2 in 100 pairs of two people's digits are as alike
READING_BLOCKS = timedelta(hours=1)  # from taking a drawing to read


def predict(
    drawn: drawing.Drawing, asker: Person | None, who: str
) -> tuple[int, target.Prediction]:
    """Give the open round's number and what its model makes of a drawing. Remember, for a day, that
    `asker` (None: a stranger) could see it, unless the draw page shows it anyway.

    `who` is counted for one prediction already, and here for a drawing that takes as long as
    several. Raises Forbidden where the asker's arm of the study has no verdict, or while they have
    a drawing to read, TooMany, target.TargetUnavailable.
    """
    if asker and not is_told(asker.arm):
        raise Forbidden(arms.NOT_TOLD, code="no_verdict")
    if asker and _to_read(asker):
        raise Forbidden(
            Sentence(
                "You have a drawing to read. The model is asked nothing meanwhile, so that your "
                "eyes alone decide: read it first."
            ),
            code="reading",
        )
    if further := raster.shares_of_work(drawn) - 1:
        limits.take(limits.PREDICTIONS_A_MINUTE, who, further)
    model = target.current(asker.arm if asker else Arm.DYNAMIC)
    pixels = raster.rasterise(drawn).tobytes()
    prediction = model.read(pixels)
    if asker and not Study.current().has_live_preview:
        shape = similarity.shape(similarity.path_of(drawn.as_json())).tobytes()
        with transaction.atomic():
            require_open(asker)
            asked = AskedPrediction.objects.create(
                person=asker, pixels_sha256=hashlib.sha256(pixels).hexdigest(), shape=shape
            )
        if asked.pk % FORGETS_EVERY == 0:
            _forget_all_but_the_newest(asker)
    return model.number, prediction


def _forget_all_but_the_newest(person: Person) -> None:
    asked = AskedPrediction.objects.filter(person=person)
    newest = asked.order_by("-asked_at").values_list("asked_at", flat=True)
    if oldest_compared := newest[MOST_COMPARED - 1 : MOST_COMPARED].first():
        asked.filter(asked_at__lt=oldest_compared).delete()


_ASKED = Prepared(
    lambda person_id, since: (
        AskedPrediction.objects.filter(person=person_id, asked_at__gt=since)
        .order_by("-asked_at")
        .values_list("pixels_sha256", "shape")
    ),
    uuid.UUID,
    datetime,
)


def has_asked(person: Person, pixels_sha256: str, path: similarity.Path) -> bool:
    """Whether a person asked, within a day, for a prediction of a drawing with these pixels, or of
    one whose path is nearly this."""
    newest = _ASKED.ask(person.pk, timezone.now() - KEPT)
    if any(sha256 == pixels_sha256 for sha256, _ in newest):
        return True
    if not newest:
        return False
    shapes = similarity.shapes(shape for _, shape in newest[:MOST_COMPARED])
    alike, _ = similarity.alikeness(path, shapes)
    return bool((alike >= NEARLY_THE_SAME).any())


def require_not_reading(person: Person, path: similarity.Path, pixels: bytes | memoryview) -> None:
    """Raise Forbidden where a path, or what comes of it, is nearly that of a drawing which the
    person has to read: the answer to a submission would tell what the model says of it."""
    shown = [reading.drawing for reading in _to_read(person) if reading.drawing.strokes]
    if not shown:
        return
    shapes = similarity.shapes(
        similarity.shape(similarity.path_of(each.strokes)).tobytes() for each in shown
    )
    alike, _ = similarity.alikeness(path, shapes)
    pictures = raster.pictures(each.pixels for each in shown)
    is_again = same_ink.find(raster.picture(pixels), pictures) is not None
    if is_again or (alike >= NEARLY_THE_SAME).any():
        raise Forbidden(
            Sentence(
                "This looks like the drawing that you have to read. Read that first, so that your "
                "eyes alone decide."
            ),
            code="reading",
        )


def _to_read(person: Person) -> list[Reading]:
    """Return what a person took to read in the last hour and has not read: also where the lease ran
    out, so that nobody asks between two leases."""
    return _TAKEN.ask(person.pk, clock.now() - READING_BLOCKS)


_TAKEN = Prepared(
    lambda person_id, since: Reading.objects.filter(
        Q(attempt=None) | Q(attempt__status=Attempt.Status.PENDING),
        moderator=person_id,
        answer=None,
        leased_at__gt=since,
    ),
    uuid.UUID,
    datetime,
)
