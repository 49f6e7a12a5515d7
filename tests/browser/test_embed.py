"""The try-out within another site's page, in Chromium: framed by who is named, by nobody else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Frame, Page

from tests.support import penmanship
from tests.support import site as sites
from tests.support.browser import draw_with_mouse, findings

pytestmark = pytest.mark.browser

NAME = """
from collector.models import Person
from collector.study import settings
settings.change(Person.objects.get(username="admin"), embed_origins={origins!r})
"""


@contextmanager
def other_site(framed: str) -> Iterator[str]:
    """The origin of a site whose page frames that address."""
    html = f'<!doctype html><title>Lab</title><iframe src="{framed}" width="320" height="640"'
    html += ' style="border: 0"></iframe>'

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sites.Site]:
    with sites.site("sqlite", tmp_path_factory.mktemp("embed"), DADC_LIMIT_SCALE="100") as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 340, "height": 700})
    yield context.new_page()
    context.close()


def frame_of(page: Page) -> Frame:
    page.wait_for_load_state("networkidle")
    [frame] = [frame for frame in page.frames if frame != page.main_frame]
    return frame


def test_a_named_site_frames_the_try_out_and_its_visitors_draw_without_any_cookie(
    site: sites.Site, page: Page
) -> None:
    with other_site(site.url + "/embed/") as origin:
        site.python(NAME.format(origins=origin))
        page.goto(origin)
        frame = frame_of(page)
        frame.locator("#canvas").wait_for()
        assert frame.evaluate("document.documentElement.scrollWidth") <= 320
        frame.click('[data-digit="4"]')
        strokes = next(strokes for label, strokes in penmanship.drawings(12, 10) if label == 4)
        draw_with_mouse(page, strokes, within=frame)
        # A part of it may have been read as another digit meanwhile.
        frame.get_by_text("It sees your 4.", exact=True).wait_for()
        frame.locator("#clear").click()
        frame.locator("#canvas").focus()
        for key in ("1", "Space", *["ArrowDown"] * 20, "Space"):
            page.keyboard.press(key)
        frame.locator("#bars [data-top]").wait_for()
        play = frame.get_by_role("link", name="Play")
        with page.context.expect_page() as opened:
            play.click()
        assert opened.value.url == site.url + "/"
        opened.value.close()
        assert [cookie for cookie in page.context.cookies() if "session" in cookie["name"]] == []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert findings(frame) == [], scheme


def test_another_site_frames_nothing_of_ours(site: sites.Site, page: Page) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    with other_site(site.url + "/embed/") as named, other_site(site.url + "/try/") as wrong_page:
        with other_site(site.url + "/embed/") as another:
            site.python(NAME.format(origins=named))
            for origin in (another, wrong_page):
                told.clear()
                page.goto(origin)
                assert frame_of(page).url.startswith("chrome-error://"), origin
                assert any("frame-ancestors" in text for text in told), told
            page.goto(named)
            assert frame_of(page).url == site.url + "/embed/"
        site.python(NAME.format(origins=wrong_page))
        page.goto(wrong_page)
        assert frame_of(page).url.startswith("chrome-error://"), "of one page alone"
