"""Attribution maps."""

import numpy as np
import pytest

from tests.support import penmanship
from trainer.learning import attribution, inference, shipped, weights


@pytest.fixture(scope="module", params=["mnist_model", "strong"])
def net(request: pytest.FixtureRequest) -> inference.Net:
    stored = shipped.round_one(request.param)
    return inference.Net(request.param, weights.read(request.param, stored.weights, stored.sha256))


@pytest.mark.parametrize("seed", range(4))
def test_what_the_pixels_spoke_for_adds_up_to_the_answer(net: inference.Net, seed: int) -> None:
    label, strokes = penmanship.drawings(seed, 1)[0]
    pixels = penmanship.picture(strokes, 22)
    drawn, black = np.log(net.probabilities(np.stack([pixels, np.zeros_like(pixels)])))
    other = (label + 5) % 10
    added = attribution.attribution_map(net, pixels, label, other)
    wanted = (drawn[label] - drawn[other]) - (black[label] - black[other])
    assert added.sum() == pytest.approx(wanted, abs=0.1 * np.abs(added).sum())
    assert not added[pixels == 0].any()


def test_what_speaks_for_one_digit_speaks_against_the_other(net: inference.Net) -> None:
    pixels = penmanship.picture(penmanship.drawings(1, 1)[0][1], 22)
    assert np.allclose(
        attribution.attribution_map(net, pixels, 4, 9),
        -attribution.attribution_map(net, pixels, 9, 4),
        atol=1e-5,
    )
