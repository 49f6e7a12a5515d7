"""Near-duplicates: the same drawing moved, with a speck more, a wider pen or its points a little
elsewhere."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from tests.support import penmanship
from trainer.learning import drawing, raster, similarity
from trainer.simulation import penman

Strokes = list[dict[str, Any]]
DRAWN: list[tuple[int, Strokes]] = [
    (label, strokes) for label, strokes in penmanship.drawings(3, 10)
]
places = st.integers(0, len(DRAWN) - 1)


def moved(strokes: Strokes, right: int, down: int) -> Strokes:
    """As far that way as the canvas allows."""
    xs, ys = ([v for stroke in strokes for v in stroke[axis]] for axis in "xy")
    right, down = min(right, 279 - max(xs)), min(down, 279 - max(ys))
    return [
        {**s, "x": [x + right for x in s["x"]], "y": [y + down for y in s["y"]]} for s in strokes
    ]


def shake(places: list[int], chances: Any) -> list[int]:
    near: list[int] = np.clip(
        np.array(places) + chances.integers(-1, 2, len(places)), 0, 279
    ).tolist()
    return near


def picture(strokes: Strokes, width: int = 22) -> Any:
    return raster.rasterise(drawing.parse(strokes, width))


@given(places, st.integers(0, 60), st.integers(0, 60))
def test_wherever_a_drawing_is_moved_it_is_a_near_duplicate(
    place: int, right: int, down: int
) -> None:
    label, strokes = DRAWN[place]
    assert similarity.is_near_duplicate(moved(strokes, right, down), strokes, label)


@given(places, places)
def test_a_near_duplicate_of_one_is_the_others_too(one: int, other: int) -> None:
    label = DRAWN[one][0]
    assert similarity.is_near_duplicate(DRAWN[one][1], DRAWN[other][1], label) == (one == other)


@pytest.mark.parametrize("place", range(len(DRAWN)))
def test_a_speck_more_and_points_a_little_elsewhere_leave_it_a_near_duplicate(place: int) -> None:
    label, strokes = DRAWN[place]
    chances = default_rng(place)
    shaken = [{**s, **{axis: shake(s[axis], chances) for axis in "xy"}} for s in strokes]
    changed = [*moved(shaken, 13, 7), {"x": [4, 8], "y": [4, 8], "t": [99_999, 99_999]}]
    assert similarity.is_near_duplicate(changed, strokes, label)
    assert similarity.resemblance(picture(changed, 26), picture(strokes)[None])[0] > 0.5


def test_another_persons_same_digit_is_no_near_duplicate() -> None:
    drawings = [
        penman.write(penman.writer(place), 4, default_rng(place)).strokes
        for place in range(700, 740)
    ]
    assert not any(
        similarity.is_near_duplicate(strokes, other, 4)
        for strokes in drawings
        for other in drawings
        if strokes is not other
    )


def test_resemblance_is_one_for_the_same_wherever_it_stands() -> None:
    pixels = picture(DRAWN[0][1])
    others = np.stack([pixels, np.roll(pixels, (0, 1), (0, 1)), np.zeros_like(pixels)])
    assert similarity.resemblance(pixels, others) == pytest.approx([1, 1, 0], abs=0.02)
