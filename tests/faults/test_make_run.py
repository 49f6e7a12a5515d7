"""`make run` as a user has it: one parent, children that are restarted, a stop that leaves nobody
behind; also where next to nothing is allowed."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from shutil import copy2

import httpx
import psutil
import pytest

from tests.support import needs
from tests.support.outputs import fill
from tests.support.processes import alive, children, kill, named, trainers
from tests.support.site import ROOT, Client, Site, free_port, reader, wait_for
from tests.support.trainings import START

pytestmark = [pytest.mark.faults]

MakeRun = Callable[..., subprocess.Popen[bytes]]
LINE = [{"x": [100, 140], "y": [20, 240], "t": [0, 90]}]
# Another folder than it was set up in, which nobody can write, as little else; a user who is not
# known here and has no home. What programs are called in .venv/bin is gone with the old folder.
NARROW = r"""
set -e
ulimit -n 128
mount -t tmpfs -o mode=755 none /mnt
cd /mnt
mkdir python packages data 'c++ lab'
mount --bind "$PYTHON" python
mount --bind "$PACKAGES" packages
mount --bind "$DATA" data
mount --bind "$TREE" 'c++ lab'
mount --bind "$VENV" 'c++ lab/.venv'
mount -o remount,bind,ro 'c++ lab'
mount -t tmpfs -o ro none /var/tmp
mount -t tmpfs -o ro none /tmp
cd 'c++ lab'
exec setpriv --reuid 54321 --regid 54321 --clear-groups env -i \
    PATH=/usr/bin:/bin LD_LIBRARY_PATH=/mnt/python/lib HOME=/nonexistent \
    DADC_DATA_DIR=/mnt/data PORT="$PORT" make run
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, f"sqlite:///{tmp_path / 'db.sqlite3'}", free_port())
    yield made
    # The parent ends its programs, which are in groups of their own, when it is asked to.
    make = made.processes["make"]
    assert isinstance(make, subprocess.Popen)
    make.terminate()
    with suppress(subprocess.TimeoutExpired):
        make.wait(12)
    made.stop()


@pytest.fixture
def make_run(site: Site) -> MakeRun:
    def run(*command: str, to: int, **env: str) -> subprocess.Popen[bytes]:
        make = site.processes["make"] = subprocess.Popen(
            command, cwd=ROOT, env=site.env | env, stdout=to, stderr=to, start_new_session=True
        )
        wait_for(lambda: make.poll() is not None or site.answers(), 60, "make run to answer")
        wait_for(lambda: Client(site).get("/readyz").status == 200, 60, "web and workers")
        return make

    return run


@pytest.mark.survives(
    "`make run` whose output is a socket, full from the first; a killed web process; SIGTERM in"
    " mid-training",
    "serves, restarts, ends whole in ten seconds",
)
def test_make_run_serves_unread_restarts_what_dies_and_stops_within_ten_seconds(
    site: Site, make_run: MakeRun
) -> None:
    """Its output is a socket, full from the first."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        fill(theirs.fileno())
        make = make_run("make", "run", to=theirs.fileno())

    web = named(children(make.pid), "gunicorn")
    assert len(web) > 1
    kill(min(web, key=psutil.Process.create_time))
    wait_for(lambda: not alive(web) and site.answers(), 30, "the web to be back")

    site.python(START)
    wait_for(lambda: trainers(make.pid), 60, "a training under way")
    everybody = children(make.pid)
    assert len(everybody) > 8
    begun = time.monotonic()
    os.kill(make.pid, signal.SIGTERM)
    make.wait(12)
    wait_for(lambda: not alive(everybody), 10 - (time.monotonic() - begun), "every child to end")
    with reader(site.database_url) as query:
        assert query("SELECT program FROM trainer_heartbeat") == []


def test_the_address_is_told_once_the_site_answers_there(site: Site) -> None:
    serve = [sys.executable, "serve.py", "web"]
    run = subprocess.Popen(serve, cwd=ROOT, env=site.env, stdout=subprocess.PIPE)
    site.processes["make"] = run
    assert run.stdout
    with run.stdout as told:
        address = f" is at http://127.0.0.1:{site.port}/\n".encode()
        assert any(line.endswith(address) for line in told)
        assert Client(site).get("/healthz").status == 200
    # The guide tells the parent from all others by this.
    pattern = re.search(r"`pgrep -af '(.+?)'`", (ROOT / "docs/operations.md").read_text())
    assert pattern
    family = [psutil.Process(run.pid), *children(run.pid)]
    found = [one.pid for one in family if re.search(pattern[1], " ".join(one.cmdline()))]
    assert found == [run.pid]


def bare_venv(folder: Path) -> Path:
    """A virtual environment, as it is to who sees it in /mnt, that has no program but Python."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = folder / "lib" / version / "site-packages"
    (folder / "bin").mkdir(parents=True)
    packages.parent.mkdir(parents=True)
    packages.symlink_to("/mnt/packages")
    (folder / "bin" / "python").symlink_to(f"/mnt/python/bin/{version}")
    (folder / "pyvenv.cfg").write_text("home = /mnt/python/bin\n")
    for done in ("python", "ready"):
        copy2(ROOT / ".venv" / done, folder / done)
    return folder


@pytest.mark.survives(
    "`kill -9` of the parent of all",
    "web and workers end with it",
)
@pytest.mark.survives(
    "all of this at once: the folder moved and read-only, `/tmp` too, a user without name and "
    "home, their output another user's file, 128 open files and 200 silent clients",
    "serves by IPv4 and IPv6; data folder 0700, no temporary file left",
)
def test_make_run_serves_where_next_to_nothing_is_allowed_and_nothing_outlives_its_parent(
    site: Site, make_run: MakeRun, tmp_path: Path
) -> None:
    """What it writes goes to another user's file, few files may be open, and it is reached by IPv6
    too."""
    needs.own_mounts()
    subprocess.run(["make", "--silent", ".venv/ready", "staticfiles/ready"], cwd=ROOT, check=True)
    data, log = tmp_path / "data", tmp_path / "run.log"
    data.mkdir(0o755)
    os.chown(data, 54321, 54321)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        make = make_run(
            *("unshare", "--mount", "/bin/sh", "-c", NARROW),
            to=file.fileno(),
            PYTHON=sys.base_prefix,
            PACKAGES=str(Path(sysconfig.get_path("purelib")).resolve()),
            DATA=str(data),
            TREE=str(ROOT),
            VENV=str(bare_venv(tmp_path / "venv")),
        )
    password = log.read_text().partition("Sign in as admin, password ")[2].split()[0]
    assert f"http://127.0.0.1:{site.port}/" in log.read_text()
    with socket.socket(socket.AF_INET6) as here, suppress(OSError):
        here.bind(("::1", 0))
        assert httpx.get(f"http://[::1]:{site.port}/healthz", trust_env=False).status_code == 200
    token = Client(site).post("/api/tokens/", {"username": "admin", "password": password}).body
    attempt = {"target_label": 1, "strokes": LINE}
    assert Client(site, token["token"]).post("/api/attempts/", attempt).status == 201
    assert stat.S_IMODE(data.stat().st_mode) == 0o700

    everybody = children(make.pid)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", site.port)))
        assert site.answers()
    assert len(alive(everybody)) == len(everybody)
    assert {uid for process in everybody for uid in process.uids()} == {54321}
    kill(*named(everybody, "serve.py"))
    wait_for(lambda: not alive(everybody), 5, "every child of a killed parent to end")
    make.wait(5)
    assert list((data / "tmp").iterdir()) == []
