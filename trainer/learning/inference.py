"""What a net answers, in plain numpy: torch trains, and this serves. For nets this small, asked
about one picture, torch is mostly on its way to its kernels, and it takes two seconds and 200 MB to
load.

``LAYERS`` says of each of ``nets.ARCHITECTURES`` what it is made of, by the names of its modules.
The answers are torch's to 1e-5. Pictures go through as float32 (n, height, width, channels).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SIDE = 28
DIGITS = 10
MNIST_MEAN = 0.1307
MNIST_STD = 0.3081
_NORM_EPSILON = 1e-5  # added to a variance, as torch does
_IMAGES_AT_ONCE = 1000

Floats = NDArray[np.float32]
Tensors = Mapping[str, Floats]
Shapes = dict[str, tuple[int, ...]]


class UnknownArchitecture(LookupError):
    """No architecture has that name."""


class Step(Protocol):
    """A layer with its weights, for pictures of one size."""

    def forward(self, given: Floats) -> Floats:
        """Do what the layer does."""

    def back(self, given: Floats, gradient: Floats) -> Floats:
        """Make the gradient by what came of ``given`` one by ``given``."""


class Layer(Protocol):
    """One layer of an architecture."""

    @property
    def shapes(self) -> Shapes:
        """Its weights' names and shapes."""

    def step(self, tensors: Tensors, side: int) -> tuple[Step, int]:
        """Take the weights, for pictures with ``side`` pixels a side; say how many come of them."""


@dataclass(frozen=True)
class Conv:
    """A square convolution, with a bias or, where ``norm`` names one, the batch norm after it."""

    name: str
    channels: int
    out: int
    kernel: int
    stride: int = 1
    padding: int = 0
    norm: str = ""

    @property
    def shapes(self) -> Shapes:
        of_norm = ("weight", "bias", "running_mean", "running_var")
        weight = {f"{self.name}.weight": (self.out, self.channels, self.kernel, self.kernel)}
        vectors = (
            [f"{self.norm}.{each}" for each in of_norm] if self.norm else [f"{self.name}.bias"]
        )
        return weight | dict.fromkeys(vectors, (self.out,))

    def step(self, tensors: Tensors, side: int) -> tuple[Step, int]:
        matrix = tensors[f"{self.name}.weight"].transpose(2, 3, 1, 0).reshape(-1, self.out)
        if not self.norm:
            return self._step(matrix, tensors[f"{self.name}.bias"], side)
        weight, bias, mean, variance = (
            tensors[f"{self.norm}.{each}"]
            for each in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / np.sqrt(variance + np.float32(_NORM_EPSILON))
        return self._step(matrix * scale, bias - mean * scale, side)

    def _step(self, matrix: Floats, bias: Floats, side: int) -> tuple[Step, int]:
        padded = side + 2 * self.padding
        out_side = (padded - self.kernel) // self.stride + 1
        corners, offsets = np.arange(out_side) * self.stride, np.arange(self.kernel)
        # Of each place that the kernel comes to, the numbers that are under it: by its pixels, and
        # by the channels of each.
        down = (corners[:, None, None, None] + offsets[:, None]) * padded
        pixels = down + corners[:, None, None] + offsets
        under = pixels[..., None] * self.channels + np.arange(self.channels)
        under = under.reshape(out_side**2, -1)
        return _Conv(self, np.ascontiguousarray(matrix), bias, under, side, out_side), out_side


@dataclass(frozen=True)
class _Conv:
    conv: Conv
    matrix: Floats
    bias: Floats
    under: NDArray[np.int64]
    side: int
    out_side: int

    def forward(self, given: Floats) -> Floats:
        columns = self._padded(given).reshape(len(given), -1)[:, self.under]
        return (columns @ self.matrix + self.bias).reshape(
            len(given), self.out_side, self.out_side, -1
        )

    def back(self, given: Floats, gradient: Floats) -> Floats:
        columns = gradient.reshape(len(given), self.out_side**2, -1) @ self.matrix.T
        padded = self._padded(np.zeros_like(given))
        flat = padded.reshape(len(given), -1)
        # Under one place of the kernel each number lies but once.
        for place in range(0, columns.shape[-1], self.conv.channels):
            part = slice(place, place + self.conv.channels)
            flat[:, self.under[:, part]] += columns[..., part]
        return padded[self._inside]

    def _padded(self, given: Floats) -> Floats:
        if not self.conv.padding:
            return given
        side = self.side + 2 * self.conv.padding
        padded = np.zeros((len(given), side, side, given.shape[-1]), np.float32)
        padded[self._inside] = given
        return padded

    @cached_property
    def _inside(self) -> tuple[slice, slice, slice]:
        inside = slice(self.conv.padding, self.conv.padding + self.side)
        return slice(None), inside, inside


class Relu:
    """What is below 0 becomes 0."""

    shapes: Shapes = {}

    def step(self, tensors: Tensors, side: int) -> tuple[Step, int]:
        return self, side

    def forward(self, given: Floats) -> Floats:
        return np.maximum(given, 0)

    def back(self, given: Floats, gradient: Floats) -> Floats:
        return gradient * (given > 0)


class Pool:
    """The largest of each 2 × 2 pixels; an odd side's last are left out."""

    shapes: Shapes = {}

    def step(self, tensors: Tensors, side: int) -> tuple[Step, int]:
        return self, side // 2

    def forward(self, given: Floats) -> Floats:
        first, *others = self._corners(given)
        for other in others:
            first = np.maximum(first, other)
        return first

    def back(self, given: Floats, gradient: Floats) -> Floats:
        back = np.zeros_like(given)
        largest, left = self.forward(given), gradient
        for corner, into in zip(self._corners(given), self._corners(back), strict=True):
            # The first of equally large ones has it all.
            is_it = corner == largest
            into[...] = left * is_it
            left = left * ~is_it
        return back

    def _corners(self, given: Floats) -> list[Floats]:
        end = given.shape[1] // 2 * 2
        return [given[:, down:end:2, right:end:2] for down in (0, 1) for right in (0, 1)]


@dataclass(frozen=True)
class Linear:
    """A linear layer, of what is given whole."""

    name: str
    given: int
    out: int

    @property
    def shapes(self) -> Shapes:
        return {f"{self.name}.weight": (self.out, self.given), f"{self.name}.bias": (self.out,)}

    def step(self, tensors: Tensors, side: int) -> tuple[Step, int]:
        # torch counts channels first.
        by_channel = tensors[f"{self.name}.weight"].reshape(self.out, -1, side, side)
        matrix = by_channel.transpose(2, 3, 1, 0).reshape(self.given, self.out)
        return _Linear(np.ascontiguousarray(matrix), tensors[f"{self.name}.bias"]), 1


@dataclass(frozen=True)
class _Linear:
    matrix: Floats
    bias: Floats

    def forward(self, given: Floats) -> Floats:
        answer = given.reshape(len(given), -1) @ self.matrix + self.bias
        return answer[:, None, None]

    def back(self, given: Floats, gradient: Floats) -> Floats:
        return (gradient[:, 0, 0] @ self.matrix.T).reshape(given.shape)


LAYERS: dict[str, tuple[Layer, ...]] = {
    "mnist_model": (
        Conv("conv1", 1, 10, kernel=5),
        Pool(),
        Relu(),
        Conv("conv2", 10, 20, kernel=5),
        Pool(),
        Relu(),
        Linear("fc1", 320, 50),
        Relu(),
        Linear("fc2", 50, DIGITS),
    ),
    "strong": (
        Conv("features.0", 1, 24, kernel=4, stride=2, norm="features.1"),
        Relu(),
        Conv("features.3", 24, 32, kernel=3, norm="features.4"),
        Relu(),
        Pool(),
        Conv("features.7", 32, 64, kernel=3, padding=1, norm="features.8"),
        Relu(),
        Conv("features.10", 64, 48, kernel=3, norm="features.11"),
        Relu(),
        Linear("digits", 432, DIGITS),
    ),
}


def shapes(architecture: str) -> Shapes:
    """Name an architecture's weights, each with its shape. Raises ``UnknownArchitecture``."""
    if architecture not in LAYERS:
        raise UnknownArchitecture(
            f"There is no architecture {architecture!r}; known are {', '.join(sorted(LAYERS))}."
        )
    return {name: shape for layer in LAYERS[architecture] for name, shape in layer.shapes.items()}


class Net:
    """A net of an architecture, with weights (float32, as ``shapes`` says)."""

    def __init__(self, architecture: str, tensors: Tensors) -> None:
        self.architecture = architecture
        self._steps: list[Step] = []
        side = SIDE
        for layer in LAYERS[architecture]:
            step, side = layer.step(tensors, side)
            self._steps.append(step)

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Say what pictures, uint8 (n, 28, 28), show: float64 (n, 10) whose rows sum to 1."""
        answers = np.zeros((len(pixels), DIGITS))
        for start in range(0, len(pixels), _IMAGES_AT_ONCE):
            part = slice(start, start + _IMAGES_AT_ONCE)
            answers[part] = self._scores(pixels[part].astype(np.float32))[-1][:, 0, 0]
        shares: NDArray[np.float64] = np.exp(answers - answers.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def gradients(self, ink: Floats, digit: int, other: int) -> Floats:
        """Say how log p(``digit``) − log p(``other``) grows with each pixel of pictures, float32
        (n, 28, 28) from 0 to 255: float32 (n, 28, 28)."""
        *given, answers = self._scores(ink)
        gradient = np.zeros_like(answers)
        gradient[..., digit] += 1
        gradient[..., other] -= 1
        for step, what in zip(reversed(self._steps), reversed(given), strict=True):
            gradient = step.back(what, gradient)
        by_ink: Floats = gradient[..., 0] / np.float32(255 * MNIST_STD)
        return by_ink

    def _scores(self, ink: Floats) -> list[Floats]:
        """List what each layer is given, and at last the scores, (n, 1, 1, 10), whose softmax the
        answer is."""
        normal = (ink / np.float32(255) - np.float32(MNIST_MEAN)) / np.float32(MNIST_STD)
        through = [normal[..., None]]
        for step in self._steps:
            through.append(step.forward(through[-1]))
        return through
