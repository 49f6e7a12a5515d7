"""Base data: MNIST, found or fetched, checked by content, read and split; a small stand-in where
there is none.

MNIST is LeCun, Cortes and Burges's set of handwritten digits (LeCun et al., “Gradient-based
learning applied to document recognition”, Proceedings of the IEEE 86, 1998). Its training set gives
500 images a digit to the gate, always the same ones; the other 55,000 train. Its test set is only
reported.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import tempfile
import time
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

STAND_IN = Path(__file__).parent / "shipped" / "standin.npz"
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
GATE_SEED = 20_261_122
GATE_PER_DIGIT = 500
_MOST_COMPRESSED = 16_000_000
_PIECE = 1 << 16


@dataclass(frozen=True)
class IdxFile:
    """One of MNIST's files: its name, and size in bytes and SHA-256 of its uncompressed content."""

    name: str
    size: int
    sha256: str


FILES = {
    "train_images": IdxFile(
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train_labels": IdxFile(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "test_images": IdxFile(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "test_labels": IdxFile(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


class BadBaseData(ValueError):
    """A directory does not hold MNIST; the message names the file."""


class FetchFailed(OSError):
    """No mirror gave a file in time that is MNIST's; the message says what each one did."""


@dataclass(frozen=True)
class BaseData:
    """What every model trains on besides samples, and is judged by.

    Images are uint8 (n, 28, 28), labels int64 (n,) from 0 to 9; the arrays are shared and
    read-only. ``stand_in`` says that k-means centres take MNIST's place, and then there is no test
    set. ``sha256`` is over the arrays' content.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    gate_images: NDArray[np.uint8]
    gate_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8] | None
    test_labels: NDArray[np.int64] | None
    stand_in: bool
    sha256: str


def find(mnist_dir: Path | None, cache: Path) -> BaseData:
    """Load MNIST from ``mnist_dir`` if given, else from ``cache`` if it is whole, else the
    stand-in. Never fetches.

    Raises ``BadBaseData`` when ``mnist_dir`` is given and is not MNIST.
    """
    if mnist_dir is not None:
        return _mnist(mnist_dir.resolve())
    if all(_path(cache, file) for file in FILES.values()):
        try:
            return _mnist(cache.resolve())
        except BadBaseData as error:
            log.warning("The cache is damaged; the stand-in takes MNIST's place. %s", error)
    return stand_in()


def fetch(cache: Path, timeout: float) -> None:
    """Put MNIST's files into the directory ``cache``, in at most about ``timeout`` seconds in all.

    Files that are there and right stay. Each is fetched to a temporary name, checked and moved, so
    a file under its own name is always whole. Raises ``FetchFailed``; what had come until then
    stays for the next try.
    """
    cache.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    for file in FILES.values():
        if not _is_right(cache, file):
            _fetch_file(cache, file, deadline)


@lru_cache(maxsize=1)
def stand_in() -> BaseData:
    """Load the shipped k-means centres: 300 a digit to train, 100 a digit of the gate's images."""
    with np.load(STAND_IN, allow_pickle=False) as arrays:
        train, gate = (
            (arrays[f"{part}_images"], arrays[f"{part}_labels"].astype(np.int64))
            for part in ("train", "gate")
        )
    return _base(*train, *gate, None, None)


def gate_indices(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say which of MNIST's 60,000 training images are the gate's, by index, sorted:
    ``GATE_PER_DIGIT`` of each digit, drawn once for all.

    Uses ``RandomState``, whose stream numpy promises never to change.
    """
    order = np.random.RandomState(GATE_SEED).permutation(len(labels))
    of_digit = [order[labels[order] == digit][:GATE_PER_DIGIT] for digit in range(10)]
    return np.sort(np.concatenate(of_digit)).astype(np.int64)


@lru_cache(maxsize=2)
def _mnist(directory: Path) -> BaseData:
    content = {name: _read(directory, file) for name, file in FILES.items()}
    images = _images(content["train_images"])
    labels = _labels(content["train_labels"])
    for_gate = np.zeros(len(labels), dtype=bool)
    for_gate[gate_indices(labels)] = True
    return _base(
        images[~for_gate],
        labels[~for_gate],
        images[for_gate],
        labels[for_gate],
        _images(content["test_images"]),
        _labels(content["test_labels"]),
    )


def _base(
    train_images: NDArray[np.uint8],
    train_labels: NDArray[np.int64],
    gate_images: NDArray[np.uint8],
    gate_labels: NDArray[np.int64],
    test_images: NDArray[np.uint8] | None,
    test_labels: NDArray[np.int64] | None,
) -> BaseData:
    arrays = (train_images, train_labels, gate_images, gate_labels, test_images, test_labels)
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            continue
        array.setflags(write=False)
        digest.update(f"{array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return BaseData(*arrays, stand_in=test_images is None, sha256=digest.hexdigest())


def _path(directory: Path, file: IdxFile) -> Path | None:
    paths = (directory / name for name in (file.name, f"{file.name}.gz"))
    return next((path for path in paths if path.is_file()), None)


def _read(directory: Path, file: IdxFile) -> bytes:
    """Read the file's uncompressed content, checked, and no more than it should hold, so that a
    gzip bomb stays small. Raises ``BadBaseData``."""
    path = _path(directory, file)
    if path is None:
        raise BadBaseData(f"{directory} holds neither {file.name}.gz nor {file.name}.")
    return _content(path, file)


def _content(path: Path, file: IdxFile) -> bytes:
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as opened:
            content: bytes = opened.read(file.size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadBaseData(f"{path} cannot be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise BadBaseData(f"{path} is not MNIST's {file.name}: its content has another SHA-256.")
    return content


def _is_right(directory: Path, file: IdxFile) -> bool:
    try:
        _read(directory, file)
    except BadBaseData:
        return False
    return True


def _images(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)


def _labels(content: bytes) -> NDArray[np.int64]:
    return np.frombuffer(content, np.uint8, offset=8).astype(np.int64)


class _BoundedFile:
    """A file being fetched, which refuses to grow too big or to take too long, so that no mirror
    holds training up.

    pooch has no bound on either: its timeout is on each wait for a piece, so that a mirror that
    sends a few bytes now and then would never be given up. It asks of a file that it may be written
    and flushed, no more.
    """

    def __init__(self, opened: BinaryIO, deadline: float) -> None:
        self.opened = opened
        self.deadline = deadline

    def write(self, piece: bytes) -> int:
        if self.opened.tell() + len(piece) > _MOST_COMPRESSED:
            raise FetchFailed(f"more than {_MOST_COMPRESSED:,} bytes came")
        if time.monotonic() > self.deadline:
            raise FetchFailed("time ran out")
        return self.opened.write(piece)

    def flush(self) -> None:
        self.opened.flush()


def _fetch_file(cache: Path, file: IdxFile, deadline: float) -> None:
    from pooch import HTTPDownloader

    failures = []
    for mirror in MIRRORS:
        left = deadline - time.monotonic()
        if left <= 0:
            failures.append(f"{mirror}: time ran out")
            break
        temporary = Path(tempfile.mkdtemp(prefix=".fetching-", dir=cache))
        arrived = temporary / file.name
        try:
            with arrived.open("wb") as opened:
                download = HTTPDownloader(timeout=left, chunk_size=_PIECE)
                download(f"{mirror}{file.name}.gz", _BoundedFile(opened, deadline), None)
            _content(arrived, file)
            (cache / file.name).unlink(missing_ok=True)
            os.replace(arrived, cache / f"{file.name}.gz")
            return
        except (OSError, ValueError) as error:
            failures.append(f"{mirror}: {error}")
        finally:
            arrived.unlink(missing_ok=True)
            temporary.rmdir()
    raise FetchFailed(f"{file.name} could not be fetched. " + "; ".join(failures))
