"""Near-duplicates of earlier fools, by anybody: taken, marked, and counted for nothing."""

import json
import uuid
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from collector.models import Attempt
from trainer.learning import raster, same_ink, similarity
from trainer.prepared import Prepared

Rows = dict[uuid.UUID, tuple[bytes | memoryview, bytes | memoryview]]  # shape and pixels
OF_ANYBODY, OF_THE_DRAWER = 1000, 1000  # earlier fools of the digit, the newest first


def submitted_after(since: datetime, target_label: int) -> set[uuid.UUID]:
    """Return the ids of the fools of a digit that were submitted after `since`."""
    return set(_SUBMITTED_AFTER.ask(target_label, since))


def find_original(
    attempt: Attempt, path: similarity.Path, among: set[uuid.UUID] | None = None
) -> uuid.UUID | None:
    """Return the id of the earlier fool of the same digit that `attempt`, which is not stored yet
    and has this `path`, nearly duplicates; None where it is an original.

    The very same pixels are found however old they are. What is nearly the same is looked for among
    the newest `OF_ANYBODY` fools of any round, and the newest `OF_THE_DRAWER` of the drawer's own,
    or `among` these alone.
    """
    same = _SAME_PIXELS.ask(attempt.target_label, attempt.pixels_sha256)
    if first := min(same, default=None):
        return first[1]
    anybodys, own = _newest(attempt, among)
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
    if not (rows := _kept(list(alike))):
        return None
    distances = similarity.compare(
        path, [_path(strokes) for _, _, strokes in rows], [alike[pk] for pk, _, _ in rows]
    )
    originals = (
        (distance.mapped, pk)
        for distance, (pk, drawer, _) in zip(distances, rows, strict=True)
        if distance.is_near(attempt.target_label, is_own=drawer == attempt.drawer_id)
    )
    return min(originals, default=(0, None))[1]


@lru_cache(maxsize=2048)  # some 10 kB each
def _path(strokes: str) -> similarity.Path:
    return similarity.path_of(json.loads(strokes))


def _by_picture(attempt: Attempt, earlier: Rows) -> uuid.UUID | None:
    """Return the id of the earlier drawing whose ink this one's is by other strokes: gone over
    again, in thin lines side by side, in dots."""
    pictures = raster.pictures([pixels for _, pixels in earlier.values()])
    place = same_ink.find(raster.picture(attempt.pixels), pictures, attempt.target_label)
    kept = [] if place is None else _kept([list(earlier)[place]])
    return kept[0][0] if kept else None


def _newest(attempt: Attempt, among: set[uuid.UUID] | None) -> tuple[Rows, Rows]:
    """Return the newest of anybody's drawings and of the drawer's own, or those `among` these."""
    if among is None:
        found = _newest_of_anybody(OF_ANYBODY).ask(attempt.target_label)
    else:
        found = list(_earlier(attempt.target_label).filter(pk__in=among))
    own = [row for row in found if row[3] == attempt.drawer_id]
    if len(found) == OF_ANYBODY:  # there are more
        own = _newest_own(OF_THE_DRAWER).ask(attempt.target_label, attempt.drawer_id)
    anybodys, of_drawer = (
        {pk: (shape, pixels) for pk, shape, pixels, _ in part if shape} for part in (found, own)
    )
    return anybodys, of_drawer


def _most_alike(path: similarity.Path, earlier: Rows, count: int) -> dict[uuid.UUID, float]:
    """Return the ids of the `count` earlier drawings whose shapes are the most alike, each with the
    turn at which it is."""
    ids, shapes = list(earlier), similarity.shapes(shape for shape, _ in earlier.values())
    return {ids[place]: turn for place, turn in similarity.most_alike(path, shapes, count)}


def _kept(ids: list[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID, str]]:
    """Return these drawings' ids, drawers and strokes (JSON), but of those that were removed, it
    may be a moment ago."""
    return _KEPT.ask(*ids, *ids[-1:] * (_MOST - len(ids))) if ids else []


def _fools(target_label: int) -> QuerySet[Attempt]:
    return Attempt.objects.filter(has_fooled=True, target_label=target_label)


def _earlier(target_label: int) -> QuerySet[Attempt, tuple[Any, ...]]:
    """Give the fools of a digit that were not taken back, newest first."""
    earlier = _fools(target_label).exclude(status=Attempt.Status.RETRACTED)
    earlier = earlier.filter(shape__isnull=False).order_by("-submitted_at")
    return earlier.values_list("pk", "shape", "pixels", "drawer")


@cache
def _newest_of_anybody(count: int) -> Prepared[tuple[Any, ...]]:
    return Prepared(lambda label: _earlier(label)[:count], int)


@cache
def _newest_own(count: int) -> Prepared[tuple[Any, ...]]:
    def build(label: int, drawer_id: uuid.UUID) -> QuerySet[Attempt, tuple[Any, ...]]:
        return _earlier(label).filter(drawer=drawer_id)[:count]

    return Prepared(build, int, uuid.UUID)


_MOST = similarity.LOOKED_AT + similarity.LOOKED_AT_OF_OWN
_SUBMITTED_AFTER = Prepared(
    lambda label, since: _fools(label).filter(submitted_at__gt=since).values_list("pk", flat=True),
    int,
    datetime,
)
# Few, if any. Asked for in order, SQLite would read along all the fools of the digit.
_SAME_PIXELS = Prepared(
    lambda label, sha256: (
        _fools(label)
        .filter(pixels_sha256=sha256)
        .exclude(status=Attempt.Status.RETRACTED)
        .values_list("submitted_at", "pk")
    ),
    int,
    str,
)
_KEPT = Prepared(
    lambda *ids: (
        Attempt.objects.filter(pk__in=ids, removed_at=None)
        .annotate(text=Cast("strokes", TextField()))
        .values_list("pk", "drawer", "text")
    ),
    *[uuid.UUID] * _MOST,
)
