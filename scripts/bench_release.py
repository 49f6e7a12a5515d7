"""What a release costs: 100,000 attempts, with all its forms, while attempts come in.

Builds a study of two rounds that are over, the first one small, on SQLite and, where it runs, on
PostgreSQL. Makes the first round's release, so that all is loaded, then the second's, while another
process adds an attempt every 20 ms. Tells rows a second, by the clock and by what this process and
the one that makes the forms computed together, and how far memory grew over what the first release
left, with all that the forms' process has to itself.

Exits with 1 where that is more than `MOST_GROWTH`, or where rows a second are fewer than
`LEAST_ROWS`: by the clock, or, where others used the machine before or after, of a processor's.

    python -m scripts.bench_release [--attempts 100000] [--database sqlite] [--profile]
"""

import argparse
import cProfile
import hashlib
import json
import os
import pstats
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from tests.support import needs, site

ROOT = Path(__file__).resolve().parent.parent
FEW, DRAWINGS, PEOPLE, BATCH = 1_000, 300, 200, 5_000
LEAST_ROWS, MOST_GROWTH = 5_000, 50  # a second; MB
MOST_BUSY = 0.2  # processors that others may use on a quiet machine
HEAD = (
    "| database | attempts | rows/s by the clock | others used | rows/s of a processor "
    "| memory grew by | files |"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="only this one")
    parser.add_argument("--profile", action="store_true", help="tell where the time goes")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.attempts, options.profile)))
        return 0
    is_over = False
    print(f"{HEAD}\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind in [options.database] if options.database else ["sqlite", "postgres"]:
        if kind == "postgres" and (missing := needs.postgres_is_missing()):
            print(f"PostgreSQL is not measured: {missing}", file=sys.stderr)
            continue
        by_clock, busy, computed, grown, size = _in_a_process(kind, options)
        rate = by_clock if busy <= MOST_BUSY else computed
        is_over |= rate < LEAST_ROWS or grown > MOST_GROWTH
        told = f"{by_clock:,.0f} | {busy:.1f} of {os.cpu_count()} | {computed:,.0f}"
        told += f" | {grown:.0f} MB | {size:.0f} MB"
        print(f"| {kind} | {options.attempts:,} | {told} |")
    return int(is_over)


def _in_a_process(kind: str, options: argparse.Namespace) -> list[float]:
    with tempfile.TemporaryDirectory() as folder, site.database(kind, Path(folder)) as url:
        env = {"DATABASE_URL": url, "DADC_DATA_DIR": folder, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "scripts.bench_release", "--measure"]
        command += ["--attempts", str(options.attempts)] + ["--profile"] * options.profile
        done = subprocess.run(
            command, env=os.environ | env, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
        )
        found: list[float] = json.loads(done.stdout)
        return found


def _measure(count: int, is_profiled: bool) -> tuple[float, float, float, float, float]:
    os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
    import django

    django.setup()
    from collector.data import releases

    _build(count)
    releases.make(1)
    profile = cProfile.Profile()
    busy = _busy()
    with _attempts_coming_in() as writing, _memory({writing}) as grown:
        begun, begun_computing = perf_counter(), _computed()
        if is_profiled:
            profile.enable()
        release = releases.make(2)
        profile.disable()
        seconds, computed = perf_counter() - begun, _computed() - begun_computing
    busy = max(busy, _busy())
    if is_profiled:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    size = sum(file.size for file in release.files.all())
    return count / seconds, busy, count / computed, max(grown) / 1e6, size / 1e6


def _busy() -> float:
    """Return how many processors are in use while this process pauses for a second."""

    def now() -> float:
        ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")  # less idle and iowait

    before, begun = now(), perf_counter()
    sleep(1)
    return (now() - before) / (perf_counter() - begun)


def _computed() -> float:
    """Return the seconds of a processor that this process and its ended children have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def _memory(others: set[int]) -> Iterator[list[int]]:
    """Give how many bytes this process's memory grew, with all that its children but these `others`
    have to themselves, as looked at again and again."""

    def now() -> int:
        told = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        children = [child for child in told if int(child) not in others]
        own, _ = _pages("self")
        pages = own + sum(all_ - shared for all_, shared in map(_pages, children))
        return pages * os.sysconf("SC_PAGESIZE")

    before, is_over = now(), threading.Event()
    grown = [0]

    def look() -> None:
        while not is_over.wait(0.05):
            grown.append(now() - before)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield grown
    finally:
        is_over.set()
        looking.join()


def _pages(process: str) -> tuple[int, int]:
    """Return how many pages a process has in memory, and how many of them it may share; none once
    it has ended."""
    try:
        told = Path(f"/proc/{process}/statm").read_text().split()
    except OSError:
        return 0, 0
    return int(told[1]), int(told[2])


COMING_IN = """
import time, uuid
from collector.models import Attempt
from trainer.models import Round
attempt, open_round = Attempt.objects.first(), Round.objects.get(state="open")
while True:
    attempt.pk, attempt.round = uuid.uuid4(), open_round
    attempt.pixels_sha256 = uuid.uuid4().hex * 2
    attempt.status, attempt.client_key, attempt.credit = "not_fooled", None, 0
    attempt.settled_label = None
    attempt.save(force_insert=True)
    time.sleep(0.02)
"""


@contextmanager
def _attempts_coming_in() -> Iterator[int]:
    """Have a process add attempts, and give its id once it does."""
    from collector.models import Attempt

    writing = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", COMING_IN], cwd=ROOT
    )
    try:
        before = Attempt.objects.count()
        while Attempt.objects.count() == before:
            assert writing.poll() is None, "nothing comes in"
            sleep(0.1)
        yield writing.pid
        assert writing.poll() is None, "nothing came in"
    finally:
        writing.kill()
        writing.wait()


def _build(count: int) -> None:
    """A study: `FEW` attempts in round 1 and the others in round 2; round 3 is open."""
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.utils import timezone

    from collector.models import Attempt, Person, Reading, tallies
    from collector.study import settings as study_settings
    from tests.support import penmanship
    from tests.support.models import add_model
    from trainer import rounds
    from trainer.learning import drawing, raster
    from trainer.models import Contributor, Round, Sample

    call_command("migrate", verbosity=0)
    study_settings.begin()
    tallies.leave(connection)
    rounds.open_first("mnist_model")
    for digit in (7, 8):
        with transaction.atomic():
            rounds.lock()
            rounds.open_next(add_model(digit))
    people = [
        Person(username=f"p{n}", role="moderator" if n < 10 else "crowdworker")
        for n in range(PEOPLE)
    ]
    Person.objects.bulk_create(people)
    Contributor.objects.bulk_create(
        Contributor(id=each.contributor, position=n, split="test" if n % 5 == 3 else "train")
        for n, each in enumerate(people)
    )
    drawn = [
        (label, strokes, raster.rasterise(drawing.parse(strokes, 22)).tobytes())
        for label, strokes in penmanship.drawings(3, DRAWINGS)
    ]
    first, second = Round.objects.order_by("number")[:2]
    now = timezone.now()

    def attempt(n: int) -> Attempt:
        label, strokes, pixels = drawn[n % DRAWINGS]
        has_fooled = n % 3 == 0
        predicted = (label + 1) % 10 if has_fooled else label
        return Attempt(
            drawer=people[10 + n % (PEOPLE - 10)],
            round=first if n < FEW else second,
            submitted_at=now + timedelta(milliseconds=n),
            target_label=label,
            predicted_label=predicted,
            probabilities=[0.91 if d == predicted else 0.01 for d in range(10)],
            strokes=strokes,
            width=22,
            pixels=pixels,
            pixels_sha256=hashlib.sha256(n.to_bytes(4, "big")).hexdigest(),
            body_sha256="0" * 64,
            raster_version=raster.VERSION,
            has_live_preview=False,
            status="verified" if has_fooled else "not_fooled",
            is_audited=False,
            quorum=1,
            settled_at=now if has_fooled else None,
            settled_label=label if has_fooled else None,
            licence="CC-BY-4.0",
        )

    for begin in range(0, count, BATCH):
        made = [attempt(n) for n in range(begin, min(begin + BATCH, count))]
        Attempt.objects.bulk_create(made, batch_size=500)
        settled = [one for one in made if one.status == "verified"]
        _read(settled, people[:10], Reading)
        Sample.objects.bulk_create(
            Sample(
                attempt=one.pk,
                contributor_id=one.drawer.contributor,
                pixels=one.pixels,
                sha256=hashlib.sha256(uuid.uuid4().bytes).hexdigest(),
                label=one.target_label,
                has_fooled=True,
                round=one.round,
            )
            for one in settled
        )
    tallies.fill(connection)
    tallies.keep(connection)


def _read(attempts: list[Any], readers: list[Any], reading: Any) -> None:
    reading.objects.bulk_create(
        reading(
            attempt=one,
            moderator=readers[n % len(readers)],
            leased_at=one.submitted_at,
            lease_expires_at=one.submitted_at + timedelta(minutes=5),
            answered_at=one.submitted_at + timedelta(seconds=5),
            answer=str(one.target_label),
            is_correct=True,
        )
        for n, one in enumerate(attempts)
    )


if __name__ == "__main__":
    sys.exit(main())
