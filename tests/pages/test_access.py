"""Who may open which page: every URL of the pages, for every kind of person."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from collector import urls
from collector.models import Person
from tests.pages.conftest import Draw

Browse = Callable[[Person | None], Client]
SIGN_IN = 302

# For nobody, a crowdworker, a moderator, an admin.
MATRIX = {
    "home": (200, 200, 200, 200),
    "try_out": (200, 200, 200, 200),
    "draw": (SIGN_IN, 200, 200, 200),
    "my_drawings": (SIGN_IN, 200, 200, 200),
    "drawing": (SIGN_IN, 404, 404, 200),
    "drawing_seen": (SIGN_IN, 404, 404, 200),
    "drawing_looked": (SIGN_IN, 404, 404, 200),
    "gallery": (200, 200, 200, 200),
    "fool": (200, 200, 200, 200),
    "fool_seen": (200, 200, 200, 200),
    "fool_card": (200, 200, 200, 200),
    "moderate": (SIGN_IN, 403, 200, 200),
    "moderators": (SIGN_IN, 403, 403, 200),
    "leaderboard": (200, 200, 200, 200),
    "people": (SIGN_IN, 403, 403, 200),
    "person": (200, 200, 200, 200),
    "rounds": (200, 200, 200, 200),
    "round": (200, 200, 200, 200),
    "acts": (SIGN_IN, 403, 403, 200),
    "desk": (SIGN_IN, 403, 403, 200),
    "sign_up": (200, 302, 302, 302),
    "sign_in": (200, 302, 302, 302),
    "sign_out": (405, 405, 405, 405),
    "password_change": (SIGN_IN, 200, 200, 200),
    "password_change_done": (SIGN_IN, 200, 200, 200),
    "password_reset": (200, 200, 200, 200),
    "password_reset_done": (200, 200, 200, 200),
    "password_reset_complete": (200, 200, 200, 200),
    "password_reset_confirm": (200, 200, 200, 200),
}


@pytest.fixture
def address(alice: Person, draw: Draw) -> Callable[[str], str]:
    """A page's URL, where it is somebody's, alice's."""
    arguments: dict[str, list[Any]] = {
        "drawing": [draw(alice).pk],
        "person": ["alice"],
        "round": [1],
        "password_reset_confirm": ["x", "y"],
    }
    for name in ("drawing_seen", "drawing_looked", "fool", "fool_seen", "fool_card"):
        arguments[name] = arguments["drawing"]
    return lambda name: reverse(name, args=arguments.get(name, []))


def test_every_page_is_in_the_matrix() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == set(MATRIX)


@pytest.mark.parametrize("name", MATRIX)
def test_each_page_opens_for_those_whom_it_is_for(
    name: str, address: Callable[[str], str], browse: Browse, bob: Person, mona: Person, ada: Person
) -> None:
    answers = tuple(browse(person).get(address(name)).status_code for person in (None, bob, mona, ada))
    assert answers == MATRIX[name]


@pytest.mark.parametrize("name", [name for name, row in MATRIX.items() if row[0] == SIGN_IN])
def test_a_stranger_is_sent_to_sign_in_and_back(name: str, address: Callable[[str], str], browse: Browse) -> None:
    answer = browse(None).get(address(name))
    assert answer["Location"] == f"{reverse('sign_in')}?next={address(name)}"


def test_a_drawer_opens_her_own_drawing(address: Callable[[str], str], browse: Browse, alice: Person) -> None:
    page = browse(alice).get(address("drawing"))
    assert page.status_code == 200
    assert "You drew it in" in page.content.decode()
    seen = browse(alice).get(address("drawing_seen"))
    assert seen["Content-Type"] == "image/png"
    assert seen.content.startswith(b"\x89PNG")


def test_an_unknown_drawing_is_as_absent_as_one_of_somebody_else(browse: Browse, alice: Person) -> None:
    answer = browse(alice).get(reverse("drawing", args=[uuid.uuid4()]))
    assert answer.status_code == 404
    assert "it is not yours" in answer.content.decode()


@pytest.mark.parametrize("name", [name for name in MATRIX if name not in {"sign_out", "desk", "moderators", "person"}])
def test_no_page_but_a_form_takes_a_post(name: str, address: Callable[[str], str], browse: Browse, ada: Person) -> None:
    forms = {"sign_up", "sign_in", "password_change", "password_reset", "password_reset_confirm"}
    answer = browse(ada).post(address(name))
    assert answer.status_code in ({200, 302} if name in forms else {405})


def test_nothing_changes_without_a_csrf_token(ada: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(reverse("desk"), {"do": "train"})
    assert answer.status_code == 403
    assert "That did not go through" in answer.content.decode()
