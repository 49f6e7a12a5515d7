"""Round 1's models as they come with the project: for each architecture its weights and a card.

Imports no torch, so that settings and pages may ask what there is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from trainer.learning.report import Report

FOLDER = Path(__file__).parent / "shipped"


class NotShipped(LookupError):
    """No trained weights of that architecture come with the project."""


@dataclass(frozen=True)
class Shipped:
    """Weights as safetensors bytes with their SHA-256, and what the card says of them: how they
    were made, and their report."""

    weights: bytes
    sha256: str
    architecture: str
    seed: int
    recipe: dict[str, float | int]
    manifest: dict[str, object]
    report: Report


def names() -> list[str]:
    """List the architectures whose round 1's weights come with the project, in alphabetical
    order."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def round_one(architecture: str) -> Shipped:
    """Read the shipped model of round 1. Raises ``NotShipped``, and ``BadWeights`` when card and
    file disagree."""
    if architecture not in names():
        raise NotShipped(
            f"No weights of {architecture!r} are shipped; train them with: python -m "
            f"trainer.learning fit --net {architecture}"
        )
    card = json.loads((FOLDER / f"{architecture}.json").read_text(encoding="utf-8"))
    data = (FOLDER / f"{architecture}.safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != card["sha256"]:
        from trainer.learning.weights import BadWeights

        raise BadWeights(f"The shipped weights of {architecture} are not those of their card.")
    return Shipped(
        weights=data,
        sha256=card["sha256"],
        architecture=card["architecture"],
        seed=card["seed"],
        recipe=card["recipe"],
        manifest=card["manifest"],
        report=Report.from_json(card["report"]),
    )
