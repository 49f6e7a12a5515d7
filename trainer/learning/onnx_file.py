"""A net as an ONNX file, whose answers are those of `nets.probabilities`.

It takes `pixels`, uint8 (n, 28, 28), and gives `probabilities`, float32 (n, 10): the normalisation
is in it. The few kinds of protobuf field that such a file has are written by hand here: equal
weights give equal bytes, and nothing has to be installed for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import fx, nn
from torch.nn import functional as F

from trainer.learning import inference, weights

OPSET, IR_VERSION = 17, 8
_ANSWER = "probabilities"
_FLOAT, _UINT8, _INT64 = 1, 2, 7  # of TensorProto.DataType
_OF_FLOAT, _OF_INT, _OF_INTS = 1, 2, 7  # of AttributeProto.AttributeType


class CannotExport(ValueError):
    """The architecture has a step that is not known here; the message says which."""


def dump(architecture: str, data: bytes) -> bytes:
    """Write the net with the weights `data` (safetensors) as ONNX. Raises `CannotExport` and
    `weights.BadWeights`."""
    net = weights.load(architecture, data, None)
    graph = _Graph(dict(net.named_modules()))
    graph.begin()
    for step in fx.symbolic_trace(net).graph.nodes:
        graph.take(step)
    if graph.last != _ANSWER:
        raise CannotExport(f"{architecture} does not end in log-probabilities.")
    return _model(architecture, graph)


class _Graph:
    """Collects a net's nodes and weights, step by step; `last` names the last step's output."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self.modules = modules
        self.nodes: list[bytes] = []
        self.tensors: list[bytes] = []
        self.last = "pixels"

    def begin(self) -> None:
        """Normalise as `nets.normalise` does, with its numbers and in its order."""
        self.add("Cast", to=_FLOAT)
        self.add("Unsqueeze", self.tensor("channel", np.array([1])))
        for operation, number in (
            ("Div", 255.0),
            ("Sub", inference.MNIST_MEAN),
            ("Div", inference.MNIST_STD),
        ):
            name = f"number_{len(self.tensors)}"
            self.add(operation, self.tensor(name, np.array(number, np.float32)))

    def take(self, step: fx.Node) -> None:
        """Add what one step of the net does. Raises `CannotExport`."""
        if step.op in ("placeholder", "output"):
            return
        module = self.modules.get(str(step.target)) if step.op == "call_module" else None
        kind: object = type(module) if module else step.target
        if kind not in _STEPS:
            raise CannotExport(f"How to write {kind} as ONNX is not known: see {__name__}.")
        _STEPS[kind](self, str(step.target), module or _Arguments(step))

    def add(
        self,
        operation: str,
        *further: str,
        output: str = "",
        **attributes: float | int | Sequence[int],
    ) -> None:
        """Add a node that takes the last one's output and these further inputs."""
        output = output or f"step_{len(self.nodes)}"
        fields = [_text(1, name) for name in (self.last, *further)]
        fields += [_text(2, output), _text(3, output), _text(4, operation)]
        fields += [_bytes(5, _attribute(name, value)) for name, value in attributes.items()]
        self.nodes.append(b"".join(fields))
        self.last = output

    def tensor(self, name: str, values: NDArray[Any]) -> str:
        """Keep weights, float32 or int64, and return their name."""
        kind = _FLOAT if values.dtype == np.float32 else _INT64
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        dims = b"".join(_number(1, size) for size in values.shape)
        fields = dims + _number(2, kind) + _text(8, name) + _bytes(9, little.tobytes())
        self.tensors.append(fields)
        return name

    def weights_of(self, name: str, module: nn.Module, *names: str) -> list[str]:
        """Keep those of a module's weights that it has."""
        state = {each: value for each, value in module.state_dict().items() if each in names}
        return [
            self.tensor(f"{name}.{each}", state[each].float().numpy())
            for each in names
            if each in state
        ]


class _Arguments:
    """What a step that is a function was called with, besides its input."""

    def __init__(self, step: fx.Node) -> None:
        self.rest, self.named = step.args[1:], step.kwargs

    def get(self, place: int, name: str) -> Any:
        return self.rest[place] if place < len(self.rest) else self.named.get(name)


def _conv(graph: _Graph, name: str, conv: nn.Conv2d) -> None:
    assert not isinstance(conv.padding, str)
    graph.add(
        "Conv",
        *graph.weights_of(name, conv, "weight", "bias"),
        kernel_shape=conv.kernel_size,
        strides=conv.stride,
        pads=(*conv.padding, *conv.padding),
        dilations=conv.dilation,
        group=conv.groups,
    )


def _batch_norm(graph: _Graph, name: str, norm: nn.BatchNorm2d) -> None:
    names = graph.weights_of(name, norm, "weight", "bias", "running_mean", "running_var")
    graph.add("BatchNormalization", *names, epsilon=norm.eps)


def _linear(graph: _Graph, name: str, linear: nn.Linear) -> None:
    graph.add("Gemm", *graph.weights_of(name, linear, "weight", "bias"), transB=1)


def _max_pool(graph: _Graph, size: int) -> None:
    graph.add("MaxPool", kernel_shape=(size, size), strides=(size, size))


def _flatten(graph: _Graph, _: str, given: _Arguments) -> None:
    graph.add("Flatten", axis=given.get(0, "start_dim"))


def _probabilities(graph: _Graph, _: str, given: _Arguments) -> None:
    """The net ends in logarithms; what is asked of it, and stored, are probabilities."""
    graph.add("Softmax", output=_ANSWER, axis=given.get(0, "dim"))


_STEPS: dict[object, Callable[[_Graph, str, Any], None]] = {
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _batch_norm,
    nn.Linear: _linear,
    nn.ReLU: lambda graph, name, module: graph.add("Relu"),
    nn.MaxPool2d: lambda graph, name, module: _max_pool(graph, module.kernel_size),
    nn.Dropout: lambda graph, name, module: None,
    nn.Dropout2d: lambda graph, name, module: None,
    F.relu: lambda graph, name, given: graph.add("Relu"),
    F.max_pool2d: lambda graph, name, given: _max_pool(graph, given.get(0, "kernel_size")),
    "flatten": _flatten,
    F.log_softmax: _probabilities,
}


def _model(architecture: str, graph: _Graph) -> bytes:
    nodes = b"".join(_bytes(1, node) for node in graph.nodes)
    tensors = b"".join(_bytes(5, tensor) for tensor in graph.tensors)
    given = _bytes(11, _value("pixels", _UINT8, ("n", 28, 28)))
    answer = _bytes(12, _value(_ANSWER, _FLOAT, ("n", 10)))
    whole = nodes + _text(2, architecture) + tensors + given + answer
    return (
        _number(1, IR_VERSION)
        + _text(2, "dadc")
        + _bytes(7, whole)
        + _bytes(8, _text(1, "") + _number(2, OPSET))
    )


def _attribute(name: str, value: float | int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        content, kind = _number(3, value), _OF_INT
    elif isinstance(value, float):
        content, kind = _key(2, 5) + np.float32(value).tobytes(), _OF_FLOAT
    else:
        content, kind = b"".join(_number(8, each) for each in value), _OF_INTS
    return _text(1, name) + content + _number(20, kind)


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(
        _bytes(1, _number(1, size) if isinstance(size, int) else _text(2, size)) for size in shape
    )
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, dims)))


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _key(field, 2) + _varint(len(content)) + content


def _number(field: int, number: int) -> bytes:
    return _key(field, 0) + _varint(number)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _varint(number: int) -> bytes:
    """Write a whole number that is not negative in groups of seven bits, the lowest first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
