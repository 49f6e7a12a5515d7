"""Synthetic people and their handwriting."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.penmanship import picture, read
from trainer.learning.drawing import parse
from trainer.simulation import penman
from trainer.simulation.penman import TRAITS, Form, Writer, Written, again, draw, write, writer
from trainer.simulation.skeletons import SKELETONS

FORMS = [(digit, variant) for digit, forms in enumerate(SKELETONS) for variant in range(len(forms))]
seeds = st.integers(0, 2**63)
digits = st.integers(0, 9)
boldnesses = st.floats(0, 1)


def drawn(written: Written) -> NDArray[np.float64]:
    return picture(written.strokes, written.width).astype(np.float64).ravel() / 255


def page(who: Writer, seed: int, boldness: float = 0.0) -> NDArray[np.float64]:
    """All ten digits by one writer, (10, 784)."""
    rng = np.random.default_rng(seed)
    return np.stack([drawn(write(who, digit, rng, boldness)) for digit in range(10)])


def accuracy(people: Sequence[int], boldness: float) -> NDArray[np.float64]:
    """The share that round 1's shipped model reads of each writer's ten digits."""
    pages = np.concatenate([page(writer(seed), seed, boldness) for seed in people])
    answers = read((pages * 255).round().astype(np.uint8).reshape(-1, 28, 28))
    shares: NDArray[np.float64] = (answers.reshape(-1, 10) == np.arange(10)).mean(axis=1)
    return shares


@given(seeds, digits, boldnesses, seeds)
def test_every_drawing_is_a_valid_one_of_20_to_60_points(
    who: int, digit: int, boldness: float, chance: int
) -> None:
    written = write(writer(who), digit, np.random.default_rng(chance), boldness)
    parsed = parse(written.strokes, written.width)
    assert parsed.as_json() == written.strokes
    assert 20 <= sum(len(stroke.x) for stroke in parsed.strokes) <= 60


@given(seeds, digits, boldnesses, seeds)
def test_the_pen_moves_at_a_hands_speed_and_lifting_takes_time(
    who: int, digit: int, boldness: float, chance: int
) -> None:
    strokes = write(writer(who), digit, np.random.default_rng(chance), boldness).strokes
    assert strokes[0]["t"][0] == 0
    assert 60 <= strokes[-1]["t"][-1] <= 10_000
    for stroke in strokes:
        path = np.hypot(np.diff(stroke["x"]), np.diff(stroke["y"])).sum()
        assert (np.diff(stroke["t"]) >= 0).all()
        assert 0.05 < path / (stroke["t"][-1] - stroke["t"][0]) < 2
    for before, after in itertools.pairwise(strokes):
        assert after["t"][0] - before["t"][-1] >= 80


@given(seeds, digits, boldnesses, seeds)
def test_a_style_stays_within_its_bounds(
    who: int, digit: int, boldness: float, chance: int
) -> None:
    person, rng = writer(who), np.random.default_rng(chance)
    written = write(person, digit, rng, boldness)
    for style in (person.style, written.form.style, again(written, rng, boldness).form.style):
        for name, value in asdict(style).items():
            assert TRAITS[name].low - 1e-9 <= value <= TRAITS[name].high + 1e-9, name


@given(seeds, digits, boldnesses, seeds)
def test_equal_seeds_write_equal_strokes(
    who: int, digit: int, boldness: float, chance: int
) -> None:
    first, second = (
        write(writer(who), digit, np.random.default_rng(chance), boldness) for _ in range(2)
    )
    assert first == second
    assert draw(first.form) == first
    assert (
        write(writer(who), digit, np.random.default_rng(chance + 1), boldness).strokes
        != first.strokes
    )


def test_a_writer_does_not_depend_on_who_was_made_or_wrote_before() -> None:
    forwards = [writer(seed) for seed in range(20)]
    rng = np.random.default_rng(0)
    backwards = []
    for seed in reversed(range(20)):
        backwards.append(writer(seed))
        write(backwards[-1], seed % 10, rng, 1)
    assert backwards[::-1] == forwards
    assert len({who.style for who in forwards}) == 20


def test_people_differ_more_than_one_persons_drawings_do() -> None:
    people = [writer(seed) for seed in range(30)]
    first = np.stack([page(who, 1) for who in people])
    second = np.stack([page(who, 2) for who in people])
    apart = np.abs(first[:, None] - second[None]).mean(axis=3)
    same = np.eye(30, dtype=bool)
    assert (apart[same].mean(axis=0) < 0.85 * apart[~same].mean(axis=0)).all()
    recognised = (apart.mean(axis=2).argmin(axis=1) == np.arange(30)).mean()
    assert recognised >= 0.7


def test_round_one_reads_most_of_the_usual_hand_and_fewer_the_bolder_it_gets() -> None:
    usual, bold = (accuracy(range(60), boldness) for boldness in (0, 1))
    assert 0.75 <= usual.mean() <= 0.92
    assert usual.std() > 0.1
    assert bold.mean() < usual.mean() - 0.1


def test_a_person_has_few_forms_of_a_digit_and_the_crowd_has_all() -> None:
    used = np.zeros(len(FORMS))
    favourite = []
    for seed in range(300):
        habits = writer(seed).habits
        assert np.allclose([sum(shares) for shares in habits], 1)
        favourite += [max(shares) for shares in habits]
        used += np.concatenate(habits) > 0.2
    assert np.median(favourite) > 0.7
    assert used.min() >= 3


@pytest.mark.parametrize(
    ("digit", "variant"), FORMS, ids=[SKELETONS[d][v].name + f" {d}" for d, v in FORMS]
)
def test_each_form_is_drawn_with_its_own_strokes(digit: int, variant: int) -> None:
    written = draw(Form(writer(1), digit, variant, 5, writer(1).style))
    assert len(written.strokes) == len(SKELETONS[digit][variant].strokes)
    assert parse(written.strokes, written.width).as_json() == written.strokes


def test_traits_are_those_of_a_style() -> None:
    assert list(TRAITS) == list(penman.Style.__annotations__)


@given(seeds, digits, seeds)
@settings(max_examples=examples(30))
def test_another_try_goes_on_from_the_last_picture(who: int, digit: int, chance: int) -> None:
    rng = np.random.default_rng(chance)
    before = write(writer(who), digit, rng)
    assert again(before, rng, 0).strokes == before.strokes
    after = again(before, rng, 1)
    assert replace(after.form, style=before.form.style) == before.form


def test_nearly_every_other_try_is_another_picture() -> None:
    rng = np.random.default_rng(4)
    tries = [write(writer(seed), seed % 10, rng) for seed in range(100)]
    assert np.mean([(drawn(again(one, rng, 0.5)) != drawn(one)).any() for one in tries]) > 0.8


def test_a_small_step_changes_the_picture_less_than_a_large_one() -> None:
    moved = []
    for boldness in (0.1, 1):
        rng = np.random.default_rng(3)
        tries = [write(writer(seed), seed % 10, rng) for seed in range(60)]
        moved.append(
            np.mean([np.abs(drawn(again(one, rng, boldness)) - drawn(one)).mean() for one in tries])
        )
    assert moved[0] < moved[1] / 2


@pytest.mark.parametrize(("digit", "boldness"), [(-1, 0.0), (10, 0.0), (3, -0.1), (3, 1.1)])
def test_there_are_ten_digits_and_boldness_ends_at_one(digit: int, boldness: float) -> None:
    with pytest.raises(ValueError, match="No such digit or boldness"):
        write(writer(0), digit, np.random.default_rng(0), boldness)
