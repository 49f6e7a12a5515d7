"""Trainings that are killed, raced for, or outlived by their parent: one round comes of each."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg
import pytest

from tests.support.penmanship import fooling
from tests.support.processes import alive, children, kill
from tests.support.site import Client, Site, wait_for
from tests.support.trainings import A_SHORT_TRAINER, ADD_SAMPLES, LEASE_RUNS_OUT, START, progress
from trainer.candidates import CLAIMS

pytestmark = [pytest.mark.faults]

STATES = """
from trainer.models import Round, RoundModel
states = RoundModel.objects.order_by("pk").values_list("state", "claim_count")
print(list(states), Round.objects.count())
"""


@pytest.mark.survives(
    "SIGTERM of a training alone, as what watches the memory does; `kill -9` of a trainer; SIGTERM",
    "the first two are claims that count; the third is given back at once; one round comes of it",
)
def test_killed_trainings_cost_a_claim_each_a_restart_costs_none_and_one_round_comes_of_it(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    first = site.start("first", "manage.py", "trainer")
    site.python(START)
    wait_for(lambda: progress(site), 60, "a training under way")
    [child] = children(first.pid)
    child.terminate()
    wait_for(lambda: progress(site) == 0, 10, "a second claim, at once")
    wait_for(lambda: progress(site), 60, "it to be under way")
    assert first.poll() is None
    [child] = children(first.pid)
    kill(psutil.Process(first.pid))
    first.wait(5)
    wait_for(lambda: not alive([child]), 5, "its child to end")

    site.python(LEASE_RUNS_OUT)
    second = site.start("second", "manage.py", "trainer")
    wait_for(lambda: children(second.pid), 30, "a third claim")
    [child] = children(second.pid)
    second.terminate()
    assert second.wait(10) == 0
    assert not alive([child])
    assert site.python(STATES) == "[('promoted', 0), ('training', 2)] 1"
    site.start("third", "-c", A_SHORT_TRAINER)
    wait_for(lambda: site.current_round()["number"] == 2, 150, "round 2")
    assert site.python(STATES) == "[('promoted', 0), ('promoted', 3)] 2"


# A lease of two seconds, and a child that renews it once an hour or, where it hangs, never.
A_SLOW_TRAINER = """
import os, runpy, signal, sys
from datetime import timedelta
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
django.setup()
from collector.management.commands import trainer
from trainer import candidates, heartbeats
from trainer.learning import fit
candidates.LEASE, candidates.RENEW_EVERY = timedelta(seconds=2), timedelta(hours=1)
heartbeats.BEATS_EVERY = 0.1
{}
sys.argv = ["manage.py", "trainer"]
runpy.run_path("manage.py", run_name="__main__")
"""
A_SLOW_ONE = A_SLOW_TRAINER.format(
    "usual = fit.default_recipe\nfrom dataclasses import replace\n"
    "fit.default_recipe = lambda *which: replace(usual(*which), steps=200)"
)
ONE_THAT_HANGS = A_SLOW_TRAINER.format(
    "trainer.HANGS_AFTER = 1.0\nfit.default_recipe = lambda *which: signal.pause()"
)


@pytest.mark.survives(
    "a training that gets next to no processor time, and renews its lease too late",
    "whoever started it keeps the lease: one claim, one round",
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_training_that_is_slower_than_its_lease_costs_no_claim(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    site.python(START)
    site.start("slow", "-c", A_SLOW_ONE)
    wait_for(lambda: site.current_round()["number"] == 2, 150, "round 2")
    assert site.python(STATES) == "[('promoted', 0), ('promoted', 1)] 2"


@pytest.mark.survives(
    "a training that hangs", "it is ended; after three claims the candidate is failed, visibly"
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_training_that_hangs_is_ended_and_tried_again_and_fails_in_the_end(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    site.python(START)
    site.start("hanging", "-c", ONE_THAT_HANGS)
    wait_for(lambda: site.current_round()["training"] is None, 60, "it to fail")
    assert site.python(STATES) == "[('promoted', 0), ('failed', 3)] 1"


LOCK = "SELECT 1 FROM trainer_round WHERE number = 1 FOR NO KEY UPDATE"
# Each try raises it twice: by its claim, and as it is given back.
TRIES = "SELECT token / 2 FROM trainer_roundmodel WHERE state = 'training'"


@pytest.mark.survives(
    "a machine is cut off while it holds the trainer's lock, as a training begins",
    "others try until the lock is free; no claim is used up; one round comes of it",
)
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
def test_a_lock_that_somebody_holds_for_long_uses_up_no_claim(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    site.python(START)
    with (
        psycopg.connect(site.database_url) as cut_off,
        psycopg.connect(site.database_url, autocommit=True) as asked,
    ):
        cut_off.execute(LOCK)
        site.database_url += "?options=-clock_timeout%3D100"
        site.start("trainer", "-c", A_SHORT_TRAINER)
        wait_for(lambda: (asked.execute(TRIES).fetchone() or [0])[0] > CLAIMS, 60, "its tries")
    wait_for(lambda: site.current_round()["number"] == 2, 60, "round 2")
    assert site.python(STATES) == "[('promoted', 0), ('promoted', 1)] 2"


TRAIN_NOW = """
from trainer import candidates
candidates.start("mnist_model")
"""
# A trainer that may take a little more memory than it has once all code is loaded.
A_NARROW_TRAINER = """
import resource, runpy, sys
import psutil, torch
taken = psutil.Process().memory_info().vms + 40 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (taken, taken))
sys.argv = ["manage.py", "trainer"]
runpy.run_path("manage.py", run_name="__main__")
"""
LAST = """
from trainer.models import RoundModel
last = RoundModel.objects.latest("pk")
print(last.state, *last.reasons)
"""


@pytest.mark.survives(
    "SIGSTOP of a trainer past its lease, then SIGCONT",
    "the other claim's round stands; the late one writes nothing, and goes on working",
)
@pytest.mark.survives(
    "a memory limit that a training reaches",
    "failed candidate, which says so; the open round untouched",
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_trainer_that_sleeps_past_its_lease_or_may_take_no_more_memory_opens_no_round(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    late = site.start("late", "manage.py", "trainer")
    site.python(START)
    wait_for(lambda: progress(site), 60, "a training under way")
    asleep = [psutil.Process(late.pid), *children(late.pid)]
    for process in asleep:
        process.suspend()
    site.python(LEASE_RUNS_OUT)
    other = site.start("other", "-c", A_SHORT_TRAINER)
    wait_for(lambda: site.current_round()["number"] == 2, 60, "round 2")
    opened = site.current_round()
    for process in asleep:
        process.resume()
    wait_for(lambda: not alive(asleep[1:]), 30, "the late one to notice")
    assert "the lease was lost; another claim goes on" in site.logs()
    assert late.poll() is None
    assert site.python(STATES) == "[('promoted', 0), ('promoted', 2)] 2"
    assert site.current_round() == opened

    for trainer in (late, other):
        trainer.terminate()
        trainer.wait(10)
    site.python(TRAIN_NOW)
    site.start("narrow", "-c", A_NARROW_TRAINER)
    wait_for(lambda: site.current_round()["training"] is None, 60, "it to fail")
    state, *why = site.python(LAST).split()
    assert state == "failed"
    assert why, "whatever the library says that got none"
    assert site.current_round()["number"] == 2


@pytest.mark.survives(
    "ten readings at once that all see the threshold",
    "one candidate starts",
)
def test_ten_readings_at_once_that_all_see_the_threshold_start_one_candidate(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(DADC_ROUND_SIZE="5")
    drawer = site.person("alice")
    labels = {}
    for label, strokes, width in fooling(2, 10):
        answer = drawer.post(
            "/api/attempts/", {"target_label": label, "strokes": strokes, "width": width}
        )
        labels[answer.body["id"]] = str(label)
    moderators = site.people(*(f"moderator{n}" for n in range(5)), role="moderator")
    readings = []
    for moderator in moderators:
        for _ in range(2):
            assigned = moderator.post("/api/assignments/").body
            readings.append((moderator, assigned["id"], labels[assigned["attempt"]["id"]]))
    assert len({reading_id for _, reading_id, _ in readings}) == 10

    def read(reading: tuple[Client, str, str]) -> int:
        moderator, reading_id, label = reading
        return moderator.post(f"/api/assignments/{reading_id}/reading/", {"reading": label}).status

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(read, readings)) == {201}
    assert site.python(STATES) == "[('promoted', 0), ('training', 0)] 1"
    current = site.current_round()
    assert (current["verified"], current["due"]["have"]) == (10, 5)
    assert site.manage("verify") == "Everything agrees.\n"


@pytest.mark.survives(
    "“train now” pressed four times at once",
    "one training; the others are told so",
)
def test_two_admins_who_press_train_now_at_once_start_one_training(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    site.python(ADD_SAMPLES)
    code = (
        "from trainer import candidates\n"
        "try:\n    candidates.start('mnist_model'); print('started')\n"
        "except candidates.AlreadyTraining: print('told so')"
    )
    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(lambda _: site.python(code), range(4)))
    assert answers == ["started", "told so", "told so", "told so"]
