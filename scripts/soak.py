"""Half an hour of load with faults, on six machines that share nothing but PostgreSQL: two web
machines, two workers, two trainers: `python -m scripts.soak`, or `make soak`.

Each machine is a network namespace of its own, served by `serve.py`. What all of it holds is
measured first; then people draw and moderate at half of it, behind a proxy that asks the next web
machine when one does not answer, and every 20 s a fault is drawn from the seed. Prints what came of
each, then one line a promise, and ends with 1 where one was not kept. SOAK_SECONDS shortens it.
"""

import argparse
import os
import random
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
import psutil

from tests.support import site as sites
from tests.support.machines import Machine, machine
from tests.support.people import DRAWERS, MODERATORS, People
from tests.support.processes import children, named

FAULT_EVERY = 20.0  # seconds
CUT_FOR = (3.0, 15.0)
READY_WITHIN = 90.0
ENDS_WITHIN = 240.0  # the last training, once people have gone
SLOWER_AT_MOST = 2.0  # p95 during faults ÷ outside
GROWS_AT_MOST = 0.10  # of a process's memory, from its second minute to its end
SETTLED_AFTER = 60.0  # seconds of a process's life
OLD_ENOUGH = 300.0  # seconds that a process has to live for its memory to be judged
PROGRAMS = {"web-1": "web", "web-2": "web", "worker-1": "worker", "worker-2": "worker"} | {
    "trainer-1": "trainer",
    "trainer-2": "trainer",
}
SETTINGS = {
    "DADC_LIMIT_SCALE": "100000",
    "DADC_AUDIT_SHARE": "0.1",
    "DADC_MNIST_DIR": "",
    "DADC_ROUND_SIZE": "20",
}
SHORT = httpx.Timeout(10, connect=1)
DOWN_FOR = 5.0  # seconds that the proxy does not ask whoever did not answer


@dataclass
class Proxy(sites.Site):
    """What people speak to: one web machine after the other, past those that do not answer."""

    web: list[Machine] = field(default_factory=list)
    down: dict[str, float] = field(default_factory=dict)
    turn: int = 0
    took: list[tuple[float, float]] = field(default_factory=list)  # begun at, seconds

    def people(self, *names: str, role: str = "crowdworker") -> list[sites.Client]:
        return [Behind(self, person.token) for person in super().people(*names, role=role)]

    def ask(self, token: str | None, *what: Any) -> sites.Answer:
        """The first answer of a web machine. Raises TransportError where none gives one."""
        self.turn += 1
        begun = monotonic()
        order = self.web[self.turn % 2 :] + self.web[: self.turn % 2]
        order.sort(key=lambda one: self.down.get(one.name, 0) > begun)
        for place, one in enumerate(order):
            client = one.client(token)
            client.timeout = SHORT
            try:
                answer = client.request(*what)
            except httpx.TransportError:
                self.down[one.name] = monotonic() + DOWN_FOR
                if place:
                    raise
            else:
                self.took.append((begun, monotonic() - begun))
                return answer
        raise AssertionError


class Behind(sites.Client):
    """A person behind the proxy."""

    def request(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str
    ) -> sites.Answer:
        assert isinstance(self.site, Proxy)
        return self.site.ask(self.token, method, path, body, raw)


class Cluster:
    """The six machines, each kept up by `serve.py` as an init system does."""

    def __init__(self, machines: list[Machine]) -> None:
        self.machines = machines
        self.over = threading.Event()
        self.memory: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
        self.what: dict[tuple[str, int], str] = {}

    def serve(self, one: Machine) -> None:
        one.start("serve", "serve.py", PROGRAMS[one.name])

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        for one in self.machines:
            self.serve(one)
        keeping = threading.Thread(target=self._keep, daemon=True)
        keeping.start()
        try:
            yield
        finally:
            self.over.set()
            keeping.join(10)

    def _keep(self) -> None:
        looked_at = 0.0
        while not self.over.wait(0.5):
            for one in self.machines:
                if one.running("serve").poll() is not None:
                    self.serve(one)
            if monotonic() - looked_at > 5:
                looked_at = monotonic()
                self._weigh()

    def _weigh(self) -> None:
        """Note the memory of what lives long: all but trainings."""
        for one in self.machines:
            with suppress(psutil.Error):
                for process in children(one.running("serve").pid):
                    with suppress(psutil.Error):
                        self._weigh_one(one, process)

    def _weigh_one(self, one: Machine, process: psutil.Process) -> None:
        parent = process.parent()
        line = " ".join(process.cmdline())
        if parent and "manage.py trainer" in line and "manage.py trainer" in _line(parent):
            return
        key = one.name, process.pid
        self.what[key] = f"{one.name} {line[-40:]}"
        self.memory[key].append((monotonic(), process.memory_info().rss / 2**20))

    def is_whole(self, since: Any) -> bool:
        """Whether both webs are ready, and all workers and trainers have shown life `since`."""
        from trainer.models import Heartbeat

        alive = set(Heartbeat.objects.filter(beat_at__gt=since).values_list("program", "machine"))
        wanted = {(kind, name) for name, kind in PROGRAMS.items() if kind != "web"}
        webs = [one for one in self.machines if PROGRAMS[one.name] == "web"]
        return wanted <= alive and all(one.says("/readyz") for one in webs)


def _line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


class Faults:
    """What is done to the machines, drawn from a seed."""

    def __init__(self, cluster: Cluster, rng: random.Random) -> None:
        self.cluster, self.rng = cluster, rng
        self.kinds: list[Callable[[], str]] = [
            self.kill,
            self.cut,
            self.restart,
            self.roll_back,
            self.reload,
        ]

    def next(self) -> str:
        """Do one; what it was."""
        return self.rng.choice(self.kinds)()

    def kill(self) -> str:
        one = self.rng.choice(self.cluster.machines)
        parent = psutil.Process(one.running("serve").pid)
        chosen = self.rng.choice([parent, *children(parent.pid)])
        line = _line(chosen)[-30:]
        with suppress(psutil.Error):
            chosen.kill()
        return f"kill -9 {one.name} {line}"

    def cut(self) -> str:
        one, seconds = self.rng.choice(self.cluster.machines), self.rng.uniform(*CUT_FOR)
        one.cut()
        sleep(seconds)
        one.mend()
        return f"cut off {one.name} for {seconds:.0f} s"

    def restart(self) -> str:
        one = self.rng.choice(self.cluster.machines)
        serving = one.running("serve")
        serving.terminate()
        with suppress(subprocess.TimeoutExpired):
            serving.wait(12)
        return f"restart {one.name}"

    def roll_back(self) -> str:
        from trainer import rounds
        from trainer.models import Round

        last = Round.objects.order_by("-number").first()
        if last is None or last.number == 1:
            return "roll back: there is one round yet"
        number = self.rng.randrange(1, last.number)
        return f"roll back to {number}: round {rounds.roll_back(number, 'soak', 'a fault').number}"

    def reload(self) -> str:
        one = self.rng.choice([one for one in self.cluster.machines if one.name[:3] == "web"])
        with suppress(psutil.Error, ValueError):
            web = named(children(one.running("serve").pid), "gunicorn")
            min(web, key=psutil.Process.create_time).send_signal(signal.SIGHUP)
        return f"reload {one.name}"


@dataclass(frozen=True)
class Line:
    """One promise, whether it was kept, and what was seen."""

    promise: str
    is_kept: bool
    seen: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    usual = float(os.environ.get("SOAK_SECONDS") or 1800)
    parser.add_argument("--seconds", type=float, default=usual)
    parser.add_argument("--every", type=float, default=FAULT_EVERY, help="seconds between faults")
    parser.add_argument("--measure", type=float, default=10, help="seconds of all it holds")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:g} s", flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = stack.enter_context(sites.database("postgres", Path(folder)))
        proxy = Proxy(Path(folder), url, sites.free_port(), SETTINGS)
        os.environ |= {**proxy.env, "DJANGO_SETTINGS_MODULE": "dadc_site.settings"}
        import django

        django.setup()
        machines = [
            stack.enter_context(machine(name, url, Path(folder), **SETTINGS)) for name in PROGRAMS
        ]
        proxy.web = [one for one in machines if PROGRAMS[one.name] == "web"]
        cluster = Cluster(machines)
        with cluster.kept_up():
            lines = _soak(proxy, cluster, options)
    print("\n| promise | kept | seen |\n| --- | --- | --- |")
    for line in lines:
        print(f"| {line.promise} | {'yes' if line.is_kept else 'NO'} | {line.seen} |")
    sys.exit(0 if all(line.is_kept for line in lines) else 1)


def _soak(proxy: Proxy, cluster: Cluster, options: argparse.Namespace) -> list[Line]:
    sites.wait_for(lambda: cluster.is_whole(_long_ago()), 240, "six machines to be ready")
    people = People(proxy, options.seed, pace=0.001)
    faults = Faults(cluster, random.Random(options.seed))
    spans: list[tuple[float, float]] = []
    backs: list[float] = []
    with people.at_work():
        people.pace, begun = _half_load(proxy, options.measure), monotonic()
        while monotonic() - begun < options.seconds:
            sleep(options.every * 0.75)
            now, at = _database_time(), monotonic()
            what = faults.next()
            done_at = monotonic()
            backs.append(_back(cluster, now))
            spans.append((at, monotonic()))
            print(f"{at - begun:6.0f} s  {what:60} back after {backs[-1]:5.1f} s", flush=True)
            sleep(max(0.0, options.every / 4 - (monotonic() - done_at)))
    return [
        *_told(people),
        *_of_the_database(proxy),
        _memory(cluster),
        _speed(proxy, begun, spans),
        Line(
            f"back to ready within {READY_WITHIN:g} s",
            max(backs) <= READY_WITHIN,
            f"median {statistics.median(backs):.1f} s, worst {max(backs):.1f} s of {len(backs)}",
        ),
    ]


def _half_load(proxy: Proxy, seconds: float) -> float:
    """Measure what the machine holds; the pace, in seconds between a person's acts, of half of
    it."""
    sites.wait_for(lambda: len(proxy.took) > 20, 60, "people at work")
    first, begun = len(proxy.took), monotonic()
    sleep(seconds)
    sites.wait_for(lambda: len(proxy.took) > first, 60, "an answer")
    rate = (len(proxy.took) - first) / (monotonic() - begun)
    print(f"the machine holds {rate:.1f} requests a second; people ask for half", flush=True)
    latency = statistics.mean(took for _, took in proxy.took[first:])
    return max(0.01, 2 * (DRAWERS + MODERATORS) / rate - latency / 2)


def _back(cluster: Cluster, since: Any) -> float:
    begun = monotonic()
    with suppress(AssertionError):
        sites.wait_for(lambda: cluster.is_whole(since), READY_WITHIN * 2, "all to be back")
    return monotonic() - begun


def _database_time() -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


def _long_ago() -> Any:
    from datetime import timedelta

    return _database_time() - timedelta(days=1)


def _told(people: People) -> Iterator[Line]:
    lost = people.lost(everything=True)
    seen = f"{len(people.drawn):,} drawings, {len(people.read):,} readings, {len(lost)} lost"
    yield Line(
        "every acknowledged drawing and reading is there", not lost and bool(people.drawn), seen
    )
    yield Line("no answer 500", not people.surprises, f"answers {dict(people.told)}")


def _of_the_database(proxy: Proxy) -> Iterator[Line]:
    from django.db.models import Count

    from collector.models import Attempt, Reading
    from trainer.models import Round, RoundModel

    training = RoundModel.objects.filter(state="training")
    with suppress(AssertionError):
        sites.wait_for(lambda: not training.exists(), ENDS_WITHIN, "the last training to end")
    twice = [
        rows.values(*fields).annotate(n=Count("pk")).filter(n__gt=1).count()
        for rows, fields in (
            (Attempt.objects.all(), ("drawer", "client_key")),
            (Reading.objects.exclude(attempt=None), ("moderator", "attempt")),
        )
    ]
    yield Line("nothing is scored twice", not any(twice), f"{sum(twice)} pairs")
    opened = dict(
        Round.objects.filter(number__gt=1, opened_by="")
        .values_list("model")
        .annotate(n=Count("pk"))
    )
    ended = RoundModel.objects.exclude(initial_model=None)
    promoted = set(ended.filter(state="promoted").values_list("pk", flat=True))
    states = {
        state: ended.filter(state=state).count()
        for state in set(ended.values_list("state", flat=True))
    }
    is_once = opened == dict.fromkeys(promoted, 1) and "training" not in states
    yield Line("each candidate ended once", is_once, f"{states}, rounds opened {len(opened)}")
    reasons = [
        " ".join(why) for why in ended.filter(state="failed").values_list("reasons", flat=True)
    ]
    claims = sorted(ended.values_list("claim_count", flat=True))
    yield Line("no candidate failed", not reasons, f"claims {claims} {reasons or ''}")
    try:
        said, is_clean = proxy.manage("verify").strip(), True
    except AssertionError as error:
        said, is_clean = str(error)[-300:].replace("\n", " "), False
    yield Line("verify finds nothing", is_clean, said)


def _memory(cluster: Cluster) -> Line:
    grown: list[tuple[float, str]] = []
    for key, weights in cluster.memory.items():
        at, mib = np.array(weights).T
        settled = at > at[0] + SETTLED_AFTER
        if at[-1] - at[0] < OLD_ENOUGH:
            continue
        slope = np.polyfit(at[settled], mib[settled], 1)[0]
        growth = slope * (at[-1] - at[0] - SETTLED_AFTER) / float(np.median(mib))
        seen = f"{mib[settled][0]:.0f} to {mib[-1]:.0f} MiB in {(at[-1] - at[0]) / 60:.0f} min"
        grown.append((float(growth), f"{cluster.what[key]}, {seen}"))
    if not grown:
        return Line("memory is flat", True, f"no process lived {OLD_ENOUGH:g} s")
    worst, who = max(grown)
    return Line(
        "memory is flat", worst <= GROWS_AT_MOST, f"{worst:+.1%} at most of {len(grown)}: {who}"
    )


def _speed(proxy: Proxy, begun: float, spans: list[tuple[float, float]]) -> Line:
    during: list[float] = []
    outside: list[float] = []
    for at, seconds in proxy.took:
        if at >= begun:
            is_during = any(first <= at <= last for first, last in spans)
            (during if is_during else outside).append(seconds)
    if not during or not outside:
        return Line("p95 at most doubles during faults", False, "nothing to compare")
    slow, usual = (float(np.percentile(some, 95)) for some in (during, outside))
    seen = f"{slow * 1000:.0f} ms of {len(during)} : {usual * 1000:.0f} ms of {len(outside)}"
    ratio = slow / usual
    return Line(
        "p95 at most doubles during faults", ratio <= SLOWER_AT_MOST, f"{seen} = {ratio:.2f}"
    )


if __name__ == "__main__":
    main()
