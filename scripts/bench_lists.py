"""What every list and page that anybody, or an admin, may ask for costs after a long study: 1,000
rounds, 20,000 attempts, 2,000 people.

Builds a database on SQLite and, where it runs, on PostgreSQL, each model's report with two test
sets for every earlier round, as a training stores it. Asks for each address in this process, first
once, then `TURNS` times; tells the quickest, since whatever else runs on the machine only adds: by
the clock, and what this process computed (on PostgreSQL the server computes besides); with the
answer's size and the queries. Exits with 1 where what anybody but an admin may ask for takes
more than `MOST_SECONDS` to compute or is larger than `MOST_BYTES`; the CSV of all rounds, which is
streamed, may take longer.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from tests.support import needs, site

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, ATTEMPTS, PEOPLE = 1_000, 20_000, 2_000
HEAD = "| what, and as whom | database | time | computed | size | queries |"
Found = tuple[str, float, float, int, int]
MOST_SECONDS, MOST_BYTES, TURNS = 0.1, 1_000_000, 9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="only this one")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure()))
        return 0
    is_over = False
    print(f"{HEAD}\n| --- | --- | ---: | ---: | ---: | ---: |")
    for kind in [options.database] if options.database else ["sqlite", "postgres"]:
        if kind == "postgres" and (missing := needs.postgres_is_missing()):
            print(f"PostgreSQL is not measured: {missing}", file=sys.stderr)
            continue
        for what, seconds, computed, size, query_count in _in_a_process(kind):
            is_bound = "admin" not in what and ".csv" not in what
            is_over |= is_bound and (computed > MOST_SECONDS or size > MOST_BYTES)
            times = f"{1000 * seconds:.0f} ms | {1000 * computed:.0f} ms"
            print(f"| {what} | {kind} | {times} | {size / 1000:.0f} kB | {query_count} |")
    return int(is_over)


def _in_a_process(kind: str) -> list[Found]:
    with tempfile.TemporaryDirectory() as folder, site.database(kind, Path(folder)) as url:
        env = {"DATABASE_URL": url, "DADC_DATA_DIR": folder, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "scripts.bench_lists", "--measure"],
            env=os.environ | env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=ROOT,
        )
        found: list[Found] = json.loads(done.stdout)
        return found


def _measure() -> list[Found]:
    os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from collector.models import Person
    from tests.support import long_study

    call_command("migrate", verbosity=0)
    begun = perf_counter()
    long_study.build(ROUNDS, ATTEMPTS, PEOPLE)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum does after so many rows
    print(f"{ROUNDS:,} rounds made in {perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    found: list[Found] = []
    for path, role in long_study.addresses():
        client = Client(headers={"host": "127.0.0.1"})
        if role:
            person = Person.objects.filter(role=role).order_by("username")[0]
            client.force_login(person, backend="collector.people.accounts.Backend")
        found.append((f"`{_named(path)}`, {role or 'anybody'}", *_timed(client, path)))
        print(*found[-1], file=sys.stderr, flush=True)
    return found


def _timed(client: Any, path: str) -> tuple[float, float, int, int]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    answer.getvalue()
    with CaptureQueriesContext(connection) as asked:
        client.get(path).getvalue()
        query_count = len(asked)
    times = []
    for _ in range(TURNS):
        begun, begun_computing = perf_counter(), process_time()
        size = len(client.get(path).getvalue())
        times.append((perf_counter() - begun, process_time() - begun_computing))
    seconds, computed = map(min, zip(*times, strict=True))
    return seconds, computed, size, query_count


def _named(path: str) -> str:
    """The address, an id left out."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", path)


if __name__ == "__main__":
    sys.exit(main())
