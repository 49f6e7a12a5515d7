"""Python programs forked from a process that has loaded already what takes seconds to import, as
gunicorn's parent does for its workers: a test session starts dozens of sites and commands. A site's
commands are forked from another, which has set up Django by the site's environment too.

Run as a program, this module is such a process. It listens on the socket named on its command line;
the first one until its own input ends, the others, which it forks, as long as it does.
"""

import atexit
import ctypes
import gc
import importlib
import itertools
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from traceback import print_exc
from typing import IO

from collector.management import lifeline

ROOT = Path(__file__).resolve().parent.parent.parent
NEW_NETWORK, NEW_NAMES = 0x40000000, 0x04000000  # of setns(2) and unshare(2)
# Nothing of Django's that reads the settings: these are each program's own.
LOADED = (
    "torch",
    "scipy.cluster.vq",
    "scipy.stats",
    "django.core.management.commands.shell",
    "django.core.serializers.json",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "psycopg",
    "cryptography.hazmat.primitives.serialization",
    "django.contrib.admin.decorators",
    "django.http.cookie",
    "django.test.signals",
    "fido2.webauthn",
    "PIL.Image",
    "prometheus_client.openmetrics.exposition",
    "requests",
    "segno",
    "smtplib",
    "yaml",
    "trainer.learning.nets",
    "tests.support.penmanship",
)


KEPT = 3  # sites whose commands are about to be forked
_numbers = itertools.count()
_prepared: dict[str, "Prepared"] = {}  # by environment; the last used is the last
_preparing = threading.Lock()


class Forked:
    """A program that runs, in a session of its own; as `subprocess.Popen` knows one."""

    def __init__(self, connection: socket.socket) -> None:
        self._answers = connection.makefile()
        connection.close()
        weakref.finalize(self, self._answers.close)
        self._reading = threading.Lock()
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status (negative: the signal that ended it). Raises TimeoutExpired."""
        status = self._status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return status

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._status(0)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _status(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._answers], [], [], timeout)[0]:
            with self._reading:  # not closed after it: a thread that still selects would never wake
                if self.returncode is None:
                    self.returncode = int(self._answers.readline())
        return self.returncode


def start(
    arguments: Sequence[str],
    env: Mapping[str, str],
    out: IO[bytes],
    err: IO[bytes],
    machine: tuple[str, str] | None = None,
) -> Forked:
    """`python` with these arguments, a script, `-m` and a module or `-c` and code, in the project's
    folder; on a machine of that network namespace and name, if one is given. It ends with whoever
    asks for it."""
    return _ask(_server(), arguments, env, out, err, machine)


def command(
    arguments: Sequence[str], env: Mapping[str, str], out: IO[bytes], err: IO[bytes]
) -> Forked:
    """The same, of a program that finds Django set up by this environment, as soon as it is."""
    with _preparing:
        key = json.dumps(dict(env), sort_keys=True)
        made = _prepared.pop(key) if key in _prepared else Prepared(env)
        _prepared[key] = made
        if len(_prepared) > KEPT:
            _prepared.pop(next(iter(_prepared))).process.kill()
        # What cannot be set up is the command's to say.
        return _ask(made.path if made.is_ready else _server(), arguments, env, out, err, None)


class Prepared:
    """A process that has set up Django by an environment, to fork commands from."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.path = f"{_server()}-{next(_numbers)}"
        reading, writing = os.pipe()
        with open(reading, "rb") as told:
            with open(writing, "wb") as out, open(os.devnull, "wb") as nowhere:
                program = ["-m", "tests.support.forking", self.path, "prepared"]
                self.process = _ask(_server(), program, env, out, nowhere, None)
            self.is_ready = told.read() == b"ready\n"


def _ask(
    server: str,
    arguments: Sequence[str],
    env: Mapping[str, str],
    out: IO[bytes],
    err: IO[bytes],
    machine: tuple[str, str] | None,
) -> Forked:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(server)
    request = json.dumps([list(arguments), dict(env), machine]).encode()
    socket.send_fds(connection, [len(request).to_bytes(4, "big")], [out.fileno(), err.fileno()])
    connection.sendall(request)
    return Forked(connection)


@cache
def _server() -> str:
    """The address of this process's own server."""
    folder = tempfile.TemporaryDirectory(prefix="forking-")
    path = os.path.join(folder.name, "socket")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SLIPCOVER_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.forking", path],
        cwd=ROOT,
        env=plain | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin
    assert server.stdout
    assert server.stdout.read() == b"ready\n"

    def end() -> None:
        server.communicate()
        folder.cleanup()

    atexit.register(end)
    return path


def load() -> None:
    for name in LOADED:
        importlib.import_module(name)


def set_up() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
    django.setup()


def serve(path: str, *until: IO[str]) -> None:
    """Fork a program for each connection, until an input ends."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # a migration makes four thousand classes, and keeps them
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    nothing, parent = os.open(os.devnull, os.O_RDWR), os.getpid()
    os.dup2(nothing, 1)
    heard: list[socket.socket | IO[str]] = [listening, *until]
    while listening in select.select(heard, [], [])[0]:
        connection, _ = listening.accept()
        if os.fork() == 0:
            lifeline.end_with(parent)
            os.dup2(nothing, 0)
            os.close(nothing)
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _watch(connection)
        connection.close()


def _watch(connection: socket.socket) -> None:
    """Run the program that is asked for as a child, and tell its pid and its exit status."""
    size, files, _, _ = socket.recv_fds(connection, 4, 2)
    arguments, env, machine = json.loads(
        connection.makefile("rb").read(int.from_bytes(size, "big"))
    )
    watching = os.getpid()
    pid = os.fork()
    if pid == 0:
        lifeline.end_with(watching)
        connection.close()
        os._exit(_run(arguments, env, machine, *files))
    for file in files:
        os.close(file)
    with suppress(BrokenPipeError):
        connection.sendall(f"{pid}\n".encode())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(f"{status}\n".encode())
    os._exit(0)


def _enter(network: str, name: str) -> None:
    """Be on a machine of its own: in this network namespace, under this name."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{network}") as file:
        if libc.setns(file.fileno(), NEW_NETWORK) or libc.unshare(NEW_NAMES):
            raise OSError(ctypes.get_errno(), f"{network} cannot be entered")
    socket.sethostname(name)


def _run(
    arguments: list[str], env: dict[str, str], machine: tuple[str, str] | None, out: int, err: int
) -> int:
    """Become the program, as far as it can see; its exit status."""
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    os.environ.clear()
    os.environ.update(env)
    status: object = 0
    try:
        if machine:
            _enter(*machine)
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[0] == "-c":
            sys.argv = ["-c", *arguments[2:]]
            exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        print_exc()
        status = 1
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return int(status or 0)  # type: ignore[call-overload,no-any-return]


if __name__ == "__main__":
    if sys.argv[2:]:
        set_up()
        serve(sys.argv[1])
    load()
    serve(sys.argv[1], sys.stdin)
