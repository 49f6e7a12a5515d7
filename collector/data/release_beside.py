"""A release's forms for other tools that have row after row, written by a process beside the one
that reads the rows. It is given each group of them through a pipe, has no database, nor any file of
who started it, and ends with it, since the pipe does."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.data import release_columns, release_formats, release_tables
from collector.data.release_columns import ATTEMPTS
from collector.errors import Unavailable

ROOT = Path(__file__).resolve().parent.parent.parent
AT_ONCE = 250  # attempts
PIPE = 1 << 20  # bytes on their way, about a group: the most that Linux gives whoever asks


@dataclass(frozen=True)
class Forms:
    """What takes the attempts of a release, and writes these forms of them."""

    _rows: Any  # pyarrow's writer

    def take(self, batch: Any) -> None:
        """Hand on some attempts, pyarrow's batch, in parts that are soon read and forgotten."""
        for start in range(0, batch.num_rows, AT_ONCE):
            self._rows.write_batch(batch.slice(start, AT_ONCE))

    def end(self) -> None:
        """Say that these were all."""
        self._rows.close()


@contextmanager
def forms(folder: Path) -> Iterator[Forms]:
    """Give what takes the attempts of a release. Whoever has ended it and leaves without an error
    has these forms in the folder.

    Raises Refused where pyarrow is not installed, Unavailable where the forms cannot be written.
    """
    pyarrow = release_tables.pyarrow()
    command = [sys.executable, "-m", release_formats.__name__, str(folder.absolute())]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stderr
        with suppress(AttributeError, OSError):  # not on Linux, or so much is not given
            fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, PIPE)
        is_cut = False
        try:
            yield Forms(pyarrow.ipc.new_stream(process.stdin, release_columns.schema(ATTEMPTS)))
            process.stdin.flush()
        except BrokenPipeError:  # it has ended, and says why
            is_cut = True
        except BaseException:
            process.kill()
            raise
        finally:
            said = process.stderr.read().decode(errors="replace")  # until it ends
            with suppress(BrokenPipeError):
                process.stdin.close()
    if is_cut or process.returncode:
        raise _failed(said, process.returncode)


def _failed(said: str, status: int) -> Unavailable:
    last = said.strip().rpartition("\n")[2]
    why = last or f"their process was ended by signal {-status}"
    return Unavailable(f"The forms for other tools cannot be written: {why}.", cause=said)
