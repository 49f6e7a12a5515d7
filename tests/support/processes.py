"""What runs: a process's children, and which of them trains."""

from contextlib import suppress

import psutil


def children(pid: int) -> list[psutil.Process]:
    """All descendants of a process."""
    return psutil.Process(pid).children(recursive=True)


def trainers(pid: int) -> list[psutil.Process]:
    """The descendants that have torch loaded: in a cluster, only the one that trains."""
    return [child for child in children(pid) if _has_torch(child)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run (a zombie does not)."""
    return [process for process in processes if _runs(process)]


def kill(*processes: psutil.Process) -> None:
    """Kill those that still run."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def named(processes: list[psutil.Process], word: str) -> list[psutil.Process]:
    """Those whose command line has the word; what has just ended has none any more."""
    return [process for process in processes if word in _command_line(process)]


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _has_torch(process: psutil.Process) -> bool:
    try:
        return any("libtorch" in mapped.path for mapped in process.memory_maps())
    except psutil.Error:
        return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def hold_memory() -> int:
    """What a worker may be given to do: hold 200 MB for a moment; how much it was."""
    return len(bytes(bytearray(b"1") * 200_000_000))
