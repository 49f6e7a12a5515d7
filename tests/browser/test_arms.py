"""The draw page in an arm of a study that is told no verdict: a drawing is taken, thanked for and
counted, and nothing is said of a model."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support import penmanship
from tests.support import site as sites
from tests.support.browser import Visitors, draw_with_mouse, look_at, visiting

pytestmark = pytest.mark.browser
[(DIGIT, STROKES), (OTHER, MORE)] = penmanship.drawings(950, 2)
# Of a block of two one is.
WITHOUT_A_VERDICT = """
from collector.models import Allocation
print(Allocation.objects.get(arm="none").person.username)
"""
Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Opens a page as somebody who is told no verdict."""
    with sites.site("sqlite", tmp_path, DADC_ARMS="dynamic,none") as site:
        site.people("nina", "nora")
        who = site.python(WITHOUT_A_VERDICT).strip()
        with visiting(Visitors(browser, site)) as opens:
            yield lambda path, _who=None, **options: opens(path, who, **options)


def test_a_drawing_is_thanked_for_and_counted(visit: Visit) -> None:
    page = visit("/draw/")
    line = page.locator("[data-part=line]")
    assert line.inner_text() == "Draw a digit."
    for number, (digit, strokes) in enumerate([(DIGIT, STROKES), (OTHER, MORE)], start=1):
        draw_with_mouse(page, strokes)
        page.locator(f'[data-digit="{digit}"]').click()
        page.locator("#submit").click()
        page.get_by_text(f"Thank you: drawing {number} of today.").wait_for()
        assert page.locator("#submit").inner_text() == "Submitted"
        page.locator("#anew").click()
    page.reload()
    assert line.inner_text() == "Thank you: drawing 2 of today."
    assert page.locator("#bars, [data-choose], [data-pair], progress").count() == 0
    page.get_by_role("link", name="My drawings").first.click()
    page.get_by_text("2 drawings, kept for the study.").wait_for()
    page.locator(".gallery__item").first.click()
    page.get_by_text("It is kept for the study. Thank you.").wait_for()


@pytest.mark.parametrize("path", ["/draw/", "/drawings/", "/"])
def test_its_pages_fit_and_axe_finds_nothing(visit: Visit, path: str) -> None:
    look_at(visit, path)
