"""What a training costs those who draw meanwhile, and how soon after the last reading its round
answers, on each database that runs here; wants wrk and a quiet machine.

Eight clients submit drawings, each again as soon as it is answered, before a training and while one
runs; then a training with nobody at the site. Exits with 1 where one is over its bound.
"""

import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from itertools import repeat
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from scripts.peers import drawings
from scripts.peers.figures import Ratio, Run, Unusable
from tests.support import needs, site
from tests.support.penmanship import fooling

ROOT = Path(__file__).resolve().parent.parent
CLIENTS, SECONDS, RUNS, SAMPLES = 8, 3, 5, 100
MOST_ATTEMPTS = 1000  # a second
MOST_RATIO, MOST_BESIDE = 2.0, 2.0  # of the p95; seconds beside the training itself
# All but one of the samples that a training starts at, alice's own, who so is one to train on.
NEARLY_DUE = """
import uuid
from django.db import transaction
from collector.models import Person
from tests.support.penmanship import fooling, picture
from trainer import samples
from trainer.models import Round
alice, first = Person.objects.get(username="alice").contributor, Round.objects.get(number=1)
with transaction.atomic():
    for label, strokes, width in fooling({seed}, {count}):
        samples.add(
            attempt=uuid.uuid4(), contributor=alice, label=label, has_fooled=True, round_=first,
            pixels=picture(strokes, width).tobytes())
"""
LABEL = "SELECT target_label FROM collector_attempt WHERE id = '{}'"
TRAINED = """
SELECT started_at, finished_at FROM trainer_roundmodel WHERE finished_at IS NOT NULL
ORDER BY id DESC LIMIT 1
"""


def main() -> int:
    if not shutil.which("wrk"):
        print("This needs wrk, which does the asking: apt install wrk.", file=sys.stderr)
        return 1
    is_over = False
    print("| database | attempts’ p95 before | while training | ratio | beside the training |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for kind in ("sqlite", "postgres"):
        if kind == "postgres" and (missing := needs.postgres_is_missing()):
            print(f"PostgreSQL is not measured: {missing}", file=sys.stderr)
            continue
        extra = {"DADC_LIMIT_SCALE": "10000", "DADC_ROUND_SIZE": str(SAMPLES)}
        if needs.MNIST.exists():
            extra["DADC_MNIST_DIR"] = str(needs.MNIST)
        with (
            tempfile.TemporaryDirectory() as folder,
            site.site(kind, Path(folder), **extra) as made,
        ):
            made.start_clusters()
            is_over |= Bench(kind, made, Path(folder)).tell()
    return int(is_over)


class Bench:
    """The runs on one site."""

    def __init__(self, kind: str, made: site.Site, folder: Path) -> None:
        self.kind, self.site = kind, made
        self.alice, self.mona = made.person("alice"), made.person("mona", "moderator")
        self.bodies = drawings.Bodies(
            folder / "bodies",
            drawings.unseen(1),
            drawings.for_attempt,
            repeat(str(self.alice.token)),
            is_new_each_run=True,
        )
        self.turn = 0

    def tell(self) -> bool:
        """Measure and print a line; whether it is over a bound."""
        self._ask()  # what is loaded by the first requests
        before, during = [], []
        for _ in range(RUNS):
            before.append(self._ask().p95)
            self._start()
            during.append(self._ask().p95)
            if not self.site.current_round()["training"]:
                raise Unusable("The training had ended before the clients had.")
            site.wait_for(lambda: not self.site.current_round()["training"], 300, "its end")
        beside = [self._beside() for _ in range(RUNS)]
        ratio, longest = Ratio.of(during, before), max(beside)
        print(
            f"| {self.kind} | {median(before):.0f} ms | {median(during):.0f} ms | {ratio} "
            f"| {median(beside):.1f} s, {longest:.1f} at most |",
            flush=True,
        )
        return ratio.middle > MOST_RATIO or longest > MOST_BESIDE

    def _ask(self) -> Run:
        skipped = self.bodies.prepare(MOST_ATTEMPTS * SECONDS)
        asking = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "--timeout=30s", "-s"]
        asking += [str(ROOT / "scripts/peers/load.lua"), f"{self.site.url}/api/attempts/", "--"]
        asking += [str(self.bodies.file), str(skipped), "once"]
        asked = subprocess.run(asking, capture_output=True, text=True, check=False)
        run = Run.read(asked.stdout + asked.stderr)
        self.bodies.take(run.taken)
        return run

    def _start(self) -> float:
        """Have a training start by a last reading; return when it was given, and wait until the
        training is under way."""
        self.turn += 1
        self.site.python(NEARLY_DUE.format(seed=self.turn, count=SAMPLES - 1))
        *_, (label, strokes, width) = fooling(1000 + self.turn, 1)
        body = {"target_label": label, "strokes": strokes, "width": width}
        assert self.alice.post("/api/attempts/", body).status == 201
        with site.reader(self.site.database_url) as ask:
            while not self.site.current_round()["training"]:
                assigned = self.mona.post("/api/assignments/").body
                uuid = assigned["attempt"]["id"]
                key = uuid.replace("-", "") if self.kind == "sqlite" else uuid
                [(label,)] = ask(LABEL.format(key))
                read = {"reading": str(label)}
                given = self.mona.post(f"/api/assignments/{assigned['id']}/reading/", read)
                assert given.status == 201, given
                at = monotonic()
        site.wait_for(lambda: self.site.current_round()["training"]["progress"], 60, "its progress")
        return at

    def _beside(self) -> float:
        """How many seconds more than the training itself it takes from the last reading until the
        new round answers."""
        number = self.site.current_round()["number"]
        at = self._start()
        while self.site.current_round()["number"] == number:
            sleep(0.01)
        taken = monotonic() - at
        with site.reader(self.site.database_url) as ask:
            [(started, finished)] = ask(TRAINED)
        return taken - (_time(finished) - _time(started)).total_seconds()


def _time(stored: str | datetime) -> datetime:
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored


if __name__ == "__main__":
    sys.exit(main())
