"""Base data is MNIST and nothing else, or openly the stand-in; what is fetched is checked before it
gets its name."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from trainer.learning import basedata, evaluate, weights
from trainer.learning.basedata import (
    BadBaseData,
    BaseData,
    FetchFailed,
    IdxFile,
    fetch,
    find,
    gate_indices,
)


def make_idx(images: int) -> dict[str, bytes]:
    """The uncompressed content of four small files in MNIST's format."""
    rng = np.random.default_rng(images)
    content = {}
    for part, n in (("train", images), ("test", 20)):
        content[f"{part}_images"] = (
            bytes(16) + rng.integers(0, 256, n * 784, dtype=np.uint8).tobytes()
        )
        content[f"{part}_labels"] = bytes(8) + (np.arange(n) % 10).astype(np.uint8).tobytes()
    return content


CONTENT = make_idx(6_000)


@pytest.fixture
def tiny_mnist(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """The module believes that these small files are MNIST."""
    files = {
        name: IdxFile(file.name, len(CONTENT[name]), hashlib.sha256(CONTENT[name]).hexdigest())
        for name, file in basedata.FILES.items()
    }
    monkeypatch.setattr(basedata, "FILES", files)
    basedata._mnist.cache_clear()
    yield CONTENT
    basedata._mnist.cache_clear()


def put(directory: Path, packed: bool = True) -> Path:
    directory.mkdir(exist_ok=True)
    for name, file in basedata.FILES.items():
        if packed:
            (directory / f"{file.name}.gz").write_bytes(gzip.compress(CONTENT[name], 1))
        else:
            (directory / file.name).write_bytes(CONTENT[name])
    return directory


@contextmanager
def mirror(answers: dict[str, bytes], piece: int = 0) -> Iterator[str]:
    """A web server with these files; with ``piece``, it sends that many bytes every 50 ms."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path.strip("/"))
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            step = piece or len(body or b"") or 1
            try:
                for at in range(0, len(body or b""), step):
                    self.wfile.write((body or b"")[at : at + step])
                    if piece:
                        time.sleep(0.05)
            except OSError:
                return

        def log_message(self, form: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def packed_files() -> dict[str, bytes]:
    return {
        f"{file.name}.gz": gzip.compress(CONTENT[name], 1) for name, file in basedata.FILES.items()
    }


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_is_read_from_compressed_and_plain_files(
    tiny_mnist: dict[str, bytes], tmp_path: Path, packed: bool
) -> None:
    base = find(put(tmp_path / "mnist", packed), tmp_path / "cache")
    assert not base.stand_in
    assert base.test_images is not None
    assert base.test_labels is not None
    assert base.test_images.tobytes() == tiny_mnist["test_images"][16:]
    assert base.test_labels.tolist() == [i % 10 for i in range(20)]
    assert base.train_images.dtype == np.uint8
    assert base.train_labels.dtype == np.int64


def test_gate_and_training_part_share_no_image_and_make_up_the_whole(
    tiny_mnist: dict[str, bytes], tmp_path: Path
) -> None:
    base = find(put(tmp_path / "mnist"), tmp_path)
    whole = np.frombuffer(tiny_mnist["train_images"], np.uint8, offset=16).reshape(-1, 784)
    parts = np.concatenate([base.train_images, base.gate_images]).reshape(-1, 784)
    assert len(np.unique(whole, axis=0)) == len(whole)
    assert np.array_equal(np.unique(parts, axis=0), np.unique(whole, axis=0))
    assert np.bincount(base.gate_labels).tolist() == [500] * 10
    assert len(parts) == len(whole)


def test_gate_takes_the_same_images_every_time() -> None:
    labels = np.arange(60_000) % 10
    chosen = gate_indices(labels)
    assert np.array_equal(chosen, np.unique(chosen))
    assert np.bincount(labels[chosen]).tolist() == [500] * 10
    assert hashlib.sha256(chosen.astype("<i8").tobytes()).hexdigest().startswith("52ddc42769e15ab4")


def test_content_hash_depends_on_the_content_alone(
    tiny_mnist: dict[str, bytes], tmp_path: Path
) -> None:
    packed = find(put(tmp_path / "a"), tmp_path)
    plain = find(put(tmp_path / "b", packed=False), tmp_path)
    assert packed.sha256 == plain.sha256
    assert packed.sha256 != basedata.stand_in().sha256
    assert len(packed.sha256) == 64


def test_base_data_cannot_be_changed_by_accident(small: BaseData) -> None:
    with pytest.raises(ValueError, match="read-only"):
        basedata.stand_in().train_images[0, 0, 0] = 1


def test_without_mnist_the_shipped_centres_stand_in(tmp_path: Path) -> None:
    base = find(None, tmp_path / "never-made")
    assert base.stand_in
    assert base.test_images is None
    assert base.test_labels is None
    assert np.bincount(base.train_labels).tolist() == [300] * 10
    assert np.bincount(base.gate_labels).tolist() == [100] * 10
    assert base.train_images.shape == (3_000, 28, 28)
    assert base.train_images.dtype == np.uint8
    assert not (tmp_path / "never-made").exists()


def test_incomplete_cache_is_left_aside_and_seen_once_complete(
    tiny_mnist: dict[str, bytes], tmp_path: Path
) -> None:
    cache = put(tmp_path / "cache")
    last = cache / f"{basedata.FILES['test_labels'].name}.gz"
    content = last.read_bytes()
    last.unlink()
    assert find(None, cache).stand_in
    last.write_bytes(content)
    assert not find(None, cache).stand_in


def test_named_directory_without_mnist_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadBaseData, match="train-images-idx3-ubyte"):
        find(tmp_path, tmp_path)


@pytest.mark.parametrize("damage", ["other content", "truncated", "not gzip", "bomb"])
def test_wrong_file_in_the_named_directory_is_an_error_that_names_it(
    tiny_mnist: dict[str, bytes], tmp_path: Path, damage: str
) -> None:
    directory = put(tmp_path / "mnist")
    path = directory / f"{basedata.FILES['test_images'].name}.gz"
    good = tiny_mnist["test_images"]
    path.write_bytes(
        {
            "other content": gzip.compress(good[:-1] + b"\x07"),
            "truncated": path.read_bytes()[:-100],
            "not gzip": b"\x1f\x8b" + bytes(100),
            "bomb": gzip.compress(good + bytes(50_000_000), 9),
        }[damage]
    )
    with pytest.raises(BadBaseData, match=r"t10k-images-idx3-ubyte\.gz"):
        find(directory, tmp_path)


def test_fetched_files_are_found_afterwards(
    tiny_mnist: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mirror(packed_files()) as address:
        monkeypatch.setattr(basedata, "MIRRORS", (address,))
        fetch(tmp_path / "cache", timeout=30)
    assert not find(None, tmp_path / "cache").stand_in
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(packed_files())


def test_second_mirror_helps_when_the_first_has_something_else(
    tiny_mnist: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = dict.fromkeys(packed_files(), gzip.compress(b"something else"))
    with mirror(wrong) as first, mirror(packed_files()) as second:
        monkeypatch.setattr(basedata, "MIRRORS", (first, second))
        fetch(tmp_path / "cache", timeout=30)
    assert not find(None, tmp_path / "cache").stand_in


def test_nothing_half_fetched_or_wrong_is_kept(
    tiny_mnist: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = packed_files()
    wrong = {name: gzip.compress(b"something else") for name in files if "images" in name}
    with mirror(wrong) as first, mirror({}) as second:
        monkeypatch.setattr(basedata, "MIRRORS", (first, second))
        with pytest.raises(FetchFailed, match=r"train-images.*404"):
            fetch(tmp_path / "cache", timeout=30)
    assert list((tmp_path / "cache").iterdir()) == []


def test_files_that_are_there_and_right_are_not_fetched_again(
    tiny_mnist: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(basedata, "MIRRORS", ())
    fetch(put(tmp_path / "cache", packed=False), timeout=1)


def test_damaged_file_in_the_cache_is_said_and_fetched_anew(
    tiny_mnist: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = put(tmp_path / "cache", packed=False)
    (cache / basedata.FILES["train_labels"].name).write_bytes(b"damaged")
    assert find(None, cache).stand_in
    assert "train-labels-idx1-ubyte" in caplog.text
    with mirror(packed_files()) as address:
        monkeypatch.setattr(basedata, "MIRRORS", (address,))
        fetch(cache, timeout=30)
    assert not find(None, cache).stand_in


def test_slow_mirror_does_not_hold_up_longer_than_the_timeout(
    tiny_mnist: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(basedata, "_PIECE", 1_000)
    with mirror(packed_files(), piece=1_000) as address:
        monkeypatch.setattr(basedata, "MIRRORS", (address, address))
        begun = time.monotonic()
        with pytest.raises(FetchFailed, match="time ran out"):
            fetch(tmp_path / "cache", timeout=0.5)
        assert time.monotonic() - begun < 5
    assert list((tmp_path / "cache").iterdir()) == []


def test_file_that_is_much_too_big_is_given_up(
    tiny_mnist: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(basedata, "_MOST_COMPRESSED", 10_000)
    with mirror(packed_files()) as address:
        monkeypatch.setattr(basedata, "MIRRORS", (address,))
        with pytest.raises(FetchFailed, match="more than 10,000 bytes"):
            fetch(tmp_path / "cache", timeout=30)


def test_real_mnist_splits_into_55000_and_5000(mnist: BaseData) -> None:
    assert (len(mnist.train_labels), len(mnist.gate_labels)) == (55_000, 5_000)
    assert mnist.test_images is not None
    assert mnist.test_images.shape == (10_000, 28, 28)


def test_no_image_of_mnist_is_in_the_stand_in(mnist: BaseData) -> None:
    stand_in = basedata.stand_in()
    step = 17

    def rounded(images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> set[bytes]:
        return {image.tobytes() for image in (images / step).round().astype(np.uint8)}

    real = rounded(np.concatenate([mnist.train_images, mnist.gate_images]))
    assert not real & rounded(np.concatenate([stand_in.train_images, stand_in.gate_images]))
    assert not rounded(stand_in.train_images) & rounded(stand_in.gate_images)


def test_stand_in_is_read_well_by_the_shipped_model(start: bytes) -> None:
    report = evaluate.evaluate(
        weights.load("mnist_model", start, None), evaluate.base_sets(basedata.stand_in())
    )
    assert (report.of("gate_base").accuracy or 0) > 0.97
