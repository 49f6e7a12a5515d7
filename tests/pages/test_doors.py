"""No door beside the door: Django's admin, a session left open, tokens, a role that was taken; and
what admins do to accounts is written down."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from collector.errors import Conflict, Forbidden, TooMany
from collector.management import place
from collector.models import AdminAction, Person
from collector.moderation import queue, readings
from collector.people import accounts, closing, suspensions
from tests.support import PASSWORD
from tests.support.models import add_model
from tests.support.pages import Browse, Insert, text
from trainer.models import Round, RoundModel

NEW = {"new_password1": "another fine horse", "new_password2": "another fine horse"}


def person_form(person: Person, **changes: str) -> dict[str, str]:
    return {"username": person.username, "email": person.email} | changes


def in_admin(person: Person) -> str:
    return reverse("admin:collector_person_change", args=[person.pk])


@pytest.mark.survives(
    "signing in at Django's admin",
    "sent to the site's own sign-in, with its limits",
)
def test_djangos_admin_sends_to_the_sites_own_sign_in_and_takes_no_password_itself(
    browse: Browse, alice: Person
) -> None:
    door = browse(None).get("/admin/", follow=True)
    assert door.redirect_chain[-1][0] == f"{reverse('sign_in')}?next=/admin/"
    assert (
        browse(None).post("/admin/login/", {"username": "ada", "password": "x"}).status_code == 405
    )
    assert browse(alice).get("/admin/", follow=True).status_code == 403
    assert browse(alice).get("/admin/password_change/")["Location"] == reverse("password_change")


def test_an_admin_comes_through_the_sites_sign_in_to_djangos_admin(
    browse: Browse, ada: Person
) -> None:
    given = {"username": "ada", "password": PASSWORD, "next": "/admin/"}
    assert browse(None).post(reverse("sign_in"), given)["Location"] == "/admin/"


@pytest.mark.survives(
    "a password guessed in a session left open",
    "ten tries an hour, then 429",
)
def test_a_session_left_open_is_no_place_to_guess_the_password(
    browse: Browse, alice: Person
) -> None:
    client = browse(alice)
    for _ in range(5):
        given = {"old_password": "guess", **NEW}
        assert client.post(reverse("password_change"), given).status_code == 200
    for _ in range(5):
        refused = client.post(
            reverse("account"), {"do": "close", "drawings": "keep", "password": "guess"}
        )
        assert refused.status_code == 200
    right = client.post(reverse("password_change"), {"old_password": PASSWORD, **NEW})
    assert right.status_code == 429
    assert int(right["Retry-After"]) > 0
    with pytest.raises(TooMany):
        closing.close(alice, PASSWORD, remove=False)


def test_a_new_password_ends_the_tokens_of_the_old_one(
    browse: Browse, alice: Person, ada: Person
) -> None:
    def changed_by_themselves() -> None:
        given = {"old_password": PASSWORD, **NEW}
        assert browse(alice).post(reverse("password_change"), given).status_code == 302

    def changed_by_an_admin() -> None:
        address = reverse("admin:auth_user_password_change", args=[alice.pk])
        given = {"password1": "yet another horse", "password2": "yet another horse"}
        assert browse(ada).post(address, given | {"usable_password": "true"}).status_code == 302

    for change in (changed_by_themselves, changed_by_an_admin):
        alice.refresh_from_db()
        token, _ = accounts.issue_token(alice)
        others, _ = accounts.issue_token(ada)
        change()
        assert accounts.person_of_token(token) is None
        assert accounts.person_of_token(others) == ada
    alice.refresh_from_db()
    token, _ = accounts.issue_token(alice)
    alice.email = "elsewhere@example.org"
    alice.save()
    assert accounts.person_of_token(token) == alice, "only a password ends them"


@pytest.mark.survives(
    "a reading by somebody whose role was taken",
    "403, nothing counts",
)
def test_a_moderator_whose_role_was_taken_reads_no_more(
    mona: Person, alice: Person, insert: Insert
) -> None:
    attempt = insert(alice, status="pending")
    reading = queue.assign(mona)
    assert reading is not None
    Person.objects.filter(pk=mona.pk).update(role="crowdworker")
    mona.refresh_from_db()
    with pytest.raises(Forbidden):
        readings.read(mona, reading.pk, "4")
    attempt.refresh_from_db()
    assert attempt.status == "pending"


@pytest.mark.survives(
    "the only admin gives the role away, or is suspended",
    "refused",
)
def test_nobody_suspends_the_only_admin_left(ada: Person, bob: Person) -> None:
    """As when two suspend each other in one moment: who comes second still believes to be one."""
    Person.objects.filter(pk=bob.pk).update(role="admin")
    bob.refresh_from_db()
    suspensions.suspend(bob, ada, "Spam.")
    with pytest.raises(Conflict):
        suspensions.suspend(ada, Person(pk=bob.pk, username="bob", role="admin"), "Revenge.")


def test_what_is_done_to_people_in_djangos_admin_is_on_the_list(
    browse: Browse, ada: Person, alice: Person
) -> None:
    client = browse(ada)
    added = {
        "username": "newcomer",
        "email": "",
        "role": "moderator",
        "usable_password": "true",
        "password1": "a fourth fine horse",
        "password2": "a fourth fine horse",
    }
    assert client.post(reverse("admin:collector_person_add"), added).status_code == 302
    changed = person_form(alice, role="moderator", email="new@example.org", username="alicia")
    assert client.post(in_admin(alice), changed).status_code == 302
    address = reverse("admin:auth_user_password_change", args=[alice.pk])
    given = {"password1": "yet another horse", "password2": "yet another horse"}
    assert client.post(address, given | {"usable_password": "true"}).status_code == 302
    assert client.post(in_admin(alice), changed).status_code == 302, (
        "and what changes nothing is not"
    )
    acts = AdminAction.objects.order_by("pk").values_list("kind", "person__username", "why")
    assert list(acts) == [
        ("made", "newcomer", "As crowdworker, in Django’s admin."),
        ("account", "alicia", "Username and email, in Django’s admin."),
        ("account", "alicia", "Password, in Django’s admin."),
    ]
    assert "changed the account of" in text(client.get(reverse("admin_log")))


@pytest.mark.survives(
    "no admin at the start",
    "the site starts and says how to add one",
)
def test_a_site_without_an_admin_starts_and_says_how_to_add_one(
    ada: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Person.objects.update(username="admin", role="crowdworker")
    call_command("setup")
    assert "add_person NAME --role admin" in capsys.readouterr().err


def test_a_password_for_the_first_admin_that_is_too_weak_is_named(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    monkeypatch.setenv("DADC_PASSWORD", "123")
    with pytest.raises(CommandError, match="DADC_PASSWORD: "):
        call_command("setup")


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        (["127.0.0.1", "localhost"], "is at http://127.0.0.1:18999/"),
        (["*"], "is at http://127.0.0.1:18999/"),
        (["dadc.example"], "listens on port 18999 and answers as dadc.example."),
    ],
)
def test_the_address_that_is_told_is_one_that_the_site_answers_to(
    hosts: list[str], said: str, settings: Any
) -> None:
    settings.ALLOWED_HOSTS, settings.PORT = hosts, 18999
    assert place.told() == f"Fool the Digits {said}"


@pytest.mark.parametrize(
    ("is_local", "trusted", "is_told"), [(False, 0, True), (False, 1, False), (True, 0, False)]
)
def test_an_open_site_that_trusts_no_proxy_says_at_its_start_what_strangers_share(
    is_local: bool,
    trusted: int,
    is_told: bool,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
    db: None,
) -> None:
    settings.LOCAL, settings.TRUSTED_PROXIES, settings.PORT = is_local, trusted, 18999
    call_command("setup")
    assert "proxy" not in capsys.readouterr().out
    call_command("setup", serve=True)
    told = capsys.readouterr().out
    assert ("share the limits on sign-ups, sign-ins," in told) == is_told
    assert ("Set DADC_TRUSTED_PROXIES to the number of proxies" in told) == is_told


def test_the_address_that_is_told_has_the_path(settings: Any) -> None:
    settings.PATH, settings.PORT, settings.ALLOWED_HOSTS = "/digits", 18999, ["127.0.0.1"]
    assert place.told() == "Fool the Digits is at http://127.0.0.1:18999/digits/"
    settings.ALLOWED_HOSTS = ["dadc.example"]
    assert place.told().endswith(" on port 18999 and answers as dadc.example, below /digits/.")


@pytest.mark.survives(
    "“roll back” pressed four times",
    "one round opens",
)
def test_roll_back_pressed_four_times_opens_one_round(
    browse: Browse, ada: Person, open_round: Round
) -> None:
    Round.objects.update(state="closed", closed_at=timezone.now())
    Round.objects.create(number=2, model=add_model(3), opened_at=timezone.now())
    client = browse(ada)
    assert 'name="seen_open" value="2"' in client.get(reverse("desk")).content.decode()
    pressed = {
        "do": "roll_back",
        "roll_back-number": "1",
        "roll_back-why": "It went wrong.",
        "seen_open": "2",
    }
    answers = [client.post(reverse("desk"), pressed, follow=True) for _ in range(4)]
    assert {answer.redirect_chain[0][1] for answer in answers} == {302}
    assert all("Round 3 is open." in text(answer) for answer in answers), "one act, one answer"
    another = client.post(reverse("desk"), pressed | {"roll_back-why": "So."}, follow=True)
    assert "Round 3 is open meanwhile." in text(another)
    assert Round.objects.count() == 3
    assert RoundModel.objects.count() == 2
