"""Ink is seen where the system forces its colours, and on paper."""

import io
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page

from tests.support.browser import Open, draw_with_mouse

pytestmark = pytest.mark.browser
CROSS = [
    {"x": [20, 140, 260], "y": [140, 140, 140], "t": [0, 5, 9]},
    {"x": [140, 140], "y": [20, 260], "t": [12, 19]},
]
SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]


def shades(part: Locator) -> tuple[int, int]:
    """The darkest and the lightest of what is seen of a part, 0 to 255."""
    grey = Image.open(io.BytesIO(part.screenshot())).convert("L")
    darkest, lightest = grey.crop((9, 9, grey.width - 9, grey.height - 9)).getextrema()
    assert isinstance(darkest, int)
    assert isinstance(lightest, int)
    return darkest, lightest


def style(page: Page, selector: str, name: str) -> str:
    value: str = page.locator(selector).first.evaluate(
        "(part, name) => getComputedStyle(part).getPropertyValue(name)", name
    )
    return value


@pytest.mark.survives(
    "Forced colours (Windows' high contrast)", "Ink, pad, bars and what is chosen stay visible"
)
def test_forced_colours_leave_ink_on_a_pad(visit: Open) -> None:
    page = visit("/draw/", "alice", forced_colors="active")
    page.keyboard.press("4")
    draw_with_mouse(page, CROSS)
    page.mouse.move(2, 2)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, forced_colors="active")
        darkest, lightest = shades(page.locator("#canvas"))
        assert (darkest < 40, lightest > 240) == (True, True), scheme
        assert style(page, "#board", "outline-style") == "solid"
        chosen, other = '[data-digit="4"]', '[data-digit="5"]'
        assert style(page, chosen, "background-color") != style(page, other, "background-color")
        assert style(page, "#bars .track", "border-top-style") == "solid"
        current = style(page, ".site-nav [aria-current]", "border-bottom-color")
        assert current != style(page, ".site-nav a:not([aria-current])", "border-bottom-color")


def test_forced_colours_leave_words_on_the_main_button_and_say_which_tab_is_open(
    visit: Open,
) -> None:
    page = visit("/leaderboard/", "newt", forced_colors="active")
    one, other = ".tabs a[aria-current]", ".tabs a:not([aria-current])"
    assert style(page, one, "background-color") != style(page, other, "background-color")
    page.goto(page.url.replace("leaderboard", "try"))
    button = ".button--primary"
    assert style(page, button, "forced-color-adjust") == "none"
    assert style(page, button, "background-color") != style(page, button, "color")


def test_forced_colours_leave_the_drawing_that_is_read(visit: Open) -> None:
    page = visit("/moderate/", "max", forced_colors="active")
    page.locator("#assignment:not([data-id=''])").wait_for()
    # What the model sees of it lies on a corner of it, and is a picture of its own.
    page.locator(".bench__pictures figure").evaluate("own => { own.style.display = 'none' }")
    darkest, lightest = shades(page.locator("[data-drawn]"))
    assert (darkest < 40, lightest > 240) == (True, True)


def test_forced_colours_tell_the_two_digits_apart_and_leave_an_edge_on_what_waits(
    visit: Open,
) -> None:
    page = visit("/", "admin", forced_colors="active")
    yours, models = (f".hero__example span:{which}-child b" for which in ("first", "last"))
    plates = [style(page, part, "background-color") for part in (yours, models, "body")]
    assert len(set(plates)) == 3
    for part in (yours, models):
        assert style(page, part, "color") != style(page, part, "background-color")
    page.goto(f"{page.url}desk/")
    assert style(page, ".waiting__list a", "border-top-style") == "solid"
    assert style(page, ".plot__column", "fill") != style(page, ".card", "background-color")


def test_drawings_are_printed_with_what_is_behind_their_ink(visit: Open) -> None:
    page = visit("/gallery/")
    page.emulate_media(media="print")
    assert style(page, ".drawing", "print-color-adjust") == "exact"
    assert style(page, ".site-nav", "display") == "none"
