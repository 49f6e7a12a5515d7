"""What who opens a page gets, beside the status that tests/api/test_matrix.py asks for: where they
are led, and that nothing is done without the token, or as another."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from collector.models import Attempt, Person
from tests.support.pages import Browse, Insert


@pytest.fixture
def address(alice: Person, insert: Insert) -> Callable[[str], str]:
    """A page's URL, where it is somebody's, alice's."""
    drawn = insert(alice).pk
    return lambda name: reverse(name, args=[drawn] if name.startswith("drawing") else [])


@pytest.mark.parametrize("name", ["draw", "drawing", "desk", "account"])
def test_a_stranger_is_sent_to_sign_in_and_back(
    name: str, address: Callable[[str], str], browse: Browse
) -> None:
    answer = browse(None).get(address(name))
    assert answer["Location"] == f"{reverse('sign_in')}?next={address(name)}"


def test_a_drawer_opens_their_own_drawing(
    address: Callable[[str], str], browse: Browse, alice: Person
) -> None:
    page = browse(alice).get(address("drawing"))
    assert page.status_code == 200
    assert "You drew it in" in page.content.decode()
    seen = browse(alice).get(address("drawing_seen"))
    assert seen["Content-Type"] == "image/png"
    assert seen.content.startswith(b"\x89PNG")


def test_an_unknown_drawing_is_as_absent_as_one_of_somebody_else(
    browse: Browse, alice: Person
) -> None:
    answer = browse(alice).get(reverse("drawing", args=[uuid.uuid4()]))
    assert answer.status_code == 404
    assert "it is not yours" in answer.content.decode()


def test_nothing_changes_without_a_csrf_token(ada: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada, backend="collector.people.accounts.Backend")
    answer = client.post(reverse("desk"), {"do": "train"})
    assert answer.status_code == 403
    assert "That did not go through" in answer.content.decode()


def test_a_page_of_one_account_gets_nothing_done_as_another(
    browse: Browse, alice: Person, bob: Person
) -> None:
    body = {"target_label": 1, "strokes": [{"x": [140, 140], "y": [50, 230], "t": [0, 300]}]}

    def submit(**headers: str) -> Any:
        return browse(bob).post(
            reverse("api_attempts"), body, content_type="application/json", headers=headers
        )

    for page_of in (str(alice.pk), "somebody"):
        refused = submit(**{"X-Person": page_of})
        assert refused.status_code == 409
        error = json.loads(refused.content)["error"]
        assert error["code"] == "another_person"
        assert "bob is signed in" in error["message"]
    assert not Attempt.objects.exists()
    assert submit(**{"X-Person": str(bob.pk)}).status_code == 201
    body["target_label"] = 2
    assert submit().status_code in (201, 409), "programs need not say it"
