"""The simulated study: who draws against whom, what is counted, and that it is the same again."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from trainer.learning import basedata, fit, nets
from trainer.learning.basedata import BaseData
from trainer.simulation import experiment
from trainer.simulation.experiment import (
    EQUAL_DRAWINGS,
    Arms,
    Collection,
    Outcome,
    Plan,
    collect,
    crowd,
    simulate,
)
from trainer.simulation.tactics import Fooler

PLAN = Plan(rounds=2, round_size=6, drawers=5, held_out=3, compared_at=(1, 2))


@pytest.fixture(autouse=True)
def short_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit.default_recipe
    monkeypatch.setattr(
        fit, "default_recipe", lambda architecture, n: replace(whole(architecture, n), steps=25)
    )


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def by_arm(small: BaseData, lines: list[str]) -> Arms:
    whole = fit.default_recipe
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            fit, "default_recipe", lambda architecture, n: replace(whole(architecture, n), steps=25)
        )
        return simulate(PLAN, 5, small, ("dynamic", "static", "none"), lines.append)


def test_every_arm_has_a_row_for_round_ones_model_and_for_each_round(
    by_arm: Arms, lines: list[str]
) -> None:
    for arm in ("dynamic", "static", "none"):
        assert [row["round"] for row in by_arm[arm]] == [0, 1, 2]
        assert [row["samples"] for row in by_arm[arm]] == [0, 6, 12]
        assert by_arm[arm][0] == by_arm["none"][0]
        for row in by_arm[arm]:
            assert {name: errors["n"] for name, errors in row["errors"].items()} == {
                "held_out": 30,
                "hard": 30,
                "mnist_test": 0,
            }
    assert len(lines) == 11


def test_without_an_adversary_every_drawing_is_a_sample_and_nobody_tries(
    by_arm: Arms,
) -> None:
    assert [row["drawings"] for row in by_arm["none"]] == [0, 6, 12]
    assert {row["tries_per_fool"] for row in by_arm["none"]} == {None}


def test_tries_per_fool_are_a_rounds_drawings_by_its_samples(
    by_arm: Arms,
) -> None:
    for arm in ("dynamic", "static"):
        rows = by_arm[arm]
        assert rows[1]["tries_per_fool"] == rows[1]["drawings"] / 6 > 1
        assert rows[2]["tries_per_fool"] == (rows[2]["drawings"] - rows[1]["drawings"]) / 6


def test_dynamic_and_static_part_once_a_second_model_is_there(
    by_arm: Arms,
) -> None:
    assert by_arm["dynamic"][1] == by_arm["static"][1]
    assert by_arm["dynamic"][2]["drawings"] != by_arm["static"][2]["drawings"]


def test_none_is_also_trained_on_as_many_drawings_as_dynamic_made(
    by_arm: Arms,
) -> None:
    for row, dynamic in zip(by_arm[EQUAL_DRAWINGS], by_arm["dynamic"][1:], strict=True):
        assert row["samples"] == row["drawings"] == dynamic["drawings"]
        assert row["round"] == dynamic["round"]


def test_the_same_seed_gives_the_same_rows_and_another_one_others(
    by_arm: Arms, small: BaseData
) -> None:
    plan = replace(PLAN, rounds=1, compared_at=())
    again = simulate(plan, 5, small, ("dynamic",), lambda line: None)
    assert again["dynamic"] == by_arm["dynamic"][:2]
    assert simulate(plan, 6, small, ("dynamic",), lambda line: None) != again


@pytest.fixture(scope="module")
def fresh() -> Callable[[], list[Fooler]]:
    return lambda: crowd(PLAN, 9)


def test_against_a_model_only_what_it_misreads_is_collected(
    fresh: Callable[[], list[Fooler]], round_one: nn.Module
) -> None:
    collected = Collection()
    collect(fresh(), round_one, 12, collected)
    collect(fresh(), round_one, 3, collected)
    answers = nets.probabilities(round_one, np.stack(collected.pixels)).argmax(axis=1)
    assert len(collected.labels) == 15 < collected.drawings
    assert (answers != collected.labels).all()


def test_without_a_model_people_draw_anew_each_time(fresh: Callable[[], list[Fooler]]) -> None:
    collected = Collection()
    people = fresh()
    collect(people, None, 40, collected)
    assert (len(collected.labels), collected.drawings) == (40, 40)
    assert all(person.last is None for person in people)
    assert len(set(collected.labels)) >= 8


def test_nobody_who_draws_is_measured_on_and_seeds_share_nobody() -> None:
    plan = Plan()
    drawing = {seed: {person.hand.seed for person in crowd(plan, seed)} for seed in (1, 2)}
    assert len(drawing[1]) == plan.drawers
    assert not drawing[1] & drawing[2]
    first = experiment._HELD_OUT
    measured = {
        first + seed * experiment._SEED_APART + place
        for seed in (1, 2)
        for place in range(plan.held_out)
    }
    assert not measured & (drawing[1] | drawing[2])
    assert plan.held_out <= experiment._SEED_APART
    assert plan.drawers <= experiment._SEED_APART


def test_held_out_digits_are_all_equally_often_and_the_hard_ones_are_others() -> None:
    sets = experiment.held_out_sets(PLAN, 5)
    for images in sets.values():
        assert images.labels.tolist() == list(range(10)) * 3
    assert (sets["held_out"].pixels != sets["hard"].pixels).any(axis=(1, 2)).all()


def test_a_candidate_that_the_gate_holds_is_not_drawn_against(
    small: BaseData, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = replace(small, train_labels=(small.train_labels + 1) % 10)
    monkeypatch.setattr(
        fit, "default_recipe", lambda architecture, n: fit.Recipe(50, 64, 0.006, sample_batch=4)
    )
    plan = replace(PLAN, compared_at=())
    by_arm = simulate(plan, 5, spoilt, ("dynamic", "static"), lambda line: None)
    assert [row["held"] for row in by_arm["dynamic"]] == [False, True, True]
    assert by_arm["dynamic"] == by_arm["static"]


def test_a_study_goes_on_from_its_file_and_refuses_one_made_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        experiment, "ProcessPoolExecutor", lambda jobs, context: ThreadPoolExecutor(1)
    )
    out, plan = (
        tmp_path / "study.json",
        Plan(rounds=1, round_size=3, drawers=3, held_out=1, compared_at=()),
    )

    def run(seeds: list[int], arms: list[str], plan: Plan = plan) -> Outcome:
        return experiment.run(plan, seeds, arms, out, 2, None, tmp_path / "no-mnist")

    first = run([1], ["dynamic"])
    assert json.loads(out.read_text()) == first
    assert first["base"] == {"sha256": basedata.stand_in().sha256, "stand_in": True}
    run([1, 2], ["dynamic"])
    more = run([1], ["dynamic", "none"])
    assert more["runs"]["1"]["dynamic"] == first["runs"]["1"]["dynamic"]
    assert {seed: set(arms) for seed, arms in more["runs"].items()} == {
        "1": {"dynamic", "none"},
        "2": {"dynamic"},
    }
    assert json.loads(out.read_text()) == more
    with pytest.raises(experiment.OtherStudy, match="otherwise"):
        run([1], ["dynamic"], replace(plan, rounds=3))
    assert json.loads(out.read_text()) == more


@pytest.mark.parametrize("content", ["", "[]", "no study"])
def test_a_file_that_holds_no_study_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    (out := tmp_path / "notes.txt").write_text(content)
    with pytest.raises(experiment.OtherStudy, match="name another file"):
        experiment.run(Plan(), [1], ["dynamic"], out, 1, None, tmp_path / "no-mnist")
    assert out.read_text() == content


def test_a_file_that_cannot_be_written_ends_a_study_before_its_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "ProcessPoolExecutor", lambda *_: pytest.fail("it was begun"))
    out = tmp_path / "none" / "study.json"
    with pytest.raises(FileNotFoundError):
        experiment.run(Plan(), [1], ["dynamic"], out, 1, None, tmp_path / "no-mnist")


def test_a_seed_is_run_in_a_process_of_its_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(rounds=0, round_size=3, drawers=3, held_out=1, compared_at=())
    out = experiment.run(
        plan, [1], ["dynamic"], tmp_path / "study.json", 1, None, tmp_path / "no-mnist"
    )
    [row] = out["runs"]["1"]["dynamic"]
    assert row["round"] == 0
    assert "seed 1, dynamic: " in capfd.readouterr().err, "told by the process itself"
