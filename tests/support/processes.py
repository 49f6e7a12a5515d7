"""What runs: a process's children, and which of them trains."""

import os
from pathlib import Path


def children(pid: int) -> list[int]:
    """All living descendants of a process, nearest first."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def trainers(pid: int) -> list[int]:
    """The descendants that have torch loaded: in a cluster, only the one that trains."""
    return [child for child in children(pid) if _has_torch(child)]


def alive(pids: list[int]) -> list[int]:
    """Those that still run (a zombie does not)."""
    return [pid for pid in pids if _state(pid) not in ("", "Z")]


def _has_torch(pid: int) -> bool:
    try:
        return "libtorch" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def kill(pid: int) -> None:
    os.kill(pid, 9)
