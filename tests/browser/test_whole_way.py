"""The whole way in a real Chromium, with the shipped weights, the default settings and real
workers: somebody signs up and fools the model ten times with the mouse, somebody else reads the
drawings with the keyboard, a new model opens round 2, and the drawings' fate says so."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.support import PASSWORD, penmanship
from tests.support import site as sites
from tests.support.browser import draw_with_mouse

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TRAINING_TAKES_AT_MOST = 150  # seconds
Open = Callable[[], Page]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    with sites.site("sqlite", tmp_path) as made:
        made.start_clusters()
        yield made


@pytest.fixture
def someone(browser: Browser, site: sites.Site) -> Iterator[Open]:
    """Opens the home page as somebody new to this site, each in a browser profile of their own."""
    complaints: list[str] = []
    contexts = []

    def open_page() -> Page:
        contexts.append(browser.new_context(reduced_motion="reduce"))
        page = contexts[-1].new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def sign_up(page: Page, name: str) -> None:
    page.get_by_role("link", name="Sign up").first.click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.wait_for_url("**/draw/")


def sign_in(page: Page, name: str) -> None:
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/draw/")


def fool(page: Page, wanted: int) -> dict[str, int]:
    """Draw until `wanted` drawings have fooled the model; what each was meant to be, by the
    attempt's id."""
    meant: dict[str, int] = {}
    fools = 0
    for label, strokes, width in penmanship.fooling(11, 3 * wanted):
        page.locator(f'[data-digit="{label}"]').click()
        page.locator("#width").fill(str(width))
        draw_with_mouse(page, strokes)
        with page.expect_response("**/api/attempts/") as response:
            page.locator("#submit").click()
        answer = response.value.json()
        meant[answer["id"]] = label
        expected = "Fooled!" if answer["fooled"] else "It sees your"
        expect(page.locator("#verdict")).to_contain_text(expected)
        fools += answer["fooled"]
        if fools == wanted:
            return meant
        page.locator("#anew").click()
    raise AssertionError("too few of these drawings fool the model when drawn with the mouse")


def read_all(page: Page, meant: dict[str, int]) -> None:
    """Read what is assigned, with the keyboard alone, until there is nothing to do."""
    responses: list[Response] = []
    page.on(
        "response",
        lambda response: (
            responses.append(response) if "/api/assignments/" in response.url else None
        ),
    )
    page.get_by_role("link", name="Moderate").first.click()
    panel = page.locator("#assignment")
    while True:
        sites.wait_for(
            lambda: panel.get_attribute("data-id") or page.locator("#empty").is_visible()
        )
        reading_id = panel.get_attribute("data-id")
        if not reading_id:
            return
        page.locator("#assignment:not([data-fresh])").wait_for()
        page.keyboard.press(str(meant[_attempt_of(reading_id, responses)]))
        expect(panel).not_to_have_attribute("data-id", reading_id)


def _attempt_of(assignment: str, responses: list[Response]) -> str:
    """Which attempt an assignment shows: a person sees the drawing, a test looks into the
    answer."""
    bodies = [response.json() for response in responses if response.status == 201]
    [attempt] = {str(body["attempt"]["id"]) for body in bodies if body.get("id") == assignment}
    return attempt


def test_ten_drawings_that_fool_open_round_two_and_their_fate_says_so(
    site: sites.Site, someone: Open
) -> None:
    site.manage("add_person", "mona", "--role", "moderator")
    alice = someone()
    sign_up(alice, "alice")
    meant = fool(alice, 10)

    mona = someone()
    sign_in(mona, "mona")
    read_all(mona, meant)

    mona.goto(site.url + "/rounds/")
    expect(mona.locator("main")).to_contain_text("Round 1")
    mona.close()
    with sites.reader(site.database_url) as ask:  # the database, which takes less than the site
        newest = "SELECT MAX(number) FROM trainer_round"
        sites.wait_for(lambda: ask(newest) == [(2,)], TRAINING_TAKES_AT_MOST, "round 2")
    alice.goto(site.url)
    expect(alice.locator("main")).to_contain_text("round 2", ignore_case=True)
    alice.goto(site.url + "/drawings/")
    expect(alice.get_by_text("Verified · trained into round 2")).to_have_count(10)
    alice.goto(site.url + "/leaderboard/?period=all")
    expect(alice.locator("main")).to_contain_text("alice")
    assert site.manage("verify") == "Everything agrees.\n"
