"""Near-duplicates of earlier fools, by anybody in the same arm of the study: taken, marked, and
counted for nothing."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, lru_cache
from typing import TypeVar

import numpy as np
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from numpy.typing import NDArray

from collector.models import Allocation, Attempt
from trainer.learning import raster, same_ink, similarity
from trainer.prepared import Prepared


@dataclass(frozen=True)
class _Fools:
    """Earlier drawings by their ids, as the database writes them, and what they are compared by:
    shapes (n, 400) and pictures. 2.3 kB each."""

    ids: list[str]
    shapes: NDArray[np.uint8]
    pictures: same_ink.Prepared

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each is."""
        return {pk: place for place, pk in enumerate(self.ids)}

    def with_only(self, ids: list[str]) -> "_Fools":
        """Give those with these ids, in this order, of which only those that are not here are read;
        one that was removed in this moment is missing."""
        if ids == self.ids:
            return self
        new = _read([pk for pk in ids if pk not in self.places])
        places = self.places | {pk: len(self.ids) + place for pk, place in new.places.items()}
        found = [pk for pk in ids if pk in places]
        order = [places[pk] for pk in found]
        shapes = np.concatenate([self.shapes, new.shapes])[order]
        return _Fools(found, shapes, self.pictures.joined(new.pictures, order))


# Of each digit's fools in an arm what this process compared with last, a thousand at most. A
# drawing never changes: which ones count is asked each time, and only new ones are read.
_known: dict[tuple[int, str], _Fools] = {}
Id = TypeVar("Id", str, uuid.UUID)
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
    fools, anybodys, own = _newest(attempt, among)
    alike = _most_alike(path, fools, anybodys, own)
    return _by_path(attempt, path, alike) or _by_picture(attempt, fools, own)


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


def _by_picture(attempt: Attempt, fools: _Fools, own: list[int]) -> uuid.UUID | None:
    """Return the id of the earlier drawing, the drawer's `own` first, whose ink this one's is by
    other strokes: gone over again, in thin lines side by side, in dots."""
    place = same_ink.find_prepared(
        raster.picture(attempt.pixels), fools.pictures, attempt.target_label, own
    )
    kept = [] if place is None else _kept([uuid.UUID(fools.ids[place])])
    return kept[0][0] if kept else None


def _newest(
    attempt: Attempt, among: set[uuid.UUID] | None
) -> tuple[_Fools, NDArray[np.int64], list[int]]:
    """Return drawings, and where the newest of anybody's are among them and those of the drawer's
    own, or those `among` these. What is read of anybody's is kept for the next."""
    label, arm, drawer_id = attempt.target_label, attempt.round.arm, attempt.drawer_id
    if among is None:
        anybodys = _newest_of_anybody(OF_ANYBODY).ask(label, arm)
        own = _newest_own(OF_THE_DRAWER).ask(label, drawer_id)
    else:
        these = _earlier(_fools(label)).filter(pk__in=among)
        anybodys, own = list(these), list(these.filter(drawer=drawer_id))
    fools = _known.get((label, arm), _NONE).with_only(anybodys)
    if among is None:
        _known[label, arm] = fools
    of_anybody = np.arange(len(fools.ids))
    if older := [pk for pk in own if pk not in fools.places]:
        fools = fools.with_only([*fools.ids, *older])
    return fools, of_anybody, [fools.places[pk] for pk in own if pk in fools.places]


def _read(ids: list[str]) -> _Fools:
    """Read these drawings; one that was removed in this moment is missing."""
    if not ids:
        return _NONE
    if len(ids) > _MOST:
        rows = list(_compared(*ids))
    else:
        rows = _COMPARED.ask(*map(uuid.UUID, _filled(ids)))
    return _Fools(
        [pk for pk, _, _ in rows],
        similarity.shapes(shape or b"" for _, shape, _ in rows),
        same_ink.prepare(raster.pictures(pixels for _, _, pixels in rows)),
    )


_NONE = _Fools([], similarity.shapes([]), same_ink.prepare(raster.pictures([])))


def _most_alike(
    path: similarity.Path, fools: _Fools, anybodys: NDArray[np.int64], own: list[int]
) -> dict[uuid.UUID, float]:
    """Return the ids of the drawings whose shapes are the most alike, of anybody's and of the
    drawer's own, each with the turn at which it is."""
    if not fools.ids:
        return {}
    alike, turns = similarity.alikeness(path, fools.shapes)
    of_anybody = anybodys[np.argsort(-alike[anybodys])[: similarity.LOOKED_AT]]
    of_own = np.array(own, np.int64)[np.argsort(-alike[own])[: similarity.LOOKED_AT_OF_OWN]]
    return {
        uuid.UUID(fools.ids[place]): float(turns[place])
        for place in [*of_anybody.tolist(), *of_own.tolist()]
    }


def _kept(ids: list[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID, str]]:
    """Return these drawings' ids, drawers and strokes (JSON), but of those that were removed, it
    may be a moment ago."""
    return _KEPT.ask(*_filled(ids)) if ids else []


def _filled(ids: list[Id]) -> list[Id]:
    """Give these ids, `_MOST` or fewer, the last of them so often that they are `_MOST`."""
    return ids + ids[-1:] * (_MOST - len(ids))


def _compared(*ids: str | uuid.UUID) -> QuerySet[Attempt, tuple[str, bytes | None, bytes]]:
    """Give ids, shapes and pictures of these drawings, but of those that were removed."""
    read = Attempt.objects.filter(pk__in=ids, shape__isnull=False)
    return read.values_list(Cast("pk", TextField()), "shape", "pixels")


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
_COMPARED = Prepared(_compared, *[uuid.UUID] * _MOST)
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
