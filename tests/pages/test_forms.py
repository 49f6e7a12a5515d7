"""The forms: each error stands next to its field, each success says what was done."""

import re
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse

from collector.models import Decision, ModerationPause, Person, Reading, Study, StudyChange
from collector.people import mails
from collector.study import texts
from tests.support import PASSWORD
from tests.support.pages import Browse, Insert, text
from trainer import samples
from trainer.models import Round, RoundModel


def error_at(answer: Any, field: str) -> str:
    """The error that stands with a field of the page's form, which has to name it as its
    description."""
    page = answer.content.decode()
    found = re.search(rf'<ul class="errorlist" id="id_{field}_error">(.*?)</ul>', page, re.S)
    assert found, page
    assert re.search(rf'name="{field}"[^>]*aria-describedby="[^"]*id_{field}_error', page)
    return found[1]


def test_signing_up_takes_one_form_and_leads_to_drawing(browse: Browse) -> None:
    client = browse(None)
    answer = client.post(
        reverse("sign_up"), {"username": "charlie", "password": PASSWORD, "email": ""}, follow=True
    )
    assert answer.redirect_chain == [("/draw/", 302)]
    assert "Welcome, charlie." in answer.content.decode()
    assert Person.objects.get(username="charlie").role == Person.Role.CROWDWORKER


@pytest.mark.parametrize(
    ("field", "given", "told"),
    [
        ("username", {"username": "<b>x</b>"}, "3 to 30 characters"),
        ("username", {"username": "Alice"}, "taken"),
        ("username", {"username": ""}, "required"),
        ("username", {"username": "x" * 300}, "3 to 30 characters"),
        ("password", {"password": "password"}, "too common"),
        ("email", {"email": "not an address"}, "valid email"),
    ],
)
def test_what_sign_up_refuses_is_said_next_to_the_field(
    field: str, given: dict[str, str], told: str, browse: Browse, alice: Person
) -> None:
    good = {"username": "charlie", "password": PASSWORD, "email": ""}
    answer = browse(None).post(reverse("sign_up"), good | given)
    assert told in error_at(answer, field)
    assert "<b>x</b>" not in answer.content.decode()
    assert Person.objects.count() == 1


def test_sign_up_says_at_once_all_that_is_wrong_and_keeps_what_was_typed(
    browse: Browse, alice: Person
) -> None:
    given = {"username": "Alice", "password": "password", "email": "not an address"}
    answer = browse(None).post(reverse("sign_up"), given)
    assert "taken" in error_at(answer, "username")
    assert "too common" in error_at(answer, "password")
    assert "valid email" in error_at(answer, "email")
    page = answer.content.decode()
    assert 'value="Alice"' in page
    assert 'value="not an address"' in page
    assert 'value="password"' not in page


def test_what_is_missing_does_not_keep_sign_up_from_saying_what_else_is_wrong(
    browse: Browse, ada: Person, alice: Person
) -> None:
    texts.save(ada, "consent", "You draw.", 0, age=16)
    answer = browse(None).post(
        reverse("sign_up"), {"username": "Alice", "password": "", "agrees": "on", "version": "1"}
    )
    assert error_at(answer, "username").count("<li>") == 1
    assert "taken" in error_at(answer, "username")
    assert error_at(answer, "password").count("<li>") == 1
    assert "required" in error_at(answer, "password")
    assert "Without this" in error_at(answer, "is_of_age")
    assert re.search(r'name="agrees"[^>]*checked', answer.content.decode())
    assert Person.objects.count() == 2


def test_a_role_sent_with_sign_up_is_not_believed(browse: Browse) -> None:
    browse(None).post(
        reverse("sign_up"), {"username": "eve", "password": PASSWORD, "role": "admin"}
    )
    assert not Person.objects.get(username="eve").is_moderator


def test_signing_in_leads_back_to_where_one_was_going(browse: Browse, alice: Person) -> None:
    given = {"username": "ALICE", "password": PASSWORD}
    answer = browse(None).post(
        f"{reverse('sign_in')}?next=/drawings/", given | {"next": "/drawings/"}
    )
    assert answer["Location"] == "/drawings/"
    evil = browse(None).post(reverse("sign_in"), given | {"next": "https://evil.example/"})
    assert evil["Location"] == "/draw/"


def test_known_and_unknown_people_get_the_same_words(browse: Browse, alice: Person) -> None:
    pages = [
        browse(None)
        .post(reverse("sign_in"), {"username": name, "password": "wrong"})
        .content.decode()
        for name in ("alice", "nobody")
    ]
    errors = [re.findall(r'<ul class="errorlist nonfield.*?</ul>', page, re.S) for page in pages]
    assert errors[0] == errors[1] != []


def test_too_many_wrong_passwords_close_the_account_for_a_while(
    browse: Browse, alice: Person, settings: Any
) -> None:
    given = {"username": "alice", "password": "wrong"}
    for _ in range(11):
        answer = browse(None).post(reverse("sign_in"), given)
    assert answer.status_code == 429
    assert "tries to sign in to this account" in answer.content.decode()
    right = browse(None).post(reverse("sign_in"), given | {"password": PASSWORD})
    assert right.status_code == 429


def test_signing_out_needs_a_post(browse: Browse, alice: Person) -> None:
    client = browse(alice)
    assert client.get(reverse("sign_out")).status_code == 405
    assert client.post(reverse("sign_out"))["Location"] == "/"
    assert client.get("/draw/").status_code == 302


def test_a_reset_mail_holds_a_link_that_works_once(browse: Browse, alice: Person) -> None:
    client = browse(None)
    client.post(reverse("password_reset"), {"email": "alice@example.org"})
    mails.send_due()
    [message] = mail.outbox
    assert "\n" not in message.subject
    assert "Fool the Digits" in message.subject
    found = re.search(r"http://testserver(/accounts/reset/\S+)", str(message.body))
    assert found
    form = client.get(found[1], follow=True)
    assert "Choose a new password" in form.content.decode()
    given = {"new_password1": "another fine horse", "new_password2": "another fine horse"}
    assert client.post(form.redirect_chain[-1][0], given)["Location"] == reverse(
        "password_reset_complete"
    )
    assert "used already, or is too old" in browse(None).get(found[1], follow=True).content.decode()


def test_a_reset_for_an_unknown_address_says_the_same(browse: Browse, alice: Person) -> None:
    answers = [
        browse(None).post(reverse("password_reset"), {"email": e})
        for e in ("alice@example.org", "x@y.org")
    ]
    assert answers[0]["Location"] == answers[1]["Location"]
    mails.send_due()
    assert len(mail.outbox) == 1


STUDY = {
    "do": "study",
    "architecture": "mnist_model",
    "round_size": "20",
    "quorum": "2",
    "audit_share": "0.1",
    "gold_share": "0.05",
    "person_share": "1",
}


def test_an_admin_changes_the_study_and_the_log_says_so(browse: Browse, ada: Person) -> None:
    answer = browse(ada).post("/desk/", STUDY, follow=True)
    assert Study.current().round_size == 20
    assert Study.current().quorum == 2
    assert {change.field for change in StudyChange.objects.all()} == {"round_size", "quorum"}
    assert "set round size from “10” to “20”." in answer.content.decode()


def test_an_admin_chooses_another_net_that_is_shipped(browse: Browse, ada: Person) -> None:
    answer = browse(ada).post("/desk/", STUDY | {"architecture": "strong"}, follow=True)
    assert Study.current().architecture == "strong"
    assert "set architecture from “mnist_model” to “strong”." in answer.content.decode()


def test_what_no_page_of_ours_was_read_at_is_not_heeded(browse: Browse, ada: Person) -> None:
    made_up = {"initial-round_size": "abc", "initial-quorum": "9" * 5000}
    browse(ada).post("/desk/", STUDY | made_up)
    assert (Study.current().round_size, Study.current().quorum) == (20, 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("round_size", "0"),
        ("quorum", "10"),
        ("audit_share", "1.5"),
        ("audit_share", "NaN"),
        ("gold_share", "2"),
        ("architecture", "made_up"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_at_its_field(
    field: str, value: str, browse: Browse, ada: Person
) -> None:
    assert error_at(browse(ada).post("/desk/", STUDY | {field: value}), field)
    assert not StudyChange.objects.exists()


@pytest.fixture
def held(open_round: Round) -> RoundModel:
    return RoundModel.objects.create(
        architecture="mnist_model",
        state="held",
        initial_model=open_round.model,
        report=open_round.model.report,
        reasons=["Too weak."],
    )


def test_a_held_candidate_is_shown_beside_round_one_and_promoted_with_a_reason(
    browse: Browse, ada: Person, held: RoundModel
) -> None:
    client = browse(ada)
    assert "Too weak." in client.get("/desk/").content.decode()
    key = f"candidate-{held.pk}-why"
    refused = client.post("/desk/", {"do": "promote", "candidate": held.pk, key: ""})
    assert "required" in error_at(refused, key)
    client.post("/desk/", {"do": "promote", "candidate": held.pk, key: "good enough"})
    held.refresh_from_db()
    assert (held.state, held.decided_by, held.decided_why) == ("promoted", "ada", "good enough")
    assert Round.objects.get(state="open").number == 2


def test_a_held_candidate_is_discarded_once(browse: Browse, ada: Person, held: RoundModel) -> None:
    client = browse(ada)
    given = {"do": "discard", "candidate": held.pk, f"candidate-{held.pk}-why": "no"}
    for _ in range(2):
        assert "The candidate is discarded." in text(client.post("/desk/", given, follow=True))
    for other in ({"do": "promote"}, {f"candidate-{held.pk}-why": "really no"}):
        assert "not held" in text(client.post("/desk/", given | other, follow=True))


@pytest.mark.parametrize("number", ["", "x", "-1", "٣", "9" * 30])
def test_a_made_up_candidate_is_not_found(number: str, browse: Browse, ada: Person) -> None:
    assert browse(ada).post("/desk/", {"do": "promote", "candidate": number}).status_code == 404


def test_train_now_starts_one_training_and_says_why_it_does_not(
    browse: Browse, ada: Person, alice: Person, insert: Insert, open_round: Round
) -> None:
    client = browse(ada)
    train = partial(client.post, "/desk/", {"do": "train"}, follow=True)
    assert "nothing to train on yet" in text(train())
    attempt = insert(alice)
    samples.add(
        attempt=attempt.pk,
        contributor=alice.contributor,
        pixels=bytes(attempt.pixels),
        label=4,
        has_fooled=True,
        round_=open_round,
    )
    assert (
        "A new model is in training."
        in client.post("/desk/", {"do": "train"}, follow=True).content.decode()
    )
    assert "already in training" in text(train())
    assert RoundModel.objects.filter(state="training").count() == 1
    log = text(client.get("/admin-log/"))
    assert log.count("ada set training from “when due” to “now”.") == 1


def test_an_admin_decides_what_moderators_could_not_settle(
    browse: Browse, ada: Person, alice: Person, mona: Person, insert: Insert
) -> None:
    attempt = insert(alice, status="pending", needed_reading_count=0)
    when = attempt.submitted_at
    Reading.objects.create(
        attempt=attempt,
        moderator=mona,
        leased_at=when,
        lease_expires_at=when,
        answer="7",
        answered_at=when,
    )
    client = browse(ada)
    assert "mona" in client.get("/desk/").content.decode()
    key = f"attempt-{attempt.pk}"
    given = {
        "do": "decide",
        "attempt": attempt.pk,
        f"{key}-answer": "4",
        f"{key}-why": "It has an open top.",
    }
    assert "required" in error_at(client.post("/desk/", given | {f"{key}-why": ""}), f"{key}-why")
    assert "Decided" in client.post("/desk/", given, follow=True).content.decode()
    attempt.refresh_from_db()
    assert attempt.status == "verified"
    assert Decision.objects.get().why == "It has an open top."


def test_an_unknown_button_is_refused(browse: Browse, ada: Person) -> None:
    assert browse(ada).post("/desk/", {"do": "explode"}).status_code == 400


def test_a_paused_moderator_is_told_why_and_an_admin_lifts_it_with_a_reason(
    browse: Browse, mona: Person, ada: Person
) -> None:
    Person.objects.filter(pk=mona.pk).update(is_moderation_paused=True)
    ModerationPause.objects.create(person=mona, agreed_count=20, settled_count=30)
    refused = browse(mona).get("/moderate/")
    assert refused.status_code == 403
    assert "Your moderating is paused" in refused.content.decode()
    assert "1 moderator: 1 is paused." in browse(ada).get("/desk/").content.decode()
    page = browse(ada).get("/moderators/").content.decode()
    assert "is paused" in page
    assert "Let mona moderate again" in page
    missing = browse(ada).post("/moderators/", {"do": "resume", "moderator": "mona"})
    assert error_at(missing, f"moderator-{mona.pk}-why")
    assert ModerationPause.objects.get().lifted_at is None
    assert (
        browse(ada).post("/moderators/", {"do": "resume", "moderator": "nobody"}).status_code == 404
    )
    key = f"moderator-{mona.pk}-why"
    lifted = browse(ada).post(
        "/moderators/", {"do": "resume", "moderator": "mona", key: "We talked."}, follow=True
    )
    assert "mona moderates again." in lifted.content.decode()
    assert browse(mona).get("/moderate/").status_code == 200
    again = {"do": "resume", "moderator": "mona", key: "Again."}
    twice = browse(ada).post("/moderators/", again, follow=True)
    assert "not paused (any more)" in twice.content.decode()


def test_the_moderators_page_shows_how_far_each_one_agrees(
    browse: Browse, mona: Person, ada: Person, bob: Person, insert: Insert
) -> None:
    for agreed in (True, True, False):
        attempt = insert(bob)
        assert attempt.settled_at is not None
        attempt.readings.create(
            moderator=mona,
            leased_at=attempt.settled_at,
            lease_expires_at=attempt.settled_at,
            answer="4" if agreed else "9",
            answered_at=attempt.settled_at,
            is_correct=agreed,
        )
    page = browse(ada).get("/moderators/").content.decode()
    assert "66.7 % (20.8–93.9)" in page
    assert "2 of 3 settled" in page


def test_a_closed_sign_up_says_so_in_the_form_and_keeps_what_was_typed(
    browse: Browse, db: None, settings: Any
) -> None:
    settings.OPEN_SIGNUP = False
    answer = browse(None).post("/accounts/sign-up/", {"username": "zoe", "password": "a fine one"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Sign-up is closed on this site" in page
    assert 'value="zoe"' in page
