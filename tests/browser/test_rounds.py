"""The rounds page after twenty rounds, on a phone and on paper."""

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support import site as sites
from tests.support.browser import Open, Visitors, findings, visiting

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 664}
CHARTS = ("fooling-chart", "tries-chart", "ordinary-chart", "drawings-chart")
MATRIX = '.table-box:has([aria-labelledby="matrix-head"])'
FOLDED = "() => [...document.querySelectorAll('details.fold')].map(({ open }) => open)"


@pytest.fixture(scope="module")
def twenty_rounds(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitors]:
    with sites.site("sqlite", tmp_path_factory.mktemp("site")) as site:
        site.python("from tests.support.history import add_rounds; add_rounds(20)")
        yield Visitors(browser, site)


@pytest.fixture
def visit(twenty_rounds: Visitors) -> Iterator[Open]:
    with visiting(twenty_rounds) as opens:
        yield opens


def opened(visit: Open, scheme: str = "light") -> Page:
    """With nothing folded away."""
    page = visit("/rounds/", viewport=PHONE, has_touch=True, color_scheme=scheme)
    for fold in page.locator("details.fold summary").all():
        fold.click()
    for chart in CHARTS:
        page.wait_for_function("chart => Boolean(Chart.getChart(chart))", arg=chart)
    return page


def test_the_page_begins_with_one_chart_and_an_address_opens_what_is_folded_away(
    visit: Open,
) -> None:
    page = visit("/rounds/")
    assert page.evaluate(FOLDED) == [False, False, False]
    drawn = "() => [...document.querySelectorAll('canvas')].map((one) => !!Chart.getChart(one))"
    page.wait_for_function(f"() => ({drawn})().join() === 'true,false,false,false'")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme
    page.goto(page.url + "#reading")
    page.wait_for_function(f"() => ({FOLDED})().join() === 'false,true,false'")
    page.get_by_role("link", name="the matrix").click()
    page.wait_for_function(f"() => ({FOLDED})().join() === 'false,true,true'")
    region = page.locator(MATRIX)
    region.wait_for()
    assert region.evaluate("e => e.clientWidth") == page.evaluate(
        "() => document.querySelector('.charts__first').clientWidth"
    )
    page.reload()  # at an address that names the matrix
    page.wait_for_function(f"() => ({FOLDED})().join() === 'false,false,true'")


def test_the_page_never_scrolls_sideways_and_the_matrix_does_within_its_region(visit: Open) -> None:
    page = opened(visit)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    page.evaluate("() => scrollTo(1000, 0)")
    assert page.evaluate("() => scrollX") == 0
    region = page.locator(MATRIX)
    assert region.evaluate("e => e.scrollWidth > e.clientWidth && e.scrollHeight > e.clientHeight")
    assert (
        page.evaluate("e => getComputedStyle(document.querySelector(e)).overflowX", MATRIX)
        == "auto"
    )


def test_the_keyboard_moves_the_matrix_under_its_head_and_first_column(visit: Open) -> None:
    page = opened(visit)
    region = page.locator(MATRIX)
    gaps = """e => {
        const parts = ["thead th", "tbody tr:nth-child(9) th"].map((part) => e.querySelector(part));
        const [box, corner, model] = [e, ...parts].map((part) => part.getBoundingClientRect());
        return [corner.x - box.x, corner.y - box.y, model.x - box.x];
    }"""
    before = region.evaluate(gaps)
    region.focus()
    for key, side in (("ArrowRight", "scrollLeft"), ("ArrowDown", "scrollTop")):
        page.keyboard.press(key)
        page.wait_for_function(f"e => document.querySelector(e).{side} > 0", arg=MATRIX)
    assert region.evaluate(gaps) == pytest.approx(before, abs=1)


EDGES = """() => Object.fromEntries([...document.querySelectorAll(".heat [data-step]")].map(
  (cell) => [cell.dataset.step, parseFloat(getComputedStyle(cell).borderInlineStartWidth)]))"""


def test_the_matrixs_shades_are_edges_in_forced_colours_and_stay_on_paper(visit: Open) -> None:
    page = visit("/rounds/", forced_colors="active")
    widths = [width for _, width in sorted(page.evaluate(EDGES).items())]
    assert len(widths) > 2
    assert widths == sorted(set(widths)), "the higher, the thicker"
    page.emulate_media(media="print", forced_colors="none")
    cell = page.locator(".heat [data-step]").first
    assert cell.evaluate("cell => getComputedStyle(cell).printColorAdjust") == "exact"


def test_axe_finds_nothing_in_twenty_rounds(visit: Open) -> None:
    page = opened(visit)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for far, changed in ((0, None), (1, MATRIX)):
            page.locator(MATRIX).evaluate(
                """(e, far) => {
                    e.scrollLeft = far * e.scrollWidth;
                    e.scrollTop = far * e.scrollHeight;
                }""",
                far,
            )
            assert findings(page, changed) == [], scheme


def test_charts_ticks_are_whole_rounds_that_do_not_overlap(visit: Open) -> None:
    page = opened(visit)
    ticks_of = page.evaluate(
        """(charts) => charts.map((chart) => {
            const x = Chart.getChart(chart).scales.x;
            return x.ticks.map(({ value }) => [value, x.getPixelForValue(value)]);
        })""",
        CHARTS,
    )
    for chart, ticks in zip(CHARTS, ticks_of, strict=True):
        assert len(ticks) >= 4, chart
        assert all(float(value).is_integer() and 1 <= value <= 20 for value, _ in ticks), chart
        assert all(after - before >= 20 for (_, before), (_, after) in itertools.pairwise(ticks))


def test_no_line_joins_a_stand_in_figure_to_a_real_one(visit: Open) -> None:
    page = opened(visit)
    drawn = page.evaluate(
        """() => Chart.getChart("ordinary-chart").data.datasets.map(({ label, data }) =>
            [label, data.flatMap(({ y }, place) => (y == null ? [] : [place + 1]))])"""
    )
    assert dict(drawn)["Base images (stand-in)"] == [2, 3]
    assert dict(drawn)["Base images"] == [1, *range(4, 21)]
    assert dict(drawn)["MNIST’s test set"] == [1, *range(4, 21)]


def test_on_paper_everything_is_whole_and_dark_on_white_whatever_the_scheme(visit: Open) -> None:
    """Also what is folded away."""
    page = visit("/rounds/", viewport=PHONE, color_scheme="dark")
    ink = "(id) => Chart.getChart(id)?.options.plugins.legend.labels.color"
    page.wait_for_function(f"() => ({ink})('tries-chart') === '#eef0f6'")
    page.emulate_media(media="print")
    for chart in CHARTS:
        page.wait_for_function(f"(id) => ({ink})(id) === '#151a2d'", arg=chart)
    boxes = page.locator(".table-box").evaluate_all(
        "all => all.map((e) => [e.checkVisibility(), e.scrollHeight, e.clientHeight])"
    )
    assert len(boxes) == 3
    assert all(shown and 0 < whole <= seen for shown, whole, seen in boxes)
