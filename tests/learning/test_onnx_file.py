"""A net as ONNX: read again by hand, it gives the answers that are served."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.learning import inference, nets, onnx_file, shipped, weights

Message = dict[int, list[Any]]
_NUMPY = {1: np.float32, 7: np.int64}


def parsed(data: bytes) -> Message:
    """A protobuf message: its fields' values by number; what has a length is bytes."""
    fields: Message = defaultdict(list)
    rest = iter(data)
    for byte in rest:
        key = _varint(byte, rest)
        if key & 7 == 0:
            fields[key >> 3].append(_varint(next(rest), rest))
        else:
            length = 4 if key & 7 == 5 else _varint(next(rest), rest)
            fields[key >> 3].append(bytes(next(rest) for _ in range(length)))
    return fields


def _varint(byte: int, rest: Iterator[int]) -> int:
    number, shift = byte & 0x7F, 7
    while byte & 0x80:
        byte = next(rest)
        number |= (byte & 0x7F) << shift
        shift += 7
    return number


def tensor(data: bytes) -> tuple[str, Tensor]:
    fields = parsed(data)
    values = np.frombuffer(fields[9][0], _NUMPY[fields[2][0]]).reshape(fields[1])
    return fields[8][0].decode(), torch.tensor(values)


def answers(model: bytes, pixels: Tensor) -> Tensor:
    """Carry out the graph on its one input."""
    graph = parsed(parsed(model)[7][0])
    values = dict(map(tensor, graph[5]))
    [given], [asked] = (
        [parsed(value)[1][0].decode() for value in graph[place]] for place in (11, 12)
    )
    values[given] = pixels
    for data in graph[1]:
        node = parsed(data)
        attributes = {}
        for attribute in map(parsed, node[5]):
            floats = [np.frombuffer(value, np.float32)[0].item() for value in attribute[2]]
            numbers = [*attribute[3], *floats]
            attributes[attribute[1][0].decode()] = numbers[0] if numbers else attribute[8]
        inputs = [values[name.decode()] for name in node[1]]
        values[node[2][0].decode()] = operation(node[4][0].decode(), inputs, attributes)
    return values[asked]


def operation(name: str, inputs: list[Tensor], said: dict[str, Any]) -> Tensor:
    """As ONNX's own reference has it, by torch."""
    x, *more = inputs
    known = {
        "Cast": lambda: x.float(),
        "Unsqueeze": lambda: x.unsqueeze(int(more[0])),
        "Div": lambda: x / more[0],
        "Sub": lambda: x - more[0],
        "Conv": lambda: F.conv2d(x, *_with_bias(more), said["strides"], said["pads"][:2]),
        "BatchNormalization": lambda: F.batch_norm(
            x, more[2], more[3], more[0], more[1], eps=said["epsilon"]
        ),
        "MaxPool": lambda: F.max_pool2d(x, said["kernel_shape"], said["strides"]),
        "Relu": lambda: F.relu(x),
        "Flatten": lambda: x.flatten(said["axis"]),
        "Gemm": lambda: F.linear(x, *more) if said["transB"] else x @ more[0] + more[1],
        "Softmax": lambda: F.softmax(x, said["axis"]),
    }
    return known[name]()


def _with_bias(more: list[Tensor]) -> tuple[Tensor, Tensor | None]:
    return more[0], more[1] if len(more) > 1 else None


@pytest.mark.parametrize("architecture", sorted(nets.ARCHITECTURES))
def test_it_gives_the_answers_that_are_served(architecture: str) -> None:
    data = shipped.round_one(architecture).weights
    pixels = np.random.default_rng(1).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    served = nets.probabilities(weights.load(architecture, data, None), pixels)
    given = answers(onnx_file.dump(architecture, data), torch.tensor(pixels))
    assert np.abs(given.numpy() - served).max() < 1e-5


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 10)

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(torch.sin(self.fc1(x.flatten(1))), dim=1)


class Endless(Odd):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.fc1(x.flatten(1)))


@pytest.mark.parametrize(
    ("net", "told"), [(Odd, "sin"), (Endless, "does not end in log-probabilities")]
)
def test_a_net_that_it_cannot_write_is_refused(
    net: type[nn.Module], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(nets.ARCHITECTURES, "odd", net)
    monkeypatch.setitem(inference.LAYERS, "odd", (inference.Linear("fc1", 784, 10),))
    with pytest.raises(onnx_file.CannotExport, match=told):
        onnx_file.dump("odd", weights.dump(net()))
