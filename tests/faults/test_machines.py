"""Several machines that share nothing but PostgreSQL: one is killed, cut off, slow, added, taken
away; and several first starts at once."""

import itertools
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support import needs
from tests.support import site as sites
from tests.support.machines import Machine, machine
from tests.support.penmanship import drawings
from tests.support.processes import alive, children, kill
from tests.support.site import Site, free_port, wait_for
from tests.support.trainings import A_SHORT_TRAINER, START

pytestmark = [pytest.mark.faults]

CANDIDATE = "SELECT state, token, claim_count FROM trainer_roundmodel ORDER BY id DESC LIMIT 1"
WRITTEN = "SELECT (SELECT count(*) FROM trainer_round), (SELECT count(*) FROM trainer_weights)"
BEAT = "SELECT beat_at FROM trainer_heartbeat WHERE program = %s AND machine = %s"
LONG_SILENT = (
    "UPDATE trainer_heartbeat SET beat_at = now() - interval '4 minutes' "
    "WHERE program = 'worker' AND machine = %s"
)
LEASE_RUNS_OUT = (
    "UPDATE trainer_roundmodel SET lease_expires_at = now() - interval '1 second' "
    "WHERE state = 'training' AND claim_count = 1"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    needs.database("postgres")
    needs.own_networks()
    with sites.database("postgres", tmp_path_factory.mktemp("made"), "setup") as made:
        yield made


@pytest.fixture(scope="module")
def asked(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def plain(url: str, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Where commands are given."""
    return Site(tmp_path_factory.mktemp("plain"), url, free_port())


@pytest.fixture(scope="module")
def machines(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Machine]]:
    folder = tmp_path_factory.mktemp("machines")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(machine(name, url, folder, DADC_LIMIT_SCALE="1000"))
            for name in ("north", "south", "east", "west")
        }


def start_web(one: Machine) -> None:
    one.start("web", "-m", "gunicorn", "dadc_site.wsgi")


@pytest.mark.survives(
    "a trainer's machine is cut off in mid-training, past its lease, and comes back",
    "the other machine's round stands; the late one writes nothing and goes on working",
)
def test_a_trainer_that_was_cut_off_past_its_lease_writes_nothing(
    machines: dict[str, Machine], plain: Site, asked: psycopg.Connection
) -> None:
    east, west = machines["east"], machines["west"]
    east.start("trainer", "manage.py", "trainer")
    plain.python(START)
    wait_for(lambda: asked.execute(CANDIDATE).fetchone() == ("training", 1, 1), 30, "a claim")
    [child] = wait_for(lambda: children(east.running("trainer").pid), 10, "its child")
    east.cut()
    try:
        west.start("trainer", "-c", A_SHORT_TRAINER)
        # What was on its way as the plug was pulled may yet renew it.
        wait_for(
            lambda: (
                asked.execute(LEASE_RUNS_OUT),
                asked.execute(CANDIDATE).fetchone() != ("training", 1, 1),
            )[1],
            60,
            "the other's claim",
        )
        wait_for(lambda: asked.execute(WRITTEN).fetchone() == (2, 2), 90, "round 2")
        before = asked.execute(BEAT, ["trainer", "east"]).fetchone()
    finally:
        east.mend()
    wait_for(lambda: not alive([child]), 60, "the late one to notice")
    wait_for(
        lambda: asked.execute(BEAT, ["trainer", "east"]).fetchone() != before, 60, "life again"
    )
    assert asked.execute(WRITTEN).fetchone() == (2, 2)
    state, _, claim_count = asked.execute(CANDIDATE).fetchone() or ()
    assert (state, claim_count) == ("promoted", 2), "however often a lock was waited for"


@pytest.mark.survives(
    "one of two machines with workers and trainers is killed; then the other too",
    "ready as long as one is left; then `/readyz` says which machines are silent",
)
def test_it_is_ready_while_one_worker_is_left_and_then_says_where_they_were(
    machines: dict[str, Machine], asked: psycopg.Connection
) -> None:
    north, south = machines["north"], machines["south"]
    start_web(north)
    south.start("trainer", "manage.py", "trainer")
    for one in (north, south):
        one.start("worker", "manage.py", "cluster")
    wait_for(lambda: asked.execute(BEAT, ["worker", "south"]).fetchone(), 40, "south's worker")
    wait_for(lambda: north.says("/readyz"), 40, "all of it")
    for left, gone in ((True, south), (False, north)):
        worker = gone.running("worker")
        everybody = children(worker.pid)
        kill(*everybody)
        worker.kill()
        worker.wait(10)
        asked.execute(LONG_SILENT, [gone.name])
        answer = north.client().get("/readyz")
        assert (answer.status == 200) is left, answer
    assert answer.body["worker"] == "No sign of life from the worker on north or south."


@pytest.mark.survives(
    "a web machine is added and taken away under load; one is slow to reach the database",
    "no request fails; what was acknowledged is there",
)
def test_a_web_machine_comes_and_goes_under_load(
    machines: dict[str, Machine], plain: Site, asked: psycopg.Connection
) -> None:
    north, south = machines["north"], machines["south"]
    if "web" not in north.processes:
        start_web(north)
    wait_for(north.answers, 40, "north to answer")
    tokens = [person.token for person in plain.people("dan", "dora", "dirk")]
    told: Counter[str] = Counter()
    acknowledged: list[str] = []
    over = threading.Event()

    def draw(place: int) -> None:
        turns = itertools.cycle((north, south))
        for label, strokes in drawings(70 + place, 400):
            drawing = {"target_label": label, "strokes": strokes, "client_key": str(uuid.uuid4())}
            for one in itertools.islice(turns, 3):  # as a proxy does, past one that does not listen
                try:
                    answer = one.client(tokens[place]).post("/api/attempts/", drawing)
                except httpx.ConnectError:
                    continue
                except httpx.TransportError:
                    told["in flight"] += 1
                    continue
                told[f"{one.name} {answer.status}"] += 1
                acknowledged.extend([answer.body["id"]] if answer.status in (200, 201) else [])
                break
            if over.is_set():
                return

    with ThreadPoolExecutor(3) as pool:
        try:
            people = [pool.submit(draw, place) for place in range(3)]
            wait_for(lambda: told["north 201"] > 10, 30, "drawings")
            start_web(south)
            wait_for(lambda: told["south 201"] > 20, 40, "south to take part")
            assert south.relay
            south.relay.delay = 0.02
            slowly = told["south 201"]
            wait_for(lambda: told["south 201"] > slowly + 5, 40, "south to go on, slowly")
            south.running("web").terminate()
            south.running("web").wait(15)
            alone = told["north 201"]
            wait_for(lambda: told["north 201"] > alone + 10, 40, "north alone")
        finally:
            over.set()
        for one in people:
            one.result(60)
    assert told.pop("in flight", 0) <= 3, "one of each person, as the machine ends"
    assert {what.split()[1] for what in told} <= {"200", "201", "409"}, told
    found = asked.execute(
        "SELECT count(*) FROM collector_attempt WHERE id = ANY(%s::uuid[])", [acknowledged]
    ).fetchone()
    assert found == (len(acknowledged),)


@pytest.mark.survives(
    "four first starts at once, on one data folder or one database",
    "all end well and quietly; one of them prints the first admin's password",
)
def test_four_first_starts_at_once_set_up_once(database_kind: str, tmp_path: Path) -> None:
    with sites.database(database_kind, tmp_path) as url:
        site = Site(tmp_path, url, free_port(), {"DADC_PASSWORD": ""})
        begun = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            said = sorted(pool.map(lambda _: site.manage("setup"), range(4)))
        assert time.monotonic() - begun < 60
        assert said[:3] == ["", "", ""]
        assert "Sign in as admin, password" in said[3]
        assert site.manage("verify") == "Everything agrees.\n"


@pytest.mark.slow
@pytest.mark.survives(
    "faults drawn from a seed under load: kills, cuts, restarts, rollbacks on six machines",
    "nothing acknowledged is lost, nothing is scored twice, each candidate ends once",
)
def test_a_short_soak_keeps_its_promises(url: str) -> None:
    """How fast it was is judged by the long one, on a machine that does nothing else."""
    soak = [sys.executable, "-m", "scripts.soak", "--seconds", "8", "--every", "4", "--seed", "7"]
    soak += ["--measure", "1"]
    with tempfile.TemporaryFile("w+") as told:
        subprocess.run(soak, cwd=sites.ROOT, stdout=told, stderr=told, timeout=400, check=False)
        told.seek(0)
        said = told.read()
    lines = [line.strip("| ").split(" | ") for line in said.splitlines() if line.startswith("| ")]
    kept = {line[0]: line[1] == "yes" for line in lines[2:]}
    assert len(kept) == 9, said
    kept.pop("p95 at most doubles during faults")
    assert all(kept.values()), said
