"""The site in another language: the way of one drawing in German with nothing English on it, from
signing up to the notice; and room for long words, also from right to left."""

import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation import trans_real
from playwright.sync_api import Browser, Page, ViewportSize, expect

from dadc_site import pseudo
from tests.support import PASSWORD, penmanship
from tests.support import site as sites
from tests.support.browser import AT_REST, Visitors, draw_with_mouse, visiting

pytestmark = pytest.mark.browser

LOCALES = Path(__file__).resolve().parents[2] / "locale"
SITE = "Fool the Digits"
GERMAN = {"locale": "de-DE"}
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 800}
# Words that no German sentence has.
ENGLISH = re.compile(r"\b(the|and|of|to|is|are|it|you|your|with|this|that|for|from|by|on)\b", re.I)
# What is said on a page, one text at a time.
SAID = """() => {
    const said = [document.title];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
        if (!texts.currentNode.parentElement.closest("script, style, code"))
            said.push(texts.currentNode.data);
    for (const name of ["aria-label", "alt", "title", "placeholder"])
        for (const one of document.querySelectorAll(`[${name}]`)) said.push(one.getAttribute(name));
    return said.map((text) => text.trim().replace(/\\s+/g, " ")).filter(Boolean);
}"""
# What is beyond either side of the window; a menu and tables scroll by themselves.
BEYOND = """() => [...document.querySelectorAll("h1, p, a, button, input, select, figure, canvas")]
    .filter((part) => !part.closest(".site-nav, .table-box, .visually-hidden"))
    .filter((part) => {
        const { width, left, right } = part.getBoundingClientRect();
        return width > 1 && (left < -1 || right > innerWidth + 1);
    })
    .map((part) => part.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def translated() -> set[str]:
    """Every English sentence that is another one in German. A language is named in itself."""
    scripts = gettext.translation("djangojs", LOCALES, ["de"])
    catalogues = [vars(trans_real.translation("de"))["_catalog"], vars(scripts)["_catalog"]]
    pairs = [pair for catalogue in catalogues for pair in catalogue.items()]
    said = {said for said, german in pairs if isinstance(said, str) and said != german}
    return said - {name for _, name in settings.OFFERED_LANGUAGES}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sites.Site]:
    with sites.site("sqlite", tmp_path_factory.mktemp("languages"), DADC_DEBUG="1") as made:
        made.person("mona", "moderator")
        yield made


@pytest.fixture
def visitors(browser: Browser, site: sites.Site) -> Iterator[Visitors]:
    made = Visitors(browser, site)
    with visiting(made):
        yield made


def english_on(page: Page, translated: set[str]) -> list[str]:
    said = page.evaluate(SAID)
    assert page.get_attribute("html", "lang") == "de"
    return [text for text in said if text in translated or ENGLISH.search(text.replace(SITE, ""))]


def sign_up(page: Page, name: str) -> None:
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.locator("main form button").click()
    page.wait_for_url("**/draw/")


def test_the_way_of_one_drawing_has_nothing_english_on_it(
    visitors: Visitors, site: sites.Site, translated: set[str]
) -> None:
    dora = visitors.open("/accounts/sign-up/", **GERMAN)
    assert english_on(dora, translated) == []
    sign_up(dora, "dora")
    assert english_on(dora, translated) == []

    for label, strokes, width in penmanship.fooling(11, 5):
        dora.locator(f'[data-digit="{label}"]').click()
        expect(dora.locator("#submit")).to_have_text(f"Als {label} abgeben")
        dora.locator("#width").fill(str(width))
        draw_with_mouse(dora, strokes)
        with dora.expect_response("**/api/attempts/") as response:
            dora.locator("#submit").click()
        attempt = response.value.json()
        expect(dora.locator("#submit")).to_have_text("Abgegeben")
        if attempt["fooled"]:
            break
        dora.locator("#anew").click()
    expect(dora.locator("#verdict")).to_contain_text("Überlistet!")
    assert english_on(dora, translated) == []

    mona = visitors.open("/moderate/", "mona", **GERMAN)
    mona.locator("#assignment:not([data-id='']):not([data-fresh])").wait_for()
    assert english_on(mona, translated) == []
    with mona.expect_response("**/reading/"):
        mona.keyboard.press(str(label))
        expect(mona.locator("#undo-toast")).to_contain_text(f"Als {label} gelesen.")
        expect(mona.locator("#empty")).to_be_visible()
        assert english_on(mona, translated) == []

    for path in (f"/drawings/{attempt['id']}/", "/notices/", "/drawings/", "/account/"):
        dora.goto(site.url + path)
        assert english_on(dora, translated) == [], path


def test_what_the_gallery_is_filtered_by_is_named_in_one_line_each(visitors: Visitors) -> None:
    page = visitors.open("/gallery/", locale="de", viewport={"width": 320, "height": 640})
    heights = page.locator(".filter label").evaluate_all(
        "(labels) => labels.map((label) => label.clientHeight)"
    )
    assert len(heights) == 3
    assert len(set(heights)) == 1


@pytest.mark.parametrize("language", ["de", pseudo.LANGUAGE])
def test_long_words_have_room_on_a_phone_and_from_right_to_left(
    visitors: Visitors, site: sites.Site, language: str
) -> None:
    page = visitors.open("/draw/", "mona", locale=language, viewport=PHONE)
    assert page.get_attribute("html", "lang") == language
    direction = page.evaluate("() => getComputedStyle(document.body).direction")
    assert direction == ("rtl" if language == pseudo.LANGUAGE else "ltr")
    for path in ("/draw/", "/moderate/", "/rounds/", "/leaderboard/", "/account/"):
        page.goto(site.url + path)
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            page.wait_for_function(AT_REST)
            width = page.evaluate("() => document.documentElement.scrollWidth")
            assert (width <= size["width"], page.evaluate(BEYOND)) == (True, []), (path, size)
