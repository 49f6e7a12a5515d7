"""The drill: a site that draws and trains is backed up, and goes on elsewhere with another key."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from tests.support import needs, world
from tests.support import site as sites
from tests.support.site import Client, Site, wait_for
from tests.support.trainings import A_SHORT_TRAINER, LEASE_RUNS_OUT, progress

pytestmark = [pytest.mark.faults]

LEFT_IN_THE_QUEUE = """
from django_q.tasks import async_task
for _ in range(3):
    async_task("collector.tasks.start_if_due")
"""
BEGIN = """
from trainer import candidates
candidates.start("mnist_model")
"""
QUEUED = "SELECT count(*) FROM django_q_ormq WHERE key = 'dadc' AND id <= {newest}"
DATA = """
from collector.standings import leaderboards
from trainer.models import Round, Sample
opened = Round.objects.get(state="open")
print(opened.number, opened.model.weights.sha256)
print(sorted(Sample.objects.values_list("id", "sha256", "label", "contributor__split")))
"""
OF_TRAINING = "SELECT state, claim_count, progress FROM trainer_roundmodel WHERE id > 1"


@contextmanager
def drawn_at(person: Client, drawings: Iterator[dict[str, object]]) -> Iterator[list[str]]:
    """Meanwhile this person goes on drawing; the ids of what the site has taken."""
    taken: list[str] = []
    is_over = Event()

    def draw() -> None:
        while not is_over.is_set():
            answer = person.post("/api/attempts/", next(drawings))
            if answer.status == 201:
                taken.append(answer.body["id"])

    drawing = Thread(target=draw)
    drawing.start()
    try:
        yield taken
    finally:
        is_over.set()
        drawing.join()


@pytest.mark.survives(
    "`restore --replace` while the site runs", "refused, and nothing is changed; it goes on drawing"
)
@pytest.mark.survives(
    "dump, wipe, restore", "the same standings, samples and open model; `verify` finds nothing"
)
@pytest.mark.survives(
    "the secret key changed between starts",
    "the start says so; people sign in again, API tokens go on; old queue messages do no harm",
)
@pytest.mark.survives(
    "a backup taken in mid-training under load, restored elsewhere with another secret key",
    "all that was acknowledged before; old queue messages do no harm; the training is taken up "
    "again and comes to its end",
)
def test_a_site_is_backed_up_as_it_trains_and_goes_on_elsewhere(
    database_kind: str, tmp_path: Path
) -> None:
    if database_kind == "postgres":
        needs.postgres_programs()
    here, there, file = tmp_path / "here", tmp_path / "there", tmp_path / "backup.tar"
    here.mkdir()
    there.mkdir()
    with (
        sites.site(database_kind, here, DADC_LIMIT_SCALE="100") as ours,
        world.peopled(ours) as people,
    ):
        ours.python(LEFT_IN_THE_QUEUE)
        browser = world.Browser(ours)
        browser.sign_in("alice")
        assert browser.get("/account/").status == 200
        ours.start("trainer", "manage.py", "trainer")
        ours.python(BEGIN)
        with drawn_at(people.alice, people.drawings) as taken:
            wait_for(lambda: progress(ours) and len(taken) > 5, 60, "drawings and a training")
            before = list(taken)
            ours.manage("backup", str(file))
            assert "The site still runs" in ours.refused("restore", "--replace", str(file))
            wait_for(lambda: len(taken) > len(before) + 1, 30, "the site to take drawings still")
        assert not people.query("SELECT 1 FROM trainer_round WHERE number = 2")
        standings, data = people.state()[1], ours.python(DATA)
        [(newest,)] = people.query("SELECT max(id) FROM django_q_ormq")
    with sites.empty_database(database_kind, there) as url:
        theirs = Site(there, url, sites.free_port())
        try:
            goes_on(theirs, file, before, standings, data, newest, browser.client.cookies)
        finally:
            theirs.stop()


def goes_on(
    theirs: Site,
    file: Path,
    before: list[str],
    standings: world.Standings,
    data: str,
    newest: int,
    cookies: httpx.Cookies,
) -> None:
    theirs.manage("restore", str(file))
    assert theirs.manage("verify") == "Everything agrees.\n"
    assert theirs.python(DATA) == data
    with sites.reader(theirs.database_url) as query:
        [(state, claim_count, done)] = query(OF_TRAINING)
        assert (state, claim_count) == ("training", 1)
        assert done > 0
        assert query(QUEUED.format(newest=newest)) == [(3,)]
        ids = query("SELECT id FROM collector_attempt")
        assert set(before) <= {str(uuid.UUID(str(pk))) for (pk,) in ids}
        assert "secret key is not the one of before" in theirs.manage("setup")
        theirs.start_web()
        browser = world.Browser(theirs)
        browser.client.cookies = cookies
        assert browser.get("/account/").status == 302
        browser.sign_in("alice")
        assert browser.get("/account/").status == 200
        assert theirs.manage("setup") == ""
        lines = Client(theirs).get("/api/leaderboard/?period=all").body["results"]
        assert [(line["rank"], line["username"], line["credit"]) for line in lines] == standings
        assert theirs.sign_in("alice").get("/api/attempts/").status == 200
        theirs.start("worker", "manage.py", "cluster")
        theirs.start("trainer", "-c", A_SHORT_TRAINER)
        theirs.python(LEASE_RUNS_OUT)
        wait_for(lambda: query(QUEUED.format(newest=newest)) == [(0,)], 60, "the old messages")
        wait_for(lambda: query(OF_TRAINING)[0][0] != "training", 150, "the training to end")
        [(state, claim_count, _)] = query(OF_TRAINING)
        assert (state, claim_count) in (("promoted", 2), ("held", 2))
    assert theirs.manage("verify") == "Everything agrees.\n"
