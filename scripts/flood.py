"""How quick pages are while 24 clients send a request's beginning and then nothing, and 24 threads
sign in with wrong passwords from as many addresses, on each database that runs here.

Starts a site of its own with limits as they ship, asks for pages for `SECONDS`, prints the times
alone and in the flood, and exits with 1 where the 95th percentile in the flood is over `MOST`.
"""

import socket
import statistics
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count, cycle
from pathlib import Path
from time import monotonic, perf_counter

from tests.support import needs, site

SILENT_COUNT, GUESSER_COUNT, SECONDS, MOST = 24, 24, 25.0, 0.5
PAGES = ("/", "/gallery/", "/leaderboard/", "/rounds/")


def main() -> int:
    is_over = False
    print("| database | pages | asked | p50 | p95 | longest |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for kind in ("sqlite", "postgres"):
        if kind == "postgres" and (missing := needs.postgres_is_missing()):
            print(f"PostgreSQL is not measured: {missing}", file=sys.stderr)
            continue
        with (
            tempfile.TemporaryDirectory() as folder,
            site.site(kind, Path(folder), DADC_LIMIT_SCALE="1") as served,
        ):
            _tell(kind, "alone", _ask_for_pages(served, monotonic() + SECONDS / 5))
            times, answers = _flooded(served)
            is_over |= _tell(kind, "in the flood", times) > MOST
            print(f"Sign-ins on {kind}, by status: {dict(answers)}", file=sys.stderr)
    return int(is_over)


def _flooded(served: site.Site) -> tuple[list[float], Counter[int]]:
    """Return the seconds of each page, and how many sign-ins were answered with each status."""
    until, numbers = monotonic() + SECONDS, count()

    def guess(place: int) -> list[int]:
        client, statuses = site.Client(served, address=f"127.0.0.{place + 2}"), []
        while monotonic() < until:
            body = {"username": f"nobody{next(numbers)}", "password": "wrong"}
            statuses.append(client.post("/api/tokens/", body).status)
        return statuses

    with ExitStack() as stack, ThreadPoolExecutor(GUESSER_COUNT) as pool:
        for _ in range(SILENT_COUNT):
            stack.enter_context(_silent(served))
        guessed = [pool.submit(guess, place) for place in range(GUESSER_COUNT)]
        times = _ask_for_pages(served, until)
        return times, Counter(status for future in guessed for status in future.result())


def _silent(served: site.Site) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", served.port))
    client.sendall(
        b"POST /api/tokens/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    return client


def _ask_for_pages(served: site.Site, until: float) -> list[float]:
    client, pages, times = site.Client(served), cycle(PAGES), []
    while monotonic() < until:
        began = perf_counter()
        answer = client.get(next(pages))
        times.append(perf_counter() - began)
        assert answer.status == 200, answer
    return times


def _tell(kind: str, when: str, times: list[float]) -> float:
    """Print the row; return the 95th percentile, in seconds."""
    late = sorted(times)[len(times) * 95 // 100]
    figures = (f"{1000 * time:.0f} ms" for time in (statistics.median(times), late, max(times)))
    print(f"| {kind} | {when} | {len(times)} | {' | '.join(figures)} |", flush=True)
    return late


if __name__ == "__main__":
    sys.exit(main())
