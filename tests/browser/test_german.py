"""The way of one drawing for people whose browser asks for German, with nothing English on it:
somebody signs up, draws, sees the verdict, is read, and hears of it."""

import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation import trans_real
from playwright.sync_api import Browser, Page, expect

from tests.support import PASSWORD, penmanship
from tests.support import site as sites
from tests.support.browser import Visitors, draw_with_mouse, visiting

pytestmark = pytest.mark.browser

LOCALES = Path(__file__).resolve().parents[2] / "locale"
SITE = "Fool the Digits"
GERMAN = {"locale": "de-DE"}
# Words that no German sentence has.
ENGLISH = re.compile(r"\b(the|and|of|to|is|are|it|you|your|with|this|that|for|from|by)\b", re.I)
# What is said on a page, one text at a time; a language is named in itself.
SAID = """() => {
    const said = [document.title];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
        if (!texts.currentNode.parentElement.closest("script, style, code, [lang]"))
            said.push(texts.currentNode.data);
    for (const name of ["aria-label", "alt", "title", "placeholder"])
        for (const one of document.querySelectorAll(`[${name}]`)) said.push(one.getAttribute(name));
    return said.map((text) => text.trim().replace(/\\s+/g, " ")).filter(Boolean);
}"""


@pytest.fixture(scope="module")
def translated() -> set[str]:
    """Every English sentence that is another one in German."""
    scripts = gettext.translation("djangojs", LOCALES, ["de"])
    catalogues = [vars(trans_real.translation("de"))["_catalog"], vars(scripts)["_catalog"]]
    pairs = [pair for catalogue in catalogues for pair in catalogue.items()]
    return {said for said, german in pairs if isinstance(said, str) and said != german}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sites.Site]:
    with sites.site("sqlite", tmp_path_factory.mktemp("german")) as made:
        made.people("mona", "max", role="moderator")
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
    mona.locator("#assignment:not([data-id=''])").wait_for()
    assert english_on(mona, translated) == []
    mona.keyboard.press(str(label))
    expect(mona.locator("#undo-toast")).to_contain_text(f"Als {label} gelesen.")
    expect(mona.locator("#empty")).to_be_visible()
    assert english_on(mona, translated) == []
    reader = site.sign_in("max")
    given = reader.post("/api/assignments/").body
    reading = {"reading": str(label)}
    assert reader.post(f"/api/assignments/{given['id']}/reading/", reading).status == 201

    for path in (f"/drawings/{attempt['id']}/", "/notices/", "/drawings/", "/account/"):
        dora.goto(site.url + path)
        assert english_on(dora, translated) == [], path
