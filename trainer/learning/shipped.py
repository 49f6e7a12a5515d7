"""Round 1's models as they come with the project: weights, checksum and card for each net.

Imports no torch, so that settings and pages may ask what there is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "shipped"


class NotShipped(LookupError):
    """No trained weights of that net come with the project."""


@dataclass(frozen=True)
class Shipped:
    """A net's weights as safetensors bytes, their SHA-256, and the card: net, seed, recipe,
    manifest, report."""

    weights: bytes
    sha256: str
    card: dict[str, Any]


def names() -> list[str]:
    """The nets whose round 1's weights come with the project, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def round_one(net: str) -> Shipped:
    """The shipped model of round 1. Raises ``NotShipped``, and ``BadWeights`` when card and file
    disagree."""
    if net not in names():
        raise NotShipped(
            f"No weights of {net!r} are shipped; train them with: python -m trainer.learning "
            f"fit --net {net}"
        )
    card = json.loads((FOLDER / f"{net}.json").read_text(encoding="utf-8"))
    data = (FOLDER / f"{net}.safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != card["sha256"]:
        from trainer.learning.weights import BadWeights

        raise BadWeights(f"The shipped weights of {net} are not those of their card.")
    return Shipped(data, card["sha256"], card)
