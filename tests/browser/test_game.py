"""The game on the draw page, and a stranger's way into it: what is seen before the verdict, what
changes without loading anything, and a drawing that goes along through sign-up."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route

from tests.support import PASSWORD, penmanship
from tests.support.browser import OUTSIDE, Open, draw_with_mouse, findings, sent, wait_on

pytestmark = pytest.mark.browser
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 664}, "has_touch": True}
MOST_TAPS = 5  # beside drawing
# What would be heard and felt.
LISTEN = """
    window.felt = [];
    const { start } = OscillatorNode.prototype;
    OscillatorNode.prototype.start = function (at) { felt.push("note"); start.call(this, at); };
    navigator.vibrate = () => felt.push("shake");
"""
HIDE = """(value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
FOOLED = {"round": 1, "fooled": True, "status": "pending", "original": True}


class Thumb:
    """Taps what is on the screen, and counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps = page, 0

    def tap(self, what: Locator) -> None:
        what.tap()
        self.taps += 1

    def sign_up(self, name: str) -> None:
        """The keyboard's “next” leads from the name to the password."""
        self.tap(self.page.locator("#id_username"))
        self.page.keyboard.type(name)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(PASSWORD)
        self.tap(self.page.get_by_role("button", name="Sign up"))
        self.page.wait_for_url("**/draw/")


def judged(page: Page) -> None:
    page.locator("#verdict[data-fooled]").wait_for()


def needs_no_scrolling(page: Page) -> None:
    parts = "#chooser, #board, #submit, #anew, #verdict, .messages"
    assert page.evaluate(OUTSIDE, parts) == []
    assert page.evaluate("() => scrollY") == 0


def hints(page: Page) -> list[str]:
    shown: list[str] = page.locator("#hints li").evaluate_all(
        "hints => hints.filter((hint) => hint.checkVisibility()).map((hint) => hint.dataset.hint)"
    )
    return shown


def test_a_new_person_on_a_phone_submits_a_first_drawing_in_five_taps(visit: Open) -> None:
    page = visit("/", **PHONE)
    thumb = Thumb(page)
    thumb.tap(page.locator("main").get_by_role("link", name="Sign up"))
    thumb.sign_up("signs.up.first")
    needs_no_scrolling(page)
    assert hints(page) == ["draw", "choose", "submit"]
    label, strokes = penmanship.drawings(950, 1)[0]
    draw_with_mouse(page, strokes)
    assert hints(page) == ["choose", "submit"]
    thumb.tap(page.locator(f'[data-digit="{label}"]'))
    assert hints(page) == ["submit"]
    thumb.tap(page.locator("#submit"))
    judged(page)
    assert thumb.taps <= MOST_TAPS
    page.reload()
    judged(page)
    page.click("#anew")
    assert hints(page) == []
    page.locator(".today__challenge").wait_for()


def test_a_strangers_drawing_goes_along_through_sign_up_and_is_submitted_at_once(
    visit: Open,
) -> None:
    page = visit("/", **PHONE)
    thumb = Thumb(page)
    thumb.tap(page.locator("main").get_by_role("link", name="Try it", exact=True))
    label, strokes = penmanship.drawings(951, 1)[0]
    draw_with_mouse(page, strokes)
    thumb.tap(page.locator(f'[data-digit="{label}"]'))
    page.locator("#reading", has_text=re.compile(f"(You say|your) {label}")).wait_for()
    thumb.tap(page.get_by_role("link", name="Keep this drawing: sign up"))
    page.locator("[data-kept]", has_text="is submitted at once").wait_for()
    assert findings(page) == []
    drawn = page.evaluate("() => JSON.parse(sessionStorage.getItem('kept-drawing')).strokes")
    bodies = sent(page, "/api/attempts/")
    thumb.sign_up("draws.first")
    judged(page)
    assert thumb.taps <= MOST_TAPS
    needs_no_scrolling(page)
    assert [(body["target_label"], body["strokes"]) for body in bodies] == [(label, drawn)]
    page.reload()
    judged(page)
    assert len(bodies) == 1
    assert hints(page) == []


@pytest.mark.survives(
    "Somebody else signs in where a stranger left a drawing on its way",
    "It is neither shown nor submitted as theirs",
)
def test_a_kept_drawing_is_only_theirs_who_had_it_in_sight(visit: Open) -> None:
    page = visit("/try/")
    draw_with_mouse(page, penmanship.drawings(952, 1)[0][1])
    page.click("a.button[data-keep]")
    page.wait_for_url("**/sign-up/")
    page.fill("#id_username", "bob")  # who is there already, so that this is refused
    page.fill("#id_password", PASSWORD + "!")
    page.click("main form button")
    page.locator("#id_username_error").wait_for()
    page.context.add_cookies(visit("/draw/", "alice").context.cookies())  # type: ignore[arg-type]
    page.goto(page.url.replace("/accounts/sign-up/", "/draw/"))
    assert page.locator("#clear").is_disabled()
    page.context.clear_cookies()
    page.goto(page.url.replace("/draw/", "/accounts/sign-in/"))
    page.locator("[data-kept]", has_text="then you say which digit it is").wait_for()
    bodies = sent(page, "/api/attempts/")
    page.fill("#id_username", "Bob")
    page.fill("#id_password", PASSWORD)
    page.click("main form button.button--primary")
    page.wait_for_url("**/draw/")
    assert page.locator("#submit").inner_text() == "Submit"
    assert page.locator("#clear").is_enabled()
    assert bodies == []


def test_a_drawing_can_be_left_behind(visit: Open) -> None:
    page = visit("/try/")
    draw_with_mouse(page, penmanship.drawings(953, 1)[0][1])
    page.click("a.button[data-keep]")
    page.click("[data-forget]")
    assert page.evaluate("() => sessionStorage.length") == 0
    assert not page.locator("[data-kept]").is_visible()


def test_before_the_verdict_stands_the_game_and_it_goes_on_by_itself_while_it_is_looked_at(
    visit: Open,
) -> None:
    page = visit("/draw/", "alice")
    assert not page.locator("#bars").is_visible()
    page.locator(".today__challenge").wait_for()
    page.locator(
        '[data-game="today"]', has_text=re.compile(r"\d of \d+ tricks verified, ")
    ).wait_for()
    assert findings(page) == []
    said = page.request.get(f"{page.url}today/?whole").json()
    later = said | {"today": "9 of 99 verified", "confirmed": "1 trick", "confirmed_count": 1}
    later |= {"badge_name": "Hot round", "have": said["need"], "digit": 3}
    asked: list[str] = []

    def tell(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json=later)

    page.route("**/draw/today/**", tell)
    page.clock.install()
    page.reload()
    page.locator('[data-game="today"]', has_text="9 of 99 verified").wait_for()
    page.locator('[data-game="confirmed"]', has_text="1 trick").wait_for()
    wait_on(page, lambda: [url.endswith("whole") for url in asked] == [False, True], "the whole")
    assert page.locator('[data-game="badge_name"]').inner_text() == "Hot round"
    assert page.locator("#next-model").evaluate("it => it.value === it.max")
    assert page.locator("[data-choose]").get_attribute("data-choose") == "3"
    page.evaluate(HIDE, True)
    page.clock.fast_forward(60_000)
    assert len(asked) == 2, "nobody looks"
    page.evaluate(HIDE, False)
    wait_on(page, lambda: len(asked) == 3, "somebody looks again")


def test_a_trick_is_heard_and_felt_by_whom_wants_that_and_its_card_can_be_saved(
    visit: Open,
) -> None:
    page = visit("/draw/", "alice", reduced_motion="no-preference")
    page.add_init_script(LISTEN)

    def fool() -> list[str]:
        page.click('[data-digit="4"]')
        draw_with_mouse(page, [{"x": [50, 200], "y": [50, 90], "t": [0, 9]}])
        page.click("#submit")
        judged(page)
        felt: list[str] = page.evaluate("() => felt.splice(0)")
        page.click("#anew")
        return felt

    mine = page.request.get(page.url.replace("/draw/", "/api/attempts/")).json()["results"]
    trick = next(attempt for attempt in mine if attempt["fooled"])
    answer = FOOLED | {"id": trick["id"], "target_label": 4, "predicted_label": 9}
    answer |= {"probabilities": [0.1] * 10}
    page.route("**/api/attempts/**", lambda route: route.fulfill(status=201, json=answer))
    page.reload()
    assert fool() == []
    page.check("[data-sound]")
    assert page.evaluate("() => felt.splice(0)") == ["note", "note", "note", "shake"], "as a test"
    page.reload()
    assert page.locator("[data-sound]").is_checked()
    assert fool() == ["note", "note", "note", "shake"]
    page.emulate_media(reduced_motion="reduce")
    assert fool() == ["note", "note", "note"]
    page.click('[data-digit="4"]')
    draw_with_mouse(page, [{"x": [50, 200], "y": [50, 90], "t": [0, 9]}])
    page.click("#submit")
    with page.expect_download() as download:
        page.click("[data-part=card]")
    assert download.value.suggested_filename == "trick.png"
