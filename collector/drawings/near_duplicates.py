"""Near-duplicates of earlier fools, by anybody: they are taken, marked, and earn nothing."""

import uuid
from datetime import datetime

import numpy as np

from collector.models import Attempt
from trainer.learning import raster, similarity

CANDIDATES_COMPARED = 1000  # the newest fools of the same digit, by their pixels
CLOSEST = 30  # of them, also by their strokes


def find_original(attempt: Attempt, since: datetime | None = None) -> uuid.UUID | None:
    """Return the id of the earlier fool of the same digit that `attempt`, which need not be stored
    yet, nearly duplicates, the most alike one; None where it is an original.

    Compares the newest `CANDIDATES_COMPARED` of any round, or those submitted after `since`.
    """
    earlier = Attempt.objects.filter(
        has_fooled=True, target_label=attempt.target_label, removed_at=None
    )
    earlier = earlier.exclude(status=Attempt.Status.RETRACTED).order_by("-submitted_at")
    if since:
        earlier = earlier.filter(submitted_at__gt=since)
    candidates = list(earlier.values_list("pk", "pixels")[:CANDIDATES_COMPARED])
    if not candidates:
        return None
    alike = similarity.resemblance(
        raster.picture(attempt.pixels), raster.pictures(pixels for _, pixels in candidates)
    )
    close = [
        candidates[place][0]
        for place in np.argsort(-alike)[:CLOSEST]
        if alike[place] >= similarity.WORTH_A_LOOK
    ]
    # Pixels are cheap to compare and settle nothing alone; strokes are loaded of the closest only.
    strokes = dict(Attempt.objects.filter(pk__in=close).values_list("pk", "strokes"))
    originals = (
        pk
        for pk in close
        if similarity.is_near_duplicate(attempt.strokes, strokes[pk], attempt.target_label)
    )
    return next(originals, None)
