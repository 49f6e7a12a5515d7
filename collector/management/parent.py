"""Keep programs running: who ends is started again, and all end, within ten seconds, with their
parent, which is this process.

What surrounds it may be anything. A program inherits no more than it needs: what it writes goes
through the parent to wherever the parent's own goes, and whoever reads that slowly, or no longer,
holds nobody up.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from time import monotonic, sleep

ROOT = Path(__file__).resolve().parent.parent.parent
LOOKS_EVERY = 0.1  # seconds
ENDS_WITHIN = 6.0  # seconds after SIGTERM; who takes longer is killed, with all its group
SETTLED_AFTER = 10.0  # seconds; who lived as long is started again at once
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before the next start of who ends again and again
WRITTEN_WITHIN = 0.5  # seconds that the last output may take
PART = 4096  # bytes
LONGEST = 64 * 1024  # bytes of a line; what goes on is another
MAX_UNWRITTEN = 256  # parts of output kept for who does not read them


Shape = Callable[[str, str], str]


def keep(setup: "Program", programs: Sequence["Program"], shape: Shape | None = None) -> int:
    """Run `setup`, then keep the programs running until asked to end; the exit status. Each line
    that they write is given to `shape`, if there is one, with its level, and what it returns is
    written."""
    _shake_off()
    ending = _Ending()
    outlets = [Outlet(1, "INFO", shape), Outlet(2, "WARNING", shape)]
    try:
        setup.start()
        while setup.status() is None and not ending.is_asked():
            sleep(LOOKS_EVERY)
        while setup.status() == 0 and not ending.is_asked():
            for program in programs:
                program.keep_up()
            sleep(LOOKS_EVERY)
        return 0 if ending.is_asked() else setup.status() or 0
    finally:
        _end([setup, *programs])
        for outlet in outlets:
            outlet.close()


def _shake_off() -> None:
    """Undo what whoever started this may have left to it and its programs."""
    for number in range(3):  # a file that is opened would take the place of one that is closed
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would hide how a program ended
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # a terminal may stop who writes unasked


class _Ending:
    """Whether the parent is asked to end: by a signal, or by a terminal that closes. Ctrl-C and
    hanging up ask nothing of who was started to ignore them, as by `nohup` or in the background."""

    def __init__(self) -> None:
        self._is_asked = False
        self._terminal = select.poll()
        signal.signal(signal.SIGTERM, self._ask)
        for number in (signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._ask)
        # A terminal that closes tells its session's first process alone, and make tells nobody.
        if signal.getsignal(signal.SIGHUP) == self._ask and os.getsid(0) == os.getppid():
            with suppress(OSError):
                self._terminal.register(os.open("/dev/tty", os.O_RDONLY), 0)

    def is_asked(self) -> bool:
        return self._is_asked or any(what & select.POLLHUP for _, what in self._terminal.poll(0))

    def _ask(self, *_: object) -> None:
        self._is_asked = True


@dataclass
class Program:
    """A program of Python's, in a group of its own, that ends when its parent is killed."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)  # added to the parent's
    niceness: int = 0  # added to the parent's
    process: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0
    _due_at: float = 0.0
    _pause: float = 0.0

    def start(self) -> None:
        """Start it. Raises OSError where the machine has no place for it."""
        tied = [sys.executable, "-m", "collector.management.lifeline", str(os.getpid())]
        self._started_at = monotonic()
        self.process = subprocess.Popen(
            [*tied, sys.executable, *self.arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            process_group=0,  # in the parent's session: niceness may count within one alone
        )
        if self.niceness:
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, self.process.pid, own + self.niceness)

    def status(self) -> int | None:
        """How it ended: an exit status, or the signal with a minus; None while it runs."""
        return self.process.poll() if self.process else None

    def keep_up(self) -> None:
        """Start it, first or again, when it is time to."""
        if self.process:
            status = self.process.poll()
            if status is None:
                return
            how = "ended with status" if status >= 0 else "was ended by signal"
            self._tell(f"{how} {abs(status)} and is started again")
            self.process = None
            self._put_off()
        if monotonic() >= self._due_at:
            try:
                self.start()
            except OSError as error:
                self._tell(f"cannot be started: {error}")
                self._put_off()

    def _put_off(self) -> None:
        now = monotonic()
        is_settled = now - self._started_at > SETTLED_AFTER
        self._pause = 0.0 if is_settled else min(max(FIRST_PAUSE, 2 * self._pause), LONGEST_PAUSE)
        self._due_at = now + self._pause

    def _tell(self, what: str) -> None:
        os.write(2, f"{self.name} {what}.\n".encode())


def _end(programs: Sequence[Program]) -> None:
    """End all that run, side by side; only the first of each group is asked, and sees to the
    rest."""
    running = [program.process for program in programs if program.process]
    for process in running:
        process.terminate()
    late_at = monotonic() + ENDS_WITHIN
    while monotonic() < late_at and any(process.poll() is None for process in running):
        sleep(LOOKS_EVERY)
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Outlet:
    """Takes what this process and its programs write to a file descriptor, and writes it to where
    that led before. Nobody who writes waits for who reads: what is not read in time is dropped."""

    def __init__(self, number: int, level: str, shape: Shape | None) -> None:
        self._number = number
        self._level, self._shape = level, shape
        self._before = os.dup(number)
        reading, writing = os.pipe()
        os.dup2(writing, number)
        os.close(writing)
        self._unwritten: Queue[bytes] = Queue(MAX_UNWRITTEN)
        self._writing = Thread(target=self._write, daemon=True)
        self._writing.start()
        Thread(target=self._take, args=(reading,), daemon=True).start()

    def close(self) -> None:
        """Lead the file descriptor to where it led before, once the last output is written, or
        cannot be."""
        os.dup2(self._before, self._number)
        self._writing.join(WRITTEN_WITHIN)

    def _take(self, reading: int) -> None:
        dropped = 0
        for part in self._parts(reading):
            try:
                if dropped:
                    lost = f"({dropped} bytes dropped, unread)\n".encode()
                    self._unwritten.put_nowait(self._shaped(lost) if self._shape else b"\n" + lost)
                    dropped = 0
                self._unwritten.put_nowait(part)
            except Full:
                dropped += len(part)
        self._unwritten.put(b"")

    def _parts(self, reading: int) -> Iterator[bytes]:
        """What is read, as it comes; where it has to have a shape, in whole lines."""
        begun = b""
        while part := os.read(reading, PART):
            if not self._shape:
                yield part
                continue
            begun += part
            end = begun.rfind(b"\n") + 1 or (len(begun) if len(begun) > LONGEST else 0)
            if end:
                yield self._shaped(begun[:end])
                begun = begun[end:]
        if begun:
            yield self._shaped(begun)

    def _shaped(self, lines: bytes) -> bytes:
        assert self._shape
        texts = lines.decode(errors="backslashreplace").split("\n")
        shaped = [self._shape(text.rstrip("\r"), self._level) for text in texts if text.strip()]
        return "".join(f"{text}\n" for text in shaped).encode(errors="backslashreplace")

    def _write(self) -> None:
        while part := self._unwritten.get():
            while part:
                try:
                    part = part[os.write(self._before, part) :]
                except BlockingIOError:
                    select.select([], [self._before], [])
                except OSError:  # nobody reads any more, or there is no room
                    break
