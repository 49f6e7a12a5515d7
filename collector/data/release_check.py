"""Does a release agree with itself? All of it is looked at from its folder alone: nothing is asked
of a database."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.data import release_columns, release_folder, release_formats, release_texts
from collector.data.release_columns import ATTEMPTS, READINGS, SAMPLES
from collector.data.release_formats import pixels_of
from collector.rules.verdicts import ANSWERS
from trainer.learning import drawing, inference, raster, weights
from trainer.learning.manifests import is_sealed

MOST_IN_A_GROUP = 1 << 28  # bytes: of our own the largest has 40 MB
ALIKE = 1e-5  # how far an answer may be from the one that was stored
_CALLED_FOOLS = {"verified": True, "not_fooled": False}
Row = dict[str, Any]


@dataclass(frozen=True)
class _Kept:
    """What the other tables are compared with, of an attempt."""

    drawer: str
    settled_label: int | None
    pixels: bytes  # their SHA-256; nothing of what was taken back
    split: str | None


@dataclass
class Check:
    """One look at a release: `problems` yields a sentence for whatever does not agree."""

    folder: Path
    manifest: Row = field(default_factory=dict)
    attempts: dict[str, _Kept] = field(default_factory=dict)
    row_counts: Counter[str] = field(default_factory=Counter)

    def problems(self) -> Iterator[str]:
        """Yield what does not agree; files that are not those of SHA256SUMS are looked at no
        further."""
        try:
            damage = list(_checksums(self.folder))
            yield from damage
            if damage:
                return
            self.manifest = json.loads((self.folder / release_folder.MANIFEST).read_text())
            if self.manifest["format"] != release_folder.FORMAT:
                yield f"It is of format {self.manifest['format']}, which is unknown here."
                return
            for name, look in ((ATTEMPTS, _attempt), (READINGS, _reading), (SAMPLES, _sample)):
                yield from self._table(name, look)
            yield from release_formats.problems(self.folder)
            yield from _changes(self)
            yield from _model(self)
            yield from _croissant(self)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            yield f"It cannot be read any further: {type(error).__name__}: {error}."

    def path(self, name: str) -> Path:
        return self.folder / name

    def _table(self, name: str, look: Any) -> Iterator[str]:
        """Look at each row of a table, group by group."""
        from pyarrow import parquet

        with parquet.ParquetFile(self.path(name)) as file:
            if not file.schema_arrow.equals(release_columns.schema(name)):
                yield f"{name} has other columns."
                return
            groups = (file.metadata.row_group(number) for number in range(file.num_row_groups))
            if any(group.total_byte_size > MOST_IN_A_GROUP for group in groups):
                yield f"{name} has more than {MOST_IN_A_GROUP:,} bytes in a group of rows."
                return
            last = ""
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    if row["id"] <= last:
                        yield f"{name}: {row['id']} is not in the order of the ids."
                    last = row["id"]
                    self.row_counts[name] += 1
                    yield from (f"{name}: {last} {problem}." for problem in look(self, row))
        if self.row_counts[name] != self.manifest["counts"][name]:
            yield f"{name} has {self.row_counts[name]:,} rows, and the manifest says otherwise."


def _checksums(folder: Path) -> Iterator[str]:
    lines = (folder / release_folder.SUMS).read_text(encoding="utf-8").splitlines()
    stated = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    there = {path.name for path in folder.iterdir()} - {release_folder.SUMS}
    yield from (f"{name} is not in SHA256SUMS." for name in sorted(there - set(stated)))
    for name, sha256 in stated.items():
        if name not in there:
            yield f"{name} is missing."
        elif release_folder.digest(folder / name) != sha256:
            yield f"{name} is not what SHA256SUMS says."


def _attempt(check: Check, row: Row) -> Iterator[str]:
    probabilities = row["probabilities"]
    if row["predicted_label"] != int(np.argmax(probabilities)) or len(probabilities) != 10:
        yield "was predicted otherwise than its probabilities say"
    if not {row["target_label"], row["settled_label"]} <= {None, *range(10)}:
        yield "has a label that is no digit"
    if row["fooled"] != (row["target_label"] != row["predicted_label"]):
        yield "does not say rightly whether it fooled"
    if _CALLED_FOOLS.get(row["status"], row["fooled"]) != row["fooled"]:
        yield f"is {row['status']}, which does not go with whether it fooled"
    if not 1 <= row["round"] <= check.manifest["round"]:
        yield "is of another round"
    if row["licence"] not in check.manifest["licences"]:
        yield "was given under another licence"
    pixels = b""
    if row["image"] is not None:
        picture = pixels_of(row)
        pixels = hashlib.sha256(picture.tobytes()).digest()
        yield from _drawn(row, picture)
    check.attempts[row["id"]] = _Kept(row["drawer"], row["settled_label"], pixels, row["split"])


def _drawn(row: Row, picture: NDArray[np.uint8]) -> Iterator[str]:
    """Is the picture that of the strokes, where there are any?"""
    if row["strokes"] is None and row["imported"]:
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
    if row["attempt"] not in check.attempts:
        yield "is of no attempt here"
    if row["answer"] not in ANSWERS:
        yield f"answers {row['answer']!r}"


def _sample(check: Check, row: Row) -> Iterator[str]:
    kept = check.attempts.get(row["attempt"])
    if kept is None:
        yield "is of no attempt here"
        return
    if kept.drawer != row["drawer"]:
        yield "is of another drawer than its attempt"
    if kept.split != row["split"]:
        yield "is of another split than its attempt"
    if not row["withdrawn"] and kept.settled_label not in (None, row["label"]):
        yield "is kept under another digit than its attempt settled as"
    if kept.pixels not in (b"", hashlib.sha256(pixels_of(row).tobytes()).digest()):
        yield "has another picture than its attempt"


def _changes(check: Check) -> Iterator[str]:
    with check.path(release_folder.CHANGES).open(encoding="utf-8", newline="") as file:
        changes = {row["attempt"]: row["change"] for row in csv.DictReader(file)}
    for attempt, change in changes.items():
        if (change == "added") != (attempt in check.attempts):
            yield f"{release_folder.CHANGES}: {attempt} is not rightly called {change}."
    counted = Counter(changes.values())
    for change in ("added", "withdrawn"):
        if counted[change] != check.manifest["counts"][change]:
            yield f"{release_folder.CHANGES} has other counts than the manifest."


def _model(check: Check) -> Iterator[str]:
    """Is it one model in both forms, does it answer as was stored, and is its manifest of it?"""
    from trainer.learning import onnx_file

    said = check.manifest["model"]
    data = check.path(release_folder.MODEL).read_bytes()
    try:
        tensors = weights.read(said["architecture"], data, said["sha256"])
    except weights.BadWeights as error:
        yield f"{release_folder.MODEL}: {error}"
        return
    if onnx_file.dump(said["architecture"], data) != check.path(release_folder.ONNX).read_bytes():
        yield f"{release_folder.ONNX} is of another model than {release_folder.MODEL}."
    yield from _answers(check, inference.Net(said["architecture"], tensors))
    if said["manifest"]:
        yield from _trained(check, said)


def _answers(check: Check, net: inference.Net) -> Iterator[str]:
    from pyarrow import parquet

    with parquet.ParquetFile(check.path(ATTEMPTS)) as file:
        for batch in file.iter_batches(columns=["id", "round", "image", "probabilities"]):
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


def _trained(check: Check, said: Row) -> Iterator[str]:
    """Is the training set what the manifest names?"""
    from trainer.learning import fit

    manifest = said["manifest"]
    if not is_sealed(manifest):
        yield "The model's manifest is not sealed by what it says."
    if json.loads(check.path(release_folder.RECIPE).read_text()) != manifest["recipe"]:
        yield f"{release_folder.RECIPE} is not the manifest's."
    if not check.path(release_folder.TRAINING_SET).exists():
        return
    start = weights.checksum(check.path(release_folder.INITIAL).read_bytes())
    with np.load(check.path(release_folder.TRAINING_SET), allow_pickle=False) as arrays:
        ids, pixels, labels = (arrays[name] for name in ("ids", "pixels", "labels"))
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
            yield f"{release_folder.TRAINING_SET}: the model's manifest says otherwise of {part}."


def _croissant(check: Check) -> Iterator[str]:
    croissant = json.loads(check.path(release_texts.CROISSANT).read_text(encoding="utf-8"))
    if croissant["version"] != check.manifest["version"]:
        yield f"{release_texts.CROISSANT} is of another version."
    for file in croissant["distribution"]:
        name = Path(file["contentUrl"]).name
        if release_folder.digest(check.path(name)) != file["sha256"]:
            yield f"{release_texts.CROISSANT} has another checksum of {name}."
