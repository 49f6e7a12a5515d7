"""What a site of 1,000,000 attempts costs beside one of 1,000: the same people after a year, and in
their first week. Pages, leaderboards, what they count, the queue, submitting.

Builds a database of each size, in bulk, on SQLite and, where it runs, on PostgreSQL, and calls the
functions that pages and API call, and the pages. Strokes and pixels of most rows are a few bytes
long, so that the file stays small. Times are what was computed, by PostgreSQL's process too. The
ratio is the claim: of the quickest of `PAGE_TURNS` calls, and of medians where no two calls are
alike. Exits with 1 where one is over what is bound in `BOUNDS`. SQLite is not analyzed, since
nothing on a site does that, PostgreSQL is, since its autovacuum does.
"""

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from tests.support import needs, site

ROOT = Path(__file__).resolve().parent.parent
SIZES = (1_000, 1_000_000)
DAYS = {1_000: 7, 1_000_000: 365}  # over which they were submitted
PENDING, BEGUN, UNDECIDED = 5_000, 120, 12
DRAWERS, HIDDEN_EVERY, MODERATORS, ATTEMPTS_A_ROUND = 307, 31, 20, 50_000
TURNS, READINGS, WARM_UP, PAGE_WARM_UP, PAGE_TURNS, AT_A_TIME = 200, 30, 10, 2, 15, 4
ROWS = (
    "id, drawer_id, round_id, submitted_at, body_sha256, target_label, predicted_label, "
    "probabilities, strokes, width, pixels, pixels_sha256, raster_version, has_live_preview, "
    "status, is_audited, quorum, needed_reading_count, first_read_at, settled_at, settled_label, "
    "credit, is_mnist_duplicate, is_imported, licence"
)
STROKES = '[{"x": [9, 99], "y": [9, 99], "t": [0, 9]}]'
Found = dict[str, dict[str, float]]
BOUNDS = {
    "gallery counts": 1.5,
    "Krippendorff’s α": 1.5,
    "a round, digit by digit": 1.5,
    "metrics": 1.5,
    "`/rounds/1/`, anybody": 1.5,
    "`/desk/`, admin": 1.5,
    "submission that fools": 1.3,
    **{f"leaderboard, {period}": 1.5 for period in ("round", "week", "all")},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="only this one")
    parser.add_argument("--measure", type=int, metavar="ATTEMPTS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.measure)), flush=True)
        return 0
    kinds = [options.database] if options.database else ["sqlite", "postgres"]
    few, many = SIZES
    is_over = False
    print(
        f"| what | {many:,} attempts | {few:,} attempts | ratio | queries |\n| --- | --- | --- "
        "| ---: | ---: |"
    )
    for kind in kinds:
        if kind == "postgres" and (missing := needs.postgres_is_missing()):
            print(f"PostgreSQL is not measured: {missing}", file=sys.stderr)
            continue
        small, large = _side_by_side(kind)
        for what, found in large.items():
            beside = small[what]
            ratio = found["seconds"] / beside["seconds"]
            is_over |= ratio > BOUNDS.get(what, math.inf)
            times = f"{_told(found['seconds'])} | {_told(beside['seconds'])}"
            queries = (
                f"{found['queries']:g}"
                if found["queries"] == beside["queries"]
                else (f"{found['queries']:g} and {beside['queries']:g}")
            )
            print(f"| {what}, {kind} | {times} | {ratio:.2f} | {queries} |", flush=True)
    return int(is_over)


def _side_by_side(kind: str) -> Iterator[Found]:
    """What was found at each size: a few calls at the one, then at the other, so that whatever else
    the machine does is the same for both."""
    with ExitStack() as stack:
        sites = [stack.enter_context(_process(kind, size)) for size in SIZES]
        found: dict[int, Found] = {}
        while len(found) < len(sites):
            for place, process in enumerate(sites):
                assert process.stdin
                assert process.stdout
                print(file=process.stdin, flush=True)
                if line := process.stdout.readline().strip():
                    found[place] = json.loads(line)
        yield from (found[place] for place in range(len(sites)))


@contextmanager
def _process(kind: str, size: int) -> "Iterator[subprocess.Popen[str]]":
    """A process with a site of this size, which goes on a little whenever it reads a line, says so
    by a line of its own, and at the end what it has found."""
    with tempfile.TemporaryDirectory() as folder, site.database(kind, Path(folder)) as url:
        env = {
            "DATABASE_URL": url,
            "DADC_DATA_DIR": folder,
            "DADC_LIMIT_SCALE": "100000",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "scripts.bench_site", "--measure", str(size)]
        with subprocess.Popen(
            command,
            env=os.environ | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as made:
            try:
                yield made
            finally:
                made.kill()


def _measure(size: int) -> Found:
    os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
    import django

    django.setup()
    begun = perf_counter()
    _build(size)
    print(f"{size:,} attempts made in {perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return _measured()


def _measured() -> Found:
    found: Found = {}
    sys.stdin.readline()
    for what, turns, action in _actions():
        for label, timed in _timed(turns, action).items():
            found[what + label] = timed
    return found


def _timed(turns: int, action: Callable[[], object]) -> Found:
    """The seconds that one call computes, and its queries, by what the call says that it was."""
    from django.db import connection

    seconds: dict[str, list[float]] = defaultdict(list)
    queries: dict[str, list[int]] = defaultdict(list)
    is_page = turns == PAGE_TURNS
    warm_up = PAGE_WARM_UP if is_page else WARM_UP
    computed = _clock()
    asked = 0

    def count(execute: Callable[..., object], sql: str, *rest: object) -> object:
        nonlocal asked
        asked += not sql.startswith(("BEGIN", "COMMIT"))
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        for turn in range(turns + warm_up):
            if turn % AT_A_TIME == 0:
                print(flush=True)
                sys.stdin.readline()
            begun, asked = computed(), 0
            label = _label(action())
            if turn >= warm_up:
                seconds[label].append(computed() - begun)
                queries[label].append(asked)
    typical = min if is_page else median
    return {
        label: {"seconds": typical(seconds[label]), "queries": median(queries[label])}
        for label in sorted(seconds)
    }


def _clock() -> Callable[[], float]:
    """What this process has computed, and PostgreSQL's that answers it: whatever else runs on the
    machine is not in it."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return process_time
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        served = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return lambda: process_time() + int(served.read_text().split()[0]) / 1e9


def _label(said: object) -> str:
    return said if isinstance(said, str) else ""


def _actions() -> Iterator[tuple[str, int, Callable[[], object]]]:
    yield from ((what, PAGE_TURNS, read) for what, read in _reading())
    yield "next drawing and a reading", READINGS, _moderating()
    yield "submission", TURNS, _submitting()


def _reading() -> Iterator[tuple[str, Callable[[], object]]]:
    """What is counted and shown."""
    from django.test import Client

    from collector.drawings import public
    from collector.models import Person
    from collector.moderation import agreement, decisions, trust
    from collector.standings import leaderboards, round_figures
    from collector.study import site_metrics, site_status

    for period in leaderboards.PERIODS:
        yield f"leaderboard, {period}", partial(leaderboards.standings, period)
    yield "gallery counts", public.counts
    yield "gallery counts of a round", partial(public.counts, 1)
    yield "Krippendorff’s α", agreement.measured
    yield "desk: drawings that nobody could settle", lambda: list(decisions.unsettled())
    yield "desk: how the site is", site_status.measure
    yield "desk: the last days", site_status.daily
    yield "how every moderator is trusted", trust.moderator_figures
    yield "the open round", round_figures.current
    yield "a round, digit by digit", partial(round_figures.describe, 1)
    yield "metrics", site_metrics.collect
    pages = {
        "": ["/", "/gallery/", "/gallery/?round=1", "/rounds/", "/rounds/1/", "/people/d000001/"],
        "crowdworker": ["/draw/", "/drawings/", "/draw/today/?whole"],
        "admin": ["/desk/", "/moderators/", "/people/", "/people/d000001/"],
    }
    pages[""] += [f"/leaderboard/?period={period}" for period in ("today", *leaderboards.PERIODS)]
    for role, paths in pages.items():
        client = Client(headers={"host": "127.0.0.1"})
        if role:
            person = Person.objects.filter(role=role).order_by("username")[0]
            client.force_login(person, backend="collector.people.accounts.Backend")
        for path in paths:
            yield f"`{path}`, {role or 'anybody'}", partial(_get, client, path)


def _get(client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)


def _moderating() -> Callable[[], str]:
    from collector.models import Gold, Person
    from collector.moderation import queue, readings

    readers = itertools.cycle(Person.objects.filter(role="moderator").order_by("username"))

    def assign_and_read() -> str:
        """The next drawing is read correctly."""
        reading = queue.assign(next(readers))
        assert reading
        drawn = reading.drawing
        answer = drawn.answer if isinstance(drawn, Gold) else str(drawn.target_label)
        readings.read(reading.moderator, reading.pk, answer)
        is_first = reading.attempt is None or reading.attempt.first_read_at is None
        return " that settles nothing" if is_first else " that settles it"

    return assign_and_read


def _submitting() -> Callable[[], str]:
    import numpy as np

    from collector.drawings import attempts
    from collector.models import Person
    from trainer.simulation import penman

    drawer = Person.objects.filter(role="crowdworker").order_by("username")[0]
    rng = np.random.default_rng(1)
    drawn = [penman.write(penman.writer(place), place % 10, rng, 1) for place in range(2 * TURNS)]

    def submit() -> str:
        one = drawn.pop()
        parsed = attempts.parse(one.strokes, one.width)
        attempt, _ = attempts.submit(drawer, attempts.Submission(one.form.digit, parsed))
        return " that fools" if attempt.has_fooled else " that does not fool"

    return submit


def _build(size: int) -> None:
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.utils import timezone

    from collector.models import Gold, Person, Study, tallies
    from collector.moderation import gold
    from collector.study import settings as study_settings
    from trainer import rounds
    from trainer.models import Contributor, Round, RoundModel

    call_command("migrate", verbosity=0)
    study_settings.begin()
    Study.objects.update(round_size=10 * size, quorum=2)
    first = rounds.open_first(Study.current().architecture)
    gold.ship()
    now = timezone.now()
    model = RoundModel.objects.get()
    for number in range(1, size // ATTEMPTS_A_ROUND):
        Round.objects.filter(state="open").update(state="closed", closed_at=now)
        Round.objects.create(number=number + 1, model=model, opened_at=first.opened_at)
    round_ids = list(Round.objects.order_by("number").values_list("pk", flat=True))
    Person.objects.bulk_create(
        Person(
            id=_uuid(3, n),
            contributor=_uuid(3, n),
            username=f"d{n:06}",
            password="!",
            is_listed=n % HIDDEN_EVERY > 0,
        )
        for n in range(DRAWERS)
    )
    Person.objects.create(username="ada", password="!", role="admin")
    Person.objects.bulk_create(
        Person(
            id=_uuid(4, n), username=f"m{n:06}", password="!", role="moderator", qualified_at=now
        )
        for n in range(MODERATORS)
    )
    Contributor.objects.bulk_create(
        Contributor(id=_uuid(3, n), position=n, split="test" if n % 5 == 4 else "train")
        for n in range(DRAWERS)
    )
    assert round_ids == list(range(round_ids[0], round_ids[0] + len(round_ids)))
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA cache_size = -400000")
        filling = _Filling(connection.vendor, size, round_ids[0], len(round_ids), model.pk)
        tallies.leave(connection)  # sums of a million at once are made quicker afterwards
        for statement in filling.statements():
            cursor.execute(statement)
        tallies.fill(connection)
        tallies.keep(connection)
    _draw()
    assert Gold.objects.filter(is_practice=False).exists()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum does after so many rows


def _draw() -> None:
    """Real drawings, a hundred of each digit, for the fools that a new one is compared with."""
    import numpy as np

    from collector.drawings import near_duplicates
    from collector.models import Attempt
    from trainer.learning import drawing, raster, similarity
    from trainer.simulation import penman

    rng = np.random.default_rng(2)
    for digit in range(10):
        drawn = [penman.write(penman.writer(5000 + place), digit, rng, 0.5) for place in range(100)]
        pixels = [
            raster.rasterise(drawing.parse(one.strokes, one.width)).tobytes() for one in drawn
        ]
        paths = [similarity.path_of(one.strokes) for one in drawn]
        shapes = [similarity.shape(path).tobytes() for path in paths]
        fools = list(
            Attempt.objects.filter(has_fooled=True, target_label=digit).order_by("-submitted_at")[
                : near_duplicates.OF_ANYBODY
            ]
        )
        for place, fool in enumerate(fools):
            fool.pixels, fool.strokes = pixels[place % 100], drawn[place % 100].strokes
            fool.shape = shapes[place % 100]
        Attempt.objects.bulk_update(fools, ["pixels", "strokes", "shape"], batch_size=100)


def _uuid(kind: int, n: int) -> str:
    return f"{n * 2654435761 % 4294967296:08x}{kind:02x}{n:022x}"


class _Filling:
    """The INSERT statements for `size` attempts, oldest first, and all that hangs on them.

    Of a hundred 20 fooled: 15 are verified, 5 settled otherwise. 8 more are audited; 72 were read
    by nobody. Of the last so many that `PENDING` wait, or a quarter of all, those 28 are pending.
    Each that was read has two readings; the oldest `BEGUN` pending ones have one, and after the
    oldest `UNDECIDED` of them nobody could settle them.
    """

    def __init__(self, vendor: str, size: int, first_round: int, rounds: int, model: int) -> None:
        self.postgres = vendor == "postgresql"
        self.size, self.first_round, self.rounds, self.model = size, first_round, rounds, model
        self.settled = size - min(100 * PENDING // 28, size // 4)

    def statements(self) -> Iterator[str]:
        yield f"INSERT INTO collector_attempt ({ROWS}) {self._attempts()}"
        for place in (0, 1):
            yield self._readings(place)
        yield self._gold()
        yield self._samples()

    def _series(self) -> str:
        if self.postgres:
            return f"FROM generate_series(1, {self.size}) AS series(i)"
        counting = f"SELECT 1 AS i UNION ALL SELECT i + 1 FROM series WHERE i < {self.size}"
        return f"FROM (WITH RECURSIVE series AS ({counting}) SELECT i FROM series)"

    def _uuid(self, kind: int, n: str) -> str:
        if self.postgres:
            mixed = f"lpad(to_hex((({n})::bigint * 2654435761) % 4294967296), 8, '0')"
            return (
                f"({mixed} || lpad(to_hex({kind}), 2, '0') || "
                f"lpad(to_hex(({n})::bigint), 22, '0'))::uuid"
            )
        return f"printf('%08x%02x%022x', (({n}) * 2654435761) % 4294967296, {kind}, {n})"

    def _drawer(self) -> str:
        """Some draw much, most a little."""
        fewer = "LEAST" if self.postgres else "min"
        mixed = "(CAST(i AS bigint) * 1103515245 + 12345) / 65536"
        return f"{fewer}(i % {DRAWERS}, {mixed} % {DRAWERS})"

    def _when(self) -> str:
        """Evenly over the last days."""
        ago = f"({self.size} - i) * {DAYS[self.size] * 24 * 3600 / self.size}"
        if self.postgres:
            return f"now() - ({ago}) * interval '1 second'"
        return f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ({ago}) || ' seconds')"

    def _bytes(self) -> str:
        return "decode('00ff', 'hex')" if self.postgres else "X'00FF'"

    def _json(self, text: str) -> str:
        return f"'{text}'::jsonb" if self.postgres else f"'{text}'"

    def _hash(self) -> str:
        return "lpad(to_hex(i), 64, '0')" if self.postgres else "printf('%064x', i)"

    def _false(self) -> str:
        return "false" if self.postgres else "0"

    def _attempts(self) -> str:
        pending, when = f"(i > {self.settled} AND i % 100 < 28)", self._when()
        is_begun = f"i <= {self.settled + BEGUN * 100 // 28}"
        is_undecided = f"i <= {self.settled + UNDECIDED * 100 // 28}"
        none = "NULL::timestamptz" if self.postgres else "NULL"
        return f"""
            SELECT {self._uuid(1, "i")}, {self._uuid(3, self._drawer())},
                {self.first_round} + (i - 1) * {self.rounds} / {self.size}, {when}, {self._hash()},
                i % 10, CASE WHEN i % 100 < 20 THEN (i + 1 + i / 100 % 9) % 10 ELSE i % 10 END,
                {self._json(str([0.1] * 10))}, {self._json(STROKES)}, 22, {self._bytes()},
                {self._hash()}, 1, {self._false()},
                CASE WHEN {pending} THEN 'pending' WHEN i % 100 < 15 THEN 'verified'
                    WHEN i % 100 < 17 THEN 'corrected' WHEN i % 100 < 19 THEN 'rejected'
                    WHEN i % 100 < 20 THEN 'ambiguous' ELSE 'not_fooled' END,
                i % 100 BETWEEN 20 AND 27, 2,
                CASE WHEN NOT {pending} OR {is_undecided} THEN 0 WHEN {is_begun} THEN 1 ELSE 2 END,
                CASE WHEN i % 100 < 28 AND (NOT {pending} OR {is_begun}) THEN {when}
                    ELSE {none} END,
                CASE WHEN {pending} THEN {none} ELSE {when} END,
                CASE WHEN {pending} THEN NULL
                    WHEN i % 100 < 15 OR i % 100 BETWEEN 20 AND 27 THEN i % 10
                    WHEN i % 100 < 17 THEN (i + 1) % 10 ELSE NULL END,
                CASE WHEN i % 100 < 15 AND NOT {pending} THEN 1.0 ELSE 0.0 END,
                {self._false()}, {self._false()}, ''
            {self._series()}"""

    def _readings(self, place: int) -> str:
        right = f"(i / 100 + {place}) % 12 > 0"
        whose = f"(i + i / 100 + {7 * place}) % {MODERATORS}"
        last_read = self.settled + (BEGUN * 100 // 28 if place == 0 else 0)
        answer = "CAST(i % 10 AS text)"
        is_correct = f"CASE WHEN i > {self.settled} THEN NULL ELSE {right} END"
        return f"""
            INSERT INTO collector_reading (id, attempt_id, moderator_id, leased_at,
                lease_expires_at, answer, answered_at, is_correct, is_discounted)
            SELECT {self._uuid(5 + place, "i")}, {self._uuid(1, "i")}, {self._uuid(4, whose)},
                {self._when()}, {self._when()}, CASE WHEN {right} THEN {answer} ELSE 'junk' END,
                {self._when()}, {is_correct}, {self._false()}
            {self._series()} WHERE i <= {last_read} AND i % 100 < 28"""

    def _gold(self) -> str:
        return f"""
            INSERT INTO collector_gold (id, answer, strokes, width, pixels, is_practice,
                attempt_id, is_retired)
            SELECT {self._uuid(7, "i")}, CAST(i % 10 AS text), {self._json(STROKES)}, 22,
                {self._bytes()}, {self._false()}, {self._uuid(1, "i")}, {self._false()}
            {self._series()} WHERE i <= {self.settled} AND i % 100 BETWEEN 20 AND 24"""

    def _samples(self) -> str:
        has_fooled = "i % 100 < 15"
        return f"""
            INSERT INTO trainer_sample (id, attempt, contributor_id, pixels, sha256, label,
                has_fooled, is_audited, round_id, arm, added_at, first_trained_by_id)
            SELECT {self._uuid(8, "i")}, {self._uuid(1, "i")},
                {self._uuid(3, self._drawer())}, {self._bytes()},
                {self._hash()}, i % 10, {has_fooled}, NOT {has_fooled},
                {self.first_round} + (i - 1) * {self.rounds} / {self.size}, 'dynamic',
                {self._when()}, CASE WHEN i > {self.settled} - 100 THEN NULL ELSE {self.model} END
            {self._series()} WHERE i <= {self.settled}
                AND (i % 100 < 15 OR i % 100 BETWEEN 20 AND 27)"""


def _told(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
