"""What a machine computes once: a table of numbers, kept in a folder by what it was computed of."""

import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)
_DIGEST = 32  # bytes, before the numbers
_COLUMNS = 10


def key(computed_of: list[object]) -> str:
    """Give the name of what is computed of this, which JSON can say."""
    return hashlib.sha256(json.dumps(computed_of, sort_keys=True).encode()).hexdigest()


def read(folder: Path, key: str) -> NDArray[np.float32] | None:
    """Give the table, float32 (n, 10), that the folder has under this name; None where it has none,
    or a damaged one."""
    try:
        content = (folder / key).read_bytes()
    except OSError:
        return None
    numbers = content[_DIGEST:]
    if hashlib.sha256(numbers).digest() != content[:_DIGEST]:
        return None
    return np.frombuffer(bytearray(numbers), np.float32).reshape(-1, _COLUMNS)


def write(folder: Path, key: str, table: NDArray[np.float32]) -> None:
    """Keep the table, float32 (n, 10), in place of all that is in the folder; where that cannot be
    written to, nothing is kept, and the log says why."""
    numbers = table.tobytes()
    try:
        folder.mkdir(exist_ok=True)
        others = list(folder.iterdir())
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(numbers).digest() + numbers)
        os.replace(temporary, folder / key)
        for path in others:
            if path.name != key:
                path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("Nothing is kept in %s: %s", folder, error)
