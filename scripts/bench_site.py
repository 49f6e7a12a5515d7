"""What a site of 1,000,000 attempts costs beside one of 1,000: the queue, submitting, the
leaderboard, the home page.

Builds a database of each size, in bulk, on SQLite and, where it runs, on PostgreSQL, and calls the
functions that pages and API call. Strokes and pixels of most rows are a few bytes long, so that the
file stays small. The medians' ratio is the claim; SQLite is not analyzed, since nothing on a site
does that, PostgreSQL is, since its autovacuum does.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.support import needs, site

ROOT = Path(__file__).resolve().parent.parent
SIZES = (1_000, 1_000_000)
PENDING, BEGUN, MODERATORS, ATTEMPTS_A_ROUND = 5_000, 120, 20, 50_000
TURNS, WARM_UP, PAGE_WARM_UP, PAGE_TURNS = 200, 10, 1, 5
ROWS = (
    "id, drawer_id, round_id, submitted_at, body_sha256, target_label, predicted_label, "
    "probabilities, strokes, width, pixels, pixels_sha256, raster_version, has_live_preview, "
    "status, is_audited, quorum, needed_reading_count, first_read_at, settled_at, settled_label, "
    "credit, is_mnist_duplicate"
)
STROKES = '[{"x": [9, 99], "y": [9, 99], "t": [0, 9]}]'
Found = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="only this one")
    parser.add_argument("--measure", type=int, metavar="ATTEMPTS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.measure)))
        return
    kinds = [options.database] if options.database else ["sqlite", "postgres"]
    few, many = SIZES
    print(
        f"| what | {many:,} attempts | {few:,} attempts | ratio | queries |\n| --- | --- | --- "
        "| ---: | ---: |"
    )
    for kind in kinds:
        if kind == "postgres" and (missing := needs.postgres_is_missing()):
            print(f"PostgreSQL is not measured: {missing}", file=sys.stderr)
            continue
        small, large = (_in_a_process(kind, size) for size in SIZES)
        for what, found in large.items():
            beside = small[what]
            ratio = f"{found['seconds'] / beside['seconds']:.2f}"
            times = f"{_told(found['seconds'])} | {_told(beside['seconds'])}"
            queries = (
                f"{found['queries']:g}"
                if found["queries"] == beside["queries"]
                else (f"{found['queries']:g} and {beside['queries']:g}")
            )
            print(f"| {what}, {kind} | {times} | {ratio} | {queries} |", flush=True)


def _in_a_process(kind: str, size: int) -> Found:
    with tempfile.TemporaryDirectory() as folder, site.database(kind, Path(folder)) as url:
        env = {
            "DATABASE_URL": url,
            "DADC_DATA_DIR": folder,
            "DADC_LIMIT_SCALE": "100000",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "scripts.bench_site", "--measure", str(size)]
        done = subprocess.run(
            command, env=os.environ | env, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
        )
        found: Found = json.loads(done.stdout)
        return found


def _measure(size: int) -> Found:
    os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
    import django

    django.setup()
    begun = perf_counter()
    _build(size)
    print(f"{size:,} attempts made in {perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    found: Found = {}
    for what, turns, action in _actions():
        for label, timed in _timed(turns, action).items():
            found[what + label] = timed
            print(f"{what}{label}: {_told(timed['seconds'])}", file=sys.stderr, flush=True)
    return found


def _timed(turns: int, action: Callable[[], object]) -> Found:
    """The median of the seconds and of the queries of one call, by what the call says that it
    was."""
    from django.db import connection, reset_queries

    seconds: dict[str, list[float]] = defaultdict(list)
    queries: dict[str, list[int]] = defaultdict(list)
    warm_up = WARM_UP if turns == TURNS else PAGE_WARM_UP
    for turn in range(turns + warm_up):
        begun = perf_counter()
        label = _label(action())
        if turn >= warm_up:
            seconds[label].append(perf_counter() - begun)
        if turn % 4 == 0:
            connection.force_debug_cursor = True
            reset_queries()
            label = _label(action())
            asked = [
                one for one in connection.queries if not one["sql"].startswith(("BEGIN", "COMMIT"))
            ]
            queries[label].append(len(asked))
            connection.force_debug_cursor = False
    return {
        label: {"seconds": median(seconds[label]), "queries": median(queries[label])}
        for label in sorted(seconds)
    }


def _label(said: object) -> str:
    return said if isinstance(said, str) else ""


def _actions() -> Iterator[tuple[str, int, Callable[[], object]]]:
    import numpy as np
    from django.test import Client

    from collector.drawings import attempts
    from collector.models import Gold, Person, Reading
    from collector.moderation import agreement, decisions, queue, readings, trust
    from collector.standings import leaderboards
    from trainer.simulation import penman

    readers = list(Person.objects.filter(role="moderator").order_by("username"))
    given: list[Reading] = []
    turn = 0

    def assign() -> None:
        nonlocal turn
        turn += 1
        reading = queue.assign(readers[turn % len(readers)])
        assert reading
        given.append(reading)

    def read() -> None:
        """A lease that is there, else a new one, is read correctly."""
        reading = given.pop()
        drawn = reading.drawing
        answer = drawn.answer if isinstance(drawn, Gold) else str(drawn.target_label)
        readings.read(reading.moderator, reading.pk, answer)

    def both() -> str:
        assign()
        first = given[-1].attempt is None or given[-1].attempt.first_read_at is None
        read()
        return " that settles nothing" if first else " that settles it"

    drawer = Person.objects.filter(role="crowdworker").first()
    assert drawer
    rng = np.random.default_rng(1)
    drawn = [penman.write(penman.writer(place), place % 10, rng, 0.5) for place in range(2 * TURNS)]

    def submit() -> None:
        one = drawn.pop()
        parsed = attempts.parse(one.strokes, one.width)
        attempts.submit(drawer, attempts.Submission(one.form.digit, parsed))

    client = Client()
    yield "next drawing and a reading", TURNS, both
    yield "submission", TURNS, submit
    yield "desk: drawings that nobody could settle", PAGE_TURNS, lambda: list(decisions.unsettled())
    yield "how every moderator is trusted", PAGE_TURNS, trust.moderator_figures
    yield "Krippendorff’s α", PAGE_TURNS, agreement.measured
    for period in leaderboards.PERIODS:
        yield f"leaderboard, {period}", PAGE_TURNS, partial(leaderboards.standings, period)
    yield "home page", PAGE_TURNS, lambda: client.get("/", HTTP_HOST="127.0.0.1")


def _build(size: int) -> None:
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.utils import timezone

    from collector.models import Gold, Person, Study
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
    drawers = 20 + size // 500
    Person.objects.bulk_create(
        Person(id=_uuid(3, n), contributor=_uuid(3, n), username=f"d{n:06}", password="!")
        for n in range(drawers)
    )
    Person.objects.bulk_create(
        Person(
            id=_uuid(4, n), username=f"m{n:06}", password="!", role="moderator", qualified_at=now
        )
        for n in range(MODERATORS)
    )
    Contributor.objects.bulk_create(
        Contributor(id=_uuid(3, n), position=n, split="test" if n % 5 == 4 else "train")
        for n in range(drawers)
    )
    assert round_ids == list(range(round_ids[0], round_ids[0] + len(round_ids)))
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA cache_size = -400000")
        filling = _Filling(connection.vendor, size, drawers, round_ids[0], len(round_ids), model.pk)
        for statement in filling.statements():
            cursor.execute(statement)
    _draw()
    assert Gold.objects.filter(is_practice=False).exists()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


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
    """The INSERT statements for `size` attempts, oldest first, the last of them pending, and all
    that hangs on them.

    Of a hundred, 30 are verified, 10 settled otherwise, 6 audited and 54 did not fool and were read
    by nobody. Each that was read has two readings; the oldest `BEGUN` pending ones have one.
    """

    def __init__(
        self, vendor: str, size: int, drawers: int, first_round: int, rounds: int, model: int
    ) -> None:
        self.postgres = vendor == "postgresql"
        self.size, self.drawers, self.first_round, self.rounds, self.model = (
            size,
            drawers,
            first_round,
            rounds,
            model,
        )
        self.settled = size - min(PENDING, size // 4)

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

    def _when(self) -> str:
        """Evenly over the last year."""
        ago = f"({self.size} - i) * {365 * 24 * 3600 // self.size}"
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
        pending, unread, when = f"i > {self.settled}", f"i > {self.settled + BEGUN}", self._when()
        strokes = self._json(STROKES)
        none = "NULL::timestamptz" if self.postgres else "NULL"
        return f"""
            SELECT {self._uuid(1, "i")}, {self._uuid(3, f"i % {self.drawers}")},
                {self.first_round} + (i - 1) * {self.rounds} / {self.size}, {when}, {self._hash()},
                i % 10,
                CASE WHEN {pending} OR i % 100 < 40 THEN (i + 1 + i / 10 % 9) % 10 ELSE i % 10 END,
                {self._json(str([0.1] * 10))}, {strokes}, 22, {self._bytes()}, {self._hash()}, 1,
                {self._false()},
                CASE WHEN {pending} THEN 'pending' WHEN i % 100 < 30 THEN 'verified'
                    WHEN i % 100 < 34 THEN 'corrected' WHEN i % 100 < 37 THEN 'rejected'
                    WHEN i % 100 < 40 THEN 'ambiguous' ELSE 'not_fooled' END,
                i <= {self.settled} AND i % 100 BETWEEN 40 AND 45, 2,
                CASE WHEN {unread} THEN 2 WHEN {pending} THEN 1 ELSE 0 END,
                CASE WHEN {unread} THEN {none} WHEN {pending} OR i % 100 < 46 THEN {when}
                    ELSE {none} END,
                CASE WHEN {pending} THEN {none} ELSE {when} END,
                CASE WHEN {pending} THEN NULL
                    WHEN i % 100 < 30 OR i % 100 BETWEEN 40 AND 45 THEN i % 10
                    WHEN i % 100 < 34 THEN (i + 1) % 10 ELSE NULL END,
                CASE WHEN i <= {self.settled} AND i % 100 < 30 THEN 1.0 ELSE 0.0 END,
                {self._false()}
            {self._series()}"""

    def _readings(self, place: int) -> str:
        right = f"(i / 100 + {place}) % 12 > 0"
        whose = f"(i + i / 100 + {7 * place}) % {MODERATORS}"
        begun = f"OR (i > {self.settled} AND i <= {self.settled + BEGUN})" if place == 0 else ""
        answer = "CAST(i % 10 AS text)"
        is_correct = f"CASE WHEN i > {self.settled} THEN NULL ELSE {right} END"
        return f"""
            INSERT INTO collector_reading (id, attempt_id, moderator_id, leased_at,
                lease_expires_at, answer, answered_at, is_correct, is_discounted)
            SELECT {self._uuid(5 + place, "i")}, {self._uuid(1, "i")}, {self._uuid(4, whose)},
                {self._when()}, {self._when()}, CASE WHEN {right} THEN {answer} ELSE 'junk' END,
                {self._when()}, {is_correct}, {self._false()}
            {self._series()} WHERE (i <= {self.settled} AND i % 100 < 46) {begun}"""

    def _gold(self) -> str:
        return f"""
            INSERT INTO collector_gold (id, answer, strokes, width, pixels, is_practice,
                attempt_id, is_retired)
            SELECT {self._uuid(7, "i")}, CAST(i % 10 AS text), {self._json(STROKES)}, 22,
                {self._bytes()}, {self._false()}, {self._uuid(1, "i")}, {self._false()}
            {self._series()} WHERE i <= {self.settled} AND i % 100 BETWEEN 40 AND 44"""

    def _samples(self) -> str:
        has_fooled = "i % 100 < 30"
        return f"""
            INSERT INTO trainer_sample (id, attempt, contributor_id, pixels, sha256, label,
                has_fooled, is_audited, round_id, added_at, first_trained_by_id)
            SELECT {self._uuid(8, "i")}, {self._uuid(1, "i")},
                {self._uuid(3, f"i % {self.drawers}")}, {self._bytes()},
                {self._hash()}, i % 10, {has_fooled}, NOT {has_fooled},
                {self.first_round} + (i - 1) * {self.rounds} / {self.size},
                {self._when()}, CASE WHEN i > {self.settled} - 100 THEN NULL ELSE {self.model} END
            {self._series()} WHERE i <= {self.settled}
                AND (i % 100 < 30 OR i % 100 BETWEEN 40 AND 45)"""


def _told(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


if __name__ == "__main__":
    main()
