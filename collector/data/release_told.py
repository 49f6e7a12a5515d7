"""What a release says of itself: does it follow from its rows, and is there nothing else? Of all
that is told, only what nothing in the folder says is believed."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from collector.data import release_columns, release_folder, release_formats, release_texts
from collector.models import LONGEST_SETTING, LONGEST_TITLE
from trainer.learning import report

MOST_IN_A_FILE = 1 << 26  # bytes of what is read whole
MOST_OF_A_DOI = 100  # characters, as the site keeps it
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\\\0]+)")
_VERSION = re.compile(r"[1-9]\d{0,5}\.\d{1,6}\.\d{1,6}")
_PICTURES = re.compile(release_formats.IMAGES.format(r"[1-9]\d*"))
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = (
    release_texts.README,
    release_texts.LICENSE,
    release_texts.CITATION,
    release_texts.CROISSANT,
)
# What Croissant says of a release in the same words, whichever version of this code has made it.
_OF_ANY_VERSION = ("version", "datePublished", "license", "citeAs", "distribution")
_ALWAYS = {
    *release_columns.TABLES,
    release_formats.ARRAYS,
    release_formats.LINES,
    release_formats.TABLE,
    release_folder.MANIFEST,
    release_folder.REPORT,
    release_folder.CHANGES,
    release_folder.SUMS,
    release_folder.MODEL,
    release_folder.ONNX,
    *_TEXTS,
}
Row = dict[str, Any]


@dataclass
class Seen:
    """What the rows say that the manifest says too."""

    licences: set[str | None] = field(default_factory=set)
    imported_count: int = 0
    trained_count: int = 0
    newest: datetime | None = None  # when the last attempt settled

    def take(self, row: Row) -> None:
        """See an attempt."""
        self.licences.add(row["licence"])
        self.imported_count += row["imported"]
        if (settled_at := row["settled_at"]) is not None:
            self.newest = max(settled_at, self.newest or settled_at)


def read(path: Path) -> bytes:
    """Return what is in a file that is to be read whole. Raises ValueError where that is much."""
    if path.stat().st_size > MOST_IN_A_FILE:
        raise ValueError(f"{path.name} has more than {MOST_IN_A_FILE:,} bytes")
    return path.read_bytes()


def read_json(path: Path) -> Any:
    """Return the JSON in a file."""
    return json.loads(read(path).decode())


def checksums(folder: Path) -> Iterator[str]:
    """Yield where the files are not those of SHA256SUMS, each named once; a link is no file."""
    there = {path.name: path for path in folder.iterdir()}
    odd = [name for name, path in there.items() if path.is_symlink() or not path.is_file()]
    if odd:
        yield from (f"{name} is a link or no file." for name in sorted(odd))
        return
    stated: dict[str, str] = {}
    *lines, rest = read(folder / release_folder.SUMS).decode().split("\n")
    for line in [*lines, *filter(None, [rest])]:
        if (told := _LINE.fullmatch(line)) is None:
            yield f"{release_folder.SUMS} has a line that names no file."
        elif told[2] in stated:
            yield f"{told[2]} is twice in {release_folder.SUMS}."
        else:
            stated[told[2]] = told[1]
    del there[release_folder.SUMS]
    yield from (f"{name} is not in SHA256SUMS." for name in sorted(set(there) - set(stated)))
    for name, sha256 in stated.items():
        if name not in there:
            yield f"{name} is missing."
        elif release_folder.digest(there[name]) != sha256:
            yield f"{name} is not what SHA256SUMS says."


def names(folder: Path, manifest: Row) -> Iterator[str]:
    """Yield which files are lacking, and which have no place; of the pictures, the forms say."""
    model, expected = manifest["model"], set(_ALWAYS)
    has_set = not model["not_reproducible_since"] and model["sample_count"] > 0
    there = {path.name for path in folder.iterdir()}
    if model["manifest"]:
        expected.add(release_folder.RECIPE)
    if has_set:
        expected.add(release_folder.TRAINING_SET)
        if model["manifest"] is None:  # nobody knows whether it began anywhere
            there.discard(release_folder.INITIAL)
        elif model["manifest"]["start_sha256"]:
            expected.add(release_folder.INITIAL)
    there = {name for name in there if not _PICTURES.fullmatch(name)}
    yield from (f"{name} is missing." for name in sorted(expected - there))
    yield from (f"{name} has no place here." for name in sorted(there - expected))


def manifest(told: Row, seen: Seen) -> Iterator[str]:
    """Yield what the manifest says that the rows do not."""

    def wrong(what: str) -> str:
        return f"{release_folder.MANIFEST}: {what}."

    numbers = [each["number"] for each in told["rounds"]]
    if not numbers or numbers != list(range(1, told["round"] + 1)):
        yield wrong("its rounds are not those up to its own")
        return
    times = [
        (datetime.fromisoformat(each["opened_at"]), datetime.fromisoformat(each["closed_at"]))
        for each in told["rounds"]
    ]
    if any(opened_at > closed_at for opened_at, closed_at in times):
        yield wrong("a round was over before it was open")
    as_of = max(filter(None, (times[-1][1], seen.newest)))
    if as_of.isoformat() != told["as_of"]:
        yield wrong("it is of another moment than the last thing in it")
    if told["licences"] != [each or None for each in sorted(each or "" for each in seen.licences)]:
        yield wrong("its licences are not those of its attempts")
    if told["imported_count"] != seen.imported_count:
        yield wrong("imported were another number of attempts")
    yield from map(wrong, _versions(told))
    yield from map(wrong, _model(told["model"], seen.trained_count))
    yield from map(wrong, _study(told))
    if "citation" in told and not _is_citation(**told["citation"]):
        yield wrong("it is to be cited by no title and authors")


def _versions(told: Row) -> Iterator[str]:
    version, previous, doi = told["version"], told["previous_version"], told["cited_doi"]
    if not _VERSION.fullmatch(version) or int(version.split(".")[1]) != told["round"]:
        yield "its version is none of its round"
    if previous is not None and not _VERSION.fullmatch(previous):
        yield "the version before it is none"
    if doi is not None and not (len(doi) <= MOST_OF_A_DOI and _DOI.fullmatch(doi)):
        yield "what it is to be cited by is no DOI"


def _model(said: Row, trained_count: int) -> Iterator[str]:
    count, made_by, since = said["sample_count"], said["manifest"], said["not_reproducible_since"]
    if since is not None:
        datetime.fromisoformat(since)
    # What was removed since is counted, and no row any more.
    if count < trained_count or (count == trained_count) != (since is None):
        yield "its model was trained on another number of samples"
    if made_by and (made_by["samples"], made_by["seed"]) != (count, said["seed"]):
        yield "its model's own manifest says otherwise of samples or seed"
    has_set = count > 0 and since is None
    is_made = made_by is not None and (made_by["start_sha256"] is None or has_set)
    command = release_folder.command(said["architecture"], said["seed"], has_set=has_set)
    if said["remake"] != (command if is_made else None):
        yield "by another command is its model made again"


def _study(told: Row) -> Iterator[str]:
    """Of the protocol, and of the release that the study came by, only the form can be known."""
    protocol, opened = told.get("protocol"), told.get("opened_from")
    if protocol is not None:
        datetime.fromisoformat(protocol["started_at"])
        if not _SHA256.fullmatch(protocol["sha256"]) or not isinstance(protocol["changes"], list):
            yield "its protocol is none"
    if opened is not None and not (
        _VERSION.fullmatch(opened["version"])
        and _SHA256.fullmatch(opened["sha256"])
        and 1 <= opened["round"] < told["round"]
    ):
        yield "it was opened from no release"


def _is_citation(title: str | None, authors: list[str]) -> bool:
    """Whether a study can have these; what they say is believed."""
    lines = authors if title is None else [title, *authors]
    return (
        bool(lines)
        and all(line and line.isprintable() for line in lines)
        and len(title or "") <= LONGEST_TITLE
        and len("\n".join(authors)) <= LONGEST_SETTING
    )


def measured(folder: Path, has_manifest: bool) -> Iterator[str]:
    """Yield why the report is none, or contradicts itself; a model with a manifest was measured."""
    try:
        told = read_json(folder / release_folder.REPORT)
        is_measured = told is not None and bool(report.strictly(told).sets)
    except ValueError as error:
        yield f"{release_folder.REPORT}: {error}."
        return
    if has_manifest and not is_measured:
        yield f"{release_folder.REPORT} says nothing of the model."


def texts(folder: Path, manifest: Row) -> Iterator[str]:
    """Yield which of the texts are not what the manifest makes. The words of another version of
    this code are not known here: of that only what says something of this release is compared."""
    files = [path for path in release_folder.files_in(folder) if path.name not in _TEXTS]
    sums = {path.name: release_folder.digest(path) for path in files}
    del sums[release_folder.SUMS]
    sizes = {name: (folder / name).stat().st_size for name in sums}
    again = release_texts.made(manifest, sums, sizes)
    is_ours = manifest["made_with"]["dadc"] == settings.VERSION
    for name, text in again.items():
        there = read(folder / name).decode()
        if not (there == text if is_ours else _says_the_same(name, there, text)):
            yield f"{name} is not what {release_folder.MANIFEST} makes."


def _says_the_same(name: str, there: str, text: str) -> bool:
    if name == release_texts.CROISSANT:
        told, wanted = json.loads(there), json.loads(text)
        return all(told[each] == wanted[each] for each in _OF_ANY_VERSION)
    lines = set(there.splitlines())
    return all(line in lines for line in text.splitlines() if _TELLS[name].match(line))


# The lines of a text that say something of the release, whichever version has made it.
_TELLS = {
    release_texts.README: re.compile(r"license: |# |The drawings |Not all "),
    release_texts.LICENSE: re.compile(r".*, release \d|The drawings |Not all "),
    release_texts.CITATION: re.compile(r"(version|date-released|doi|license|title): "),
}
