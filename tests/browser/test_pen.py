"""The pad takes a pen beside a resting palm, fingers, and keyboards of any layout and script; what
was cleared can be had back."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page

from tests.support.browser import Open, draw_with_mouse, findings

pytestmark = pytest.mark.browser
LINE = {"x": [50, 120, 200], "y": [50, 60, 50], "t": [0, 5, 9]}
PLACE = tuple[float, float]


class Hands:
    """Fingers and a pen on a page's pad, in canvas units, as a screen tells the browser."""

    def __init__(self, page: Page) -> None:
        box = page.locator("#canvas").bounding_box()
        assert box
        self.left, self.top, self.scale = box["x"], box["y"], box["width"] / 280
        self.session: CDPSession = page.context.new_cdp_session(page)

    def _at(self, x: float, y: float) -> dict[str, float]:
        return {"x": self.left + (x + 0.5) * self.scale, "y": self.top + (y + 0.5) * self.scale}

    def fingers(self, kind: str, *places: PLACE) -> None:
        points = [self._at(*place) | {"id": i} for i, place in enumerate(places)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def pen(self, kind: str, place: PLACE) -> None:
        pressed = {"mousePressed": 1, "mouseReleased": 1}.get(kind, 0)
        self.session.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind,
                "pointerType": "pen",
                "button": "left" if pressed else "none",
                "buttons": int(kind != "mouseReleased"),
                "clickCount": pressed,
                **self._at(*place),
            },
        )

    def pen_stroke(self, *places: PLACE) -> None:
        self.pen("mousePressed", places[0])
        for place in places[1:]:
            self.pen("mouseMoved", place)
        self.pen("mouseReleased", places[-1])


@pytest.fixture
def touched(visit: Open) -> Page:
    """The draw page on a screen that is touched."""
    return visit("/draw/", "bob", viewport={"width": 820, "height": 1180}, has_touch=True)


def strokes(page: Page) -> list[Any]:
    """What is on the pad, as a reload would show it."""
    kept: list[Any] = page.evaluate(
        "() => JSON.parse(sessionStorage.getItem("
        "`draft:${document.documentElement.dataset.person}`)).strokes"
    )
    return kept


def test_the_pen_draws_though_a_palm_came_first(touched: Page) -> None:
    hands = Hands(touched)
    hands.fingers("touchStart", (200, 240))
    hands.pen_stroke((60, 40), (70, 90), (80, 140))
    hands.fingers("touchMove", (204, 242))
    hands.fingers("touchEnd")
    [stroke] = strokes(touched)
    assert (stroke["x"][0], stroke["y"][0]) == (60, 40)
    assert stroke["y"][-1] == 140
    hands.fingers("touchStart", (210, 240))  # the hand is put down anew, for the next stroke
    hands.fingers("touchEnd")
    hands.pen_stroke((120, 40), (120, 90))
    assert [stroke["x"][0] for stroke in strokes(touched)] == [60, 120]


def test_a_second_finger_takes_the_first_ones_stroke_back(touched: Page) -> None:
    hands = Hands(touched)
    hands.fingers("touchStart", (60, 60))
    for step in range(10):
        hands.fingers("touchMove", (60, 60 + 4 * step))
    hands.fingers("touchStart", (60, 100), (200, 100))
    hands.fingers("touchMove", (80, 100), (180, 100))
    hands.fingers("touchEnd", (80, 100))
    hands.fingers("touchMove", (90, 120))
    hands.fingers("touchEnd")
    assert strokes(touched) == []
    assert touched.locator("#undo").is_disabled()
    hands.fingers("touchStart", (100, 60))
    hands.fingers("touchMove", (100, 160))
    hands.fingers("touchEnd")
    [stroke] = strokes(touched)
    assert stroke["x"][0] == 100


def test_clear_ends_the_stroke_under_the_pen_and_can_be_undone(visit: Open) -> None:
    page = visit("/draw/", "bob")
    draw_with_mouse(page, [LINE])
    first = strokes(page)
    box = page.locator("#canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.keyboard.press("c")
    page.mouse.move(box["x"] + 90, box["y"] + 60)
    page.mouse.up()
    assert strokes(page) == []
    page.click("#undo")
    assert len(strokes(page)) == 2
    page.keyboard.press("Control+z")
    assert strokes(page) == first
    page.keyboard.press("Control+Shift+z")
    assert len(strokes(page)) == 2
    page.keyboard.press("Meta+z")
    page.keyboard.press("Meta+z")
    assert strokes(page) == []
    page.keyboard.press("Control+y")
    assert strokes(page) == first


def test_keys_of_one_character_can_be_switched_off_where_they_are_told(visit: Open) -> None:
    page = visit("/draw/", "bob")
    draw_with_mouse(page, [LINE])
    for key in "cancel":
        page.keyboard.press(key)
    assert strokes(page) == []
    page.keyboard.press("Control+z")
    assert len(strokes(page)) == 1
    page.keyboard.press("?")
    told = page.get_by_role("dialog", name="Keys")
    assert "choose the digit" in told.inner_text()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme
    page.keyboard.press("c")  # is for the page below
    page.click("[data-single-keys]")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert not told.is_visible()
    for key in "cancel4":
        page.keyboard.press(key)
    assert len(strokes(page)) == 1
    assert page.locator('[data-digit][aria-pressed="true"]').count() == 0
    page.reload()
    page.keyboard.press("c")
    page.keyboard.press("4")
    assert page.locator("#clear").is_enabled()
    page.keyboard.press("Control+z")
    page.click("[data-keys]")
    page.click("[data-single-keys]")
    told.get_by_text("Close").click()
    page.keyboard.press("4")
    assert page.locator('[data-digit="4"]').get_attribute("aria-pressed") == "true"


# What a keyboard writes, and which of its keys that is.
KEYS = [
    ("4", "Numpad4", 4),
    ("&", "Digit1", 1),  # AZERTY
    ("é", "Digit2", 2),
    ("٧", "Digit7", 7),  # Arabic
    ("۵", "Digit5", 5),  # Persian
    ("۳", "", 3),  # a keyboard on the screen has no places
    ("8", "Digit4", 8),  # what it writes comes first
]


def test_digits_of_every_keyboard_choose_and_the_ink_may_come_first(visit: Open) -> None:
    page = visit("/draw/", "bob")
    draw_with_mouse(page, [LINE])
    assert len(strokes(page)) == 1
    page.click("#submit")
    assert "Which digit is it?" in page.locator("#error").inner_text()
    session = page.context.new_cdp_session(page)

    def press(key: str, code: str) -> None:
        for kind in ("keyDown", "keyUp"):
            session.send("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": code})

    for key, code, digit in KEYS:
        press(key, code)
        chosen = page.locator('[data-digit][aria-pressed="true"]')
        assert chosen.inner_text() == str(digit), (key, code)
    assert page.locator("#error").inner_text() == ""
    assert len(strokes(page)) == 1
    press("я", "KeyZ")  # Cyrillic: the place of Z
    assert strokes(page) == []
    press("w", "KeyZ")  # AZERTY's W is no Z
    press("н", "KeyY")
    assert len(strokes(page)) == 1
    page.click("#submit")
    page.locator("#verdict[data-fooled]").wait_for()


def test_a_stroke_shows_no_ring_of_the_keyboards_focus(visit: Open) -> None:
    page = visit("/draw/", "bob")
    ring = "() => getComputedStyle(document.querySelector('#canvas')).outlineStyle"
    page.keyboard.press("Tab")
    draw_with_mouse(page, [LINE])
    assert page.evaluate("() => document.activeElement.id") == "canvas"
    assert page.evaluate(ring) == "none"
    page.keyboard.press("ArrowDown")
    assert page.evaluate(ring) == "solid"
    draw_with_mouse(page, [LINE])
    assert page.evaluate(ring) == "none", "though the keyboard had it"
