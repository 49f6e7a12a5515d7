"""A file that says what is in it and holds the checksums of all of it: a plain tar of
`manifest.json`, whatever is kept, and `SHA256SUMS`, so that it is checked and taken apart without
us. It is written whole or not at all, and read as it was written or not at all."""

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any

from collector.data import whole_files
from collector.errors import Refused

FORMAT = 1
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
_SAID: dict[str, Callable[[Any], bool]] = {
    "format": lambda said: type(said) is int,
    "version": lambda said: _is_plain(said),
    "kind": lambda said: _is_plain(said),
    "taken_at": lambda said: _is_plain(said),
    "migrations": lambda said: isinstance(said, list) and all(map(_is_plain, said)),
    "counts": lambda said: (
        isinstance(said, dict)
        and all(map(_is_plain, said))
        and all(type(n) is int for n in said.values())
    ),
}
_PART = 1 << 20
_MOST_TEXT = 1 << 20  # bytes of the manifest, and of the checksums
# What reading something broken raises, beside OSError.
_BROKEN = (tarfile.TarError, ValueError, EOFError, RecursionError, zlib.error)


class Broken(ValueError):
    """It is not as it was written, or was never written by us; the text says what is wrong."""


@dataclass(frozen=True)
class Summary:
    """What such a file is of, how large it is and how long it took."""

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


class Sealing:
    """What is put into a new file, one after the other. `folder` is beside its place, to work
    in."""

    def __init__(self, folder: Path, tar: tarfile.TarFile) -> None:
        self.folder = folder
        self._tar, self._sums = tar, list[str]()

    def say(self, manifest: Mapping[str, Any]) -> None:
        """Add the manifest."""
        self._add(MANIFEST, json.dumps(manifest, indent=1).encode())

    def add(self, path: Path) -> None:
        """Add a file under its name, and delete it."""
        with path.open("rb") as file:
            self._sums.append(f"{_sha256(file)}  {path.name}\n")
        self._tar.add(path, path.name, filter=_of_nobody)
        path.unlink()

    def close(self) -> None:
        """Add the checksums."""
        self._add(SUMS, "".join(self._sums).encode())

    def _add(self, name: str, content: bytes) -> None:
        self._sums.append(f"{_sha256(io.BytesIO(content))}  {name}\n")
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o600
        self._tar.addfile(member, io.BytesIO(content))


@contextmanager
def sealing(path: Path) -> Iterator[Sealing]:
    """Within, a new file is put together, which appears at `path` once all went well. Raises
    Refused."""
    with whole_files.making(path) as folder, tarfile.open(folder / "whole", "w") as tar:
        within = Sealing(folder, tar)
        yield within
        within.close()


class Sealed:
    """Such a file, open, whose checksums are right."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar, self.names = tar, tar.getnames()
        found = [f"{_sha256(self.open(name))}  {name}" for name in self.names if name != SUMS]
        lines = self._text(SUMS).decode().splitlines()
        if sorted(lines) != sorted(found) or len(set(self.names)) != len(self.names):
            raise Broken("its checksums are not those of what is in it")
        self.manifest = _read(self._text(MANIFEST))

    def open(self, name: str) -> IO[bytes]:
        """Open what stands in it under a name: a plain file, no longer than the tar."""
        try:
            member = self._tar.getmember(name)
        except KeyError:
            raise Broken(f"it has no {name}") from None
        content = (
            self._tar.extractfile(member) if member.isreg() and not member.issparse() else None
        )
        if content is None:
            raise Broken(f"{ascii(name)[1:-1]} in it is no plain file")
        return content

    def _text(self, name: str) -> bytes:
        return self.open(name).read(_MOST_TEXT)


@contextmanager
def opened(path: Path) -> Iterator[Sealed]:
    """Give such a file. Raises Refused where it is none, or damaged, also where that is found
    within; whoever changes something within takes it back."""
    try:
        with tarfile.open(path, "r:") as tar:
            if path.stat().st_size % tarfile.RECORDSIZE:
                raise Broken("cut short")
            yield Sealed(tar)
    except _BROKEN as error:
        raise Refused(
            f"{path} is no whole backup or archive, and nothing was changed: {error}."
        ) from error
    except OSError as error:
        raise Refused(
            f"{error.filename or path}: {error.strerror or error}. Nothing was changed."
        ) from error


def summary(path: Path, manifest: Mapping[str, Any], begun: float) -> Summary:
    """Say what the file at `path` is of, and that it took from `begun`, by the monotonic clock."""
    return Summary(
        manifest["version"],
        manifest["taken_at"],
        manifest["counts"],
        path.stat().st_size,
        monotonic() - begun,
    )


def _read(text: bytes) -> dict[str, Any]:
    manifest = json.loads(text)
    said = manifest if isinstance(manifest, dict) else {}
    if missing := [name for name, is_right in _SAID.items() if not is_right(said.get(name))]:
        raise Broken(f"its manifest does not rightly say {', '.join(missing)}")
    return said


def _is_plain(said: Any) -> bool:
    """Whether it is text that nothing but shows on a terminal."""
    return isinstance(said, str) and said.isprintable()


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _sha256(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while part := content.read(_PART):
        digest.update(part)
    return digest.hexdigest()
