"""Moderating in Chromium: keys, undo, two leases at most, and readings that outlive the page."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Response, Route

from tests.support import PASSWORD, penmanship
from tests.support import site as sites
from tests.support.browser import AT_REST, TO_PRACTISE, Open, Visitors, visiting, wait_on

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sites.Site]:
    """Twenty drawings wait to be read; `begun.sqlite3` in its folder is a copy of the database."""
    with sites.site(
        "sqlite", tmp_path_factory.mktemp("bench"), DADC_LIMIT_SCALE="100", DADC_ROUND_SIZE="1000"
    ) as made:
        alice, _ = made.people("alice", "newt")
        made.person("mona", "moderator")
        for label, strokes, width in penmanship.fooling(2, 20):
            body = {"target_label": label, "strokes": strokes, "width": width}
            assert alice.post("/api/attempts/", body).status == 201
        yield made


@pytest.fixture(scope="module")
def module_visitors(browser: Browser, site: sites.Site) -> Visitors:
    made = Visitors(browser, site)
    made.session("mona")
    copied(site, "db.sqlite3", "begun.sqlite3")
    return made


def copied(site: sites.Site, of: str, to: str) -> None:
    """Have one database's file hold what another does, also while it is used."""
    with (
        closing(sqlite3.connect(site.data_dir / of, timeout=10)) as source,
        closing(sqlite3.connect(site.data_dir / to, timeout=10)) as target,
    ):
        source.backup(target)


MORE_THAN = """DELETE FROM collector_attempt WHERE id NOT IN
    (SELECT id FROM collector_attempt ORDER BY submitted_at LIMIT ?)"""


@pytest.fixture
def visitors(request: pytest.FixtureRequest, module_visitors: Visitors) -> Iterator[Visitors]:
    """Four drawings to read and no others, or as many as the test says."""
    site = module_visitors.site
    copied(site, "begun.sqlite3", "db.sqlite3")
    with closing(sqlite3.connect(site.data_dir / "db.sqlite3", timeout=10)) as database, database:
        database.execute(MORE_THAN, [getattr(request, "param", 4)])
    with visiting(module_visitors):
        yield module_visitors


@pytest.fixture
def bench(visitors: Visitors) -> Open:
    return visitors.open


def readings(page: Page) -> list[str]:
    """The readings sent from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/reading/"):
            sent.append(json.loads(request.post_data or "{}")["reading"])

    page.on("request", note)
    return sent


def waiting(page: Page) -> str:
    """The assignment on screen, once there is one and it may be answered."""
    page.locator("#assignment:not([data-id='']):not([data-fresh])").wait_for()
    return page.locator("#assignment").get_attribute("data-id") or ""


def test_a_key_answers_and_the_next_is_there_at_once(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    sent = readings(page)
    first = waiting(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("j")
    assert waiting(page) not in ("", first)
    assert sent == []
    assert "Read as junk." in page.locator("#undo-toast").inner_text()


def test_a_second_tap_reads_no_drawing_that_nobody_has_seen(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    first = waiting(page)
    page.wait_for_load_state("networkidle")
    page.locator('[data-answer="1"]').evaluate("button => { button.click(); button.click(); }")
    assert waiting(page) not in ("", first)
    assert page.locator("#count").inner_text() == "1 read so far"


def test_opened_anew_the_other_held_drawing_comes_without_waiting(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    page.clock.install()  # in which no reading leaves by itself
    first = waiting(page)
    page.wait_for_load_state("networkidle")
    page.reload()
    assert waiting(page) == first
    page.wait_for_load_state("networkidle")
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    page.keyboard.press("1")
    page.locator(f"#assignment:not([data-id='']):not([data-id='{first}'])").wait_for()


def test_opened_anew_with_two_held_the_first_reading_can_be_taken_back(
    bench: Open, visitors: Visitors
) -> None:
    first_load = bench("/moderate/", "mona")
    first = waiting(first_load)
    first_load.wait_for_load_state("networkidle")
    first_load.close()
    page = bench("/moderate/", "mona")
    sent = readings(page)
    assert waiting(page) == first
    page.keyboard.press("1")
    second = next_one(page, first)
    page.keyboard.press("u")
    assert next_one(page, second) == first
    assert sent == []


def test_undo_brings_the_drawing_back_and_nothing_was_sent(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    sent = readings(page)
    first = waiting(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("3")
    page.keyboard.press("u")
    assert waiting(page) == first
    assert sent == []
    assert not page.locator("#undo-toast").is_visible()


def test_undo_holds_until_the_next_drawing_is_read(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    page.clock.install()
    sent = readings(page)
    first = waiting(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("3")
    second = next_one(page, first)
    page.clock.fast_forward(15_000)
    page.keyboard.press("u")
    assert waiting(page) == first
    page.keyboard.press("4")
    assert next_one(page, first) == second
    page.keyboard.press("j")
    next_one(page, second)
    wait_on(page, lambda: sent == ["4"], "the first reading, and it alone, to be sent")
    page.keyboard.press("u")
    assert waiting(page) == second


def test_who_reads_no_further_sends_their_reading_all_the_same(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    page.clock.install()
    sent = readings(page)
    waiting(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("3")
    page.clock.fast_forward(20_000)
    wait_on(page, lambda: sent == ["3"], "the reading to be sent")
    assert not page.locator("#undo-toast").is_visible()


def test_a_lease_that_is_nearly_over_leaves_less_time_for_undo(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    page.clock.install()
    sent = readings(page)
    waiting(page)
    page.wait_for_load_state("networkidle")
    page.clock.fast_forward(285_000)  # of five minutes
    page.keyboard.press("3")
    page.clock.fast_forward(5_000)
    wait_on(page, lambda: sent == ["3"], "the reading to be sent")


@pytest.mark.parametrize("visitors", [1], indirect=True)
def test_the_only_drawing_can_be_taken_back_too_once_there_is_nothing_to_read(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    page.clock.install()
    sent = readings(page)
    first = waiting(page)
    page.wait_for_load_state("networkidle")
    assert page.locator("#waiting").inner_text() == "under 10 wait"
    page.keyboard.press("3")
    page.locator("#empty").wait_for()
    page.keyboard.press("u")
    assert waiting(page) == first
    assert sent == []
    page.keyboard.press("4")
    page.locator("#empty").wait_for()
    page.clock.fast_forward(20_000)
    wait_on(page, lambda: sent == ["4"], "the reading to be sent")
    page.locator("#waiting", has_text="wait").wait_for(state="detached")


def test_all_are_read_with_the_keyboard_alone_until_there_is_nothing_to_do(
    bench: Open, visitors: Visitors
) -> None:
    page = bench("/moderate/", "mona")
    page.clock.install()
    sent = readings(page)
    for key in ("1", "2", "a", "j"):
        before = waiting(page)
        page.keyboard.press(key)
        if key != "j":
            page.locator(f"#assignment:not([data-id='']):not([data-id='{before}'])").wait_for()
    page.locator("#empty").wait_for()
    page.keyboard.press("u")
    assert waiting(page) == before
    page.keyboard.press("j")
    page.locator("#empty").wait_for()
    page.clock.fast_forward(20_000)
    wait_on(page, lambda: len(sent) >= 4, "the last one to be sent")
    assert sorted(sent) == ["1", "2", "ambiguous", "junk"]


SETTLED = """
from collector.models import Attempt, Reading
pending = Attempt.objects.filter(status="pending").count()
print(pending, Reading.objects.filter(moderator__username="mona", answer__isnull=False).count())
"""


@pytest.mark.parametrize("visitors", [20], indirect=True)
def test_twenty_drawings_take_twenty_keys_and_it_is_told_how_many_wait(
    bench: Open, visitors: Visitors
) -> None:
    page = bench("", "mona")
    labels = {json.dumps(strokes): str(label) for label, strokes, _ in penmanship.fooling(2, 20)}
    keys: dict[str, str] = {}

    def note(answer: Response) -> None:
        if answer.url.endswith("/api/assignments/") and answer.status == 201:
            keys[answer.json()["id"]] = labels[json.dumps(answer.json()["attempt"]["strokes"])]

    page.on("response", note)
    page.goto(visitors.site.url + "/moderate/")
    told = page.locator("#waiting")
    assert told.inner_text() == "about 20 wait"
    before = ""
    for place in range(20):
        before = next_one(page, before)
        if place == 12:
            told.get_by_text("about 10 wait").wait_for()
        page.keyboard.press(keys[before])
    page.locator("#empty").wait_for()
    page.goto("about:blank")
    sites.wait_for(lambda: visitors.site.python(SETTLED) == "0 20", 20, "all twenty to be settled")


def test_a_break_is_offered_after_so_many_and_no_key_answers_meanwhile(
    bench: Open, visitors: Visitors
) -> None:
    page = bench("", "mona")

    def sooner(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer,
            body=answer.text().replace('data-break-every="50"', 'data-break-every="2"'),
        )

    page.route("**/moderate/", sooner)
    page.goto(visitors.site.url + "/moderate/")
    sent = readings(page)
    for key in ("1", "2"):
        before = waiting(page)
        page.keyboard.press(key)
        page.locator(f"#assignment:not([data-id=''])[data-id='{before}']").wait_for(
            state="detached"
        )
    page.locator("#break").wait_for()
    assert "You have read 2 drawings" in page.locator("#break").inner_text()
    assert not page.locator("#assignment").is_visible()
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    waiting(page)
    page.keyboard.press("3")
    wait_on(page, lambda: len(sent) >= 2, "two readings to be sent")
    assert sent[:2] == ["1", "2"]
    assert "7" not in sent


def test_a_reading_is_sent_when_the_page_is_left(bench: Open, visitors: Visitors) -> None:
    page = bench("/moderate/", "mona")
    waiting(page)
    page.keyboard.press("j")
    page.goto(visitors.site.url + "/")
    sites.wait_for(
        lambda: (
            visitors.site.python(
                "from collector.models import Reading; "
                "print(Reading.objects.filter(answer='junk').count())"
            )
            == "1"
        ),
        15,
        "the reading to arrive",
    )


def test_the_last_reading_goes_before_the_next_page_is_there(
    bench: Open, visitors: Visitors
) -> None:
    """Or the page that follows does not tell of it, and a tab closed at once takes it along."""
    page = bench("/moderate/", "mona")
    held: list[Route] = []
    page.route("**/leaderboard/", lambda route: held.append(route))
    waiting(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("7")
    page.evaluate("() => { setTimeout(() => location.assign('/leaderboard/'), 0); }")

    def is_read() -> bool:
        page.wait_for_timeout(20)  # events come only while the page is asked something
        with closing(sqlite3.connect(visitors.site.data_dir / "db.sqlite3", timeout=10)) as opened:
            [read] = opened.execute("SELECT count(*) FROM collector_reading WHERE answer = '7'")
        return bool(held) and bool(read[0])

    sites.wait_for(is_read, 15, "the reading, while the next page is held")
    held[0].continue_()
    page.wait_for_url("**/leaderboard/")


def test_the_page_never_holds_more_than_two_leases(bench: Open, visitors: Visitors) -> None:
    page = bench("/moderate/", "mona")
    waiting(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("5")
    page.wait_for_load_state("networkidle")
    held = visitors.site.python(
        "from collector.models import Reading; print(Reading.objects.filter(answer=None).count())"
    )
    assert held == "2"


def test_nothing_on_the_page_or_in_its_requests_tells_what_was_meant(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    answers: list[str] = []
    page.on(
        "response", lambda answer: answers.append(answer.text()) if "/api/" in answer.url else None
    )
    page.reload()
    waiting(page)
    page.wait_for_load_state("networkidle")
    for answer in answers:
        assert not {"target_label", "predicted_label", "fooled", "drawer", "username"} & set(
            answer.split('"')
        )
    assert "alice" not in page.content()


ANSWERS = """
import json
import sqlite3
from collector.models import Gold
print(json.dumps({str(gold.pk): gold.answer for gold in Gold.objects.all()}))
"""


def test_a_new_moderator_practises_sees_how_it_went_and_then_moderates(
    bench: Open, visitors: Visitors
) -> None:
    visitors.site.python(TO_PRACTISE)
    answers = json.loads(visitors.site.python(ANSWERS))
    page = bench("/moderate/", "newt")
    drawn: dict[str, str] = {}

    def note(answer: Response) -> None:
        if answer.url.endswith("/api/assignments/") and answer.status == 201:
            drawn[answer.json()["id"]] = answer.json()["attempt"]["id"]

    page.on("response", note)
    page.get_by_role("link", name="Begin").click()
    for place in range(10):
        before = waiting(page)
        assert page.locator("#count").inner_text() == f"Practice: {place} of 10"
        wait_on(page, lambda before=before: before in drawn, "the drawing")  # type: ignore[misc]
        answer = answers[drawn[before]]
        page.keyboard.press(("3" if answer == "5" else "5") if place == 0 else answer[0])
        if place < 9:
            page.locator(f"#assignment:not([data-id='']):not([data-id='{before}'])").wait_for()
    page.wait_for_url("**/moderate/?result", timeout=20_000)
    assert "9 of 10 right" in page.locator("main").inner_text()
    assert "It is" in page.locator(".gallery li").inner_text()
    page.get_by_role("link", name="Begin to moderate").click()
    assert waiting(page)
    assert page.locator("#count").inner_text() == ""


# Whether the page has said that there is nothing to read.
WATCH_EMPTY = """() => {
    const empty = document.querySelector("#empty");
    window.saidEmpty = !empty.hidden;
    new MutationObserver(() => { window.saidEmpty ||= !empty.hidden; })
        .observe(empty, { attributes: true });
}"""


def next_one(page: Page, before: str) -> str:
    page.locator(f"#assignment:not([data-id='']):not([data-id='{before}'])").wait_for()
    return waiting(page)


@pytest.mark.survives("a page reloaded with leases held", "goes on; never “Nothing to read”")
def test_reloaded_with_drawings_held_the_page_never_says_that_there_is_nothing(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    page.wait_for_load_state("networkidle")
    page.reload()
    first = waiting(page)
    page.evaluate(WATCH_EMPTY)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("1")
    second = next_one(page, first)
    page.keyboard.press("2")
    next_one(page, second)
    assert page.evaluate("() => window.saidEmpty") is False


@pytest.mark.survives("a client’s clock ten minutes wrong", "leases by the server’s clock")
@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_wrong_takes_no_drawing_away(
    bench: Open, visitors: Visitors, minutes: int
) -> None:
    page = bench("", "mona")
    page.clock.install(time=datetime.now(UTC) + timedelta(minutes=minutes))
    page.goto(visitors.site.url + "/moderate/")
    page.evaluate(WATCH_EMPTY)
    first = waiting(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("1")
    assert page.locator("#assignment").get_attribute("data-id") not in ("", first)
    assert page.evaluate("() => window.saidEmpty") is False


def answered(visitors: Visitors, answer: str) -> bool:
    asked = f"""
from collector.models import Reading
print(Reading.objects.filter(moderator__username="mona", answer={answer!r}).count())
"""
    return visitors.site.python(asked) == "1"


@pytest.mark.survives("a session that ended while moderating", "the reading is kept, a way back")
def test_a_session_that_ended_offers_the_way_back_and_the_reading_is_sent_then(
    bench: Open, visitors: Visitors
) -> None:
    page = bench("/moderate/", "mona")
    waiting(page)
    page.wait_for_load_state("networkidle")
    page.context.clear_cookies()
    page.keyboard.press("7")
    told = page.locator("#notice")
    told.get_by_text("You are no longer signed in. Your reading is kept here.").wait_for()
    told.get_by_role("link", name="Sign in again").click()
    page.fill("#id_username", "mona")
    page.fill("#id_password", PASSWORD)
    page.click("main form button")
    page.wait_for_url("**/moderate/")
    waiting(page)
    sites.wait_for(lambda: answered(visitors, "7"), 15, "the reading to arrive")


@pytest.mark.survives("answers that are no JSON", "kept, asked again after growing pauses")
def test_answers_of_a_captive_portal_are_asked_for_again_ever_more_slowly(
    bench: Open, visitors: Visitors
) -> None:
    page = bench("", "mona")
    page.clock.install()
    page.goto(visitors.site.url + "/moderate/")
    waiting(page)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    pending: set[Request] = set()
    most: list[int] = []

    def portal(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=200, body="<h1>Welcome to our Wi-Fi</h1>", content_type="text/html")

    def begun(request: Request) -> None:
        pending.add(request)
        most.append(len(pending))

    page.on("request", begun)
    page.on("requestfinished", lambda request: pending.discard(request))
    page.on("requestfailed", lambda request: pending.discard(request))
    page.route("**/api/**", portal)
    page.keyboard.press("7")
    for _ in range(60):
        page.clock.fast_forward(1_000)
        wait_on(page, lambda: not pending, "the answer")
    assert "What answered is not this site" in page.locator("#notice").inner_text()
    assert 3 <= len(asked) <= 8
    page.unroute("**/api/**")

    def is_over() -> bool:
        page.clock.fast_forward(61_000)
        return page.locator("#notice").inner_text() == ""

    sites.wait_for(is_over, 15, "the trouble to be over")
    sites.wait_for(lambda: answered(visitors, "7"), 15, "the reading to arrive")
    assert max(most) == 1


SMALL = [(320, 568), (390, 664), (390, 844), (844, 390)]
TOUCHED = {"has_touch": True, "is_mobile": True, "reduced_motion": "no-preference"}
# A tap is answered by a short flash.
OF_ONE_COLOUR = """() => new Set([...document.querySelectorAll(".answers__digit")]
    .map((button) => getComputedStyle(button).backgroundColor)).size === 1"""


@pytest.mark.parametrize(("width", "height"), SMALL)
def test_a_tapped_answer_leaves_no_trace_and_nothing_moves(
    bench: Open, visitors: Visitors, width: int, height: int
) -> None:
    size: dict[str, Any] = {"viewport": {"width": width, "height": height}}
    page = bench("", "mona", **size, **TOUCHED)
    page.clock.install()
    page.goto(visitors.site.url + "/moderate/")
    first = waiting(page)
    page.wait_for_load_state("networkidle")
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))  # it can be taken back as long
    answers = page.locator(".answers button")
    before = [answers.nth(place).bounding_box() for place in range(12)]
    page.locator("[data-answer='3']").tap()
    page.locator(f"#assignment:not([data-id='']):not([data-id='{first}'])").wait_for()
    page.wait_for_function(AT_REST)
    page.wait_for_function(OF_ONE_COLOUR)
    assert [answers.nth(place).bounding_box() for place in range(12)] == before
    for part in ("#undo", "[data-answer='junk']", "[data-drawn]"):
        box = page.locator(part).bounding_box()
        assert box, part
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= height, part


def test_single_keys_can_be_switched_off_and_stay_so(bench: Open) -> None:
    page = bench("/moderate/", "mona")
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Keys of a single character").uncheck()
    page.reload()
    first = waiting(page)
    page.keyboard.type("just a 7")
    assert waiting(page) == first
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Keys of a single character").check()
    page.keyboard.press("Escape")
    page.keyboard.press("7")
    assert "Read as a 7." in page.locator("#undo-toast").inner_text()


INK = """() => {
    const canvas = document.querySelector(".bench__drawn");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, i) => i % 4 === 0 && value > 128).length;
}"""


def test_what_came_without_strokes_is_shown_by_its_pixels(bench: Open, visitors: Visitors) -> None:
    page = bench("/moderate/guidelines/", "mona")

    def without_strokes(route: Route) -> None:
        answer = route.fetch()
        if answer.status != 201:
            return route.fulfill(response=answer)
        given = answer.json()
        given["attempt"]["strokes"] = []
        return route.fulfill(response=answer, json=given)

    page.route("**/api/assignments/", without_strokes)
    page.goto(visitors.site.url + "/moderate/")
    waiting(page)
    ink = page.evaluate(INK)
    assert 0 < ink < 28 * 28
