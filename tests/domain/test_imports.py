"""Drawings from elsewhere: what is taken, what is refused by name; and they count for nobody."""

import gzip
import hashlib
import io
import json
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from PIL import Image

from collector.data import imports, release_formats, releases
from collector.data.imports import Import
from collector.data.release_check import Check
from collector.errors import Refused
from collector.models import (
    Attempt,
    ConfusionTally,
    DigitTally,
    Gold,
    Notice,
    Person,
    Reading,
    ReadingDayTally,
    ReadingTally,
    Release,
    SampleTally,
    Study,
    Tally,
)
from collector.models.study import new_secret
from collector.moderation import queue, readings
from collector.standings import leaderboards
from collector.study import consistency
from collector.study import settings as study_settings
from tests.support.cast import add_person, read, submit
from tests.support.models import add_model
from tests.support.penmanship import fooling
from trainer import mnist_duplicates, rounds, samples, target
from trainer.learning import drawing, raster
from trainer.learning.png import png
from trainer.models import Contributor, Round, RoundModel, Sample

pytestmark = pytest.mark.django_db
DRAWN = [(label, drawing.parse(strokes, width)) for label, strokes, width in fooling(5, 8)]
PICTURES = [(label, raster.rasterise(each).tobytes()) for label, each in DRAWN]


@pytest.fixture(autouse=True)
def open_round(db: None) -> Iterator[None]:
    target.forget()
    study_settings.begin()
    Study.objects.update(audit_share=0.0, gold_share=0.0)
    rounds.open_first("mnist_model")
    yield
    target.forget()


def folder(path: Path, *more: dict[str, Any] | bytes, pictures: Any = PICTURES) -> Path:
    """The seed's form: a line a picture, and then some more lines."""
    path.mkdir()
    lines: list[bytes] = []
    for number, (label, pixels) in enumerate(pictures):
        (path / f"{number}.png").write_bytes(png(pixels))
        row = {"id": f"seed-{number}", "file_name": f"{number}.png", "correct_number": label}
        lines.append(json.dumps(row).encode())
    lines += [each if isinstance(each, bytes) else json.dumps(each).encode() for each in more]
    (path / "metadata.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return path


def taken(path: Path, to: str = imports.SAMPLES) -> tuple[Import, list[str]]:
    """What an import counted, and its refusals."""
    taking = Import("seed", to)
    return taking, [f"{bad.place}: {bad.why}" for bad in taking.run(path) if bad]


def test_the_seeds_pictures_are_samples_marked_as_imported_and_count_for_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command(
        "import_samples", folder(tmp_path / "seed"), to="samples", name="seed", licence="CC0-1.0"
    )
    assert "8 taken, 0 there already, 0 refused." in capsys.readouterr().err
    attempts = list(Attempt.objects.all())
    assert [(each.is_imported, each.credit, each.licence) for each in attempts] == [
        (True, 0, "CC0-1.0")
    ] * 8
    assert {each.client_key for each in attempts} == {f"seed-{n}" for n in range(8)}
    kept = {sample.sha256: sample for sample in Sample.objects.all()}
    assert {each.pixels_sha256 for each in attempts} == kept.keys()
    assert not any(sample.has_fooled or sample.is_audited for sample in kept.values())
    assert not samples.due().exists()
    counted = leaderboards.counts_by_round(Round.objects.values_list("pk", flat=True))
    assert set(counted.values()) <= {leaderboards.AttemptCounts()}
    assert list(consistency.problems()) == []


def test_what_goes_to_moderation_is_read_and_then_a_sample(tmp_path: Path) -> None:
    taken(folder(tmp_path / "seed"), to=imports.MODERATION)
    assert Attempt.objects.filter(status="pending").count() == 8
    readers = add_person("mona", "moderator"), add_person("max", "moderator")
    for reader in readers:
        while reading := queue.assign(reader):
            attempt = reading.attempt
            assert attempt is not None
            is_junk = attempt.client_key == "seed-0"
            readings.read(reader, reading.pk, "junk" if is_junk else str(attempt.target_label))
    assert Sample.objects.count() == 7
    assert not Sample.objects.filter(has_fooled=True).exists()
    assert Attempt.objects.get(client_key="seed-0").status == "rejected"
    assert list(consistency.problems()) == []


def test_an_import_again_takes_nothing_twice_and_another_picture_under_an_id_is_refused(
    tmp_path: Path,
) -> None:
    path = folder(tmp_path / "seed")
    taken(path)
    again, told = taken(path)
    assert (again.counts["there"], again.counts["taken"], told) == (8, 0, [])
    (path / "0.png").write_bytes((path / "1.png").read_bytes())
    _, told = taken(path)
    assert told == ["line 1, 0.png: has an id under which something else is there"]
    assert Attempt.objects.count() == 8


def test_what_another_import_of_the_same_takes_meanwhile_is_there_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, judged = folder(tmp_path / "seed"), Import._judged

    def overtaken(self: Import, *of: Any) -> Attempt:
        attempt = judged(self, *of)
        monkeypatch.setattr(Import, "_judged", judged)
        taken(path)
        monkeypatch.setattr(Import, "_judged", overtaken)
        return attempt

    monkeypatch.setattr(Import, "_judged", overtaken)
    counted, told = taken(path)
    assert (counted.counts["there"], counted.counts["taken"], told) == (8, 0, [])
    assert Attempt.objects.count() == Sample.objects.count() == 8


def test_an_account_that_another_import_makes_meanwhile_is_the_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, atomic = folder(tmp_path / "seed"), transaction.atomic

    def overtaken() -> Any:
        monkeypatch.setattr(transaction, "atomic", atomic)
        imports._account("import-seed")
        return atomic()

    monkeypatch.setattr(transaction, "atomic", overtaken)
    counted, _ = taken(path)
    assert counted.counts["taken"] == 8
    assert Person.objects.get().username == "import-seed"


def test_ended_in_the_middle_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = folder(tmp_path / "seed")
    going = Import("seed", imports.SAMPLES).run(path)
    for _ in range(3):
        next(going)
    del going
    assert Attempt.objects.count() == Sample.objects.count() == 3
    rest, told = taken(path)
    assert (rest.counts["there"], rest.counts["taken"], told) == (3, 5, [])
    assert list(consistency.problems()) == []


def test_a_model_is_trained_on_what_was_imported_with_the_next_ones(tmp_path: Path) -> None:
    taken(folder(tmp_path / "seed"))
    alice = add_person("alice")
    Contributor.objects.create(id=alice.contributor, position=1, split="train")
    Study.objects.update(round_size=1)
    label, strokes, width = fooling(6, 1)[0]
    attempt = submit(alice, label, drawing.parse(strokes, width))
    read(add_person("mona", "moderator"), str(label), attempt)
    candidate = RoundModel.objects.get(state="training")
    assert samples.trained_on(candidate).count() == 9


def _zipped(path: Path, form: int = zipfile.ZIP_DEFLATED) -> Path:
    zipped = path.with_suffix(".zip")
    with zipfile.ZipFile(zipped, "w", form) as out:
        for file in path.iterdir():
            out.write(file, file.name)
    return zipped


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    counted, told = taken(_zipped(folder(tmp_path / "seed", {"file_name": "../x"})))
    assert counted.counts["taken"] == 8
    assert told == ["line 9, ../x: leads out of the folder"]


def arrays(path: Path, **changed: Any) -> Path:
    found = {
        "pixels": np.stack([np.frombuffer(each, np.uint8).reshape(28, 28) for _, each in PICTURES]),
        "labels": np.array([label for label, _ in PICTURES]),
    }
    np.savez_compressed(path, **{k: v for k, v in (found | changed).items() if v is not None})
    return path


def test_arrays_are_taken_with_ids_and_writers_or_without(tmp_path: Path) -> None:
    without, _ = taken(arrays(tmp_path / "a.npz"))
    assert without.counts["taken"] == 8
    assert taken(tmp_path / "a.npz")[0].counts["there"] == 8
    Sample.objects.all().delete()
    Attempt.objects.all().delete()
    named, _ = taken(
        arrays(tmp_path / "b.npz", ids=np.arange(8), drawers=np.array(list("aabbccdd")))
    )
    assert named.counts["taken"] == 8
    assert Person.objects.filter(username__startswith="import-").count() == 5
    assert set(Attempt.objects.values_list("client_key", flat=True)) == set("01234567")


def as_npy(header: str, content: bytes = b"") -> bytes:
    """An array as its file, whatever its header says."""
    written = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(written)) + written + content


def of_shape(shape: str, kind: str = "|u1") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"


def npz(path: Path, **files: bytes) -> Path:
    """The arrays, of which these files are others."""
    with zipfile.ZipFile(arrays(path.with_suffix(".whole.npz"))) as whole:
        found = {name: whole.read(name) for name in whole.namelist()}
    found |= {f"{name}.npy": content for name, content in files.items()}
    with zipfile.ZipFile(path, "w") as out:
        for name, content in found.items():
            out.writestr(name, content)
    return path


@pytest.mark.parametrize("order", "<>")
def test_a_writer_that_is_no_text_is_refused_and_the_rest_taken(tmp_path: Path, order: str) -> None:
    codes = (0x41, 0xD800, 0x7FFFFFFF, *range(0x42, 0x47))
    drawers = as_npy(of_shape("(8,)", f"{order}U1"), struct.pack(f"{order}8I", *codes))
    counted, told = taken(npz(tmp_path / "a.npz", drawers=drawers))
    assert counted.counts["taken"] == 6
    assert [each.partition(": cannot be read")[0] for each in told] == ["row 1", "row 2"]
    assert Person.objects.filter(username__startswith="import-").count() == 6


WRONG_HEADERS: dict[str, tuple[str, str]] = {
    "keys of two types": (
        "{1: 2, 'descr': '|u1', 'shape': (8, 28, 28)}",
        "a header that cannot be read: [^.]",
    ),
    "9,000 signs": ("-" * 9000 + "1", "a header that cannot be read: [^.]"),
    "nested": ("(" * 150 + ")" * 150, "a header that cannot be read: [^.]"),
    "fewer than none": (of_shape("(-8, 28, 28)"), r"has pixels of shape \(-8, 28, 28\)"),
}


@pytest.mark.parametrize("name", WRONG_HEADERS)
def test_arrays_with_a_wrong_header_are_refused(tmp_path: Path, name: str) -> None:
    header, told = WRONG_HEADERS[name]
    with pytest.raises(Refused, match=told):
        taken(npz(tmp_path / "a.npz", pixels=as_npy(header)))


WRONG_ARRAYS: dict[str, tuple[dict[str, Any], str]] = {
    "pickled labels": ({"labels": np.array([{}] * 8, object)}, "has labels of type object"),
    "labels with NaN": ({"labels": np.full(8, np.nan)}, "has labels of type float64"),
    "pixels of another type": ({"pixels": np.zeros((8, 28, 28))}, "has pixels of type float64"),
    "wide pixels": ({"pixels": np.zeros((8, 28, 28), "u2")}, "has pixels of type uint16"),
    "another size": ({"pixels": np.zeros((8, 32, 32), "u1")}, "has pixels of shape"),
    "fewer labels": ({"labels": np.zeros(3, int)}, "arrays of unequal length"),
    "no labels": ({"labels": None}, "has no labels"),
    "huge ids": ({"ids": np.array(["x" * 900] * 8)}, "has ids of 3600 bytes each"),
}


@pytest.mark.parametrize("name", WRONG_ARRAYS)
def test_arrays_that_do_not_fit_are_refused_before_they_are_read(tmp_path: Path, name: str) -> None:
    changed, told = WRONG_ARRAYS[name]
    with pytest.raises(Refused, match=told):
        taken(arrays(tmp_path / "a.npz", **changed))
    assert not Attempt.objects.exists()


def test_a_label_that_is_no_digit_is_refused_and_the_rest_taken(tmp_path: Path) -> None:
    labels = np.array([label for label, _ in PICTURES])
    labels[2], labels[3] = 10, -1
    counted, told = taken(arrays(tmp_path / "a.npz", labels=labels))
    assert counted.counts["taken"] == 6
    assert [line.partition(": has")[0] for line in told] == ["row 2", "row 3"]


def line(**changed: Any) -> dict[str, Any]:
    label, each = DRAWN[0]
    strokes = [[list(s.x), list(s.y), list(s.t)] for s in each.strokes]
    return {"word": str(label), "key_id": "q", "drawing": strokes, "width": each.width} | changed


def test_quick_draws_lines_keep_their_strokes(tmp_path: Path) -> None:
    path = tmp_path / "digits.ndjson.gz"
    simple = [[[10, 200, 200], [20, 30, 240]], [[40, 120], [200, 210]]]
    lines = [line(), line(key_id="4711", word="seven", drawing=simple, width=22)]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    _, told = taken(path)
    assert told == []
    first, second = Attempt.objects.order_by("submitted_at")
    assert first.strokes == DRAWN[0][1].as_json()
    assert (second.target_label, second.strokes[0]["x"]) == (7, [22, 212, 212])
    assert list(consistency.problems()) == []


WRONG_LINES: dict[str, tuple[Any, str]] = {
    "no digit": (line(word="cat"), "has a word that is no digit"),
    "a digit of another script": (line(word="٣"), "has a word that is no digit"),
    "off the canvas": (line(drawing=[[[5, 900], [5, 9], [0, 1]]]), "must lie on the canvas"),
    "NaN": (b'{"word": "4", "key_id": "q", "drawing": [[[NaN], [1], [0]]]}', "is no JSON"),
    "no list": (line(drawing={"x": 1}), "has no drawing"),
    "four axes": (line(drawing=[[[1], [2], [3], [4]]]), "neither x, y, t nor x, y"),
    "a dot": (line(drawing=[[[5, 5], [5, 5], [0, 1]]]), "single dot"),
    "nested": (b"[" * 100_000, "is no JSON"),
    "no object": (b"[]", "is no object"),
    "no id": (line(key_id=None), "has no id"),
    "no text": (b"\xff\xfe", "is no JSON"),
    "a line of 3 MB": (b'{"word": "' + b"4" * 3_000_000 + b'"}', "is longer than 1,048,576"),
}


@pytest.mark.parametrize("name", WRONG_LINES)
def test_a_line_that_is_no_drawing_is_refused_by_name_and_the_rest_taken(
    tmp_path: Path, name: str
) -> None:
    wrong, told = WRONG_LINES[name]
    written = wrong if isinstance(wrong, bytes) else json.dumps(wrong).encode()
    (tmp_path / "a.ndjson").write_bytes(written + b"\n" + json.dumps(line(key_id="2")).encode())
    counted, refused = taken(tmp_path / "a.ndjson")
    assert len(refused) == 1
    assert refused[0].startswith("line 1")
    assert told in refused[0]
    assert counted.counts["taken"] == 1


def chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


OURS = png(PICTURES[0][1])


def made(size: tuple[int, int], form: str = "PNG", mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, form)
    return file.getvalue()


def packed(name: bytes, size: int, before: bytes = b"") -> bytes:
    """A chunk of so many bytes that take next to no room."""
    return chunk(name, before + zlib.compress(bytes(size)))


WRONG_PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "a PNG of 12,000²": (
        lambda: made((12_000, 12_000), mode="1"),
        "is 12,000 × 12,000|is larger than",
    ),
    "a header of 65,535²": (
        lambda: OURS[:16] + struct.pack(">II", 65_535, 65_535) + OURS[24:],
        "is 65,535 × 65,535",
    ),
    "a 200 MB zTXt chunk": (
        lambda: OURS[:33] + packed(b"zTXt", 200_000_000, b"a\0\0") + OURS[33:],
        "is larger than|cannot be read",
    ),
    "a GIF called .png": (lambda: made((28, 28), "GIF"), "is no PNG"),
    "an SVG called .png": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no PNG"),
    "a PNG bomb": (
        lambda: OURS[:33] + packed(b"IDAT", 20_000_000) + chunk(b"IEND", b""),
        "only a dot|cannot be read",
    ),
    "a PNG cut short": (lambda: OURS[:60], "cannot be read|is no PNG"),
    "an empty profile": (lambda: OURS[:33] + chunk(b"iCCP", b"") + OURS[33:], "cannot be read"),
    "16 bits": (lambda: made((28, 28), mode="I;16"), "is a PNG of mode I;16"),
    "an empty picture": (lambda: made((28, 28)), "only a dot"),
    "a file of 1 MB": (lambda: OURS + bytes(1 << 20), "is larger than 65,536 bytes"),
}


@pytest.mark.parametrize("name", WRONG_PICTURES)
def test_a_picture_that_is_none_is_refused_by_name_and_the_rest_taken(
    tmp_path: Path, name: str
) -> None:
    make, told = WRONG_PICTURES[name]
    row = {"id": "bad", "file_name": "bad.png", "correct_number": 4}
    path = folder(tmp_path / "seed", row)
    (path / "bad.png").write_bytes(make())
    for source in (path, _zipped(path)):
        counted, [refused] = taken(source)
        assert refused.startswith("line 9, bad.png: ")
        assert any(each in refused for each in told.split("|")), refused
    assert counted.counts["there"] == 8


def _link(path: Path) -> None:
    (path / "bad.png").symlink_to(path / "0.png")


def _linked_folder(path: Path) -> None:
    (path / "below").symlink_to(path)


def _pipe(path: Path) -> None:
    os.mkfifo(path / "bad.png")


WRONG_ROWS: dict[str, tuple[dict[str, Any], Callable[[Path], None] | None, str]] = {
    "a path ../../x": ({"file_name": "../../x"}, None, "leads out of the folder"),
    "an absolute path": ({"file_name": "/etc/passwd"}, None, "leads out of the folder"),
    "a path of Windows": ({"file_name": "..\\x"}, None, "leads out of the folder"),
    "a path with U+0000": ({"file_name": "a\0.png"}, None, "leads out of the folder"),
    "a link": ({"file_name": "bad.png"}, _link, "is a link"),
    "a link to a folder": ({"file_name": "below/0.png"}, _linked_folder, "is a link"),
    "a pipe": ({"file_name": "bad.png"}, _pipe, "is no file"),
    "a folder": ({"file_name": "."}, None, "leads out of the folder"),
    "a file that is not there": ({"file_name": "no.png"}, None, "is not there"),
    "no file": ({"file_name": None}, None, "has no file_name"),
    "the label 10": ({"correct_number": 10}, None, "has a correct_number that is no digit"),
    "the label true": ({"correct_number": True}, None, "has a correct_number that is no digit"),
    "the label 3.0": ({"correct_number": 3.0}, None, "has a correct_number that is no digit"),
    "the label ٣": ({"correct_number": "٣"}, None, "has a correct_number that is no digit"),
    "an id of 65": ({"id": "x" * 65}, None, "has no id of 1 to 64"),
    "an id with a line's end": ({"id": "a\nb"}, None, "has no id of 1 to 64"),
    "an id twice": ({"id": "seed-1"}, None, "has an id under which something else is there"),
    "a picture twice": ({"id": "another"}, None, "is the very same picture as another"),
    "half a character": ({"drawer": "\ud800"}, None, "has a drawer that is not of 1 to 64 plain"),
    "a list who drew": ({"drawer": ["ada"]}, None, "has a drawer that is not of 1 to 64 plain"),
    "a drawer of 65": ({"drawer": "x" * 65}, None, "has a drawer that is not of 1 to 64 plain"),
}


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_a_row_that_is_wrong_is_refused_by_name_and_the_rest_taken(
    tmp_path: Path, name: str
) -> None:
    changed, prepare, told = WRONG_ROWS[name]
    row = {"id": "bad", "file_name": "0.png", "correct_number": PICTURES[0][0]} | changed
    path = folder(tmp_path / "seed", row)
    if prepare:
        prepare(path)
    counted, [refused] = taken(path)
    assert refused.startswith("line 9")
    assert refused.isprintable()
    assert told in refused
    assert counted.counts["taken"] == 8


def test_a_zip_with_a_bomb_of_lines_is_read_line_by_line(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("metadata.jsonl", b"x" * 50_000_000)
    assert taken(tmp_path / "a.zip")[1] == ["line 1: is longer than 1,048,576 bytes"]


@pytest.mark.parametrize("form", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_of_a_zip_with_a_damaged_picture_the_rest_is_taken(tmp_path: Path, form: int) -> None:
    path = _zipped(folder(tmp_path / "seed"), form)
    _damage(path, "3.png")
    counted, [told] = taken(path)
    assert told.startswith("line 4, 3.png: cannot be read")
    assert counted.counts["taken"] == 7
    _damage(path, "metadata.jsonl")
    counted, [told] = taken(path)
    assert told.startswith("line 1: cannot be read")
    assert told.endswith(", nor what follows")


def _damage(path: Path, name: str) -> None:
    """Turn over what is packed of a file of a zip, behind what says how."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as zipped:
        found = zipped.getinfo(name)
    begins = found.header_offset + 30 + len(name) + 9
    for place in range(begins, found.header_offset + 30 + len(name) + found.compress_size):
        content[place] ^= 0xFF
    path.write_bytes(content)


def test_what_is_of_no_form_or_broken_is_refused_whole(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04.")
    (tmp_path / "a.npz").write_bytes(b"no zip")
    (tmp_path / "empty").mkdir()
    for name, told in (("a.pkl", "neither"), ("a.npz", "cannot be opened"), ("empty", "not there")):
        with pytest.raises(CommandError, match=told):
            call_command("import_samples", tmp_path / name, to="samples")
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(b"{}\n{}")[:-12])
    assert len(taken(tmp_path / "b.ndjson.gz")[1]) >= 1


def test_an_account_of_somebody_is_not_taken_for_an_imports(tmp_path: Path) -> None:
    add_person("import-seed")
    with pytest.raises(CommandError, match="somebody's account"):
        call_command("import_samples", folder(tmp_path / "seed"), to="samples")


def test_the_command_tells_each_refusal_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path / "seed", {"file_name": "../x"})
    with pytest.raises(SystemExit) as ended:
        call_command("import_samples", path, to="samples")
    assert ended.value.code == 1
    assert capsys.readouterr().out == "line 9, ../x: leads out of the folder.\n"


def test_pages_show_its_pixels_and_nothing_to_replay(tmp_path: Path) -> None:
    taken(folder(tmp_path / "seed"))
    attempt = Attempt.objects.all()[0]
    admin = Client()
    admin.force_login(add_person("ada", "admin"), backend="collector.people.accounts.Backend")
    page = admin.get(f"/drawings/{attempt.pk}/").content.decode()
    assert "data-strokes" not in page
    assert 'd="M' in page
    assert Client().get(f"/fools/{attempt.pk}/").status_code == 404


def _released(out: Path, source: Path) -> Path:
    """The release of round 1, to which what is at `source` was imported."""
    taken(source)
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(7))
    releases.write_to(releases.make(1), out)
    return out


def _all_gone() -> None:
    Sample.objects.all().delete()
    Attempt.objects.all().delete()


def test_a_release_says_what_was_imported_and_its_pictures_can_be_imported_elsewhere(
    tmp_path: Path,
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = _released(tmp_path / "first", folder(tmp_path / "seed"))
    assert list(Check(out).problems()) == []
    rows = parquet.read_table(out / "attempts.parquet").to_pylist()
    assert {(row["imported"], row["settled_by"], row["strokes"]) for row in rows} == {
        (True, "import", None)
    }
    before = set(Sample.objects.values_list("sha256", "label"))
    _all_gone()
    for name, there in ((".", 0), ("images-1.zip", 8), ("attempts.npz", 8)):
        counted, told = taken(out / name)
        assert (counted.counts["there"], told) == (there, [])
    assert set(Sample.objects.values_list("sha256", "label")) == before


def test_samples_of_a_release_come_with_their_strokes(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    source = tmp_path / "a.ndjson"
    lines = [line(), line(key_id="2", drawing=[[[10, 200, 90], [20, 30, 240], [0, 9, 20]]])]
    source.write_text("\n".join(map(json.dumps, lines)))
    out = _released(tmp_path / "first", source)
    assert list(Check(out).problems()) == []
    drawn = set(Attempt.objects.values_list("pixels_sha256", "target_label", "width"))
    _all_gone()
    counted, told = taken(out)
    assert (counted.counts["taken"], told) == (2, [])
    assert set(Attempt.objects.values_list("pixels_sha256", "target_label", "width")) == drawn
    assert all(attempt.strokes for attempt in Attempt.objects.all())
    assert list(consistency.problems()) == []


def test_a_row_of_a_release_whose_id_is_not_plain_is_refused_and_the_rest_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    out = _released(tmp_path / "first", folder(tmp_path / "seed"))
    _all_gone()
    columns = ("id", "drawer", "licence", "strokes", "width", "raster_version", "image")
    rows = list(release_formats.rows_drawn(out, columns))
    labels = release_formats.sample_labels(out)
    for row, wrong in zip(rows, ("a\nb", "x" * 65, "\ud800"), strict=False):
        labels[wrong] = labels.pop(row["id"])
        row["id"] = wrong
    rows[3]["drawer"] = "\ud800"
    monkeypatch.setattr(release_formats, "rows_drawn", lambda *of: rows)
    monkeypatch.setattr(release_formats, "sample_labels", lambda of: labels)
    counted, told = taken(out)
    assert counted.counts["taken"] == 4
    assert all(each.isprintable() and each.isascii() for each in told)
    assert [("no id of" in each, "a drawer that" in each) for each in told] == [
        *[(True, False)] * 3,
        (False, True),
    ]


def test_in_each_form_of_a_release_what_nobody_settled_stays_out_and_the_rest_keeps_its_licence(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pyarrow")
    alice, mona = add_person("alice"), add_person("mona", "moderator")
    Study.objects.update(round_size=100, licence="CC-BY-4.0")
    for label, drawn in DRAWN[:3]:
        read(mona, str(label), submit(alice, label, drawn))
    _, known = DRAWN[3]
    submit(alice, target.current().read(raster.rasterise(known).tobytes()).digit, known)
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(7))
    releases.write_to(releases.make(1), tmp_path / "out")
    unread = str(Attempt.objects.get(status="not_fooled").pk)
    Reading.objects.all().delete()
    _all_gone()
    Study.objects.update(licence="")
    for name in (".", "images-1.zip", "attempts.npz", "attempts.ndjson.gz"):
        _, told = taken(tmp_path / "out" / name)
        assert len(told) == (name != ".")
        assert all("no digit that people have settled on" in each for each in told)
        assert not Attempt.objects.filter(client_key=unread).exists()
        licences = set(Attempt.objects.values_list("licence", flat=True))
        assert licences == ({""} if name == "attempts.npz" else {"CC-BY-4.0"})
        assert Sample.objects.count() == 3
        _all_gone()


def _released_of_people(out: Path) -> Path:
    """The release of round 1, in which alice drew and mona read."""
    alice, mona = add_person("alice"), add_person("mona", "moderator")
    Study.objects.update(round_size=100)
    for label, drawn in DRAWN:
        read(mona, str(label), submit(alice, label, drawn))
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(7))
    releases.write_to(releases.make(1), out)
    return out


def test_of_what_was_imported_from_a_release_another_one_is_made_with_the_same_model(
    tmp_path: Path,
) -> None:
    """Ids, times, pseudonyms and readings are the site's own. What gives the same release is an
    archive."""
    pytest.importorskip("pyarrow")
    out = _released_of_people(tmp_path / "first")
    sums = Tally, ConfusionTally, DigitTally, ReadingTally, ReadingDayTally, SampleTally
    for rows in (Release, Gold, Reading, Notice, *sums, Sample, Attempt, Contributor, Person):
        rows.objects.all().delete()
    Round.objects.filter(number=2).delete()
    Round.objects.update(state="open", closed_at=None)
    Study.objects.update(release_secret=new_secret())
    again = _released(tmp_path / "second", out)
    files = {file.name: file.read_bytes() for file in out.iterdir()}
    assert {file.name for file in again.iterdir()} == files.keys()
    same = {file.name for file in again.iterdir() if file.read_bytes() == files[file.name]}
    same -= {"CITATION.cff"}  # it has the day
    assert same == {"LICENSE", "model.onnx", "model.safetensors", "recipe.json", "report.json"}


def _larger(out: Path) -> None:
    """A row whose picture is 300 MB of nothing, a few kB compressed."""
    import pyarrow
    from pyarrow import parquet

    table = parquet.read_table(out / "attempts.parquet")
    rows = table.to_pylist()
    rows[0]["image"]["bytes"] = bytes(300_000_000)
    schema = table.schema
    as_is = {"compression": "zstd", "write_statistics": False}  # which take twenty times as long
    with parquet.ParquetWriter(out / "attempts.parquet", schema, **as_is) as writer:
        writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
    _summed(out)


def _other_columns(out: Path) -> None:
    from pyarrow import parquet

    table = parquet.read_table(out / "attempts.parquet")
    parquet.write_table(table.drop_columns(["licence"]), out / "attempts.parquet")
    _summed(out)


def _other_croissant(out: Path) -> None:
    croissant = json.loads((out / "croissant.json").read_text())
    croissant["version"] = "9.9.9"
    (out / "croissant.json").write_text(json.dumps(croissant))
    _summed(out)


def _other_licence(out: Path) -> None:
    (out / "LICENSE").write_text("Do what you like.")


def _summed(out: Path) -> None:
    files = sorted(file for file in out.iterdir() if file.name != "SHA256SUMS")
    sums = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (out / "SHA256SUMS").write_text("".join(sums))


WRONG_RELEASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "another hash": (_other_licence, "LICENSE is not what"),
    "a Croissant that does not fit": (
        _other_croissant,
        "croissant.json is not what manifest.json makes",
    ),
    "a Parquet schema that does not fit": (_other_columns, "attempts.parquet has other columns"),
    "a Parquet with a decompression bomb": (_larger, "bytes in a group of rows"),
}


def test_a_release_that_does_not_fit_is_refused_before_anything_is_taken(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    out = _released(tmp_path / "first", folder(tmp_path / "seed"))
    for number, (name, (alter, told)) in enumerate(WRONG_RELEASES.items()):
        altered = shutil.copytree(out, tmp_path / f"altered{number}")
        alter(altered)
        with pytest.raises(Refused, match=told):
            taken(altered)
        assert Attempt.objects.count() == 8, name


def test_mnists_own_images_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist_duplicates, "is_duplicate", lambda *of: True)
    counted, told = taken(folder(tmp_path / "seed"))
    assert counted.counts["taken"] == 0
    assert told[0] == "line 1, 0.png: is nearly one of MNIST's own images"


def test_a_name_is_plain(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="name has 1 to 21"):
        list(Import("../x", imports.SAMPLES).run(folder(tmp_path / "seed")))
