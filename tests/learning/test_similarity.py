"""Near-duplicates: the same drawing under any small affine map, with a speck more, or its points a
little elsewhere."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from tests.support import changing, penmanship
from trainer.learning import similarity
from trainer.simulation import penman

Strokes = list[dict[str, Any]]
DRAWN: list[tuple[int, Strokes]] = [
    (label, strokes) for label, strokes in penmanship.drawings(3, 10)
]
PATHS = [similarity.path_of(strokes) for _, strokes in DRAWN]
SHAPES = np.stack([similarity.shape(path) for path in PATHS])
places = st.integers(0, len(DRAWN) - 1)
a_little = st.floats(-0.15, 0.15)


def is_near(strokes: Strokes, place: int, *, is_own: bool = True) -> bool:
    path = similarity.path_of(strokes)
    _, turns = similarity.alikeness(path, SHAPES)
    [distance] = similarity.compare(path, [PATHS[place]], [turns[place]])
    return distance.is_near(DRAWN[place][0], is_own=is_own)


@pytest.mark.survives(
    "any small affine map of a fool",
    "a near-duplicate, whoever sends it",
)
@given(places, a_little, a_little, a_little, a_little, st.integers(-42, 42), st.integers(-42, 42))
def test_under_any_small_affine_map_a_drawing_is_a_near_duplicate_whoever_sent_it(
    place: int, turn: float, slant: float, wider: float, higher: float, right: int, down: int
) -> None:
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]]) @ [[1 + wider, slant], [0, 1 + higher]]
    copy = changing.mapped(DRAWN[place][1], linear * 0.9, (right, down))
    assert is_near(copy, place, is_own=False)


@pytest.mark.parametrize("place", [p for p, (label, _) in enumerate(DRAWN) if label not in (1, 7)])
def test_drawn_backwards_with_other_points_it_is_still_the_most_alike_and_near(place: int) -> None:
    backwards = [
        {"x": stroke["x"][::-1], "y": stroke["y"][::-1], "t": stroke["t"]}
        for stroke in changing.turned(DRAWN[place][1], 8)[::-1]
    ]
    backwards[0] = {axis: [*values[:1], *values[2:]] for axis, values in backwards[0].items()}
    alike, _ = similarity.alikeness(similarity.path_of(backwards), SHAPES)
    assert alike.argmax() == place
    assert is_near(backwards, place)


@pytest.mark.parametrize("place", range(len(DRAWN)))
def test_a_speck_more_and_points_a_little_elsewhere_leave_it_a_near_duplicate(place: int) -> None:
    strokes = changing.shaken(DRAWN[place][1], 1, default_rng(place))
    changed = changing.with_a_speck(changing.mapped(strokes, np.eye(2), (13, 7)))
    assert is_near(changed, place)


@given(places, places)
def test_what_is_near_is_near_both_ways(one: int, other: int) -> None:
    assert is_near(DRAWN[one][1], other) == (one == other)


def test_another_persons_same_digit_is_no_near_duplicate() -> None:
    paths = [
        similarity.path_of(penman.write(penman.writer(place), 4, default_rng(place)).strokes)
        for place in range(700, 720)
    ]
    shapes = np.stack([similarity.shape(path) for path in paths])
    for place, path in enumerate(paths):
        alike, turns = similarity.alikeness(path, shapes)
        assert alike.argmax() == place
        others = [other for other in range(len(paths)) if other != place]
        distances = similarity.compare(
            path, [paths[other] for other in others], turns[others].tolist()
        )
        assert not any(distance.is_near(4, is_own=False) for distance in distances)


def test_who_is_given_up_on_the_way_would_not_have_come_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chances = default_rng(4)
    paths = [similarity.path_of(strokes) for _, strokes in penmanship.drawings(7, 100)]
    asked = list(PATHS)
    for place, (_, strokes) in enumerate(DRAWN):
        linear = np.eye(2) * 0.85 + chances.uniform(-0.12, 0.12, (2, 2))
        moved = changing.mapped(strokes, np.eye(2), (13, 7))
        changed = (
            changing.with_a_speck(changing.shaken(moved, 2, chances)),
            changing.turned(changing.shaken(strokes, 1, chances), 8),
            changing.mapped(strokes, linear)[:: 1 if place % 2 else -1],
        )
        asked += map(similarity.path_of, changed)
    paths += PATHS
    shapes = np.stack([similarity.shape(path) for path in paths])

    def found(path: similarity.Path) -> list[tuple[float, list[bool]]]:
        alike, turns = similarity.alikeness(path, shapes)
        places = np.argsort(-alike)[:8]
        distances = similarity.compare(
            path, [paths[place] for place in places], turns[places].tolist()
        )
        kinds = [(digit, is_own) for digit in (1, 4, 7) for is_own in (False, True)]
        near = [[each.is_near(digit, is_own=own) for digit, own in kinds] for each in distances]
        return [
            (each.mapped if any(is_near) else 0.0, is_near)
            for each, is_near in zip(distances, near, strict=True)
        ]

    given_up = [found(path) for path in asked]
    monkeypatch.setattr(similarity, "_FARTHEST", np.full((similarity._STEPS, 2), np.inf))
    assert given_up == [found(path) for path in asked]
    assert sum(any(is_near) for each in given_up for _, is_near in each) > len(asked) / 2


def test_one_point_and_a_straight_line_have_a_path_too() -> None:
    point = [{"x": [5], "y": [5], "t": [0]}]
    line = [{"x": [10, 10], "y": [0, 200], "t": [0, 9]}]
    for strokes in (point, line, [*point, *line]):
        path = similarity.path_of(strokes)
        assert similarity.shape(path).max() == 255
        [distance] = similarity.compare(path, [path], [0.0])
        assert distance.is_near(1, is_own=False)
