"""Near-duplicates of earlier fools, by anybody: taken, marked, and counted for nothing."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from collector.models import Attempt
from trainer.learning import raster, same_ink, similarity


class _Fool(NamedTuple):
    """What an earlier drawing is compared by: its shape, and its picture as that is prepared."""

    shape: bytes
    picture: bytes


Rows = dict[str, _Fool]  # by the attempt's id, as the database writes it
# Of each digit's fools what this process compared with last. A drawing never changes: which ones
# count is asked each time, and only those that are not here are read.
_known: dict[int, Rows] = {}
OF_ANYBODY, OF_THE_DRAWER = 1000, 1000  # earlier fools of the digit, the newest first


def submitted_after(since: datetime, target_label: int) -> set[uuid.UUID]:
    """Return the ids of the fools of a digit, removed ones aside, that were submitted after
    `since`."""
    fools = Attempt.objects.filter(has_fooled=True, target_label=target_label, shape__isnull=False)
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
    # Few, if any. Asked for in order, SQLite would read along all the fools of the digit.
    same = earlier.filter(pixels_sha256=attempt.pixels_sha256).values_list("submitted_at", "pk")
    if first := min(same, default=None):
        return first[1]
    earlier = earlier.filter(shape__isnull=False).order_by("-submitted_at")
    if among is not None:
        earlier = earlier.filter(pk__in=among)
    anybodys, own = _newest(earlier, attempt, are_all=among is None)
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
    pictures = np.frombuffer(b"".join(fool.picture for fool in earlier.values()), np.uint16)
    place = same_ink.find_prepared(
        raster.picture(attempt.pixels),
        pictures.reshape(len(earlier), raster.SIDE**2),
        attempt.target_label,
    )
    if place is None:
        return None
    looked_at = Attempt.objects.filter(pk=list(earlier)[place], removed_at=None)  # as above
    return looked_at.values_list("pk", flat=True).first()


def _newest(earlier: QuerySet[Attempt], attempt: Attempt, *, are_all: bool) -> tuple[Rows, Rows]:
    """Return the newest of anybody's drawings and of the drawer's own. `are_all`: not only some are
    asked for, and what is read is kept for the next."""
    rows = earlier.values_list(Cast("pk", TextField()), flat=True)
    anybodys = list(rows[:OF_ANYBODY])
    own = list(rows.filter(drawer=attempt.drawer_id)[:OF_THE_DRAWER])
    known = _known.get(attempt.target_label, {})
    known = known | _read({*anybodys, *own} - known.keys())
    of_anybody, of_drawer = (
        {pk: known[pk] for pk in pks if pk in known} for pks in (anybodys, own)
    )
    if are_all:
        _known[attempt.target_label] = of_anybody
    return of_anybody, of_drawer


def _read(pks: Iterable[str]) -> Rows:
    """Read these drawings; one that was removed in this moment is missing."""
    read = Attempt.objects.filter(pk__in=list(pks), shape__isnull=False)
    rows = list(read.values_list(Cast("pk", TextField()), "shape", "pixels"))
    prepared = same_ink.prepare(raster.pictures(pixels for _, _, pixels in rows))
    return {
        pk: _Fool(bytes(shape or b""), picture.tobytes())
        for (pk, shape, _), picture in zip(rows, prepared, strict=True)
    }


def _most_alike(path: similarity.Path, earlier: Rows, count: int) -> dict[uuid.UUID, float]:
    """Return the ids of the `count` earlier drawings whose shapes are the most alike, each with the
    turn at which it is."""
    ids, shapes = list(earlier), similarity.shapes(fool.shape for fool in earlier.values())
    return {
        uuid.UUID(ids[place]): turn for place, turn in similarity.most_alike(path, shapes, count)
    }
