"""What comes with the project: round 1's weights are those of their card, and as good as it
says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from trainer.learning import basedata, evaluate, fit, nets, shipped, weights
from trainer.learning.basedata import BaseData
from trainer.learning.report import GATE_BASE, MNIST_TEST


@pytest.mark.parametrize("architecture", sorted(nets.ARCHITECTURES))
def test_every_net_has_weights_that_load_and_a_card(architecture: str) -> None:
    model = shipped.round_one(architecture)
    assert weights.checksum(model.weights) == model.sha256
    assert weights.finite(weights.load(architecture, model.weights, model.sha256))
    assert model.architecture == model.manifest["architecture"] == architecture
    recipe: dict[str, Any] = dict(model.recipe)
    assert fit.Recipe(**recipe).as_json() == model.recipe == model.manifest["recipe"]
    assert set(model.report.sets) == {GATE_BASE, MNIST_TEST}


def test_every_net_is_shipped_and_nothing_else() -> None:
    assert shipped.names() == sorted(nets.ARCHITECTURES)


def test_first_nets_shipped_weights_never_change() -> None:
    assert (
        shipped.round_one("mnist_model").sha256
        == "4eb621501a63231a783b5570a6c1bf8869c3238d56282c6211452eed811999be"
    )


@pytest.mark.parametrize(("architecture", "fewest"), [("mnist_model", 9_890), ("strong", 9_940)])
def test_card_says_what_the_net_promises_on_mnists_test_set(architecture: str, fewest: int) -> None:
    figures = shipped.round_one(architecture).report.of(MNIST_TEST)
    assert (figures.n, figures.stand_in) == (10_000, False)
    assert figures.correct >= fewest


@pytest.mark.parametrize("architecture", sorted(nets.ARCHITECTURES))
def test_card_and_model_card_give_the_same_figures(architecture: str) -> None:
    said = (shipped.FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"`{architecture}`" in said
    for figures in shipped.round_one(architecture).report.sets.values():
        assert figures.low is not None
        assert figures.high is not None
        interval = f"({100 * figures.low:.2f}–{100 * figures.high:.2f})"
        assert f"{figures.accuracy:.2%}".replace("%", " %") + f" {interval}" in said


@pytest.mark.parametrize("architecture", sorted(nets.ARCHITECTURES))
def test_card_holds_what_the_model_really_does_on_mnist(architecture: str, mnist: BaseData) -> None:
    model = shipped.round_one(architecture)
    assert model.manifest["base_sha256"] == mnist.sha256
    report = evaluate.evaluate(
        weights.load(architecture, model.weights, None), evaluate.base_sets(mnist)
    )
    for name, figures in report.sets.items():
        assert abs(figures.correct - model.report.of(name).correct) <= 1


def test_net_without_weights_is_an_error_that_says_how_to_make_them() -> None:
    with pytest.raises(shipped.NotShipped, match="fit --net other"):
        shipped.round_one("other")


def test_weights_other_than_the_cards_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    (tmp_path / "mnist_model.safetensors").write_bytes(start[:-1] + b"\x00")
    shutil.copy(shipped.FOLDER / "mnist_model.json", tmp_path)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(weights.BadWeights):
        shipped.round_one("mnist_model")


def test_shipped_files_are_small() -> None:
    assert basedata.STAND_IN.stat().st_size < 700_000
    assert len(shipped.round_one("mnist_model").weights) < 100_000
    assert len(shipped.round_one("strong").weights) < 250_000
