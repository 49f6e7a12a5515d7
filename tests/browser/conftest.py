"""A real site with people and drawings on it, and a Chromium whose console has to stay silent."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support import needs, penmanship
from tests.support import site as sites
from tests.support.browser import FLAGS, HELD, TO_PRACTISE, Open, Visitors, visiting


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = needs.chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def peopled_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sites.Site]:
    """alice has fools confirmed, fools waiting and one that nobody could settle; a candidate is
    held."""
    with sites.site("sqlite", tmp_path_factory.mktemp("site"), DADC_LIMIT_SCALE="100") as site:
        alice, *_ = site.people("alice", "bob", "newt")
        readers = site.people("mona", "max", "mei", role="moderator")
        meant = {}
        usual = [(label, strokes, 22) for label, strokes in penmanship.drawings(1, 2)]
        for label, strokes, width in [*penmanship.fooling(1, 10), *usual]:
            body = {"target_label": label, "strokes": strokes, "width": width}
            assert alice.post("/api/attempts/", body).status == 201
            meant[str(strokes)] = label
        for reader, shift in ((0, 0), (0, 0), (0, 0), (0, 1), (1, 2), (2, 3)):
            given = readers[reader].post("/api/assignments/").body
            reading = {"reading": str((meant[str(given["attempt"]["strokes"])] + shift) % 10)}
            assert (
                readers[reader].post(f"/api/assignments/{given['id']}/reading/", reading).status
                == 201
            )
        site.python(HELD)
        site.python(TO_PRACTISE)
        yield site


@pytest.fixture(scope="session")
def session_visitors(browser: Browser, peopled_site: sites.Site) -> Visitors:
    return Visitors(browser, peopled_site)


@pytest.fixture
def visit(session_visitors: Visitors) -> Iterator[Open]:
    """Opens a page as somebody; at the end of the test, no page may have complained in its
    console."""
    with visiting(session_visitors) as opens:
        yield opens
