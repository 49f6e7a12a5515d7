"""Somebody German is refused, welcomed and told in German; programs get codes and, unless they ask
otherwise, English; the log is in English."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from collector import limits
from collector.models import Person
from tests.support.pages import Browse, Insert, text
from trainer import target
from trainer.learning.sentences import Sentence
from trainer.models import RoundModel

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de"}
NO_STROKES = {"target_label": 4, "strokes": []}


@pytest.fixture
def heidi(alice: Person) -> Person:
    alice.language = "de"
    alice.save(update_fields=["language"])
    return alice


def refused(client: Client, path: str, body: Any, **asked: str) -> tuple[int, str, str]:
    answer = client.post(path, json.dumps(body), "application/json", **asked)  # type: ignore[arg-type]
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def test_the_apis_codes_stay_and_its_messages_go_by_the_asker(
    browse: Browse, alice: Person, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = limits.Limit("submissions a day", 1, 60, limits.SUBMISSIONS_A_DAY.told)
    monkeypatch.setattr(limits, "SUBMISSIONS_A_DAY", few)
    limits.take(few, str(alice.pk))
    drawn = [{"x": [90, 82, 200], "y": [50, 100, 148], "t": [0, 90, 180]}]
    for body, code, english, german in (
        (
            NO_STROKES,
            "no_strokes",
            "Send strokes as a list",
            "Schick \u00abstrokes\u00bb als",
        ),
        (
            {"target_label": 12, "strokes": []},
            "invalid",
            "A label is a whole number",
            "Eine Ziffer ist eine",
        ),
        ([], "refused", "Send a JSON object.", "Schick ein JSON-Objekt."),
        (
            {"target_label": 4, "strokes": drawn},
            "too_many",
            "That was more than 1 drawings in a day. Try again in ",
            "Das waren mehr als 1 Zeichnungen an einem Tag. Versuch es in ",
        ),
    ):
        answers = [refused(browse(alice), "/api/attempts/", body, **said) for said in ({}, GERMAN)]
        assert [each[1] for each in answers] == [code] * 2
        assert answers[0][0] == answers[1][0]
        assert answers[0][2].startswith(english)
        assert answers[1][2].startswith(german)


def test_the_timeline_of_a_drawing_is_told_in_the_askers_language(
    browse: Browse, alice: Person, heidi: Person, insert: Insert
) -> None:
    attempt = insert(heidi)
    told = browse(heidi).get(f"/api/attempts/{attempt.pk}/").json()
    assert (told["status"], told["fate"]) == ("verified", "Bestätigt")
    assert told["timeline"][0]["kind"] == "submitted"
    assert told["timeline"][0]["text"] == (
        "Du hast eine 4 gezeichnet. Das Modell von Runde 1 las eine 9, 90 % sicher: überlistet."
    )


def test_errors_of_forms_and_what_was_done_are_german(browse: Browse, heidi: Person) -> None:
    client = browse(heidi)
    wrong = {"do": "email", "email-email": "", "email-password": "wrong"}
    assert "Das ist nicht dein Passwort." in text(client.post(reverse("account"), wrong))
    ended = client.post(reverse("account"), {"do": "end others"}, follow=True)
    assert "Überall beendet außer hier." in text(ended)
    taken = {"username": "alice", "password": "a staple of batteries"}
    page = Client().post(reverse("sign_up"), taken, **GERMAN)  # type: ignore[arg-type]
    assert "Dieser Name ist vergeben." in text(page)
    missing = client.get("/gallery/?round=77")
    assert (missing.status_code, "Es gibt keine Runde 77." in text(missing)) == (400, True)


def test_a_german_admin_reads_why_a_candidate_is_held_and_what_was_done(
    browse: Browse, ada: Person, bob: Person
) -> None:
    Person.objects.filter(pk=ada.pk).update(language="de")
    client = browse(ada)
    suspend = {"do": "suspend", "suspend-why": "Nur <i>Vieren</i>."}
    assert "bob ist gesperrt; 0 Trainingszeichnungen zurückgezogen." in text(
        client.post(reverse("person", args=["bob"]), suspend, follow=True)
    )
    log = client.get(reverse("admin_log")).content.decode()
    assert '<b>ada</b> hat <a href="/people/bob/">bob</a> gesperrt.' in log
    assert "Nur &lt;i&gt;Vieren&lt;/i&gt;." in log
    RoundModel.objects.create(
        architecture="mnist_model",
        state="failed",
        reasons=["The training was begun 3 times and never came to its end."],
        sentences=[
            {
                "text": "The training was begun {n} times and never came to its end.",
                "many": "",
                "values": {"n": 3},
            }
        ],
        finished_at=timezone.now(),
    )
    assert "Das Training wurde 3-mal begonnen und kam nie zu Ende." in text(client.get("/desk/"))


def test_the_log_is_english_whatever_the_asker_speaks(
    browse: Browse,
    heidi: Person,
    insert: Insert,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def current(*_: object) -> None:
        raise target.TargetUnavailable(Sentence("No round is open."))

    monkeypatch.setattr(target, "current", current)
    drawn = {"strokes": [{"x": [90, 82, 200], "y": [50, 100, 148], "t": [0, 90, 180]}]}
    status, code, message = refused(browse(heidi), "/api/predictions/", drawn)
    assert (status, code) == (503, "unavailable")
    assert message == "Das Modell lässt sich nicht fragen: Es ist keine Runde offen."
    assert "The model cannot be asked: No round is open." in caplog.text
    assert "Runde offen" not in caplog.text


def test_a_probe_and_what_is_taken_along_are_english_whoever_asks(
    browse: Browse, heidi: Person
) -> None:
    client = browse(heidi)
    worker = client.get("/readyz", **GERMAN).json()["worker"]  # type: ignore[arg-type]
    assert worker == "No sign of life from any worker or from any trainer."


def test_undo_and_redo_are_called_what_programs_call_them(browse: Browse, heidi: Person) -> None:
    page = browse(heidi).get("/draw/").content.decode()
    for name in ("Rückgängig", "Wiederholen"):
        assert f'title="{name}" aria-label="{name}"' in page
