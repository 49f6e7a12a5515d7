"""What a drawer says they did to fool the model: who may say it, until when, who sees it, and where
it goes."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from collector.data import exports
from collector.drawings import attempts, reasons
from collector.errors import Conflict, NotFound
from collector.models import Attempt, Person, Reason, Study
from collector.people import closing
from collector.study import admin_log, consistency
from collector.study import settings as study_settings
from tests.support import PASSWORD
from tests.support.cast import ARMS, add_person, put, read, submit
from tests.support.pages import Browse, Insert, text

SAID = "I left the top of my 4 open."


@pytest.fixture(autouse=True)
def nothing_audited(open_round: object) -> None:
    Study.objects.update(audit_share=0.0, gold_share=0.0, round_size=1000)


@pytest.fixture
def trick(alice: Person) -> Attempt:
    """A 4 of alice's that waits to be read."""
    return submit(alice, 4)


def say(client: Client, attempt: Attempt, reason: object = SAID) -> Any:
    """What the API answers."""
    return client.post(
        f"/api/attempts/{attempt.pk}/reason/", json.dumps({"reason": reason}), "application/json"
    )


def test_it_may_be_said_and_changed_until_the_drawing_has_settled(
    trick: Attempt, alice: Person, mona: Person, browse: Browse
) -> None:
    client, address = browse(alice), f"/api/attempts/{trick.pk}/"
    assert client.get(address).json()["reason"] == ""
    assert say(client, trick, "  Nothing. ").json() == {"reason": "Nothing."}
    assert say(client, trick, "").json() == {"reason": ""}
    assert not Reason.objects.exists()
    for _ in range(2):
        assert say(client, trick).json() == {"reason": SAID}
    assert SAID in client.get(f"/drawings/{trick.pk}/").content.decode()
    read(mona, "4", trick)
    assert say(client, trick).status_code == 200, "the same once more"
    for late in ("Something else.", ""):
        assert say(client, trick, late).status_code == 409
    assert client.get(address).json()["reason"] == SAID
    assert not list(consistency.problems())


def test_what_was_not_said_yet_may_be_said_once_when_it_has_settled(
    trick: Attempt, alice: Person, mona: Person, browse: Browse
) -> None:
    read(mona, "4", trick)
    client = browse(alice)
    asked = text(client.get(f"/drawings/{trick.pk}/"))
    assert "What did you do?" in asked
    assert "What you keep now stays." in asked
    posted = client.post(f"/drawings/{trick.pk}/reason/", {"reason": SAID}, follow=True)
    assert "It is kept." in text(posted)
    assert b"What did you do?" not in posted.content
    assert say(client, trick, "Another.").status_code == 409


UNSAYABLE = {
    "201 letters": "é" * 201,
    "two lines": "I left\nthe top open.",
    "a paragraph": "I left\u2029the top open.",
    "a null": "I left\0it open.",
    "an escape": "\x1b[31mred",
    "a mark that turns round what follows": "I left \u202eit open.",
    "a right-to-left mark": "\u200fopen",
    "an invisible tag": "open\U000e0041",
    "half a letter": "\ud800",
    "nothing that is seen": "\u200d\u200d",
    "a private letter": "\ue000",
    "a number": 4,
    "a list": [SAID],
    "null": None,
    "far too much": "x" * 100_000,
}


@pytest.mark.survives(
    "what a drawer says they did, with control characters, marks that turn text round, 201 "
    "letters, half a letter, markup",
    "refused in a sentence at its field, or shown as the letters that it is",
)
@pytest.mark.parametrize("what", UNSAYABLE)
def test_what_is_no_line_of_text_is_refused(
    trick: Attempt, alice: Person, browse: Browse, what: str
) -> None:
    answer = say(browse(alice), trick, UNSAYABLE[what])
    assert answer.status_code == 400
    assert answer.json()["error"].get("field") == (None if what == "half a letter" else "reason")
    if what in ("201 letters", "a right-to-left mark"):
        page = browse(alice).post(f"/drawings/{trick.pk}/reason/", {"reason": UNSAYABLE[what]})
        assert 'aria-invalid="true"' in page.content.decode()
    assert not Reason.objects.exists()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("é" * 200, "é" * 200),
        ("e\u0301" * 100, "é" * 100),
        ("<b onclick='x()'>bold</b> & more", "&lt;b onclick=&#x27;x()&#x27;&gt;bold&lt;/b&gt;"),
        ("{{ user }} {% now %}", "{{ user }} {% now %}"),
        ("نیم‌فاصله", "نیم‌فاصله"),
        ("👩‍🎨 did it", "👩‍🎨 did it"),
        ("=1+1", "=1+1"),
    ],
)
def test_any_line_is_shown_as_the_letters_that_it_is(
    alice: Person, browse: Browse, insert: Insert, said: str, shown: str
) -> None:
    fool = insert(alice)
    assert say(browse(alice), fool, said).status_code == 200
    for address in (f"/fools/{fool.pk}/", f"/drawings/{fool.pk}/"):
        page = browse(alice).get(address).content.decode()
        assert f'<blockquote class="said" dir="auto">{shown}' in page


def _audited(alice: Person) -> Attempt:
    return submit(alice, 9)


def _taken_back(alice: Person) -> Attempt:
    attempt = submit(alice)
    reasons.say(alice, attempt.pk, SAID)
    return attempts.retract(alice, attempt.pk)


@pytest.mark.parametrize("make", [_audited, _taken_back])
def test_of_what_is_no_trick_nothing_is_said(
    alice: Person, browse: Browse, make: Callable[[Person], Attempt]
) -> None:
    attempt = make(alice)
    assert say(browse(alice), attempt).status_code == 409
    assert b"What did you do?" not in browse(alice).get(f"/drawings/{attempt.pk}/").content
    assert not Reason.objects.exists()


def test_only_who_drew_it_says_anything_of_it(
    trick: Attempt, bob: Person, ada: Person, browse: Browse
) -> None:
    for other in (bob, ada):
        assert say(browse(other), trick).status_code == 404
        posted = browse(other).post(f"/drawings/{trick.pk}/reason/", {"reason": SAID})
        assert posted.status_code == 404


@pytest.mark.parametrize("label", [4, 9])
def test_who_is_told_no_verdict_is_asked_nothing_and_may_say_nothing(
    alice: Person, ada: Person, browse: Browse, label: int
) -> None:
    study_settings.change(ada, arms=ARMS)
    drawer = put(alice, "none")
    attempt, client = submit(drawer, label), browse(drawer)
    answer = say(client, attempt)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "no_verdict")
    for address in ("/draw/", f"/drawings/{attempt.pk}/"):
        assert b"What did you do?" not in client.get(address).content
    assert client.get(f"/api/attempts/{attempt.pk}/").json()["reason"] == ""


def test_an_admin_sees_it_once_the_drawing_has_settled_and_may_remove_it(
    trick: Attempt, alice: Person, mona: Person, ada: Person, browse: Browse
) -> None:
    reasons.say(alice, trick.pk, SAID)
    admin, address = browse(ada), f"/drawings/{trick.pk}/"
    assert SAID not in admin.get(address).content.decode()
    with pytest.raises(NotFound):
        reasons.remove(trick.pk, ada, "Too early.")
    read(mona, "4", trick)
    assert SAID in admin.get(address).content.decode()
    assert SAID in browse(None).get(f"/fools/{trick.pk}/").content.decode()
    refused = admin.post(f"{address}reason/remove/", {"why": " "})
    assert 'aria-invalid="true"' in refused.content.decode()
    assert Reason.objects.get().text == SAID
    for _ in range(2):
        admin.post(f"{address}reason/remove/", {"why": "It names somebody."})
    with pytest.raises(Conflict):
        reasons.remove(trick.pk, add_person("eve", "admin"), "It is rude.")
    assert Reason.objects.get().text == ""
    for page in (admin.get("/admin-log/"), browse(alice).get(address)):
        assert SAID not in text(page)
        assert "It names somebody." in text(page)
    assert "What alice did" not in text(browse(None).get(f"/fools/{trick.pk}/"))
    assert say(browse(alice), trick).status_code == 409
    [entry] = admin_log.page("1")
    assert entry.touched.key == trick.pk
    assert not list(consistency.problems())


@pytest.mark.parametrize("remove", [True, False])
def test_who_closes_the_account_says_nothing_any_more(
    alice: Person, insert: Insert, browse: Browse, remove: bool
) -> None:
    fool = insert(alice)
    say(browse(alice), fool)
    own = json.loads("".join(exports.own(alice)))["drawings"]
    assert [each["reason"] for each in own] == [SAID]
    closing.close(alice, PASSWORD, remove=remove)
    assert not Reason.objects.exists()
