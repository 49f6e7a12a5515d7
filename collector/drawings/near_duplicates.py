"""Near-copies of earlier fools, by anybody: they are taken, marked, and earn nothing."""

import uuid
from datetime import datetime

import numpy as np

from collector.models import Attempt
from trainer.learning import raster, similarity

AMONG = 1000  # the newest fools of the same digit
CLOSEST = 30


def find_original(attempt: Attempt, since: datetime | None = None) -> uuid.UUID | None:
    """The earlier fool of the same digit that a new one nearly is, most alike first; None where it
    is one of its own.

    Looks at the newest `AMONG`, in any round, submitted `since`.
    """
    earlier = Attempt.objects.filter(
        has_fooled=True, target_label=attempt.target_label, removed_at=None
    )
    earlier = earlier.exclude(status=Attempt.Status.RETRACTED).order_by("-submitted_at")
    if since:
        earlier = earlier.filter(submitted_at__gt=since)
    rows = list(earlier.values_list("pk", "pixels")[:AMONG])
    if not rows:
        return None
    alike = similarity.resemblance(
        raster.picture(attempt.pixels), raster.pictures(pixels for _, pixels in rows)
    )
    close = [
        rows[place][0]
        for place in np.argsort(-alike)[:CLOSEST]
        if alike[place] >= similarity.WORTH_A_LOOK
    ]
    strokes = dict(Attempt.objects.filter(pk__in=close).values_list("pk", "strokes"))
    copied = (
        pk
        for pk in close
        if similarity.is_near_duplicate(attempt.strokes, strokes[pk], attempt.target_label)
    )
    return next(copied, None)
