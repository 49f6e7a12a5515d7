"""The way of each of the three kinds of people through the site, with the mouse, with a finger, and
with the keyboard alone. What a page writes to the console, a breach of its content security policy
too, fails the test."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Locator, Page, expect

from tests.support import PASSWORD, penmanship
from tests.support import site as sites
from tests.support.browser import Visitors, draw_with_mouse, visiting

pytestmark = pytest.mark.browser

DOWN = [("ArrowDown", 16), ("ArrowLeft", 3)]
MOST_TABS = 60
READINGS = """
from collector.models import Reading
print(*Reading.objects.filter(moderator__username={!r}, answer__isnull=False).values_list("answer"))
"""


class Mouse:
    options: dict[str, Any] = {
        "viewport": {"width": 1280, "height": 800},
        "reduced_motion": "no-preference",
    }

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, what: Locator) -> None:
        what.click()

    def write(self, field: Locator, text: str) -> None:
        self.press(field)
        self.page.keyboard.type(text)

    def choose(self, field: Locator, text: str) -> None:
        field.select_option(text)

    def draw(self) -> None:
        draw_with_mouse(self.page, [{"x": [140, 140, 110], "y": [30, 150, 250], "t": [0, 50, 90]}])


class Finger(Mouse):
    """On a phone."""

    options = {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
        "reduced_motion": "no-preference",
    }

    def press(self, what: Locator) -> None:
        what.tap()

    def draw(self) -> None:
        self.page.locator("#canvas").scroll_into_view_if_needed()
        box = self.page.locator("#canvas").bounding_box()
        assert box
        devtools: CDPSession = self.page.context.new_cdp_session(self.page)
        places = [
            {"x": box["x"] + box["width"] / 2, "y": box["y"] + 30 + 10 * step} for step in range(20)
        ]
        for kind, points in (
            ("touchStart", places[:1]),
            *(("touchMove", [place]) for place in places[1:]),
        ):
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


class Keys(Mouse):
    """Goes on with Tab until it is there: what can't be reached so is never pressed. Asks for
    nothing that moves."""

    options = {"viewport": {"width": 1280, "height": 800}}

    def press(self, what: Locator) -> None:
        self._reach(what)
        self.page.keyboard.press("Enter")

    def write(self, field: Locator, text: str) -> None:
        self._reach(field)
        self.page.keyboard.type(text)

    def choose(self, field: Locator, text: str) -> None:
        self.write(field, text)

    def draw(self) -> None:
        self._reach(self.page.locator("#canvas"))
        self.page.keyboard.press("Space")
        for key, times in DOWN:
            for _ in range(times):
                self.page.keyboard.press(key)
        self.page.keyboard.press("Space")

    def _reach(self, what: Locator) -> None:
        what.wait_for()
        for _ in range(MOST_TABS):
            if what.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{what} is not within {MOST_TABS} presses of Tab")


WAYS = [Mouse, Finger, Keys]
Come = Callable[..., Mouse]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sites.Site]:
    """Three people each drew a fool that was read as junk. alice drew twelve; three of them were
    read as three different digits each, so an admin has to decide."""
    with sites.site("sqlite", tmp_path_factory.mktemp("journeys"), DADC_LIMIT_SCALE="100") as made:
        alice = made.person("alice")
        drawers = made.people("Mouse-dra", "Finger-dra", "Keys-dra")
        made.people("Mouse-mod", "Finger-mod", "Keys-mod", role="moderator")
        made.people("Mouse-adm", "Finger-adm", "Keys-adm", role="admin")
        readers = made.people("max", "mei", "mia", role="moderator")
        meant = {}

        def submit(drawer: sites.Client, fool: tuple[int, penmanship.Strokes, int]) -> None:
            label, strokes, width = fool
            body = {"target_label": label, "strokes": strokes, "width": width}
            meant[drawer.post("/api/attempts/", body).body["id"]] = label

        def read(reader: sites.Client, answer: Callable[[int], str]) -> None:
            given = reader.post("/api/assignments/").body
            reading = {"reading": answer(meant[given["attempt"]["id"]])}
            assert reader.post(f"/api/assignments/{given['id']}/reading/", reading).status == 201

        fools = penmanship.fooling(21, 15)
        for drawer, fool in zip(drawers, fools[:3], strict=True):
            submit(drawer, fool)
        for _, reader in itertools.product(range(3), readers[:2]):
            read(reader, lambda label: "junk")
        for fool in fools[3:]:
            submit(alice, fool)
        for _, (wrong_by, reader) in itertools.product(range(3), enumerate(readers, 1)):
            read(reader, lambda label, by=wrong_by: str((label + by) % 10))  # type: ignore[misc]
        yield made


@pytest.fixture(scope="module")
def visitors(browser: Browser, site: sites.Site) -> Visitors:
    return Visitors(browser, site)


@pytest.fixture(params=WAYS)
def come(request: pytest.FixtureRequest, visitors: Visitors) -> Iterator[Come]:
    """To the home page, in a browser of one's own, as somebody who is signed in there already, or
    as nobody."""
    way = request.param

    def coming(role: str | None = None) -> Mouse:
        who = f"{way.__name__}-{role}" if role else None
        made: Mouse = way(visitors.open("/", who, **way.options))
        return made

    with visiting(visitors):
        yield coming


def link(page: Page, name: str) -> Locator:
    return page.get_by_role("link", name=name, exact=True).first


def follow(by: Mouse, name: str) -> None:
    """A link of the main menu, which a phone unfolds from a button."""
    by.page.locator(":is(.nav-button, .site-nav):visible").first.wait_for()
    if by.page.locator(".nav-button").is_visible():
        by.press(by.page.locator(".nav-button"))
    by.press(by.page.locator(".site-nav a", has_text=name))


def sign_in(by: Mouse, name: str) -> None:
    by.press(link(by.page, "Sign in"))
    say_who(by, name)


def say_who(by: Mouse, name: str) -> None:
    by.write(by.page.get_by_label("User name"), name)
    by.write(by.page.get_by_label("Password"), PASSWORD)
    by.press(by.page.get_by_role("button", name="Sign in"))
    by.page.wait_for_url(lambda url: "/sign-in/" not in url)


def sign_out(by: Mouse) -> None:
    by.press(by.page.locator(".menu summary"))
    by.press(by.page.get_by_role("button", name="Sign out"))
    link(by.page, "Sign in").wait_for()


def test_a_stranger_signs_up_draws_and_sees_what_becomes_of_it(come: Come) -> None:
    by = come()
    page = by.page
    by.press(link(page, "Sign up"))
    by.write(page.get_by_label("User name"), f"{type(by).__name__}-new")
    by.write(page.get_by_label("Password"), PASSWORD)
    by.press(page.get_by_role("button", name="Sign up"))
    page.wait_for_url("**/draw/")
    by.press(page.locator('[data-digit="4"]'))
    by.draw()
    by.press(page.locator("#submit"))
    page.locator("#verdict[data-fooled]").wait_for()
    by.press(page.get_by_role("link", name="Follow what becomes of it"))
    expect(page.locator("main")).to_contain_text("What became of it")
    follow(by, "My drawings")
    expect(page.get_by_role("heading", name="Every drawing")).to_be_visible()
    expect(page.locator(".gallery li")).to_have_count(1)


def test_a_moderator_reads_takes_it_back_and_reads_again(come: Come, site: sites.Site) -> None:
    by = come()
    page = by.page
    name = f"{type(by).__name__}-mod"
    sign_in(by, name)
    follow(by, "Moderate")
    panel = page.locator("#assignment:not([data-id='']):not([data-fresh])")
    first = panel.get_attribute("data-id")
    by.press(page.locator('[data-answer="7"]'))
    by.press(page.locator("#undo"))
    expect(panel).to_have_attribute("data-id", first or "")
    by.press(page.locator('[data-answer="junk"]'))
    expect(page.locator("#undo-toast")).to_contain_text("Read as junk.")
    follow(by, "Rounds")
    sites.wait_for(lambda: site.python(READINGS.format(name)) == "('junk',)", 15, "the reading")
    sign_out(by)


def test_an_admin_decides_what_nobody_could_settle(come: Come) -> None:
    by = come("adm")
    page = by.page
    follow(by, "Desk")
    unsettled = page.locator("[aria-labelledby=unsettled] .decision")
    first = unsettled.first
    first.wait_for()
    before = unsettled.count()
    by.choose(first.get_by_label("It is"), "3")
    by.write(first.get_by_label("Why?"), "It is a 3 with a long tail.")
    by.press(first.get_by_role("button", name="Decide"))
    expect(page.locator(".messages")).to_contain_text("Decided; the drawer is told.")
    expect(unsettled).to_have_count(before - 1)
    by.press(link(page, "Done by hand"))
    expect(page.locator("main")).to_contain_text("It is a 3 with a long tail.")


def test_a_drawer_appeals_an_admin_sees_it_so_too_and_the_drawer_is_told(come: Come) -> None:
    drawer = come("dra")
    page = drawer.page
    follow(drawer, "My drawings")
    drawer.press(page.locator(".gallery li a").first)
    timeline = page.locator(".timeline")
    expect(timeline).to_contain_text("Moderators saw no digit in it.")
    asked = page.get_by_label("Why should it be looked at again?")
    drawer.write(asked, "It is drawn in one stroke.")
    page.context.clear_cookies(name=re.compile("sessionid"))  # as where the session has ended
    drawer.press(page.get_by_role("button", name="Appeal"))
    say_who(drawer, f"{type(drawer).__name__}-dra")
    expect(asked).to_have_value("It is drawn in one stroke.")
    drawer.press(page.get_by_role("button", name="Appeal"))
    expect(timeline).to_contain_text("It is drawn in one stroke.")
    [meant, _] = re.findall(r"\d", page.get_by_role("heading", level=1).inner_text())

    admin = come("adm")
    follow(admin, "Desk")
    appeals = admin.page.locator("[aria-labelledby=appeals] .decision")
    appeal = appeals.filter(has_text=f"{type(drawer).__name__}-dra")
    admin.choose(appeal.get_by_label("It is"), meant)
    admin.write(appeal.get_by_label("Why?"), "Once one sees how it was drawn.")
    admin.press(appeal.get_by_role("button", name="Decide"))
    expect(admin.page.locator(".messages")).to_contain_text("Decided; the drawer is told.")

    drawer.press(page.locator(".menu summary"))
    drawer.press(page.get_by_role("link", name="Notices"))
    newest = page.locator(".notices li").first
    expect(newest).to_contain_text("A verified trick, 1 credit.")
    drawer.press(newest.get_by_role("link"))
    expect(timeline).to_contain_text("Once one sees how it was drawn.")
