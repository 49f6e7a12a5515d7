"""`make run` as a user has it: one parent, children that are restarted, a stop that leaves nobody
behind."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.processes import alive, children, kill, named, trainers
from tests.support.site import ROOT, Client, Site, free_port, wait_for
from tests.support.trainings import START

pytestmark = [pytest.mark.faults]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, f"sqlite:///{tmp_path / 'db.sqlite3'}", free_port())
    try:
        make_run(made)
        yield made
    finally:
        # supervisord ends its processes, which are in groups of their own, when it is asked to.
        make = made.processes["make"]
        assert isinstance(make, subprocess.Popen)
        make.terminate()
        with suppress(subprocess.TimeoutExpired):
            make.wait(12)
        made.stop()


def make_run(site: Site) -> subprocess.Popen[bytes]:
    with (site.data_dir / "run.log").open("ab") as log:
        make = site.processes["make"] = subprocess.Popen(
            ["make", "run"], cwd=ROOT, env=site.env, stdout=log, stderr=log, start_new_session=True
        )
    wait_for(site.answers, 60, "make run to answer")
    return make


def ready(site: Site) -> bool:
    return Client(site).get("/readyz").status == 200


def test_make_run_serves_restarts_what_dies_and_stops_within_ten_seconds(site: Site) -> None:
    make = site.processes["make"]
    wait_for(lambda: ready(site), 60, "web and workers to be ready")
    log = (site.data_dir / "run.log").read_text()
    assert f"http://127.0.0.1:{site.port}/" in log
    assert "Sign in as admin" in log

    masters = named(children(make.pid), "gunicorn")
    kill(*masters)
    wait_for(lambda: not alive(masters) and site.answers(), 30, "the web to be back")

    everybody = children(make.pid)
    kill(*named(everybody, "supervisord.conf"))
    wait_for(lambda: not alive(everybody), 5, "every child of a killed parent to end")
    make.wait(5)

    make = make_run(site)
    site.python(START)
    wait_for(lambda: trainers(make.pid), 60, "a training under way")
    everybody = children(make.pid)
    assert len(everybody) > 8
    begun = time.monotonic()
    os.kill(make.pid, signal.SIGTERM)
    make.wait(12)
    wait_for(lambda: not alive(everybody), 10 - (time.monotonic() - begun), "every child to end")
