"""Every page in Chromium: no findings of axe in either scheme, a silent console, and never wider
than a phone."""

import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.urls import resolve
from playwright.sync_api import Browser, Page, expect

from collector import urls
from tests.support import PASSWORD
from tests.support import site as sites
from tests.support.browser import AT_REST, Open, Visitors, findings, look_at, visiting
from tests.support.pages import NO_PAGES
from tests.support.releases import A_RELEASE

pytestmark = pytest.mark.browser

PAGES = [
    ("/", None),
    ("/", "alice"),
    ("/try/", None),
    ("/draw/", "alice"),
    ("/drawings/", "alice"),
    ("/drawings/", "bob"),
    ("/gallery/", None),
    ("/gallery/?target=0&predicted=0", "alice"),
    ("/leaderboard/", "alice"),
    ("/leaderboard/?period=today", "alice"),
    ("/people/alice/", None),
    ("/people/", "admin"),
    ("/people/alice/", "admin"),
    ("/admin-log/", "admin"),
    ("/connections/", "admin"),
    ("/protocol/", "admin"),
    ("/analysis/", "admin"),
    ("/data/", "admin"),
    ("/rounds/", None),
    ("/rounds/1/", None),
    ("/moderate/", "mona"),
    ("/moderate/", "newt"),
    ("/moderate/mine/", "mona"),
    ("/moderate/mine/", "newt"),
    ("/moderate/guidelines/", "mona"),
    ("/people/?q=nobody-like-that", "admin"),
    ("/moderators/", "admin"),
    ("/desk/", "admin"),
    ("/texts/", "admin"),
    ("/panels/", "admin"),
    ("/accounts/sign-up/", None),
    ("/accounts/sign-in/", None),
    ("/account/", "alice"),
    ("/account/second-factor/", "alice"),
    ("/account/email/z/", None),
    ("/notices/", "alice"),
    ("/accounts/password/", "alice"),
    ("/accounts/password/done/", "alice"),
    ("/accounts/reset/", None),
    ("/accounts/reset/sent/", None),
    ("/accounts/reset/x/y/", None),
    ("/accounts/reset/done/", None),
    ("/offline/", None),
    ("/nothing/", None),
    ("/leaderboard/?period=never", None),
]

# A study with texts, questions and a panel.
STUDY = """
from collector.models import Person
from collector.people import panels
from collector.study import settings, texts
admin = Person.objects.get(username="admin")
for kind in ("consent", "privacy"):
    words = "## Heading\\n- one\\n- [two](https://a.example)\\n\\n|a|b|\\n|-|-|\\n|1|2|"
    texts.save(admin, kind, words, 0)
settings.change(admin, questions="age hand", licence="CC-BY-4.0")
panels.make(admin, name="Panel", code="panel", drawing_count=1, completion_code="C1")
"""
ELSEWHERE = {"drawing", "fool"}  # below, and in test_fools.py
# What a page fetches once it is loaded, and shows then.
FETCHED: dict[tuple[str, str | None], str] = {
    ("/moderate/", "mona"): "#assignment:not([data-id='']), #empty:not([hidden])"
}


CLIPBOARD = ["clipboard-read", "clipboard-write"]


def copied(page: Page, part: str) -> str:
    """What the button that copies puts on the clipboard, of a part of the page."""
    page.locator(f"{part} [data-copy]").click()
    page.locator(f"{part} [role=status]", has_text="Copied.").wait_for()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_every_page_there_is_gets_looked_at() -> None:
    looked_at = {
        resolve(path).url_name for path, _ in PAGES if "?" not in path and path != "/nothing/"
    }
    assert looked_at | ELSEWHERE | NO_PAGES == {str(pattern.name) for pattern in urls.urlpatterns}


@pytest.mark.parametrize("status", ["verified", "pending", "not_fooled"])
def test_a_drawings_page_fits_a_narrow_phone_and_axe_finds_nothing(
    status: str, visit: Open, peopled_site: sites.Site
) -> None:
    own = peopled_site.sign_in("alice").get("/api/attempts/").body["results"]
    drawing = next(attempt["id"] for attempt in own if attempt["status"] == status)
    look_at(visit, f"/drawings/{drawing}/", "alice")


@pytest.mark.parametrize(("path", "who"), PAGES)
def test_a_page_fits_a_narrow_phone_and_axe_finds_nothing(
    path: str, who: str | None, visit: Open
) -> None:
    look_at(visit, path, who, FETCHED.get((path, who), "main"))


def test_the_data_page_with_a_release_fits_a_narrow_phone_and_axe_finds_nothing(
    visit: Open, peopled_site: sites.Site
) -> None:
    peopled_site.python(A_RELEASE)
    try:
        look_at(visit, "/data/", "admin", "#load")
        page = visit("/data/", "admin", permissions=CLIPBOARD)
        assert copied(page, "[aria-labelledby=load]").startswith(
            "import io\nfrom urllib.request import"
        )
        for fold in page.locator("details.fold summary").all():
            fold.click()
        assert findings(page) == []
    finally:
        peopled_site.python("from collector.models import Release; Release.objects.all().delete()")


def test_the_pages_of_a_study_fit_a_narrow_phone_and_axe_finds_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    """And whom a panel sends gets in by keyboard and mouse, without a name. On a site of its own:
    a process believes for half a minute what is asked."""
    with sites.site("sqlite", tmp_path, DADC_LIMIT_SCALE="100") as site:
        site.people("alice")
        site.python(STUDY)
        with visiting(Visitors(browser, site)) as visit:
            for path, who in (
                ("/consent/", "alice"),
                ("/privacy/", None),
                ("/questions/", "alice"),
            ):
                look_at(visit, path, who)
            look_at(visit, "/join/panel/?pid=1", None)
            page = visit("/join/panel/?pid=1")
            page.check("#id_is_of_age")
            page.check("#id_agrees")
            page.click("main form button")
            page.wait_for_url(re.compile("/(questions|draw)/$"))
            page.goto(f"{site.url}/questions/")
            page.get_by_role("link", name="Skip", exact=True).click()
            page.set_viewport_size({"width": 390, "height": 844})
            for part, words in (("span", "0 von 2 Zeichnungen gemacht."), ("a", "Abschließen")):
                page.locator(f".panel-line {part}").evaluate(
                    "(part, words) => { part.textContent = words; }", words
                )
            line = page.locator(".panel-line").bounding_box()
            assert line
            assert line["height"] < 50
            page.set_viewport_size({"width": 1280, "height": 800})
            edges = page.locator(".panel-line, .pad").evaluate_all(
                "(parts) => parts.map((part) => part.getBoundingClientRect().left)"
            )
            assert edges[0] == edges[1]
            page.locator(".panel-line a").click()
            page.locator("h1", has_text="Not yet done").wait_for()
            assert findings(page) == []
            page.goto(f"{site.url}/draw/")
            finish = page.locator(".panel-line a")
            expect(finish).not_to_contain_class("button--primary")
            site.python(
                "from collector.models import *; from django.utils import timezone; "
                "PanelMember.objects.update(finished_at=timezone.now())"
            )
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            expect(finish).to_contain_class("button--primary")
            assert findings(page) == []
            page.context.grant_permissions(CLIPBOARD)
            finish.click()
            page.locator("h1", has_text="You are done").wait_for()
            assert findings(page) == []
            assert copied(page, "main") == "C1"


def test_what_other_sites_and_panels_need_and_secrets_that_are_shown_once_are_copied(
    visit: Open,
) -> None:
    page = visit("/connections/", "admin", permissions=CLIPBOARD)
    for origins in ("https://lab.example", ""):
        if not origins:
            assert copied(page, "[aria-labelledby=embed]").startswith('<iframe src="http')
        page.fill("#id_embed-embed_origins", origins)
        page.click("button[value=embed]")
    page = visit("/account/", "bob", permissions=CLIPBOARD)
    page.fill("#id_token-password", PASSWORD)
    page.click("button[value=token]")
    token = page.locator("[aria-labelledby=token] code.secret").inner_text()
    assert copied(page, "[aria-labelledby=token]") == token


def test_the_apis_docs_are_this_sites_own_and_lead_back(visit: Open) -> None:
    page = visit("/")
    page.locator("footer a", has_text="API").click()
    page.locator(".opblock-summary-description", has_text="Submit a drawing").click()
    page.locator(".response-col_description", has_text="nobody could read it").wait_for()
    page.locator(".back a").click()
    page.wait_for_url("**/")


def test_the_apis_docs_are_as_dark_as_the_site_and_read_well_so(visit: Open) -> None:
    page = visit("/", color_scheme="dark")
    page.locator("footer a", has_text="API").click()
    page.locator(".opblock-summary-description", has_text="Submit a drawing").click()
    page.locator(".response-col_description", has_text="nobody could read it").wait_for()

    def lightness() -> int:
        sides = page.evaluate(
            "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        )
        return int(sum(sides[:3]) / 3)

    assert lightness() < 50
    assert findings(page, rules=["color-contrast"]) == []
    page.emulate_media(color_scheme="light")
    page.wait_for_function("() => !document.documentElement.matches('.dark-mode')")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("() => localStorage.setItem('look', 'light')")
    page.goto(page.url.partition("api/docs/")[0])
    page.locator("footer a", has_text="API").click()
    page.locator(".opblock-summary-description").first.wait_for()
    assert not page.locator("html.dark-mode").count()


def test_the_first_stop_of_the_keyboard_is_the_skip_link(visit: Open) -> None:
    page = visit("/")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"


def test_a_form_with_errors_has_no_findings_either(visit: Open) -> None:
    page = visit("/accounts/sign-up/")
    page.fill("#id_username", "1")
    page.fill("#id_password", "password")
    page.click("main form button")
    page.locator("#id_username_error").wait_for()
    assert findings(page) == []


def test_without_javascript_the_page_says_what_is_missing(visit: Open) -> None:
    for path, who in (("/draw/", "alice"), ("/moderate/", "mona"), ("/rounds/", None)):
        page = visit(path, who, java_script_enabled=False)
        assert "JavaScript" in page.locator("main").inner_text()


def test_the_rounds_page_draws_its_charts(visit: Open) -> None:
    page = visit("/rounds/")
    for fold in page.locator("details.fold summary").all():
        fold.click()
    for chart in ("fooling-chart", "tries-chart", "ordinary-chart"):
        page.wait_for_function(f"() => Boolean(Chart.getChart('{chart}'))")


def test_the_home_page_follows_what_goes_on_while_it_is_looked_at(visit: Open) -> None:
    page = visit("/")
    page.clock.install()
    page.goto(page.url)
    body = page.content()
    drawings = page.locator("#state ~ .figures dt").first.inner_text()
    newer = body.replace(drawings, "fooled the model, of 4711 drawings")
    page.route("**/", lambda route: route.fulfill(body=newer, content_type="text/html"))
    page.clock.fast_forward(5_000)
    page.get_by_text("of 4711 drawings").wait_for()


def test_the_home_pages_picture_moves_for_five_seconds_at_most(visit: Open) -> None:
    for motion, least, most in (("no-preference", 1000, 5000), ("reduce", 0, 1)):
        page = visit("/", reduced_motion=motion)
        ends = page.evaluate(
            "() => document.querySelector('.hero__trick').getAnimations()"
            ".map((moving) => moving.effect.getComputedTiming().endTime)"
        )
        assert all(least <= end <= most for end in ends), (motion, ends)
        assert ends or motion == "reduce"
        page.wait_for_function(AT_REST)
        trick = page.locator(".hero__trick")
        assert trick.evaluate("part => getComputedStyle(part).strokeDashoffset") == "0px"


def test_a_stranger_scribbles_on_the_home_page_the_model_answers_and_it_goes_along(
    visit: Open,
) -> None:
    page = visit("/")
    board = page.locator("[data-board]").bounding_box()
    assert board

    def scribble() -> None:
        page.mouse.move(board["x"] + 100, board["y"] + 80)
        page.mouse.down()
        for step in range(12):
            page.mouse.move(board["x"] + 100 + 3 * step, board["y"] + 80 + 10 * step)
        page.mouse.up()
        page.get_by_text("sure.").wait_for()

    scribble()
    page.click("[data-clear]")
    assert "You say 4." in page.locator("figcaption").inner_text()
    scribble()
    page.click("main a[data-keep]")
    page.wait_for_url("**/try/")
    assert page.locator("#clear").is_enabled()


def test_times_are_the_readers_with_the_zone_on_hover(visit: Open) -> None:
    here = visit("/rounds/1/", timezone_id="Asia/Tokyo").locator("h1 + p time").first
    without = visit("/rounds/1/", timezone_id="Asia/Tokyo", java_script_enabled=False)
    told = without.locator("h1 + p time").first.inner_text()
    assert told.endswith(" UTC")
    at = datetime.fromisoformat(here.get_attribute("datetime") or "")
    assert f"{at:%-d %B %Y, %H:%M} UTC" == told
    assert here.inner_text() == f"{at + timedelta(hours=9):%-d %B %Y, %H:%M}"
    assert here.get_attribute("title") == "GMT+9, Asia/Tokyo"


@pytest.mark.parametrize("language", ["en", "de"])
def test_an_admins_menu_is_whole_at_any_width(visit: Open, language: str) -> None:
    page = visit("/desk/", "admin", extra_http_headers={"Accept-Language": language})
    name = page.locator(".menu summary span").first
    name.evaluate("name => { name.textContent = 'Dora.the-very-long-name_30_abc' }")
    for width in (1280, 1190, 1000, 900):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate(
            "() => { const nav = document.querySelector('.site-nav');"
            " return nav.scrollWidth <= nav.clientWidth }"
        ), width


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("path", "who", "link_count", "width"),
    [
        ("/try/", None, 4, 390),
        ("/gallery/", None, 4, 320),
        ("/draw/", "alice", 5, 390),
        ("/gallery/", "mona", 6, 390),
        ("/desk/", "admin", 8, 390),
    ],
)
def test_on_a_phone_the_header_is_one_row_and_its_menu_unfolds_whole(
    visit: Open, path: str, who: str | None, link_count: int, width: int, language: str
) -> None:
    page = visit(
        path,
        who,
        viewport={"width": width, "height": 844},
        has_touch=True,
        extra_http_headers={"Accept-Language": language},
    )
    for name in page.locator(".menu summary > span").all()[:1]:
        name.evaluate("name => { name.textContent = 'Dora.the-very-long-name_30_abc' }")
    parts = ".wordmark, .nav-button, .site-account > *"
    places = page.evaluate(
        """(parts) => [...document.querySelectorAll(parts)].map((part) => {
            const { left, right, top, bottom } = part.getBoundingClientRect();
            return [left, right, (top + bottom) / 2];
        })""",
        parts,
    )
    for (_, end, _), (begin, _, _) in pairwise(places):
        assert end <= begin
    assert places[-1][1] <= width
    middles = [middle for _, _, middle in places]
    assert max(middles) - min(middles) < 4
    links = page.locator(".site-nav a")
    assert links.count() == link_count
    assert not links.first.is_visible()
    page.locator(".nav-button").tap()
    for link in links.all():
        box = link.bounding_box()
        assert box
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 844
    assert findings(page) == []
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('.site-nav') !== null")
    page.keyboard.press("Escape")
    assert not links.first.is_visible()
    assert page.evaluate("() => document.activeElement.matches('.nav-button')")


def test_names_in_tables_are_on_the_line_of_their_row(visit: Open) -> None:
    page = visit("/leaderboard/?period=all")
    tops = page.evaluate(
        """() => [...document.querySelectorAll("tbody tr:first-child > :not(.best)")].map(cell => {
            const range = document.createRange();
            range.selectNodeContents(cell.querySelector("a") ?? cell);
            return range.getBoundingClientRect().top;
        })"""
    )
    assert max(tops) - min(tops) < 1


@pytest.mark.parametrize("pause", [30, 250])
def test_a_double_click_on_sign_up_signs_up_and_the_way_back_shows_no_old_form(
    visit: Open, pause: int
) -> None:
    page = visit("/accounts/sign-up/")
    page.fill("#id_username", f"double{pause}")
    page.fill("#id_password", PASSWORD)
    button = page.locator("main form button").bounding_box()
    assert button
    page.mouse.click(button["x"] + 20, button["y"] + 20)
    page.wait_for_timeout(pause)
    page.mouse.click(button["x"] + 20, button["y"] + 20)
    # The second click breaks off the first one's way there, so no navigation is waited for.
    page.locator('[data-digit="4"]').wait_for()
    page.go_back()
    page.locator('[data-digit="4"]').wait_for()
    assert page.url.endswith("/draw/")


def test_a_page_that_the_browser_had_put_aside_is_fetched_anew(visit: Open) -> None:
    page = visit("/account/", "alice")
    with page.expect_navigation():
        page.evaluate(
            "() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
        )
