"""The board is the screen: at every usual size of a window all that one draws with is seen without
scrolling, with a verdict and with an error too."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support import PASSWORD, penmanship
from tests.support.browser import OUTSIDE, Open, draw_with_mouse

pytestmark = pytest.mark.browser
SIZES = [
    (1366, 625),
    (1280, 720),
    (1280, 800),
    (1440, 900),
    (390, 664),
    (390, 844),
    (320, 568),
    (844, 390),
]
PARTS = "#board, #undo, #redo, #clear, #width"
DRAWN_WITH = f"#chooser, {PARTS}, #submit, #anew, #verdict, #error:not(:empty)"
TRIED_WITH = f"#reading, #bars, {PARTS}, #error:not(:empty)"
FOOLED = {"round": 1, "fooled": True, "status": "pending", "predicted_label": 9}
REFUSED = {"error": {"code": "copy", "message": "Exactly this drawing has been submitted. " * 2}}


# What is outside the window, how wide the page is, and how large the board.
SEEN = f"""async (parts) => {{
    scrollTo(0, 0);
    await new Promise(requestAnimationFrame);
    const {{ width, height }} = document.querySelector("#board").getBoundingClientRect();
    return [({OUTSIDE})(parts), document.documentElement.scrollWidth, width, height];
}}"""

# What a message is cut by, or lies over, and how far it is from the button that caused it.
AMISS = """async (parts) => {
    scrollTo(0, 0);
    await new Promise(requestAnimationFrame);
    const box = (part) => part.getBoundingClientRect();
    const error = document.querySelector("#error");
    const { top, bottom, left, right } = box(error);
    const over = [...document.querySelectorAll(parts)].filter((part) => {
        const other = box(part);
        return top < other.bottom && bottom > other.top && left < other.right && right > other.left;
    });
    const cut = box(error.parentElement).bottom + 1 < bottom || bottom > innerHeight || top < 0;
    const submit = document.querySelector("#submit");
    const away = submit ? Math.max(box(submit).top - bottom, top - box(submit).bottom) : 0;
    return [...over.map((part) => part.id), ...(cut ? ["cut"] : []), ...(away > 80 ? [away] : [])];
}"""


def look(page: Page, parts: str, state: str) -> None:
    """Nothing of it may be outside the window at any size."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        outside, wide, *board = page.evaluate(SEEN, parts)
        assert outside == [], (state, width, height)
        assert wide <= width, (state, width)
        assert abs(board[0] - board[1]) < 1
        assert board[1] >= min(width, height) * 0.6, (state, width, height)


def answering(page: Page, status: int, body: dict[str, Any]) -> None:
    page.unroute("**/api/attempts/")
    page.route(
        "**/api/attempts/",
        lambda route: route.fulfill(
            status=status, content_type="application/json", body=json.dumps(body)
        ),
    )


def test_drawing_needs_no_scrolling_at_any_size(visit: Open) -> None:
    page = visit("/draw/", "alice")
    mine = page.request.get(page.url.replace("/draw/", "/api/attempts/")).json()["results"][0]
    look(page, DRAWN_WITH, "empty")
    page.click('[data-digit="4"]')
    draw_with_mouse(page, penmanship.drawings(900, 1)[0][1])
    answering(page, 409, REFUSED)
    page.click("#submit")
    page.locator("#error:not(:empty)").wait_for()
    look(page, DRAWN_WITH, "refused")
    answer = FOOLED | {"id": mine["id"], "target_label": 4, "probabilities": [0.1] * 10}
    answering(page, 201, answer)
    page.click("#submit")
    page.locator('#verdict[data-fooled="true"]').wait_for()
    look(page, DRAWN_WITH, "judged")
    page.set_viewport_size({"width": 390, "height": 664})
    page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    page.locator("img[data-seen]").evaluate("image => image.decode()")
    page.click("#anew")  # in the bar, wherever one has scrolled to
    page.wait_for_function("() => window.scrollY === 0")


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_told_is_read_whole_and_covers_nothing_that_one_draws_with(
    visit: Open, language: str
) -> None:
    page = visit("/draw/", "alice", extra_http_headers={"Accept-Language": language})
    page.click('[data-digit="4"]')
    draw_with_mouse(page, penmanship.drawings(902, 1)[0][1])
    whose = {"code": "another_person", "message": "This page is another account’s: bob’s."}
    for status, body in ((409, REFUSED), (403, {"error": whose})):
        answering(page, status, body)
        page.click("#submit")
        page.locator("#error:not(:empty)").wait_for()
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            amiss = page.evaluate(AMISS, f"{PARTS}, #submit, #anew, #chooser button")
            assert amiss == [], (width, height, body)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_verdict_is_read_whole_on_a_phone(visit: Open, language: str) -> None:
    page = visit("/draw/", "alice", extra_http_headers={"Accept-Language": language})
    mine = page.request.get(page.url.replace("/draw/", "/api/attempts/")).json()["results"][0]
    for digit in (9, 4):
        said = {"predicted_label": digit, "fooled": digit != 4, "probabilities": [0.1] * 10}
        answering(page, 201, FOOLED | said | {"id": mine["id"], "target_label": 4})
        page.click('[data-digit="4"]')
        draw_with_mouse(page, penmanship.drawings(903 + digit, 1)[0][1])
        page.click("#submit")
        page.locator("#verdict[data-fooled]").wait_for()
        for width, height in ((390, 664), (320, 568)):
            page.set_viewport_size({"width": width, "height": height})
            cut = page.locator("#verdict").evaluate("it => it.scrollHeight - it.clientHeight")
            assert cut <= 0, (digit, width)
        page.click("#anew")
        page.set_viewport_size({"width": 1280, "height": 720})


COLOURS = "fills => fills.map(fill => getComputedStyle(fill).backgroundColor)"
NO_COLOUR = "rgba(0, 0, 0, 0)"


def test_trying_out_needs_none_and_shows_what_the_model_sees(visit: Open) -> None:
    page = visit("/try/")
    look(page, TRIED_WITH, "empty")
    draw_with_mouse(page, penmanship.drawings(901, 1)[0][1])
    page.locator("#bars [data-top]").wait_for()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert NO_COLOUR not in page.locator("#bars .fill").evaluate_all(COLOURS), width
    look(page, TRIED_WITH, "drawn")
    page.route(
        "**/api/predictions/",
        lambda route: route.fulfill(
            status=429, content_type="application/json", body=json.dumps(REFUSED)
        ),
    )
    draw_with_mouse(page, [{"x": [5, 60], "y": [5, 9], "t": [0, 9]}])
    page.locator("#error:not(:empty)").wait_for()
    look(page, TRIED_WITH, "a limit")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(AMISS, f"{PARTS}, #chooser button, .studio__submit") == [], width


def test_the_first_screen_after_sign_up_needs_no_scrolling(visit: Open) -> None:
    page = visit("/accounts/sign-up/", viewport={"width": 390, "height": 664}, has_touch=True)
    page.fill("#id_username", "nora")
    page.fill("#id_password", PASSWORD)
    page.click("main form button")
    page.locator(".messages").wait_for()
    page.wait_for_load_state()  # or the page that is measured has not all of its styles and scripts
    for width, height in ((390, 664), (320, 568)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(OUTSIDE, f"{DRAWN_WITH}, .messages") == []
