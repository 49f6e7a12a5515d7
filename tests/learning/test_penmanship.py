"""The simulated hands that several suites rely on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import penmanship
from tests.support.penmanship import drawings, fooling, picture, read
from trainer.learning.drawing import parse


def test_drawings_are_valid_repeatable_and_of_all_labels() -> None:
    drawn = drawings(seed=1, n=40)
    assert drawn == drawings(seed=1, n=40)
    assert drawn != drawings(seed=2, n=40)
    assert Counter(label for label, _ in drawn) == dict.fromkeys(range(10), 4)
    for _, strokes in drawn:
        assert parse(strokes).as_json() == strokes
        assert 20 <= sum(len(stroke["x"]) for stroke in strokes) <= 60


def test_most_usual_drawings_are_read_right() -> None:
    drawn = drawings(seed=3, n=200)
    answers = read(np.stack([picture(strokes, 22) for _, strokes in drawn]))
    assert np.mean(answers == [label for label, _ in drawn]) > 0.8


def test_fooling_drawings_fool_are_distinct_and_spread() -> None:
    drawn = fooling(seed=4, n=40)
    assert drawn == fooling(seed=4, n=40)
    pixels = np.stack([picture(strokes, width) for _, strokes, width in drawn])
    assert (read(pixels) != [label for label, _, _ in drawn]).all()
    assert len(np.unique(pixels.reshape(40, -1), axis=0)) == 40
    labels = Counter(label for label, _, _ in drawn)
    assert len(labels) >= 8
    assert max(labels.values()) <= 6


def test_fooling_drawings_take_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def counted(strokes: penmanship.Strokes, width: int) -> NDArray[np.uint8]:
        tried.append(strokes)
        return picture(strokes, width)

    monkeypatch.setattr(penmanship, "picture", counted)
    assert len(fooling(seed=5, n=10)) == 10
    assert len(tried) <= 10 * 10
