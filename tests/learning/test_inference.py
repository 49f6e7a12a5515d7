"""What serves answers what torch does, and its gradients are torch's."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.support import penmanship
from trainer.learning import inference, nets, shipped, weights

ARCHITECTURES = sorted(nets.ARCHITECTURES)


def both(architecture: str, data: bytes) -> tuple[nn.Module, inference.Net]:
    net = inference.Net(architecture, weights.read(architecture, data, None))
    return weights.load(architecture, data, None), net


def any_weights(architecture: str, seed: int) -> bytes:
    """Of a net that was never trained, whose batch norm has seen something."""
    torch.manual_seed(seed)
    net = nets.build(architecture).train()
    net(torch.randn(8, 1, 28, 28))
    return weights.dump(net)


def pictures(seed: int, n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    drawn = penmanship.drawings(seed, n)
    return np.stack([penmanship.picture(strokes, 22) for _, strokes in drawn])


def test_every_architecture_has_its_layers_with_the_names_and_shapes_of_its_weights() -> None:
    assert sorted(inference.LAYERS) == ARCHITECTURES
    for architecture in ARCHITECTURES:
        shapes = {
            name: tuple(value.shape)
            for name, value in nets.build(architecture).state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        assert inference.shapes(architecture) == shapes


def test_an_unknown_architecture_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(inference.UnknownArchitecture, match=r"'resnet'.*mnist_model, strong"):
        inference.shapes("resnet")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_shipped_net_answers_as_in_torch(architecture: str) -> None:
    net, served = both(architecture, shipped.round_one(architecture).weights)
    shown = np.concatenate([pictures(5, 60), np.zeros((1, 28, 28), np.uint8)])
    answers = served.probabilities(shown)
    assert np.abs(answers - nets.probabilities(net, shown)).max() < 1e-5
    assert np.abs(answers.sum(axis=1) - 1).max() < 1e-12
    assert answers.dtype == np.float64


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@given(st.integers(0, 2**32 - 1))
def test_any_net_answers_as_in_torch_whatever_it_is_shown(architecture: str, seed: int) -> None:
    net, served = both(architecture, any_weights(architecture, seed))
    shown = np.random.default_rng(seed).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    assert np.abs(served.probabilities(shown) - nets.probabilities(net, shown)).max() < 1e-5


def test_many_pictures_are_answered_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _, served = both("mnist_model", shipped.round_one("mnist_model").weights)
    shown = pictures(7, 10)
    together = served.probabilities(shown)
    monkeypatch.setattr(inference, "_IMAGES_AT_ONCE", 3)
    assert np.allclose(served.probabilities(shown), together, atol=1e-6)
    assert served.probabilities(shown[:0]).shape == (0, 10)


def test_a_picture_is_left_as_it_is() -> None:
    _, served = both("strong", shipped.round_one("strong").weights)
    shown = pictures(7, 2)
    shown.setflags(write=False)
    served.probabilities(shown)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.integers(0, 9))
def test_gradients_are_torchs(architecture: str, seed: int, digit: int, other: int) -> None:
    """Of whole numbers, so that nothing is rounded: what is exactly 0, or exactly as large as its
    neighbour, is so in both."""
    net, served = both(architecture, of_whole_numbers(architecture, seed))
    rng = np.random.default_rng(seed)
    ink = np.float32(255) * rng.integers(0, 2, (2, 28, 28)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patched:
        for module in (nets, inference):
            patched.setattr(module, "MNIST_MEAN", 0.0)
            patched.setattr(module, "MNIST_STD", 1.0)
        wanted = torch.tensor(ink).requires_grad_()
        answers = net(nets.normalise(wanted[:, None]))
        (gradients,) = torch.autograd.grad((answers[:, digit] - answers[:, other]).sum(), wanted)
        assert np.allclose(served.gradients(ink, digit, other), gradients.numpy(), rtol=1e-6)


def of_whole_numbers(architecture: str, seed: int) -> bytes:
    """Weights of −1, 0 and 1, the variances such that batch norm divides by 1."""
    rng = np.random.default_rng(seed)
    tensors = {
        name: rng.choice([-1, 0, 0, 1], shape).astype(np.float32)
        for name, shape in inference.shapes(architecture).items()
    }
    for name in tensors:
        if name.endswith("running_var"):
            tensors[name] = np.full_like(tensors[name], 1 - 1e-5)
    return safetensors.numpy.save(tensors)
