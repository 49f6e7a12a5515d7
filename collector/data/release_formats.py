"""The attempts of a release in the forms that today's tools read: a folder of pictures, NumPy's
arrays, Quick, Draw!'s lines, a spreadsheet's table. All are made of the rows of the release's own
Parquet and nothing else, a group at a time: whoever has the folder can make them again.

This is imported by a process that has neither Django nor NumPy.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.data import release_columns
from collector.data.broken import BROKEN
from collector.data.picture_zip import CHUNK, PictureZip
from collector.data.release_columns import ATTEMPTS, SAMPLES
from collector.data.spreadsheets import harmless

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IMAGES, ARRAYS, LINES, TABLE = (
    "images-{}.zip",
    "attempts.npz",
    "attempts.ndjson.gz",
    "attempts.csv",
)
METADATA = "metadata.jsonl"
ROWS = 1000  # in memory
PICTURES = 25_000  # in a zip: what a zip has in it is in memory while it is written, and read
_IN_A_FOLDER = (
    "id",
    "round",
    "drawer",
    "name",
    "target_label",
    "predicted_label",
    "fooled",
    "status",
    "settled_label",
    "split",
    "licence",
)
# Of each array: the column that it is, its type, and what stands where there is nothing.
_ARRAYS: dict[str, tuple[str, str, Any]] = {
    "ids": ("id", "<U36", ""),
    "rounds": ("round", "<i4", 0),
    "drawers": ("drawer", "<U16", ""),
    "labels": ("target_label", "|i1", -1),
    "predicted": ("predicted_label", "|i1", -1),
    "fooled": ("fooled", "|b1", False),
    "status": ("status", "<U10", ""),
    "settled": ("settled_label", "|i1", -1),
    "split": ("split", "<U5", ""),
}
_NO_CELLS = {"floats", "strokes", "image"}
Row = dict[str, Any]
Read = Callable[[int], bytes]
Take = Callable[[Any], None]  # what is given pyarrow's batches


def write(folder: Path, out: Path) -> None:
    """Write all forms of the attempts in `folder` into `out`, an empty folder."""
    write_rows(_batches(folder, release_columns.names(ATTEMPTS)), out)
    write_arrays(folder, out)


def write_rows(batches: Iterable[Any], out: Path) -> None:
    """Write those forms that have row after row, of pyarrow's batches of all attempts."""
    with ExitStack() as stack:
        takers = [stack.enter_context(form(out)) for form in (_images, _lines, _table)]
        for batch in batches:
            for take in takers:
                take(batch)


def write_arrays(folder: Path, out: Path) -> None:
    """Write what has a picture in `folder` as arrays, one after the other, as NumPy loads them
    without pickle."""
    import numpy as np

    from trainer.learning import png
    from trainer.learning.raster import SIDE

    count = sum(batch.num_rows for batch in _drawn(folder, ("id",)))
    with zipfile.ZipFile(out / ARRAYS, "w") as zipped:
        for name, (column, kind, nothing) in _ARRAYS.items():
            columns = (batch.column(0) for batch in _drawn(folder, (column,)))
            values = (np.array(each.fill_null(nothing).to_pylist(), kind) for each in columns)
            _write_array(zipped, name, (count,), kind, values)
        images = (batch.column(0).field("bytes") for batch in _drawn(folder, ("image",)))
        pictures = (png.pixels_of(each.to_pylist()) for each in images)
        _write_array(zipped, "pixels", (count, SIDE, SIDE), "|u1", pictures)


def problems(folder: Path) -> Iterator[str]:
    """Yield which forms in `folder` are not what its Parquet makes. How far they are compressed
    differs from machine to machine, and is not compared."""
    with tempfile.TemporaryDirectory() as made:
        write(folder, Path(made))
        again = {path.name for path in Path(made).iterdir()}
        there = {path.name for path in folder.glob(IMAGES.format("*"))}
        yield from (f"{name} has no place here." for name in sorted(there - again))
        for name in sorted(again):
            if not _is_alike(folder / name, Path(made) / name):
                yield f"{name} is not what {ATTEMPTS} makes."


def pixels_of(row: Row) -> NDArray[np.uint8]:
    """Decode the picture of a row, uint8 (28, 28). Raises ValueError where it is none of ours."""
    from trainer.learning import png

    pixels: NDArray[np.uint8] = png.pixels_of([row["image"]["bytes"]])[0]
    return pixels


def rows_drawn(folder: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield these columns of the attempts of a release that have a picture."""
    for batch in _drawn(folder, columns):
        yield from _rows(batch)


def _drawn(folder: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Yield these columns, in this order, of the attempts of a release that have a picture, as
    pyarrow's batches."""
    for batch in _batches(folder, ["status", *columns]):
        yield _with_picture(batch, columns)


def _with_picture(batch: Any, columns: Sequence[str]) -> Any:
    from pyarrow import compute

    is_there = compute.not_equal(batch.column("status"), "retracted")
    return batch.select(list(columns)).filter(is_there)


def _rows(batch: Any) -> Iterator[Row]:
    names = batch.schema.names
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        yield dict(zip(names, row, strict=True))


def _batches(folder: Path, columns: list[str]) -> Iterator[Any]:
    """Yield these columns of the attempts of a release, a group of rows by itself, and no more of
    it at once: whoever reads on from group to group has many of them in memory."""
    from pyarrow import parquet

    with parquet.ParquetFile(folder / ATTEMPTS) as file:
        for number in range(file.num_row_groups):
            group = file.read_row_group(number, columns, use_threads=False)
            yield from group.to_batches(ROWS)


def sample_labels(folder: Path) -> dict[str, int]:
    """Return under which digit each attempt of a release is kept that is a sample still."""
    from pyarrow import parquet

    with parquet.ParquetFile(folder / SAMPLES) as file:
        batches = file.iter_batches(ROWS, columns=["attempt", "label", "withdrawn"])
        rows = (row for batch in batches for row in batch.to_pylist())
        return {row["attempt"]: row["label"] for row in rows if not row["withdrawn"]}


@contextmanager
def _images(out: Path) -> Iterator[Take]:
    """Write the pictures as zips, each with a line for each of its pictures: a folder as
    `datasets` loads it."""
    with ExitStack() as stack:
        number = count = 0
        put: Callable[[Row], None]

        def take(batch: Any) -> None:
            nonlocal number, count, put
            for row in _rows(_with_picture(batch, ("image", *_IN_A_FOLDER))):
                if count % PICTURES == 0:
                    stack.close()
                    number += 1
                    put = stack.enter_context(_image_zip(out / IMAGES.format(number)))
                put(row)
                count += 1

        yield take


@contextmanager
def _image_zip(path: Path) -> Iterator[Callable[[Row], None]]:
    encode = json.JSONEncoder().encode
    with path.open("wb") as file, tempfile.TemporaryFile() as lines:
        zipped = PictureZip(file)

        def put(row: Row) -> None:
            picture, name = row.pop("image")["bytes"], f"{row['id']}.png"
            zipped.store(name, picture)
            lines.write(encode({"file_name": name} | row).encode() + b"\n")

        yield put
        lines.seek(0)
        zipped.deflate(METADATA, lines)
        zipped.end()


def _entry(name: str) -> zipfile.ZipInfo:
    """Begin a part of a zip that says nothing of when and where it was made."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
    entry.external_attr = 0o644 << 16
    return entry


def _write_array(
    zipped: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    kind: str,
    parts: Iterator[NDArray[Any]],
) -> None:
    import numpy as np

    header = {"descr": kind, "fortran_order": False, "shape": shape}
    with zipped.open(_entry(f"{name}.npy"), "w", force_zip64=True) as entry:
        np.lib.format.write_array_header_1_0(entry, header)
        for part in parts:
            entry.write(part.tobytes())


@contextmanager
def _lines(out: Path) -> Iterator[Take]:
    """Write what has strokes as Quick, Draw! has its drawings, a line each; the pen's width is
    ours, and so are the milliseconds, which only its raw form has."""
    columns = (
        "target_label",
        "submitted_at",
        "fooled",
        "id",
        "settled_label",
        "licence",
        "width",
        "strokes",
    )
    with (
        (out / LINES).open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=4, mtime=0) as lines,
    ):

        def take(batch: Any) -> None:
            drawn = _with_picture(batch, columns)
            *others, strokes = drawn.filter(drawn.column("strokes").is_valid()).columns
            values = (column.to_pylist() for column in (*others, _strokes_told(strokes)))
            lines.write("".join(map(_line, *values)).encode())

        yield take


def _line(
    label: int,
    at: datetime,
    has_fooled: bool,
    key: str,
    settled_label: int | None,
    licence: str | None,
    width: int,
    strokes: str,
) -> str:
    moment = at.isoformat(" ", "microseconds")[:26]  # without the offset from UTC
    return (
        f'{{"word":"{label}","timestamp":"{moment} UTC",'
        f'"recognized":{"false" if has_fooled else "true"},"key_id":{json.dumps(key)},'
        f'"settled_label":{"null" if settled_label is None else settled_label},'
        f'"licence":{json.dumps(licence)},'
        f'"drawing":[{strokes}],"width":{width}}}\n'
    )


def _strokes_told(drawings: Any) -> Any:
    """Return the strokes of each drawing as JSON has them, the lists of x, y and t of each: by
    Arrow, all numbers of a group at once."""
    import pyarrow as pa
    from pyarrow import compute

    def told(lists: Any) -> Any:
        return compute.binary_join(lists, ",")

    strokes = drawings.flatten()
    x, y, t = (told(each.cast(pa.list_(pa.string()))) for each in strokes.flatten())
    each = compute.binary_join_element_wise("[[", x, "],[", y, "],[", t, "]]", "")
    starts = compute.subtract(drawings.offsets, drawings.offsets[0])
    return told(pa.ListArray.from_arrays(starts, each))


@contextmanager
def _table(out: Path) -> Iterator[Take]:
    """Write every attempt as a line, without the columns that hold more than one value."""
    columns = [c for c in release_columns.TABLES[ATTEMPTS] if c.kind not in _NO_CELLS]
    tell = [(column.name, _CELLS.get(column.kind, _as_they_are)) for column in columns]
    with (out / TABLE).open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([column.name for column in columns])

        def take(batch: Any) -> None:
            cells = [told(batch.column(name)) for name, told in tell]
            lines.writerows(zip(*cells, strict=True))

        yield take


def _as_they_are(values: Any) -> list[object]:
    told: list[object] = values.to_pylist()
    return told


def _text_cells(values: Any) -> list[object]:
    return [harmless(value) for value in _as_they_are(values)]


def _bool_cells(values: Any) -> list[object]:
    return _as_they_are(values.cast("string"))


def _time_cells(values: Any) -> list[object]:
    return [value and value.isoformat() for value in values.to_pylist()]


# What stands for values in a spreadsheet's table, by the kind of their column.
_CELLS: dict[str, Callable[[Any], list[object]]] = {
    "text": _text_cells,
    "bool": _bool_cells,
    "time": _time_cells,
}


def _is_alike(one: Path, other: Path) -> bool:
    """Whether two files hold the same, uncompressed. Nothing is believed of the first: it is read
    no further than the second goes."""
    try:
        with ExitStack() as stack:
            return all(
                a is not None and b is not None and a[0] == b[0] and _is_same(a[1], b[1])
                for a, b in zip_longest(_parts(stack, one), _parts(stack, other))
            )
    except BROKEN:
        return False


def require_ours(zipped: zipfile.ZipFile) -> None:
    """Raise ValueError where a zip is packed in a way that none of ours is: others take any amount
    of memory for a few bytes."""
    ways = {entry.compress_type for entry in zipped.infolist()}
    if not ways <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError("it is packed in another way")


def _parts(stack: ExitStack, path: Path) -> Iterator[tuple[str, Read]]:
    """Yield what a file holds, by name."""
    if path.suffix in (".zip", ".npz"):
        zipped = stack.enter_context(zipfile.ZipFile(path))
        require_ours(zipped)
        for entry in zipped.infolist():
            with zipped.open(entry) as opened:
                yield entry.filename, opened.read
    elif path.suffix == ".gz":
        yield "", stack.enter_context(gzip.GzipFile(path)).read
    else:
        yield "", stack.enter_context(path.open("rb")).read


def _is_same(one: Read, other: Read) -> bool:
    while wanted := other(CHUNK):
        if one(len(wanted)) != wanted:
            return False
    return not one(1)


def _write_rows_given(folder: Path) -> None:
    """Write those forms of the attempts that come through the standard input."""
    sys.modules["numpy"] = None  # type: ignore[assignment]  # 6 MB that pyarrow can do without
    import pyarrow

    pyarrow.set_memory_pool(pyarrow.system_memory_pool())  # which keeps least of what is free again
    with pyarrow.ipc.open_stream(sys.stdin.buffer) as batches:
        write_rows(batches, folder)


if __name__ == "__main__":
    _write_rows_given(Path(sys.argv[1]))
