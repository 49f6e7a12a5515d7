"""`manage.py simulate`, as somebody uses it."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from trainer.learning import fit
from trainer.simulation import experiment


@pytest.fixture(autouse=True)
def stand_in(settings: Any, tmp_path: Path) -> None:
    settings.MNIST_DIR, settings.MNIST_CACHE = None, tmp_path / "no-mnist"


def test_it_ends_with_a_table_and_a_json_and_goes_on_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few who draw and trainings of few steps, in this process, which alone knows of that."""
    whole = fit.default_recipe
    monkeypatch.setattr(
        fit, "default_recipe", lambda architecture, n: replace(whole(architecture, n), steps=25)
    )
    monkeypatch.setattr(experiment, "Plan", partial(experiment.Plan, drawers=3, held_out=2))
    monkeypatch.setattr(
        experiment, "ProcessPoolExecutor", lambda jobs, context: ThreadPoolExecutor(1)
    )

    def simulate(*arguments: str) -> str:
        said = io.StringIO()
        call_command(
            "simulate",
            "--rounds",
            "1",
            "--round-size",
            "3",
            "--out",
            str(out),
            *arguments,
            stdout=said,
        )
        return said.getvalue()

    out = tmp_path / "study.json"
    told = simulate("--seeds", "7")
    (seed,) = json.loads(out.read_text())["runs"].items()
    assert seed[0] == "7"
    assert set(seed[1]) == {"dynamic", "none", "none_at_equal_drawings"}
    assert "| 3 | 3 | – |" in told
    assert "stand-in" in told
    assert "After round 1, held-out writers: " in told
    assert "fewer errors in dynamic than in none" in told
    before = out.read_text()
    again = simulate("--seeds", "7")
    assert out.read_text() == before
    assert again.splitlines()[:-1] == told.splitlines()[:-1]
    with pytest.raises(CommandError, match="made otherwise"):
        simulate("--seeds", "7", "--round-size", "4")


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--seeds", "5-3"], ["--seeds", "x"], ["--rounds", "0"], ["--arms", "all"]])  # fmt: skip  # noqa: E501
def test_wrong_arguments_are_refused(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("simulate", "--out", str(tmp_path / "study.json"), *arguments)


def test_a_net_that_is_not_shipped_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nonesuch"):
        call_command("simulate", "--net", "nonesuch", "--out", str(tmp_path / "study.json"))


def test_a_file_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file or directory"):
        call_command("simulate", "--out", str(tmp_path / "none" / "study.json"))
