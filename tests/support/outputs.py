"""Where a program's output may lead."""

import os
from contextlib import suppress


def fill(number: int) -> None:
    """Write to a pipe or a socket that nobody reads until it takes no more byte."""
    os.set_blocking(number, False)
    for part in (b"." * 4096, b"."):
        with suppress(BlockingIOError):
            while True:
                os.write(number, part)
    os.set_blocking(number, True)
