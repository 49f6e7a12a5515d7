"""A net's weights as safetensors bytes and back, with a checksum and every check that the format
itself leaves out.

safetensors holds numbers only, so loading never executes anything; but it takes a flipped bit or a
NaN without a word.
"""

from __future__ import annotations

import hashlib

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from trainer.learning import nets


class BadWeights(ValueError):
    """The bytes are not usable weights of that architecture; the message says why."""


def dump(net: nn.Module) -> bytes:
    """Write the net's parameters and buffers as safetensors; equal weights give equal bytes.

    Batch norm's count of batches is left out: no answer depends on it, and it would tell equal
    weights apart.
    """
    return safetensors.torch.save(
        {name: value.detach().contiguous() for name, value in _state(net).items()}
    )


def load(architecture: str, data: bytes, sha256: str | None) -> nn.Module:
    """Make a net with these weights, in eval mode.

    Raises ``BadWeights`` when the checksum is not ``sha256`` (None: not compared), when the bytes
    are no safetensors, when names, shapes or types are not exactly the architecture's, or when a
    value is not finite. Raises ``UnknownArchitecture``.
    """
    if sha256 is not None and checksum(data) != sha256:
        raise BadWeights(f"The weights' checksum is {checksum(data)}, not {sha256} as recorded.")
    net = nets.build(architecture)
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadWeights(f"The weights cannot be read as safetensors: {error}") from error
    _check(tensors, _state(net), architecture)
    net.load_state_dict(tensors, strict=False)
    return net.eval()


def checksum(data: bytes) -> str:
    """Give the SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def finite(net: nn.Module) -> bool:
    """Say whether every weight is a number: neither NaN nor infinite."""
    return all(bool(torch.isfinite(value).all()) for value in _state(net).values())


def _state(net: nn.Module) -> dict[str, Tensor]:
    return {
        name: value
        for name, value in net.state_dict().items()
        if not name.endswith(".num_batches_tracked")
    }


def _check(tensors: dict[str, Tensor], expected: dict[str, Tensor], architecture: str) -> None:
    if set(tensors) != set(expected):
        raise BadWeights(
            f"These are no weights of {architecture}, which hold exactly {', '.join(expected)}."
        )
    for key, value in tensors.items():
        if value.shape != expected[key].shape or value.dtype != expected[key].dtype:
            raise BadWeights(
                f"{key} is {_form(value)}, but {architecture} has {_form(expected[key])}."
            )
        if not torch.isfinite(value).all():
            raise BadWeights(f"{key} holds values that are not finite.")


def _form(value: Tensor) -> str:
    return f"{value.dtype} {tuple(value.shape)}"
