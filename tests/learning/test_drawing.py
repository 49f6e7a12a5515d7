"""Only the contract's drawing format gets in; everything else is refused with a code, a sentence
and the field."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.learning import drawing
from trainer.learning.drawing import CANVAS, MAX_MILLISECONDS, Degenerate, InvalidDrawing, parse

GOOD: list[dict[str, list[Any]]] = [
    {"x": [10, 20], "y": [30, 40], "t": [0, 5]},
    {"x": [7], "y": [8], "t": [5]},
]

HUGE = 10**4000

coordinate = st.integers(0, CANVAS - 1)


@st.composite
def good_strokes(draw: st.DrawFn) -> list[dict[str, list[int]]]:
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    times = iter(
        sorted(draw(st.lists(st.integers(0, 10_000), min_size=sum(lengths), max_size=sum(lengths))))
    )
    return [
        {
            "x": draw(st.lists(coordinate, min_size=n, max_size=n)),
            "y": draw(st.lists(coordinate, min_size=n, max_size=n)),
            "t": [next(times) for _ in range(n)],
        }
        for n in lengths
    ]


def changed(stroke: int, key: str, at: int, value: object) -> list[dict[str, list[Any]]]:
    strokes = copy.deepcopy(GOOD)
    strokes[stroke][key][at] = value
    return strokes


def refusal(strokes: object, width: object = 22) -> InvalidDrawing:
    with pytest.raises(InvalidDrawing) as caught:
        parse(strokes, width)
    error = caught.value
    assert str(error) == error.message
    assert error.message.endswith(".")
    assert len(error.message) < 200
    return error


@given(good_strokes(), st.integers(8, 40))
def test_what_was_parsed_reads_back_as_it_was(
    strokes: list[dict[str, list[int]]], width: int
) -> None:
    distinct = {point for s in strokes for point in zip(s["x"], s["y"], strict=True)}
    if len(distinct) < 2:
        with pytest.raises(Degenerate):
            parse(strokes, width)
        return
    parsed = parse(strokes, width)
    assert parsed.as_json() == strokes
    assert parsed.width == width
    assert parse(parsed.as_json(), parsed.width) == parsed


def test_default_width_is_22() -> None:
    assert parse(GOOD).width == 22


@pytest.mark.parametrize("width", [7, 41, -22, 0, 22.0, "22", True, None, [22], float("nan"), HUGE])
def test_width_other_than_an_integer_from_8_to_40_is_refused(width: object) -> None:
    error = refusal(GOOD, width)
    assert (error.code, error.field) == ("invalid_width", "width")


@pytest.mark.parametrize("width", [8, 40])
def test_thinnest_and_thickest_pen_are_accepted(width: int) -> None:
    assert parse(GOOD, width).width == width


@pytest.mark.parametrize("strokes", [None, [], {}, "strokes", 3, (GOOD[0],), True])
def test_strokes_must_be_a_list_of_at_least_one(strokes: object) -> None:
    assert refusal(strokes).code == "no_strokes"


@pytest.mark.parametrize(
    "stroke",
    [
        [],
        None,
        "x",
        {"x": [1, 2], "y": [1, 2]},
        {"x": [1, 2], "y": [1, 2], "t": [0, 1], "pressure": [1, 1]},
        {"x": "12", "y": "12", "t": "01"},
        {"x": {"0": 1}, "y": {"0": 1}, "t": {"0": 1}},
        {"x": 1, "y": 2, "t": 3},
        {"x": (1, 2), "y": [1, 2], "t": [0, 1]},
    ],
)
def test_stroke_must_be_exactly_the_lists_x_y_and_t(stroke: object) -> None:
    assert refusal([GOOD[0], stroke]).code == "invalid_stroke"


def test_empty_stroke_is_refused() -> None:
    assert refusal([*GOOD, {"x": [], "y": [], "t": []}]).code == "empty_stroke"


@pytest.mark.parametrize("key", ["x", "y", "t"])
def test_lists_of_unequal_length_are_refused(key: str) -> None:
    strokes = copy.deepcopy(GOOD)
    strokes[0][key].append(50)
    assert refusal(strokes).code == "unequal_lengths"


@pytest.mark.parametrize("key", ["x", "y", "t"])
@pytest.mark.parametrize(
    "value", [True, 3.0, 3.5, "3", None, [3], {"a": 3}, float("inf"), float("nan")]
)
def test_value_that_is_no_integer_is_refused(key: str, value: object) -> None:
    error = refusal(changed(0, key, 1, value))
    assert (error.code, error.field) == ("not_an_integer", "strokes")


@pytest.mark.parametrize("key", ["x", "y"])
@pytest.mark.parametrize("value", [-1, 280, -(HUGE), HUGE])
def test_point_off_the_canvas_is_refused(key: str, value: int) -> None:
    assert refusal(changed(0, key, 1, value)).code == "off_canvas"


@pytest.mark.parametrize("key", ["x", "y"])
@pytest.mark.parametrize("value", [0, 279])
def test_point_on_the_border_of_the_canvas_is_accepted(key: str, value: int) -> None:
    parse(changed(0, key, 1, value))


def test_sentence_names_the_stroke_at_fault() -> None:
    assert "stroke 2" in refusal(changed(1, "x", 0, 280)).message


@pytest.mark.parametrize(
    "strokes",
    [
        pytest.param(changed(0, "t", 0, -1), id="negative"),
        pytest.param(changed(0, "t", 0, 6), id="backwards in a stroke"),
        pytest.param(changed(1, "t", 0, 4), id="backwards between strokes"),
        pytest.param(changed(1, "t", 0, MAX_MILLISECONDS + 1), id="longer than a day"),
        pytest.param(changed(1, "t", 0, HUGE), id="absurd"),
    ],
)
def test_time_that_cannot_be_is_refused(strokes: object) -> None:
    assert refusal(strokes).code == "invalid_time"


def test_time_may_stand_still_and_last_a_day() -> None:
    parse([{"x": [1, 2, 3], "y": [1, 2, 3], "t": [0, 0, MAX_MILLISECONDS]}])


def test_64_strokes_are_accepted_and_65_refused() -> None:
    dots = [{"x": [i], "y": [i], "t": [i]} for i in range(65)]
    assert len(parse(dots[:64]).strokes) == 64
    assert refusal(dots).code == "too_many_strokes"


def test_5000_points_are_accepted_and_5001_refused() -> None:
    def scribble(n: int) -> dict[str, list[int]]:
        return {
            "x": [i % 280 for i in range(n)],
            "y": [i % 279 for i in range(n)],
            "t": list(range(n)),
        }

    later = {"x": [1], "y": [1], "t": [9_999]}
    assert len(parse([scribble(4_999), later]).strokes) == 2
    assert refusal([scribble(5_000), later]).code == "too_many_points"


def test_too_many_points_are_refused_before_any_is_looked_at() -> None:
    nothing = [object()] * 100_000
    assert refusal([{"x": nothing, "y": nothing, "t": nothing}]).code == "too_many_points"


@pytest.mark.parametrize(
    "strokes",
    [
        [{"x": [5], "y": [5], "t": [0]}],
        [{"x": [5, 5, 5], "y": [6, 6, 6], "t": [0, 1, 2]}],
        [{"x": [5], "y": [6], "t": [0]}, {"x": [5], "y": [6], "t": [1]}],
    ],
)
def test_fewer_than_two_distinct_points_are_degenerate(strokes: object) -> None:
    error = refusal(strokes)
    assert isinstance(error, Degenerate)
    assert error.code == "degenerate"


def test_two_dots_in_two_strokes_are_a_drawing() -> None:
    assert len(parse([{"x": [5], "y": [6], "t": [0]}, {"x": [5], "y": [7], "t": [1]}]).strokes) == 2


def test_malformed_input_is_never_called_degenerate() -> None:
    assert not isinstance(refusal([{"x": [5], "y": [500], "t": [0]}]), Degenerate)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyta"), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(json_values, json_values)
def test_any_json_is_parsed_or_refused_and_nothing_else(strokes: object, width: object) -> None:
    try:
        parsed = parse(strokes, width)
    except InvalidDrawing:
        return
    assert isinstance(parsed, drawing.Drawing)
