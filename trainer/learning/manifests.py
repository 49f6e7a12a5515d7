"""The seal of a manifest: one hash over everything else that it says. Imports nothing but the
standard library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

Manifest = dict[str, object]
SEAL = "sha256"


def sealed(contents: Mapping[str, object]) -> Manifest:
    """Give ``contents``, JSON values, with their seal."""
    return {**contents, SEAL: _hash(contents)}


def is_sealed(manifest: Mapping[str, object]) -> bool:
    """Say whether a manifest has the seal of what else it says."""
    contents = {key: value for key, value in manifest.items() if key != SEAL}
    return manifest.get(SEAL) == _hash(contents)


def _hash(contents: Mapping[str, object]) -> str:
    canonical = json.dumps(contents, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
