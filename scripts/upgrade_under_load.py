"""Serves an earlier commit, has people draw and moderate on it, and starts this commit in its place
on the same database while they go on: `python -m scripts.upgrade_under_load`.

Whoever draws sends a drawing with a client key until it is answered. Every drawing that was
acknowledged has to be there once, `verify` has to find nothing, and no client may see another error
than a refused or cut connection or 503, and these within the switch alone. Says how long the site
was away. What only the earlier commit needs is installed into a temporary folder. Ends by itself,
with 1 if any of it fails.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from tests.support import PASSWORD, penmanship
from tests.support import site as sites

BEFORE = "8e95550"  # the last one without migrations 0004 and up
DRAWERS, MODERATORS = 4, 2
PACE, AGAIN_AFTER = 0.2, 0.05  # seconds between two acts, and before what was not answered
SETTINGS = {
    "DADC_LIMIT_SCALE": "1000000",
    "DADC_ROUND_SIZE": "1000000",
    "DADC_AUDIT_SHARE": "0.2",
}
AS_BEFORE = {"web": ["-m", "gunicorn", "dadc_site.wsgi"], "worker": ["manage.py", "cluster"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--before", default=BEFORE, help="the commit that is served first")
    parser.add_argument("--seconds", type=float, default=20, help="of load, before and after each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="upgrade-") as name, ExitStack() as stack:
        folder = Path(name)
        data_dir = folder / "data"
        data_dir.mkdir(mode=0o700)
        url = stack.enter_context(sites.empty_database(options.database, data_dir))
        site = sites.Site(data_dir, url, sites.free_port(), SETTINGS)
        earlier = _checked_out(options.before, folder)
        load = Load(site.url, _drawings(int(2.5 * DRAWERS * options.seconds / PACE)))
        with _serving(site, earlier, folder / "packages"):
            _add_people(site, earlier, folder / "packages", load)
            stack.enter_context(load.running())
            sleep(options.seconds)
            load.asked_at = monotonic()
        load.stopped_at = monotonic()
        with _serving(site, sites.ROOT, None):
            load.back_at = monotonic()
            sleep(options.seconds)
            load.end()
            sys.exit(_told(options, site, load))


def _drawings(count: int) -> list[tuple[int, Any, int]]:
    """Drawings in usual hands, and some that fool round 1's model among them."""
    usual = [(*each, 22) for each in penmanship.drawings(100, count)]
    drawn = [*usual, *penmanship.fooling(200, 24)]
    random.Random(1).shuffle(drawn)
    return drawn


def _checked_out(commit: str, folder: Path) -> Path:
    """The project as of that commit, and beside it the packages that only it needs."""
    tree = folder / "earlier"
    tree.mkdir()
    archive = subprocess.run(
        ["git", "archive", commit], cwd=sites.ROOT, check=True, stdout=subprocess.PIPE
    )
    subprocess.run(["tar", "-x"], cwd=tree, check=True, input=archive.stdout)
    here = {each.metadata["Name"].lower(): each.version for each in metadata.distributions()}
    pinned = re.findall(
        r"^([a-z0-9.-]+)==(\S+)", (tree / "requirements.txt").read_text(), re.MULTILINE
    )
    missing = [f"{name}=={version}" for name, version in pinned if here.get(name) != version]
    if missing:
        target = ["-qq", "--no-deps", "--target", str(folder / "packages")]
        subprocess.run([sys.executable, "-m", "pip", "install", *target, *missing], check=True)
    return tree


@contextmanager
def _serving(site: sites.Site, tree: Path, packages: Path | None) -> Iterator[None]:
    """Serve what is in that folder; leaving it ends all of its programs, as an operator does."""
    env = _environment(site, packages)
    if (tree / "serve.py").exists():
        commands = {"serve": ["serve.py"]}
    else:
        commands = AS_BEFORE
        subprocess.run([sys.executable, "manage.py", "setup"], cwd=tree, env=env, check=True)
    with (site.data_dir / "site.log").open("ab") as log:
        programs = [
            subprocess.Popen(
                [sys.executable, *command],
                cwd=tree,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for command in commands.values()
        ]
    try:
        sites.wait_for(site.answers, 90, "the site to answer")
        print(f"{tree.name} answers", flush=True)
        yield
    finally:
        for program in programs:
            program.send_signal(signal.SIGTERM)
        for name, program in zip(commands, programs, strict=True):
            try:
                program.wait(40)
                print(f"{name} of {tree.name} ended", flush=True)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()


def _environment(site: sites.Site, packages: Path | None) -> dict[str, str]:
    path = {"PYTHONPATH": str(packages)} if packages else {}
    return {**site.env, **SETTINGS, **path}


@dataclass
class Load:
    """People who draw and people who read, and what became of it at their side."""

    url: str
    drawings: list[Any]
    drawers: list[str] = field(default_factory=list)
    moderators: list[str] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)  # client key: the attempt's id
    labels: dict[str, str] = field(default_factory=dict)  # attempt's id: its label
    answers: list[tuple[float, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    asked_at: float = 0.0  # to end
    stopped_at: float = 0.0
    back_at: float = 0.0
    _is_over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        for place, token in enumerate(self.drawers):
            self._threads.append(threading.Thread(target=self._draw, args=(token, place)))
        for token in self.moderators:
            self._threads.append(threading.Thread(target=self._read, args=(token,)))
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def ask(self, path: str, body: dict[str, Any], token: str = "") -> httpx.Response | None:
        """Ask until there is an answer that is no 503; None where the load ended before."""
        headers = {"Authorization": f"Token {token}"} if token else {}
        while not self._is_over.is_set():
            try:
                answer = httpx.post(self.url + path, json=body, headers=headers, timeout=60)
                said = str(answer.status_code)
            except httpx.TransportError as error:
                answer, said = None, type(error).__name__
            self.answers.append((monotonic(), said))
            if answer is not None and answer.status_code != 503:
                return answer
            sleep(AGAIN_AFTER)
        return None

    def _draw(self, token: str, place: int) -> None:
        for label, strokes, width in self.drawings[place::DRAWERS]:
            key = uuid.uuid4().hex
            drawing = {"target_label": label, "strokes": strokes, "width": width}
            answer = self.ask("/api/attempts/", drawing | {"client_key": key}, token)
            if answer is None:
                return
            if answer.status_code in (200, 201):
                self.taken[key] = answer.json()["id"]
                self.labels[self.taken[key]] = str(label)
            elif answer.status_code != 409:  # somebody's very same pixels
                self.wrong.append(f"drawing: {answer.status_code} {answer.text[:200]}")
            sleep(PACE)

    def _read(self, token: str) -> None:
        while not self._is_over.is_set():
            answer = self.ask("/api/assignments/", {}, token)
            if answer is not None and answer.status_code == 201:
                lease = answer.json()
                meant = self.labels.get(lease["attempt"]["id"], "junk")
                path = f"/api/assignments/{lease['id']}/reading/"
                answer = self.ask(path, {"reading": meant}, token)
                # A reading whose answer was lost is there already.
                if answer is not None and answer.status_code not in (201, 409):
                    self.wrong.append(f"reading: {answer.status_code} {answer.text[:200]}")
            sleep(PACE)


def _add_people(site: sites.Site, tree: Path, packages: Path, load: Load) -> None:
    for number in range(MODERATORS):
        add = ["manage.py", "add_person", f"reader{number}", "--role", "moderator"]
        subprocess.run(
            [sys.executable, *add], cwd=tree, env=_environment(site, packages), check=True
        )
    for number in range(DRAWERS):
        load.ask("/api/accounts/", {"username": f"drawer{number}", "password": PASSWORD})
    tokens = []
    for name in [f"drawer{n}" for n in range(DRAWERS)] + [f"reader{n}" for n in range(MODERATORS)]:
        answer = load.ask("/api/tokens/", {"username": name, "password": PASSWORD})
        assert answer is not None
        tokens.append(answer.json()["token"])
    load.drawers, load.moderators = tokens[:DRAWERS], tokens[DRAWERS:]
    load.answers.clear()


def _told(options: argparse.Namespace, site: sites.Site, load: Load) -> int:
    """Say what came of it; the exit status."""
    with sites.reader(site.database_url) as query:
        rows = Counter(key for (key,) in query("SELECT client_key FROM collector_attempt"))
        [(read,)] = query("SELECT count(*) FROM collector_reading WHERE answer IS NOT NULL")
    lost = [key for key in load.taken if rows[key] != 1]
    verified = subprocess.run(
        [sys.executable, "manage.py", "verify"],
        cwd=sites.ROOT,
        env=_environment(site, None),
        capture_output=True,
        text=True,
        check=False,
    )
    is_good = [(at, said) for at, said in load.answers if said.startswith(("2", "409"))]
    last = max(at for at, _ in is_good if at < load.stopped_at)
    first = min(at for at, _ in is_good if at > load.stopped_at)
    errors = Counter(said for _, said in load.answers if not said.startswith(("2", "409")))
    outside = [
        said
        for at, said in load.answers
        if not said.startswith(("2", "409")) and not load.asked_at <= at <= load.back_at + 1
    ]
    print(
        f"{options.database}, from {options.before}: {len(load.answers):,} requests, "
        f"{len(load.taken):,} drawings acknowledged, {read:,} read\n"
        f"asked to end to the last answer {last - load.asked_at:.1f} s, all ended after "
        f"{load.stopped_at - load.asked_at:.1f} s, /healthz again after "
        f"{load.back_at - load.stopped_at:.1f} s; no answer for {first - last:.1f} s\n"
        f"errors at the clients {dict(errors)}, outside the switch {outside or 'none'}\n"
        f"acknowledged and not there once: {len(lost)}; {verified.stdout.strip()}"
    )
    for each in load.wrong[:10]:
        print(each)
    allowed = {"503", "ConnectError", "ReadError", "RemoteProtocolError"}
    is_lost = bool(lost) or not load.taken
    is_well = not (is_lost or outside or load.wrong or verified.returncode or set(errors) - allowed)
    if not is_well:
        print(verified.stderr, (site.data_dir / "site.log").read_text()[-3000:])
    return 0 if is_well else 1


if __name__ == "__main__":
    main()
