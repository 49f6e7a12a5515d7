"""Texts of a study, who agrees to which, what people say about themselves, and people whom a panel
sends: through the pages and the API, as they come."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collector.data import archives, exports
from collector.models import (
    Allocation,
    Answer,
    Consent,
    Panel,
    PanelMember,
    Person,
    Study,
    StudyChange,
    StudyText,
)
from collector.people import accounts, panels
from collector.rules import markdown
from collector.study import settings as study_settings
from collector.study import texts
from tests.support import PASSWORD
from tests.support.cast import ARMS, a_line, add_person
from tests.support.dumps import tables_with
from tests.support.pages import text

PID = "5f3e9c8b7a6d5e4f3a2b1c0d"
GIVEN = {"username": "carol", "password": PASSWORD, "email": ""}
AGREED = {"is_of_age": "on", "agrees": "on"}
FINISH = re.compile(r'class="button button--primary"\s+href="/finished/"')
WRONG = (0, -1, 1.0, "1", True, 10**9)  # versions that none is


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def say(ada: Person) -> Callable[..., None]:
    """Have the admin save another version of a text."""

    def save(words: str, kind: str = "consent", age: int | None = None) -> None:
        newest = StudyText.newest(kind).first()
        assert texts.save(ada, kind, words, newest.version if newest else 0, age=age)

    return save


@pytest.fixture
def panel(ada: Person) -> Panel:
    return panels.make(
        ada,
        name="Prolific",
        code="prolific-1",
        id_parameter="PROLIFIC_PID",
        drawing_count=2,
        completion_code="C1A2B3",
        redirect_url="https://app.prolific.example/done?cc=C1A2B3",
    )


def link(pid: str = PID) -> str:
    return f"/join/prolific-1/?PROLIFIC_PID={pid}"


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="collector.people.accounts.Backend")
    return client


def draw(client: Client, place: int = 0) -> Any:
    """Submit a drawing as the draw page does, of whoever is signed in."""
    drawn = a_line(place)
    body = {"target_label": 4, "strokes": drawn.as_json(), "width": drawn.width}
    return client.post("/api/attempts/", body, content_type="application/json")


# Texts and consent


def test_without_texts_a_request_asks_nothing_more_and_says_nothing_of_them(
    study: Study, alice: Person
) -> None:
    with CaptureQueriesContext(connection) as asked:
        found = accounts.Backend().get_user(alice.pk)
    assert len(asked) == 1
    assert found is not None
    assert (found.lacks_consent, found.is_of_panel) == (False, False)
    with CaptureQueriesContext(connection) as asked:
        page = Client().get("/accounts/sign-up/")
    assert len(asked) == 0
    assert "agree" not in text(page)
    assert Client().get("/privacy/").status_code == Client().get("/consent/").status_code == 404


def test_sign_up_asks_for_consent_and_age_and_keeps_version_and_time(
    study: Study, say: Callable[..., None]
) -> None:
    say("Old words.")
    say("You draw **digits**.", age=16)
    say("We keep your strokes.", "privacy")
    client = Client()
    page = text(client.get("/accounts/sign-up/"))
    assert "You draw digits ." in page
    assert "I am 16 years old or older." in page
    assert "Privacy" in page
    assert "Without this nobody takes part" in text(client.post("/accounts/sign-up/", GIVEN))
    assert not Person.objects.filter(username="carol").exists()
    stale = client.post("/accounts/sign-up/", GIVEN | AGREED | {"version": "1"})
    assert "The consent text is version 2 by now." in text(stale)
    assert not Person.objects.filter(username="carol").exists()
    assert client.post("/accounts/sign-up/", GIVEN | AGREED | {"version": "2"}).status_code == 302
    consent = Consent.objects.get(person__username="carol")
    assert (consent.text.version, consent.text.minimum_age) == (2, 16)
    assert draw(client).status_code == 201
    assert "You agreed to version 2" in text(client.get("/account/"))


def sign_up_by_api(**more: Any) -> Any:
    body = {"username": "carol", "password": PASSWORD, **more}
    return Client().post("/api/accounts/", body, content_type="application/json")


def test_by_the_api_who_signs_up_agrees_to_the_text_that_they_read_and_draws_at_once(
    study: Study, say: Callable[..., None]
) -> None:
    say("Old words.")
    say("You draw digits.", age=16)
    old = sign_up_by_api(consent_version=1, is_of_age=True)
    assert old.status_code == 409
    refused = old.json()["error"]
    assert (refused["code"], refused["field"]) == ("consent", "consent_version")
    assert "version 2 by now" in refused["message"]
    assert "/consent/" in refused["message"]
    assert not Person.objects.filter(username="carol").exists()
    assert sign_up_by_api(consent_version=2, is_of_age=True).status_code == 201
    consent = Consent.objects.get(person__username="carol")
    assert (consent.text.version, consent.text.minimum_age) == (2, 16)
    assert draw(signed_in(consent.person)).status_code == 201


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"consent_version": 1}, "is_of_age"),
        ({"consent_version": 1, "is_of_age": False}, "is_of_age"),
        ({"is_of_age": True}, "consent_version"),
        *(
            ({"consent_version": version, "is_of_age": True}, "consent_version")
            for version in WRONG
        ),
        ({"consent_version": 1, "is_of_age": "yes"}, "is_of_age"),
        ({"consent_version": 1, "is_of_age": 1}, "is_of_age"),
    ],
)
def test_half_a_consent_is_refused_and_makes_no_account(
    study: Study, say: Callable[..., None], said: dict[str, Any], field: str
) -> None:
    say("Words.")
    answer = sign_up_by_api(**said)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field
    assert not Person.objects.exclude(role="admin").exists()


def test_by_the_api_without_a_consent_the_account_is_made_and_drawing_asks_for_it(
    study: Study, say: Callable[..., None]
) -> None:
    say("Words.")
    assert sign_up_by_api().status_code == 201
    refused = draw(signed_in(Person.objects.get(username="carol")))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "consent")
    assert not Consent.objects.exists()


def test_nobody_agrees_to_a_text_that_is_not_there(study: Study) -> None:
    answer = sign_up_by_api(consent_version=1, is_of_age=True)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "consent_version")
    assert "asks for no consent" in answer.json()["error"]["message"]
    assert not Person.objects.filter(username="carol").exists()


def test_after_a_change_everybody_is_asked_again_before_the_next_drawing_counts(
    study: Study, alice: Person, say: Callable[..., None]
) -> None:
    client = signed_in(alice)
    assert draw(client, 1).status_code == 201
    for version in ("1", "2"):
        say(f"Words {version}.")
        refused = draw(client, 10 + int(version))
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "consent"
        assert "/consent/" in refused.json()["error"]["message"]
        assert client.get("/draw/")["Location"] == "/consent/"
        assert f"Words {version}." in text(client.get("/consent/"))
        assert "nobody takes part" in text(client.post("/consent/", {"version": version}))
        agreed = client.post("/consent/", AGREED | {"version": version})
        assert agreed["Location"] == "/draw/"
        client.post("/consent/", AGREED | {"version": version})  # pressed twice
        assert draw(client, 10 + int(version)).status_code == 201
    assert list(alice.consents.values_list("text__version", flat=True)) == [1, 2]
    say("")
    assert client.get("/consent/").status_code == 404
    assert draw(client, 20).status_code == 201, "where there is no text nobody is asked"


def test_who_asks_by_a_token_gets_the_same_refusal(
    study: Study, alice: Person, say: Callable[..., None]
) -> None:
    token, _ = accounts.issue_token(alice)
    say("Words.")
    client = Client(headers={"Authorization": f"Token {token}"})
    assert draw(client).json()["error"]["code"] == "consent"
    assert not alice.attempts.exists()


@pytest.mark.parametrize("table", ["collector_consent", "collector_studytext"])
def test_nobody_changes_what_was_agreed_to(
    study: Study, alice: Person, say: Callable[..., None], table: str
) -> None:
    say("Words.")
    signed_in(alice).post("/consent/", AGREED | {"version": "1"})
    for change in (f"UPDATE {table} SET id = id + 9", f"DELETE FROM {table}"):
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


def test_admins_write_versions_on_a_page_and_of_an_old_page_nothing_is_saved(
    study: Study, ada: Person
) -> None:
    client = signed_in(ada)
    posted = {"do": "terms", "terms-text": "Be *kind*.", "terms-seen": "0"}
    assert "Saved." in text(client.post("/texts/", posted, follow=True))
    assert "Be kind ." in text(client.get("/terms/"))
    assert "/terms/" in Client().get("/").content.decode(), "in the foot of each page"
    again = client.post("/texts/", posted, follow=True)  # pressed twice
    assert 'notice--info">Nothing was changed.' in again.content.decode()
    answer = client.post("/texts/", posted | {"terms-text": "Another."}, follow=True)
    assert "Somebody has saved another version" in text(answer)
    assert StudyText.objects.count() == 1
    said = {"do": "consent", "consent-text": "Words.", "consent-seen": "0"}
    wrong = client.post("/texts/", said | {"consent-minimum_age": "2"})
    assert "greater than or equal to 5" in text(wrong)
    client.post("/texts/", said | {"consent-minimum_age": "12"})
    assert StudyText.objects.get(kind="consent").minimum_age == 12
    assert StudyChange.objects.filter(field="consent text", after="version 1").exists()


def test_admins_say_by_whom_releases_are_cited(study: Study, ada: Person) -> None:
    client = signed_in(ada)
    posted = {
        "do": "cited",
        "cited-cited_title": "Digits that fool",
        "cited-cited_authors": "  Ada, Nia \r\n\r\nA lab\r\n",
    }
    assert "The next release has it." in text(client.post("/texts/", posted, follow=True))
    kept = Study.objects.get()
    assert (kept.cited_title, kept.cited_authors) == ("Digits that fool", "Ada, Nia\nA lab")
    assert StudyChange.objects.filter(field="cited_title", after="Digits that fool").exists()
    assert "Ada, Nia\nA lab</textarea>" in client.get("/texts/").content.decode()
    for field, said, why in (
        ("title", "a\u202eb", "This has a character that no line of text has."),
        ("authors", "Ada\a", "This has a character that no line of text has."),
        ("authors", ", Nia", "Each line has a name."),
        ("title", "a" * 201, "at most 200 characters"),
    ):
        wrong = client.post("/texts/", posted | {f"cited-cited_{field}": said})
        assert why in text(wrong)
    assert Study.objects.get().cited_authors == kept.cited_authors


@pytest.mark.parametrize(
    "wrong", [{"cited_title": "a\nb"}, {"cited_authors": "a\n\nb"}, {"cited_authors": "a\n"}]
)
def test_the_database_takes_no_citation_with_an_empty_line(
    study: Study, wrong: dict[str, str]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(**wrong)


def test_a_new_study_is_offered_the_usual_licence_and_sign_up_names_what_was_chosen(
    study: Study, ada: Person
) -> None:
    client = signed_in(ada)
    for _ in ("at first", "once a text was saved"):
        page = client.get("/texts/").content.decode()
        assert re.search(r'value="CC-BY-4.0"\s+selected', page)
        assert "Not chosen yet: CC BY 4.0 is usual" in page
        client.post("/texts/", {"do": "terms", "terms-text": "Words.", "terms-seen": "0"})
    posted = {"do": "asked", "asked-licence": "CC-BY-4.0", "asked-hand": "on"}
    carried = {"initial-asked-licence": "CC-BY-4.0", "initial-asked-hand": ""}
    client.post("/texts/", posted | carried)
    study.refresh_from_db()
    assert (study.licence, study.questions) == ("CC-BY-4.0", "hand")
    study_settings.change(ada, licence="")
    chosen = client.get("/texts/").content.decode()
    assert re.search(r'value=""\s+selected', chosen)
    assert "Not chosen yet" not in chosen
    study_settings.change(ada, licence="CC-BY-4.0")
    assert "for release under CC BY 4.0" in text(Client().get("/accounts/sign-up/"))


def test_markdown_runs_nothing() -> None:
    html = markdown.to_html(
        "# One\n<script>alert(1)</script> [a](javascript:alert(1)) ![p](https://a.example/p.png)\n"
        '\n[b](https://b.example "t" onclick=x) <img src=x onerror=y> [d](data:text/html,x)'
    )
    assert "<h2>One</h2>" in html
    assert not re.search(r"<(script|img)|href=\"(javascript|data)", html)


def test_a_column_of_numbers_is_aligned_by_a_class_since_pages_take_no_style() -> None:
    html = markdown.to_html("| a | b | c |\n| --- | ---: | :-: |\n| 1 | 2 | 3 |")
    assert '<td>1</td>\n<td class="num">2</td>\n<td>3</td>' in html
    assert "style" not in html


# What people say about themselves


def test_people_say_of_themselves_what_they_like_and_admins_get_it_without_names(
    study: Study, alice: Person, ada: Person
) -> None:
    study_settings.change(ada, questions="age hand")
    texts.forget()
    client = signed_in(alice)
    page = text(client.get("/questions/"))
    assert "How old are you?" in page
    assert "Which script" not in page
    assert client.post("/questions/", {"age": "", "hand": "left"})["Location"] == "/draw/"
    assert "valid choice" in text(client.post("/questions/", {"hand": "third"}))
    content = signed_in(ada).get("/data/people.csv").getvalue().decode()
    [row] = [
        r
        for r in csv.DictReader(io.StringIO(content))
        if r["contributor"] == str(alice.contributor)
    ]
    assert row == {
        "contributor": str(alice.contributor),
        "arm": "dynamic",
        "consent": "",
        "age": "",
        "hand": "left",
        "device": "",
        "script": "",
        "pen": "",
    }
    assert "alice" not in content
    own = json.loads("".join(exports.own(alice)))
    assert (own["answers"], own["consents"], own["readings"]) == ({"hand": "left"}, [], 0)
    client.post("/questions/", {"age": "", "hand": ""})
    assert not Answer.objects.exists()


# People from a panel


def test_whom_a_panel_sends_agrees_draws_and_gets_the_code_once_they_have_drawn_as_many(
    study: Study, ada: Person, panel: Panel, say: Callable[..., None]
) -> None:
    study_settings.change(ada, arms=ARMS)
    say("Words.")
    client = Client()
    page = text(client.get(link()))
    assert "Prolific sent you. You draw 2 digits" in page
    assert "Words." in page
    client.post(link())
    client.post(link(), AGREED | {"version": "9"})
    assert not PanelMember.objects.exists(), "consent comes first"
    assert client.post(link(), AGREED | {"version": "1"})["Location"] == "/draw/"
    member = PanelMember.objects.select_related("person").get()
    person = member.person
    assert re.fullmatch(r"guest-[0-9a-f]{12}", person.username)
    assert (person.email, person.has_usable_password()) == ("", False)
    assert Allocation.objects.filter(person=person).exists(), "the lot is as for any other"
    assert [draw(client, place).status_code for place in (1, 1, 2)] == [201, 409, 201]
    assert "C1A2B3" in text(client.get("/finished/"))


def test_the_code_is_not_shown_before_and_stays_afterwards(study: Study, panel: Panel) -> None:
    client = Client()
    client.post(link())
    first = draw(client, 1).json()["id"]
    drawing = client.get("/draw/")
    assert "1 of 2 drawings made." in text(drawing)
    assert not FINISH.search(drawing.content.decode())
    assert client.get("/draw/today/").json()["is_panel_done"] == 0
    for _ in range(2):
        page = client.get("/finished/").content.decode()
        assert "C1A2B3" not in page
        assert "prolific.example" not in page
    client.post(f"/api/attempts/{first}/retract/", {}, content_type="application/json")
    draw(client, 2)
    assert PanelMember.objects.get().finished_at is None, "what is taken back does not count"
    last = draw(client, 3).json()["id"]
    finished_at = PanelMember.objects.get().finished_at
    assert finished_at
    assert FINISH.search(client.get("/draw/").content.decode())
    assert client.get("/draw/today/").json()["is_panel_done"] == 1
    page = client.get("/finished/").content.decode()
    assert "C1A2B3" in page
    assert 'href="https://app.prolific.example/done?cc=C1A2B3"' in page
    client.post(f"/api/attempts/{last}/retract/", {}, content_type="application/json")
    draw(client, 4)
    assert "C1A2B3" in text(client.get("/finished/"))
    assert PanelMember.objects.get().finished_at == finished_at
    assert Client().get("/finished/").status_code == 302


def test_an_id_alone_opens_no_account_and_the_same_browser_goes_on(
    study: Study, ada: Person, panel: Panel
) -> None:
    client, stranger = Client(), Client()
    client.post(link())
    person = PanelMember.objects.get().person
    refused = stranger.post(link())
    assert refused.status_code == 403
    assert "in another browser" in text(refused)
    assert "_auth_user_id" not in stranger.session
    assert client.get(link())["Location"] == "/draw/"
    client.post("/accounts/sign-out/")
    assert "You have begun already" in text(client.get(link()))
    client.post(link())
    assert client.session["_auth_user_id"] == str(person.pk)
    assert PanelMember.objects.count() == 1
    release = {"do": "release", "panel": str(panel.pk), f"panel-{panel.pk}-pid": PID}
    signed_in(ada).post("/panels/", release)
    stranger.post(link())
    assert PanelMember.objects.get().person != person


@pytest.mark.parametrize("pid", ["", "%20", "x" * 201, "a%7Fb", "{{%25PROLIFIC_PID%25}}"])
def test_a_link_without_an_id_says_so(study: Study, panel: Panel, pid: str) -> None:
    answer = Client().post(link(pid))
    assert answer.status_code == 400
    assert "lacks your id" in text(answer)
    assert Client().get("/join/nowhere/?PROLIFIC_PID=1").status_code == 404


def test_many_of_a_panel_come_from_one_address_and_closed_sign_up_lets_them_in(
    study: Study, ada: Person, panel: Panel, settings: Any
) -> None:
    settings.OPEN_SIGNUP = False
    for number in range(40):
        assert Client().post(link(f"person-{number}")).status_code == 302
    assert PanelMember.objects.count() == 40
    panels.close(ada, panel.pk)
    assert Client().post(link("late")).status_code == 410


def test_admins_get_which_of_a_panels_ids_have_drawn_how_much(
    study: Study, ada: Person, alice: Person, panel: Panel
) -> None:
    other = panels.make(ada, name="Ours", code="ours", drawing_count=1, completion_code="C2")
    PanelMember.objects.create(panel=other, person=add_person(), pid="elsewhere")
    address = f"/panels/{panel.pk}/ids.csv"
    admins = signed_in(ada)
    assert admins.get(address).getvalue().decode() == "id,joined,finished,drawings\r\n"
    done, back, formula, wide, split = (Client() for _ in range(5))
    for client, pid in (
        (done, "p1"),
        (back, "p2"),
        (formula, "%3D1%2B1"),
        (wide, "%EF%BC%9D1"),
        (split, "a%3B%3D1%2B1"),
    ):
        client.post(link(pid))
    for place in (1, 2, 3):
        draw(done, place)
    last = [draw(back, place).json()["id"] for place in (4, 5)][-1]
    PanelMember.objects.filter(pid="p2").update(finished_at=None)
    back.post(f"/api/attempts/{last}/retract/", {}, content_type="application/json")
    answer = admins.get(address)
    assert f'filename="panel-{panel.pk}.csv"' in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    members = {member.pid: member for member in panel.members.all()}
    finished_at = members["p1"].finished_at
    assert finished_at
    assert rows == [
        {
            "id": shown,
            "joined": members[pid].joined_at.isoformat(),
            "finished": finished,
            "drawings": drawings,
        }
        for pid, shown, finished, drawings in (
            ("p1", "p1", finished_at.isoformat(), "3"),
            ("p2", "p2", "", "1"),
            ("=1+1", "'=1+1", "", "0"),
            ("＝1", "'＝1", "", "0"),
            ("a;=1+1", "a;'=1+1", "", "0"),
        )
    ]
    assert address in admins.get("/panels/").content.decode()
    assert signed_in(alice).get(address).status_code == 403
    assert admins.get("/panels/99/ids.csv").status_code == 404


def test_a_panels_ids_are_in_no_export_and_gone_with_the_account(
    study: Study, ada: Person, panel: Panel
) -> None:
    study_settings.change(ada, questions="hand", licence="CC-BY-4.0")
    client = Client()
    client.post(link())
    client.post("/questions/", {"hand": "left"})
    draw(client, 1)
    person = PanelMember.objects.get().person
    assert tables_with(PID) == {"collector_panelmember"}
    told = [*exports.people(), *exports.own(person), *exports.stream("csv")[0]]
    assert PID not in "".join(told)
    assert (
        not {"collector_panel", "collector_panelmember"}
        & archives.archived(with_access=True).keys()
    )
    page = client.get("/account/").content.decode()
    assert 'name="password"' not in page
    closed = client.post("/account/", {"do": "close", "drawings": "keep"})
    assert closed["Location"] == "/"
    assert tables_with(PID) == tables_with(person.username) == set()
    assert not Answer.objects.exists()
    call_command("verify", verbosity=0)


def test_admins_make_a_panel_on_its_page(study: Study, ada: Person) -> None:
    client = signed_in(ada)
    posted = {
        "do": "add",
        "panel-name": "MTurk",
        "panel-id_parameter": "workerId",
        "panel-drawing_count": "20",
    }
    assert "Give the code or the address" in text(client.post("/panels/", posted))
    unsafe = posted | {"panel-redirect_url": "http://a.example/"}
    assert "begins with https://" in text(client.post("/panels/", unsafe))
    client.post("/panels/", posted | {"panel-completion_code": "XYZ"})
    code = Panel.objects.get().code
    assert len(code) == 10
    page = text(client.get("/panels/"))
    assert f"/join/{code}/?workerId=…" in page
    assert "0 came, 0 have made their 20 drawings" in page
    again = posted | {"panel-completion_code": "X", "panel-code": code}
    assert "There is a panel with this code" in text(client.post("/panels/", again))
    client.post("/panels/", {"do": "close", "panel": str(Panel.objects.get().pk)})
    assert "closed" in text(client.get("/panels/"))
