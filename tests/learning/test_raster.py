"""The picture is the strokes as drawn: compared with a slow oracle, and held to the symmetries of a
round pen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.penmanship import drawings
from trainer.learning import raster
from trainer.learning.drawing import Degenerate, Drawing, Stroke, parse
from trainer.learning.raster import check_ink, rasterise

Points = list[tuple[int, int]]
Picture = NDArray[np.uint8]


def drawn(*strokes: Points, width: int = 22) -> Drawing:
    parts = (tuple(zip(*points, strict=True)) for points in strokes)
    return Drawing(tuple(Stroke(x, y, (0,) * len(x)) for x, y in parts), width)


def points_of(drawing: Drawing) -> list[Points]:
    return [list(zip(s.x, s.y, strict=True)) for s in drawing.strokes]


def distances(drawing: Drawing) -> NDArray[np.float64]:
    """From each of 560 × 560 places, four to a canvas cell, to the nearest stroke, in canvas
    units."""
    places = (np.arange(560) + 0.5) / 2 - 0.5
    y, x = np.meshgrid(places, places, indexing="ij")
    nearest = np.full(x.shape, np.inf)
    for points in points_of(drawing):
        for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
            dx, dy = x1 - x0, y1 - y0
            t = ((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1)
            t = np.clip(t, 0, 1)
            nearest = np.minimum(nearest, np.hypot(x - x0 - t * dx, y - y0 - t * dy))
    return nearest


def oracle(drawing: Drawing) -> NDArray[np.float64]:
    """Each pixel as the mean of its 400 places, ink where the distance is within half the pen's
    width."""
    ink = distances(drawing) <= drawing.width / 2
    shares: NDArray[np.float64] = ink.reshape(28, 20, 28, 20).mean(axis=(1, 3))
    return shares * 255


def difference(a: Picture, b: Picture) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


ONE_PLACE = 1  # 255 / 400, rounded: a place exactly on the edge may fall on either side

coordinate = st.integers(0, 279)
stroke = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=6)
widths = st.integers(8, 40)


@st.composite
def any_drawing(draw: st.DrawFn) -> Drawing:
    return drawn(*draw(st.lists(stroke, min_size=1, max_size=3)), width=draw(widths))


@settings(max_examples=examples(40))
@given(any_drawing())
def test_picture_is_what_the_slow_oracle_draws(drawing: Drawing) -> None:
    assert np.abs(rasterise(drawing) - oracle(drawing)).max() <= 0.5 + ONE_PLACE


def test_simulated_digits_are_what_the_slow_oracle_draws() -> None:
    for _, strokes in drawings(seed=3, n=5):
        drawing = parse(strokes)
        assert np.abs(rasterise(drawing) - oracle(drawing)).max() <= 0.5 + ONE_PLACE


def test_picture_is_bytes_of_28_by_28() -> None:
    pixels = rasterise(drawn([(50, 50), (200, 90)]))
    assert pixels.shape == (28, 28)
    assert pixels.dtype == np.uint8


def test_horizontal_line_covers_exactly_the_pens_width() -> None:
    """A line along the middle of cell row 144 and 22 units wide covers what lies from 133.5 to
    155.5 from the top."""
    pixels = rasterise(drawn([(0, 144), (279, 144)], width=22))
    column = pixels[:, 14].astype(float) / 255 * 10
    assert column.sum() == pytest.approx(22, abs=0.05)
    assert column[12] == 0
    assert column[13] == pytest.approx(6.5, abs=0.02)
    assert column[14] == 10
    assert column[15] == pytest.approx(5.5, abs=0.02)
    assert column[16] == 0


def test_x_goes_right_and_y_goes_down() -> None:
    pixels = rasterise(drawn([(255, 15), (256, 15)], width=8))
    assert divmod(int(pixels.argmax()), 28) == (1, 25)


def test_dot_is_a_round_disc() -> None:
    pixels = rasterise(drawn([(140, 140)], width=40))
    assert pixels.sum() / 255 * 100 == pytest.approx(np.pi * 20**2, rel=0.005)


def test_caps_and_joints_are_round() -> None:
    line = rasterise(drawn([(100, 140), (180, 140)], width=30))
    assert line.sum() / 255 * 100 == pytest.approx(80 * 30 + np.pi * 15**2, rel=0.005)
    hairpin = rasterise(drawn([(100, 140), (180, 140), (100, 140)], width=30))
    assert np.array_equal(hairpin, line)


def test_strokes_are_not_joined_to_each_other() -> None:
    pixels = rasterise(drawn([(20, 20), (60, 20)], [(20, 260), (60, 260)]))
    assert not pixels[10:20].any()
    assert rasterise(drawn([(20, 20), (60, 20), (20, 260), (60, 260)]))[10:20].any()


def test_digit_at_the_edge_is_neither_centred_nor_scaled() -> None:
    pixels = rasterise(drawn([(0, 0), (0, 30)], width=10))
    assert pixels[0, 0] > 0
    assert not pixels[:, 2:].any()
    assert not pixels[5:].any()


@settings(max_examples=examples(40))
@given(any_drawing())
def test_ink_is_only_near_the_strokes_and_always_on_them(drawing: Drawing) -> None:
    pixels = rasterise(drawing)
    near = distances(drawing).reshape(28, 20, 28, 20).min(axis=(1, 3))
    assert not pixels[near > drawing.width / 2 + 0.01].any()
    for points in points_of(drawing):
        for x, y in points:
            assert pixels[y // 10, x // 10] > 0


@given(any_drawing(), st.integers(1, 10))
def test_thicker_pen_leaves_no_pixel_darker(drawing: Drawing, more: int) -> None:
    assume(drawing.width + more <= 40)
    thicker = Drawing(drawing.strokes, drawing.width + more)
    assert (rasterise(thicker) >= rasterise(drawing)).all()


@given(any_drawing(), stroke)
def test_another_stroke_leaves_no_pixel_darker(drawing: Drawing, points: Points) -> None:
    more = drawn(*points_of(drawing), points, width=drawing.width)
    assert (rasterise(more) >= rasterise(drawing)).all()


@given(
    st.lists(
        st.lists(st.tuples(st.integers(30, 200), st.integers(30, 200)), min_size=1), min_size=1
    ),
    widths,
)
def test_moving_by_ten_units_moves_the_picture_by_one_pixel(
    strokes: list[Points], width: int
) -> None:
    here = rasterise(drawn(*strokes, width=width))
    there = rasterise(
        drawn(*([(x + 50, y + 10) for x, y in points] for points in strokes), width=width)
    )
    assert np.array_equal(there[1:, 5:], here[:-1, :-5])


@given(any_drawing())
def test_mirrored_strokes_make_the_mirrored_picture(drawing: Drawing) -> None:
    pixels = rasterise(drawing)
    across = drawn(
        *([(279 - x, y) for x, y in points] for points in points_of(drawing)), width=drawing.width
    )
    down = drawn(
        *([(x, 279 - y) for x, y in points] for points in points_of(drawing)), width=drawing.width
    )
    assert np.array_equal(rasterise(across), pixels[:, ::-1])
    assert difference(rasterise(down), pixels[::-1]) <= ONE_PLACE


@given(any_drawing())
def test_swapping_x_and_y_transposes_the_picture(drawing: Drawing) -> None:
    swapped = drawn(
        *([(y, x) for x, y in points] for points in points_of(drawing)), width=drawing.width
    )
    assert difference(rasterise(swapped), rasterise(drawing).T) <= ONE_PLACE


@given(any_drawing())
def test_direction_and_order_of_strokes_do_not_matter(drawing: Drawing) -> None:
    backwards = drawn(
        *(points[::-1] for points in reversed(points_of(drawing))), width=drawing.width
    )
    assert np.array_equal(rasterise(backwards), rasterise(drawing))


@given(any_drawing())
def test_same_strokes_make_the_same_picture(drawing: Drawing) -> None:
    assert np.array_equal(rasterise(drawing), rasterise(drawing))


def test_huge_drawing_is_the_same_computed_at_once_and_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(4)
    drawing = drawn([(int(x), int(y)) for x, y in rng.integers(0, 280, (60, 2))], width=8)
    whole = rasterise(drawing)
    monkeypatch.setattr(raster, "_SPANS_AT_ONCE", 100)
    assert np.array_equal(rasterise(drawing), whole)


def test_huge_drawing_is_computed_in_parts_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[int] = []
    spans = raster._spans

    def counted(pieces: NDArray[np.int64], radius: float) -> tuple[NDArray[np.int64], ...]:
        spans_of_part = spans(pieces, radius)
        parts.append(len(spans_of_part[0]))
        return spans_of_part

    monkeypatch.setattr(raster, "_spans", counted)
    monkeypatch.setattr(raster, "_SPANS_AT_ONCE", 1_000)
    rasterise(drawn([(50 + i, 140) for i in range(101)], width=20))  # 100 pieces of 40 rows each
    assert parts == [960, 1_000, 1_000, 1_000, 40]


def test_version_is_kept_beside_stored_pictures() -> None:
    """The picture of one fixed drawing. When this fails, the raster has changed: raise ``VERSION``,
    then pin anew."""
    pixels = rasterise(drawn([(60, 60), (200, 80), (90, 220)], [(40, 250), (240, 250)], width=23))
    assert (raster.VERSION, int(pixels.sum()), pixels[6].tolist()[4:9]) == (
        1,
        32_368,
        [10, 235, 255, 255, 255],
    )


def test_canvas_full_of_ink_is_degenerate() -> None:
    with pytest.raises(Degenerate) as caught:
        check_ink(np.full((28, 28), 255, np.uint8))
    assert (caught.value.code, caught.value.field) == ("all_ink", "strokes")
    assert caught.value.message == str(caught.value)
    assert caught.value.message.startswith("Nearly the whole canvas is ink")


def test_ink_is_refused_only_above_the_bound() -> None:
    rows = np.zeros((28, 28), np.uint8)
    rows[:23] = 255  # 82 %
    check_ink(rows)
    rows[:24] = 255  # 86 %
    with pytest.raises(Degenerate):
        check_ink(rows)


def test_grey_ink_counts_by_its_brightness() -> None:
    check_ink(np.full((28, 28), 216, np.uint8))  # 84.7 %
    with pytest.raises(Degenerate):
        check_ink(np.full((28, 28), 217, np.uint8))  # 85.1 %


def test_bound_itself_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "MOST_INK", 0.5)
    half = np.zeros((28, 28), np.uint8)
    half[:14] = 255
    check_ink(half)


def test_boldest_digit_is_not_refused() -> None:
    loops = (
        [(140, 20), (60, 80), (140, 140), (220, 80), (140, 20)],
        [(140, 140), (40, 210), (140, 259), (240, 210), (140, 140)],
    )
    check_ink(rasterise(drawn(*(list(points) for points in loops), width=40)))


@pytest.mark.parametrize("turned", [False, True])
def test_a_stroke_of_seven_pixels_is_no_dot_and_one_of_six_is(turned: bool) -> None:
    stroke = np.zeros((28, 28), np.uint8)
    stroke[14, 10:17] = 255
    check_ink(stroke.T if turned else stroke)
    stroke[14, 16] = 0
    with pytest.raises(Degenerate, match="only a dot"):
        check_ink(stroke.T if turned else stroke)


def test_a_pixel_is_ink_from_a_quarter_of_its_brightness_on() -> None:
    stroke = np.zeros((28, 28), np.uint8)
    stroke[14, 5:20] = 65
    check_ink(stroke)
    with pytest.raises(Degenerate, match="only a dot"):
        check_ink(stroke - (stroke > 0).astype(np.uint8))


def test_twenty_pieces_are_a_drawing_and_one_more_is_noise() -> None:
    specks = np.zeros((28, 28), np.uint8)
    specks[:10:2, :8:2] = 255  # 20, none of which touch
    check_ink(specks)
    specks[20, 20] = 255
    with pytest.raises(Degenerate, match="many specks"):
        check_ink(specks)


def test_a_line_of_one_pixel_is_one_piece_across_and_down() -> None:
    line = np.zeros((28, 28), np.uint8)
    line[14] = 255
    check_ink(line)
    check_ink(line.T)


def test_specks_that_touch_at_a_corner_hold_together() -> None:
    specks = np.zeros((28, 28), np.uint8)
    specks[::2, ::2] = specks[1::2, 1::2] = 255  # a chessboard
    check_ink(specks)


@pytest.mark.parametrize("empty", [0, 1, 64])
def test_a_picture_without_ink_is_a_dot(empty: int) -> None:
    with pytest.raises(Degenerate, match="only a dot"):
        check_ink(np.full((28, 28), empty, np.uint8))


@pytest.mark.parametrize(
    ("stroke_lengths", "more", "shares"),
    # A piece from edge to edge has (279 + 22) · 2 = 602 spans, and so 166 of them 99,932.
    [
        ([], 1, 1),
        ([1], 1, 1),
        ([84, 84], 12, 1),
        ([84, 84], 13, 2),
        ([1, 167], 1, 2),
        ([333], 46, 2),
        ([333], 47, 3),
    ],
)
def test_the_work_of_a_drawing_is_told_in_begun_shares_of_a_hundred_thousand_spans(
    stroke_lengths: list[int], more: int, shares: int
) -> None:
    strokes = [[(9, 279 * (n % 2)) for n in range(length)] for length in stroke_lengths]
    assert raster.shares_of_work(drawn(*strokes, [(9, 0), (200, more)])) == shares


def test_pictures_come_back_from_their_bytes_in_their_order() -> None:
    made = [rasterise(drawn([(40 * n, 9), (90, 200)])) for n in range(3)]
    stored = [picture.tobytes() for picture in made]
    assert [raster.picture(each).tolist() for each in stored] == [each.tolist() for each in made]
    assert raster.pictures(stored).tolist() == [each.tolist() for each in made]
    assert raster.pictures([]).shape == (0, 28, 28)
