"""A Dockerfile read, and carried out as far as that goes without Docker: as a shell script for a
root of its own (`tests/support/roots.py`)."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.support.site import ROOT

FILE = ROOT / "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """One line of a Dockerfile, such as `RUN` and what is run."""

    name: str
    rest: str


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, `FROM` first."""
    text = re.sub(r"^#.*\n|\\\n", "", FILE.read_text(), flags=re.MULTILINE)
    found: list[list[Instruction]] = []
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, rest))
    return found


def last(name: str) -> str:
    """The rest of the image's last instruction of this name."""
    return [each.rest for each in stages()[-1] if each.name == name][-1]


def command(name: str) -> list[str]:
    """The words of `CMD`, or of a `HEALTHCHECK`'s."""
    words: list[str] = json.loads(last(name).partition("[")[1] + last(name).partition("[")[2])
    return words


def environment() -> dict[str, str]:
    """What the image sets."""
    return dict(word.split("=", 1) for word in shlex.split(last("ENV")))


def ignoring() -> tuple[set[str], list[str]]:
    """What .dockerignore lets through, and what it then leaves out of that."""
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "*"
    taken = {line.removeprefix("!") for line in lines[1:] if line.startswith("!")}
    return taken, [line for line in lines[1:] if not line.startswith("!")]


def script(without: str) -> str:
    """Shell that carries out both stages in /mnt/root, less the commands that name `without`.
    Packages lie there once there is a virtual environment."""
    folder = "/"
    lines = []
    for each in (instruction for stage in stages() for instruction in stage):
        if each.name == "WORKDIR":
            folder = each.rest
        elif each.name == "RUN" and without not in each.rest:
            # pip is among the packages that are laid there.
            made = each.rest.replace("-m venv", "-m venv --without-pip")
            lines.append(f"chroot . /bin/sh -ec {shlex.quote(f'cd {folder}; {made}')}")
            if "-m venv" in each.rest:
                lines.append("packages srv/dadc/.venv")
        elif each.name == "COPY" and not each.rest.startswith("--from=build "):
            lines.append(_copying(each.rest, folder))
        elif each.name in ("ARG", "ENV") and folder == "/":
            lines.append(f"export {each.rest}")
    return "\n".join(lines) + "\n"


def _copying(rest: str, folder: str) -> str:
    what, where = rest.split()
    assert where in (".", "./")
    taken, left = ignoring()
    names = sorted(taken) if what == "." else [what]
    assert what == "." or what in taken
    leaving = " ".join(f"--exclude={Path(pattern).name}" for pattern in left)
    return f"tar -C '{ROOT}' {leaving} -c {' '.join(names)} | tar -C .{folder} --no-same-owner -x"
