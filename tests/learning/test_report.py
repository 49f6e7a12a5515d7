"""The report as types: nothing is lost on the way to JSON and back, and what is lacking is
empty."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.learning import report, shipped
from trainer.learning.report import (
    GATE_BASE,
    MNIST_TEST,
    Ablation,
    AgainstTarget,
    Cost,
    Count,
    Kind,
    MatrixLine,
    PairedTest,
    Report,
    SetFigures,
    strictly,
)

FOOLS_3 = report.TestSet(Kind.FOOLS, 3)
AUDITED_12 = report.TestSet(Kind.AUDITED, 12)

counts = st.integers(0, 10_000)
shares = st.none() | st.floats(0, 1)
test_sets = st.builds(report.TestSet, st.sampled_from(Kind), st.integers(1, 10_000))
names = st.sampled_from((GATE_BASE, MNIST_TEST, "samples")) | st.builds(
    lambda test: test.name, test_sets
)
set_figures = st.builds(
    SetFigures,
    n=counts,
    correct=counts,
    accuracy=shares,
    low=shares,
    high=shares,
    stand_in=st.booleans(),
    per_digit=st.lists(st.builds(Count, counts, counts), max_size=10).map(tuple),
    confusion=st.lists(st.lists(counts, max_size=3).map(tuple), max_size=3).map(tuple),
)
paired_tests = st.builds(PairedTest, counts, counts, counts, st.floats(0, 1))
lines = st.builds(
    MatrixLine, st.none() | st.integers(1, 100), st.dictionaries(test_sets, counts, max_size=4)
)
reports = st.builds(
    Report,
    sets=st.dictionaries(names, set_figures, max_size=4),
    against_target=st.none()
    | st.builds(
        AgainstTarget, st.integers(1, 100), st.dictionaries(test_sets, paired_tests, max_size=4)
    ),
    forgot=st.none() | st.lists(st.uuids().map(str), max_size=3).map(tuple),
    matrix=st.none() | st.lists(lines, max_size=3).map(tuple),
)
ablations = st.builds(
    Ablation,
    compared_with=st.integers(1, 100),
    sets=st.dictionaries(names, set_figures, min_size=1, max_size=3),
    samples=st.tuples(counts, counts),
    other_sets=st.dictionaries(names, set_figures, max_size=3),
    paired=st.dictionaries(names, paired_tests, max_size=3),
)


def through_json(value: dict[str, object]) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


FIGURES = SetFigures(
    n=3,
    correct=2,
    accuracy=0.67,
    low=0.2,
    high=0.9,
    stand_in=True,
    per_digit=(Count(2, 1), Count(1, 1)),
    confusion=((1, 1), (0, 1)),
)
WHOLE = Report(
    sets={GATE_BASE: FIGURES, FOOLS_3.name: SetFigures()},
    against_target=AgainstTarget(3, {FOOLS_3: PairedTest(50, 4, 1, 0.375)}),
    forgot=("an-id",),
    matrix=(MatrixLine(3, {FOOLS_3: 0, AUDITED_12: 7}), MatrixLine(None, {FOOLS_3: 5})),
    unloadable=(2,),
    cost=Cost(5.7, 412_000_000),
)
STORED_FIGURES: dict[str, object] = {
    "n": 3,
    "correct": 2,
    "accuracy": 0.67,
    "low": 0.2,
    "high": 0.9,
    "stand_in": True,
    "per_digit": [{"n": 2, "correct": 1}, {"n": 1, "correct": 1}],
    "confusion": [[1, 1], [0, 1]],
}
STORED_NOTHING: dict[str, object] = {
    "n": 0,
    "correct": 0,
    "accuracy": None,
    "low": None,
    "high": None,
    "stand_in": False,
    "per_digit": [],
    "confusion": [],
}


def test_the_json_is_the_one_that_is_stored_and_that_the_api_gives_to_the_byte() -> None:
    stored = {
        "sets": {"gate_base": STORED_FIGURES, "fools_3": STORED_NOTHING},
        "against_target": {
            "round": 3,
            "sets": {"fools_3": {"n": 50, "gained": 4, "lost": 1, "p": 0.375}},
        },
        "forgot": ["an-id"],
        "matrix": [
            {"round": 3, "correct": {"fools_3": 0, "audited_12": 7}},
            {"round": None, "correct": {"fools_3": 5}},
        ],
        "unloadable": [2],
        "cost": {"seconds": 5.7, "peak_memory": 412_000_000},
    }
    assert json.dumps(WHOLE.as_json()) == json.dumps(stored)
    assert Report.from_json(stored) == WHOLE


def test_an_ablations_json_is_the_one_that_is_stored_to_the_byte() -> None:
    ablation = Ablation(
        compared_with=7,
        sets={GATE_BASE: FIGURES},
        samples=(10, 12),
        other_sets={GATE_BASE: SetFigures()},
        paired={GATE_BASE: PairedTest(3, 1, 0, 1.0)},
    )
    stored = {
        "sets": {"gate_base": STORED_FIGURES},
        "compared_with": 7,
        "samples": [10, 12],
        "their_sets": {"gate_base": STORED_NOTHING},
        "paired": {"gate_base": {"n": 3, "gained": 1, "lost": 0, "p": 1.0}},
    }
    assert json.dumps(ablation.as_json()) == json.dumps(stored)
    assert Ablation.from_json(stored) == ablation


@given(reports)
def test_a_report_goes_through_json_unchanged(whole: Report) -> None:
    assert Report.from_json(through_json(whole.as_json())) == whole


@given(ablations)
def test_an_ablation_goes_through_json_unchanged(whole: Ablation) -> None:
    assert Ablation.from_json(through_json(whole.as_json())) == whole


@pytest.mark.parametrize("architecture", shipped.names())
def test_the_report_of_a_shipped_card_is_read_and_written_as_it_is(architecture: str) -> None:
    card = json.loads((shipped.FOLDER / f"{architecture}.json").read_text(encoding="utf-8"))
    read = Report.from_json(card["report"])
    assert json.dumps(read.as_json()) == json.dumps(card["report"])
    assert (read.against_target, read.forgot, read.matrix, read.tests) == (None, None, None, {})


CHANGES = {
    "n": 4,
    "correct": 1,
    "accuracy": 0.5,
    "low": 0.1,
    "high": 0.95,
    "stand_in": False,
    "per_digit": (Count(2, 2), Count(1, 1)),
    "confusion": ((1, 1), (1, 0)),
}


@pytest.mark.parametrize("name", [field.name for field in fields(SetFigures)])
def test_every_figure_of_a_set_matters(name: str) -> None:
    changed = replace(FIGURES, **{name: CHANGES[name]})  # type: ignore[arg-type]
    assert changed != FIGURES
    assert changed.as_json() != FIGURES.as_json()
    assert SetFigures.from_json(through_json(changed.as_json())) == changed


@pytest.mark.parametrize(
    "part",
    [
        FOOLS_3,
        Count(),
        FIGURES,
        PairedTest(1, 0, 0, 1.0),
        MatrixLine(None, {}),
        AgainstTarget(1, {}),
        WHOLE,
        Ablation(7),
    ],
)
def test_nothing_that_was_measured_can_be_changed(part: Any) -> None:
    for field in fields(part):
        with pytest.raises(FrozenInstanceError):
            setattr(part, field.name, None)


def test_a_count_that_is_not_there_is_none() -> None:
    assert Count.from_json({}) == Count() == Count(n=0, correct=0)


def test_a_part_that_was_not_measured_is_not_stored_and_an_empty_one_is() -> None:
    assert Report().as_json() == {"sets": {}}
    empty = Report(against_target=AgainstTarget(1, {}), forgot=(), matrix=())
    assert empty.as_json() == {
        "sets": {},
        "against_target": {"round": 1, "sets": {}},
        "forgot": [],
        "matrix": [],
    }
    assert Report.from_json(empty.as_json()) == empty != Report()


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        {"sets": None},
        {"sets": {}},
        {"sets": {}, "against_target": None, "forgot": None, "matrix": None},
    ],
)
def test_a_model_that_was_never_measured_has_an_empty_report(stored: Any) -> None:
    assert Report.from_json(stored) == Report()


@pytest.mark.parametrize(
    "stored", [None, {}, {"per_digit": None, "confusion": None, "accuracy": None}]
)
def test_a_set_that_was_not_measured_has_no_figures(stored: Any) -> None:
    assert SetFigures.from_json(stored) == SetFigures()
    assert Report.from_json({"sets": {GATE_BASE: stored}}).of(GATE_BASE) == SetFigures()


def test_a_set_that_is_asked_for_and_is_not_there_is_empty() -> None:
    assert WHOLE.of(GATE_BASE) == FIGURES
    assert WHOLE.of(MNIST_TEST) == Report().of(GATE_BASE) == SetFigures()


def test_keys_that_are_not_known_are_passed_over() -> None:
    stored: dict[str, Any] = through_json(WHOLE.as_json())
    stored["pens"] = {"n": 1}
    stored["sets"]["gate_base"]["calibration"] = 0.1
    stored["sets"]["gate_base"]["per_digit"][0]["seconds"] = 1
    stored["against_target"]["sets"]["fools_3"]["z"] = 1.5
    stored["against_target"]["sets"]["elsewhere"] = None
    stored["matrix"][0]["correct"]["elsewhere"] = 4
    assert Report.from_json(stored) == WHOLE


def test_a_report_gives_the_figures_of_its_test_sets_by_what_they_are() -> None:
    sets = {GATE_BASE: FIGURES, AUDITED_12.name: FIGURES, "samples": FIGURES, FOOLS_3.name: FIGURES}
    assert list(Report(sets).tests.items()) == [(AUDITED_12, FIGURES), (FOOLS_3, FIGURES)]


def test_an_ablation_that_is_not_measured_yet_says_with_what_it_is_compared() -> None:
    begun = Ablation(7)
    assert begun.as_json() == {"compared_with": 7}
    assert Ablation.from_json(begun.as_json()) == begun
    assert (begun.samples, begun.other_sets, begun.paired) == ((0, 0), {}, {})


@given(test_sets)
def test_a_test_set_is_known_by_its_name(test: report.TestSet) -> None:
    assert report.TestSet.named(test.name) == test


def test_test_sets_are_named_by_kind_and_round() -> None:
    assert (FOOLS_3.name, AUDITED_12.name) == ("fools_3", "audited_12")
    assert report.TestSet.named("fools_3") == FOOLS_3 != report.TestSet.named("fools_4")


@pytest.mark.parametrize(
    "name",
    [
        GATE_BASE,
        MNIST_TEST,
        "samples",
        "",
        "3",
        "_3",
        "fools",
        "fools_",
        "fools3",
        "fools_x",
        "fools_-3",
        "fools_1.0",
        "fools_²",
        "fools_٣",
        "fools_3_3",
        "FOOLS_3",
        "pens_3",
    ],
)
def test_any_other_name_is_no_test_sets(name: str) -> None:
    assert report.TestSet.named(name) is None


def test_the_two_parts_of_a_report_are_all_of_it_but_the_matrix_and_a_test_sets_digits() -> None:
    parts = (WHOLE.of_any_size, WHOLE.on_tests)
    by_digit = {"per_digit": (), "confusion": ()}
    assert parts[0].tests == {}
    assert parts[1].tests == {
        test: replace(of, **by_digit)  # type: ignore[arg-type]
        for test, of in WHOLE.tests.items()
    }
    assert parts[0].sets | {test.name: of for test, of in WHOLE.tests.items()} == WHOLE.sets
    assert replace(parts[0], sets=WHOLE.sets, against_target=parts[1].against_target) == replace(
        WHOLE, matrix=None
    )


def test_a_query_finds_the_parts_where_the_json_has_them() -> None:
    stored: Any = through_json(WHOLE.as_json())
    for path, part in (
        (report.set_lookup(GATE_BASE), STORED_FIGURES),
        (report.SETS, stored["sets"]),
        (report.MATRIX, stored["matrix"]),
    ):
        at = stored
        for key in path.split("__"):
            at = at[key]
        assert at == part


_ROWS = ((1, 1, *[0] * 8), (0, 1, *[0] * 8), *[(0,) * 10] * 8)
AGREEING = replace(
    WHOLE,
    sets={
        **WHOLE.sets,
        GATE_BASE: replace(
            FIGURES,
            accuracy=2 / 3,
            per_digit=(*FIGURES.per_digit, *[Count()] * 8),
            confusion=_ROWS,
        ),
    },
)


def _altered(change: Callable[[dict[str, Any]], object]) -> object:
    stored: dict[str, Any] = through_json(AGREEING.as_json())
    change(stored)
    return stored


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (None, "the report is not"),
        ([], "the report is not"),
        ({}, "has no sets"),
        (_altered(lambda whole: whole["sets"][GATE_BASE].update(n="x")), "n of gate_base"),
        (_altered(lambda whole: whole["sets"][GATE_BASE].update(correct=-1)), "less than nothing"),
        (_altered(lambda whole: whole["sets"][GATE_BASE].update(accuracy=0.1)), "contradict"),
        (_altered(lambda whole: whole["sets"][GATE_BASE].update(low=2.0)), "a share of gate_base"),
        (_altered(lambda whole: whole["sets"][GATE_BASE].update(stand_in=1)), "stand_in of"),
        (_altered(lambda whole: whole["sets"][GATE_BASE].update(confusion=[[1]])), "ten digits"),
        (_altered(lambda whole: whole["against_target"].update(round="x")), "round of against"),
        (_altered(lambda whole: whole.update(forgot=[1])), "forgot is not"),
        (_altered(lambda whole: whole.update(unloadable=["x"])), "unloadable is not"),
        (_altered(lambda whole: whole.update(matrix=[5])), "matrix is not"),
        (_altered(lambda whole: whole.update(cost={"seconds": 1})), "cost is of something else"),
    ],
)
def test_of_what_is_not_believed_each_part_is_what_it_is_called(stored: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        strictly(stored)


def test_what_was_measured_is_believed_by_no_version_less_than_another() -> None:
    assert strictly(through_json(AGREEING.as_json())) == AGREEING
    assert strictly({"sets": {GATE_BASE: None, MNIST_TEST: {"per_digit": None}}, "more": 1})
    for name in shipped.names():
        assert strictly(through_json(shipped.round_one(name).report.as_json()))
