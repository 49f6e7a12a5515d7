"""Several trainers at once, of one machine or two: each arm's training is done by one of them."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support import needs
from tests.support import site as sites
from tests.support.processes import alive, children, named
from tests.support.site import Site, free_port, wait_for

pytestmark = [pytest.mark.faults]

THREE_TRAININGS = """
from trainer import rounds
from trainer.models import Arm, RoundModel
first = rounds.get_round(1).model
for arm in Arm.values:
    RoundModel.objects.create(architecture=first.architecture, arm=arm, initial_model=first)
"""
CLAIM = """
from trainer import candidates
claim = candidates.claim_next()
print(claim and claim.candidate_id)
"""
CLAIM_ALL = """
from trainer import candidates
from trainer.models import RoundModel
claimed = [claim.candidate_id for claim in iter(candidates.claim_next, None)]
print(*RoundModel.objects.filter(pk__in=claimed).order_by("pk").values_list("arm", flat=True))
"""
LOCK = """
SELECT 1 FROM trainer_roundmodel WHERE state = 'training' AND arm = 'dynamic' FOR NO KEY UPDATE
"""


@pytest.fixture
def plain(database_kind: str, tmp_path: Path) -> Iterator[Site]:
    """A site that is set up and that nobody serves."""
    with sites.database(database_kind, tmp_path, "setup") as url:
        made = Site(tmp_path, url, free_port(), {"DADC_TRAINERS": "2"})
        yield made
        made.stop()


@pytest.mark.survives(
    "six trainers that look at once, where each of three arms has a training that waits",
    "each training is taken once",
)
def test_six_trainers_at_once_take_three_arms_trainings_once_each(plain: Site) -> None:
    plain.python(THREE_TRAININGS)
    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda _: plain.python(CLAIM), range(6)))
    taken = [each for each in claimed if each != "None"]
    assert len(taken) == len(set(taken)) == 3


@pytest.mark.survives(
    "a machine is cut off as it takes one arm's training",
    "the other arms' trainings are taken meanwhile, and its own once the lock is gone",
)
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
def test_a_training_that_somebody_holds_does_not_hold_up_other_arms(plain: Site) -> None:
    plain.python(THREE_TRAININGS)
    with psycopg.connect(plain.database_url) as cut_off:
        cut_off.execute(LOCK)
        assert plain.python(CLAIM_ALL) == "static none"
    assert plain.python(CLAIM_ALL) == "dynamic"


@pytest.mark.survives(
    "`kill -9` of one of a machine's two trainers (`DADC_TRAINERS=2`)",
    "it is started again; the other goes on",
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_machine_keeps_as_many_trainers_as_it_was_told(plain: Site) -> None:
    serving = plain.start("serve", "serve.py", "trainer")

    def trainers() -> list[psutil.Process]:
        tied = named(children(serving.pid), "manage.py trainer")
        running = [each for each in tied if each not in named(tied, "lifeline")]
        return running if len(running) == 2 else []

    first, other = wait_for(trainers, 60, "two trainers")
    first.kill()
    first.wait(10)
    again = wait_for(trainers, 60, "two again")
    assert other in again
    assert first not in again
    serving.terminate()
    assert serving.wait(15) == 0
    assert not alive(again)


@pytest.mark.survives(
    "one of two machines' trainers is killed again and again while three arms train",
    "every candidate ends once, and `verify` finds nothing",
)
def test_every_candidate_ends_once_while_one_of_two_trainers_is_killed() -> None:
    """The long one, of five minutes, is `python -m scripts.kill_trainers`."""
    needs.database("postgres")
    needs.own_networks()
    killing = [sys.executable, "-m", "scripts.kill_trainers", "--short", "--kills", "3"]
    killing += ["--seed", "11", "--round-size", "2", "--minutes", "2"]
    done = subprocess.run(killing, cwd=sites.ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Everything agrees.\n")
