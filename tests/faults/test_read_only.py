"""A database that takes no writes: a standby, a file or a disk that became read-only."""

from pathlib import Path

import httpx
import pytest

from tests.support import site as sites
from tests.support.site import Client, Site

pytestmark = [pytest.mark.faults]

READ_ONLY = {
    "sqlite": "init_command=PRAGMA query_only=1",
    "postgres": "options=-c%20default_transaction_read_only%3Don",
}
LINE = [{"x": [100, 140], "y": [20, 240], "t": [0, 90]}]


@pytest.mark.survives(
    "a database that takes no writes",
    "503 that says so and not “in a minute”; one line with its cause, under the request's id, "
    "which the error page shows; `/readyz` names it; what is there can be read",
)
def test_a_read_only_database_is_told_to_all_by_its_name(
    database_kind: str, tmp_path: Path
) -> None:
    with sites.database(database_kind, tmp_path, "setup") as url:
        site = Site(tmp_path, url, sites.free_port())
        try:
            drawer = site.person("alice")
            site.database_url = f"{url}?{READ_ONLY[database_kind]}"
            site.start_web()
            drawing = {"target_label": 1, "strokes": LINE}
            refused = drawer.post("/api/attempts/", drawing)
            asked = {"username": "alice", "password": "no password of hers"}
            page = _sign_in(site, asked)
            assert (refused.status, page.status_code) == (503, 503)
            assert "cannot write" in refused.body["error"]["message"]
            assert "in a minute" not in page.text
            assert page.headers["X-Request-Id"] in page.text
            log = (tmp_path / "web.log").read_text().splitlines()
            for request_id in (refused.headers["X-Request-Id"], page.headers["X-Request-Id"]):
                [line] = [line for line in log if request_id in line]
                assert "ERROR" in line
                assert "The database is read-only." in line
            readiness = Client(site).get("/readyz")
            assert readiness.status == 503
            assert readiness.body["database"] == "The database is read-only."
            assert readiness.body["target"] == "ok"
            assert Client(site).get("/healthz").status == 200
            assert drawer.get("/api/attempts/").status == 200, "what is there can be read"
        finally:
            site.stop()


def _sign_in(site: Site, asked: dict[str, str]) -> httpx.Response:
    with httpx.Client(base_url=site.url, trust_env=False) as browser:
        browser.get("/accounts/sign-in/")
        token = browser.cookies["csrftoken"]
        return browser.post("/accounts/sign-in/", data={**asked, "csrfmiddlewaretoken": token})
