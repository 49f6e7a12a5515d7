"""The three tables of a release, written as Parquet a group of rows at a time, each in the order of
its ids: constant memory, and the same rows give the same bytes."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from collector.data import release_columns
from collector.data.release_columns import ATTEMPTS, READINGS, SAMPLES
from collector.drawings.public import public
from collector.errors import Refused
from collector.models import Attempt, Decision, Person, Reading
from trainer import samples
from trainer.learning.png import pngs
from trainer.models import Arm, Contributor, RoundModel, Sample

ROWS = 1000  # in a group, and in memory
IDS = 50 * ROWS  # in memory
Row = dict[str, Any]


def of_rounds(number: int) -> dict[str, object]:
    """What is asked for of a drawing or sample of a release's rounds."""
    return {"round__number__lte": number, "round__arm": Arm.DYNAMIC}


@dataclass(frozen=True)
class Scope:
    """What a release is of: the dynamic arm's rounds up to `number`, with pseudonyms by `key`. What
    people of other arms drew is not told before a study ends."""

    number: int
    model: RoundModel
    key: bytes

    def pseudonym(self, kind: str, who: UUID) -> str:
        """Return what somebody is called in this release, as a drawer or as a reader: by no other
        release, nor by the other kind, can it be told that it is the same person."""
        if (known := self._pseudonyms.get((kind, who))) is None:
            known = hmac.digest(self.key, f"{kind} {who}".encode(), "sha256").hex()[:16]
            self._pseudonyms[kind, who] = known
        return known

    @cached_property
    def _pseudonyms(self) -> dict[tuple[str, UUID], str]:
        """Those who came by a release are called as it calls them."""
        came = Person.objects.exclude(pseudonym=None).values_list("contributor", "pseudonym")
        told = ((who, pseudonym or "") for who, pseudonym in came.iterator())
        return {(kind, who): name for who, name in told for kind in ("drawer", "reader")}

    def attempts(self) -> QuerySet[Attempt]:
        """Return the attempts that are released: all that are not removed, and wait no longer."""
        found = Attempt.objects.filter(removed_at=None, **of_rounds(self.number))
        return found.exclude(status=Attempt.Status.PENDING)

    def readings(self) -> QuerySet[Reading]:
        """Return the answers given about those attempts, as such or as hidden gold."""
        # Looked up row by row: a list of all attempts would be made anew for each group of rows.
        as_such = Exists(self.attempts().filter(pk=OuterRef("attempt")))
        as_gold = Exists(self.attempts().filter(pk=OuterRef("gold__attempt")))
        return Reading.objects.filter(
            as_such | Q(as_gold, gold__is_practice=False), answer__isnull=False
        )

    def samples(self) -> QuerySet[Sample]:
        """Return the samples of those rounds that are still there, and those that the model was
        trained on, also where they are withdrawn."""
        found = Sample.objects.filter(removed_at=None, **of_rounds(self.number))
        return with_trained_on(found, self.model).filter(
            Q(withdrawn_at=None) | Q(is_trained_on=True)
        )


def with_trained_on(found: QuerySet[Sample], model: RoundModel) -> QuerySet[Sample]:
    """Add to each sample whether a model was trained on it, as the table of samples says it."""
    trained_on = samples.trained_on(model).order_by().filter(pk=OuterRef("pk"))
    return found.annotate(is_trained_on=Exists(trained_on))


def require_pyarrow() -> None:
    """Raise Refused where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise Refused(
            "A release needs pyarrow, which a site does not have by itself. Install it: "
            ".venv/bin/python -m pip install -r requirements-release.txt"
        )


def write(scope: Scope, name: str, path: Path) -> int:
    """Write the table `name` to a new file and return how many rows it has. Raises Refused where
    pyarrow is not installed."""
    require_pyarrow()
    import pyarrow
    from pyarrow import parquet

    schema, row_count = release_columns.schema(name), 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _ROWS[name](scope):
            writer.write_batch(pyarrow.RecordBatch.from_pylist(group, schema=schema))
            row_count += len(group)
    return row_count


def _by_id(found: QuerySet[Any], rows: QuerySet[Any], fields: Sequence[str]) -> Iterator[list[Row]]:
    """Yield what is found as `rows` have it, in the order of the ids, a group by each query: by ids
    alone, or the database may go through all that is found for each group."""
    for ids in _ids(found):
        yield list(rows.filter(pk__in=ids).order_by("pk").values(*fields))


def _ids(found: QuerySet[Any]) -> Iterator[list[UUID]]:
    """Yield the ids in their order, as many as a group has. They are looked up far ahead: what is
    left is sorted anew by each query."""
    ahead = list(found.order_by("pk").values_list("pk", flat=True)[:IDS])
    while ahead:
        yield from (ahead[n : n + ROWS] for n in range(0, len(ahead), ROWS))
        further = found.filter(pk__gt=ahead[-1]).order_by("pk")
        ahead = list(further.values_list("pk", flat=True)[:IDS])


def _attempts(scope: Scope) -> Iterator[list[Row]]:
    decided = Decision.objects.filter(attempt=OuterRef("pk"))
    splits = Contributor.objects.filter(pk=OuterRef("drawer__contributor"))
    told = Attempt.objects.annotate(
        number=F("round__number"),
        arm=F("round__arm"),
        contributor=F("drawer__contributor"),
        name=F("drawer__username"),
        is_decided=Exists(decided),
        original_removed_at=F("near_duplicate_of__removed_at"),
        original_status=F("near_duplicate_of__status"),
        split=Subquery(splits.values("split")),
        said=F("reason__text"),
        said_at=F("reason__said_at"),
    )
    for rows in _by_id(scope.attempts(), told, _OF_AN_ATTEMPT):
        images, ids = _images(rows), [row["id"] for row in rows]
        shown = set(public().filter(pk__in=ids).values_list("pk", flat=True))
        yield [
            _attempt(scope, row, image, is_shown=row["id"] in shown)
            for row, image in zip(rows, images, strict=True)
        ]


_AS_THEY_ARE = (
    "target_label",
    "predicted_label",
    "probabilities",
    "status",
    "settled_label",
    "quorum",
    "width",
    "raster_version",
    "submitted_at",
    "settled_at",
    "split",
)
_OF_AN_ATTEMPT = (
    "id",
    *_AS_THEY_ARE,
    "has_fooled",
    "is_audited",
    "is_mnist_duplicate",
    "is_imported",
    "has_live_preview",
    "near_duplicate_of",
    "taken_back_at",
    "strokes",
    "pixels",
    "licence",
    "number",
    "arm",
    "contributor",
    "name",
    "is_decided",
    "original_removed_at",
    "original_status",
    "said",
    "said_at",
)


def _attempt(scope: Scope, row: Row, image: Row | None, *, is_shown: bool) -> Row:
    """What its drawer took back is without its drawing; a name stands where the site shows it
    beside the drawing, and nowhere else."""
    is_there = row["status"] != Attempt.Status.RETRACTED
    original = row["near_duplicate_of"]
    is_elsewhere = row["original_removed_at"] or row["original_status"] == Attempt.Status.PENDING
    if is_elsewhere or original == row["id"]:
        original = None
    strokes = (row["strokes"] or None) if is_there else None
    return {name: row[name] for name in _AS_THEY_ARE} | {
        "id": str(row["id"]),
        "round": row["number"],
        "arm": row["arm"],
        "drawer": scope.pseudonym("drawer", row["contributor"]),
        "name": row["name"] if is_shown else None,
        "fooled": row["has_fooled"],
        "settled_by": _settled_by(row) if is_there else None,
        "audited": row["is_audited"],
        "imported": row["is_imported"],
        "taken_back": not is_there or row["taken_back_at"] is not None,
        "original": row["near_duplicate_of"] is None
        and not (row["is_mnist_duplicate"] or row["is_imported"]),
        "near_duplicate_of": original and str(original),
        "mnist_duplicate": row["is_mnist_duplicate"],
        "live_preview": row["has_live_preview"],
        "duration_ms": strokes[-1]["t"][-1] if strokes else None,
        "strokes": strokes,
        "image": image if is_there else None,
        "licence": row["licence"] or None,
        "reason": row["said"] or None,
        "reason_at": row["said_at"] if row["said"] else None,
    }


def _settled_by(row: Row) -> str | None:
    if row["is_decided"]:
        return "admin"
    if not row["quorum"]:
        return "import"
    return "readings" if row["has_fooled"] or row["is_audited"] or row["is_imported"] else None


def _readings(scope: Scope) -> Iterator[list[Row]]:
    told = Reading.objects.annotate(
        of_gold=F("gold__attempt"), contributor=F("moderator__contributor")
    )
    fields = ("id", "attempt", "of_gold", "contributor", "answer", "leased_at", "answered_at")
    for rows in _by_id(scope.readings(), told, (*fields, "is_correct", "is_discounted")):
        yield [_reading(scope, row) for row in rows]


def _reading(scope: Scope, row: Row) -> Row:
    took = row["answered_at"] - row["leased_at"]
    return {
        "id": str(row["id"]),
        "attempt": str(row["attempt"] or row["of_gold"]),
        "reader": scope.pseudonym("reader", row["contributor"]),
        "answer": row["answer"],
        "answered_at": row["answered_at"],
        "duration_ms": round(took.total_seconds() * 1000),
        "gold": row["of_gold"] is not None,
        "correct": row["is_correct"],
        "discounted": row["is_discounted"],
    }


def _samples(scope: Scope) -> Iterator[list[Row]]:
    told = with_trained_on(Sample.objects.all(), scope.model).annotate(
        number=F("round__number"), split=F("contributor__split")
    )
    fields = ("id", "attempt", "contributor", "number", "label", "split", "has_fooled")
    more = ("is_audited", "is_trained_on", "withdrawn_at", "added_at", "pixels")
    for rows in _by_id(scope.samples(), told, (*fields, *more)):
        images = _images(rows)
        yield [_sample(scope, row, image) for row, image in zip(rows, images, strict=True)]


def _sample(scope: Scope, row: Row, image: Row | None) -> Row:
    return {
        "id": str(row["id"]),
        "attempt": str(row["attempt"]),
        "drawer": scope.pseudonym("drawer", row["contributor"]),
        "round": row["number"],
        "label": row["label"],
        "split": row["split"],
        "fooled": row["has_fooled"],
        "audited": row["is_audited"],
        "trained_on": bool(row["is_trained_on"]),
        "withdrawn": row["withdrawn_at"] is not None,
        "added_at": row["added_at"],
        "image": image,
    }


def _images(rows: Iterable[Row]) -> list[Row | None]:
    pictures = iter(pngs([bytes(row["pixels"]) for row in rows if row["pixels"]]))
    return [
        {"bytes": next(pictures), "path": f"{row['id']}.png"} if row["pixels"] else None
        for row in rows
    ]


_ROWS: dict[str, Callable[[Scope], Iterator[list[Row]]]] = {
    ATTEMPTS: _attempts,
    READINGS: _readings,
    SAMPLES: _samples,
}
