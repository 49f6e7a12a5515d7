"""The page of a study's protocol, and what pages, the API and exports say of it: while it is a
draft, while it runs, and once it has ended."""

import hashlib
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from collector.data import exports
from collector.models import Attempt, Person, Study, StudyAct
from collector.rules import challenges
from collector.standings import today
from collector.standings.leaderboards import PERIODS
from collector.study import protocol
from collector.study import settings as study_settings
from tests.support import penmanship
from tests.support.cast import add_person, put, read, submit
from tests.support.pages import Browse, text
from trainer.models import Arm

[(_, STROKES)] = penmanship.drawings(6, 1)
QUESTION = "Are drawings against a model worth more?"
FORM = {
    "protocol-question": QUESTION,
    "protocol-dynamic": "2",
    "protocol-static": "0",
    "protocol-none": "1",
    "protocol-round_size": "50",
    "protocol-quorum": "1",
    "protocol-stop_samples": "1",
    "protocol-mnist": "on",
}
STUDY = "/api/study/"


def press(client: Client, do: str, **more: str) -> Any:
    return client.post(reverse("protocol"), {"do": do, **more}, follow=True)


def start(client: Client) -> Any:
    press(client, "save", **FORM)
    found = protocol.current()
    assert found is not None
    return press(client, "start", seen=protocol.digest(found.document))


def test_before_the_start_it_says_what_cannot_be_mended_afterwards(
    browse: Browse, ada: Person
) -> None:
    client = browse(ada)
    press(client, "save", **FORM | {"protocol-none": "0"})
    page = text(client.get(reverse("protocol")))
    assert "It has one arm" in page
    assert "The drawings have no licence" in page
    assert page.count("cannot be mended after the start") == 1
    press(client, "save", **FORM)
    study_settings.change(ada, licence="CC-BY-4.0")
    page = text(client.get(reverse("protocol")))
    assert "It has one arm" not in page
    assert "no licence" not in page


def draw(client: Client, label: int = 4, **more: Any) -> Any:
    body = {"target_label": label, "strokes": STROKES, **more}
    return client.post("/api/attempts/", json.dumps(body), content_type="application/json")


def test_a_draft_is_written_changed_and_given_up(browse: Browse, ada: Person) -> None:
    client = browse(ada)
    assert "This site has no protocol" in text(client.get(reverse("protocol")))
    assert "There is no such" not in text(press(client, "save", **FORM))
    study = Study.objects.get()
    assert (study.arms, study.secondary_outcomes) == ("dynamic:2,none:1", "mnist")
    saved = text(client.get(reverse("protocol")))
    assert "The study has not started" in saved
    assert "dynamic 2, none 1" in saved
    press(client, "save", **(FORM | {"protocol-none": "0", "protocol-vmer": "on"}))
    study.refresh_from_db()
    assert (study.arms, study.secondary_outcomes) == ("dynamic:2", "mnist vmer")
    assert "no protocol" in text(press(client, "discard"))
    assert not StudyAct.objects.exists()


def test_what_is_amiss_in_a_draft_is_told_where_it_helps(browse: Browse, ada: Person) -> None:
    client = browse(ada)
    assert "This field is required." in text(
        press(client, "save", **(FORM | {"protocol-question": ""}))
    )
    heavy = press(client, "save", **(FORM | {"protocol-none": "21"}))
    assert "a weight from 1 to 20" in text(heavy)
    assert Study.objects.get().stop_samples is None, "nothing was saved"
    assert "no protocol yet" in text(press(client, "start", seen=""))


def test_nobody_starts_what_they_have_not_read(browse: Browse, ada: Person) -> None:
    client = browse(ada)
    press(client, "save", **FORM)
    found = protocol.current()
    assert found is not None
    seen = protocol.digest(found.document)
    study_settings.change(ada, quorum=3)
    assert "changed since you read it" in text(press(client, "start", seen=seen))
    assert not StudyAct.objects.exists()


def test_drawing_before_the_start_is_practice_and_says_so(
    browse: Browse, ada: Person, alice: Person
) -> None:
    press(browse(ada), "save", **FORM)
    assert "nothing that you draw now is kept" in text(browse(alice).get("/draw/"))
    for drawer in (alice, put(add_person(), Arm.NONE)):
        answer = draw(browse(drawer), client_key="a key")
        assert (answer.status_code, answer.json()["status"]) == (200, "practice")
        assert (answer.json()["predicted_label"] is None) == (drawer != alice)
    assert not Attempt.objects.exists()
    assert browse(alice).get("/api/attempts/").json()["results"] == []


def test_a_study_runs_under_its_protocol_and_changes_stand_beside_results(
    browse: Browse, ada: Person, alice: Person
) -> None:
    client = browse(ada)
    assert "The study has started." in text(start(client))
    assert draw(browse(alice)).status_code == 201
    sha256 = protocol.current().sha256  # type: ignore[union-attr]
    unsaid = press(client, "save", **(FORM | {"protocol-quorum": "2"}))
    assert "say why its protocol changes" in text(unsaid)
    press(client, "save", **(FORM | {"protocol-quorum": "2", "protocol-why": "Two agree better."}))
    for path in ("/rounds/", "/rounds/1/", "/data/", "/protocol/"):
        told = text(client.get(path))
        assert sha256 in told
        assert "quorum from “1” to “2”: “Two agree better.”" in told
    for path in ("/rounds/", "/rounds/1/"):
        assert sha256 not in text(browse(alice).get(path)), "arms are nobody's affair meanwhile"
    log = text(client.get(reverse("admin_log")))
    assert "ada started the study under its protocol." in log
    assert "ada set quorum from “1” to “2”." in log
    assert "Two agree better." in log


def test_the_desks_settings_of_a_started_study_ask_why_too(browse: Browse, ada: Person) -> None:
    client = browse(ada)
    start(client)
    desk = client.get("/desk/")
    fields = desk.context["study_form"]
    posted = {"do": "study"} | {name: fields[name].value() for name in fields.fields}
    posted = {name: value for name, value in posted.items() if value not in (None, False)}
    refused = client.post("/desk/", posted | {"audit_share": "0.5"})
    assert "say why its protocol changes" in text(refused)
    client.post("/desk/", posted | {"audit_share": "0.5", "why": "Too few were read."})
    assert Study.objects.get().audit_share == 0.5
    assert protocol.current().changes[0].why == "Too few were read."  # type: ignore[union-attr]


def test_the_end_refuses_drawings_and_tells_everything(
    browse: Browse, ada: Person, mona: Person
) -> None:
    client = browse(ada)
    start(client)
    silent = put(add_person(), Arm.NONE)
    theirs = browse(silent)
    attempt_id = draw(theirs).json()["id"]
    read(mona, "4")
    assert theirs.get(f"/api/attempts/{attempt_id}/").json()["predicted_label"] is None
    assert theirs.get("/api/rounds/").status_code == 403
    assert "You may end the study" not in text(client.get("/desk/")), "the other arm has none yet"
    assert "This field is required." in text(press(client, "end", **{"end-why": ""}))
    assert "The study has ended." in text(press(client, "end", **{"end-why": "The month is over."}))
    refused = draw(theirs, 5)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "study_ended")
    assert "No drawing is taken any more" in text(theirs.get("/draw/"))
    told = theirs.get(f"/api/attempts/{attempt_id}/").json()
    assert (told["predicted_label"], told["status"]) == (9, "verified")
    assert theirs.get("/api/rounds/").status_code == 200
    assert browse(None).get("/api/rounds/?arm=none").status_code == 200
    assert "The month is over." in text(client.get(reverse("protocol")))
    own = json.loads("".join(exports.own(silent)))["drawings"]
    assert [drawing["arm"] for drawing in own] == ["none"]
    for path in ("/rounds/", "/rounds/1/"):
        assert protocol.current().sha256 in text(theirs.get(path))  # type: ignore[union-attr]


def test_what_was_drawn_without_a_verdict_hangs_with_all_others_once_the_study_has_ended(
    browse: Browse, ada: Person, alice: Person, mona: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(browse(ada))
    silent, hidden = (put(add_person(name), Arm.NONE) for name in ("quiet", "unlisted"))
    Person.objects.filter(pk=hidden.pk).update(is_listed=False)
    fool, unseen = submit(silent), submit(hidden)
    for _ in range(2):
        read(mona, "4")
    monkeypatch.setattr(today, "today", lambda: fool.submitted_at.date())
    monkeypatch.setattr(challenges, "digit_of", lambda day: 4)
    theirs, stranger, drawer = browse(silent), browse(None), browse(alice)
    card = f"/fools/{fool.pk}/"

    def shown(client: Client, path: str) -> bool:
        """Whether a page has the drawing or a board its drawer."""
        answer = client.get(path)
        if answer.status_code != 200 or answer["Content-Type"] == "image/png":
            return answer.status_code == 200
        main = answer.content.decode().rpartition("<main")[2]
        return ("quiet" if "leaderboard" in path else str(fool.pk)) in main

    in_arm = ["/gallery/?arm=none", "/gallery/?arm=none&round=1&target=4&predicted=9"]
    in_arm += [f"/leaderboard/?arm=none&period={period}" for period in (*PERIODS, "today")]
    in_arm += ["/api/leaderboard/?arm=none&period=all"]
    in_arm += [f"{card}{name}?arm=none" for name in ("", "seen.png", "card.png")]
    own = [path.replace("arm=none", "") for path in in_arm] + ["/", "/people/quiet/"]

    def told() -> set[bool]:
        return {
            shown(client, path)
            for client, paths in ((theirs, own), (stranger, in_arm), (drawer, in_arm))
            for path in paths
        }

    assert told() == {False}
    protocol.end(ada, "It is over.")
    assert told() == {True}
    gallery = theirs.get("/gallery/").content.decode()
    assert str(unseen.pk) not in gallery
    assert "1 drawing" in text(theirs.get("/gallery/"))
    assert f"/fools/{fool.pk}/" in theirs.get(f"/drawings/{fool.pk}/").content.decode()
    for path in ("/gallery/", "/leaderboard/?period=all", card):
        assert not shown(drawer, path), "people of one arm see those of it, unless they ask"


def test_the_api_tells_the_protocol_to_admins_and_at_last_to_everybody(
    browse: Browse, ada: Person, alice: Person
) -> None:
    admins = browse(ada)
    assert admins.get(STUDY).status_code == 404
    start(admins)
    told = admins.get(STUDY).json()
    same = json.dumps(told["protocol"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(same.encode()).hexdigest() == told["sha256"]
    assert (told["phase"], told["samples"]) == ("running", {"dynamic": 0, "none": 0})
    for nobody in (browse(alice), browse(None)):
        assert nobody.get(STUDY).status_code == 403
    protocol.end(ada, "It is over.")
    ended = browse(None).get(STUDY).json()
    assert (ended["phase"], ended["ended_why"]) == ("ended", "It is over.")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_samples_say_under_which_protocol_and_at_last_in_which_arm(
    browse: Browse, ada: Person, alice: Person, mona: Person, form: str
) -> None:
    read(mona, "4", submit(alice))
    plain = "".join(exports.stream(form)[0])
    assert "protocol" not in plain
    start(browse(ada))
    draw(browse(alice))
    read(mona, "4")
    sha256 = protocol.current().sha256  # type: ignore[union-attr]
    running = "".join(exports.stream(form)[0])
    assert sha256 in running
    assert sha256 not in plain
    assert "dynamic" not in running
    protocol.end(ada, "It is over.")
    assert "dynamic" in "".join(exports.stream(form)[0])


def test_a_plain_sites_pages_ask_nothing_about_a_protocol(
    browse: Browse, ada: Person, alice: Person
) -> None:
    pages = (ada, "/desk/"), (alice, "/draw/"), (None, "/rounds/"), (ada, "/data/")
    for who, path in (*pages, (ada, "/rounds/1/")):
        client = browse(who)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        assert not [each for each in asked if "studyact" in each["sql"]]
