"""What a moderator is sent tells nothing of what a drawing was meant to be, by whom, or whether it
fooled the model."""

import json
import re
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client

from collector.drawings import attempts, reasons
from collector.models import Attempt, Person, Study
from collector.study import settings as study_settings
from tests.support import penmanship
from tests.support.cast import ARMS, put
from tests.support.pages import Browse
from trainer.learning import drawing

ID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
ONE_TIME = re.compile(
    rb'(?<=name="csrfmiddlewaretoken" value=")\w+|nonce-[\w+/=-]+|(?<=nonce=")[\w+/=-]+'
    rb"|(?<=X-Request-Id: )[0-9a-f]{16}"
)
[(_, STROKES)] = penmanship.drawings(6, 1)
MOVED = [{**STROKES[0], "x": [STROKES[0]["x"][0] + 1, *STROKES[0]["x"][1:]]}, *STROKES[1:]]


@pytest.fixture(autouse=True)
def all_are_audited(open_round: object) -> None:
    Study.objects.update(audit_share=1.0, gold_share=0.0, round_size=1000)


def sent(answer: HttpResponseBase) -> bytes:
    """An answer with its headers, but for ids, times and what is made at random for each answer
    alone."""
    head = "\n".join(f"{name}: {value}" for name, value in sorted(answer.items())).encode()
    body = b"".join(answer) if answer.streaming else answer.content  # type: ignore[attr-defined]
    whole = b"%d\n%s\n\n%s" % (answer.status_code, head, body)
    for pattern in (ID, TIME, ONE_TIME):
        whole = pattern.sub(b"*", whole)
    return re.sub(rb"Content-Length: \d+\n", b"", whole)


def all_that_is_sent(attempt: Attempt, moderator: Client) -> Iterator[bytes]:
    """Everything that the page and the API answer, from before the drawing is there until it is
    read, and prying."""
    yield sent(moderator.get("/moderate/"))
    assigned = moderator.post("/api/assignments/", content_type="application/json")
    assert assigned.json()["attempt"]["id"] == str(attempt.pk)
    yield sent(assigned)
    yield sent(held := moderator.get("/moderate/"))
    assert str(attempt.pk) in held.content.decode(), "the page has what they hold"
    for path in (
        f"drawings/{attempt.pk}/",
        f"drawings/{attempt.pk}/seen.png",
        f"drawings/{attempt.pk}/attribution.png",
        f"fools/{attempt.pk}/",
        f"fools/{attempt.pk}/seen.png",
        f"fools/{attempt.pk}/card.png",
        f"api/attempts/{attempt.pk}/",
        "gallery/",
        "drawings/",
        "api/attempts/",
    ):
        yield sent(moderator.get(f"/{path}"))
    address = f"/api/assignments/{assigned.json()['id']}/reading/"
    for reading in ("nonsense", "3", "3", "4"):
        yield sent(
            moderator.post(
                address, json.dumps({"reading": reading}), content_type="application/json"
            )
        )
    yield sent(moderator.post("/api/assignments/", content_type="application/json"))
    yield sent(moderator.get("/moderate/"))


def watched(
    drawer: Person,
    label: int,
    moderator: Client,
    strokes: penmanship.Strokes = STROKES,
    reason: str = "",
) -> list[bytes]:
    """Everything that a moderator is sent about this drawing; then it never was."""
    with transaction.atomic():
        submission = attempts.Submission(label, drawing.parse(strokes, 22))
        attempt, _ = attempts.submit(drawer, submission)
        if reason:
            reasons.say(drawer, attempt.pk, reason)
        seen = list(all_that_is_sent(attempt, moderator))
        transaction.set_rollback(True)
    return seen


@pytest.mark.parametrize("other", [3, 4, 9])
def test_two_drawings_alike_are_the_same_to_a_moderator_byte_for_byte(
    alice: Person, bob: Person, mona: Person, browse: Browse, other: int
) -> None:
    """The model reads every drawing as a 9: alice's 2 fools it, bob's 9 does not, and a 3 is what
    mona reads."""
    moderator = browse(mona)
    moderator.get("/moderate/")
    seen = watched(alice, 2, moderator)
    assert seen == watched(bob, other, moderator)
    assert seen != watched(bob, other, moderator, MOVED)


def test_what_a_drawer_says_they_did_is_sent_to_no_moderator(
    alice: Person, bob: Person, mona: Person, browse: Browse
) -> None:
    moderator = browse(mona)
    moderator.get("/moderate/")
    seen = watched(alice, 2, moderator, reason="I bent the foot of my 2.")
    assert seen == watched(bob, 2, moderator)


@pytest.mark.parametrize("arm", ["static", "none"])
@pytest.mark.parametrize("label", [2, 9])
def test_a_drawing_tells_a_moderator_nothing_of_its_drawers_arm(
    alice: Person, bob: Person, mona: Person, ada: Person, browse: Browse, label: int, arm: str
) -> None:
    study_settings.change(ada, arms=ARMS)
    moderator = browse(mona)
    moderator.get("/moderate/")
    seen = watched(put(alice, "dynamic"), label, moderator)
    assert seen == watched(put(bob, arm), label, moderator)


@pytest.mark.parametrize(("label", "fooled"), [(2, True), (9, False)])
def test_those_that_did_not_fool_are_read_too(alice: Person, label: int, fooled: bool) -> None:
    made, _ = attempts.submit(alice, attempts.Submission(label, drawing.parse(STROKES, 22)))
    assert (made.has_fooled, made.status) == (fooled, "pending")
