"""A real site with people and drawings on it, and a Chromium whose console has to stay silent."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

from tests import penmanship
from tests import site as sites
from tests.conftest import lacking

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        lacking(f"Chromium at {CHROMIUM}")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def peopled_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sites.Site]:
    """alice has fools confirmed, waiting and not; mona is a moderator; the admin is «admin». No workers run."""
    with sites.site("sqlite", tmp_path_factory.mktemp("site"), DADC_LIMIT_SCALE="100") as site:
        alice, mona = site.person("alice"), site.person("mona", "moderator")
        site.person("bob")
        meant = {}
        usual = [(label, strokes, 22) for label, strokes in penmanship.drawings(1, 2)]
        for label, strokes, width in [*penmanship.fooling(1, 10), *usual]:
            body = {"target_label": label, "strokes": strokes, "width": width}
            assert alice.post("/api/attempts/", body).status == 201
            meant[str(strokes)] = label
        for _ in range(3):
            given = mona.post("/api/assignments/").body
            reading = {"reading": str(meant[str(given["attempt"]["strokes"])])}
            assert mona.post(f"/api/assignments/{given['id']}/reading/", reading).status == 201
        yield site


class Visitors:
    """Opens pages as anybody, and remembers what they wrote to the console."""

    def __init__(self, browser: Browser, site: sites.Site) -> None:
        self.browser, self.site = browser, site
        self.complaints: list[str] = []
        self.sessions: dict[str, Any] = {}
        self.contexts: list[BrowserContext] = []

    def open(self, path: str, who: str | None = None, **options: Any) -> Page:
        context = self.browser.new_context(storage_state=self._session(who) if who else None, **options)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._note(path, message.type, message.text))
        page.on("pageerror", lambda error: self._note(path, "error", str(error)))
        page.goto(self.site.url + path)
        return page

    def _note(self, path: str, kind: str, text: str) -> None:
        # Chromium itself writes a line for every 4xx answer and every request made while offline.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.complaints.append(f"{path}: {text}")

    def _session(self, who: str) -> Any:
        if who not in self.sessions:
            context = self.browser.new_context()
            page = context.new_page()
            page.goto(self.site.url + "/accounts/sign-in/")
            page.fill("#id_username", who)
            page.fill("#id_password", sites.PASSWORD)
            page.click("main form button")
            page.wait_for_url("**/draw/")
            self.sessions[who] = context.storage_state()
            context.close()
        return self.sessions[who]


@pytest.fixture(scope="session")
def session_visitors(browser: Browser, peopled_site: sites.Site) -> Visitors:
    return Visitors(browser, peopled_site)


@pytest.fixture
def visit(session_visitors: Visitors) -> Iterator[Open]:
    """Opens a page as somebody; at the end of the test, no page may have complained in its console."""
    session_visitors.complaints.clear()
    with ExitStack() as stack:
        stack.callback(_close, session_visitors)
        yield session_visitors.open
    assert session_visitors.complaints == []


def _close(visitors: Visitors) -> None:
    for context in visitors.contexts:
        try:
            context.close()
        except Error:
            continue
    visitors.contexts.clear()


def draw(page: Page, strokes: penmanship.Strokes) -> None:
    """The strokes with the mouse on the canvas."""
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    assert box
    scale = box["width"] / 280
    for stroke in strokes:
        places = zip(stroke["x"], stroke["y"], strict=True)
        points = [(box["x"] + (x + 0.5) * scale, box["y"] + (y + 0.5) * scale) for x, y in places]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()
