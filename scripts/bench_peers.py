"""The site beside the same page on Gradio, and above what is under every answer, asked by wrk in
turns; docs/performance.md says of whom what is asked, and why so.

`make bench-peers` sets Gradio up and runs this. All of it listens on 127.0.0.1 and ends with this
process. Where any answer is not 2xx, or what was answered is not stored, the run is void: exit 1.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import cycle, repeat
from pathlib import Path
from time import perf_counter, sleep

from scripts.peers import drawings, figures
from scripts.peers.drawings import Bodies
from scripts.peers.figures import CLIENTS, Run, Runs, Unusable
from tests.support import needs, site

ROOT = Path(__file__).resolve().parent.parent
PEERS, GUIDE = ROOT / ".peers", ROOT / "docs/performance.md"
PYTHON, GRADIO = sys.executable, PEERS / "bin/python"
PEOPLE_COUNT, CUTOFF, ALONE_SECONDS = 32, 10, 0.5
# What no server here answers more of a second, so that drawings last.
MOST_PREDICTIONS, MOST_ATTEMPTS, MOST_PICTURES = 2000, 1000, 600
LIKE_MAKE_RUN = {"DADC_AUDIT_SHARE": "0.1", "DADC_GOLD_SHARE": "0.05"}
MNIST = """
from pathlib import Path
from trainer import mnist_duplicates
from trainer.learning import basedata
mnist_duplicates.remember(basedata.find(Path({folder!r}), Path()))
"""
STORED = """
SELECT count(*), count(CASE WHEN has_fooled THEN 1 END), count(near_duplicate_of_id)
FROM collector_attempt
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seconds", type=int, default=5, help="of each run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="tables into docs/performance.md")
    options = parser.parse_args()
    if lacking := _lacking(options.database):
        print(lacking, file=sys.stderr)
        return 1
    # On the project's disk: /tmp may be on none.
    with tempfile.TemporaryDirectory(dir=PEERS) as folder:
        bench = Bench(Path(folder), options.database, options.seconds, options.runs)
        try:
            told = bench.tell()
        except Unusable as error:
            print(f"This run is void. {error}", file=sys.stderr)
            return 1
    print(told)
    if options.write:
        GUIDE.write_text(figures.with_table(GUIDE.read_text(), options.database, told))
    return 0


def _lacking(kind: str) -> str | None:
    if not shutil.which("wrk"):
        return "This needs wrk, which does the asking: apt install wrk, or brew install wrk."
    if not (PEERS / "ready").exists():
        return "Gradio is not set up here: make bench-peers does it."
    if kind == "postgres" and (missing := needs.postgres_is_missing()):
        return f"PostgreSQL is not measured: {missing}"
    return None


@dataclass(frozen=True)
class Load:
    """Where clients ask, with which bodies, and how many of these a second are enough; 0: they are
    sent again, since nobody looks at them."""

    url: str
    bodies: Bodies
    most: int = 0


@dataclass
class Bench:
    """Everything that one run of the command measures."""

    folder: Path
    kind: str
    seconds: int
    runs: int
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    left: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # in the end, at most

    def tell(self) -> str:
        """Measure, and return the tables. Raises Unusable."""
        began = _where(self.kind, self.seconds, self.runs)
        print("Serving the site, Gradio and the floor: about a minute.", file=sys.stderr)
        found: Runs = defaultdict(list)
        alone: dict[str, list[float]] = defaultdict(list)
        with ExitStack() as stack:
            made, tokens = stack.enter_context(self._site())
            floor = stack.enter_context(self._floor())
            gradio = stack.enter_context(self._gradio())
            loads = self._loads(made.url, tokens, floor, gradio)
            for name, load in loads.items():
                self._ask(name, load, 8, 1)  # what is loaded by the first requests
            for turn in range(self.runs):
                for what, rate in _alone(self.folder / f"insert{turn}").items():
                    alone[what].append(rate)
                for clients in CLIENTS:
                    for name in sorted(loads, reverse=bool(turn % 2)):
                        run = self._ask(name, loads[name], clients, self.seconds)
                        found[name, clients].append(run)
                        told = f"{run.a_second:.0f} a second, p95 {run.p95:.0f} ms"
                        print(f"{turn + 1}: {name}, {clients} clients: {told}", file=sys.stderr)
            stored = self._require_stored(made)
        parts = [
            began,
            figures.beside_gradio(found),
            f"{stored} {self._with_trainings(loads['gradio flags'])}",
            figures.above_the_floor(found, alone),
        ]
        return "\n\n".join(parts)

    def _loads(self, ours: str, tokens: Sequence[str], floor: str, gradio: str) -> dict[str, Load]:
        def bodies(name: str, write: drawings.Write, **options: bool) -> Bodies:
            whose = cycle(tokens) if name == "attempts" else repeat("")
            return Bodies(self.folder / name, drawings.unseen(1), write, whose, **options)

        asked = bodies("predictions", drawings.for_prediction)
        drawn = bodies("attempts", drawings.for_attempt, is_new_each_run=True)
        pictures = bodies("pictures", drawings.for_gradio)
        labelled = bodies("flags", drawings.for_gradio_to_flag)
        return {
            "predictions": Load(f"{ours}/api/predictions/", asked, MOST_PREDICTIONS),
            "gradio predictions": Load(f"{gradio}predict", pictures, MOST_PICTURES),
            "attempts": Load(f"{ours}/api/attempts/", drawn, MOST_ATTEMPTS),
            "gradio flags": Load(f"{gradio}flag", labelled, MOST_PICTURES),
            "view": Load(f"{floor}/view", asked),
            "view, middleware": Load(f"{floor}/ours/view", asked),
            "wsgi": Load(f"{floor}/wsgi", asked),
        }

    def _ask(self, name: str, load: Load, clients: int, seconds: int) -> Run:
        """Let so many clients ask for so long, each again as soon as it is answered. Raises
        Unusable."""
        skipped = load.bodies.prepare(load.most * seconds)
        script = str(ROOT / "scripts/peers/load.lua")
        asking = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout=30s", "-s", script]
        asking += [
            load.url,
            "--",
            str(load.bodies.file),
            str(skipped),
            "once" if load.most else "again",
        ]
        asked = subprocess.run(asking, capture_output=True, text=True, check=False)
        try:
            run = Run.read(asked.stdout + asked.stderr)
        except Unusable as error:
            raise Unusable(f"{name}, {clients} clients: {error}") from error
        load.bodies.take(run.taken)
        self.sent[name] += run.answered
        self.left[name] += clients
        sleep(0.2 + clients / run.a_second)  # for what wrk no longer waits for
        return run

    def _require_stored(self, made: site.Site) -> str:
        """Say how much was stored. Raises Unusable where that is not what was answered."""
        with site.reader(made.database_url) as ask:
            [(attempts, fooled, copies)] = ask(STORED)
        flags = len((self.folder / "gradio/flagged.csv").read_text().splitlines())
        for name, stored in (("attempts", attempts), ("gradio flags", flags)):
            if not self.sent[name] <= stored <= self.sent[name] + self.left[name]:
                raise Unusable(f"{self.sent[name]} {name} were answered, {stored} are stored.")
        return (
            f"Answered and stored: {attempts:,} attempts, of which {fooled:,} fooled the model and "
            f"{copies:,} are copies of others; {flags:,} flags."
        )

    def _with_trainings(self, flags: Load) -> str:
        with self._gradio(CUTOFF) as gradio:
            run = self._ask("trainings", replace(flags, url=f"{gradio}flag"), 8, self.seconds)
        return (
            f"Where Gradio’s page trains at each {CUTOFF}th flag, 8 clients flag "
            f"{run.a_second:.0f} drawings a second (p95 {run.p95:.0f} ms)."
        )

    @contextmanager
    def _site(self) -> Iterator[tuple[site.Site, list[str]]]:
        """The site as `make run` serves it, and people's tokens."""
        folder = self._new_folder("site")
        extra = {"DADC_LIMIT_SCALE": "10000", **LIKE_MAKE_RUN}
        with site.database(self.kind, folder) as url:
            made = site.Site(folder, url, site.free_port(), extra)
            made.manage("setup")
            if needs.MNIST.exists():  # as its worker does
                made.python(MNIST.format(folder=str(needs.MNIST)))
            people = made.people(*(f"drawer{place}" for place in range(PEOPLE_COUNT)))
            with _served([PYTHON, "-m", "gunicorn", "dadc_site.wsgi"], made.port, made.env):
                yield made, [str(person.token) for person in people]

    @contextmanager
    def _floor(self) -> Iterator[str]:
        folder = self._new_folder("floor")
        made = site.Site(folder, f"sqlite:///{folder}/none.sqlite3", site.free_port())
        with _served([PYTHON, "-m", "gunicorn", "scripts.peers.floor"], made.port, made.env):
            yield made.url

    @contextmanager
    def _gradio(self, cutoff: int = 0) -> Iterator[str]:
        folder, port = self._new_folder("training" if cutoff else "gradio"), site.free_port()
        page = [str(GRADIO), "-m", "scripts.peers.page", str(folder)]
        env = os.environ | {
            "OMP_NUM_THREADS": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_TEMP_DIR": str(folder / "tmp"),
        }
        with _served([*page, f"--port={port}", f"--cutoff={cutoff}"], port, env):
            yield f"http://127.0.0.1:{port}/gradio_api/run/"

    def _new_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder


@contextmanager
def _served(command: list[str], port: int, env: dict[str, str]) -> Iterator[None]:
    """Serve until the end of the block, or of this process. Raises Unusable."""
    tied = [PYTHON, "-m", "collector.management.lifeline", str(os.getpid()), *command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            tied, env=env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
        try:
            site.wait_for(lambda: _listens(port) or process.poll() is not None, 120, str(command))
            if process.poll() is not None:
                log.seek(0)
                raise Unusable(f"{command} ended: {log.read().decode()[-2000:]}")
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _alone(folder: Path) -> dict[str, float]:
    """Measure how often a second one thread does what is at the heart of an answer."""
    import torch

    from trainer.learning import drawing, nets, raster, shipped, weights

    folder.mkdir()
    torch.set_num_threads(1)
    model = shipped.round_one("mnist_model")
    net = weights.load("mnist_model", model.weights, model.sha256)
    one = next(drawings.unseen(1))
    pixels = raster.rasterise(drawing.parse(one.strokes, one.width))
    seen = nets.prepare(pixels[None])
    row = drawings.for_attempt(one), pixels.tobytes()
    with torch.inference_mode():
        forward = _rate(lambda: net(seen))
    return {
        "forward": forward,
        "insert": _inserts(folder / "normal", "NORMAL", row),
        "synced": _inserts(folder / "full", "FULL", row),
    }


def _inserts(file: Path, synchronous: str, row: tuple[str, bytes]) -> float:
    with closing(sqlite3.connect(file, isolation_level=None)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute(f"PRAGMA synchronous={synchronous}")
        opened.execute("CREATE TABLE attempt (id TEXT PRIMARY KEY, body TEXT, pixels BLOB)")
        insert = "INSERT INTO attempt VALUES (?, ?, ?)"
        return _rate(lambda: opened.execute(insert, (str(uuid.uuid4()), *row)))


def _rate(act: Callable[[], object]) -> float:
    began, count = perf_counter(), 0
    while (passed := perf_counter() - began) < ALONE_SECONDS:
        act()
        count += 1
    return count / passed


def _where(kind: str, seconds: int, runs: int) -> str:
    """Say when, where and how it is measured."""
    found = re.search(r"^model name\s*: (.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    pinned = re.search(r"^gradio==(\S+)$", _text(ROOT / "requirements-peers.txt"), re.MULTILINE)
    database = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[kind]
    python = ".".join(map(str, sys.version_info[:3]))
    whose = "people’s" if drawings.PEOPLE.exists() else "simulated"
    return (
        f"{database}, {datetime.now(UTC):%-d %B %Y}: {os.cpu_count()} cores "
        f"({found[1] if found else 'of a kind unknown'}), load average {os.getloadavg()[0]:.1f} "
        f"before, Python {python}, Gradio {pinned[1] if pinned else ''}; {whose} drawings, MNIST’s "
        f"images {'known' if needs.MNIST.exists() else 'not known'}. Medians of {runs} runs of "
        f"{seconds} s in turns; ratios of neighbours, in brackets the least and the most."
    )


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
