"""Weights survive the way to bytes and back; anything else is refused, and nothing is ever
executed."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.learning import inference, nets, weights
from trainer.learning.weights import BadWeights, checksum, dump, load

NET = "mnist_model"


def state(start: bytes) -> dict[str, torch.Tensor]:
    return safetensors.torch.load(start)


def test_weights_are_the_same_after_a_round_trip() -> None:
    net = nets.build(NET)
    data = dump(net)
    again = load(NET, data, checksum(data))
    assert all(
        torch.equal(value, again.state_dict()[key]) for key, value in net.state_dict().items()
    )
    assert not again.training
    assert dump(again) == data


def test_net_kept_in_another_memory_order_dumps_the_same_bytes() -> None:
    net = nets.build(NET)
    data = dump(net)
    assert dump(net.to(memory_format=torch.channels_last)) == data  # type: ignore[call-overload]


def test_batch_norms_count_of_batches_is_no_weight() -> None:
    net = nets.build("strong")
    data = dump(net)
    for name, value in net.named_buffers():
        if name.endswith("num_batches_tracked"):
            value += 1
    assert dump(net) == data
    assert b"num_batches_tracked" not in data
    assert dump(load("strong", data, None)) == data


def test_batch_norms_running_mean_is_a_weight_and_must_be_finite() -> None:
    net = nets.build("strong")
    fresh = dump(net)
    net.train()(torch.rand(4, 1, 28, 28))
    assert dump(net) != fresh
    assert dump(load("strong", dump(net), None)) == dump(net)
    net.get_buffer("features.1.running_mean")[0] = np.inf
    assert not weights.finite(net)
    with pytest.raises(BadWeights, match=r"running_mean.*not finite"):
        load("strong", dump(net), None)


def test_weights_of_one_net_are_none_of_another(start: bytes) -> None:
    with pytest.raises(BadWeights, match="no weights of strong"):
        load("strong", start, None)


def test_checksum_is_sha256() -> None:
    assert checksum(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.survives(
    "weights with a flipped bit",
    "refused by the checksum",
)
@given(st.integers(0, 87_943), st.integers(0, 7))
def test_flipped_bit_is_refused_by_the_checksum(start: bytes, at: int, bit: int) -> None:
    damaged = bytearray(start)
    damaged[at] ^= 1 << bit
    with pytest.raises(BadWeights, match="checksum"):
        load(NET, bytes(damaged), checksum(start))


@pytest.mark.survives(
    "weights truncated or empty",
    "refused",
)
@given(st.integers(0, 87_943))
def test_truncated_weights_are_refused_even_without_a_checksum(start: bytes, length: int) -> None:
    with pytest.raises(BadWeights):
        load(NET, start[:length], None)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_safetensors_are_refused(data: bytes) -> None:
    with pytest.raises(BadWeights):
        load(NET, data, None)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.survives(
    "a pickled model file",
    "refused, never executed",
)
def test_pickled_model_is_refused_and_never_executed(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    pickled = pickle.dumps(Trap(sprung))
    torch.save({"trap": Trap(sprung)}, tmp_path / "model.pt")
    for data in (pickled, (tmp_path / "model.pt").read_bytes()):
        with pytest.raises(BadWeights, match="safetensors"):
            load(NET, data, checksum(data))
    assert not sprung.exists()


@pytest.mark.survives(
    "weights of NaN or Infinity",
    "refused",
)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(start: bytes, value: float) -> None:
    tensors = state(start)
    tensors["fc2.bias"][3] = value
    with pytest.raises(BadWeights, match=r"fc2\.bias.*not finite"):
        load(NET, safetensors.torch.save(tensors), None)


def test_missing_and_surplus_tensors_are_refused(start: bytes) -> None:
    missing = state(start)
    del missing["fc1.bias"]
    for tensors in (missing, state(start) | {"extra": torch.zeros(1)}):
        with pytest.raises(BadWeights, match="no weights of mnist_model"):
            load(NET, safetensors.torch.save(tensors), None)


@pytest.mark.parametrize(
    "wrong", [torch.zeros(11), torch.zeros(1, 10), torch.zeros(10, dtype=torch.float64)]
)
def test_wrong_shapes_and_types_are_refused(start: bytes, wrong: torch.Tensor) -> None:
    with pytest.raises(
        BadWeights,
        match=r"fc2\.bias is float.*but mnist_model has float32 \(10,\)",
    ):
        load(NET, safetensors.torch.save(state(start) | {"fc2.bias": wrong}), None)


def test_unknown_net_is_refused(start: bytes) -> None:
    with pytest.raises(inference.UnknownArchitecture):
        load("other", start, None)


def test_finite_sees_a_single_nan() -> None:
    net = nets.build(NET)
    assert weights.finite(net)
    with torch.no_grad():
        next(net.parameters())[0, 0, 0, 0] = np.nan
    assert not weights.finite(net)
