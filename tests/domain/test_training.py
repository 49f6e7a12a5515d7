"""Real trainings through the task: spoilt ones are held or failed and open no round; equal sets,
equal bytes."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from collector.data import exports
from collector.models import Study
from collector.study import consistency
from collector.study import settings as study_settings
from tests.support.cast import add_person
from tests.support.nets import always
from tests.support.penmanship import drawings, fooling, picture, read
from trainer import candidates, measurements, remaking, rounds, samples, target, tasks
from trainer.learning import basedata, fit, shipped, weights
from trainer.learning.__main__ import main
from trainer.learning.report import Report
from trainer.models import Contributor, Round, RoundModel, Sample, Weights


@pytest.fixture
def study(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Round 1 with the shipped weights; trainings of a few steps on the stand-in."""
    settings.MNIST_DIR = None
    settings.MNIST_CACHE = settings.BASE_DIR / "there is no such folder"
    target.forget()
    made = study_settings.begin()
    rounds.open_first("mnist_model")
    shorten(monkeypatch)
    return made


def shorten(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    recipe = replace(RECIPE, **({"steps": 40} | changes))
    monkeypatch.setattr(fit, "default_recipe", lambda net, n: recipe)


RECIPE = fit.default_recipe("mnist_model", 10)


def keep(contributor: uuid.UUID, pixels: Any, label: int, *, has_fooled: bool = True) -> None:
    with transaction.atomic():
        samples.add(
            attempt=uuid.uuid4(),
            contributor=contributor,
            pixels=pixels.tobytes(),
            label=label,
            has_fooled=has_fooled,
            is_audited=not has_fooled,
            round_=Round.objects.get(number=1),
        )


def carry_out(candidate: RoundModel) -> None:
    claim = candidates.claim(candidate.pk)
    assert claim is not None
    tasks.train(claim)


def train(net: str = "mnist_model") -> RoundModel:
    candidate = candidates.start(net)
    carry_out(candidate)
    candidate.refresh_from_db()
    return candidate


def keep_ten(contributor: uuid.UUID, seed: int = 3) -> None:
    for label, strokes, width in fooling(seed, 10):
        keep(contributor, picture(strokes, width), label)


@pytest.fixture
def someone(study: Study) -> uuid.UUID:
    """A contributor of the train split, with ten samples."""
    contributor = Contributor.objects.create(id=uuid.uuid4(), position=0, split="train").pk
    keep_ten(contributor)
    return contributor


def test_an_honest_training_opens_round_two_with_its_report_and_manifest(
    someone: uuid.UUID, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.learning.fit._Teacher._cache", {})
    settings.ANSWERS_FOLDER = tmp_path / "answers"
    candidate = train()
    assert (candidate.state, candidate.reasons, candidate.claim_count) == ("promoted", [], 1)
    assert candidate.report is not None
    assert candidate.manifest is not None
    assert candidate.report["sets"]["gate_base"]["stand_in"] is True
    assert candidate.report["cost"]["seconds"] > 0
    assert 50e6 < candidate.report["cost"]["peak_memory"] < 50e9
    assert candidate.manifest["samples"] == 10
    assert len(candidate.manifest["sha256"]) == 64
    assert Round.objects.get(state="open").model == candidate
    assert len(list((tmp_path / "answers").iterdir())) == 1  # round 1's, for the next training


def test_a_study_that_changes_its_net_opens_the_next_round_with_it_and_it_can_be_made_again(
    someone: uuid.UUID, tmp_path: Path
) -> None:
    candidate = train("strong")
    assert (candidate.state, candidate.reasons, candidate.architecture) == (
        "promoted",
        [],
        "strong",
    )
    assert candidate.manifest is not None
    assert candidate.manifest["start_sha256"] == shipped.round_one("strong").sha256
    assert (target.current().number, target.current().net.architecture) == (2, "strong")
    assert [said for said in consistency.problems() if not said.startswith("Sample")] == []
    assert exports.write_training_set(2, tmp_path / "two.npz") == (10, "strong")
    fitting = [
        "fit",
        "--samples",
        str(tmp_path / "two.npz"),
        "--out",
        str(tmp_path / "two.safetensors"),
    ]
    assert main([*fitting, "--net", "strong"]) == 0
    assert (tmp_path / "two.safetensors").read_bytes() == bytes(
        Weights.objects.get(pk=candidate.pk).data
    )


def flip_a_bit(model: RoundModel) -> None:
    row = Weights.objects.get(pk=model.pk)
    data = bytearray(row.data)
    data[-3] ^= 4
    Weights.objects.filter(pk=row.pk).update(data=bytes(data))


@pytest.mark.survives(
    "a bit flipped in an earlier round's weights",
    "the next candidate is judged without that round, and the desk says so",
)
def test_a_candidate_is_judged_without_the_rounds_whose_models_are_damaged_and_the_desk_says_so(
    someone: uuid.UUID, client: Client
) -> None:
    first, second = rounds.get_round(1), train()
    flip_a_bit(second)
    keep_ten(someone, 4)
    third = train()
    assert (third.state, third.reasons) == ("promoted", [])
    report = Report.from_json(measurements.whole_report(third))
    assert report.unloadable == (2,)
    matrix = measurements.newest_matrix()
    assert matrix is not None
    assert set(matrix.rows.values_list("model", flat=True)) == {first.model_id, third.pk}
    assert report.against_target is not None
    assert report.against_target.round == first.number
    client.force_login(add_person("ada", "admin"))
    assert "The stored model of round 2 is damaged" in client.get("/desk/").content.decode()
    assert client.get("/rounds/").status_code == 200


def test_a_round_whose_model_did_not_come_by_a_release_is_left_out_and_is_no_damage(
    someone: uuid.UUID, client: Client
) -> None:
    first = rounds.get_round(1).model
    absent = RoundModel.objects.create(architecture="", state="promoted", initial_model=first)
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(absent)
    candidate = train()
    assert candidate.state == "promoted"
    assert Report.from_json(candidate.report).unloadable == ()
    client.force_login(add_person("ada", "admin"))
    assert "is damaged" not in client.get("/desk/").content.decode()


@pytest.mark.survives(
    "a bit flipped in the initial weights",
    "nothing is trained from them; the training fails with the checksum",
)
def test_a_model_whose_checksum_differs_is_not_trained_from(
    someone: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "retrain", lambda *given: pytest.fail("It was trained from."))
    flip_a_bit(rounds.get_round(1).model)
    candidate = train()
    assert candidate.state == "failed"
    assert "checksum" in candidate.reasons[0]


@pytest.mark.survives(
    "somebody removes their drawings between a training's start and its loading",
    "trained on the others; the set says so",
)
def test_who_removes_their_drawings_before_a_training_begins_is_not_trained_on_and_stops_nobody(
    someone: uuid.UUID, tmp_path: Path
) -> None:
    leaving = Contributor.objects.create(id=uuid.uuid4(), position=1, split="train").pk
    keep_ten(leaving, 4)
    before = train()
    keep_ten(leaving, 5)
    keep_ten(someone, 6)
    candidate = candidates.start("mnist_model")
    samples.remove(leaving)
    carry_out(candidate)
    candidate.refresh_from_db()
    assert (candidate.state, candidate.reasons) == ("promoted", [])
    assert candidate.manifest is not None
    assert candidate.manifest["samples"] == 20 == samples.trained_on(candidate).count()
    assert samples.trained_on(before).count() == 20
    assert samples.removed_since(candidate) is None
    assert samples.removed_since(before) is not None
    assert samples.due().count() == 0
    assert exports.write_training_set(3, tmp_path / "three.npz") == (20, "mnist_model")


@pytest.mark.survives(
    "everything of a training is removed before it loads",
    "the training fails and says so",
)
def test_a_training_of_which_everything_was_removed_fails_and_says_so(someone: uuid.UUID) -> None:
    candidate = candidates.start("mnist_model")
    samples.remove(someone)
    carry_out(candidate)
    candidate.refresh_from_db()
    assert candidate.state == "failed"
    assert "has been removed" in candidate.reasons[0]


@pytest.mark.survives(
    "base labels permuted",
    "candidate held, the open round untouched",
)
def test_permuted_base_labels_are_held(someone: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    base = basedata.stand_in()
    permuted = replace(base, train_labels=(base.train_labels + 1) % 10)
    monkeypatch.setattr(basedata, "find", lambda *_: permuted)
    shorten(monkeypatch, steps=150, distillation=0.0)
    candidate = train()
    assert candidate.state == "held"
    assert "base images" in candidate.reasons[0]
    assert Round.objects.get(state="open").number == 1


@pytest.mark.survives(
    "200 samples with permuted labels by one person",
    "candidate held by fifty clean test samples",
)
def test_two_hundred_samples_with_permuted_labels_are_held_by_fifty_clean_test_samples(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = [(label, picture(strokes, 22)) for label, strokes in drawings(5, 320)]
    labels, pixels = (
        np.array([label for label, _ in usual]),
        np.stack([pixels for _, pixels in usual]),
    )
    clean = np.flatnonzero(read(pixels) == labels)
    liar = Contributor.objects.create(id=uuid.uuid4(), position=0, split="train").pk
    tester = Contributor.objects.create(id=uuid.uuid4(), position=1, split="test").pk
    for i in clean[:50]:
        keep(tester, pixels[i], int(labels[i]), has_fooled=False)
    for i in clean[50:250]:
        keep(liar, pixels[i], int(labels[i] + 1) % 10)
    assert Sample.objects.count() == 250
    shorten(monkeypatch, steps=200)
    candidate = train()
    assert candidate.state == "held"
    assert any("“audited_1”" in reason for reason in candidate.reasons)
    assert Round.objects.get(state="open").number == 1


@pytest.mark.survives(
    "a learning rate of 1e9",
    "candidate failed or held, the open round untouched",
)
def test_a_learning_rate_of_a_billion_opens_no_round(
    someone: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, learning_rate=1e9)
    candidate = train()
    assert candidate.state in ("failed", "held")
    assert candidate.reasons
    assert Round.objects.get(state="open").number == 1


@pytest.mark.survives(
    "a loss of NaN",
    "candidate failed, the open round untouched",
)
def test_a_loss_that_is_not_a_number_fails_and_says_so(
    someone: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, temperature=0.0)  # 0/0 in the distillation
    candidate = train()
    assert candidate.state == "failed"
    assert "Diverged" in candidate.reasons[0]
    assert Round.objects.get(state="open").number == 1


@pytest.mark.survives(
    "a training that runs out of memory (MemoryError)",
    "failed candidate, open round untouched",
)
def test_a_training_that_runs_out_of_memory_fails_and_collecting_goes_on(
    someone: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: Any) -> bytes:
        raise MemoryError("no more memory")

    monkeypatch.setattr(fit, "retrain", run_out)
    candidate = train()
    assert (candidate.state, candidate.reasons) == ("failed", ["MemoryError: no more memory"])
    assert target.current().number == 1


def test_without_a_person_the_next_model_is_the_one_that_would_have_been_without_them(
    someone: uuid.UUID,
) -> None:
    alone = train()
    leaver = Contributor.objects.create(id=uuid.uuid4(), position=1, split="train").pk
    keep_ten(leaver, seed=4)
    together = train()
    assert samples.withdraw(leaver) == 10
    again = train()
    first, second, third = (
        bytes(Weights.objects.get(pk=m.pk).data) for m in (alone, together, again)
    )
    assert first == third != second


def test_a_comparison_is_trained_to_the_very_model_that_would_have_been_without_them(
    someone: uuid.UUID,
) -> None:
    alone = train()
    leaver = Contributor.objects.create(id=uuid.uuid4(), position=1, split="train").pk
    keep_ten(leaver, seed=4)
    tester = Contributor.objects.create(id=uuid.uuid4(), position=2, split="test").pk
    keep_ten(tester, seed=5)
    together = train()
    comparison = candidates.start_ablation(leaver)
    carry_out(comparison)
    comparison.refresh_from_db()
    assert (comparison.state, Round.objects.count(), target.current().number) == ("ablated", 3, 3)
    weights = [
        bytes(Weights.objects.get(pk=model.pk).data) for model in (alone, together, comparison)
    ]
    assert weights[0] == weights[2] != weights[1]
    told, whole = comparison.report, together.report
    assert told is not None
    assert whole is not None
    assert (told["compared_with"], told["samples"]) == (together.pk, [10, 20])
    assert told["their_sets"]["gate_base"] == whole["sets"]["gate_base"]
    assert told["sets"]["fools_1"]["n"] == told["paired"]["fools_1"]["n"] == 10
    gained, lost = (told["paired"]["gate_base"][key] for key in ("gained", "lost"))
    assert (
        gained - lost
        == told["sets"]["gate_base"]["correct"] - told["their_sets"]["gate_base"]["correct"]
    )
    assert not Sample.objects.filter(first_trained_by=comparison).exists()


@pytest.mark.survives(
    "a model's weights, manifest or report changed to another that is sound by itself",
    "`verify --recompute` makes the model again and says what differs",
)
def test_a_model_made_again_is_the_stored_one_and_what_was_changed_is_found(
    someone: uuid.UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    model = train()
    assert model.report is not None
    assert model.manifest is not None
    assert list(remaking.differences(model)) == []

    model.report["sets"]["gate_base"]["correct"] -= 1
    weights_of = Weights.objects.filter(pk=model.pk)
    weights_of.update(data=always(3), sha256=weights.checksum(always(3)))
    assert list(remaking.differences(model)) == [
        "made again from its manifest, it has other weights",
        "its report says otherwise of gate_base than its weights",
    ]
    model.manifest["seed"] = 2
    assert list(remaking.differences(model)) == [
        "its manifest says otherwise of its seed than the rows"
    ]
    model.manifest["cpu_capability"] = "another"
    with pytest.raises(remaking.CannotRemake, match="other processors"):
        list(remaking.differences(model))

    with pytest.raises(SystemExit):
        call_command("verify", recompute=[1, 2])
    told = capsys.readouterr()
    assert "Round 1's model cannot be made again: it is one that others are made from" in told.err
    assert "Round 2's model: made again from its manifest, it has other weights." in told.out
