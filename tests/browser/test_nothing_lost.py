"""What was drawn arrives once, at the right account, whatever answers in the site's place and
whatever other tabs do."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.support import penmanship
from tests.support.browser import Open, draw_with_mouse, sent, wait_on

pytestmark = pytest.mark.browser
API = "**/api/attempts/"
PORTAL = "<!doctype html><title>Wi-Fi</title><p>Please sign in.</p>"


@pytest.fixture(scope="module")
def seeds() -> Iterator[int]:
    """Of drawings, each used once."""
    return count(600)


def draw(page: Page, seed: int) -> int:
    """Choose a digit, draw it; return it."""
    label, strokes = penmanship.drawings(seed, 1)[0]
    page.click(f'[data-digit="{label}"]')
    draw_with_mouse(page, strokes)
    return label


def submitted(page: Page) -> list[Any]:
    """The newest drawings of who is signed in, as the API tells them."""
    results: list[Any] = page.request.get(
        page.url.partition("/draw/")[0] + "/api/attempts/"
    ).json()["results"]
    return results


def keys_kept(page: Page) -> list[str]:
    kept: list[str] = page.evaluate(
        "() => Object.keys(localStorage).filter((name) => name.startsWith('outbox:'))"
    )
    return kept


def next_try(page: Page, bodies: list[Any]) -> int:
    """Have the page try now what it waits with; return how often it has tried."""
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    return len(bodies)


def verdict(page: Page) -> None:
    page.locator("#verdict[data-fooled]").wait_for()


def nothing_on_the_pad(page: Page) -> None:
    page.locator("#verdict", has_text="Can you fool it?").wait_for()
    assert page.locator("#clear").is_disabled()
    assert page.locator("#submit").is_disabled()


def waiting(page: Page) -> None:
    page.locator("#error", has_text="will be sent by itself").wait_for()


@pytest.mark.survives(
    "A network's sign-in page, or half an answer, in place of the verdict",
    "The drawing is kept, the page says so, and it is sent again and judged once",
)
def test_what_is_no_answer_of_ours_loses_nothing(visit: Open, seeds: Iterator[int]) -> None:
    page = visit("/draw/", "bob")
    before = len(submitted(page))
    places = ["html", "json", "refusal", "cut short"]

    def instead(route: Route) -> None:
        if not places:
            route.continue_()
            return
        kind = places.pop(0)
        if kind == "html":
            route.fulfill(status=200, content_type="text/html", body=PORTAL)
        elif kind == "json":
            route.fulfill(status=200, content_type="application/json", body='{"ok": true}')
        elif kind == "refusal":
            route.fulfill(status=403, content_type="text/html", body=PORTAL)
        else:
            answer = route.fetch()
            assert answer.status == 201
            route.fulfill(response=answer, body=answer.text()[:40])

    draw(page, next(seeds))
    page.route(API, instead)
    bodies = sent(page, "/api/attempts/")
    page.click("#submit")
    waiting(page)
    assert len(keys_kept(page)) == 1
    wait_on(page, lambda: next_try(page, bodies) == 5, "a try more than there are false answers")
    verdict(page)
    assert len(bodies) == 5
    assert len({body["client_key"] for body in bodies}) == 1
    assert len(submitted(page)) == before + 1
    assert keys_kept(page) == []


@pytest.mark.survives(
    "Two tabs, both offline, a drawing in each", "Both are kept apart, and both arrive"
)
def test_two_tabs_keep_a_drawing_each(visit: Open, seeds: Iterator[int]) -> None:
    one = visit("/draw/", "bob")
    before = len(submitted(one))
    other = one.context.new_page()
    other.goto(one.url)
    one.context.set_offline(True)
    for page in (one, other):
        draw(page, next(seeds))
        page.click("#submit")
        waiting(page)
    assert len(keys_kept(one)) == 2
    one.locator("#kept", has_text="1 drawing waits").wait_for()
    one.context.set_offline(False)
    for page in (one, other):
        verdict(page)
    assert len(submitted(one)) == before + 2


def test_what_closed_tabs_left_is_sent_by_the_next(visit: Open, seeds: Iterator[int]) -> None:
    page = visit("/draw/", "bob")
    before = len(submitted(page))
    page.context.set_offline(True)
    for _ in range(2):  # a new picture is begun while the first waits
        draw(page, next(seeds))
        page.click("#submit")
        waiting(page)
        page.click("#anew")
    page.locator("#kept", has_text="2 drawings wait").wait_for()
    fresh = page.context.new_page()
    page.close()
    fresh.context.set_offline(False)
    fresh.goto(page.url)
    fresh.locator("#later", has_text="An earlier drawing").wait_for()
    wait_on(fresh, lambda: not keys_kept(fresh), "all to be sent")
    assert len(submitted(fresh)) == before + 2


def become(context: BrowserContext, somebody: Page) -> None:
    """As if they had signed in in another tab."""
    context.clear_cookies()
    context.add_cookies(somebody.context.cookies())  # type: ignore[arg-type]


@pytest.mark.survives(
    "Somebody else signs in in another tab, and the first tab submits",
    "Refused and told; the drawing is kept for whom it is of, and sent once they are back",
)
def test_a_drawing_is_never_another_accounts(visit: Open, seeds: Iterator[int]) -> None:
    alices, bobs = visit("/draw/", "alice"), visit("/draw/", "bob")
    own = visit("/draw/", "bob")
    before = len(submitted(alices)), len(submitted(bobs))
    draw(bobs, next(seeds))
    become(bobs.context, alices)
    bobs.click("#submit")
    bobs.locator("#error", has_text="kept for bob").wait_for()
    assert "alice is signed in" in bobs.locator("#error").inner_text()
    assert len(submitted(alices)) == before[0]
    bobs.click("#error a")
    bobs.locator("#clear").wait_for()
    assert bobs.locator("#clear").is_disabled(), "alice sees nothing of it"
    assert len(submitted(alices)) == before[0]
    become(bobs.context, own)
    bobs.reload()
    verdict(bobs)
    assert len(submitted(bobs)) == before[1] + 1


def test_a_reload_shows_the_verdict_and_sends_nothing(visit: Open, seeds: Iterator[int]) -> None:
    page = visit("/draw/", "bob")
    label = draw(page, next(seeds))
    page.click("#submit")
    verdict(page)
    said = page.locator("#verdict [data-part=line]").inner_text()
    bodies = sent(page, "/api/attempts/")
    page.reload()
    verdict(page)
    assert page.locator("#verdict [data-part=line]").inner_text() == said
    assert page.locator("#submit").inner_text() == "Submitted"
    assert page.locator(f'[data-digit="{label}"]').get_attribute("aria-pressed") == "true"
    assert bodies == []


def test_coming_back_what_was_submitted_is_off_the_pad_and_what_was_not_is_still_on_it(
    visit: Open, seeds: Iterator[int]
) -> None:
    page = visit("/draw/", "bob")
    label = draw(page, next(seeds))
    page.click("nav >> text=My drawings")
    page.go_back()
    assert page.locator(f'[data-digit="{label}"]').get_attribute("aria-pressed") == "true"
    assert page.locator("#submit").inner_text() == f"Submit as a {label}"
    bodies = sent(page, "/api/attempts/")
    page.click("#submit")
    verdict(page)
    page.click("nav >> text=My drawings")
    page.go_back()
    nothing_on_the_pad(page)
    _, strokes = penmanship.drawings(next(seeds), 1)[0]
    draw_with_mouse(page, strokes)
    page.click("#submit")
    verdict(page)
    assert len(bodies[1]["strokes"]) == len(strokes)
    page.click("nav >> text=My drawings")
    page.click("nav >> text=Draw >> nth=0")
    nothing_on_the_pad(page)


def test_a_page_put_aside_whole_comes_back_without_what_was_submitted(
    visit: Open, seeds: Iterator[int]
) -> None:
    page = visit("/draw/", "bob")
    draw(page, next(seeds))
    page.click("#submit")
    verdict(page)
    with page.expect_navigation():
        page.evaluate(
            "() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
        )
    nothing_on_the_pad(page)


def test_what_an_earlier_version_of_the_page_kept_is_sent(
    visit: Open, seeds: Iterator[int]
) -> None:
    page = visit("/draw/", "bob")
    before = len(submitted(page))
    label, strokes = penmanship.drawings(next(seeds), 1)[0]
    body = {"client_key": "7d3c1f7e-3f0e-4a64-9b55-2f6e6a2f9f10", "target_label": label}
    page.evaluate(
        "(body) => localStorage.setItem("
        "`outbox:${document.documentElement.dataset.person}`, JSON.stringify(body))",
        body | {"strokes": strokes, "width": 22},
    )
    page.reload()
    page.locator("#later", has_text="An earlier drawing").wait_for()
    assert len(submitted(page)) == before + 1
    assert keys_kept(page) == []
