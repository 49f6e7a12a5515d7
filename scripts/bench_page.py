"""The pages where people work, in Chromium: what a first visit to the draw page loads, how soon a
fresh site answers, how soon ink is painted with and without a live preview; and how long a
moderator, who reads a hundred of two thousand by keyboard, waits for the next.

Starts a site of its own. From an input event to the frame that shows it is what people feel, as
fast as this machine is and with the browser's processor slowed four times, as a phone is next to a
desktop; beside it the same page without a preview, in the same run.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.support import PASSWORD, needs, penmanship
from tests.support import site as sites
from tests.support.browser import FLAGS, draw_with_mouse

SPEEDS = {1: "", 4: ", four times slower"}
DRAWINGS = 8
FIRST = 20
WAITING, READINGS, LOOKS = 2_000, 100, (500, 0)  # milliseconds that each is looked at
MORE_WAITING = f"""
import hashlib, uuid
from collector.models import Attempt
made = list(Attempt.objects.filter(status="pending"))
for number in range({WAITING} - len(made)):
    one = made[number % len(made)]
    one.pk, one.pixels_sha256 = uuid.uuid4(), hashlib.sha256(b"%d" % number).hexdigest()
    one._state.adding = True
    one.save(force_insert=True)
print(Attempt.objects.filter(status="pending").count())
"""
# From each event to the first task after the frame that its handlers led to.
WATCH = """
window.waits = { move: [], press: [] };
const after = new MessageChannel();
const painted = [];
after.port1.onmessage = () => {
  const now = performance.now();
  painted.splice(0).forEach(([kind, at]) => waits[kind].push(now - at));
};
const note = (kind) => (event) => requestAnimationFrame(() => {
  painted.push([kind, event.timeStamp]);
  after.port2.postMessage(0);
});
document.addEventListener("pointermove", note("move"), true);
for (const press of ["pointerdown", "pointerup", "keydown"])
  document.addEventListener(press, note("press"), true);
"""
# From each key to the frame that shows another drawing.
WATCH_READING = """
window.shown = [];
const panel = document.querySelector("#assignment");
let pressed = 0;
document.addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
const look = () => {
  const { id } = panel.dataset;
  if (!id || shown.at(-1)?.[0] === id) return;
  requestAnimationFrame(() => requestAnimationFrame((now) => shown.push([id, now - pressed])));
};
new MutationObserver(look).observe(panel, { attributes: true, attributeFilter: ["data-id"] });
look();
"""


def main() -> int:
    if not needs.CHROMIUM.exists():
        print(f"No Chromium at {needs.CHROMIUM}: the draw page is not measured.", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory() as data,
        sync_playwright() as playwright,
        sites.site("sqlite", Path(data), DADC_LIMIT_SCALE="1000", DADC_LIVE_PREVIEW="1") as site,
    ):
        answers = answers_of(site)
        alice = site.person("alice")
        for label, strokes, width in penmanship.fooling(2, 20):
            body = {"target_label": label, "strokes": strokes, "width": width}
            assert alice.post("/api/attempts/", body).status == 201
        assert site.python(MORE_WAITING) == str(WAITING)
        browser = playwright.chromium.launch(executable_path=needs.CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        sign_in(page, site.url, "alice")
        devtools = page.context.new_cdp_session(page)
        loaded, files = first_load(page, devtools, site.url)
        waits: dict[tuple[int, bool], dict[str, list[float]]] = {}
        for slower in SPEEDS:
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
            waits |= {(slower, live): waits_of(page, site, live) for live in (True, False)}
        page.context.close()
        read = {look: read_a_hundred(browser, site, look) for look in LOOKS}
        browser.close()
    print("| what | measured | beside it | ratio |\n| --- | --- | --- | ---: |")
    first = (
        f"{loaded / 1000:.1f} kB in {files} files | the limit: 150 kB | {loaded / 150_000:.2f} |"
    )
    print(f"| the draw page's first load, compressed | {first}")
    slowest, usual = max(answers[:FIRST]), median(answers[FIRST:])
    answered = (
        f"the slowest of the first {FIRST}: {slowest:.0f} ms | median of the next: {usual:.0f} ms"
    )
    print(f"| a fresh site's answers to a drawing | {answered} | {slowest / usual:.1f} |")
    for slower, named in SPEEDS.items():
        for kind, what in (("move", "from a move of the pen"), ("press", "from a press")):
            live, still = waits[slower, True][kind], waits[slower, False][kind]
            ratio = median(live) / median(still)
            print(
                f"| {what} to paint{named} | with a preview: {told(live)} | without: "
                f"{told(still)} | {ratio:.2f} |"
            )
    for look, took in read.items():
        print(
            f"| the next drawing to read, {WAITING:,} waiting, each looked at for {look} ms | "
            f"95 % within {sorted(took)[95 * len(took) // 100]:.0f} ms, {told(took)} | "
            f"the limit: 300 ms | {sorted(took)[95 * len(took) // 100] / 300:.2f} |"
        )
    return 0


def answers_of(site: sites.Site) -> list[float]:
    """Milliseconds that previews take, one after another, from the first that the site is asked
    for."""
    [(_, strokes)] = penmanship.drawings(3, 1)
    times = []
    for _ in range(FIRST + 200):
        began = time.perf_counter()
        assert sites.Client(site).post("/api/predictions/", {"strokes": strokes}).status == 200
        times.append(1000 * (time.perf_counter() - began))
    return times


def sign_in(page: Page, url: str, who: str) -> None:
    page.goto(f"{url}/accounts/sign-in/")
    page.fill("#id_username", who)
    page.fill("#id_password", PASSWORD)
    page.click("main form button")
    page.wait_for_url(lambda address: "sign-in" not in address)


def first_load(page: Page, devtools: CDPSession, url: str) -> tuple[int, int]:
    """Bytes over the wire, headers included, and files, with an empty cache."""
    sizes: list[float] = []
    devtools.send("Network.enable")
    devtools.send("Network.clearBrowserCache")
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"{url}/draw/", wait_until="networkidle")
    return round(sum(sizes)), len(sizes)


def waits_of(page: Page, site: sites.Site, live: bool) -> dict[str, list[float]]:
    """Milliseconds from events to paint, while some digits are drawn."""
    site.python(
        f"from collector.models import Study; Study.objects.update(has_live_preview={live})"
    )
    page.goto(f"{site.url}/draw/", wait_until="networkidle")
    page.evaluate(WATCH)
    asked: list[Any] = []
    page.on(
        "request",
        lambda request: (
            asked.append(request) if request.url.endswith("/api/predictions/") else None
        ),
    )
    for label, strokes in penmanship.drawings(3, DRAWINGS)[:DRAWINGS]:
        page.keyboard.press(str(label))
        draw_with_mouse(page, strokes, whole=True)
        page.keyboard.press("n")
    assert bool(asked) == live, f"{len(asked)} previews were asked for"
    waits: dict[str, list[float]] = page.evaluate("waits")
    return waits


def read_a_hundred(browser: Browser, site: sites.Site, look: int) -> list[float]:
    """Milliseconds from a moderator's key to the next drawing; none comes twice, none is left."""
    reader = f"reader{look}"
    site.person(reader, "moderator")
    page = browser.new_context().new_page()
    sign_in(page, site.url, reader)
    page.goto(f"{site.url}/moderate/")
    page.wait_for_selector("#assignment:not([data-id=''])")
    page.evaluate(WATCH_READING)
    for given in range(READINGS):
        page.wait_for_function("given => shown.length > given", arg=given)
        page.wait_for_timeout(look)
        page.wait_for_selector("#assignment:not([data-fresh])")
        page.keyboard.press("4")
        if page.locator("#go-on").is_visible():
            page.click("#go-on")
    page.wait_for_function("given => shown.length > given", arg=READINGS)
    shown: list[tuple[str, float]] = page.evaluate("shown")
    page.context.close()
    assert len({drawing for drawing, _ in shown}) == READINGS + 1, "none comes twice"
    return [wait for _, wait in shown[1:]]


def told(waits: list[float]) -> str:
    late = sorted(waits)[int(0.99 * (len(waits) - 1))]
    return f"median {median(waits):.0f} ms, 99 % within {late:.0f} ms, of {len(waits)}"


if __name__ == "__main__":
    sys.exit(main())
