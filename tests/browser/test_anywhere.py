"""The site on anybody's device: as an app, without a network, after an upgrade, dark or light; and
its terms, which explain themselves."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.support import PASSWORD
from tests.support import site as sites
from tests.support.browser import Open, Visitors, findings, visiting, wait_on

pytestmark = pytest.mark.browser

KEPT = """async () => {
    const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
    const kept = await Promise.all(caches_.map((cache) => cache.keys()));
    return kept.flat().map(({ url }) => new URL(url).pathname);
}"""
WORKS = "() => navigator.serviceWorker?.controller?.state === 'activated'"


@pytest.fixture
def installed(visit: Open) -> Page:
    """The account page of alice, in a browser that has set up the worker."""
    page = visit("/account/", "alice", service_workers="allow")
    page.wait_for_function(WORKS)
    return page


def shown_offline(page: Page, path: str) -> str:
    """What a page says without a network."""
    page.context.set_offline(True)
    page.goto(path)
    return page.locator("body").inner_text()


def test_offline_every_page_is_the_offline_page_and_comes_back_with_the_network(
    installed: Page, peopled_site: sites.Site
) -> None:
    account = peopled_site.url + "/account/"
    devtools = installed.context.new_cdp_session(installed)
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["url"] == peopled_site.url + "/manifest.webmanifest"
    assert manifest["errors"] == []
    for path in ("/account/", "/draw/", "/rounds/"):
        assert "No connection" in shown_offline(installed, peopled_site.url + path)
        assert "alice" not in installed.content()
    for scheme in ("light", "dark"):
        installed.emulate_media(color_scheme=scheme)
        assert findings(installed) == [], scheme
    paper = installed.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(16, 19, 27)"
    shown_offline(installed, account)
    installed.context.set_offline(False)
    installed.get_by_role("heading", name="My account", exact=True).wait_for()
    kept = set(installed.evaluate(KEPT))
    assert {path for path in kept if not path.startswith("/static/")} == {"/offline/"}
    assert {re.sub(r"\.[0-9a-f]{12}\.", ".", path) for path in kept} == {
        "/offline/",
        *(f"/static/{name}" for name in ("css/bare.css", "css/tokens.css")),
        *(f"/static/{name}" for name in ("js/look.js", "js/offline.js", "img/favicon.svg")),
    }


def test_nobodys_page_is_left_for_whoever_signs_in_next(
    installed: Page, peopled_site: sites.Site
) -> None:
    page, url = installed, peopled_site.url
    page.goto(url + "/drawings/")
    page.click(".menu summary")
    page.click(".menu button")
    page.goto(url + "/accounts/sign-in/")
    page.fill("#id_username", "bob")
    page.fill("#id_password", PASSWORD)
    page.click("main form button")
    page.wait_for_url("**/draw/")
    page.goto(url + "/account/")
    assert "bob" in page.locator("header").inner_text()
    assert "alice" not in page.content()
    for path in ("/account/", "/drawings/", "/draw/"):
        assert "No connection" in shown_offline(page, url + path)
    reached = page.evaluate(
        "() => fetch('/api/attempts/').then((answer) => answer.status, () => 'no answer')"
    )
    assert reached == "no answer"


class Releases(ThreadingHTTPServer):
    """Stands before a site, and can show its next release: another offline page, whose style has
    another name; the old name is gone."""

    daemon_threads = True
    is_next = False

    def __init__(self, site: sites.Site) -> None:
        super().__init__(("127.0.0.1", 0), _PassedOn)
        self.site = site
        self.origin = f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if self.is_next and (old := re.search(r"css/bare\.[0-9a-f]{12}\.css", path)):
            return 404, {}, old[0].encode()
        asked = path.replace("bare.next.css", "bare.css")
        answer = httpx.get(self.site.url + asked, headers=headers, trust_env=False)
        body = answer.content
        if self.is_next and path in ("/worker.js", "/offline/"):
            text = re.sub(r"bare\.[0-9a-f]{12}\.css", "bare.next.css", answer.text)
            text = text.replace('"version": "', '"version": "next')
            body = text.replace("No connection", "Not connected").encode()
        told = {name: answer.headers.get(name, "") for name in ("Content-Type", "Cache-Control")}
        return answer.status_code, told, body


class _PassedOn(BaseHTTPRequestHandler):
    server: Releases

    def do_GET(self) -> None:
        wanted = {"Host": self.headers["Host"], "Accept-Encoding": "identity"}
        status, headers, body = self.server.answer(self.path, wanted)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *args: object) -> None:
        """Say nothing of it."""


@contextmanager
def releases(site: sites.Site) -> Iterator[Releases]:
    with Releases(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_after_an_upgrade_the_new_worker_shows_the_new_offline_page_and_keeps_nothing_old(
    browser: Browser, peopled_site: sites.Site
) -> None:
    with releases(peopled_site) as front, visiting(Visitors(browser, peopled_site)) as visit:
        page = visit("/gallery/", service_workers="allow")
        page.goto(front.origin + "/gallery/")
        page.wait_for_function(WORKS)
        assert "No connection" in shown_offline(page, front.origin + "/rounds/")
        page.goto("about:blank")  # or the offline page would look again by itself
        page.context.set_offline(False)
        front.is_next = True
        page.goto(front.origin + "/gallery/")
        wait_on(
            page,
            lambda: any(path.endswith("bare.next.css") for path in page.evaluate(KEPT)),
            "the next release's worker",
        )
        wait_on(page, lambda: len(page.evaluate("() => caches.keys()")) == 1, "the old to be gone")
        assert "Not connected" in shown_offline(page, front.origin + "/rounds/")
        page.goto("about:blank")  # or the offline page would look again by itself
        page.context.set_offline(False)


# Which colours the page is painted in when its body first is there.
AT_FIRST = """new MutationObserver((seen, watch) => {
    if (!document.body) return;
    window.atFirst ??= getComputedStyle(document.documentElement).getPropertyValue("--paper");
    watch.disconnect();
}).observe(document, { childList: true, subtree: true });"""
PAPER = {"light": "#f5f6f9", "dark": "#10131b"}


@pytest.mark.parametrize(("device", "chosen"), [("light", "dark"), ("dark", "light")])
def test_colours_are_as_chosen_from_the_first_moment_on_every_page_of_this_device(
    device: str, chosen: str, visit: Open, peopled_site: sites.Site
) -> None:
    page = visit("/rounds/", color_scheme=device)
    page.add_init_script(AT_FIRST)
    page.get_by_label("Colours").select_option(chosen)
    for path in ("/rounds/", "/gallery/", "/offline/"):
        page.goto(peopled_site.url + path)
        assert page.evaluate("() => window.atFirst.trim()") == PAPER[chosen], path
    page.go_back()
    bars = page.locator("meta[name=theme-color]").evaluate_all(
        "all => all.flatMap(({ media, content }) => matchMedia(media).matches ? [content] : [])"
    )
    assert bars == [PAPER[chosen]]
    assert findings(page) == []
    page.get_by_label("Colours").select_option("")
    page.reload()
    assert page.evaluate("() => window.atFirst.trim()") == PAPER[device]


def test_a_term_explains_itself_to_finger_keyboard_and_screen_reader(visit: Open) -> None:
    page = visit(
        "/leaderboard/?period=all",
        viewport={"width": 320, "height": 640},
        has_touch=True,
    )
    term, meaning = page.get_by_role("button", name="vMER"), page.locator("#term-vmer")
    term.tap()
    box = meaning.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme
    page.locator("h1").tap()
    assert not meaning.is_visible()
    term.focus()
    page.keyboard.press("Enter")
    assert "verified tricks ÷ all drawings that are decided" in meaning.inner_text()
    devtools = page.context.new_cdp_session(page)
    tree = devtools.send("Accessibility.getFullAXTree")["nodes"]
    [told] = [
        node
        for node in tree
        if node.get("name", {}).get("value") == "vMER" and "button" in str(node["role"])
    ]
    assert {"name": "expanded", "value": {"type": "booleanOrUndefined", "value": True}} in told[
        "properties"
    ]
    page.keyboard.press("Escape")
    assert not meaning.is_visible()
    assert page.evaluate("() => document.activeElement.textContent") == "vMER"
