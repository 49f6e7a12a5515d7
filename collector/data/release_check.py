"""Does a release agree with itself? All of it is looked at from its folder alone: nothing is asked
of a database."""

import csv
import hashlib
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from collector.data import release_columns, release_folder, release_formats, release_told
from collector.data.broken import BROKEN
from collector.data.release_columns import ATTEMPTS, READINGS, SAMPLES
from collector.data.release_formats import pixels_of
from collector.models import Attempt
from collector.rules import verdicts
from collector.rules.verdicts import ANSWERS
from trainer.learning import drawing, inference, raster, weights
from trainer.learning.manifests import is_sealed
from trainer.models import Arm, Split

MOST_IN_A_GROUP = 1 << 28  # bytes: of our own the largest has 40 MB
MOST_ROWS, AT_ONCE = 10_000, 1000  # in a group, of which ours have as many as are read at once
MOST_AT_ONCE = 1 << 25  # bytes
MOST_TEXT, MOST_PICTURE = 2000, 4000  # bytes of one
LONGEST_LINE = 100  # characters of changes.csv
ALIKE = 1e-5  # how far an answer may be from the one that was stored
_CALLED_FOOLS = {"verified": True, "not_fooled": False}
_CHANGES = ("added", "withdrawn")
_ARRAYS = ("ids", "pixels", "labels")
Status = Attempt.Status
Row = dict[str, Any]
_Read = tuple[datetime, str, str, bool | None]  # when, its id, the answer, is it called correct?
Look = Callable[["Check", Row], Iterator[str]]


class _NoFurther(ValueError):
    """What is not to be read further; the text says why."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the other tables are compared with, of an attempt."""

    drawer: str
    round: int
    target: int
    fooled: bool
    audited: bool
    imported: bool
    quorum: int
    status: str
    settled_label: int | None
    settled_by: str | None
    pixels: bytes  # their SHA-256; nothing of what was taken back
    split: str | None
    near: str | None

    @property
    def outcome(self) -> verdicts.Outcome:
        return verdicts.Outcome(self.status, self.settled_label)


@dataclass
class Check:
    """One look at a release: `problems` yields a sentence for whatever does not agree."""

    folder: Path
    manifest: Row = field(default_factory=dict)
    attempts: dict[str, _Kept] = field(default_factory=dict)
    row_counts: Counter[str] = field(default_factory=Counter)
    splits: dict[str, str | None] = field(default_factory=dict)  # by drawers, as are names
    names: dict[str, str] = field(default_factory=dict)
    drawers: dict[str, str] = field(default_factory=dict)  # by their names
    seen: release_told.Seen = field(default_factory=release_told.Seen)
    # Of each attempt what counts of how it was read, with when, and who read it.
    read: defaultdict[str, list[_Read]] = field(default_factory=partial(defaultdict, list))
    readers: set[tuple[str, str, bool]] = field(default_factory=set)
    gold: dict[tuple[str, str], bool] = field(default_factory=dict)  # is an answer the right one?
    active: set[str] = field(default_factory=set)  # attempts that are samples still
    learned: set[str] = field(default_factory=set)  # attempts that were trained on
    trained: dict[str, tuple[bytes, int]] = field(default_factory=dict)  # by the samples' ids

    def problems(self) -> Iterator[str]:
        """Yield what does not agree; files that are not those of SHA256SUMS are looked at no
        further, nor is what would take much memory."""
        try:
            yield from self._problems()
        except _NoFurther as why:
            yield str(why)
        except (RecursionError, MemoryError) as error:
            yield f"It cannot be read any further: {type(error).__name__}."
        except BROKEN as error:
            yield f"It cannot be read any further: {type(error).__name__}: {error}."

    def _problems(self) -> Iterator[str]:
        damage = list(release_told.checksums(self.folder))
        yield from damage
        if damage:
            return
        self.manifest = release_told.read_json(self.path(release_folder.MANIFEST))
        if self.manifest["format"] != release_folder.FORMAT:
            yield f"It is of format {self.manifest['format']}, which is unknown here."
            return
        lacking = list(release_told.names(self.folder, self.manifest))
        yield from lacking
        for name, look in ((ATTEMPTS, _attempt), (READINGS, _reading), (SAMPLES, _sample)):
            yield from self._table(name, look)
        yield from _copies(self)
        yield from _settled(self)
        self.seen.trained_count = len(self.trained)
        yield from release_told.manifest(self.manifest, self.seen)
        yield from release_formats.problems(self.folder)
        if lacking:
            return
        yield from _changes(self)
        yield from _model(self)
        yield from release_told.measured(self.folder, bool(self.manifest["model"]["manifest"]))
        yield from release_told.texts(self.folder, self.manifest)

    def path(self, name: str) -> Path:
        return self.folder / name

    def _table(self, name: str, look: Look) -> Iterator[str]:
        """Look at each row of a table, group by group."""
        from pyarrow import parquet

        with parquet.ParquetFile(self.path(name)) as file:
            if not file.schema_arrow.equals(release_columns.schema(name)):
                raise _NoFurther(f"{name} has other columns.")
            last = ""
            for batch in file.iter_batches(_at_once(name, file.metadata), use_threads=False):
                _require_short(name, batch)
                for row in batch.to_pylist():
                    if row["id"] <= last:
                        raise _NoFurther(f"{name}: {row['id']} is not in the order of the ids.")
                    last = row["id"]
                    self.row_counts[name] += 1
                    yield from (f"{name}: {last} {problem}." for problem in look(self, row))
        if self.row_counts[name] != self.manifest["counts"][name]:
            yield f"{name} has {self.row_counts[name]:,} rows, and the manifest says otherwise."


def _at_once(name: str, metadata: Any) -> int:
    """Return how many rows of a table may be read at once: what stands once in a group may be the
    value of each row. Raises _NoFurther where a group has more than any of ours."""
    most = AT_ONCE
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        columns = [group.column(number) for number in range(group.num_columns)]
        size = max(
            sum(column.total_uncompressed_size for column in columns),
            sum(column.num_values for column in columns) * 8,
        )
        if size > MOST_IN_A_GROUP:
            raise _NoFurther(f"{name} has more than {MOST_IN_A_GROUP:,} bytes in a group of rows.")
        if group.num_rows > MOST_ROWS:
            raise _NoFurther(f"{name} has more than {MOST_ROWS:,} rows in a group.")
        texts = [c.total_uncompressed_size for c in columns if c.physical_type == "BYTE_ARRAY"]
        most = min(most, MOST_AT_ONCE // max(1, *texts))
    return max(1, most)


def _require_short(name: str, batch: Any) -> None:
    """Raise _NoFurther where a text or a picture is longer than any of ours."""
    import pyarrow as pa
    from pyarrow import compute

    for name_, column in zip(batch.schema.names, batch.columns, strict=True):
        parts = column.flatten() if pa.types.is_struct(column.type) else [column]
        for part in parts:
            most = MOST_PICTURE if pa.types.is_binary(part.type) else MOST_TEXT
            if not (pa.types.is_binary(part.type) or pa.types.is_string(part.type)):
                continue
            if (compute.max(compute.binary_length(part)).as_py() or 0) > most:
                raise _NoFurther(f"{name} has a longer {name_} than any release.")


def _attempt(check: Check, row: Row) -> Iterator[str]:
    check.seen.take(row)
    yield from _answered(row)
    yield from _stands(row)
    yield from _drawer(check, row)
    if not 1 <= row["round"] <= check.manifest["round"] or row["arm"] != Arm.DYNAMIC:
        yield "is of another round"
    if row["licence"] not in check.manifest["licences"]:
        yield "was given under another licence"
    pixels = b""
    if row["image"] is not None:
        picture = pixels_of(row)
        pixels = hashlib.sha256(picture.tobytes()).digest()
        yield from _drawn(row, picture)
    check.attempts[row["id"]] = _Kept(
        drawer=row["drawer"],
        round=row["round"],
        target=row["target_label"],
        fooled=row["fooled"],
        audited=row["audited"],
        imported=row["imported"],
        quorum=row["quorum"],
        status=row["status"],
        settled_label=row["settled_label"],
        settled_by=row["settled_by"],
        pixels=pixels,
        split=row["split"],
        near=row["near_duplicate_of"],
    )


def _answered(row: Row) -> Iterator[str]:
    """Is it called what the model said of it?"""
    probabilities = row["probabilities"]
    if row["predicted_label"] != int(np.argmax(probabilities)) or len(probabilities) != 10:
        yield "was predicted otherwise than its probabilities say"
    if not {row["target_label"], row["settled_label"]} <= {None, *range(10)}:
        yield "has a label that is no digit"
    if row["fooled"] != (row["target_label"] != row["predicted_label"]):
        yield "does not say rightly whether it fooled"
    if _CALLED_FOOLS.get(row["status"], row["fooled"]) != row["fooled"]:
        yield f"is {row['status']}, which does not go with whether it fooled"


def _stands(row: Row) -> Iterator[str]:
    """May it stand as it does?"""
    if row["status"] not in Status or row["status"] == Status.PENDING:
        yield f"is {row['status']}, which nothing is in a release"
    if row["settled_by"] not in _may_settle(row):
        yield f"was settled by {row['settled_by']}, which cannot be"
    if row["original"] and (row["near_duplicate_of"] or row["mnist_duplicate"] or row["imported"]):
        yield "is called an original, which it is not"
    if (row["image"] is None) != (row["status"] == Status.RETRACTED):
        yield "has no picture, or was taken back and has one"


def _drawer(check: Check, row: Row) -> Iterator[str]:
    """Is whoever drew it the same as elsewhere? Their name stands beside some drawings alone."""
    drawer, name = row["drawer"], row["name"]
    if check.splits.setdefault(drawer, row["split"]) != row["split"]:
        yield "is of another split than what else its drawer drew"
    if name is not None and {
        check.names.setdefault(drawer, name),
        check.drawers.setdefault(name, drawer),
    } != {name, drawer}:
        yield "has a name that is not its drawer's alone"


def _may_settle(row: Row) -> set[str | None]:
    """Return what may have settled an attempt: nothing did where nobody was to read it."""
    if row["status"] == Status.RETRACTED:
        return {None}
    if not row["quorum"]:
        return {"import", "admin"}
    if row["fooled"] or row["audited"] or row["imported"]:
        return {"readings", "admin"}
    return {None}


def _drawn(row: Row, picture: NDArray[np.uint8]) -> Iterator[str]:
    """Is the picture that of the strokes, where there are any?"""
    if row["strokes"] is None and row["imported"]:
        return
    if not row["strokes"] or not all(stroke["t"] for stroke in row["strokes"]):
        yield "has no strokes, or one without a point"
        return
    if row["duration_ms"] != row["strokes"][-1]["t"][-1]:
        yield "took another time"
    if row["raster_version"] != raster.VERSION:
        return
    try:
        again = raster.rasterise(drawing.parse(row["strokes"], row["width"]))
    except (drawing.InvalidDrawing, drawing.Degenerate) as error:
        yield f"is no drawing: {error}"
        return
    if not np.array_equal(again, picture):
        yield "has another picture than its strokes make"


def _reading(check: Check, row: Row) -> Iterator[str]:
    attempt, answer, correct = row["attempt"], row["answer"], row["correct"]
    if attempt not in check.attempts:
        yield "is of no attempt here"
    if answer not in ANSWERS:
        yield f"answers {answer!r}"
    by = attempt, row["reader"], row["gold"]
    if by in check.readers:
        yield "is of somebody who had read it before"
    check.readers.add(by)
    if row["gold"]:
        if correct is None or check.gold.setdefault((attempt, answer), correct) != correct:
            yield "is called both right and wrong"
    elif not row["discounted"]:
        check.read[attempt].append((row["answered_at"], row["id"], answer, correct))


def _settled(check: Check) -> Iterator[str]:
    """Did each attempt settle as those say who read it, and are they called right who said so?"""
    for pk, kept in check.attempts.items():
        read = sorted(check.read[pk]) if pk in check.read else []
        yield from (f"{ATTEMPTS}: {pk} {problem}." for problem in _settled_so(kept, read))
    right = Counter(attempt for (attempt, _), is_right in check.gold.items() if is_right)
    for attempt, count in right.items():
        if count > 1:
            yield f"{READINGS}: {attempt}, as gold, has more than one right answer."


def _settled_so(kept: _Kept, read: list[_Read]) -> Iterator[str]:
    if kept.settled_by is None:
        if read or kept.settled_label is not None:
            yield "was not settled, and was read"
        if kept.status not in (Status.RETRACTED, Status.NOT_FOOLED):
            yield f"is {kept.status}, and nothing settled it"
        return
    found: verdicts.Outcome | None
    if kept.settled_by == "admin":
        found = verdicts.outcome(kept.target, kept.fooled, kept.outcome.answer)
    else:
        answers = [answer for _, _, answer, _ in read]
        found = verdicts.settle(kept.target, kept.fooled, answers, kept.quorum)
    if found != kept.outcome:
        yield f"did not settle as it says: {_in_words(found)}"
    if any(correct != (answer == kept.outcome.answer) for _, _, answer, correct in read):
        yield "has a reading that is not rightly called correct"


def _in_words(found: verdicts.Outcome | None) -> str:
    return f"what settled it says {found.answer}" if found else "its readings leave it open"


def _copies(check: Check) -> Iterator[str]:
    """Is what is nearly a copy one of something here? Only while a round opened may an original be
    of the next one."""
    for pk, kept in check.attempts.items():
        if kept.near is None or (kept.near != pk and kept.near in check.attempts):
            continue
        if kept.near == pk or kept.round != check.manifest["round"] or not _is_id(kept.near):
            yield f"{ATTEMPTS}: {pk} nearly repeats {kept.near}, which is not here."


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _sample(check: Check, row: Row) -> Iterator[str]:
    kept = check.attempts.get(row["attempt"])
    if kept is None:
        yield "is of no attempt here"
        return
    if kept.drawer != row["drawer"]:
        yield "is of another drawer than its attempt"
    if kept.round != row["round"] or kept.audited != row["audited"]:
        yield "is of another round than its attempt, or otherwise by lot"
    if kept.split != row["split"] or row["split"] not in Split:
        yield "is of another split than its attempt"
    if row["trained_on"] and row["split"] != Split.TRAIN:
        yield "was trained on, and is of the test split"
    pixels = hashlib.sha256(pixels_of(row).tobytes()).digest()
    if kept.pixels != pixels:
        yield "has another picture than its attempt"
    yield from _kept_as(check, row, kept)
    if row["trained_on"]:
        if row["attempt"] in check.learned:
            yield "is of an attempt that was trained on before"
        check.learned.add(row["attempt"])
        check.trained[row["id"]] = pixels, row["label"]


def _kept_as(check: Check, row: Row, kept: _Kept) -> Iterator[str]:
    """Of what is withdrawn an appeal may have settled the attempt anew."""
    is_kept_as_fool = kept.status == Status.VERIFIED and not kept.imported
    if row["withdrawn"]:
        if not row["trained_on"]:
            yield "is withdrawn, and was not trained on"
        if row["label"] not in range(10):
            yield "is kept under another digit than any"
        if row["fooled"] and (kept.imported or not kept.fooled):
            yield "is wrong about whether it fooled"
        return
    if kept.settled_label != row["label"]:
        yield "is kept under another digit than its attempt settled as"
    if row["fooled"] != is_kept_as_fool:
        yield "is wrong about whether it fooled"
    if row["attempt"] in check.active:
        yield "is of an attempt that is a sample before"
    check.active.add(row["attempt"])


def _pairs(lines: Iterator[list[str]]) -> Iterator[list[str]]:
    if next(lines, None) != ["attempt", "change"]:
        raise _NoFurther(f"{release_folder.CHANGES} has other columns.")
    for line in lines:
        if len(line) != 2:
            raise _NoFurther(f"{release_folder.CHANGES} has other columns.")
        yield line


def _changes(check: Check) -> Iterator[str]:
    counted: Counter[str] = Counter()
    named: set[str] = set()
    with check.path(release_folder.CHANGES).open(encoding="utf-8", newline="") as file:
        lines = csv.reader(iter(partial(file.readline, LONGEST_LINE), ""))
        for attempt, change in _pairs(lines):
            if attempt in named or change not in _CHANGES:
                yield f"{release_folder.CHANGES}: {attempt} is there twice, or as {change}."
            elif (change == "added") != (attempt in check.attempts):
                yield f"{release_folder.CHANGES}: {attempt} is not rightly called {change}."
            named.add(attempt)
            counted[change] += 1
    for change in _CHANGES:
        if counted[change] != check.manifest["counts"][change]:
            yield f"{release_folder.CHANGES} has other counts than the manifest."
    if check.manifest["previous_version"] is None and counted["added"] != len(check.attempts):
        yield f"{release_folder.CHANGES} has not all attempts, and there is no release before."


def _model(check: Check) -> Iterator[str]:
    """Is it one model in both forms, does it answer as was stored, and is its manifest of it?"""
    from trainer.learning import onnx_file

    said = check.manifest["model"]
    data = release_told.read(check.path(release_folder.MODEL))
    try:
        tensors = weights.read(said["architecture"], data, said["sha256"])
    except weights.BadWeights as error:
        yield f"{release_folder.MODEL}: {error}"
        return
    if onnx_file.dump(said["architecture"], data) != release_told.read(
        check.path(release_folder.ONNX)
    ):
        yield f"{release_folder.ONNX} is of another model than {release_folder.MODEL}."
    yield from _answers(check, inference.Net(said["architecture"], tensors))
    if said["manifest"]:
        yield from _manifest(check, said)
    if check.path(release_folder.TRAINING_SET).exists():
        yield from _trained(check, said)


def _answers(check: Check, net: inference.Net) -> Iterator[str]:
    from pyarrow import parquet

    with parquet.ParquetFile(check.path(ATTEMPTS)) as file:
        for batch in file.iter_batches(
            AT_ONCE, columns=["id", "round", "image", "probabilities"], use_threads=False
        ):
            rows = [
                row
                for row in batch.to_pylist()
                if row["round"] == check.manifest["round"] and row["image"] is not None
            ]
            if not rows:
                continue
            answers = net.probabilities(np.stack([pixels_of(row) for row in rows]))
            stored = np.array([row["probabilities"] for row in rows])
            for row in np.flatnonzero(np.abs(answers - stored).max(axis=1) > ALIKE):
                yield f"{ATTEMPTS}: {rows[row]['id']} is not what the model answers."


def _manifest(check: Check, said: Row) -> Iterator[str]:
    """Is the model's own manifest whole, and of this model?"""
    if not is_sealed(said["manifest"]):
        yield "The model's manifest is not sealed by what it says."
    if said["manifest"]["architecture"] != said["architecture"]:
        yield "The model's manifest is of another architecture."
    recipe = release_told.read_json(check.path(release_folder.RECIPE))
    if recipe != said["manifest"]["recipe"]:
        yield f"{release_folder.RECIPE} is not the manifest's."


def _trained(check: Check, said: Row) -> Iterator[str]:
    """Is the training set the samples that are called trained on, and what the manifest names?"""
    from trainer.learning import fit

    manifest, name = said["manifest"], release_folder.TRAINING_SET
    _require_arrays(check.path(name), len(check.trained))
    with np.load(check.path(name), allow_pickle=False) as arrays:
        ids, pixels, labels = (arrays[each] for each in _ARRAYS)
    told = [hashlib.sha256(each.tobytes()).digest() for each in pixels]
    learned = dict(zip(ids.tolist(), zip(told, labels.tolist(), strict=True), strict=True))
    if learned != check.trained:
        yield f"{name} is not what {SAMPLES} says that the model was trained on."
    if not manifest:
        return
    start = None
    if check.path(release_folder.INITIAL).exists():
        start = weights.checksum(release_told.read(check.path(release_folder.INITIAL)))
    again = fit.manifest(
        [str(each) for each in ids],
        pixels,
        labels,
        manifest["base_sha256"],
        start,
        said["architecture"],
        fit.Recipe(**manifest["recipe"]),
        said["seed"],
    )
    for part in ("architecture", "seed", "start_sha256", "samples", "samples_sha256"):
        if again[part] != manifest[part]:
            yield f"{name}: the model's manifest says otherwise of {part}."


def _require_arrays(path: Path, count: int) -> None:
    """Require of the training set that it has these arrays, of so many samples and no more, before
    any of it is read. Raises ValueError."""
    shapes = {"ids": (count,), "pixels": (count, raster.SIDE, raster.SIDE), "labels": (count,)}
    kinds = {"ids": "U", "pixels": "u", "labels": "i"}
    sizes = {"ids": 4 * 36, "pixels": 1, "labels": 8}
    with zipfile.ZipFile(path) as zipped:
        if sorted(zipped.namelist()) != sorted(f"{name}.npy" for name in _ARRAYS):
            raise ValueError(f"{path.name} has other arrays")
        release_formats.require_ours(zipped)
        for name in _ARRAYS:
            with zipped.open(f"{name}.npy") as file:
                if np.lib.format.read_magic(file) != (1, 0):
                    raise ValueError(f"{path.name} has {name} of another form")
                shape, _, kind = np.lib.format.read_array_header_1_0(file)
            if (shape, kind.kind, kind.itemsize) != (shapes[name], kinds[name], sizes[name]):
                raise ValueError(f"{path.name} has {name} of another shape")
