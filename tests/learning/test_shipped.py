"""What comes with the project: round 1's weights are those of their card, and as good as it
says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainer.learning import basedata, evaluate, fit, nets, shipped, weights
from trainer.learning.basedata import BaseData


@pytest.mark.parametrize("net", sorted(nets.NETS))
def test_every_net_has_weights_that_load_and_a_card(net: str) -> None:
    model = shipped.round_one(net)
    assert weights.checksum(model.weights) == model.sha256 == model.card["sha256"]
    assert weights.finite(weights.load(net, model.weights, model.sha256))
    assert model.card["net"] == model.card["manifest"]["net"] == net
    assert fit.Recipe(**model.card["recipe"]).as_json() == model.card["manifest"]["recipe"]
    assert set(model.card["report"]["sets"]) == {"gate_base", "mnist_test"}


def test_every_net_is_shipped_and_nothing_else() -> None:
    assert shipped.names() == sorted(nets.NETS)


def test_first_nets_shipped_weights_never_change() -> None:
    assert (
        shipped.round_one("mnist_model").sha256
        == "4eb621501a63231a783b5570a6c1bf8869c3238d56282c6211452eed811999be"
    )


@pytest.mark.parametrize(("net", "fewest"), [("mnist_model", 9_890), ("strong", 9_940)])
def test_card_says_what_the_net_promises_on_mnists_test_set(net: str, fewest: int) -> None:
    measured = shipped.round_one(net).card["report"]["sets"]["mnist_test"]
    assert (measured["n"], measured["stand_in"]) == (10_000, False)
    assert measured["correct"] >= fewest


@pytest.mark.parametrize("net", sorted(nets.NETS))
def test_card_and_model_card_give_the_same_figures(net: str) -> None:
    said = (shipped.FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"`{net}`" in said
    for measured in shipped.round_one(net).card["report"]["sets"].values():
        low, high = (f"{100 * measured[bound]:.2f}" for bound in ("low", "high"))
        assert f"{measured['accuracy']:.2%}".replace("%", " %") + f" ({low}–{high})" in said


@pytest.mark.parametrize("net", sorted(nets.NETS))
def test_card_holds_what_the_model_really_does_on_mnist(net: str, mnist: BaseData) -> None:
    model = shipped.round_one(net)
    card = model.card
    assert card["manifest"]["base_sha256"] == mnist.sha256
    report = evaluate.evaluate(weights.load(net, model.weights, None), evaluate.base_sets(mnist))
    for name, measured in report["sets"].items():
        assert abs(measured["correct"] - card["report"]["sets"][name]["correct"]) <= 1


def test_net_without_weights_is_an_error_that_says_how_to_make_them() -> None:
    with pytest.raises(shipped.NotShipped, match="fit --net other"):
        shipped.round_one("other")


def test_weights_other_than_the_cards_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    (tmp_path / "mnist_model.safetensors").write_bytes(start[:-1] + b"\x00")
    (tmp_path / "mnist_model.json").write_text(json.dumps(shipped.round_one("mnist_model").card))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(weights.BadWeights):
        shipped.round_one("mnist_model")


def test_shipped_files_are_small() -> None:
    assert basedata.STAND_IN.stat().st_size < 700_000
    assert len(shipped.round_one("mnist_model").weights) < 100_000
    assert len(shipped.round_one("strong").weights) < 250_000
