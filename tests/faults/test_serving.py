"""The target model under promotion, damage and a database that goes away."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support import site as sites
from tests.support.needs import POSTGRES
from tests.support.processes import children, kill
from tests.support.relay import Relay
from tests.support.site import Client, Site, wait_for
from tests.support.trainings import rounds_of

pytestmark = [pytest.mark.faults]

BREAK_ONE_BIT = """
from trainer.models import Round, Weights
row = Weights.objects.get(model=Round.objects.get(state="open").model)
data = bytearray(row.data); data[-3] ^= 4
Weights.objects.filter(pk=row.pk).update(data=bytes(data))
"""
CUT_SHORT = """
from trainer.models import Round, Weights
row = Weights.objects.get(model=Round.objects.get(state="open").model)
Weights.objects.filter(pk=row.pk).update(data=bytes(row.data)[:{length}])
"""
LINE = [{"x": [100, 140], "y": [20, 240], "t": [0, 90]}]


def line(place: int) -> list[dict[str, list[int]]]:
    x, y = 20 + place % 200, 20 + place // 200
    return [{"x": [x, x + 40], "y": [y, y + 150], "t": [0, 90]}]


@pytest.mark.survives(
    "promotion and rollback under load",
    "each attempt's round is the one whose model answered; every request after the commit gets "
    "the new one",
)
def test_each_attempt_keeps_the_round_whose_model_answered_it(
    make_site: Callable[..., Site],
) -> None:
    """Rounds change under load; the models of rounds 2, 3 … always answer 2, 3 …, so a wrong pair
    shows."""
    site = make_site(DADC_LIMIT_SCALE="100")
    people = site.people(*(f"drawer{n}" for n in range(4)))
    answers: list[tuple[int, int]] = []
    done = threading.Event()

    def submit(worker: int) -> None:
        place = worker * 2000
        while not done.is_set() and place < (worker + 1) * 2000:
            answer = people[worker].post(
                "/api/attempts/", {"target_label": 1, "strokes": line(place % 8000)}
            )
            assert answer.status == 201, answer
            answers.append((answer.body["round"], answer.body["predicted_label"]))
            place += 1

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: answers, why="an attempt in round 1")
    site.python(rounds_of(2, 3, 4))
    first_after = [
        person.post("/api/predictions/", {"strokes": LINE}).body["round"] for person in people * 5
    ]
    wait_for(lambda: answers[-1][0] == 4, why="an attempt in round 4")
    site.python(rounds_of(5))
    site.manage("round", "roll_back", "2", "--why", "Under load.")
    rolled_back = people[0].post("/api/predictions/", {"strokes": LINE}).body
    done.set()
    for thread in threads:
        thread.join()
    assert set(first_after) == {4}
    assert (rolled_back["round"], rolled_back["predicted_label"]) == (6, 2)
    says = {2: 2, 3: 3, 4: 4, 5: 5, 6: 2}
    assert {(number, label) for number, label in answers if number > 1} <= says.items()
    assert {number for number, _ in answers} >= {1, 4}
    assert site.manage("verify") == "Everything agrees.\n"


@pytest.mark.survives(
    "the open round's weights with a flipped bit, truncated, empty",
    "503 for predictions and attempts, `/readyz` names it, one rollback mends it",
)
def test_damaged_weights_answer_503_until_an_admin_rolls_back(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    drawer = site.person("alice")
    site.python(rounds_of(2))
    site.python(BREAK_ONE_BIT)
    attempt = {"target_label": 1, "strokes": LINE}
    for path, body in (("/api/predictions/", {"strokes": LINE}), ("/api/attempts/", attempt)):
        answer = drawer.post(path, body)
        assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    ready = Client(site).get("/readyz")
    assert ready.status == 503
    assert "damaged" in ready.body["target"]
    assert drawer.get("/api/attempts/").body["results"] == []
    assert site.manage("round", "roll_back", "1", "--why", "A bit flipped.") == "Round 3 is open.\n"
    answer = drawer.post("/api/attempts/", attempt)
    assert (answer.status, answer.body["round"]) == (201, 3)
    site.python(rounds_of(4) + CUT_SHORT.format(length=1000))
    assert drawer.post("/api/predictions/", {"strokes": LINE}).status == 503
    site.python(rounds_of(5) + CUT_SHORT.format(length=0))
    assert drawer.post("/api/predictions/", {"strokes": LINE}).status == 503
    assert "damaged" in Client(site).get("/readyz").body["target"]
    assert site.manage("round", "roll_back", "1", "--why", "Cut short.") == "Round 6 is open.\n"
    assert drawer.post("/api/predictions/", {"strokes": LINE}).body["round"] == 6


@pytest.mark.survives(
    "backend connections cut again and again",
    "201 or 503, then recovery; nothing acknowledged is lost",
)
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
def test_connections_cut_under_load_give_503_and_then_all_is_well(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(DADC_LIMIT_SCALE="100")
    drawer = site.person("alice")
    statuses: list[int] = []
    acknowledged: list[str] = []
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        for place in range(60):
            if place % 3 == 0:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [site.database_url.rpartition("/")[2]],
                )
            answer = drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(place)})
            statuses.append(answer.status)
            if answer.status == 201:
                acknowledged.append(answer.body["id"])
    assert set(statuses) <= {201, 503}
    answer = wait_for(
        lambda: drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(900)}), 10
    )
    assert answer.status == 201
    kept = site.python(
        "from collector.models import Attempt; print(*Attempt.objects.values_list('pk', flat=True))"
    )
    assert set(acknowledged) <= set(kept.split())


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Somebody else holds the attempts, or, as SQLite has it, the file."""
    if site.database_url.startswith("sqlite"):
        with closing(sqlite3.connect(site.data_dir / "db.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    with psycopg.connect(site.database_url) as other:
        other.execute("LOCK TABLE collector_attempt")
        yield
        other.rollback()


@pytest.mark.survives(
    "a table locked",
    "503 within seconds, then recovery",
)
def test_a_locked_table_gives_503_within_seconds_and_then_all_is_well(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(DADC_LIMIT_SCALE="100")
    drawer = site.person("alice")
    with locked(site):
        began = time.monotonic()
        answer = drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(1)})
        assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
        assert time.monotonic() - began < 15
    assert drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(1)}).status == 201


@pytest.mark.survives(
    "a full disk",
    "503; nothing half written; recovery",
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_full_disk_gives_503_writes_nothing_by_half_and_then_all_is_well(
    make_site: Callable[..., Site],
) -> None:
    """The disk is full for the web processes: no file of theirs may grow."""
    site = make_site(DADC_LIMIT_SCALE="100")
    drawer = site.person("alice")
    acknowledged = [
        drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(0)}).body["id"]
    ]
    web = psutil.Process(site.processes["web"].pid)
    processes = [web, *children(web.pid)]
    unlimited = web.rlimit(psutil.RLIMIT_FSIZE)
    smallest = min(path.stat().st_size for path in site.data_dir.glob("db.sqlite3*"))
    for process in processes:
        process.rlimit(psutil.RLIMIT_FSIZE, (smallest, unlimited[1]))
    refused = [
        drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(place)})
        for place in range(1, 6)
    ]
    assert {(answer.status, answer.body["error"]["code"]) for answer in refused} == {
        (503, "unavailable")
    }
    for process in processes:
        process.rlimit(psutil.RLIMIT_FSIZE, unlimited)
    for place in range(1, 6):
        answer = drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(place)})
        assert answer.status == 201, answer
        acknowledged.append(answer.body["id"])
    assert [
        attempt["id"] for attempt in drawer.get("/api/attempts/").body["results"]
    ] == acknowledged[::-1]
    assert site.manage("verify") == "Everything agrees.\n"


@pytest.mark.survives(
    "PostgreSQL gone under load, and back",
    "clean 503 in between, recovery without a restart",
)
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
def test_a_database_that_goes_away_and_comes_back_needs_no_restart(
    database_kind: str, tmp_path: Path
) -> None:
    """Between the site and its server stands a relay; once it closes, no connection lives and none
    is taken."""
    with sites.database(database_kind, tmp_path) as url, Relay(url) as relay:
        site = Site(tmp_path, relay.url, sites.free_port(), {"DADC_LIMIT_SCALE": "100"})
        try:
            site.manage("setup")
            site.start_web()
            drawer = site.person("alice")
            acknowledged = []
            for place, away in enumerate([False] * 3 + [True] * 3 + [False] * 3):
                relay.away(away)
                answer = drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(place)})
                assert answer.status == (503 if away else 201), answer
                acknowledged += [] if away else [answer.body["id"]]
            assert [
                attempt["id"] for attempt in drawer.get("/api/attempts/").body["results"]
            ] == acknowledged[::-1]
        finally:
            site.stop()


@pytest.mark.survives(
    "a web process killed",
    "replaced; nothing acknowledged is lost",
)
def test_a_killed_web_process_is_replaced_and_nothing_acknowledged_is_lost(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    drawer = site.person("alice")
    first = drawer.post("/api/attempts/", {"target_label": 1, "strokes": line(1)})
    kill(*children(site.processes["web"].pid))
    wait_for(site.answers, 30, "a new web process")
    own = drawer.get("/api/attempts/").body["results"]
    assert [attempt["id"] for attempt in own] == [first.body["id"]]
