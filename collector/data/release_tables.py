"""The three tables of a release, written as Parquet a group of rows at a time, each in the order of
its ids: constant memory, and the same rows give the same bytes."""

import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Cast, Coalesce

from collector.data import release_columns
from collector.data.release_columns import ATTEMPTS, READINGS, SAMPLES
from collector.drawings.public import public
from collector.errors import Refused
from collector.models import Attempt, Decision, Person, Reading
from trainer import samples
from trainer.learning.png import pngs
from trainer.models import Arm, Contributor, RoundModel, Sample

ROWS = 1000  # in a group, and in memory
IDS = 10 * ROWS  # in memory
Row = dict[str, Any]
Columns = dict[str, Any]  # pyarrow's arrays, by name


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
    tells_names: ClassVar[bool] = True  # and what people say of their drawings

    def pseudonym(self, kind: str, who: str) -> str:
        """Return what somebody is called in this release, as a drawer or as a reader: by no other
        release, nor by the other kind, can it be told that it is the same person."""
        if (known := self.pseudonyms.get((kind, who))) is None:
            told = f"{kind} {dashed(who)}".encode()
            known = hmac.digest(self.key, told, "sha256").hex()[:16]
            self.pseudonyms[kind, who] = known
        return known

    @cached_property
    def pseudonyms(self) -> dict[tuple[str, str], str]:
        """Those who came by a release are called as it calls them."""
        came = Person.objects.exclude(pseudonym=None)
        told = came.values_list(_as_text("contributor"), "pseudonym").iterator()
        return {(kind, who): name or "" for who, name in told for kind in ("drawer", "reader")}

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


def pyarrow() -> Any:
    """Return pyarrow. Raises Refused where it is not installed."""
    try:
        return import_module("pyarrow")
    except ImportError as error:
        raise Refused(
            "A release needs pyarrow, which a site does not have by itself. Install it: "
            ".venv/bin/python -m pip install -r requirements-release.txt"
        ) from error


def write(scope: Scope, name: str, path: Path, also: Callable[[Any], object] | None = None) -> int:
    """Write the table `name` to a new file, and give each group of rows to `also`, as pyarrow's
    batch; return how many rows it has. Raises Refused where pyarrow is not installed."""
    pyarrow()
    from pyarrow import parquet

    _ = scope.pseudonyms  # asked for before the rows are
    row_count = 0
    with parquet.ParquetWriter(path, release_columns.schema(name), compression="zstd") as writer:
        for batch in _GROUPS[name](scope):
            writer.write_batch(batch)
            if also:
                also(batch)
            row_count += batch.num_rows
    return row_count


def _batch(name: str, rows: Iterable[Row], columns: Columns | None = None) -> Any:
    """Return a group of rows, with those columns that they are without, as pyarrow's batch."""
    schema, values = release_columns.schema(name), dict(columns or {})
    told: Columns = {each: [] for each in schema.names if each not in values}
    for row in rows:
        for each, value in row.items():
            told[each].append(value)
    return pyarrow().RecordBatch.from_pydict(values | told, schema=schema)


def _by_id(found: QuerySet[Any], rows: QuerySet[Any], fields: Sequence[str]) -> Iterator[list[Row]]:
    """Yield what is found as `rows` have it, in the order of the ids, a group by each query: by ids
    alone, or the database may go through all that is found for each group."""
    return _ahead(list(_among(rows, ids).order_by("pk").values(*fields)) for ids in keys(found))


def _ahead(groups: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Yield groups, each of which another thread has read while the one before was worked on, as
    this one's connection: PostgreSQL computes meanwhile. Nothing else may be asked of it then."""
    shared = connections[DEFAULT_DB_ALIAS]

    def read() -> list[Row] | None:
        connections[DEFAULT_DB_ALIAS] = shared
        return next(groups, None)

    shared.inc_thread_sharing()
    try:
        with ThreadPoolExecutor(1) as thread:
            coming = thread.submit(read)
            while (group := coming.result()) is not None:
                coming = thread.submit(read)
                yield group
    finally:
        shared.dec_thread_sharing()


def _among(rows: QuerySet[Any], ids: list[str]) -> QuerySet[Any]:
    """Return those of these ids, which the database is given as one value: a thousand values take
    longer to say than to find."""
    quote, meta = connection.ops.quote_name, rows.model._meta
    column = f"{quote(meta.db_table)}.{quote(meta.pk.column)}"
    if connection.vendor == "postgresql":
        sql = f"{column} = ANY(%s::uuid[])"
        return rows.filter(RawSQL(sql, [ids], output_field=BooleanField()))
    sql = f"{column} IN (SELECT value FROM json_each(%s))"
    return rows.filter(RawSQL(sql, [json.dumps(ids)], output_field=BooleanField()))


def keys(found: QuerySet[Any]) -> Iterator[list[str]]:
    """Yield the ids in their order, as text of the database's, as many as a group has. They are
    looked up far ahead: what is left is sorted anew by each query."""
    ids = found.order_by("pk").values_list(_as_text("pk"), flat=True)
    ahead = list(ids[:IDS])
    while ahead:
        yield from (ahead[n : n + ROWS] for n in range(0, len(ahead), ROWS))
        ahead = list(ids.filter(pk__gt=ahead[-1])[:IDS])


def dashed(stored: str) -> str:
    """Return an id as all of a release has it, of what the database makes it as text."""
    if "-" in stored:
        return stored
    parts = (stored[:8], stored[8:12], stored[12:16], stored[16:20], stored[20:])
    return "-".join(parts)


def _attempts(scope: Scope) -> Iterator[Any]:
    decided = Decision.objects.filter(attempt=OuterRef("pk"))
    splits = Contributor.objects.filter(pk=OuterRef("drawer__contributor"))
    told = Attempt.objects.annotate(
        key=_as_text("pk"),
        near=_as_text("near_duplicate_of"),
        number=F("round__number"),
        arm=F("round__arm"),
        contributor=_as_text("drawer__contributor"),
        name=F("drawer__username"),
        is_decided=Exists(decided),
        is_shown=Exists(public().filter(pk=OuterRef("pk"))),
        original_removed_at=F("near_duplicate_of__removed_at"),
        original_status=F("near_duplicate_of__status"),
        split=Subquery(splits.values("split")),
        said=F("reason__text"),
        said_at=F("reason__said_at"),
        strokes_told=_as_text("strokes"),
        probabilities_told=_as_text("probabilities"),
    )
    return map(partial(_group_of_attempts, scope), _by_id(scope.attempts(), told, _OF_AN_ATTEMPT))


def _group_of_attempts(scope: Scope, rows: list[Row]) -> Any:
    read = _read_json(rows)
    made = (_attempt(scope, *each) for each in zip(rows, _images(rows), strict=True))
    return _batch(ATTEMPTS, made, read)


def _as_text(value: str | Combinable) -> Cast:
    """A value as the database's own text, from which it is read once for all of a group."""
    return Cast(value, TextField())


def _read_json(rows: list[Row]) -> Columns:
    """Read the strokes and probabilities of attempts, which are JSON, by Arrow: in half the time
    that Python takes. Who drew has taken back is without strokes."""
    from pyarrow import BufferReader
    from pyarrow.json import ParseOptions, ReadOptions, read_json

    lines = "".join(
        f'{{"strokes":{_strokes(row)},"probabilities":{row.pop("probabilities_told")}}}\n'
        for row in rows
    ).encode()
    names = ("strokes", "probabilities")
    schema = pyarrow().schema(release_columns.schema(ATTEMPTS).field(name) for name in names)
    read = read_json(
        BufferReader(lines),
        ReadOptions(use_threads=False, block_size=1 << 18),
        ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    )
    strokes, probabilities = (column.combine_chunks() for column in read.columns)
    durations = _durations(strokes)
    return {"strokes": strokes, "probabilities": probabilities, "duration_ms": durations}


def _strokes(row: Row) -> str:
    told = row.pop("strokes_told")
    return "null" if told == "[]" or row["status"] == Attempt.Status.RETRACTED else told


def _durations(strokes: Any) -> Any:
    """Return when each drawing's last point came, of the lists of its strokes."""
    from pyarrow import compute

    times = strokes.values.field("t")
    last_stroke = compute.subtract(strokes.offsets[1:], 1)
    last_stroke = compute.if_else(strokes.is_valid(), last_stroke, None)
    last_point = compute.subtract(times.offsets[1:].take(last_stroke), 1)
    return times.values.take(last_point)


_AS_THEY_ARE = (
    "target_label",
    "predicted_label",
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
    "key",
    *_AS_THEY_ARE,
    "has_fooled",
    "is_audited",
    "is_mnist_duplicate",
    "is_imported",
    "has_live_preview",
    "near",
    "taken_back_at",
    "strokes_told",
    "probabilities_told",
    "pixels",
    "licence",
    "number",
    "arm",
    "contributor",
    "name",
    "is_decided",
    "is_shown",
    "original_removed_at",
    "original_status",
    "said",
    "said_at",
)


def _attempt(scope: Scope, row: Row, image: Row | None) -> Row:
    """What its drawer took back is without its drawing; a name stands where the site shows it
    beside the drawing, and nowhere else."""
    is_there = row["status"] != Attempt.Status.RETRACTED
    original = row["near"]
    said = row["said"] if scope.tells_names else None
    is_elsewhere = row["original_removed_at"] or row["original_status"] == Attempt.Status.PENDING
    if is_elsewhere or original == row["key"]:
        original = None
    return {name: row[name] for name in _AS_THEY_ARE} | {
        "id": dashed(row["key"]),
        "round": row["number"],
        "arm": row["arm"],
        "drawer": scope.pseudonym("drawer", row["contributor"]),
        "name": row["name"] if row["is_shown"] and scope.tells_names else None,
        "fooled": row["has_fooled"],
        "settled_by": _settled_by(row) if is_there else None,
        "audited": row["is_audited"],
        "imported": row["is_imported"],
        "taken_back": not is_there or row["taken_back_at"] is not None,
        "original": row["near"] is None and not (row["is_mnist_duplicate"] or row["is_imported"]),
        "near_duplicate_of": original and dashed(original),
        "mnist_duplicate": row["is_mnist_duplicate"],
        "live_preview": row["has_live_preview"],
        "image": image if is_there else None,
        "licence": row["licence"] or None,
        "reason": said or None,
        "reason_at": row["said_at"] if said else None,
    }


def _settled_by(row: Row) -> str | None:
    if row["is_decided"]:
        return "admin"
    if not row["quorum"]:
        return "import"
    return "readings" if row["has_fooled"] or row["is_audited"] or row["is_imported"] else None


def _readings(scope: Scope) -> Iterator[Any]:
    told = Reading.objects.annotate(
        key=_as_text("pk"),
        of=_as_text(Coalesce("attempt", "gold__attempt")),
        contributor=_as_text("moderator__contributor"),
        is_of_gold=Q(gold__attempt__isnull=False),
    )
    fields = ("key", "of", "contributor", "is_of_gold", "answer", "leased_at", "answered_at")
    for rows in _by_id(scope.readings(), told, (*fields, "is_correct", "is_discounted")):
        yield _batch(READINGS, (_reading(scope, row) for row in rows))


def _reading(scope: Scope, row: Row) -> Row:
    took = row["answered_at"] - row["leased_at"]
    return {
        "id": dashed(row["key"]),
        "attempt": dashed(row["of"]),
        "reader": scope.pseudonym("reader", row["contributor"]),
        "answer": row["answer"],
        "answered_at": row["answered_at"],
        "duration_ms": round(took.total_seconds() * 1000),
        "gold": row["is_of_gold"],
        "correct": row["is_correct"],
        "discounted": row["is_discounted"],
    }


def _samples(scope: Scope) -> Iterator[Any]:
    told = with_trained_on(Sample.objects.all(), scope.model).annotate(
        key=_as_text("pk"),
        of=_as_text("attempt"),
        drawer=_as_text("contributor"),
        number=F("round__number"),
        split=F("contributor__split"),
    )
    fields = ("key", "of", "drawer", "number", "label", "split", "has_fooled")
    more = ("is_audited", "is_trained_on", "withdrawn_at", "added_at", "pixels")
    for rows in _by_id(scope.samples(), told, (*fields, *more)):
        made = (_sample(scope, *each) for each in zip(rows, _images(rows), strict=True))
        yield _batch(SAMPLES, made)


def _sample(scope: Scope, row: Row, image: Row | None) -> Row:
    return {
        "id": dashed(row["key"]),
        "attempt": dashed(row["of"]),
        "drawer": scope.pseudonym("drawer", row["drawer"]),
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


def _images(rows: list[Row]) -> list[Row | None]:
    pixels = [bytes(row.pop("pixels")) for row in rows]
    pictures = iter(pngs([each for each in pixels if each]))
    return [
        {"bytes": next(pictures), "path": f"{dashed(row['key'])}.png"} if each else None
        for row, each in zip(rows, pixels, strict=True)
    ]


_GROUPS: dict[str, Callable[[Scope], Iterator[Any]]] = {
    ATTEMPTS: _attempts,
    READINGS: _readings,
    SAMPLES: _samples,
}
