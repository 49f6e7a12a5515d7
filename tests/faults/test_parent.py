"""The parent in whatever surroundings: real pipes, sockets, terminals and signals; only the
programs that it keeps running are small ones."""

import os
import pty
import shlex
import signal
import socket
import subprocess
import sys
import termios
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.outputs import fill
from tests.support.processes import alive, children, kill
from tests.support.site import ROOT, wait_for

pytestmark = [pytest.mark.faults]

PARENT = """
import sys
from collector.management import parent
setup, program, notes = sys.argv[1:]
parent.ENDS_WITHIN, parent.FIRST_PAUSE = 1.0, 0.2
sys.exit(parent.keep(
    parent.Program("setup", ["-c", setup]), [parent.Program("small", ["-c", program, notes])]
))
"""
# Each turn leaves a byte in the notes.
TALKS = """
import os, sys
from time import sleep
with open(sys.argv[1], "ab", 0) as notes:
    while True:
        os.write(1, b"." * 65535 + b"\\n")
        os.write(2, b"." * 65535 + b"\\n")
        notes.write(b".")
        sleep(0.001)
"""
IS_QUIET = """
import sys, time
with open(sys.argv[1], "ab") as notes:
    notes.write(b".")
time.sleep(60)
"""
DOES_NOT_END = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
with open(sys.argv[1], "ab") as notes:
    notes.write(b".")
time.sleep(60)
"""
ENDS_AT_ONCE = """
import array, sys, time
with open(sys.argv[1], "ab") as notes:
    notes.write(array.array("d", [time.monotonic()]).tobytes())
sys.exit(7)
"""
SOON = 30  # seconds; a busy machine is slow
MUCH = 30  # turns; twice what is kept of output that nobody takes

Where = Callable[[ExitStack], Any]


@dataclass
class Kept:
    """A parent that runs, perhaps within what started it, and what its program has noted."""

    process: subprocess.Popen[bytes]
    notes: Path

    def turns(self) -> int:
        return self.notes.stat().st_size if self.notes.exists() else 0

    def goes_on(self) -> None:
        enough = self.turns() + MUCH
        wait_for(lambda: self.turns() >= enough, SOON, "the program to go on")

    def everybody(self) -> list[psutil.Process]:
        wait_for(self.turns, SOON, "the program to begin")
        return children(self.process.pid)

    def ends(self, by: Callable[[], object], *, status: int | None = 0) -> None:
        """All of it ends, if this is done."""
        everybody = self.everybody()
        by()
        assert self.process.wait(SOON) == status or status is None
        wait_for(lambda: not alive(everybody), SOON, "every child to end")


Keep = Callable[..., Kept]


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    """Starts a parent: a setup, a program, what starts them, where their output goes."""
    notes = tmp_path / "notes"
    with ExitStack() as stack:

        def start(
            program: str = TALKS,
            *,
            setup: str = "",
            by: Sequence[str] = (),
            by_make: bool = False,
            to: Any = subprocess.DEVNULL,
            **how: Any,
        ) -> Kept:
            command = [sys.executable, "-c", PARENT, setup, program, str(notes)]
            if by_make:
                script = tmp_path / "small.sh"
                script.write_text(f"exec {shlex.join(command)}\n")
                tied = "exec $(PY) -m collector.management.lifeline $$PPID"
                command = ["make", "run", f"SERVE={tied} /bin/sh {script}"]
            how = {"cwd": ROOT, "stdout": to, "stderr": to, "start_new_session": True} | how
            kept = Kept(subprocess.Popen([*by, *command], **how), notes)
            stack.callback(kept.process.wait)
            stack.callback(kept.process.kill)
            return kept

        yield start


# Where output leads.


def a_full_pipe(stack: ExitStack) -> int:
    reading, writing = os.pipe()
    for number in (reading, writing):
        stack.callback(os.close, number)
    fill(writing)
    return writing


def a_pipe_whose_reader_has_gone(stack: ExitStack) -> int:
    reading, writing = os.pipe()
    os.close(reading)
    stack.callback(os.close, writing)
    return writing


def a_full_socket_that_does_not_block(stack: ExitStack) -> int:
    """As Node's."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        stack.enter_context(end)
    fill(theirs.fileno())
    theirs.setblocking(False)
    return theirs.fileno()


def a_full_disk(stack: ExitStack) -> int:
    return stack.enter_context(open("/dev/full", "wb")).fileno()


def a_terminal_that_was_stopped(stack: ExitStack) -> int:
    ours, theirs = pty.openpty()
    for number in (ours, theirs):
        stack.callback(os.close, number)
    termios.tcflow(theirs, termios.TCOOFF)
    return theirs


@pytest.mark.survives(
    "output that leads to a full pipe, a full socket, a full disk, a stopped terminal, to "
    "nobody, or nowhere",
    "programs go on",
)
@pytest.mark.parametrize(
    "where",
    [
        a_full_pipe,
        a_pipe_whose_reader_has_gone,
        a_full_socket_that_does_not_block,
        a_full_disk,
        a_terminal_that_was_stopped,
    ],
    ids=lambda where: where.__name__,
)
def test_programs_go_on_wherever_their_output_leads_and_end_when_asked(
    where: Where, keep: Keep
) -> None:
    with ExitStack() as stack:
        kept = keep(to=where(stack))
        kept.goes_on()
        kept.ends(kept.process.terminate)


@pytest.mark.survives(
    "output that leads to a full pipe, a full socket, a full disk, a stopped terminal, to "
    "nobody, or nowhere",
    "programs go on",
)
def test_programs_go_on_without_any_output_or_input(keep: Keep) -> None:
    """Closed, their numbers go to what is opened next, such as a database."""
    kept = keep(by=["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
    kept.goes_on()
    assert os.readlink(f"/proc/{kept.process.pid}/fd/0") == "/dev/null"
    kept.ends(kept.process.terminate)


def test_what_is_written_arrives_whole_and_apart_and_its_end_is_seen(keep: Keep) -> None:
    says = "import sys; sys.stdout.write('o' * 300_000); sys.stderr.write('e' * 300_000); exit(3)"
    kept = keep(setup=says, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    assert kept.process.communicate(timeout=20) == (b"o" * 300_000, b"e" * 300_000)
    assert kept.process.returncode == 3
    assert not kept.turns()


@pytest.mark.survives(
    "who reads the output again after a while",
    "told how much was dropped",
)
def test_who_reads_again_is_told_what_was_dropped(keep: Keep) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as reader:
        kept = keep(to=writing)
        os.close(writing)
        kept.goes_on()
        assert any(b" bytes dropped, unread)" in line for line in reader)
        kept.process.terminate()
        reader.read()
        kept.process.wait(SOON)


# Who hangs up, kills, or asks to end.


IN_ITS_SESSION = ["setsid", "--ctty"]


class Terminal:
    """A terminal, and the window that it is in. Who is started by `IN_ITS_SESSION` leads it."""

    def __init__(self, stack: ExitStack) -> None:
        self._ours, self._theirs = pty.openpty()
        stack.callback(os.close, self._theirs)
        self._window = stack.enter_context(ExitStack())
        self._window.callback(os.close, self._ours)
        self.of_it = {"stdin": self._theirs, "to": self._theirs, "start_new_session": False}

    def close(self) -> None:
        self._window.close()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with ExitStack() as stack:
        yield Terminal(stack)


@pytest.mark.survives(
    "the terminal closes; Ctrl-C, SIGHUP, SIGTERM, also while it sets up",
    "all ends",
)
def test_a_terminal_that_closes_ends_all(keep: Keep, terminal: Terminal) -> None:
    keep(IS_QUIET, by=IN_ITS_SESSION, **terminal.of_it).ends(terminal.close)


@pytest.mark.survives(
    "the terminal closes under `nohup` or `setsid`",
    "goes on",
)
@pytest.mark.parametrize("by", ["nohup", "setsid"])
def test_who_was_started_to_outlive_the_terminal_does(
    by: str, keep: Keep, terminal: Terminal, tmp_path: Path
) -> None:
    in_a_shell = [*IN_ITS_SESSION, "/bin/sh", "-c", '"$@" & exec sleep 60', "sh", by]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    shell = keep(by=in_a_shell, cwd=tmp_path, env=env, **terminal.of_it)
    everybody = shell.everybody()
    [parent] = psutil.Process(shell.process.pid).children()
    try:
        terminal.close()
        assert shell.process.wait(SOON) == -signal.SIGHUP
        shell.goes_on()
    finally:
        parent.terminate()
    wait_for(lambda: not alive(everybody), SOON, "every child to end")


@pytest.mark.survives(
    "a terminal that stops who writes in the background",
    "goes on",
)
def test_a_terminal_that_stops_who_writes_in_the_background_stops_nobody(
    keep: Keep, terminal: Terminal
) -> None:
    in_a_shell = [*IN_ITS_SESSION, "/bin/sh", "-c", 'set -m; stty tostop; "$@" & wait', "sh"]
    shell = keep(by=in_a_shell, **terminal.of_it)
    shell.goes_on()
    everybody = shell.everybody()
    psutil.Process(shell.process.pid).children()[0].terminate()
    wait_for(lambda: not alive(everybody), SOON, "every child to end")


BY_MAKE = {
    "the terminal closes": lambda make, terminal: terminal.close(),
    "make is asked to end": lambda make, terminal: make.terminate(),
    "make is killed": lambda make, terminal: make.kill(),
    "the parent is killed": lambda make, terminal: make.children()[0].kill(),
}


@pytest.mark.survives(
    "under make: the terminal closes, make is ended or killed by `kill -9`, the parent is killed",
    "all ends",
)
@pytest.mark.parametrize("what", BY_MAKE)
def test_all_that_make_started_ends_when(what: str, keep: Keep, terminal: Terminal) -> None:
    make = keep(IS_QUIET, by=IN_ITS_SESSION, by_make=True, **terminal.of_it)
    make.ends(lambda: BY_MAKE[what](psutil.Process(make.process.pid), terminal), status=None)


@pytest.mark.survives(
    "the terminal closes; Ctrl-C, SIGHUP, SIGTERM, also while it sets up",
    "all ends",
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_each_signal_that_asks_to_end_ends_all(number: signal.Signals, keep: Keep) -> None:
    kept = keep(IS_QUIET)
    kept.ends(lambda: kept.process.send_signal(number))


IS_ODD = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.survives(
    "started with signals blocked or SIGCHLD ignored",
    "restarts and ends as ever",
)
def test_what_a_parent_of_the_parent_ignores_or_blocks_is_not_inherited(keep: Keep) -> None:
    """But Ctrl-C and hanging up, which who ignores them means."""
    kept = keep(IS_QUIET, by=[sys.executable, "-c", IS_ODD])
    [program] = kept.everybody()
    kept.process.send_signal(signal.SIGINT)
    kept.process.send_signal(signal.SIGHUP)
    kill(program)
    wait_for(lambda: kept.turns() == 2, SOON, "the program to be started again")
    kept.ends(kept.process.terminate)


@pytest.mark.survives(
    "the terminal closes; Ctrl-C, SIGHUP, SIGTERM, also while it sets up",
    "all ends",
)
def test_setup_is_ended_too(keep: Keep) -> None:
    kept = keep(setup="import time; time.sleep(60)")
    [setup] = wait_for(lambda: children(kept.process.pid), SOON)
    kept.process.terminate()
    assert kept.process.wait(SOON) == 0
    assert not alive([setup])
    assert not kept.turns()


@pytest.mark.survives(
    "a program that does not end",
    "killed with all that it started",
)
def test_who_does_not_end_is_killed_with_all_that_they_started(keep: Keep) -> None:
    kept = keep(DOES_NOT_END)
    wait_for(lambda: kept.turns() == 2, SOON, "the program and its child")
    assert len(kept.everybody()) == 2
    kept.ends(kept.process.terminate)


@pytest.mark.survives(
    "a program that ends again and again",
    "started after growing pauses",
)
def test_who_ends_again_and_again_is_given_growing_pauses(keep: Keep, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        kept = keep(ENDS_AT_ONCE, to=log)
    wait_for(lambda: kept.turns() >= 3 * 8, SOON, "three starts")
    first, second, third = array("d", kept.notes.read_bytes()[: 3 * 8])
    assert second - first >= 0.2
    assert third - second >= 0.4
    kept.process.terminate()
    assert kept.process.wait(SOON) == 0
    assert "small ended with status 7 and is started again." in (tmp_path / "log").read_text()
