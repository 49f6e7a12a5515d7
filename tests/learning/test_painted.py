"""Pictures painted again with a pen, also under a small affine map, are known again."""

from typing import Any

import numpy as np
import pytest

from tests.support import changing, penmanship
from trainer.learning import drawing, painted, raster

DRAWN = [(label, strokes) for label, strokes in penmanship.drawings(5, 30) if label != 1]
PICTURES = np.stack([penmanship.picture(strokes, 22) for _, strokes in DRAWN])
KNOWN = painted.known(PICTURES)


def runs(picture: Any) -> list[dict[str, Any]]:
    """One line of the thin pen along each run of bright pixels, as a program would."""
    lines: list[dict[str, Any]] = []
    for row, bright in enumerate(picture > 128):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], bright.astype(int), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            x = [int(start) * 10 + 4, int(end) * 10 - 5]
            lines.append({"x": x, "y": [row * 10 + 5] * 2, "t": [len(lines)] * 2})
    return lines


def is_known(strokes: list[dict[str, Any]], width: int = 11) -> bool:
    return painted.is_one_of(raster.rasterise(drawing.parse(strokes, width)), KNOWN, 4)


@pytest.mark.survives(
    "MNIST's images painted again, enlarged or stretched",
    "nearly all are known",
)
@pytest.mark.parametrize("linear", [np.eye(2), np.eye(2) * 1.04, np.diag([0.95, 1.08])])
def test_painted_again_enlarged_or_stretched_nearly_all_are_known(linear: Any) -> None:
    found = [is_known(changing.mapped(runs(picture), linear)) for picture in PICTURES]
    assert np.mean(found) > 0.9


def test_nobody_elses_drawing_is_known_and_no_one_ever() -> None:
    others = [strokes for label, strokes in penmanship.drawings(6, 30) if label != 1]
    assert not any(is_known(strokes, 22) for strokes in others)
    assert not painted.is_one_of(PICTURES[0], KNOWN, 1)
    assert not painted.is_one_of(np.zeros((28, 28), np.uint8), KNOWN, 4)


def test_who_is_not_looked_at_closely_is_none_of_the_known(monkeypatch: pytest.MonkeyPatch) -> None:
    chances = np.random.default_rng(1)
    drawn = [strokes for label, strokes in penmanship.drawings(8, 40) if label != 1]
    for place, picture in enumerate(PICTURES):
        linear = np.eye(2) + chances.uniform(-0.1, 0.1, (2, 2))
        drawn += [changing.shaken(runs(picture), place % 6, chances)]
        drawn += [changing.mapped(runs(picture), linear)]

    found = [is_known(strokes, 13) for strokes in drawn]
    monkeypatch.setattr(painted, "_LEAST_ALIKE", -2.0)
    monkeypatch.setattr(painted, "_WORTH_TURNING", -2.0)
    assert found == [is_known(strokes, 13) for strokes in drawn]
    assert 0.15 < np.mean(found) < 0.85
