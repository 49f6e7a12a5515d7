"""Files that appear whole or not at all, closed to others, and never in another's place."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import Refused


@contextmanager
def making(path: Path) -> Iterator[Path]:
    """Give a folder beside `path` to work in. Whoever leaves it without an error has written a file
    named `whole` there, which then stands at `path`; the folder goes either way.

    Raises Refused where something is at `path`, or the disk does not take it.
    """
    if os.path.lexists(path):
        raise _is_there(path)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            whole = Path(folder) / "whole"
            yield Path(folder)
            whole.chmod(0o600)
            _sync(whole)
            os.link(whole, path)  # where a file has come to stand meanwhile, it stays
            _sync(path.parent)
    except FileExistsError as error:
        raise _is_there(path) from error
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror or error}.") from error


def _is_there(path: Path) -> Refused:
    return Refused(f"{path} is there already, and nothing is written over. Choose another name.")


def _sync(path: Path) -> None:
    """Wait until the disk has it."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
