"""What is seen of a real site from outside: every line of its log is JSON, and its requests are
counted over all web processes, also once one of them was killed."""

import json
from functools import partial
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import site as sites
from tests.support.processes import children, kill, named
from tests.support.site import Client, Site, wait_for

pytestmark = [pytest.mark.faults]

TOKEN = "for-Prometheus-alone"
SETTINGS = {"DADC_LOG_FORMAT": "json", "DADC_METRICS_TOKEN": TOKEN}
SECRET = "dGhpcyBpcyBhIHNlY3JldA:1tZ2Xb:secret-secret-secret-secret-secret-secret-s"


def scrape(site: Site) -> str:
    answer = Client(site).request("GET", "/metrics", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 200, answer
    text: str = answer.body.decode()
    return text


def counted(site: Site, route: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(scrape(site))
        for sample in family.samples
        if sample.name == "dadc_request_seconds_count" and sample.labels["route"] == route
    )


def webs(site: Site) -> list[psutil.Process]:
    """The processes that answer, oldest first."""
    return sorted(children(site.processes["web"].pid), key=psutil.Process.create_time)


@pytest.mark.survives("a web process is killed", "requests counted before are still counted")
def test_requests_are_counted_over_all_processes_and_none_is_forgotten_once_one_is_killed(
    tmp_path: Path,
) -> None:
    with sites.site("sqlite", tmp_path, **SETTINGS) as site:

        def ask() -> None:
            assert {Client(site).get("/try/").status for _ in range(10)} == {200}

        def is_replaced(died: psutil.Process) -> bool:
            return len(webs(site)) == 2 and died not in webs(site)

        ask()
        ask()
        assert counted(site, "/try/") == 20
        for turn in (2, 3):
            killed = webs(site)[0]
            kill(killed)
            wait_for(partial(is_replaced, killed), 30, "another web process")
            assert counted(site, "/try/") == 10 * turn
            ask()
            assert counted(site, "/try/") == 10 * turn + 10
        assert len(list(tmp_path.glob("metrics-*/*"))) == 2


def test_every_line_that_any_program_of_the_site_writes_is_json_and_holds_no_link(
    tmp_path: Path,
) -> None:
    with sites.database("sqlite", tmp_path, "setup") as url:
        site = Site(tmp_path, url, sites.free_port(), SETTINGS)
        parent = site.start("site", "serve.py")
        try:
            wait_for(site.answers, 90, "the site to answer")
            client = Client(site)
            assert client.get(f"/account/email/{SECRET}/more").status == 404
            assert client.request("BREW", f"/try/?token={SECRET}", Host="a b").status == 400
            [web] = named(psutil.Process(parent.pid).children(), "gunicorn")
            kill(web.children()[0])
            wait_for(lambda: "was sent SIGKILL" in read(site), 60, "gunicorn to say so")
            kill(web)
            wait_for(lambda: "is started again" in read(site), 60, "the parent to say so")
            parent.terminate()
            assert parent.wait(30) == 0
        finally:
            site.stop()
    lines = [json.loads(line) for line in read(site).splitlines()]
    assert {"at", "level", "logger", "message"} <= set.intersection(*map(set, lines))
    assert {"output", "gunicorn.error", "django.request"} <= {line["logger"] for line in lines}
    [missing] = [line for line in lines if "Not Found: /account/email/" in line["message"]]
    assert len(missing["request_id"]) == 16
    assert "Fool the Digits is at" in read(site)
    assert SECRET not in read(site)


def read(site: Site) -> str:
    return (site.data_dir / "site.log").read_text()
