"""Chromium as tests use it: pages opened as somebody, whose console has to stay silent; a drawing
mouse; axe."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Frame, Page, Request

from tests.support import penmanship
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


# Prints the key of a new session.
SESSION = """
from django.http import HttpRequest
from collector.models import Person
from collector.people import sessions
request = HttpRequest()
request.session = sessions.SessionStore()
sessions.begin(request, Person.objects.get(username={!r}))
request.session.save()
print(request.session.session_key)
"""
STILL = {"service_workers": "block", "reduced_motion": "reduce"}
MOST_KEPT = 4  # contexts; each has a process
# Says whether the clock is the real one.
FORGET = """() => {
    localStorage.clear();
    return String(setTimeout).includes("native code");
}"""


class Visitors:
    """Opens pages as anybody, and remembers what they wrote to the console.

    A context's first page costs Chromium as much as all that follows, so contexts are used again,
    emptied; each holds a page that keeps its process."""

    def __init__(self, browser: Browser, site: sites.Site) -> None:
        self.browser, self.site = browser, site
        self.complaints: list[str] = []
        self.sessions: dict[str, str] = {}
        self.taken: list[tuple[str, BrowserContext]] = []
        self.kept: list[tuple[str, BrowserContext]] = []  # the newest last

    def open(self, path: str, who: str | None = None, **options: Any) -> Page:
        """Without the site's worker, which is set up again in each context, and without motion,
        each picture of which Chromium paints, unless they are asked for. An empty path leaves the
        page as it is, to be made ready before it goes anywhere."""
        context = self._context(STILL | options)
        page = context.new_page()
        page.on("console", lambda message: self._note(path, message.type, message.text))
        page.on("pageerror", lambda error: self._note(path, "error", str(error)))
        if who:
            context.add_cookies([self.session(who)])
        if not path:
            return page
        page.goto(self.site.url + path)
        if who and not page.locator("html").get_attribute("data-person"):
            del self.sessions[who]  # another test has ended it
            context.add_cookies([self.session(who)])
            page.goto(self.site.url + path)
        return page

    def _context(self, options: dict[str, Any]) -> BrowserContext:
        kind = json.dumps(options, sort_keys=True)
        found = next((one for one in reversed(self.kept) if one[0] == kind), None)
        if found:
            self.kept.remove(found)
        else:
            found = kind, self.browser.new_context(**options)
            found[1].new_page().goto(self.site.url + "/healthz")
        self.taken.append(found)
        return found[1]

    def session(self, who: str) -> Any:
        """The cookie of somebody who is signed in."""
        if who not in self.sessions:
            self.sessions[who] = self.site.python(SESSION.format(who))
        return {"name": "sessionid", "value": self.sessions[who], "url": self.site.url}

    def _note(self, path: str, kind: str, text: str) -> None:
        # Chromium itself writes a line for every 4xx answer and every request made while offline.
        # And Playwright one for every page that is kept from setting up its worker.
        expected = "Failed to load resource" in text or "Service Worker registration" in text
        if kind in ("error", "warning") and not expected:
            self.complaints.append(f"{path}: {text}")

    def close(self) -> None:
        """Close the pages, and keep the contexts that can be as new."""
        for kind, context in self.taken:
            holding, *pages = context.pages
            for page in pages:
                page.close()
            context.set_offline(False)
            context.clear_cookies()
            if holding.evaluate(FORGET) and '"service_workers": "block"' in kind:
                self.kept.append((kind, context))
            else:
                context.close()
        self.taken.clear()
        while len(self.kept) > MOST_KEPT:
            self.kept.pop(0)[1].close()


@contextmanager
def visiting(visitors: Visitors) -> Iterator[Open]:
    """For one test: its pages are closed at the end, and none may have complained in its
    console."""
    visitors.complaints.clear()
    with closing(visitors):
        yield visitors.open
    assert visitors.complaints == []


def fooling_with_the_usual_pen() -> Iterator[tuple[int, penmanship.Strokes]]:
    """Digits that fool round 1's model in the pen's width that the draw page begins with."""
    for seed in range(500, 600):
        for label, written in penmanship.drawings(seed, 20):
            strokes = penmanship.thinned(written)
            if int(penmanship.read(penmanship.picture(strokes, 22)[None])[0]) != label:
                yield label, strokes


def wait_on(page: Page, what: Callable[[], object], why: str) -> None:
    """Until it is so. What a page's events tell is heard only while the page is asked something."""
    sites.wait_for(lambda: (page.evaluate("0"), what())[1], 15, why)


def draw_with_mouse(
    page: Page,
    strokes: penmanship.Strokes,
    whole: bool = False,
    within: Frame | None = None,
) -> None:
    """The strokes with the mouse on the canvas, of the page or a frame in it: each move takes
    Chromium a fiftieth of a second, so only where they turn, unless they are to be whole."""
    canvas = (within or page).locator("#canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    scale = box["width"] / 280
    for stroke in strokes if whole else penmanship.thinned(strokes):
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


# The rules that another scheme can break: it changes colours alone.
COLOURS = ["color-contrast", "link-in-text-block"]
# Every rule, or some; less is told of what passes, and styles are not fetched again for a rule that
# is off.
RUN_AXE = """async ([part, rules]) => {
    const told = { resultTypes: ["violations"], preload: { assets: ["media"] } };
    if (rules) told.runOnly = { type: "rule", values: rules };
    return (await axe.run(part ?? document, told)).violations;
}"""


def findings(
    page: Page | Frame, part: str | None = None, rules: list[str] | None = None
) -> list[str]:
    """What axe has to say of the page, or of a part of it, as it stands, by all rules or these."""
    page.wait_for_function(AT_REST)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"{AXE.read_text()}; 0")
    violations = page.evaluate(RUN_AXE, [part, rules])
    return [f"{v['id']}: {node['html']}" for v in violations for node in v["nodes"]]


def look_at(visit: Open, path: str, who: str | None = None, shown: str = "main") -> None:
    """Open a page on a narrow phone, where it has to fit, with the text twice as large too; then on
    a desk, light and dark, where axe may find nothing. `shown` is there once everything is."""
    page = visit(path, who, viewport={"width": 320, "height": 640}, has_touch=True)
    page.locator(shown).first.wait_for()
    page.wait_for_function(AT_REST)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
    devtools = page.context.new_cdp_session(page)
    for size in (32, 16):
        devtools.send("Page.setFontSizes", {"fontSizes": {"standard": size, "fixed": size}})
        page.wait_for_function("() => document.documentElement.scrollWidth <= 320")
    page.set_viewport_size({"width": 1280, "height": 720})
    assert findings(page) == []
    page.emulate_media(color_scheme="dark")
    assert findings(page, rules=COLOURS) == [], "dark"


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
