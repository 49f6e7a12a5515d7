"""A round's release: what is in it, what is not, that it says so itself, and who may have it."""

import csv
import gzip
import hashlib
import io
import json
import re
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from collector.data import publishing, release_beside, release_formats, releases, spreadsheets
from collector.data.release_check import Check
from collector.drawings import attempts, reasons
from collector.errors import Conflict, Gone
from collector.models import Attempt, Gold, Person, Reading, Release, ReleasePart, Study
from collector.people import closing
from collector.study import consistency, protocol
from collector.study import settings as study_settings
from tests.support import forging
from tests.support.cast import add_person, read, submit
from tests.support.emptied import emptied
from tests.support.forging import summed
from tests.support.models import add_model
from tests.support.penmanship import fooling
from tests.support.standin_zenodo import Zenodo
from tests.support.standins import TOKEN
from trainer import candidates, rounds, target, tasks
from trainer.learning import drawing, fit, raster
from trainer.learning.__main__ import main
from trainer.models import Contributor, Round, RoundModel

parquet = pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.django_db
Rows = dict[str, list[dict[str, Any]]]
SAID = "=I left it <open>."


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Rounds 1 and 2 are over: ten fools of alice's trained round 2's model. zoe is not listed, gus
    removed their drawing, rita took theirs back."""
    patch = pytest.MonkeyPatch()
    patch.setattr(settings, "MNIST_DIR", None)
    patch.setattr(settings, "MNIST_CACHE", settings.BASE_DIR / "there is no such folder")
    recipe = replace(fit.default_recipe("mnist_model", 10), steps=40)
    patch.setattr(fit, "default_recipe", lambda net, n: recipe)
    with django_db_blocker.unblock(), transaction.atomic():
        target.forget()
        study_settings.begin()
        Study.objects.update(audit_share=0.0, gold_share=0.0, round_size=10, licence="CC-BY-4.0")
        rounds.open_first("mnist_model")
        _draw()
        yield
        transaction.set_rollback(True)
    target.forget()
    patch.undo()


def _draw() -> None:
    alice, zoe, gus, rita = (add_person(name) for name in ("alice", "zoe", "gus", "rita"))
    Person.objects.filter(pk=zoe.pk).update(is_listed=False)
    mona = add_person("mona", "moderator")
    for position, drawer in enumerate((alice, zoe, gus)):
        Contributor.objects.create(id=drawer.contributor, position=position, split="train")
    drawn = [(label, drawing.parse(strokes, width)) for label, strokes, width in fooling(3, 13)]
    for drawer, (label, each) in zip((*[alice] * 10, zoe, gus, rita), drawn, strict=True):
        attempt = submit(drawer, label, each)
        if drawer != rita:
            read(mona, str(label), attempt)
    for trick in Attempt.objects.filter(has_fooled=True, drawer__in=(alice, rita)):
        reasons.say(trick.drawer, trick.pk, SAID)
    attempts.retract(rita, Attempt.objects.get(drawer=rita).pk)
    closing._remove_drawings(gus)
    candidate = RoundModel.objects.get(state="training")
    claim = candidates.claim(candidate.pk)
    assert claim is not None
    tasks.train(claim)
    if Round.objects.count() == 1:
        candidates.promote(candidate.pk, "ada", "to go on")
    attempt = submit(alice, 7)
    if attempt.status == "pending":
        read(mona, "7", attempt)
    _read_gold(mona, attempt)
    _wait(add_person("sue"))
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(7))


def _read_gold(mona: Person, attempt: Attempt) -> None:
    """mona reads a practice drawing, and a copy of this attempt as hidden gold."""
    now = timezone.now()
    for copied in (None, attempt):
        item = Gold.objects.create(
            answer="7",
            strokes=attempt.strokes,
            width=22,
            pixels=attempt.pixels,
            attempt=copied,
            is_practice=copied is None,
        )
        Reading.objects.create(
            gold=item,
            moderator=mona,
            leased_at=now,
            lease_expires_at=now,
            answer="7",
            answered_at=now + timedelta(seconds=2),
            is_correct=True,
        )


def _wait(drawer: Person) -> None:
    """What they drew waits, since they are suspended."""
    attempt = submit(drawer, 6)
    Attempt.objects.filter(pk=attempt.pk).update(status="pending", settled_at=None)
    Person.objects.filter(pk=drawer.pk).update(is_active=False)


@pytest.fixture(scope="module")
def folder(world: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release 1.2.0 as it is given away."""
    out = tmp_path_factory.mktemp("releases") / "second"
    call_command("release", round=2, out=out)
    return out


def tables(folder: Path) -> Rows:
    return {
        name: parquet.read_table(folder / f"{name}.parquet").to_pylist()
        for name in ("attempts", "readings", "samples")
    }


def manifest(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return said


def test_everything_in_it_agrees(folder: Path, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert list(Check(folder).problems()) == []


def test_all_that_is_there_is_in_it_and_who_removed_theirs_is_not(folder: Path) -> None:
    found = tables(folder)
    there = Attempt.objects.filter(removed_at=None).exclude(drawer__username="sue")
    assert {row["id"] for row in found["attempts"]} == {str(each.pk) for each in there}
    assert len(found["attempts"]) == 13
    assert sum(row["trained_on"] for row in found["samples"]) == 10
    assert len({row["reader"] for row in found["readings"]}) == 1
    gone = Attempt.objects.get(removed_at__isnull=False)
    for file in folder.iterdir():
        assert str(gone.pk).encode() not in file.read_bytes(), file.name
        assert gone.drawer.contributor.hex.encode() not in file.read_bytes(), file.name


def drawn(folder: Path) -> list[dict[str, Any]]:
    return [row for row in tables(folder)["attempts"] if row["image"] is not None]


def test_pictures_are_a_folder_with_a_line_for_each(folder: Path) -> None:
    rows = {row["id"]: row for row in drawn(folder)}
    with zipfile.ZipFile(folder / "images-1.zip") as zipped:
        lines: list[dict[str, Any]] = [
            json.loads(line) for line in zipped.read("metadata.jsonl").splitlines()
        ]
        assert {line["file_name"] for line in lines} | {"metadata.jsonl"} == set(zipped.namelist())
        for line in lines:
            row = rows.pop(line["id"])
            assert zipped.read(line["file_name"]) == row["image"]["bytes"]
            assert {**row, **line} == {**row, "file_name": f"{row['id']}.png"}
    assert not rows


def test_arrays_load_without_pickle_and_have_the_same_in_the_same_order(folder: Path) -> None:
    rows = drawn(folder)
    with np.load(folder / "attempts.npz", allow_pickle=False) as loaded:
        arrays = dict(loaded)
    assert arrays["pixels"].shape == (12, 28, 28)
    assert arrays["ids"].tolist() == [row["id"] for row in rows]
    for row, pixels in zip(rows, arrays["pixels"], strict=True):
        assert np.array_equal(release_formats.pixels_of(row), pixels)
    for name, column in (("labels", "target_label"), ("predicted", "predicted_label")):
        assert arrays[name].tolist() == [row[column] for row in rows]
    nothing = [row["settled_label"] is None for row in rows]
    assert (arrays["settled"] == -1).tolist() == nothing
    kept = {row["attempt"] for row in tables(folder)["samples"] if row["split"] == "train"}
    assert kept <= set(arrays["ids"][arrays["split"] == "train"])


def test_lines_are_quick_draws_and_make_the_same_pictures(folder: Path) -> None:
    with gzip.open(folder / "attempts.ndjson.gz") as file:
        lines = [json.loads(line) for line in file]
    for row, line in zip(drawn(folder), lines, strict=True):
        strokes = [dict(zip("xyt", stroke, strict=True)) for stroke in line["drawing"]]
        again = raster.rasterise(drawing.parse(strokes, line["width"]))
        assert np.array_equal(again, release_formats.pixels_of(row))
        assert (line["key_id"], int(line["word"])) == (row["id"], row["target_label"])
        assert line["recognized"] != row["fooled"]
        assert re.fullmatch(r"[-\d]{10} [:\d]{8}\.\d{6} UTC", line["timestamp"])


def test_the_table_has_every_attempt_as_a_line(folder: Path) -> None:
    rows = tables(folder)["attempts"]
    with (folder / "attempts.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    for row, line in zip(rows, lines, strict=True):
        assert line["target_label"] == str(row["target_label"])
        assert line["fooled"] == str(row["fooled"]).lower()
        assert line["name"] == (row["name"] or "")
    assert not {"strokes", "image", "probabilities"} & lines[0].keys()


FORMULA = "=+-@＝＋－＠"  # OWASP's, with its full-width forms


@given(st.one_of(st.text(), st.text(FORMULA + "\t\r\n\0;,\"' 1")))
def test_no_text_is_taken_for_a_formula_by_a_spreadsheet_of_any_place(cell: str) -> None:
    """Cells end with a comma, in other places with a `;` or a tab: then quotes of ours are none."""
    out = io.StringIO()
    told = spreadsheets.harmless(cell)
    csv.writer(out).writerow([told, "a", told])
    for delimiter in ",;\t":
        rows = list(csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=delimiter))
        assert all(part[:1] not in tuple(FORMULA) for row in rows for part in row)
        assert delimiter != "," or not told or str(told)[0] not in "\t\r\n\0"


@given(st.one_of(st.integers(), st.text().filter(lambda text: not set(text) & set(FORMULA))))
def test_what_no_spreadsheet_takes_for_a_formula_is_left_as_it_is(cell: str | int) -> None:
    told = spreadsheets.harmless(cell)
    assert told == cell or str(cell)[0] in '\t\r\n\0"'
    assert spreadsheets.harmless("4-5; a 7 - or 1") == "4-5; a 7 - or 1"


def test_a_zip_holds_so_many_pictures_and_the_next_one_the_rest(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_formats, "PICTURES", 5)
    monkeypatch.setattr(release_formats, "ROWS", 4)
    release_formats.write(folder, tmp_path)
    names = []
    for number in (1, 2, 3):
        with zipfile.ZipFile(tmp_path / f"images-{number}.zip") as zipped:
            lines = zipped.read("metadata.jsonl").splitlines()
            names += [json.loads(line)["file_name"] for line in lines]
            assert len(zipped.namelist()) == len(lines) + 1 <= 6
    assert names == [f"{row['id']}.png" for row in drawn(folder)]
    with np.load(tmp_path / "attempts.npz") as one, np.load(folder / "attempts.npz") as other:
        assert all(np.array_equal(one[name], other[name]) for name in other.files)


def test_the_page_counts_and_its_lines_of_python_load_the_release(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Study.objects.update(has_public_releases=True)
    page = Client().get("/data/").content.decode()
    shown = page.split("<code>")[1].split("</code>")[0]
    code = unescape(shown).replace("from urllib.request import Request, urlopen", "")

    def urlopen(address: str) -> io.BytesIO:
        assert address.startswith("http://testserver/api/releases/2/attempts.npz?version=1.2.0")
        return io.BytesIO(Client().get(address).getvalue())

    exec(code, {"Request": lambda address: address, "urlopen": urlopen})
    read = [row for row in drawn(folder) if row["settled_label"] is not None]
    assert f"{len(read)} pictures that people read, of 12" in capsys.readouterr().out
    assert len(shown.strip().splitlines()) <= 10
    assert "CC BY 4.0" in page
    assert f"Release 1.2.0 has {len(tables(folder)['attempts'])} drawings, all up to" in page
    card = page.partition('id="card"')[2]
    assert "<td><code>attempts.csv</code></td>" in card
    assert not re.search(r"^#|\| `|```", card, re.MULTILINE)


def test_readings_of_hidden_gold_are_told_as_such_and_practice_is_not(folder: Path) -> None:
    readings = tables(folder)["readings"]
    [gold] = [row for row in readings if row["gold"]]
    assert (gold["answer"], gold["duration_ms"]) == ("7", 2000)
    assert len(readings) == Reading.objects.exclude(gold__is_practice=True).count() - 1


def test_a_name_stands_where_the_site_shows_it_and_a_licence_on_each_row(folder: Path) -> None:
    rows = {row["id"]: row for row in tables(folder)["attempts"]}
    names = {
        attempt.drawer.username: rows[str(attempt.pk)]["name"]
        for attempt in Attempt.objects.filter(removed_at=None, round__number=1)
    }
    assert names == {"alice": "alice", "zoe": None, "rita": None}
    assert {row["licence"] for row in rows.values()} == {"CC-BY-4.0"}
    assert "license: cc-by-4.0" in (folder / "README.md").read_text()
    assert b"zoe" not in b"".join(file.read_bytes() for file in folder.iterdir())


def test_what_was_taken_back_is_a_row_without_its_drawing(folder: Path) -> None:
    [row] = [row for row in tables(folder)["attempts"] if row["taken_back"]]
    assert (row["status"], row["image"], row["strokes"]) == ("retracted", None, None)


def test_what_a_drawer_says_they_did_is_in_it_with_when_they_did(folder: Path) -> None:
    said = [row for row in tables(folder)["attempts"] if row["reason"] or row["reason_at"]]
    assert [row["reason"] for row in said] == [SAID] * 10
    assert all(row["fooled"] and row["settled_at"] < row["reason_at"] for row in said)
    with (folder / "attempts.csv").open() as lines:
        assert {row["reason"] for row in csv.DictReader(lines)} == {"", f"'{SAID}"}


def test_its_command_makes_the_served_model_again_to_the_byte(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = manifest(folder)["model"]["remake"].removeprefix("python -m trainer.learning ")
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "copy"))
    monkeypatch.delenv("DADC_MNIST_DIR", raising=False)
    assert main(command.split()) == 0
    assert Path("again.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert Path("again.safetensors").read_bytes() != Path("initial.safetensors").read_bytes()


def test_the_same_rows_make_the_same_bytes_and_no_second_version(folder: Path) -> None:
    kept = Release.objects.get()
    assert hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest() == kept.sha256
    assert releases.make(2) == kept
    Release.objects.all().delete()
    with translation.override("ja"), timezone.override("Asia/Tokyo"):
        assert releases.make(2).sha256 == kept.sha256


def test_it_is_the_same_where_no_pipe_may_be_as_large(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Release.objects.get()
    Release.objects.all().delete()
    monkeypatch.setattr(release_beside, "PIPE", 2**31 - 1)  # more than Linux gives anybody
    assert releases.make(2).sha256 == kept.sha256


def test_opened_on_an_empty_site_it_is_made_again_to_the_byte(folder: Path, tmp_path: Path) -> None:
    """With a model that was trained, from weights that every site has."""
    emptied()
    call_command("open_release", folder)
    assert list(consistency.problems()) == []
    call_command("release", round=2, out=tmp_path / "again")
    sums = "SHA256SUMS"
    assert (tmp_path / "again" / sums).read_text() == (folder / sums).read_text()


def test_published_it_agrees_with_itself_and_the_next_names_the_doi_of_all_versions(
    folder: Path, tmp_path: Path, settings: Any
) -> None:
    Study.objects.update(has_public_releases=True)
    with Zenodo() as zenodo:
        settings.ZENODO_TOKEN, settings.ZENODO_URL = TOKEN, zenodo.url
        assert [each.failure for each in publishing.run()] == [""]
        [record] = zenodo.published
        arrived = tmp_path / "arrived"
        arrived.mkdir()
        for name, data in record.files.items():
            (arrived / name).write_bytes(data or b"")
        assert list(Check(arrived).problems()) == []
        known = Release.objects.get()
        assert releases.make(2) == known  # the same rows, whatever is known by now
        assert "doi" not in (folder / "CITATION.cff").read_text()
        Attempt.objects.filter(drawer__username="alice", round__number=1).update(licence="CC0-1.0")
        call_command("release", round=2, out=tmp_path / "next")
    doi = f"10.5281/zenodo.{record.parent}"
    assert f"\ndoi: {doi}\n" in (tmp_path / "next" / "CITATION.cff").read_text()
    assert f"https://doi.org/{doi}" in (tmp_path / "next" / "README.md").read_text()
    assert doi in json.loads((tmp_path / "next" / "croissant.json").read_text())["citeAs"]
    assert list(Check(tmp_path / "next").problems()) == []


TITLE, AUTHORS = "Digits: “harder” \\ each round", "Ada, Nia\nA lab: of digits\nDe la Cruz, Zoë M."


def test_a_study_has_a_title_and_authors_of_its_own_in_whatever_cites_a_release(
    folder: Path, tmp_path: Path
) -> None:
    assert "citation" not in json.loads((folder / "manifest.json").read_text())
    with transaction.atomic():
        ada = add_person("ada", "admin")
        study_settings.change(ada, cited_title=TITLE, cited_authors=AUTHORS)
        call_command("release", round=2, out=tmp_path / "own")
        transaction.set_rollback(True)
    own, title = tmp_path / "own", f"{TITLE}, up to round 2"
    cited = yaml.safe_load((own / "CITATION.cff").read_text())
    assert cited["title"] == title
    assert cited["authors"] == [
        {"family-names": "Ada", "given-names": "Nia"},
        {"name": "A lab: of digits"},
        {"family-names": "De la Cruz", "given-names": "Zoë M."},
    ]
    card = (own / "README.md").read_text()
    assert yaml.safe_load(card.split("---\n")[1])["pretty_name"] == title
    assert f"# {title}\n" in card
    croissant = json.loads((own / "croissant.json").read_text())
    assert [each["name"] for each in croissant["creator"]] == [
        "Nia Ada",
        "A lab: of digits",
        "Zoë M. De la Cruz",
    ]
    said = f"Ada, Nia; A lab: of digits; De la Cruz, Zoë M.. {title}, 1.2.1. "
    assert croissant["citeAs"].startswith(said)
    assert list(Check(own).problems()) == []


def test_what_was_imported_is_said_where_there_is_any(folder: Path, tmp_path: Path) -> None:
    said = json.loads((folder / "croissant.json").read_text())
    assert "imported" not in said["rai:dataCollection"]
    Attempt.objects.filter(drawer__username="zoe").update(is_imported=True, credit=0)
    call_command("release", round=2, out=tmp_path / "next")
    said = json.loads((tmp_path / "next" / "croissant.json").read_text())
    assert "Not made so are those called `imported`, 1: " in said["rai:dataCollection"]
    assert "were those called `imported`: 1." in (tmp_path / "next" / "README.md").read_text()


def test_pseudonyms_are_of_one_release_and_one_kind(folder: Path, tmp_path: Path) -> None:
    call_command("release", round=1, out=tmp_path / "first")
    first, second = tables(tmp_path / "first"), tables(folder)
    drawers = [{row["drawer"] for row in found["attempts"]} for found in (first, second)]
    assert len(drawers[0]) == len(drawers[1]) == 3
    assert not drawers[0] & drawers[1]
    assert {row["drawer"] for row in second["samples"]} < drawers[1]
    assert manifest(tmp_path / "first")["version"] == "1.1.0"
    assert list(Check(tmp_path / "first").problems()) == []


def test_a_row_that_changed_makes_another_patch(folder: Path) -> None:
    fool = Attempt.objects.filter(drawer__username="alice", round__number=1)[0]
    Attempt.objects.filter(pk=fool.pk).update(status="ambiguous", settled_label=None, credit=0)
    again = releases.make(2)
    assert (again.version, again.previous and again.previous.version) == ("1.2.1", "1.2.0")
    assert Release.objects.count() == 2


def test_who_removes_theirs_takes_the_releases_along_and_the_next_is_major(
    folder: Path, tmp_path: Path
) -> None:
    zoe = Person.objects.get(username="zoe")
    [drawn] = zoe.attempts.all()
    with transaction.atomic():
        closing._remove_drawings(zoe)
    assert not ReleasePart.objects.exists()
    ada = add_person("ada", "admin")
    with pytest.raises(Gone, match="removed their drawings"):
        releases.get(ada, 2)
    call_command("release", round=2, out=tmp_path / "next")
    said = manifest(tmp_path / "next")
    assert (said["version"], said["previous_version"]) == ("2.2.0", "1.2.0")
    assert f"{drawn.pk},withdrawn\n" in (tmp_path / "next" / "changes.csv").read_text()
    assert list(Check(tmp_path / "next").problems()) == []


def _close(name: str) -> None:
    person = Person.objects.get(username=name)
    person.set_unusable_password()
    person.save()
    closing.close(person, "", remove=False)


def test_who_goes_and_leaves_the_drawings_has_no_name_in_any_release_that_is_given_away(
    folder: Path, tmp_path: Path
) -> None:
    assert any(b"alice" in part.data for part in ReleasePart.objects.all())
    _close("alice")
    assert not ReleasePart.objects.exists()
    call_command("release", round=2, out=tmp_path / "next")
    assert manifest(tmp_path / "next")["version"] == "2.2.0"
    assert not any(b"alice" in path.read_bytes() for path in (tmp_path / "next").iterdir())
    assert list(Check(tmp_path / "next").problems()) == []


def test_who_goes_unlisted_and_has_said_nothing_leaves_releases_as_they_are(folder: Path) -> None:
    Person.objects.filter(username="zoe").update(is_listed=False)
    there = ReleasePart.objects.count()
    _close("zoe")
    assert ReleasePart.objects.count() == there > 0


def test_who_removes_theirs_meanwhile_is_in_no_release(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Release.objects.all().delete()
    store = releases._store

    def and_somebody_goes(*of_a_file: Any) -> None:
        Attempt.objects.filter(drawer__username="zoe").update(removed_at=moment)
        store(*of_a_file)

    moment = Attempt.objects.get(removed_at__isnull=False).removed_at
    monkeypatch.setattr(releases, "_store", and_somebody_goes)
    with pytest.raises(Conflict, match="meanwhile"):
        releases.make(2)
    assert not Release.objects.exists()


def _full_disk(folder: Path) -> None:
    (folder / release_formats.TABLE).symlink_to("/dev/full")


def _one_file_in_the_way(folder: Path) -> None:
    (folder / release_formats.ARRAYS).mkdir()


@pytest.mark.parametrize(
    ("fail", "why"),
    [
        (_full_disk, "No space left on device"),
        (_one_file_in_the_way, "Is a directory"),
    ],
)
def test_a_form_that_cannot_be_written_fails_the_release_and_leaves_nothing(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fail: Callable[[Path], None],
    why: str,
) -> None:
    Release.objects.all().delete()
    make_folder = releases._folder

    def and_fail(within: str, name: str) -> Path:
        made = make_folder(within, name)
        fail(made)
        return made

    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    monkeypatch.setattr(releases, "_folder", and_fail)
    with pytest.raises(CommandError, match=f"cannot be written: .*{why}"):
        call_command("release", round=2, out=tmp_path / "out")
    _assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("kill -9 $$", "ended by signal 9"),
        ("exec 0<&-; echo no room here >&2; exit 3", "no room here"),
    ],
)
def test_a_process_of_the_forms_that_ends_fails_the_release_and_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, why: str
) -> None:
    Release.objects.all().delete()
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o700)
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    monkeypatch.setattr("sys.executable", str(program))
    with pytest.raises(CommandError, match=f"forms .* cannot be written: .*{why}"):
        call_command("release", round=2, out=tmp_path / "out")
    _assert_nothing_is_left(tmp_path)


def _assert_nothing_is_left(tmp_path: Path) -> None:
    assert not Release.objects.exists()
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.glob("release.*")) == []


def test_an_open_round_and_one_with_waiting_drawings_have_no_release(
    world: None, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="Round 3 is open"):
        call_command("release", round=3, out=tmp_path / "third")
    fool = Attempt.objects.filter(drawer__username="alice", round__number=1)[0]
    Attempt.objects.filter(pk=fool.pk).update(status="pending", settled_at=None, credit=0)
    with pytest.raises(CommandError, match="wait to be read: 1"):
        call_command("release", round=2, out=tmp_path / "second")
    Person.objects.filter(pk=fool.drawer_id).update(is_active=False)  # theirs wait meanwhile
    call_command("release", round=2, out=tmp_path / "second")


def _with(table: str, **changed: Any) -> Callable[[Path], None]:
    def alter(folder: Path) -> None:
        path = folder / f"{table}.parquet"
        found = parquet.read_table(path)
        rows = found.to_pylist()
        # Ids come by chance, and the first attempt may be one without a picture.
        next(row for row in rows if row.get("image", 1) and row.get("fooled", 1)).update(changed)
        parquet.write_table(type(found).from_pylist(rows, schema=found.schema), path)
        summed(folder)

    return alter


def _without_sums(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)


def _another_model(folder: Path) -> None:
    shutil.copy(folder / "initial.safetensors", folder / "model.safetensors")
    summed(folder)


def _another_set(folder: Path) -> None:
    with np.load(folder / "training_set.npz") as arrays:
        ids, pixels, labels = (arrays[name] for name in ("ids", "pixels", "labels"))
    labels[0] = (labels[0] + 1) % 10
    np.savez_compressed(folder / "training_set.npz", ids=ids, pixels=pixels, labels=labels)
    summed(folder)


def _another_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "images-1.zip", "a") as zipped:
        zipped.writestr("another.png", b"")
    summed(folder)


def _without_zip(folder: Path) -> None:
    (folder / "images-1.zip").unlink()
    summed(folder)


def _written(name: str, content: bytes) -> Callable[[Path], None]:
    def alter(folder: Path) -> None:
        (folder / name).write_bytes(content)
        summed(folder)

    return alter


def _another_array(folder: Path) -> None:
    with np.load(folder / "attempts.npz") as arrays:
        changed = dict(arrays)
    changed["labels"][0] = (changed["labels"][0] + 1) % 10
    np.savez_compressed(folder / "attempts.npz", **changed)
    summed(folder)


ALTERED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a flipped bit": (_without_sums, "model.safetensors is not what SHA256SUMS says"),
    "a file more": (lambda folder: (folder / "x").touch(), "x is not in SHA256SUMS"),
    "a file less": (lambda folder: (folder / "model.onnx").unlink(), "model.onnx is missing"),
    "another pen": (_with("attempts", width=40), "another picture than its strokes make"),
    "no digit": (_with("attempts", target_label=10), "a label that is no digit"),
    "no fool": (_with("attempts", fooled=False), "whether it fooled"),
    "another licence": (_with("attempts", licence="MIT"), "under another licence"),
    "another id": (_with("attempts", id="~"), "not in the order of the ids"),
    "a reading of nothing": (_with("readings", attempt="x"), "is of no attempt here"),
    "an odd answer": (_with("readings", answer="12"), "answers '12'"),
    "a sample of another": (_with("samples", drawer="x"), "of another drawer"),
    "a sample as another": (_with("samples", label=10), "kept under another digit"),
    "another split": (_with("samples", split="dev"), "of another split"),
    "a picture more": (_another_zip, "images-1.zip is not what attempts.parquet makes"),
    "no pictures": (_without_zip, "images-1.zip is not what attempts.parquet makes"),
    "no zip": (_written("images-1.zip", b"x"), "images-1.zip is not what attempts.parquet"),
    "a zip too many": (_written("images-2.zip", b"x"), "images-2.zip has no place here"),
    "another label": (_another_array, "attempts.npz is not what attempts.parquet makes"),
    "no line": (_written("attempts.ndjson.gz", gzip.compress(b"")), "attempts.ndjson.gz is not"),
    "no lines": (_written("attempts.ndjson.gz", b"x"), "attempts.ndjson.gz is not what"),
    "another cell": (_written("attempts.csv", b"id\n=1\n"), "attempts.csv is not what"),
    "another model": (_another_model, "model.safetensors: The weights' checksum is"),
    "another training set": (_another_set, "says otherwise of samples_sha256"),
}


def problems_of(folder: Path, out: Path, forge: Callable[[Path], object]) -> list[str]:
    altered = shutil.copytree(folder, out / "altered")
    forge(altered)
    return list(Check(altered).problems())


@pytest.mark.parametrize("name", forging.FORGED)
def test_what_was_forged_is_told_though_its_checksums_agree(
    folder: Path, tmp_path: Path, name: str
) -> None:
    forge, told = forging.FORGED[name]
    problems = problems_of(folder, tmp_path, forge)
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize("name", forging.BROKEN)
def test_what_is_broken_is_told_in_a_sentence_and_takes_no_memory(
    folder: Path, tmp_path: Path, name: str
) -> None:
    import pyarrow

    forge, told = forging.BROKEN[name]
    altered = shutil.copytree(folder, tmp_path / "altered")
    forge(altered)
    default = pyarrow.default_memory_pool()
    pool = pyarrow.proxy_memory_pool(default)
    pyarrow.set_memory_pool(pool)
    tracemalloc.start()
    try:
        problems = list(Check(altered).problems())
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pyarrow.set_memory_pool(default)
    assert any(told in problem for problem in problems), problems
    assert taken + pool.max_memory() < 100e6


def test_a_release_by_another_version_may_say_it_in_other_words(
    folder: Path, tmp_path: Path
) -> None:
    altered = shutil.copytree(folder, tmp_path / "altered")
    forging.said(lambda told: told["made_with"].update(dadc="0.0.1"))(altered)
    forging.written("README.md", (altered / "README.md").read_bytes() + b"More.\n")(altered)
    assert list(Check(altered).problems()) == []


@pytest.mark.parametrize("name", ALTERED)
def test_what_was_altered_is_told(folder: Path, tmp_path: Path, name: str) -> None:
    alter, told = ALTERED[name]
    altered = shutil.copytree(folder, tmp_path / "altered")
    alter(altered)
    assert any(told in problem for problem in Check(altered).problems())


def test_what_another_model_answered_is_told(folder: Path, tmp_path: Path) -> None:
    altered = shutil.copytree(folder, tmp_path / "altered")
    rows = parquet.read_table(altered / "attempts.parquet").to_pylist()
    second = next(row for row in rows if row["round"] == 2)
    second["probabilities"][0] += 0.001
    table = parquet.read_table(altered / "attempts.parquet")
    parquet.write_table(
        type(table).from_pylist(rows, schema=table.schema), altered / "attempts.parquet"
    )
    summed(altered)
    problems = list(Check(altered).problems())
    assert any(f"{second['id']} is not what the model answers" in each for each in problems)


@pytest.mark.parametrize("public", [False, True])
def test_the_study_says_who_may_have_it(folder: Path, public: bool) -> None:
    Study.objects.update(has_public_releases=public)
    stranger, admin = Client(), Client()
    admin.force_login(add_person("ada", "admin"), backend="collector.people.accounts.Backend")
    for client, status in ((stranger, 200 if public else 403), (admin, 200)):
        assert client.get("/api/releases/").status_code == status
        assert client.get("/api/releases/2/manifest.json").status_code == status
    [listed] = admin.get("/api/releases/").json()["results"]
    assert {file["name"]: file["sha256"] for file in listed["files"]} == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()
    }
    assert b"SHA256SUMS" in admin.get("/data/").content
    assert (b"SHA256SUMS" in stranger.get("/data/").content) == public
    told = admin.get("/data/").content.decode()
    assert ("Everybody may download" in told, "Admins alone may" in told) == (public, not public)
    assert (">for everybody</span>" if public else ">admins alone</span>") in told
    assert (b"Everybody may download" in stranger.get("/data/").content) == public


def test_what_is_under_no_licence_stays_in_the_house(world: None) -> None:
    Release.objects.all().delete()
    Study.objects.update(has_public_releases=True)
    Attempt.objects.filter(drawer__username="zoe").update(licence="")
    release = releases.make(2)
    assert list(releases.visible_to(None)) == []
    assert b"".join(releases.content(releases.get_file(release, "LICENSE"))).count(b"Not all") == 1


RANGES = {
    "": (200, slice(None)),
    "bytes=0-9": (206, slice(0, 10)),
    "bytes=10-": (206, slice(10, None)),
    "bytes=-5": (206, slice(-5, None)),
    "bytes=5-99999999": (206, slice(5, None)),
    "bytes=99999999-": (416, slice(0, 0)),
    "bytes=-0": (416, slice(0, 0)),
    "bytes=9-1": (200, slice(None)),
    "bytes=0-1,3-4": (200, slice(None)),
    "lines=1-2": (200, slice(None)),
}


def test_a_download_that_broke_off_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Study.objects.update(has_public_releases=True)
    whole = (folder / "model.onnx").read_bytes()
    for asked, (status, part) in RANGES.items():
        answer = Client().get("/api/releases/2/model.onnx", headers={"Range": asked})
        assert answer.status_code == status, asked
        found = b"".join(answer) if answer.streaming else answer.content
        assert found == whole[part], asked
    changed = {"Range": "bytes=0-9", "If-Range": '"another"'}
    assert Client().get("/api/releases/2/model.onnx", headers=changed).status_code == 200
    assert Client().get("/api/releases/2/x").status_code == 404
    assert Client().get("/api/releases/2/README.md?version=9.9.9").status_code == 404
    assert Client().get("/api/releases/2/README.md?version=1.2.0").status_code == 200


def test_verify_names_a_file_whose_part_is_damaged(folder: Path) -> None:
    told = "LICENSE of release 1.2.0 is damaged."
    assert told not in list(consistency.Recount().problems())
    ReleasePart.objects.filter(file__name="LICENSE").update(data=b"Anything goes.")
    assert told in list(consistency.Recount().problems())


def test_parts_are_put_together_at_their_seams(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Release.objects.all().delete()
    monkeypatch.setattr(ReleasePart, "SIZE", 1000)
    file = releases.get_file(releases.make(2), "model.onnx")
    whole = (folder / "model.onnx").read_bytes()
    for start, end in ((0, len(whole)), (999, 1001), (1000, 2000), (0, 1000), (88_000, len(whole))):
        assert b"".join(releases.content(file, start, end)) == whole[start:end]


def test_a_release_says_under_which_protocol_the_study_started_and_what_changed(
    world: None, tmp_path: Path
) -> None:
    ada = add_person("ada", "admin")
    study_settings.change(ada, question="Which?", stop_samples=50, secondary_outcomes="mnist")
    started = protocol.start(ada)
    study_settings.change(ada, why="Two agree better.", quorum=2)
    study_settings.change(ada, why="None is dull.", arms="dynamic:2,none:1")
    call_command("release", round=2, out=tmp_path / "running")
    said = manifest(tmp_path / "running")["protocol"]
    assert (said["sha256"], said["ended_at"], said["content"]) == (started.sha256, None, None)
    assert [change["why"] for change in said["changes"]] == ["Two agree better.", None]
    assert "none:1" not in (tmp_path / "running" / "manifest.json").read_text()
    readme = (tmp_path / "running" / "README.md").read_text()
    assert f"under the SHA-256 `{started.sha256}`" in readme
    assert "is in `manifest.json`: 2 in number" in readme
    protocol.end(ada, "It is over.")
    call_command("release", round=2, out=tmp_path / "ended")
    for name in ("running", "ended"):
        assert list(Check(tmp_path / name).problems()) == []
    content = manifest(tmp_path / "ended")["protocol"]["content"]
    assert content["samples_before"]["dynamic"] >= 10
