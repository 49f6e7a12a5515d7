"""The same act twice, or on an old state: the second press finds what the first did, and of an old
page only what its reader changed is saved."""

import re
import uuid
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from unittest.mock import Mock, patch

import pytest
import time_machine
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from collector.models import (
    AdminAction,
    Appeal,
    Attempt,
    Decision,
    Email,
    ModerationPause,
    Person,
    Study,
    StudyChange,
)
from collector.moderation import gold, queue, readings, trust
from collector.people import closing, mails, suspensions
from collector.people.sessions import SessionStore
from collector.rules import verdicts
from collector.study import settings as study_settings
from tests.support import PASSWORD
from tests.support.models import add_model
from tests.support.pages import Browse, Insert, text
from trainer import candidates, samples
from trainer.models import Contributor, Round, RoundModel, Sample

SIGN_UP, DESK, ACCOUNT = reverse("sign_up"), reverse("desk"), reverse("account")
MODERATORS = reverse("moderators")
NEW = {"username": "carol", "password": PASSWORD, "email": "carol@example.org"}


def form_of(answer: Any, do: str) -> dict[str, str]:
    """The values of a page's form as a browser would post them by this button."""
    forms = re.findall(r"<form.*?</form>", answer.content.decode(), re.S)
    [form] = [form for form in forms if f'name="do" value="{do}"' in form]
    found = {"do": do}
    for tag in re.findall(r"<input[^>]*>", form):
        values = dict(re.findall(r'(name|value|type)="([^"]*)"', tag))
        is_off = values.get("type") == "checkbox" and " checked" not in tag
        if "name" in values and not is_off:
            found[values["name"]] = values.get("value", "on")
    for name, options in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)"[^>]* selected', options)
        found[name] = chosen[1] if chosen else ""
    return found


@pytest.mark.survives(
    "“Sign up” pressed twice, one after the other",
    "one account; both lead to the draw page",
)
def test_the_second_press_of_sign_up_finds_the_first(open_round: object) -> None:
    first, second = Client(), Client()
    assert first.post(SIGN_UP, NEW)["Location"] == "/draw/"
    again = second.post(SIGN_UP, NEW, follow=True)
    assert again.redirect_chain[0] == ("/draw/", 302)
    assert "Welcome, carol." in text(again)
    assert Person.objects.filter(username="carol").count() == 1


@pytest.mark.parametrize("other", ["password", "email", "an hour later", "a moderator"])
def test_whoever_did_not_just_sign_up_so_is_not_let_in_by_it(other: str) -> None:
    Client().post(SIGN_UP, NEW)
    if other == "an hour later":
        Person.objects.update(joined_at=timezone.now() - timedelta(hours=1))
    elif other == "a moderator":
        Person.objects.update(role=Person.Role.MODERATOR)
    stranger = Client()
    values = {"password": "another fine horse", "email": "x@example.org"}
    answer = stranger.post(SIGN_UP, NEW | ({other: values[other]} if other in values else {}))
    assert answer.status_code == 200
    assert "name is taken" in text(answer)
    assert "_auth_user_id" not in stranger.session


@pytest.mark.survives(
    "a sign-up or sign-in pressed twice, whose token the first made void",
    "both lead to the draw page; a stranger gets 403",
)
@pytest.mark.parametrize("name", ["sign_up", "sign_in"])
def test_a_press_whose_token_the_first_made_void_is_shown_in(name: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(reverse(name)).content.decode()
    [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', page))
    posted = NEW | {"csrfmiddlewaretoken": token}
    if name == "sign_in":
        Client().post(SIGN_UP, NEW)
    answers = [browser.post(reverse(name), posted) for _ in range(2)]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, "/draw/")] * 2
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post(reverse(name), posted).status_code == 403


@pytest.mark.survives(
    "“ask for a link” to reset a password pressed twice",
    "one email, sent or not yet; another once three minutes have passed; the same words to all",
)
def test_a_forgotten_password_is_one_email_however_often_it_is_pressed(
    alice: Person, settings: Any
) -> None:
    settings.LIMIT_SCALE = 2
    Person.objects.update(email="alice@example.org")

    def press() -> list[tuple[str, str]]:
        asked = [{"email": name} for name in ("alice@example.org", "nobody@example.org")]
        answers = [Client().post(reverse("password_reset"), each, follow=True) for each in asked]
        assert len({(text(each), str(each.redirect_chain)) for each in answers}) == 1
        return list(Email.objects.order_by("pk").values_list("kind", "to"))

    asked = [("asked", "alice@example.org"), ("asked", "nobody@example.org")]
    assert press() == press() == asked
    assert mails.send_due() == 1
    assert press() == [], "it was sent a moment ago"
    with time_machine.travel(timezone.now() + timedelta(minutes=4)):
        assert press() == asked
        assert mails.send_due() == 1


@pytest.mark.survives(
    "closing an account pressed twice",
    "done once; the first press decides",
)
def test_closing_twice_closes_once(browse: Browse, alice: Person, insert: Insert) -> None:
    attempt = insert(alice)
    as_it_was = Person.objects.get(pk=alice.pk)
    closing.close(alice, PASSWORD, remove=False)
    alice.refresh_from_db()
    closing.close(as_it_was, PASSWORD, remove=True)
    closed = Person.objects.get(pk=alice.pk)
    assert (closed.username, closed.closed_at) == (alice.username, alice.closed_at)
    attempt.refresh_from_db()
    assert attempt.removed_at is None, "the first press decided"


@pytest.mark.survives(
    "an old account page",
    "only what was changed is saved",
)
def test_of_an_old_account_page_only_what_was_changed_is_saved(
    browse: Browse, alice: Person
) -> None:
    here = browse(alice)
    old = form_of(here.get(ACCOUNT), "save")
    here.post(ACCOUNT, old | {"wants_mail": "on"})
    old.pop("is_listed")
    here.post(ACCOUNT, old)
    alice.refresh_from_db()
    assert (alice.is_listed, alice.wants_mail) == (False, True)


@pytest.mark.survives(
    "settings on a desk read before another admin changed them",
    "only what was changed is saved; what somebody else changed meanwhile is said, and nothing "
    "saved",
)
def test_of_an_old_desk_only_the_settings_that_were_changed_are_saved(
    browse: Browse, ada: Person, alice: Person
) -> None:
    desk = browse(ada)
    old = form_of(desk.get(DESK), "study")
    other = Person.objects.create_user("abe", PASSWORD, role=Person.Role.ADMIN)
    study_settings.change(other, round_size=25, quorum=3)
    assert "are saved" in text(desk.post(DESK, old | {"audit_share": "0.5"}, follow=True))
    study = Study.current()
    assert (study.round_size, study.quorum, study.audit_share) == (25, 3, 0.5)
    assert StudyChange.objects.filter(admin=ada).count() == 1

    told = text(desk.post(DESK, old | {"quorum": "2", "gold_share": "0.5"}, follow=True))
    assert "Somebody set quorum from 1 to 3 since you read it, so nothing was saved." in told
    study.refresh_from_db()
    assert (study.quorum, study.gold_share) == (3, Study.current().gold_share)
    assert StudyChange.objects.filter(admin=ada).count() == 1

    same = desk.post(DESK, old | {"quorum": "3"}, follow=True)
    assert "are saved" in text(same), "both wanted the same"


def decision(attempt: Attempt, answer: str, **more: str) -> dict[str, str]:
    key = f"attempt-{attempt.pk}"
    posted = {"do": "decide", "attempt": str(attempt.pk), f"{key}-answer": answer}
    return posted | {f"{key}-why": "It is one."} | more


@pytest.mark.survives(
    "a decision pressed twice, or after another admin's",
    "done once; the second says how it stands",
)
def test_a_decision_pressed_twice_is_one_and_another_admins_says_whose_was_first(
    browse: Browse, ada: Person, alice: Person, insert: Insert
) -> None:
    attempt = insert(alice, status="pending", needed_reading_count=0, credit=0.0)
    abe = Person.objects.create_user("abe", PASSWORD, role=Person.Role.ADMIN)
    desk = browse(ada)
    for _ in range(2):
        assert "Decided" in text(desk.post(DESK, decision(attempt, "4"), follow=True))
    told = text(browse(abe).post(DESK, decision(attempt, "junk"), follow=True))
    assert "settled already by ada, as 4. Your decision was not taken." in told
    assert Decision.objects.count() == 1
    attempt.refresh_from_db()
    assert attempt.status == Attempt.Status.VERIFIED


@pytest.mark.survives(
    "“Promote” or “Discard” of a held candidate pressed twice, or after another admin's press",
    "done once; the second press gets the first one's answer, the other admin is told",
)
@pytest.mark.parametrize(
    ("do", "told"), [("promote", "Round 2 is open."), ("discard", "The candidate is discarded.")]
)
def test_a_held_candidate_is_decided_on_once(
    do: str, told: str, browse: Browse, ada: Person, open_round: Round
) -> None:
    held = add_model(4, state="held", report={"sets": {}}, reasons=["Too weak."])
    abe = Person.objects.create_user("abe", PASSWORD, role=Person.Role.ADMIN)
    given = {"do": do, "candidate": held.pk, f"candidate-{held.pk}-why": "Seen."}
    for _ in range(2):
        assert told in text(browse(ada).post(DESK, given, follow=True))
    assert "not held (any more)" in text(browse(abe).post(DESK, given, follow=True))
    held.refresh_from_db()
    assert held.decided_by == "ada"
    assert Round.objects.count() == (2 if do == "promote" else 1)


@pytest.mark.survives(
    "an old desk, and an appeal made since",
    "not answered unread",
)
def test_an_old_desk_does_not_answer_an_appeal_that_nobody_read_there(
    browse: Browse, ada: Person, alice: Person, insert: Insert
) -> None:
    attempt = insert(alice, status="pending", needed_reading_count=0, credit=0.0)
    desk = browse(ada)
    old = form_of(desk.get(DESK), "decide")
    Attempt.objects.update(status="rejected", settled_at=timezone.now())
    Appeal.objects.create(attempt=attempt, text="It is a four.")
    told = text(desk.post(DESK, old | decision(attempt, "junk"), follow=True))
    assert "settled meanwhile, and its drawer appeals" in told
    assert not Decision.objects.exists()
    new = form_of(desk.get(DESK), "decide")
    assert "Decided" in text(desk.post(DESK, new | decision(attempt, "4"), follow=True))


@pytest.mark.survives(
    "“train now” of an old desk, once another model was trained",
    "refused in words; nothing starts",
)
def test_train_now_of_an_old_desk_starts_nothing_once_another_was_trained(
    browse: Browse, ada: Person
) -> None:
    desk = browse(ada)
    old = form_of(desk.get(DESK), "train")
    assert old["seen_newest"] == str(candidates.newest())
    add_model(3)
    told = text(desk.post(DESK, old, follow=True))
    assert "A model was trained since you opened this page" in told
    assert not RoundModel.objects.filter(state="training").exists()


@pytest.mark.survives(
    "an old page that takes back a suspension that its reader has not seen",
    "refused; it holds",
)
def test_an_old_page_takes_back_no_suspension_that_its_reader_has_not_seen(
    browse: Browse, ada: Person, bob: Person
) -> None:
    page, at = browse(ada), reverse("person", args=["bob"])
    suspensions.suspend(bob, ada, "Poison.")
    old = form_of(page.get(at), "reinstate") | {"reinstate-why": "A mistake."}
    abe = Person.objects.create_user("abe", PASSWORD, role=Person.Role.ADMIN)
    suspensions.reinstate(bob, abe, "Sorry.")
    suspensions.suspend(bob, abe, "Spam.")
    told = text(page.post(at, old, follow=True))
    assert "abe suspended bob meanwhile: Spam." in told
    bob.refresh_from_db()
    assert not bob.is_active


def admin_form(client: Client, at: str) -> dict[str, str]:
    """The values of the person's form in Django's admin."""
    html = client.get(at).content.decode()
    names = ("username", "email")
    found = {}
    for name in (*names, *(f"initial-{name}" for name in names)):
        tag = re.search(rf'<input[^>]*name="{name}"[^>]*>', html)
        value = re.search(r'value="([^"]*)"', tag[0]) if tag else None
        found[name] = value[1] if value else ""
    return found


@pytest.mark.survives(
    "an old form of Django's admin",
    "only what was changed is saved; what changed meanwhile is said",
)
def test_djangos_admin_saves_what_was_changed_there_and_nothing_old(
    browse: Browse, ada: Person, alice: Person
) -> None:
    client, at = browse(ada), reverse("admin:collector_person_change", args=[alice.pk])
    old = admin_form(client, at)
    Person.objects.filter(pk=alice.pk).update(email="new@example.org")
    assert client.post(at, old | {"username": "alicia"}).status_code == 302
    alice.refresh_from_db()
    assert (alice.email, alice.username) == ("new@example.org", "alicia")

    refused = client.post(at, old | {"email": "third@example.org", "username": "alicia"})
    assert "changed this to new@example.org meanwhile" in text(refused)
    alice.refresh_from_db()
    assert alice.email == "new@example.org"


def why_of(person: Person, why: str) -> dict[str, str]:
    return {f"moderator-{person.pk}-why": why}


def pause(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(is_moderation_paused=True)
    ModerationPause.objects.create(person=person, agreed_count=20, settled_count=30)


@pytest.mark.survives(
    "“moderate again” or “moderate” pressed twice, or after another admin's press",
    "done once, written down once; the second says how it stands",
)
@pytest.mark.parametrize("do", ["resume", "qualify"])
def test_letting_somebody_moderate_twice_is_done_once(
    do: str, browse: Browse, ada: Person, mona: Person
) -> None:
    desk = browse(ada)
    if do == "resume":
        pause(mona)
    else:
        Person.objects.filter(pk=mona.pk).update(qualified_at=None)
    pressed = form_of(desk.get(MODERATORS), do) | why_of(mona, "We talked.")
    done = {"resume": "mona moderates again.", "qualify": "mona may moderate now."}[do]
    for _ in range(2):
        assert done in text(desk.post(MODERATORS, pressed, follow=True))
    abe = Person.objects.create_user("abe", PASSWORD, role=Person.Role.ADMIN)
    assert "(any more)" in text(browse(abe).post(MODERATORS, pressed, follow=True))
    mona.refresh_from_db()
    assert mona.is_moderator
    assert AdminAction.objects.count() == 1


@pytest.mark.survives(
    "an old page that lets a moderator go on who was paused again meanwhile",
    "refused; the new pause holds until it is read",
)
def test_an_old_page_lifts_no_pause_that_its_reader_has_not_seen(
    browse: Browse, ada: Person, mona: Person
) -> None:
    desk = browse(ada)
    pause(mona)
    old = form_of(desk.get(MODERATORS), "resume") | why_of(mona, "We talked.")
    abe = Person.objects.create_user("abe", PASSWORD, role=Person.Role.ADMIN)
    trust.resume(mona, abe, "So did we.")
    pause(mona)
    assert "mona was paused again since" in text(desk.post(MODERATORS, old, follow=True))
    mona.refresh_from_db()
    assert mona.is_moderation_paused
    new = form_of(desk.get(MODERATORS), "resume") | why_of(mona, "Once more.")
    assert "mona moderates again." in text(desk.post(MODERATORS, new, follow=True))


@pytest.mark.survives(
    "an old page that lets somebody moderate who failed ten practice drawings meanwhile",
    "refused until that is read",
)
def test_an_old_page_lets_nobody_moderate_who_failed_meanwhile(
    browse: Browse, ada: Person, mona: Person
) -> None:
    gold.ship()
    Person.objects.filter(pk=mona.pk).update(qualified_at=None)
    desk = browse(ada)
    old = form_of(desk.get(MODERATORS), "qualify") | why_of(mona, "I know them.")
    mona.refresh_from_db()
    for _ in range(verdicts.PRACTICE):
        given = queue.assign(mona)
        assert given is not None
        assert given.gold is not None
        readings.read(mona, given.pk, "3" if given.gold.answer != "3" else "5")
    assert "another ten practice drawings" in text(desk.post(MODERATORS, old, follow=True))
    mona.refresh_from_db()
    assert mona.is_practising
    new = form_of(desk.get(MODERATORS), "qualify") | why_of(mona, "All the same.")
    assert "mona may moderate now." in text(desk.post(MODERATORS, new, follow=True))


@pytest.mark.survives(
    "“train without somebody” pressed twice, or on an old page",
    "one model; the second finds it, an old page is refused",
)
def test_a_model_without_somebody_is_trained_once_for_one_press(
    browse: Browse, ada: Person, bob: Person, insert: Insert, open_round: Round
) -> None:
    model = add_model(9)
    RoundModel.objects.filter(pk=model.pk).update(initial_model=open_round.model)
    for person, first in ((bob.contributor, b"a"), (uuid.uuid4(), b"b")):
        with transaction.atomic():
            samples.add(
                attempt=uuid.uuid4(),
                contributor=person,
                pixels=first * 784,
                label=4,
                has_fooled=True,
                round_=open_round,
            )
    Contributor.objects.update(split="train")
    Sample.objects.update(first_trained_by=model)
    page, at = browse(ada), reverse("person", args=["bob"])
    old = form_of(page.get(at), "ablate")
    pressed = old | {"ablate-why": "I wonder."}
    for _ in range(2):
        assert "is in training" in text(page.post(at, pressed, follow=True))
    RoundModel.objects.filter(state="training").update(state="failed")
    assert "is in training" in text(page.post(at, pressed, follow=True)), "it was, by this press"
    told = text(page.post(at, old | {"ablate-why": "Once more."}, follow=True))
    assert "A model without bob was trained since you opened this page." in told
    assert RoundModel.objects.exclude(left_out_contributor=None).count() == 1


@pytest.mark.survives(
    "the button for a new password, from a reset's link, pressed twice",
    "both lead to “your password is set”; another password is not believed to be set",
)
@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at once"])
def test_a_new_password_set_twice_is_set(alice: Person, at_once: bool) -> None:
    client, new = Client(), "another fine horse"
    uid = urlsafe_base64_encode(force_bytes(alice.pk))
    link = reverse("password_reset_confirm", args=[uid, default_token_generator.make_token(alice)])
    form = client.get(link)["Location"]
    before = dict(client.session.items())
    pressed = {"new_password1": new, "new_password2": new}
    done = reverse("password_reset_complete")
    assert client.post(form, pressed)["Location"] == done
    with ExitStack() as stack:
        if at_once:  # the second's session was read before the first's was written
            old = Mock(side_effect=[before, *[dict(client.session.items())] * 9])
            stack.enter_context(patch.object(SessionStore, "load", lambda _: old()))
        assert client.post(form, pressed)["Location"] == done
    other = {"new_password1": "yet another horse", "new_password2": "yet another horse"}
    assert "used already, or is too old" in text(client.post(form, other))
    assert "used already, or is too old" in text(Client().post(form, pressed))
    alice.refresh_from_db()
    assert alice.check_password(new)


@pytest.mark.survives(
    "`next=` that leads out of `DADC_PATH` on the same host, in seven spellings",
    "signing in or out leads to the site's own page",
)
@pytest.mark.parametrize(
    "to",
    [
        "/other/",
        "/digits-too/",
        "http://testserver/other/",
        "/digits/../other/",
        "/digits/%2e%2E/other/",
        "/digits\\..\\other/",
        "../../../other/",
    ],
)
def test_signing_in_and_out_lead_nowhere_out_of_the_sites_path(
    alice: Person, settings: Any, to: str
) -> None:
    settings.PATH = "/digits"
    client, given = Client(), {"username": "alice", "password": PASSWORD}
    for named, signed_in, signed_out in (
        (to, "/draw/", "/"),
        ("/digits/drawings/?page=2", "/digits/drawings/?page=2", "/digits/drawings/?page=2"),
    ):
        answer = client.post(reverse("sign_in"), given | {"next": named})
        assert (answer.status_code, answer["Location"]) == (302, signed_in)
        assert client.post(reverse("sign_out"), {"next": named})["Location"] == signed_out
