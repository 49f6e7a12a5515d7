"""A site under load: its web processes are reloaded, its PostgreSQL is stopped at once and started
again, and others use up all its connections."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.faults.test_serving import line
from tests.support import needs, servers
from tests.support import site as sites
from tests.support.processes import children
from tests.support.site import Client, Site, wait_for

pytestmark = [pytest.mark.faults]

PEOPLE = ("dan", "dora", "dirk")
MOST = 24  # connections


@dataclass
class Load:
    """People who go on drawing: what each answer was, and what was acknowledged."""

    told: Counter[str] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def draw(self, person: Client, places: range, over: threading.Event) -> None:
        for place in places:
            if over.is_set():
                return
            begun = time.monotonic()
            try:
                drawing = {"target_label": 1, "strokes": line(place)}
                answer = person.post("/api/attempts/", drawing)
            except httpx.TransportError:
                self.told["cut"] += 1
                continue
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.told[str(answer.status)] += 1
            if answer.status == 201:
                self.acknowledged.append(answer.body["id"])

    def goes_on(self) -> None:
        """Wait until each has drawn something more."""
        before = self.told["201"]
        wait_for(lambda: self.told["201"] > before + 2 * len(PEOPLE), 30, "drawings to be taken")


@contextmanager
def under_load(site: Site) -> Iterator[Load]:
    load, over = Load(), threading.Event()
    threads = [
        threading.Thread(target=load.draw, args=(person, range(2000 * n, 2000 * (n + 1)), over))
        for n, person in enumerate(site.people(*PEOPLE))
    ]
    for thread in threads:
        thread.start()
    try:
        load.goes_on()
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join()


def is_reloaded(site: Site, before: list[int]) -> bool:
    now = [process.pid for process in children(site.processes["web"].pid)]
    return len(now) == 2 and not set(now) & set(before)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[servers.Server]:
    needs.database("postgres")
    with (
        sites.database("postgres", tmp_path, "setup") as like,
        servers.postgres(like, MOST) as made,
    ):
        yield made


@pytest.mark.survives("web processes reloaded under load", "at most what is in flight fails")
@pytest.mark.survives(
    "PostgreSQL stopped at once under load, and started again",
    "clean 503 in between, recovery without a restart; nothing acknowledged is lost",
)
@pytest.mark.survives(
    "all connections of PostgreSQL used up by others",
    "503 within seconds, then recovery without a restart",
)
def test_a_site_goes_on_through_reloads_and_whatever_becomes_of_its_database(
    server: servers.Server, tmp_path: Path
) -> None:
    site = Site(tmp_path, server.url, sites.free_port(), {"DADC_LIMIT_SCALE": "1000"})
    try:
        site.start_web()
        with under_load(site) as load:
            before = [process.pid for process in children(site.processes["web"].pid)]
            os.kill(site.processes["web"].pid, signal.SIGHUP)
            wait_for(lambda: is_reloaded(site, before), 30, "other web processes")
            load.goes_on()
            assert load.told.pop("cut", 0) <= len(PEOPLE), "what was in flight"
            assert load.told.keys() == {"201"}, load.told

            server.stop_at_once()
            wait_for(lambda: load.told["503"] > 2 * len(PEOPLE), 30, "refusals")
            assert site.answers()
            server.start()
            load.goes_on()
            assert load.told.keys() == {"201", "503"}, load.told

            with ExitStack() as others:
                refused = load.told["503"]
                used_up(server.url, others)
                wait_for(lambda: load.told["503"] > refused + 2 * len(PEOPLE), 30, "refusals")
            load.goes_on()
            assert load.told.keys() == {"201", "503"}, load.told
            assert load.slowest < 15
        with psycopg.connect(server.url) as connection:
            found = connection.execute(
                "SELECT count(*) FROM collector_attempt WHERE id = ANY(%s::uuid[])",
                [load.acknowledged],
            ).fetchone()
        assert found == (len(load.acknowledged),)
        assert site.manage("verify") == "Everything agrees.\n"
    finally:
        site.stop()


def used_up(url: str, others: ExitStack) -> None:
    """Take every connection, those of the site too."""
    first = others.enter_context(psycopg.connect(url, autocommit=True))
    taken = 1
    while taken < MOST:
        first.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND application_name <> 'other'"
            " AND pid <> pg_backend_pid()"
        )
        for _ in range(MOST):
            try:
                made = psycopg.connect(url, application_name="other", connect_timeout=3)
            except psycopg.OperationalError:
                break
            others.enter_context(made)
            taken += 1
