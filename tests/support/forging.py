"""Releases as somebody would forge them: whatever follows from what was changed is made again, so
that the checksums, the texts and the forms for other tools agree with it."""

import csv
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from collector.data import release_columns, release_folder, release_formats, release_texts

Forge = Callable[[Path], object]
Rows = list[dict[str, Any]]
TEXTS = ("README.md", "LICENSE", "CITATION.cff", "croissant.json")
SUMS, TRAINING_SET = "SHA256SUMS", "training_set.npz"
_ENCRYPTED = 1


def summed(folder: Path) -> None:
    """Make the checksums those of what is there."""
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(folder.iterdir())
        if file.name != SUMS
    ]
    (folder / SUMS).write_text("".join(lines))


def told_again(folder: Path) -> None:
    """Make the texts of what is there, and the checksums."""
    files = [each for each in folder.iterdir() if each.name not in (SUMS, *TEXTS)]
    sums = {each.name: release_folder.digest(each) for each in files}
    release_texts.write(json.loads((folder / "manifest.json").read_text()), folder, sums)
    summed(folder)


def _rows(table: str, change: Callable[[Rows], object]) -> Forge:
    def forge(folder: Path) -> None:
        import pyarrow
        from pyarrow import parquet

        path = folder / f"{table}.parquet"
        rows = parquet.read_table(path).to_pylist()
        change(rows)
        schema = release_columns.schema(path.name)
        parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path)
        if table == "attempts" and all(map(_has_forms, rows)):
            _forms_again(folder)
        said = json.loads((folder / "manifest.json").read_text())
        said["counts"][path.name] = len(rows)
        (folder / "manifest.json").write_text(json.dumps(said))
        told_again(folder)

    return forge


def _has_forms(row: dict[str, Any]) -> bool:
    return bool(row["strokes"] != [] and (row["image"] is None) == (row["status"] == "retracted"))


def _forms_again(folder: Path) -> None:
    made = folder / "made"
    made.mkdir()
    release_formats.write(folder, made)
    shutil.copytree(made, folder, dirs_exist_ok=True)
    shutil.rmtree(made)


def _row(table: str, **changed: Any) -> Forge:
    """Change the first trick that is still there, or the first row of what is no attempt."""
    if table != "attempts":
        return _rows(table, lambda rows: rows[0].update(changed))
    return _rows(table, lambda rows: _trick(rows).update(changed))


def _all(table: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Forge:
    return _rows(table, lambda rows: [row.update(change(row)) for row in rows])


def _trick(rows: Rows) -> dict[str, Any]:
    """The first of alice, who drew several, in round 1: ids come by chance, and so does whether
    hers of the round that is released is before them."""
    wanted = {"status": "verified", "name": "alice", "round": 1}
    return next(row for row in rows if wanted.items() <= {key: row[key] for key in wanted}.items())


def _first_of_another(rows: Rows) -> None:
    """A sample of the same attempt twice."""
    rows[1].update({name: value for name, value in rows[0].items() if name != "id"})


def said(change: Callable[[dict[str, Any]], object], then: Forge = told_again) -> Forge:
    """Change the manifest, and then what follows."""

    def forge(folder: Path) -> None:
        told = json.loads((folder / "manifest.json").read_text())
        change(told)
        (folder / "manifest.json").write_text(json.dumps(told))
        then(folder)

    return forge


def _of_the_model(**changed: Any) -> Forge:
    return said(lambda told: told["model"].update(changed))


def written(name: str, content: bytes) -> Forge:
    """Write a file, and the texts after it where it is none."""

    def forge(folder: Path) -> None:
        (folder / name).write_bytes(content)
        (summed if name in TEXTS or name == "manifest.json" else told_again)(folder)

    return forge


def _without(*names: str) -> Forge:
    def forge(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()
        (summed if set(names) & set(TEXTS) else told_again)(folder)

    return forge


def _edited(name: str, old: str, new: str) -> Forge:
    def forge(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        written(name, text.replace(old, new).encode())(folder)

    return forge


def _after(name: str, content: bytes) -> Forge:
    """Write what is told of nowhere else."""
    return lambda folder: (folder / name).write_bytes(content)


def _linked(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / "LICENSE").rename(elsewhere)
    (folder / "LICENSE").symlink_to(elsewhere)


def _told_twice(folder: Path) -> None:
    lines = (folder / SUMS).read_text()
    (folder / SUMS).write_text(f"{'0' * 64}  LICENSE\n{lines}")


def packed(name: str, method: int = zipfile.ZIP_DEFLATED, flag: int = 0) -> Forge:
    """Pack a zip in another way; with a flag, in each entry."""

    def forge(folder: Path) -> None:
        with zipfile.ZipFile(folder / name) as zipped:
            parts = [(each, zipped.read(each)) for each in zipped.namelist()]
        with zipfile.ZipFile(folder / name, "w", method) as zipped:
            for each, content in parts:
                zipped.writestr(each, content)
        data = bytearray((folder / name).read_bytes())
        for signature, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
            start = -1
            while (start := data.find(signature, start + 1)) >= 0:
                data[start + place] |= flag
        (folder / name).write_bytes(data)
        told_again(folder)

    return forge


def _damaged(name: str) -> Forge:
    """LZMA whose bytes are none."""

    def forge(folder: Path) -> None:
        packed(name, zipfile.ZIP_LZMA)(folder)
        data = bytearray((folder / name).read_bytes())
        start = 30 + int.from_bytes(data[26:28], "little") + 9
        data[start : start + 11] = bytes(each ^ 0xFF for each in data[start : start + 11])
        (folder / name).write_bytes(data)
        told_again(folder)

    return forge


def _zeros(folder: Path) -> None:
    """A training set of a million pictures without anything on them: 2 MB packed, 784 unpacked."""
    head = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 28, 28)}
    np.lib.format.write_array_header_1_0(head, shape)
    with zipfile.ZipFile(folder / TRAINING_SET) as zipped:
        ids, labels = (zipped.read(f"{name}.npy") for name in ("ids", "labels"))
    with zipfile.ZipFile(folder / TRAINING_SET, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("ids.npy", ids)
        zipped.writestr("labels.npy", labels)
        with zipped.open("pixels.npy", "w") as file:
            file.write(head.getvalue())
            for _ in range(98):
                file.write(bytes(1 << 23))
    told_again(folder)


def _long_reasons(folder: Path) -> None:
    """A text of 300 kB, which stands once in the file, in 8,000 rows."""
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / "attempts.parquet"
    table = parquet.read_table(path).slice(0, 1)
    place = table.schema.get_field_index("reason")
    many = pa.concat_tables([table] * 8000).combine_chunks()
    reason = pa.DictionaryArray.from_arrays(pa.array([0] * 8000, pa.int32()), ["x" * 300_000])
    told = many.set_column(place, "reason", reason)
    parquet.write_table(told, path, compression="zstd", store_schema=False)
    told_again(folder)


def _learned_otherwise(folder: Path) -> None:
    """A training set of other samples, by a manifest that is sealed anew."""
    from trainer.learning.manifests import sealed

    with np.load(folder / TRAINING_SET) as arrays:
        ids, pixels, labels = (arrays[name][1:] for name in ("ids", "pixels", "labels"))
    np.savez_compressed(folder / TRAINING_SET, ids=ids, pixels=pixels, labels=labels)

    def change(told: dict[str, Any]) -> None:
        manifest = told["model"]["manifest"]
        manifest["samples"] = told["model"]["sample_count"] = len(ids)
        told["model"]["manifest"] = sealed({k: v for k, v in manifest.items() if k != "sha256"})

    said(change)(folder)


def _changes(*lines: tuple[str, str]) -> Forge:
    def forge(folder: Path) -> None:
        with (folder / "changes.csv").open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)
        told_again(folder)

    return forge


DEEP = b"[" * 100_000
OTHER_ID = "00000000-0000-4000-8000-000000000000"
_JUNK = _all("readings", lambda row: {"answer": "junk", "correct": row["gold"]})
_NOT_MADE = {name: f"{name} is not what manifest.json makes" for name in TEXTS}
# What the folder alone tells to be forged, and what is said of it.
FORGED: dict[str, tuple[Forge, str]] = {
    **{f"{each} emptied": (written(each, b""), _NOT_MADE[each]) for each in TEXTS},
    **{f"{each} away": (_without(each), f"{each} is missing") for each in TEXTS},
    "a card of ours": (
        _edited("README.md", "license: cc-by", "license: cc0"),
        _NOT_MADE["README.md"],
    ),
    "a licence of ours": (written("LICENSE", b"CC0\n"), _NOT_MADE["LICENSE"]),
    "an author of ours": (
        _edited("CITATION.cff", "The people of", "Me,"),
        _NOT_MADE["CITATION.cff"],
    ),
    "a file elsewhere": (
        _edited("croissant.json", '"contentUrl": "', '"contentUrl": "https://evil.example/'),
        _NOT_MADE["croissant.json"],
    ),
    "a card by another version": (
        lambda folder: (
            said(lambda told: told["made_with"].update(dadc="0.0.1"))(folder),
            _edited("README.md", "license: cc-by", "license: cc0")(folder),
        ),
        _NOT_MADE["README.md"],
    ),
    "another report": (_edited("report.json", '"correct": ', '"correct": 9'), "report.json: "),
    "an empty report": (written("report.json", b"{}"), "report.json: it has no sets"),
    "no report": (written("report.json", b"null"), "says nothing of the model"),
    "a list as report": (written("report.json", b"[1]"), "report.json: "),
    "a text as sets": (written("report.json", b'{"sets": "x"}'), "report.json: sets is not"),
    "a text as count": (
        written("report.json", b'{"sets": {"mnist_test": {"n": "x", "correct": null}}}'),
        "report.json: n of mnist_test is not",
    ),
    "another count of samples": (_of_the_model(sample_count=1_000_000), "number of samples"),
    "another command": (_of_the_model(remake="rm -rf ~"), "by another command"),
    "another seed": (_of_the_model(seed=5), "says otherwise of samples or seed"),
    "gone by its word": (
        _of_the_model(not_reproducible_since="2026-01-01T00:00:00+00:00"),
        "number of samples",
    ),
    "more imported": (said(lambda told: told.update(imported_count=9)), "imported were another"),
    "no rounds": (said(lambda told: told.update(rounds=told["rounds"][:1])), "its rounds are not"),
    "no round": (said(lambda told: told.update(rounds=[]), summed), "its rounds are not"),
    "another day": (
        said(lambda told: told.update(as_of="1999-01-01T00:00:00+00:00")),
        "of another moment",
    ),
    "a licence more": (said(lambda told: told["licences"].append("CC0-1.0")), "its licences"),
    "another version": (said(lambda told: told.update(version="1.9.0")), "none of its round"),
    "a citation of nobody": (
        said(lambda told: told.update(citation={"title": None, "authors": []})),
        "cited by no title and authors",
    ),
    "an author of two lines": (
        said(lambda told: told.update(citation={"title": None, "authors": ["a\nb"]})),
        "cited by no title and authors",
    ),
    "an odd version before": (said(lambda told: told.update(previous_version="x")), "before it"),
    "an odd DOI": (said(lambda told: told.update(cited_doi="me")), "is no DOI"),
    "an odd protocol": (said(lambda told: told.update(protocol="x")), "It cannot be read"),
    "no training set": (_without(TRAINING_SET), f"{TRAINING_SET} is missing"),
    "no start": (_without("initial.safetensors"), "initial.safetensors is missing"),
    "no recipe": (_without("recipe.json"), "recipe.json is missing"),
    "another training set, sealed": (_learned_otherwise, "number of samples"),
    "a program": (written("model.pkl", b"cos\nsystem\n"), "model.pkl has no place here"),
    "a link": (_linked, "LICENSE is a link"),
    "a file told twice": (_told_twice, f"LICENSE is twice in {SUMS}"),
    "a line of nothing": (
        lambda folder: (folder / SUMS).write_text(f"{(folder / SUMS).read_text()}x\n"),
        "a line that names no file",
    ),
    "junk to all who read": (_JUNK, "did not settle as it says: its readings leave it open"),
    "rightly called wrong": (
        _all("readings", lambda row: {"correct": row["gold"] or not row["correct"]}),
        "not rightly called correct",
    ),
    "readings that do not count": (
        _all("readings", lambda row: {"discounted": True}),
        "its readings leave it open",
    ),
    "readings of gold": (_all("readings", lambda row: {"gold": True}), "its readings leave it"),
    "verified turned rejected": (
        _row("attempts", status="rejected", settled_label=None),
        "did not settle as it says",
    ),
    "verified turned ambiguous by an admin": (
        _row("attempts", status="ambiguous", settled_by="admin"),
        "did not settle as it says",
    ),
    "settled by nobody": (_row("attempts", settled_by=None), "settled by None, which cannot be"),
    "imported by its word": (_row("attempts", settled_by="import"), "settled by import, which"),
    "another name": (_row("attempts", name="Angela"), "a name that is not its drawer's alone"),
    "a name of two": (
        _all("attempts", lambda row: {"name": "Angela"}),
        "a name that is not its drawer's alone",
    ),
    "another split": (_row("attempts", split="test"), "than what else its drawer drew"),
    "pending": (_row("attempts", status="pending"), "pending, which nothing is"),
    "of another arm": (_row("attempts", arm="static"), "of another round"),
    "nearly like nothing": (
        _row("attempts", near_duplicate_of="nowhere", original=False),
        "nearly repeats nowhere",
    ),
    "nearly like another of round 1": (
        _row("attempts", near_duplicate_of=OTHER_ID, original=False),
        f"nearly repeats {OTHER_ID}",
    ),
    "original and a copy": (_row("attempts", mnist_duplicate=True), "called an original"),
    "samples that did not fool": (_all("samples", lambda row: {"fooled": False}), "whether it fo"),
    "a sample of round 77": (_row("samples", round=77), "of another round than its attempt"),
    "a sample twice": (_rows("samples", _first_of_another), "a sample before"),
    "samples not learned": (_all("samples", lambda row: {"trained_on": False}), "number of samp"),
    "samples withdrawn": (
        _all("samples", lambda row: {"withdrawn": True, "trained_on": False}),
        "is withdrawn, and was not trained on",
    ),
    "a change told twice": (_changes((OTHER_ID, "withdrawn"), (OTHER_ID, "withdrawn")), "twice"),
    "a change too many": (_changes((OTHER_ID, "added")), "is not rightly called added"),
    "fewer came": (
        lambda folder: (
            written("changes.csv", b"attempt,change\n")(folder),
            said(lambda told: told["counts"].update(added=0))(folder),
        ),
        "has not all attempts",
    ),
}
# What would end a reader that is not ready for it, and what is said instead.
BROKEN: dict[str, tuple[Forge, str]] = {
    "no strokes": (_row("attempts", strokes=[]), "has no strokes"),
    "a stroke without points": (
        _row("attempts", strokes=[{"x": [], "y": [], "t": []}]),
        "one without a point",
    ),
    "no picture": (_row("attempts", image=None), "has no picture"),
    "damaged LZMA of pictures": (_damaged("images-1.zip"), "images-1.zip is not what"),
    "damaged LZMA of arrays": (_damaged("attempts.npz"), "attempts.npz is not what"),
    "damaged LZMA of samples": (_damaged(TRAINING_SET), "It cannot be read any further"),
    "bzip2": (packed("images-1.zip", zipfile.ZIP_BZIP2), "images-1.zip is not what"),
    "pictures under a password": (packed("images-1.zip", flag=_ENCRYPTED), "images-1.zip is not"),
    "arrays under a password": (packed("attempts.npz", flag=_ENCRYPTED), "attempts.npz is not"),
    "samples under a password": (packed(TRAINING_SET, flag=_ENCRYPTED), "It cannot be read"),
    "no zip of samples": (written(TRAINING_SET, b"x" * 50), "It cannot be read any further"),
    "a torn zip of samples": (written(TRAINING_SET, b"PK\3\4x"), "It cannot be read any further"),
    "nothing of samples": (written(TRAINING_SET, b""), "It cannot be read any further"),
    "samples of zeros": (_zeros, "pixels of another shape"),
    "a long cell": (
        written("changes.csv", b"attempt,change\n" + b"x" * 200_000 + b",added\n"),
        "changes.csv has other columns",
    ),
    "a quoted cell without end": (
        written("changes.csv", b'attempt,change\n"' + b"x" * 200_000),
        "It cannot be read any further",
    ),
    "no cell": (written("changes.csv", b""), "changes.csv has other columns"),
    "a deep manifest": (written("manifest.json", DEEP), "any further: RecursionError"),
    "a list as manifest": (written("manifest.json", b"[]"), "It cannot be read any further"),
    "a deep recipe": (written("recipe.json", DEEP), "any further: RecursionError"),
    "a deep report": (written("report.json", DEEP), "any further: RecursionError"),
    "a deep Croissant": (written("croissant.json", DEEP), "croissant.json is not what"),
    "an unknown architecture": (_of_the_model(architecture="../x"), "It cannot be read"),
    "no model's manifest": (_of_the_model(manifest="x"), "It cannot be read"),
    "sums that are no text": (_after(SUMS, b"\xff\xfe"), "It cannot be read any further"),
    "no sums": (lambda folder: (folder / SUMS).unlink(), "It cannot be read any further"),
    "no Parquet": (written("attempts.parquet", b"PAR1xPAR1"), "It cannot be read any further"),
    "long texts, told once": (_long_reasons, "has a longer reason than any release"),
    "a long path": (
        _row("samples", image={"bytes": b"", "path": "x" * 3000}),
        "has a longer image than any release",
    ),
}
