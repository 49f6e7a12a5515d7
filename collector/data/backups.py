"""A copy of the whole database in one file, taken while the site runs, and the way back.

The file is a tar of `manifest.json`, `database` (SQLite's file, or pg_dump's) and `SHA256SUMS` of
both, so it can be checked and taken apart without us. The secret key is not in it.
"""

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any

from django.conf import settings
from django.db import DatabaseError
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from collector.data import dumps, whole_files
from collector.errors import Refused
from trainer import heartbeats

FORMAT = 1
MANIFEST, DATABASE, SUMS = "manifest.json", "database", "SHA256SUMS"
_OURS = ("collector.", "trainer.")  # whose migrations go forward only
_SAID: dict[str, Callable[[Any], bool]] = {
    "format": lambda said: type(said) is int,
    "version": lambda said: isinstance(said, str),
    "kind": lambda said: isinstance(said, str),
    "taken_at": lambda said: isinstance(said, str),
    "migrations": lambda said: isinstance(said, list) and all(isinstance(m, str) for m in said),
    "counts": lambda said: isinstance(said, dict) and all(type(n) is int for n in said.values()),
}
_PART = 1 << 20
_MOST_OF_A_MANIFEST = 1 << 20  # bytes


@dataclass(frozen=True)
class Backup:
    """What a backup is of, how large it is and how long it took."""

    version: str
    taken_at: str
    counts: Mapping[str, int]
    bytes: int
    seconds: float

    def __str__(self) -> str:
        tables = {
            "people": "collector_person",
            "attempts": "collector_attempt",
            "samples": "trainer_sample",
            "rounds": "trainer_round",
        }
        counted = ", ".join(f"{self.counts.get(t, 0):,} {many}" for many, t in tables.items())
        return f"{counted}; {self.bytes / 1e6:.1f} MB, {self.seconds:.1f} s"


def write(path: Path) -> Backup:
    """Write the database as it is at one moment to a new file at `path`, which appears whole or not
    at all. Raises Refused."""
    begun = monotonic()
    with whole_files.making(path) as folder:
        dump = folder / DATABASE
        manifest = {
            "format": FORMAT,
            "version": settings.VERSION,
            "kind": dumps.kind(),
            "taken_at": timezone.now().isoformat(),
            **dumps.write(dump),
        }
        text = json.dumps(manifest, indent=1).encode()
        with dump.open("rb") as file:
            sums = {MANIFEST: _sha256(io.BytesIO(text)), DATABASE: _sha256(file)}
        lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sums.items()).encode()
        with tarfile.open(folder / "whole", "w") as tar:
            _add(tar, MANIFEST, text)
            tar.add(dump, DATABASE, filter=_of_nobody)
            _add(tar, SUMS, lines)
        dump.unlink()
    return _described(path, manifest, begun)


def restore(path: Path, *, replaces: bool) -> Backup:
    """Put a backup into the empty database, or, if it `replaces`, in place of all that is in it, in
    one transaction. Older ones are left as they are: `migrate` brings them forward.

    Raises Refused, with nothing changed: for what is no backup, or damaged, of another kind of
    database or a newer version, and for a database that is not empty, or that the site still uses.
    """
    begun = monotonic()
    with _taken_apart(path) as (manifest, dump):
        _require_loadable(path, manifest)
        if not replaces and not dumps.is_empty():
            raise Refused(
                "The database is not empty, and nothing was changed. Restore into a new one (set "
                "DATABASE_URL, or DADC_DATA_DIR to another folder); or stop the site and say "
                "--replace, which deletes all that is in this one."
            )
        _require_stopped()
        dumps.load(dump, str(manifest.get("schema", "")))
    return _described(path, manifest, begun)


def _require_stopped() -> None:
    """Raise Refused where a program of the site has lately shown life."""
    with suppress(DatabaseError):  # there are no such rows, or of another version
        if living := heartbeats.living():
            raise Refused(
                f"The site still runs, and nothing was changed: {', '.join(living)} showed life "
                "within the last three minutes. Stop it first; if it was killed, wait that long."
            )


def _described(path: Path, manifest: Mapping[str, Any], begun: float) -> Backup:
    return Backup(
        manifest["version"],
        manifest["taken_at"],
        manifest["counts"],
        path.stat().st_size,
        monotonic() - begun,
    )


@contextmanager
def _taken_apart(path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Give a backup's manifest and a file with its dump, both as they were written. Raises
    Refused."""
    try:
        with tempfile.TemporaryDirectory(prefix="restore.", dir=settings.DATA_DIR) as folder:
            dump = Path(folder) / DATABASE
            with tarfile.open(path, "r:") as tar, dump.open("wb") as out:
                if path.stat().st_size % tarfile.RECORDSIZE:
                    raise tarfile.ReadError("cut short")
                text = _member(tar, MANIFEST).read(_MOST_OF_A_MANIFEST)
                found = {
                    MANIFEST: _sha256(io.BytesIO(text)),
                    DATABASE: _sha256(_member(tar, DATABASE), out),
                }
                lines = _member(tar, SUMS).read(_MOST_OF_A_MANIFEST).decode().splitlines()
            if lines != [f"{sha256}  {name}" for name, sha256 in found.items()]:
                raise tarfile.ReadError("its checksums are not those of what is in it")
            yield _read(text), dump
    except (tarfile.TarError, ValueError, RecursionError) as error:
        raise Refused(f"{path} is no whole backup, and nothing was changed: {error}.") from error
    except OSError as error:
        raise Refused(
            f"{error.filename or path}: {error.strerror or error}. Nothing was changed."
        ) from error


def _read(text: bytes) -> dict[str, Any]:
    manifest = json.loads(text)
    said = manifest if isinstance(manifest, dict) else {}
    if missing := [name for name, is_right in _SAID.items() if not is_right(said.get(name))]:
        raise tarfile.ReadError(f"its manifest does not rightly say {', '.join(missing)}")
    return said


def _require_loadable(path: Path, manifest: Mapping[str, Any]) -> None:
    version = manifest["version"]
    known = {".".join(name) for name in MigrationLoader(None).disk_migrations}
    newer = [m for m in manifest["migrations"] if m.startswith(_OURS) and m not in known]
    if manifest["format"] > FORMAT or newer:
        what = f"{', '.join(newer)} is unknown here" if newer else "its form is unknown here"
        raise Refused(
            f"{path} is of a newer version, {version}: {what}. Nothing was changed. Restore it "
            "with that version."
        )
    if manifest["kind"] != dumps.kind():
        raise Refused(
            f"{path} is of a {manifest['kind']} database, and DATABASE_URL leads to "
            f"{dumps.kind()}. Nothing was changed. A backup goes back to its own kind."
        )


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """The content of a plain file in the tar, which is no longer than the tar."""
    try:
        member = tar.getmember(name)
    except KeyError:
        raise tarfile.ReadError(f"it has no {name}") from None
    content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
    if content is None:
        raise tarfile.ReadError(f"{name} in it is no plain file")
    return content


def _sha256(content: IO[bytes], copy: IO[bytes] | None = None) -> str:
    """The checksum of what is left to read, which is copied on the way."""
    digest = hashlib.sha256()
    while part := content.read(_PART):
        digest.update(part)
        if copy:
            copy.write(part)
    return digest.hexdigest()
