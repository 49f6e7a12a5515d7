"""The gallery and the page of a fool in Chromium: replay, sharing, filters without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.support import site as sites
from tests.support.browser import Open, look_at

pytestmark = pytest.mark.browser

PLAY = "[data-strokes] button"
# How much ink is on the canvas; -1 while the picture beneath is what one sees.
INK = """() => {
  const canvas = document.querySelector("[data-strokes] canvas");
  if (canvas.hidden) return -1;
  const OFTEN = { willReadFrequently: true };
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", OFTEN);
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, i) => i % 4 === 3 && value > 127).length;
}"""
# What was played last beside the picture beneath: how many pixels have ink, and in how many the two
# are not alike.
COMPARED = """async () => {
  const canvas = document.querySelector("[data-strokes] canvas");
  const { width, height } = canvas;
  const picture = document.querySelector("[data-strokes] svg").cloneNode(true);
  const all = { xmlns: "http://www.w3.org/2000/svg", width, height, fill: "none", stroke: "white" };
  for (const [name, value] of Object.entries(all)) picture.setAttribute(name, value);
  for (const name of ["linecap", "linejoin"]) picture.setAttribute(`stroke-${name}`, "round");
  const image = new Image();
  image.src = "data:image/svg+xml," + encodeURIComponent(picture.outerHTML);
  await image.decode();
  const [played, drawn] = [canvas, image].map((shown) => {
    const OFTEN = { willReadFrequently: true };
    const copy = new OffscreenCanvas(width, height).getContext("2d", OFTEN);
    copy.drawImage(shown, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    return data.filter((_, i) => i % 4 === 3).map((value) => value > 127);
  });
  return [drawn.filter(Boolean).length, drawn.filter((value, i) => value !== played[i]).length];
}"""
# A colour of the site as a computed style has it; what stands on which; what is written in which.
COLOUR = """(name) => {
    document.body.style.outlineColor = `var(${name})`;
    return getComputedStyle(document.body).outlineColor;
}"""
PLATES = "all => all.map((one) => getComputedStyle(one).backgroundColor)"
INKS = "all => all.map((one) => getComputedStyle(one).color)"
PACED = "async ([module, strokes]) => (await import(module)).paced(strokes)"


@pytest.fixture(scope="module")
def fool(peopled_site: sites.Site) -> str:
    """The address of the best fool."""
    gallery = sites.Client(peopled_site).get("/gallery/").body.decode()
    found: list[str] = re.findall(r'href="(/fools/.+?)"', gallery)
    return found[0]


def test_a_drawing_is_played_again_until_it_is_whole(fool: str, visit: Open) -> None:
    page = visit(fool)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    button = page.locator(PLAY)
    assert page.evaluate(INK) == -1
    button.focus()
    page.keyboard.press("Enter")
    page.clock.run_for(200)
    expect(button).to_have_text("Pause")
    began = page.evaluate(INK)
    page.clock.run_for(200)
    more = page.evaluate(INK)
    assert 0 < began < more
    page.keyboard.press("Enter")
    expect(button).to_have_text("Go on")
    page.clock.run_for(5000)
    assert page.evaluate(INK) == more
    page.keyboard.press("Enter")
    page.clock.run_for(200)
    assert page.evaluate(INK) > more
    page.clock.run_for(6000)
    expect(button).to_have_text("Replay")
    assert page.evaluate(INK) == -1
    ink, apart = page.evaluate(COMPARED)
    assert ink > 1000
    assert apart < 0.01 * ink


def test_nothing_moves_by_itself_and_six_seconds_are_the_longest(fool: str, visit: Open) -> None:
    page = visit(fool, reduced_motion="reduce")
    page.wait_for_load_state("networkidle")
    assert page.locator(PLAY).is_visible()
    assert page.evaluate(INK) == -1
    module = page.locator('script[src*="replay"]').get_attribute("src")
    paused = [
        {"x": [0, 4], "y": [0, 0], "t": [0, 100]},
        {"x": [4, 8], "y": [0, 0], "t": [9100, 9200]},
    ]
    assert page.evaluate(PACED, [module, paused]) == [[0, 100], [500, 600]]
    slow = [{"x": [0, 1] * 500, "y": [0] * 1000, "t": [300 * n for n in range(1000)]}]
    assert page.evaluate(PACED, [module, slow])[0][-1] == pytest.approx(6000)
    untimed = [{"x": [0, 100], "y": [0, 0], "t": [0, 0]}]
    assert page.evaluate(PACED, [module, untimed]) == [[0, 250]]


def test_ones_own_drawing_can_be_played_too(visit: Open) -> None:
    page = visit("/drawings/", "alice")
    page.locator('a[href^="/drawings/"][data-status]').first.click()
    page.locator(PLAY).click()
    page.wait_for_function(f"() => ({INK})() > 0")


def test_ones_own_digit_is_amber_and_the_models_blue_wherever_they_stand(
    fool: str, visit: Open
) -> None:
    page = visit("/", "alice")
    site = page.url.rstrip("/")
    yours, models = (page.evaluate(COLOUR, name) for name in ("--accent", "--bar-top"))
    for address in ("/", fool):
        page.goto(site + address)
        assert page.locator(".says b").evaluate_all(PLATES) == [yours, models], address
    for address in ("/", "/gallery/", "/drawings/"):
        page.goto(site + address)
        inks = page.locator(".took b").evaluate_all(INKS)
        assert set(inks) == {models}, address


def test_the_address_of_a_fool_is_copied(fool: str, visit: Open) -> None:
    page = visit(fool, permissions=["clipboard-read", "clipboard-write"])
    page.click("[data-copy]")
    expect(page.locator("[data-share] [role=status]")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_the_address_is_copied_where_there_is_no_clipboard_for_scripts(
    fool: str, visit: Open
) -> None:
    page = visit(fool)
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not here')); }"
    )
    page.click("[data-copy]")
    expect(page.locator("[data-share] [role=status]")).to_have_text("Copied.")
    picked = "field => field.value.slice(field.selectionStart, field.selectionEnd)"
    assert page.locator("#address").evaluate(picked) == page.url


def test_a_fools_page_fits_a_narrow_phone_and_axe_finds_nothing(fool: str, visit: Open) -> None:
    look_at(visit, fool)


def test_the_gallery_is_filtered_without_javascript(visit: Open) -> None:
    page = visit("/gallery/", java_script_enabled=False)
    cell = page.locator("td[data-step] a").first
    label = cell.get_attribute("aria-label")
    cell.click()
    assert label
    assert page.locator("h2#drawings").inner_text() == label
    page.select_option("#round", "1")
    page.select_option("#target", "")
    page.select_option("#predicted", "")
    page.click(".filter button")
    assert "in round 1" in page.locator("h2#drawings").inner_text()
    page.locator(".grid__free").first.click()
    assert "/accounts/sign-in/?next=/draw/" in page.url
