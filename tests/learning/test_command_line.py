"""``python -m trainer.learning`` from files alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.penmanship import drawings, picture
from trainer.learning import shipped, weights
from trainer.learning.__main__ import main
from trainer.learning.report import MNIST_TEST


@pytest.fixture(autouse=True)
def no_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DADC_MNIST_DIR", raising=False)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    drawn = drawings(seed=1, n=12)
    path = tmp_path / "samples.npz"
    pixels = np.stack([picture(strokes, 22) for _, strokes in drawn])
    np.savez(
        path,
        ids=np.array([f"id-{i}" for i in range(12)]),
        pixels=pixels,
        labels=np.array([d[0] for d in drawn]),
    )
    return path


def test_fit_without_samples_trains_round_one_and_writes_its_card(tmp_path: Path) -> None:
    out = tmp_path / "one.safetensors"
    assert main(["fit", "--out", str(out), "--steps", "20", "--seed", "7"]) == 0
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["sha256"] == weights.checksum(out.read_bytes())
    assert (card["seed"], card["recipe"]["steps"], card["manifest"]["start_sha256"]) == (
        7,
        20,
        None,
    )
    assert card["report"]["sets"]["gate_base"]["stand_in"]
    weights.load("mnist_model", out.read_bytes(), card["sha256"])


def test_fit_with_samples_retrains_the_start(tmp_path: Path, samples: Path) -> None:
    out = tmp_path / "two.safetensors"
    assert main(["fit", "--out", str(out), "--samples", str(samples), "--steps", "20"]) == 0
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["manifest"]["samples"] == 12
    assert card["manifest"]["start_sha256"] == shipped.round_one("mnist_model").sha256
    assert card["report"]["sets"]["gate_base"]["accuracy"] > 0.95
    again = tmp_path / "again.safetensors"
    start = shipped.FOLDER / "mnist_model.safetensors"
    assert (
        main(
            [
                "fit",
                "--out",
                str(again),
                "--samples",
                str(samples),
                "--start",
                str(start),
                "--steps",
                "20",
            ]
        )
        == 0
    )
    assert again.read_bytes() == out.read_bytes()


def test_fit_takes_the_recipe_of_a_file_and_refuses_what_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = tmp_path / "out.safetensors", tmp_path / "recipe.json"
    recipe.write_text('{"steps": 40, "base_batch": 8, "learning_rate": 0.001}')
    assert main(["fit", "--out", str(out), "--recipe", str(recipe)]) == 0
    assert json.loads(out.with_suffix(".json").read_text())["recipe"]["base_batch"] == 8
    for other in ('{"steps": 4, "lot": 1}', "4", "{"):
        recipe.write_text(other)
        assert main(["fit", "--out", str(out), "--recipe", str(recipe)]) == 1
        assert "must be the JSON of a recipe" in capsys.readouterr().err


def test_fit_takes_start_and_recipe_of_the_net_named(tmp_path: Path, samples: Path) -> None:
    out = tmp_path / "strong.safetensors"
    assert (
        main(
            ["fit", "--net", "strong", "--out", str(out), "--samples", str(samples), "--steps", "5"]
        )
        == 0
    )
    card = json.loads(out.with_suffix(".json").read_text())
    assert (card["architecture"], card["manifest"]["start_sha256"]) == (
        "strong",
        shipped.round_one("strong").sha256,
    )
    weights.load("strong", out.read_bytes(), card["sha256"])
    assert main(["fit", "--net", "strong", "--out", str(out), "--steps", "5"]) == 0
    assert json.loads(out.with_suffix(".json").read_text())["recipe"]["rotation"] > 0


def test_evaluate_prints_the_report_as_json(
    samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--samples", str(samples)]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert set(report["sets"]) == {"gate_base", "mnist_test", "samples"}
    assert report["sets"]["samples"]["n"] == 12
    assert report["sets"]["mnist_test"] | {"per_digit": [], "confusion": []} == {
        "n": 0,
        "correct": 0,
        "accuracy": None,
        "low": None,
        "high": None,
        "stand_in": True,
        "per_digit": [],
        "confusion": [],
    }
    assert "stand-in" in said.err


def test_evaluate_on_mnist_gives_the_cards_figures(
    mnist_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights_file = shipped.FOLDER / "mnist_model.safetensors"
    assert main(["evaluate", "--weights", str(weights_file), "--mnist", str(mnist_dir)]) == 0
    report = json.loads(capsys.readouterr().out)
    figures = shipped.round_one("mnist_model").report.of(MNIST_TEST)
    assert report["sets"]["mnist_test"]["correct"] == pytest.approx(figures.correct, abs=1)


def test_mnist_directory_is_taken_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DADC_MNIST_DIR", str(tmp_path))
    assert main(["evaluate"]) == 1
    assert "train-images-idx3-ubyte" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pixels": np.zeros((2, 28, 28), np.float32)}, "pixels must be uint8"),
        ({"pixels": np.zeros((3, 28, 28), np.uint8)}, "pixels must be uint8"),
        ({"labels": np.array([1, 10])}, "labels must be 2 integers from 0 to 9"),
        ({"labels": np.array([-1, 1])}, "labels must be 2 integers from 0 to 9"),
        ({"labels": np.array([1.0, 2.0])}, "labels must be 2 integers from 0 to 9"),
        ({"ids": np.array([object(), object()])}, "must be an npz"),
        ({"ids": np.array(["a", "a"])}, "id of its own"),
    ],
)
def test_wrong_samples_are_an_error_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], sentence: str
) -> None:
    arrays = {
        "ids": np.array(["a", "b"]),
        "pixels": np.zeros((2, 28, 28), np.uint8),
        "labels": np.array([1, 2]),
    }
    path = tmp_path / "samples.npz"
    np.savez(path, **(arrays | changes))  # type: ignore[arg-type]
    out = tmp_path / "out.safetensors"
    assert main(["fit", "--out", str(out), "--samples", str(path), "--steps", "5"]) == 1
    assert sentence in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x80\x04K\x01."])
def test_samples_that_are_no_npz_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "samples.npz"
    path.write_bytes(content)
    assert main(["fit", "--out", str(tmp_path / "out"), "--samples", str(path)]) == 1
    assert "samples.npz" in capsys.readouterr().err


def test_start_without_samples_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = shipped.FOLDER / "mnist_model.safetensors"
    assert main(["fit", "--out", str(tmp_path / "out"), "--start", str(start)]) == 1
    assert "--samples" in capsys.readouterr().err


def test_unknown_net_and_missing_file_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--net", "other", "--out", str(tmp_path / "out")]) == 1
    assert "other" in capsys.readouterr().err
    assert main(["evaluate", "--weights", str(tmp_path / "none.safetensors")]) == 1
    assert "none.safetensors" in capsys.readouterr().err


def test_stand_in_needs_mnist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["standin", "--out", str(tmp_path / "made.npz")]) == 1
    assert "MNIST" in capsys.readouterr().err


def test_module_runs_as_a_command_with_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trainer.learning", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(command in done.stdout for command in ("fit", "evaluate", "standin"))
