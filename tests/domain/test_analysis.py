"""The study's answer: from the rows and from an export alone it is the same, in the arms that the
lot gave people to."""

import csv
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from collector.data import analyses, collected
from collector.errors import Forbidden
from collector.models import Allocation, Analysis, Person, Study
from collector.moderation import queue, readings
from collector.study import protocol
from collector.study import settings as study_settings
from tests.support.cast import ARMS, add_person, put, submit
from trainer import rounds, target
from trainer.learning import checkpoints, fit
from trainer.models import Arm, Contributor, Sample, Split

parquet = pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.django_db
PEOPLE, EACH = 30, 3
QUICK = {"seeds": 1, "trainings": 3}


class Look(NamedTuple):
    """What `analyse` printed and wrote of the rows."""

    told: list[str]
    figures: bytes


@pytest.fixture(scope="module")
def look(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Look]:
    """Thirty people in three arms have drawn thrice each, half of them to test, and all of it was
    read; so did somebody whom no lot gave to any arm. One look at it was kept."""
    patch = pytest.MonkeyPatch()
    patch.setattr(settings, "MNIST_DIR", None)
    patch.setattr(settings, "MNIST_CACHE", settings.BASE_DIR / "there is no such folder")
    recipe = replace(fit.default_recipe("mnist_model", 10), steps=10, base_batch=8, sample_batch=16)
    patch.setattr(fit, "default_recipe", lambda net, n: recipe)
    with django_db_blocker.unblock(), transaction.atomic():
        target.forget()
        study_settings.begin()
        rounds.open_first("mnist_model")
        ada = add_person("ada", "admin")
        study_settings.change(ada, arms=ARMS, round_size=1000, audit_share=1, gold_share=0)
        _draw()
        figures = tmp_path_factory.mktemp("look") / "rows.csv"
        yield Look(analyse(csv=figures), figures.read_bytes())
        transaction.set_rollback(True)
    patch.undo()
    target.forget()


def _draw() -> None:
    mona = add_person("mona", "moderator")
    drawers = [put(add_person(), Arm.values[number % 3]) for number in range(PEOPLE)]
    for drawer in [*drawers, add_person("stray")]:
        for label in range(EACH):
            submit(drawer, label)
    while reading := queue.assign(mona):
        assert reading.attempt
        readings.read(mona, reading.pk, str(reading.attempt.target_label))
    # Which people are test is a lot too: here it is those who drew last.
    Contributor.objects.update(split=Split.TRAIN)
    last = [drawer.contributor for drawer in drawers[PEOPLE // 2 :]]
    Contributor.objects.filter(pk__in=last).update(split=Split.TEST)


def analyse(*arguments: str, **options: Any) -> list[str]:
    out = StringIO()
    options = {"stderr": StringIO(), **QUICK, **options}
    call_command("analyse", *arguments, stdout=out, **options)
    return out.getvalue().splitlines()


def test_rows_and_an_export_alone_give_the_same_answer_to_the_digit(
    look: Look, tmp_path: Path
) -> None:
    from_rows = look.told
    analyse(export=tmp_path / "study")
    from_export = analyse("--from", str(tmp_path / "study"), csv=tmp_path / "export.csv")
    assert from_rows[-1] == "Look 1, kept."
    assert from_rows[:-1] == from_export
    assert from_rows[0] == "An interim look: the study has not ended."
    assert "points (95 %: " in from_rows[1]
    assert look.figures == (tmp_path / "export.csv").read_bytes()
    found = list(csv.DictReader(look.figures.decode().splitlines()))
    names = {str(person.pk) for person in Person.objects.all()}
    told = b"".join(path.read_bytes() for path in (tmp_path / "study").iterdir())
    assert not [name for name in names if name.encode() in told]
    attempts = parquet.read_table(tmp_path / "study" / "attempts.parquet")
    assert {*attempts["name"].to_pylist(), *attempts["reason"].to_pylist()} == {None}
    last = [row for row in found if row["test"] == "unchosen" and row["equal"] == "samples"]
    assert {(row["arm"], row["than"]) for row in last} == {
        *((arm, "") for arm in Arm.values),
        *(("dynamic", "static"), ("dynamic", "none"), ("static", "none")),
    }
    with pytest.raises(CommandError, match="there already"):
        analyse(export=tmp_path / "study")


def test_a_look_that_compares_nothing_is_not_kept(look: Look) -> None:
    Contributor.objects.update(split=Split.TRAIN)
    told = analyse()
    assert told[1].startswith("There is nothing to compare yet")
    assert not any("kept" in line for line in told)
    assert Analysis.objects.count() == 1


def test_any_number_of_processes_gives_the_same_to_the_byte_and_says_how_far_it_is(
    look: Look, tmp_path: Path
) -> None:
    told, shares = [], []
    for jobs in (1, 3):
        said = StringIO()
        out = analyse("--jobs", str(jobs), csv=tmp_path / f"{jobs}.csv", stderr=said)
        told.append(out[:-1])  # the last line has the look's number
        so_far = re.findall(r"Models: (\d+) %(, about [^.]+ left)?\.", said.getvalue())
        assert all(bool(left) == (int(share) >= 10) for share, left in so_far)
        assert said.getvalue().endswith("Models: all are made.\n")
        shares.append([int(share) for share, _ in so_far])
    assert told[0] == told[1]
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "3.csv").read_bytes()
    assert shares[0] == shares[1] == sorted({*shares[0]})
    assert len(shares[0]) > 20


@pytest.mark.survives(
    "a process of the analysis, killed",
    "the command ends with a sentence and keeps nothing",
)
def test_a_process_that_is_killed_ends_the_analysis_with_a_sentence(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    Analysis.objects.all().delete()

    def killed(*_: object) -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    monkeypatch.setattr(fit, "retrain", killed)
    with pytest.raises(CommandError, match="Nothing of this look is kept"):
        analyse("--jobs", "2")
    assert not Analysis.objects.exists()


def test_an_analysis_that_is_ended_by_hand_says_so_in_a_sentence_and_keeps_nothing(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    Analysis.objects.all().delete()
    monkeypatch.setattr(checkpoints, "_compared", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(CommandError, match="Ended before its end: nothing of this look is kept"):
        analyse()
    assert not Analysis.objects.exists()


def test_each_counts_in_the_arm_of_their_lot_and_whoever_has_none_in_no_arm(look: Look) -> None:
    data = collected.from_rows()
    assert [arm.arm for arm in data.arms] == list(Study.current().weights)
    assert {(arm.allotted, arm.drawers, arm.drawings) for arm in data.arms} == {
        (PEOPLE // 3, PEOPLE // 3, PEOPLE // 3 * EACH)
    }
    kept = Sample.objects.filter(contributor__in=Allocation.objects.values("person__contributor"))
    assert len(data.collected.labels) == kept.count()
    testers = Contributor.objects.filter(split=Split.TEST)
    tests = kept.filter(contributor__in=testers)
    unchosen = tests.filter(arm="none") | tests.filter(is_audited=True)
    assert data.collected.is_unchosen.sum() == unchosen.count() > 0


def test_before_the_end_the_answer_is_for_admins_alone(look: Look) -> None:
    Analysis.objects.all().delete()
    ada = Person.objects.get(username="ada")
    assert analyses.visible_to(ada) is None
    found = analyses.make(collected.from_rows(), seed=1, seeds=2, trainings=0, tell=lambda _: None)
    kept = analyses.keep(found, collected.from_rows())
    assert (kept.found, kept.number, kept.is_interim) == (found, 1, True)
    assert "too few" in analyses.sentence(found)
    assert analyses.visible_to(ada) == kept
    for person in (None, Person.objects.get(username="stray")):
        with pytest.raises(Forbidden):
            analyses.visible_to(person)


def test_a_folder_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no export that can be analysed"):
        analyse("--from", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("attempts.parquet", b"PAR1"),
        ("initial.safetensors", b"{}"),
        ("study.json", b"[]"),
        ("study.json", b'{"format": 1, "architecture": "none", "arms": [], "allotted": {}}'),
        ("study.json", b'{"format": 1, "arms": [], "allotted": null}'),
    ],
)
def test_a_damaged_export_is_refused_in_a_sentence(
    look: Look, tmp_path: Path, name: str, content: bytes
) -> None:
    analyse(export=tmp_path / "study")
    (tmp_path / "study" / name).write_bytes(content)
    with pytest.raises(CommandError, match="no export that can be analysed"):
        analyse("--from", str(tmp_path / "study"))


@pytest.mark.parametrize(("column", "value"), [("label", 17), ("image", None)])
def test_an_export_with_a_row_that_cannot_be_is_refused_in_a_sentence(
    look: Look, tmp_path: Path, column: str, value: object
) -> None:
    analyse(export=tmp_path / "study")
    path = tmp_path / "study" / "samples.parquet"
    table = parquet.read_table(path)
    rows = table.to_pylist()
    rows[0][column] = value
    parquet.write_table(type(table).from_pylist(rows, table.schema), path)
    with pytest.raises(CommandError, match="no export that can be analysed"):
        analyse("--from", str(tmp_path / "study"))


def test_where_the_figures_cannot_stand_is_said_before_any_model_is_made(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "make", lambda *_, **__: pytest.fail("models were made"))
    (tmp_path / "there.csv").touch()
    for path, why in (("there.csv", "there already"), ("none/figures.csv", "cannot be written")):
        with pytest.raises(CommandError, match=why):
            analyse(csv=tmp_path / path)
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]


def test_an_export_that_does_not_come_to_its_end_leaves_nothing(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written"):
        analyse(export=tmp_path / "file" / "study")
    monkeypatch.setattr(collected, "STUDY", "no/such/folder")
    with pytest.raises(CommandError, match="cannot be written"):
        analyse(export=tmp_path / "study")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("option", ["--seed=-1", "--trainings=-1"])
def test_numbers_below_zero_are_refused(option: str) -> None:
    with pytest.raises(CommandError, match="at least 0"):
        analyse(option)


def test_the_page_the_api_and_the_file_tell_what_the_command_kept(
    look: Look, client: Client
) -> None:
    client.force_login(Person.objects.get(username="ada"))
    with transaction.atomic():
        Analysis.objects.all().delete()
        assert "Not compared yet" in client.get("/analysis/").content.decode()
        assert client.get("/api/analysis/").status_code == 404
        transaction.set_rollback(True)
    told = look.told
    page = unescape(client.get("/analysis/").content.decode())
    assert told[1] in page
    assert "An interim look" in page
    assert page.count('class="plot__mark"') == page.count('class="plot__whisker"') + 3
    answer = client.get("/api/analysis/").json()
    assert (answer["answer"], answer["look"], answer["interim"]) == (told[1], 1, True)
    rows = b"".join(client.get("/analysis/figures.csv")).decode().splitlines()
    assert len(rows) == len(answer["estimates"]) + 1


def test_what_was_drawn_before_the_start_does_not_count_and_the_end_opens_the_page(
    look: Look, client: Client
) -> None:
    Analysis.objects.all().delete()
    ada, drawer = Person.objects.get(username="ada"), Person.objects.get(username="stray")
    study_settings.change(ada, stop_samples=30, question="Does an adversary help?")
    assert not collected.counted_attempts(collected.frame()).exists()
    sha256 = protocol.start(ada).sha256
    submit(Person.objects.get(pk=Allocation.objects.values_list("person")[0][0]), 3)
    data = collected.from_rows()
    assert sum(arm.drawings for arm in data.arms) == 1
    kept = analyses.keep(analyses.make(data, seed=1, seeds=1, trainings=0, tell=print), data)
    assert (kept.protocol_sha256, kept.is_interim) == (sha256, True)
    assert client.get("/analysis/").status_code == 302
    protocol.end(ada, "It is enough.")
    client.force_login(drawer)
    for path in ("/analysis/", "/analysis/figures.csv", "/api/analysis/"):
        assert client.get(path).status_code == 200
    assert sha256 in client.get("/analysis/").content.decode()
