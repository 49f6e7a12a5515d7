"""How much sooner two trainers on one machine end the trainings of several arms than one does:
`python -m scripts.bench_trainers`; wants a quiet machine of two cores or more.

Each run is a site of its own, on each database that runs here, kept up by `serve.py trainer`; the
arms' trainings begin in one moment, on as many samples each, and what is measured is the time until
the last one has ended. Two equal trainings can at best take half of the time. Three cannot: while
the third one runs, a trainer has nothing to do, so they take two thirds. Exits with 1 where it is
more than 1.2 times what can be.
"""

import argparse
import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from statistics import median

from tests.support import needs, site

SAMPLES, MOST = 100, 1.2
ARMS = ("dynamic", "static", "none")
AT_BEST = {2: 1 / 2, 3: 2 / 3}  # of one trainer's time
BEGIN = """
import uuid
from django.db import transaction
from tests.support.penmanship import fooling, picture
from trainer import candidates, rounds, samples
drawn = fooling(1, {samples})
someone = uuid.uuid4()  # the first contributor, who is one to train on
with transaction.atomic():
    for arm in {arms}:
        first = rounds.get_round(1, arm)
        for label, strokes, width in drawn:
            samples.add(
                attempt=uuid.uuid4(), contributor=someone, label=label, has_fooled=True,
                round_=first, pixels=picture(strokes, width).tobytes())
with transaction.atomic():
    for arm in {arms}:
        assert candidates.start_if_due("mnist_model", {samples}, arm=arm)
"""
BEATS = "SELECT count(*) FROM trainer_heartbeat WHERE program = 'trainer'"
TRAINED = """
SELECT min(created_at), max(finished_at), count(*) FROM trainer_roundmodel
WHERE initial_model_id IS NOT NULL AND state IN ('promoted', 'held')
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each arm")
    options = parser.parse_args()
    is_over = False
    print("| database | trainings | one trainer | two trainers | two ÷ one | at best | of that |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind in ("sqlite", "postgres"):
        if kind == "postgres" and (missing := needs.postgres_is_missing()):
            print(f"PostgreSQL is not measured: {missing}", file=sys.stderr)
            continue
        for trainings, at_best in AT_BEST.items():
            # In turns, so that what else the machine does is in both.
            pairs = [
                (
                    seconds(kind, 1, trainings, options.samples),
                    seconds(kind, 2, trainings, options.samples),
                )
                for _ in range(options.runs)
            ]
            one, two = (median(each) for each in zip(*pairs, strict=True))
            ratio = median(two / one for one, two in pairs)
            is_over |= ratio > MOST * at_best
            print(
                f"| {kind} | {trainings} | {one:.1f} s | {two:.1f} s | {ratio:.2f} | {at_best:.2f} "
                f"| {ratio / at_best:.2f} |",
                flush=True,
            )
    return int(is_over)


def seconds(kind: str, trainers: int, trainings: int, samples: int) -> float:
    """How long so many trainers take for so many arms' trainings."""
    arms = ARMS[:trainings]
    extra = {
        "DADC_ARMS": ",".join(arms),
        "DADC_TRAINERS": str(trainers),
        "OMP_NUM_THREADS": str(os.cpu_count() or 1),  # as where nobody says
        "DADC_MNIST_DIR": str(needs.MNIST) if needs.MNIST.exists() else "",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        site.database(kind, Path(folder)) as url,
        site.reader(url) as ask,
    ):
        made = site.Site(Path(folder), url, site.free_port(), extra)
        try:
            made.manage("setup")
            serving = made.start("serve", "serve.py", "trainer")
            site.wait_for(lambda: ask(BEATS) == [(1,)], 60, "the trainers")
            made.python(BEGIN.format(arms=arms, samples=samples))
            site.wait_for(lambda: ask(TRAINED)[0][2] == trainings, 600, "the trainings")
            [(began, ended, _)] = ask(TRAINED)
            serving.terminate()
            serving.wait(15)
        finally:
            made.stop()
    return (_time(ended) - _time(began)).total_seconds()


def _time(stored: str | datetime) -> datetime:
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored


if __name__ == "__main__":
    sys.exit(main())
