"""A net's weights as safetensors bytes and back, with a checksum and every check that the format
itself leaves out.

safetensors holds numbers only, so loading never executes anything; but it takes a flipped bit or a
NaN without a word.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from trainer.learning import inference

if TYPE_CHECKING:
    from torch import Tensor, nn


class BadWeights(ValueError):
    """The bytes are not usable weights of that architecture; the message says why."""


def dump(net: nn.Module) -> bytes:
    """Write the net's parameters and buffers as safetensors; equal weights give equal bytes.

    Batch norm's count of batches is left out: no answer depends on it, and it would tell equal
    weights apart.
    """
    import safetensors.torch

    return safetensors.torch.save(
        {name: value.detach().contiguous() for name, value in _state(net).items()}
    )


def read(architecture: str, data: bytes, sha256: str | None) -> dict[str, inference.Floats]:
    """Read the weights by their names, float32.

    Raises ``BadWeights`` when the checksum is not ``sha256`` (None: not compared), when the bytes
    are no safetensors, when names, shapes or types are not exactly the architecture's, or when a
    value is not finite. Raises ``UnknownArchitecture``.
    """
    if sha256 is not None and checksum(data) != sha256:
        raise BadWeights(f"The weights' checksum is {checksum(data)}, not {sha256} as recorded.")
    expected = inference.shapes(architecture)
    try:
        tensors = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadWeights(f"The weights cannot be read as safetensors: {error}") from error
    _check(tensors, expected, architecture)
    return tensors


def load(architecture: str, data: bytes, sha256: str | None) -> nn.Module:
    """Make a net of torch's with these weights, in eval mode. Raises what ``read`` does."""
    import torch

    from trainer.learning import nets

    tensors = read(architecture, data, sha256)
    net = nets.build(architecture)
    net.load_state_dict(
        {name: torch.from_numpy(value) for name, value in tensors.items()}, strict=False
    )
    return net.eval()


def checksum(data: bytes) -> str:
    """Give the SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def finite(net: nn.Module) -> bool:
    """Say whether every weight is a number: neither NaN nor infinite."""
    return all(bool(value.isfinite().all()) for value in _state(net).values())


def _state(net: nn.Module) -> dict[str, Tensor]:
    return {
        name: value
        for name, value in net.state_dict().items()
        if not name.endswith(".num_batches_tracked")
    }


def _check(tensors: dict[str, NDArray[Any]], expected: inference.Shapes, architecture: str) -> None:
    if set(tensors) != set(expected):
        raise BadWeights(
            f"These are no weights of {architecture}, which hold exactly {', '.join(expected)}."
        )
    for key, value in tensors.items():
        if value.shape != expected[key] or value.dtype != np.float32:
            raise BadWeights(
                f"{key} is {value.dtype} {value.shape}, but {architecture} has float32 "
                f"{expected[key]}."
            )
        if not np.isfinite(value).all():
            raise BadWeights(f"{key} holds values that are not finite.")
