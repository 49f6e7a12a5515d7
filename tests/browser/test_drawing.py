"""Drawing in Chromium: mouse, finger and keys; the verdict; nothing is lost offline or by loading
the page again."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Request, Route

from tests.support import penmanship
from tests.support.browser import (
    Open,
    draw_with_mouse,
    findings,
    fooling_with_the_usual_pen,
    sent,
    wait_on,
)

pytestmark = pytest.mark.browser

Drawings = Callable[[], tuple[int, penmanship.Strokes]]


@pytest.fixture(scope="module")
def next_fooling() -> Drawings:
    """Digits in the page's own pen width that fool round 1's model, each once."""
    found = fooling_with_the_usual_pen()
    return lambda: next(found)


def test_a_drawing_that_fools_gets_its_moment(visit: Open, next_fooling: Drawings) -> None:
    page = visit("/draw/", "bob", reduced_motion="no-preference")
    label, strokes = next_fooling()
    assert page.locator("#submit").is_disabled()
    page.click(f'[data-digit="{label}"]')
    draw_with_mouse(page, strokes)
    page.click("#submit")
    page.locator('#verdict[data-fooled="true"]').wait_for()
    assert f"You say {label}" in page.locator("#verdict").inner_text()
    assert page.locator("#bars .share").all_inner_texts() != [""] * 10
    page.locator("img[data-seen]").evaluate("image => image.decode()")
    assert page.locator("img[data-seen]").evaluate("image => image.naturalWidth") == 28
    page.locator("img[data-attribution]").evaluate("image => image.decode()")
    assert page.locator("img[data-attribution]").evaluate("image => image.naturalWidth") == 28
    assert (
        page.locator("[data-part=attribution]")
        .inner_text()
        .startswith(f"Amber ink spoke for {label}, ")
    )
    assert findings(page) == []
    page.keyboard.press("w")
    page.keyboard.type("I bent its foot, 9 times.")
    page.keyboard.press("Enter")
    page.get_by_text("Kept. Thank you.").wait_for()
    assert page.evaluate("document.activeElement.id") == "canvas"
    page.reload()
    assert page.input_value("#reason") == "I bent its foot, 9 times."
    page.click("#verdict [data-part=link]")
    assert "What became of it" in page.locator("main").inner_text()
    page.click("[data-retract]")
    page.get_by_role("button", name="Yes, take it back for good").click()
    page.locator(".timeline", has_text="You took it back").wait_for()


def test_a_near_copy_of_a_fool_is_told_that_it_earns_nothing(
    visit: Open, next_fooling: Drawings
) -> None:
    page = visit("/draw/", "bob")
    label, strokes = next_fooling()
    for more, shout in (
        ([], "Fooled!"),
        ([{"x": [4, 8], "y": [4, 6], "t": [0, 9]}], "Fooled again."),
    ):
        page.click(f'[data-digit="{label}"]')
        draw_with_mouse(page, [*strokes, *more])
        page.click("#submit")
        page.locator('#verdict[data-fooled="true"]').wait_for()
        assert shout in page.locator("#verdict").inner_text()
        page.click("#anew")


def test_a_challenge_chooses_its_digit_and_a_link_can_too(visit: Open) -> None:
    page = visit("/draw/", "bob")
    challenge = page.locator("[data-choose]")
    challenge.click()
    chosen = page.locator('[data-digit][aria-pressed="true"]')
    assert chosen.inner_text() == challenge.get_attribute("data-choose")
    page = visit("/draw/?digit=4", "bob")
    assert chosen.page != page
    assert page.locator('[data-digit][aria-pressed="true"]').inner_text() == "4"


def test_what_is_sent_is_the_contracts_drawing(visit: Open) -> None:
    page = visit("/draw/", "bob")
    bodies = sent(page, "/api/attempts/")
    page.keyboard.press("7")
    page.locator("#width").fill("30")
    draw_with_mouse(page, penmanship.drawings(41, 1)[0][1])
    page.keyboard.press("Enter")
    page.locator("#verdict[data-fooled]").wait_for()
    [body] = bodies
    assert set(body) == {"target_label", "strokes", "width", "client_key"}
    assert body["target_label"] == 7
    assert body["width"] == 30
    times = [t for stroke in body["strokes"] for t in stroke["t"]]
    assert times == sorted(times)
    assert times[0] == 0
    for stroke in body["strokes"]:
        assert set(stroke) == {"x", "y", "t"}
        assert all(type(v) is int and 0 <= v < 280 for v in stroke["x"] + stroke["y"])


def test_one_goes_on_from_the_same_picture(visit: Open) -> None:
    page = visit("/draw/", "bob")
    bodies = sent(page, "/api/attempts/")
    label, strokes = penmanship.drawings(42, 1)[0]
    page.click(f'[data-digit="{label}"]')
    draw_with_mouse(page, strokes)
    page.click("#submit")
    page.locator("#verdict[data-fooled]").wait_for()
    assert page.locator("#submit").is_disabled()
    draw_with_mouse(page, [{"x": [5, 60], "y": [5, 9], "t": [0, 9]}])
    page.click("#submit")
    page.locator("#verdict[data-fooled]").wait_for()
    assert len(bodies[1]["strokes"]) == len(bodies[0]["strokes"]) + 1
    assert bodies[1]["client_key"] != bodies[0]["client_key"]
    page.click("#anew")
    assert page.locator("#clear").is_disabled()
    assert page.locator("#submit").is_disabled()


def test_undo_redo_and_clear(visit: Open) -> None:
    page = visit("/try/")
    draw_with_mouse(
        page,
        [
            {"x": [50, 200], "y": [50, 50], "t": [0, 9]},
            {"x": [50, 200], "y": [90, 90], "t": [0, 9]},
        ],
    )
    page.keyboard.press("z")
    page.click("#undo")
    assert page.locator("#undo").is_disabled()
    page.click("#redo")
    assert page.locator("#undo").is_enabled()
    page.click("#clear")
    assert page.locator("#clear").is_disabled()


def test_drawing_without_a_mouse(visit: Open) -> None:
    page = visit("/draw/", "bob")
    bodies = sent(page, "/api/attempts/")
    page.locator("#canvas").focus()
    for key in ("1", " ", *["ArrowDown"] * 8, *["Shift+ArrowRight"] * 2, " ", "Enter"):
        page.keyboard.press("Space" if key == " " else key)
    page.locator("#verdict[data-fooled]").wait_for()
    [stroke] = bodies[0]["strokes"]
    assert (stroke["x"][0], stroke["y"][0]) == (140, 140)
    assert (stroke["x"][-1], stroke["y"][-1]) == (144, 220)


def test_a_finger_draws_and_the_page_does_not_scroll(visit: Open) -> None:
    page = visit("/try/", viewport={"width": 390, "height": 844}, has_touch=True)
    box = page.locator("#canvas").bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    x, y = box["x"] + 100, box["y"] + 100
    session.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 12):
        session.send(
            "Input.dispatchTouchEvent",
            {"type": "touchMove", "touchPoints": [{"x": x, "y": y + 12 * step}]},
        )
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.locator("#bars [data-top]").wait_for()
    assert page.evaluate("() => window.scrollY") == 0


def test_the_try_out_page_follows_the_pen_with_one_request_at_a_time(visit: Open) -> None:
    page = visit("/try/")
    under_way = most = 0

    def slow(route: Route) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        route.continue_()

    def done(request: Request) -> None:
        nonlocal under_way
        under_way -= request.url.endswith("/api/predictions/")

    bodies = sent(page, "/api/predictions/")
    page.route("**/api/predictions/", slow)
    page.on("requestfinished", done)
    page.clock.install()
    draw_with_mouse(page, penmanship.drawings(43, 1)[0][1])
    page.locator("#bars [data-top]").wait_for()
    for _ in range(3):  # what is left to be asked is asked
        wait_on(page, lambda: under_way == 0, "the answer")
        page.clock.fast_forward("00:01")
    wait_on(page, lambda: under_way == 0, "the last answer")
    asked = len(bodies)
    page.clock.fast_forward("10:00")
    draw_with_mouse(page, [{"x": [5, 60], "y": [5, 9], "t": [0, 9]}])
    wait_on(page, lambda: len(bodies) > asked, "another question")
    assert most == 1
    assert len(bodies[asked]["strokes"]) == len(bodies[asked - 1]["strokes"]) + 1, (
        "nothing was asked meanwhile"
    )


@pytest.mark.survives(
    "a page without network, loaded again, or signed out meanwhile",
    "the drawing stays, and is sent once",
)
def test_a_submission_waits_for_the_network_and_is_sent_once(visit: Open) -> None:
    page = visit("/draw/", "bob")
    label, strokes = penmanship.drawings(44, 1)[0]
    page.click(f'[data-digit="{label}"]')
    draw_with_mouse(page, strokes)
    bodies = sent(page, "/api/attempts/")
    page.context.set_offline(True)
    page.click("#submit")
    page.locator("#error:not(:empty)").wait_for()
    assert "will be sent by itself" in page.locator("#error").inner_text()
    page.context.set_offline(False)
    page.locator("#verdict[data-fooled]").wait_for()
    assert page.locator("#error").inner_text() == ""
    assert len({body["client_key"] for body in bodies}) == 1


@pytest.mark.survives(
    "a page without network, loaded again, or signed out meanwhile",
    "the drawing stays, and is sent once",
)
def test_nothing_is_lost_when_the_page_is_loaded_again(visit: Open) -> None:
    page = visit("/draw/", "bob")
    label, strokes = penmanship.drawings(45, 1)[0]
    page.click(f'[data-digit="{label}"]')
    draw_with_mouse(page, strokes)
    page.reload()
    assert page.locator(f'[data-digit="{label}"]').get_attribute("aria-pressed") == "true"
    page.route("**/api/attempts/", lambda route: route.abort())
    first = sent(page, "/api/attempts/")
    page.click("#submit")
    page.locator("#error:not(:empty)").wait_for()
    page.unroute("**/api/attempts/")
    second = sent(page, "/api/attempts/")
    page.reload()
    page.locator("#verdict[data-fooled]").wait_for()
    assert second[-1] == first[0]


def test_the_same_picture_again_is_refused_in_words(visit: Open) -> None:
    label, strokes = penmanship.drawings(46, 1)[0]
    page = visit("/draw/", "bob")
    for _ in range(2):
        page.click(f'[data-digit="{label}"]')
        draw_with_mouse(page, strokes)
        page.click("#submit")
        page.locator("#verdict[data-fooled], #error:not(:empty)").first.wait_for()
        if page.locator("#error").inner_text():
            break
        page.click("#anew")
    assert "already been submitted" in page.locator("#error").inner_text()


@pytest.mark.survives(
    "a page without network, loaded again, or signed out meanwhile",
    "the drawing stays, and is sent once",
)
def test_somebody_signed_out_keeps_the_drawing(visit: Open) -> None:
    page = visit("/draw/", "bob")
    label, strokes = penmanship.drawings(47, 1)[0]
    page.click(f'[data-digit="{label}"]')
    draw_with_mouse(page, strokes)
    page.context.clear_cookies()
    page.click("#submit")
    page.locator("#error a").wait_for()
    assert "no longer signed in" in page.locator("#error").inner_text()
    assert page.locator("#undo").is_enabled()
