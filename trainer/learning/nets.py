"""Architectures. To add a net, write one class, add one line to ``ARCHITECTURES``, and say in
``inference.LAYERS`` what it is made of.

A net takes what ``prepare`` makes, float32 (n, 1, 28, 28), and gives log-probabilities, float32 (n,
10). Its round 1's weights are trained by ``python -m trainer.learning fit --net NAME --mnist DIR
--out NAME.safetensors`` (with ``fit.round_one_recipe``); in ``shipped/``, beside the card that the
command writes, they make it one that a study can choose.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.learning.inference import MNIST_MEAN, MNIST_STD, UnknownArchitecture

_IMAGES_AT_ONCE = 250


class MnistModel(nn.Module):
    """The first net: two convolutions and two linear layers with dropout, 21,840 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_dropout = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc1_dropout = nn.Dropout()
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_dropout(self.conv2(x)), 2))
        x = self.fc1_dropout(F.relu(self.fc1(x.flatten(1))))
        return F.log_softmax(self.fc2(x), dim=1)


class Strong(nn.Module):
    """A net that is hard to fool: a strided and three 3 × 3 convolutions with batch norm, 58,042
    parameters.

    It halves the picture twice before most of its channels, so a step costs about twice the first
    net's. No dropout: augmented images (``fit.augment``) keep it from learning by heart. Batch
    norm: Ioffe and Szegedy, “Batch normalization”, 2015.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(  # 28×28 → 13×13 → 11×11 → 5×5 → 5×5 → 3×3
            *_block(1, 24, kernel=4, stride=2),
            *_block(24, 32, kernel=3),
            nn.MaxPool2d(2),
            *_block(32, 64, kernel=3, padding=1),
            *_block(64, 48, kernel=3),
        )
        self.digits = nn.Linear(48 * 3 * 3, 10)

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.digits(self.features(x).flatten(1)), dim=1)


def _block(
    channels: int, out: int, kernel: int, stride: int = 1, padding: int = 0
) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(channels, out, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(),
    )


ARCHITECTURES: dict[str, type[nn.Module]] = {"mnist_model": MnistModel, "strong": Strong}


def build(architecture: str) -> nn.Module:
    """Make a new net with fresh random weights (from torch's global generator). Raises
    ``UnknownArchitecture``."""
    if architecture not in ARCHITECTURES:
        raise UnknownArchitecture(
            f"There is no architecture {architecture!r}; known are "
            f"{', '.join(sorted(ARCHITECTURES))}."
        )
    return ARCHITECTURES[architecture]()


def prepare(pixels: NDArray[np.uint8]) -> Tensor:
    """Make pictures, uint8 (n, 28, 28), the nets' input, float32 (n, 1, 28, 28): the only place for
    normalisation."""
    return normalise(torch.tensor(pixels, dtype=torch.float32).unsqueeze(1))


def normalise(ink: Tensor) -> Tensor:
    """Shift and scale pixel values from 0 to 255, in any shape, so that MNIST's have mean 0 and
    deviation 1."""
    return ink.div(255).sub(MNIST_MEAN).div(MNIST_STD)


def probabilities(net: nn.Module, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Ask the net about pictures, uint8 (n, 28, 28): float64 (n, 10) whose rows sum to 1.

    Leaves the net in eval mode.
    """
    net.eval()
    answers = np.zeros((len(pixels), 10))
    with torch.inference_mode():
        for start in range(0, len(pixels), _IMAGES_AT_ONCE):
            part = slice(start, start + _IMAGES_AT_ONCE)
            answers[part] = np.exp(net(prepare(pixels[part])).double().numpy())
    answers /= answers.sum(axis=1, keepdims=True)
    return answers
