"""Chromium as tests use it: pages opened as somebody, whose console has to stay silent; a drawing
mouse; axe."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, Request

from tests.support import PASSWORD, penmanship
from tests.support import site as sites

AXE = Path(__file__).resolve().parent.parent / "vendor" / "axe.min.js"
# The last one: no renderer is kept ready for a page that may never come.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--renderer-process-limit=1",
]
Open = Callable[..., Page]

# A candidate that the gate holds takes a failed training to get; this is its row.
HELD = """
from trainer.models import RoundModel
first = RoundModel.objects.get(initial_model=None)
worse = {"accuracy": 0.9654, "low": 0.9599, "high": 0.9701}
report = {"sets": {name: {**one, **worse} for name, one in first.report["sets"].items()}}
RoundModel.objects.create(
    architecture=first.architecture, state="held", initial_model=first, report=report,
    finished_at=first.finished_at, progress=1,
    reasons=["The candidate reads 4827 of 5000 base images right (96.54%), "
        "2.10 points under round 1's 4932 (98.64%)."])
"""

# Who gets the role from an admin has to practise first.
TO_PRACTISE = (
    "from collector.models import Person; "
    "Person.objects.filter(username='newt').update(role='moderator')"
)


class Visitors:
    """Opens pages as anybody, and remembers what they wrote to the console."""

    def __init__(self, browser: Browser, site: sites.Site) -> None:
        self.browser, self.site = browser, site
        self.complaints: list[str] = []
        self.sessions: dict[str, Any] = {}
        self.contexts: list[BrowserContext] = []

    def open(self, path: str, who: str | None = None, **options: Any) -> Page:
        """Without the site's worker, which is set up again in each context, unless one is asked
        for."""
        page = self._opened(path, who, **options)
        if who and "/accounts/sign-in/" in page.url:  # another test has ended that session
            del self.sessions[who]
            page = self._opened(path, who, **options)
        return page

    def _opened(self, path: str, who: str | None, **options: Any) -> Page:
        asked = {"service_workers": "block", **options}
        context = self.browser.new_context(
            storage_state=self._session(who) if who else None, **asked
        )
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._note(path, message.type, message.text))
        page.on("pageerror", lambda error: self._note(path, "error", str(error)))
        page.goto(self.site.url + path)
        return page

    def _note(self, path: str, kind: str, text: str) -> None:
        # Chromium itself writes a line for every 4xx answer and every request made while offline.
        # And Playwright one for every page that is kept from setting up its worker.
        expected = "Failed to load resource" in text or "Service Worker registration" in text
        if kind in ("error", "warning") and not expected:
            self.complaints.append(f"{path}: {text}")

    def _session(self, who: str) -> Any:
        if who not in self.sessions:
            context = self.browser.new_context()
            page = context.new_page()
            page.goto(self.site.url + "/accounts/sign-in/")
            page.fill("#id_username", who)
            page.fill("#id_password", PASSWORD)
            page.click("main form button")
            page.wait_for_url("**/draw/")
            self.sessions[who] = context.storage_state()
            context.close()
        return self.sessions[who]


@contextmanager
def visiting(visitors: Visitors) -> Iterator[Open]:
    """For one test: its pages are closed at the end, and none may have complained in its
    console."""
    visitors.complaints.clear()
    with ExitStack() as stack:
        stack.callback(_close, visitors)
        yield visitors.open
    assert visitors.complaints == []


def _close(visitors: Visitors) -> None:
    for context in visitors.contexts:
        try:
            context.close()
        except Error:
            continue
    visitors.contexts.clear()


def fooling_with_the_usual_pen() -> Iterator[tuple[int, penmanship.Strokes]]:
    """Digits that fool round 1's model in the pen's width that the draw page begins with."""
    for seed in range(500, 600):
        for label, strokes in penmanship.drawings(seed, 20):
            if int(penmanship.read(penmanship.picture(strokes, 22)[None])[0]) != label:
                yield label, strokes


def wait_on(page: Page, what: Callable[[], object], why: str) -> None:
    """Until it is so. What a page's events tell is heard only while the page is asked something."""
    sites.wait_for(lambda: (page.evaluate("0"), what())[1], 15, why)


def draw_with_mouse(page: Page, strokes: penmanship.Strokes) -> None:
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


def sent(page: Page, address: str) -> list[Any]:
    """The bodies of all requests to an address of the API from now on, as they are sent."""
    bodies: list[Any] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith(address):
            bodies.append(json.loads(request.post_data or "null"))

    page.on("request", note)
    return bodies


# Which parts are not wholly inside the window.
OUTSIDE = """(parts) => [...document.querySelectorAll(parts)]
    .map((part) => [part.id, part.getBoundingClientRect()])
    .filter(([, box]) => box.top < 0 || box.left < 0 || box.width === 0
        || Math.round(box.bottom) > innerHeight || Math.round(box.right) > innerWidth)
    .map(([id, box]) => `${id} ${JSON.stringify(box)}`)"""

# Pictures and fonts are there, and nothing moves that comes to an end.
AT_REST = """() => document.fonts.status === "loaded"
    && [...document.images].every((image) => image.complete || image.loading === "lazy")
    && document.getAnimations().every((moving) => moving.playState !== "running"
        || moving.effect.getComputedTiming().endTime === Infinity)"""


def findings(page: Page) -> list[str]:
    """What axe has to say of the page as it stands."""
    page.wait_for_function(AT_REST)
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=AXE)
    violations = page.evaluate("async () => (await axe.run()).violations")
    return [f"{v['id']}: {node['html']}" for v in violations for node in v["nodes"]]


def look_at(visit: Open, path: str, who: str | None = None, shown: str = "main") -> None:
    """Open a page on a narrow phone, where it has to fit, with the text twice as large too; then on
    a desk, light and dark, where axe may find nothing. `shown` is there once everything is."""
    page = visit(path, who, viewport={"width": 320, "height": 640}, has_touch=True, bypass_csp=True)
    page.locator(shown).first.wait_for()
    page.wait_for_function(AT_REST)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
    devtools = page.context.new_cdp_session(page)
    for size in (32, 16):
        devtools.send("Page.setFontSizes", {"fontSizes": {"standard": size, "fixed": size}})
        page.wait_for_function("() => document.documentElement.scrollWidth <= 320")
    page.set_viewport_size({"width": 1280, "height": 720})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme


def add_authenticator(page: Page) -> None:
    """Have the page's passkeys made and kept by a virtual authenticator that asks nobody."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
