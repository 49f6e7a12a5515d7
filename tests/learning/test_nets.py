"""The nets: the first one's exact shape, the one normalisation, and probabilities that are
probabilities."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from torch import nn

from trainer.learning import inference, nets, weights


def random_pictures(n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def test_first_net_has_21840_parameters_in_its_layers() -> None:
    shapes = {
        name: tuple(value.shape) for name, value in nets.build("mnist_model").named_parameters()
    }
    assert shapes == {
        "conv1.weight": (10, 1, 5, 5),
        "conv1.bias": (10,),
        "conv2.weight": (20, 10, 5, 5),
        "conv2.bias": (20,),
        "fc1.weight": (50, 320),
        "fc1.bias": (50,),
        "fc2.weight": (10, 50),
        "fc2.bias": (10,),
    }
    assert sum(value.numel() for value in nets.build("mnist_model").parameters()) == 21_840


def test_first_net_drops_channels_and_units_while_training_only() -> None:
    kinds = [type(module) for module in nets.build("mnist_model").modules()]
    assert kinds.count(nn.Dropout2d) == 1
    assert kinds.count(nn.Dropout) == 1
    net = nets.build("mnist_model").train()
    image = nets.prepare(random_pictures(1))
    assert not torch.equal(net(image), net(image))
    net.eval()
    assert torch.equal(net(image), net(image))


def test_strong_net_has_fewer_than_60_000_parameters() -> None:
    assert sum(value.numel() for value in nets.build("strong").parameters()) == 58_042


def test_strong_net_answers_the_same_while_training_and_drops_nothing() -> None:
    net = nets.build("strong").train()
    images = nets.prepare(random_pictures(4))
    assert torch.equal(net(images), net(images))


@pytest.mark.parametrize("name", sorted(nets.ARCHITECTURES))
def test_every_net_maps_pictures_to_ten_log_probabilities(name: str) -> None:
    answers = nets.build(name).eval()(nets.prepare(random_pictures(3)))
    assert answers.shape == (3, 10)
    assert torch.allclose(answers.exp().sum(dim=1), torch.ones(3))


def test_unknown_net_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(inference.UnknownArchitecture, match=r"'resnet'.*mnist_model"):
        nets.build("resnet")


def test_prepared_black_and_white_have_mnists_normalised_values() -> None:
    pixels = np.zeros((2, 28, 28), np.uint8)
    pixels[1] = 255
    prepared = nets.prepare(pixels)
    assert (prepared.shape, prepared.dtype) == ((2, 1, 28, 28), torch.float32)
    assert prepared[0].flatten().tolist() == pytest.approx([-0.4242] * 784, abs=1e-4)
    assert prepared[1].flatten().tolist() == pytest.approx([2.8215] * 784, abs=1e-4)


def test_preparing_leaves_read_only_pixels_as_they_are() -> None:
    pixels = random_pictures(2)
    before = pixels.copy()
    pixels.setflags(write=False)
    nets.prepare(pixels)
    assert np.array_equal(pixels, before)


def test_probabilities_are_doubles_whose_rows_sum_to_one(round_one: nn.Module) -> None:
    answers = nets.probabilities(round_one, random_pictures(7))
    assert answers.shape == (7, 10)
    assert answers.dtype == np.float64
    assert (answers >= 0).all()
    assert np.abs(answers.sum(axis=1) - 1).max() < 1e-12


def test_probabilities_of_many_are_those_of_each(
    round_one: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = random_pictures(7)
    together = nets.probabilities(round_one, pictures)
    monkeypatch.setattr(nets, "_IMAGES_AT_ONCE", 3)
    assert np.allclose(nets.probabilities(round_one, pictures), together, atol=1e-6)


def test_no_pictures_have_no_probabilities(round_one: nn.Module) -> None:
    assert nets.probabilities(round_one, random_pictures(0)).shape == (0, 10)


def test_probabilities_of_a_net_in_training_mode_do_not_drop_anything() -> None:
    net = nets.build("mnist_model").train()
    pictures = random_pictures(4)
    assert np.array_equal(nets.probabilities(net, pictures), nets.probabilities(net, pictures))


def test_one_class_one_line_and_its_layers_add_a_net(monkeypatch: pytest.MonkeyPatch) -> None:
    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.only = nn.Linear(784, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.log_softmax(self.only(x.flatten(1)), dim=1)

    monkeypatch.setitem(nets.ARCHITECTURES, "linear", Linear)
    monkeypatch.setitem(inference.LAYERS, "linear", (inference.Linear("only", 784, 10),))
    net, pictures = nets.build("linear"), random_pictures(2)
    served = inference.Net("linear", weights.read("linear", weights.dump(net), None))
    assert np.allclose(served.probabilities(pictures), nets.probabilities(net, pictures), atol=1e-5)
    assert "mnist_model" not in inspect.getsource(nets.build)
