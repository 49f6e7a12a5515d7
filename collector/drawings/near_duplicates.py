"""Near-duplicates of earlier fools, by anybody: taken, marked, and counted for nothing."""

import uuid
from datetime import datetime

from django.db.models import QuerySet

from collector.models import Attempt
from trainer.learning import raster, same_ink, similarity

Rows = dict[uuid.UUID, tuple[bytes | memoryview, bytes | memoryview]]  # shape and pixels
OF_ANYBODY, OF_THE_DRAWER = 1000, 1000  # earlier fools of the digit, the newest first


def submitted_after(since: datetime, target_label: int) -> set[uuid.UUID]:
    """Return the ids of the fools of a digit that were submitted after `since`."""
    fools = Attempt.objects.filter(has_fooled=True, target_label=target_label)
    return set(fools.filter(submitted_at__gt=since).values_list("pk", flat=True))


def find_original(
    attempt: Attempt, path: similarity.Path, among: set[uuid.UUID] | None = None
) -> uuid.UUID | None:
    """Return the id of the earlier fool of the same digit that `attempt`, which need not be stored
    yet and has this `path`, nearly duplicates; None where it is an original.

    The very same pixels are found however old they are. What is nearly the same is looked for among
    the newest `OF_ANYBODY` fools of any round, and the newest `OF_THE_DRAWER` of the drawer's own,
    or `among` these alone.
    """
    earlier = Attempt.objects.filter(has_fooled=True, target_label=attempt.target_label)
    earlier = earlier.exclude(status=Attempt.Status.RETRACTED).exclude(pk=attempt.pk)
    same = earlier.filter(pixels_sha256=attempt.pixels_sha256).order_by("submitted_at", "pk")
    if same_id := same.values_list("pk", flat=True).first():
        return same_id
    earlier = earlier.filter(shape__isnull=False).order_by("-submitted_at")
    if among is not None:
        earlier = earlier.filter(pk__in=among)
    anybodys, own = _newest(earlier, attempt.drawer_id)
    alike = {
        **_most_alike(path, anybodys, similarity.LOOKED_AT),
        **_most_alike(path, own, similarity.LOOKED_AT_OF_OWN),
    }
    return _by_path(attempt, path, alike) or _by_picture(attempt, {**own, **anybodys})


def _by_path(
    attempt: Attempt, path: similarity.Path, alike: dict[uuid.UUID, float]
) -> uuid.UUID | None:
    """Return the id of the one of these drawings, given with their turns, beside whose path this
    one runs the nearest, if near enough."""
    looked_at = Attempt.objects.filter(pk__in=alike, removed_at=None)  # which may be a moment ago
    if not (rows := list(looked_at.values_list("pk", "drawer", "strokes"))):
        return None
    distances = similarity.compare(
        path,
        [similarity.path_of(strokes) for _, _, strokes in rows],
        [alike[pk] for pk, _, _ in rows],
    )
    originals = (
        (distance.mapped, pk)
        for distance, (pk, drawer, _) in zip(distances, rows, strict=True)
        if distance.is_near(attempt.target_label, is_own=drawer == attempt.drawer_id)
    )
    return min(originals, default=(0, None))[1]


def _by_picture(attempt: Attempt, earlier: Rows) -> uuid.UUID | None:
    """Return the id of the earlier drawing whose ink this one's is by other strokes: gone over
    again, in thin lines side by side, in dots."""
    pictures = raster.pictures([pixels for _, pixels in earlier.values()])
    place = same_ink.find(raster.picture(attempt.pixels), pictures, attempt.target_label)
    if place is None:
        return None
    looked_at = Attempt.objects.filter(pk=list(earlier)[place], removed_at=None)  # as above
    return looked_at.values_list("pk", flat=True).first()


def _newest(earlier: QuerySet[Attempt], drawer_id: uuid.UUID) -> tuple[Rows, Rows]:
    """Return the newest of anybody's drawings and of a drawer's own."""
    rows = earlier.values_list("pk", "shape", "pixels", "drawer")
    found = list(rows[:OF_ANYBODY])
    own = [row for row in found if row[3] == drawer_id]
    if len(found) == OF_ANYBODY:  # there are more
        own = list(rows.filter(drawer=drawer_id)[:OF_THE_DRAWER])
    anybodys, of_drawer = (
        {pk: (shape, pixels) for pk, shape, pixels, _ in part if shape} for part in (found, own)
    )
    return anybodys, of_drawer


def _most_alike(path: similarity.Path, earlier: Rows, count: int) -> dict[uuid.UUID, float]:
    """Return the ids of the `count` earlier drawings whose shapes are the most alike, each with the
    turn at which it is."""
    ids, shapes = list(earlier), similarity.shapes(shape for shape, _ in earlier.values())
    return {ids[place]: turn for place, turn in similarity.most_alike(path, shapes, count)}
