"""Have processes end with whoever started them, also when that is killed and can end nobody itself.

`python -m collector.management.lifeline PARENT COMMAND…` becomes COMMAND, which ends with the
process PARENT that started it. The kernel sees to it, on Linux; elsewhere nothing is done.
"""

import ctypes
import os
import signal
import sys

SET_PARENT_DEATH_SIGNAL = 1  # of prctl(2); survives exec, ends with fork
_libc = ctypes.CDLL(None)
_forking = os.getpid()


def end_with(parent: int) -> None:
    """Kill this process as soon as `parent`, which started it, ends; now, if it already has."""
    if sys.platform != "linux":
        return
    _libc.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def tie_children() -> None:
    """From here on, whatever this process forks ends with it, and so do the children of that."""
    os.register_at_fork(before=_note_who_forks, after_in_child=lambda: end_with(_forking))


def _note_who_forks() -> None:
    global _forking
    _forking = os.getpid()


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
