"""Near-duplicates of earlier fools, by anybody in the same arm of the study: taken, marked, and
counted for nothing."""

import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from collector.models import Allocation, Attempt
from trainer.learning import raster, same_ink, similarity
from trainer.prepared import Prepared


class _Fool(NamedTuple):
    """What an earlier drawing is compared by: its shape, and its picture as that is prepared."""

    shape: bytes
    picture: bytes


Rows = dict[str, _Fool]  # by the attempt's id, as the database writes it
# Of each digit's fools in an arm what this process compared with last. A drawing never changes:
# which ones count is asked each time, and only those that are not here are read.
_known: dict[tuple[int, str], Rows] = {}
OF_ANYBODY, OF_THE_DRAWER = 1000, 1000  # earlier fools of the digit, the newest first


def submitted_after(since: datetime, target_label: int, arm: str) -> set[uuid.UUID]:
    """Return the ids of an arm's fools of a digit, removed ones aside, that were submitted after
    `since`."""
    return set(_SUBMITTED_AFTER.ask(target_label, arm, since))


def find_original(
    attempt: Attempt, path: similarity.Path, among: set[uuid.UUID] | None = None
) -> uuid.UUID | None:
    """Return the id of the earlier fool of the same digit that `attempt`, which is not stored yet
    and has this `path`, nearly duplicates; None where it is an original.

    The very same pixels are found however old they are. What is nearly the same is looked for among
    the newest `OF_ANYBODY` fools of any round, and the newest `OF_THE_DRAWER` of the drawer's own,
    or `among` these alone.
    """
    same = _SAME_PIXELS.ask(attempt.target_label, attempt.round.arm, attempt.pixels_sha256)
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
    pictures = np.frombuffer(b"".join(fool.picture for fool in earlier.values()), np.uint16)
    place = same_ink.find_prepared(
        raster.picture(attempt.pixels),
        pictures.reshape(len(earlier), raster.SIDE**2),
        attempt.target_label,
    )
    kept = [] if place is None else _kept([uuid.UUID(list(earlier)[place])])
    return kept[0][0] if kept else None


def _newest(attempt: Attempt, among: set[uuid.UUID] | None) -> tuple[Rows, Rows]:
    """Return the newest of anybody's drawings and of the drawer's own, or those `among` these. What
    is read of all is kept for the next."""
    label, arm, drawer_id = attempt.target_label, attempt.round.arm, attempt.drawer_id
    if among is None:
        anybodys = _newest_of_anybody(OF_ANYBODY).ask(label, arm)
        own = _newest_own(OF_THE_DRAWER).ask(label, drawer_id)
    else:
        these = _earlier(_fools(label)).filter(pk__in=among)
        anybodys, own = list(these), list(these.filter(drawer=drawer_id))
    known = _known.get((label, arm), {})
    if new := {*anybodys, *own} - known.keys():
        known = known | _read(new)
    of_anybody, of_drawer = (
        {pk: known[pk] for pk in pks if pk in known} for pks in (anybodys, own)
    )
    if among is None:
        _known[label, arm] = of_anybody
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


def _kept(ids: list[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID, str]]:
    """Return these drawings' ids, drawers and strokes (JSON), but of those that were removed, it
    may be a moment ago."""
    return _KEPT.ask(*ids, *ids[-1:] * (_MOST - len(ids))) if ids else []


def _fools(target_label: int) -> QuerySet[Attempt]:
    return Attempt.objects.filter(has_fooled=True, target_label=target_label)


def _in_arm(target_label: int, arm: str) -> QuerySet[Attempt]:
    return _fools(target_label).exclude(drawer__in=Allocation.elsewhere(arm))


def _earlier(fools: QuerySet[Attempt]) -> QuerySet[Attempt, str]:
    """Give the ids of those of these fools that were not taken back, newest first."""
    earlier = fools.exclude(status=Attempt.Status.RETRACTED)
    earlier = earlier.filter(shape__isnull=False).order_by("-submitted_at")
    return earlier.values_list(Cast("pk", TextField()), flat=True)


@cache
def _newest_of_anybody(count: int) -> Prepared[str]:
    return Prepared(lambda label, arm: _earlier(_in_arm(label, arm))[:count], int, str)


@cache
def _newest_own(count: int) -> Prepared[str]:
    return Prepared(
        lambda label, drawer_id: _earlier(_fools(label)).filter(drawer=drawer_id)[:count],
        int,
        uuid.UUID,
    )


_MOST = similarity.LOOKED_AT + similarity.LOOKED_AT_OF_OWN
_SUBMITTED_AFTER = Prepared(
    lambda label, arm, since: (
        _in_arm(label, arm)
        .filter(shape__isnull=False, submitted_at__gt=since)
        .values_list("pk", flat=True)
    ),
    int,
    str,
    datetime,
)
# Few, if any. Asked for in order, SQLite would read along all the fools of the digit.
_SAME_PIXELS = Prepared(
    lambda label, arm, sha256: (
        _in_arm(label, arm)
        .filter(pixels_sha256=sha256)
        .exclude(status=Attempt.Status.RETRACTED)
        .values_list("submitted_at", "pk")
    ),
    int,
    str,
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
