"""Kills one process of a running site after the other, at random moments, and sees whether it comes
back: `python -m scripts.kill_at_random`.

Serves a site of its own by `make run`, on 127.0.0.1 and from a temporary folder; people draw and
moderators read through the API, and models train on what they make. Each kill is a `kill -9` of any
process but the parent of all. The site is back when all processes are there, `/readyz` answers 200,
and worker and trainer have shown life since. Nothing that was acknowledged may be lost, and
`verify` has to find nothing at the end. Ends by itself, with 1 if any of it fails.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

import httpx
import psutil

from tests.support import site as sites
from tests.support.people import People
from tests.support.processes import alive, children

BACK_WITHIN = 90.0  # seconds
GIVEN_UP_AFTER = 300.0
LONGEST_LIFE = 12.0  # seconds between being back and the next kill, at most
SETTINGS = {"DADC_LIMIT_SCALE": "100000", "DADC_AUDIT_SHARE": "0.1", "DADC_MNIST_DIR": ""}
OF_A_SENTINEL = ("worker", "monitor", "pusher")  # as django-q2 starts them
WHOLE = Counter(
    {"web parent": 1, "web worker": 2, "trainer": 1}
    | {f"tasks {kind}": 1 for kind in ("parent", "sentinel", *OF_A_SENTINEL)}
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=180, help="then no further kill")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--round-size", type=int, default=20)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.database}, {options.kills} kills", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        sites.database(options.database, Path(folder)) as url,
    ):
        settings = SETTINGS | {"DADC_ROUND_SIZE": str(options.round_size)}
        site = sites.Site(Path(folder), url, sites.free_port(), settings)
        make = _serve(site)
        try:
            findings = _campaign(site, Tree(make.pid), options)
        finally:
            left = _stop(make)
    for finding in findings + left:
        print(f"FOUND: {finding}")
    sys.exit(1 if findings + left else 0)


def _serve(site: sites.Site) -> subprocess.Popen[bytes]:
    tied = [sys.executable, "-m", "collector.management.lifeline", str(os.getpid())]
    command = [*tied, shutil.which("make") or "make", "run"]
    with (site.data_dir / "run.log").open("wb") as log:
        make = subprocess.Popen(command, cwd=sites.ROOT, env=site.env, stdout=log, stderr=log)
    try:
        sites.wait_for(site.answers, 120, "make run to answer")
    except BaseException:
        _stop(make)
        raise
    return make


def _stop(make: subprocess.Popen[bytes]) -> list[str]:
    """End `make run` as a user does; who is left."""
    everybody = children(make.pid)
    make.terminate()
    with suppress(subprocess.TimeoutExpired):
        make.wait(12)
    left = alive(everybody)
    for process in left:
        process.kill()
    make.kill()
    make.wait()
    return [f"left behind: {process}" for process in left]


def _campaign(site: sites.Site, tree: "Tree", options: argparse.Namespace) -> list[str]:
    """Kill and see; what was found wrong."""
    os.environ |= {**site.env, "DJANGO_SETTINGS_MODULE": "dadc_site.settings"}
    import django

    django.setup()
    people = People(site, options.seed)
    seconds: dict[str, list[float]] = defaultdict(list)
    findings: list[str] = []
    _back(site, tree, Life())
    with people.at_work():
        for number, (kind, took) in enumerate(_kills(site, tree, options), 1):
            seconds[kind].append(took)
            found = people.lost()
            if took > BACK_WITHIN:
                found.append("that was too long")
            findings += [f"after kill {number}, {kind}: {one}" for one in found]
            now = "in training " if _training() else ""
            print(f"{number:4} {kind:20} back after {took:5.1f} s {now}{found or ''}", flush=True)
    findings += [*people.lost(everything=True), *people.surprises]
    _tell(seconds, people)
    try:
        print(site.manage("verify"), end="")
    except AssertionError as error:
        findings.append(f"verify: {error}")
    return findings


def _kills(
    site: sites.Site, tree: "Tree", options: argparse.Namespace
) -> Iterator[tuple[str, float]]:
    """Kill one process after the other, until there were enough, it is time, or Ctrl-C; what it was
    each time, and how long until all was back."""
    rng = random.Random(options.seed)
    enough = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: enough.set())
    end = monotonic() + 60 * options.minutes
    for _ in range(options.kills):
        if enough.wait(rng.uniform(0, LONGEST_LIFE)) or monotonic() > end:
            return
        kind, took = _kill(site, tree, rng)
        yield kind, took
        if took > GIVEN_UP_AFTER:
            return


def _kill(site: sites.Site, tree: "Tree", rng: random.Random) -> tuple[str, float]:
    """Kill one process; what it was, and how long until all was back."""
    by_kind: dict[str, list[psutil.Process]] = defaultdict(list)
    for process, kind in tree.look().items():
        by_kind[kind].append(process)
    kind = rng.choice(sorted(by_kind))
    life = Life()
    rng.choice(sorted(by_kind[kind], key=lambda process: process.pid)).kill()
    return kind, _back(site, tree, life)


def _back(site: sites.Site, tree: "Tree", life: "Life") -> float:
    """The seconds until the site is whole and works; `GIVEN_UP_AFTER` and more if it does not."""
    begun = monotonic()
    while monotonic() - begun <= GIVEN_UP_AFTER:
        if _lasting(tree) == WHOLE and life.has_gone_on() and _is_ready(site):
            break
        sleep(0.2)
    return monotonic() - begun


def _is_ready(site: sites.Site) -> bool:
    with suppress(httpx.TransportError):
        return sites.Client(site).get("/readyz").status == 200
    return False


def _lasting(tree: "Tree") -> Counter[str]:
    return Counter(kind for kind in tree.look().values() if kind != "a training")


def _training() -> tuple[object, ...] | None:
    from trainer.models import RoundModel

    claimed = RoundModel.objects.filter(state="training", lease_expires_at__isnull=False)
    return claimed.values_list("pk", "token", "lease_expires_at").first()


class Life:
    """What worker and trainer had shown of themselves at one moment."""

    def __init__(self) -> None:
        self.then = self._shown()

    def _shown(self) -> dict[str, Any]:
        from trainer.models import Heartbeat

        beats = dict(Heartbeat.objects.values_list("program", "beat_at"))
        return {program: beats.get(program) for program in ("worker", "trainer")}

    def has_gone_on(self) -> bool:
        """Whether both have shown life since."""
        now = self._shown()
        return all(now[name] != self.then[name] for name in now)


class Tree:
    """The processes under `make run`, and what each of them is."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.known: dict[psutil.Process, str] = {}

    def look(self) -> dict[psutil.Process, str]:
        """What runs now, and what it is: a sentinel's children have no names, so a new one is
        whoever is missing."""
        running = alive(children(self.pid))
        self.known = {process: kind for process, kind in self.known.items() if process in running}
        for process in sorted(running, key=lambda process: process.create_time()):
            if process not in self.known:
                with suppress(psutil.Error):
                    if kind := self._kind(process):
                        self.known[process] = kind
        return self.known

    def _kind(self, process: psutil.Process) -> str | None:
        line = " ".join(process.cmdline())
        parent = process.parent()
        above = self.known.get(parent, "") if parent else ""
        if "gunicorn" in line and "lifeline" not in line:
            return "web worker" if above == "web parent" else "web parent"
        if line.endswith("manage.py trainer") and "lifeline" not in line:
            return "a training" if above == "trainer" else "trainer"
        if not line.endswith("manage.py cluster") or "lifeline" in line:
            return None
        if not above:
            return "tasks parent"
        cluster, kind = above.split()
        if kind == "parent":
            return f"{cluster} sentinel"
        taken = {self.known.get(one) for one in parent.children()} if parent else set()
        missing = [one for one in OF_A_SENTINEL if f"{cluster} {one}" not in taken]
        return f"{cluster} {missing[0]}" if missing else None


def _tell(seconds: dict[str, list[float]], people: People) -> None:
    from trainer.models import Round, RoundModel

    print("\n| killed | times | median | worst |\n| --- | ---: | ---: | ---: |")
    every = [each for of_a_kind in seconds.values() for each in of_a_kind]
    for kind, times in [*sorted(seconds.items()), ("all", every)]:
        if times:
            print(f"| {kind} | {len(times)} | {median(times):.1f} s | {max(times):.1f} s |")
    states = Counter(RoundModel.objects.values_list("state", flat=True))
    for reasons in RoundModel.objects.filter(state="failed").values_list("reasons", flat=True):
        print(f"a training failed: {' '.join(reasons)}")
    print(
        f"\n{len(people.drawn):,} drawings and {len(people.read):,} readings acknowledged, "
        f"{Round.objects.count()} rounds, models {dict(states)}, answers {dict(people.told)}"
    )


if __name__ == "__main__":
    main()
