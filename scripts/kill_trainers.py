"""Kills one of two trainers at random moments while three arms train, and sees that every candidate
ends once: `python -m scripts.kill_trainers` (root, iproute2, PostgreSQL).

Two machines, each a network namespace of its own, share nothing but PostgreSQL, and train what a
simulated crowd of three arms draws and reads. On one of them the trainer, or the training that it
has under way, is killed or ended again and again, and started again. Whatever ends a candidate is
noted by the database. Ends by itself, with 1 where a candidate did not end once, a round is missing
or `verify` finds anything.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic

import psutil
import psycopg

from tests.support import site as sites
from tests.support.machines import Machine, machine
from tests.support.processes import children
from tests.support.trainings import A_SHORT_TRAINER

ARMS = "dynamic,static,none"
SETTINGS = {"DADC_ARMS": ARMS, "DADC_LIMIT_SCALE": "100000", "DADC_MNIST_DIR": ""}
DRAWERS, MODERATORS, PACE = 6, 2, 0.02
LONGEST_LIFE = 12.0  # seconds until the next kill, at most
INTO_A_TRAINING = 2.0  # seconds from its claim to a kill that is meant for it, at most
BEGINS_WITHIN = 300.0
ENDS_WITHIN = 300.0  # seconds; the last trainings, once nobody draws or kills
# A held candidate that a newer one discards ends its waiting, not its training.
NOTES = """
CREATE TABLE noted (candidate bigint, before text, after text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO noted VALUES (NEW.id, OLD.state, NEW.state); RETURN NULL; END $$;
CREATE TRIGGER note AFTER UPDATE ON trainer_roundmodel FOR EACH ROW
    WHEN (NEW.finished_at IS DISTINCT FROM OLD.finished_at) EXECUTE FUNCTION note();
"""
NOTES_NO_MORE = "DROP TRIGGER note ON trainer_roundmodel"
NOTED = "SELECT candidate, before, after FROM noted ORDER BY candidate"
TRAINED = """
SELECT id, arm, state, claim_count FROM trainer_roundmodel WHERE initial_model_id IS NOT NULL
ORDER BY id
"""
ROUNDS = "SELECT arm, count(*) FROM trainer_round GROUP BY arm"
LEASE_RUNS_OUT = """
UPDATE trainer_roundmodel SET lease_expires_at = now() - interval '1 second'
WHERE state = 'training' AND (id, token) IN (SELECT * FROM unnest(%s::bigint[], %s::integer[]))
"""
HELD = "SELECT id, token FROM trainer_roundmodel WHERE state = 'training'"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--kills", type=int, default=10**6, help="end after so many")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--round-size", type=int, default=5)
    parser.add_argument(
        "--short",
        action="store_true",
        help="trainings of a few steps; the lease of who was killed runs out at once",
    )
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = stack.enter_context(sites.database("postgres", Path(folder)))
        settings = SETTINGS | {"DADC_ROUND_SIZE": str(options.round_size)}
        plain = sites.Site(Path(folder), url, sites.free_port(), settings)
        plain.manage("setup")
        steady, struck = (
            stack.enter_context(machine(name, url, Path(folder), **settings))
            for name in ("steady", "struck")
        )
        asked = stack.enter_context(psycopg.connect(url, autocommit=True))
        asked.execute(NOTES)
        campaign = Campaign(asked, steady, struck, options)
        with crowd(plain, options.seed, 0 if options.short else PACE):
            campaign.begin()
            campaign.kill()
        campaign.wait_for_the_last()
        asked.execute(NOTES_NO_MORE)
        findings = [*campaign.findings(), *_verified(plain)]
    for finding in findings:
        print(f"FOUND: {finding}")
    sys.exit(1 if findings else 0)


@contextmanager
def crowd(site: sites.Site, seed: int, pace: float) -> Iterator[None]:
    """People of three arms who draw and read for as long as this lasts."""
    os.environ |= {**site.env, "DJANGO_SETTINGS_MODULE": "dadc_site.settings"}
    import django

    django.setup()
    from django.db import connections

    from collector.management import simulated_crowd

    people = simulated_crowd.gather(DRAWERS, MODERATORS, seed=seed, pace=pace)
    connections.close_all()
    enough, over = threading.Event(), threading.Event()

    def go_on() -> None:
        for seconds in people.turns():
            if enough.wait(seconds):
                break
        connections.close_all()
        over.set()

    drawing = threading.Thread(target=go_on, daemon=True)
    drawing.start()
    try:
        yield
    finally:
        enough.set()
        drawing.join(30)
    print("; ".join(people.progress()), flush=True)
    assert over.is_set(), "the crowd broke off"


class Campaign:
    """Two trainers, one of which is struck."""

    def __init__(
        self,
        asked: psycopg.Connection,
        steady: Machine,
        struck: Machine,
        options: argparse.Namespace,
    ) -> None:
        self.asked, self.steady, self.struck, self.options = asked, steady, struck, options
        self.rng = random.Random(options.seed)
        self.begun_at = self.end_at = 0.0
        self.done: Counter[str] = Counter()
        self.program = ("-c", A_SHORT_TRAINER) if options.short else ("manage.py", "trainer")

    def begin(self) -> None:
        """Start both trainers, once all arms have a training that waits."""
        sites.wait_for(
            lambda: len(self.asked.execute(HELD).fetchall()) == len(ARMS.split(",")),
            BEGINS_WITHIN,
            "a training in each arm",
        )
        for one in (self.steady, self.struck):
            one.start("trainer", *self.program)
        self.begun_at = monotonic()
        self.end_at = self.begun_at + 60 * self.options.minutes

    def kill(self) -> None:
        """Strike until there was enough of it."""
        while self.done.total() < self.options.kills and monotonic() < self.end_at:
            self._wait()
            what, now = self._strike(), monotonic() - self.begun_at
            self.done[what] += 1
            print(f"{now:6.1f} s  {what}", flush=True)
        print(", ".join(f"{what}: {n}" for what, n in sorted(self.done.items())), flush=True)

    def _wait(self) -> None:
        """Wait for any moment, or for one within a training."""
        until = min(self.end_at, monotonic() + self.rng.uniform(0, LONGEST_LIFE))
        if self.rng.random() < 0.7:
            while not self._trainings() and monotonic() < self.end_at:
                _pause(0.2)
            until = monotonic() + self.rng.uniform(0, INTO_A_TRAINING)
        while monotonic() < until:
            _pause(0.2)

    def _trainings(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return children(self.struck.running("trainer").pid)
        return []

    def _strike(self) -> str:
        """Kill or end the trainer, or kill its training; start again who ended. What it was."""
        trainer, trainings = self.struck.running("trainer"), self._trainings()
        held = self.asked.execute(HELD).fetchall() if self.options.short else []
        under_way = "in mid-training" if trainings else "idle"
        what = self.rng.choice(["training", "trainer", "trainer", "SIGTERM"])
        if what == "training" and trainings:
            with suppress(psutil.Error):
                trainings[0].kill()
            return "kill -9 of a training"
        number = signal.SIGTERM if what == "SIGTERM" else signal.SIGKILL
        os.kill(trainer.pid, number)
        trainer.wait(20)
        if held and what != "SIGTERM":
            self._let_lapse(held)
        self.struck.start("trainer", *self.program)
        return f"{'SIGTERM' if what == 'SIGTERM' else 'kill -9'} of a trainer, {under_way}"

    def _let_lapse(self, held: list[tuple[int, int]]) -> None:
        """Make a minute pass for the claims of before; whoever lives renews theirs, or loses it."""
        ids, tokens = zip(*held, strict=True)
        self.asked.execute(LEASE_RUNS_OUT, [list(ids), list(tokens)])

    def wait_for_the_last(self) -> None:
        sites.wait_for(
            lambda: not self.asked.execute(HELD).fetchall(), ENDS_WITHIN, "the last to end"
        )

    def findings(self) -> list[str]:
        """What is wrong with how candidates ended."""
        trained = self.asked.execute(TRAINED).fetchall()
        noted = self.asked.execute(NOTED).fetchall()
        ends = Counter(candidate for candidate, before, _ in noted if before == "training")
        rounds: dict[str, int] = dict(self.asked.execute(ROUNDS).fetchall())
        promoted = Counter(arm for _, arm, state, _ in trained if state == "promoted")
        found = [
            f"candidate {candidate} ({arm}, {state}) ended {ends[candidate]} times"
            for candidate, arm, state, _ in trained
            if ends[candidate] != 1
        ]
        found += [
            f"candidate {candidate} went from {before} to {after}"
            for candidate, before, after in noted
            if before != "training" and (before, after) != ("held", "discarded")
        ]
        found += [
            f"{arm} has {rounds[arm]} rounds and {promoted[arm]} promoted candidates"
            for arm in ARMS.split(",")
            if rounds[arm] != promoted[arm] + 1
        ]
        states = Counter((arm, state) for _, arm, state, _ in trained)
        told = ", ".join(f"{arm} {state}: {n}" for (arm, state), n in sorted(states.items()))
        again = sum(claims > 1 for *_, claims in trained)
        print(f"{len(trained)} candidates, {again} of them claimed more than once; {told}")
        return found


def _verified(site: sites.Site) -> list[str]:
    try:
        print(site.manage("verify"), end="")
    except AssertionError as error:
        return [f"verify: {error}"]
    return []


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


if __name__ == "__main__":
    main()
