"""The ink of a drawing is known again by whatever strokes it came there, and nobody else's."""

from typing import Any

import numpy as np
import pytest

from tests.support import changing, penmanship
from trainer.learning import same_ink

DRAWN = [(label, strokes) for label, strokes in penmanship.drawings(5, 30) if label != 1]
PICTURES = np.stack([penmanship.picture(strokes, 22) for _, strokes in DRAWN])


@pytest.mark.survives(
    "the ink of a fool by other strokes: gone over again, side by side, in a zigzag, in dots",
    "nearly all are near-duplicates, whoever sends them",
)
@pytest.mark.parametrize("way", ["gone over again", "side by side", "zigzag", "dots"])
def test_ink_by_other_strokes_is_known_again_also_moved(way: str) -> None:
    def found(label: int, strokes: Any) -> int | None:
        strokes, width = changing.other_strokes(strokes, 22)[way]
        moved = changing.mapped(strokes, np.eye(2), (13, -7))
        return same_ink.find(penmanship.picture(moved, width), PICTURES, label)

    assert np.mean([found(*drawn) == place for place, drawn in enumerate(DRAWN)]) > 0.85


def test_nobody_elses_drawing_has_the_same_ink_and_no_ink_is_none() -> None:
    for label, strokes in penmanship.drawings(6, 30):
        assert same_ink.find(penmanship.picture(strokes, 22), PICTURES, label) is None
    assert same_ink.find(np.zeros((28, 28), np.uint8), PICTURES) is None
    assert same_ink.find(PICTURES[0], PICTURES[:0]) is None


def test_whose_blocks_differ_has_other_ink_and_of_the_same_ink_the_first_named_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = [changing.mapped(strokes, np.eye(2), (10, -20)) for _, strokes in DRAWN[:5]]
    known = np.concatenate([PICTURES, [penmanship.picture(strokes, 22) for strokes in moved]])
    prepared = same_ink.prepare(known)
    last = list(range(len(known) - 1, len(PICTURES) - 1, -1))
    asked = [(label, penmanship.picture(strokes, 22)) for label, strokes in DRAWN]
    for label, strokes in DRAWN[:12]:
        asked += [
            (label, penmanship.picture(*changed))
            for changed in changing.other_strokes(strokes, 22).values()
        ]

    def found() -> list[int | None]:
        return [
            same_ink.find_prepared(picture, prepared, label, before)
            for label, picture in asked
            for before in ([], last)
        ]

    by_blocks = found()
    monkeypatch.setattr(same_ink, "_ROUNDING", 9.0)
    assert by_blocks == found()
    assert 0.5 < np.mean([place is not None for place in by_blocks]) < 1
    assert by_blocks[:2] == [0, len(PICTURES)]
