"""The account page: what one sets, takes along, and leaves behind."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from collector.data import exports
from collector.errors import Gone, Refused
from collector.models import Attempt, Gold, Person, Reading
from collector.moderation import readings
from collector.people import accounts
from collector.standings import leaderboards
from collector.study import consistency
from tests.support import PASSWORD
from tests.support.pages import Browse, Insert
from trainer import samples
from trainer.models import Round, RoundModel, Sample


def post(browse: Browse, who: Person, **form: Any) -> Any:
    return browse(who).post("/account/", form, follow=True)


def test_one_sets_whether_one_is_listed_and_mailed(browse: Browse, alice: Person) -> None:
    page = post(browse, alice, do="save", wants_mail="on")
    alice.refresh_from_db()
    assert "Saved." in page.content.decode()
    assert (alice.is_listed, alice.wants_mail) == (False, True)


def test_notices_by_email_need_a_confirmed_address(browse: Browse, bob: Person) -> None:
    Person.objects.filter(pk=bob.pk).update(unconfirmed_email="bob@example.org")
    page = post(browse, bob, do="save", wants_mail="on").content.decode()
    assert "need a confirmed email address" in page
    bob.refresh_from_db()
    assert not bob.wants_mail
    assert bob.is_listed


def test_whom_a_panel_sent_is_offered_no_email_since_they_can_give_no_address(
    browse: Browse, alice: Person
) -> None:
    client = browse(alice)
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)
    page = client.get("/account/").content.decode()
    assert "is_listed" in page
    assert "wants_mail" not in page
    saved = client.post("/account/", {"do": "save", "is_listed": "on"}, follow=True)
    assert "Saved." in saved.content.decode()


def test_notices_are_counted_once_there_are_some(browse: Browse, alice: Person) -> None:
    assert "newest first" not in browse(alice).get("/notices/").content.decode()
    alice.notices.create(text="A round has opened.")
    assert "1 notice, newest first." in browse(alice).get("/notices/").content.decode()


def test_who_is_not_listed_is_nowhere_public(
    browse: Browse, alice: Person, bob: Person, insert: Insert
) -> None:
    fool = insert(alice)
    post(browse, alice, do="save")
    assert leaderboards.standings("all") == []
    for address in (f"/people/{alice.username}/", f"/fools/{fool.pk}/"):
        assert browse(bob).get(address).status_code == browse(None).get(address).status_code == 404
    assert browse(alice).get(f"/people/{alice.username}/").status_code == 200
    assert "alice" not in browse(None).get("/").content.decode()


def test_one_takes_along_what_one_drew_and_nothing_of_others(
    browse: Browse, alice: Person, bob: Person, insert: Insert
) -> None:
    mine = [str(insert(alice, status=status).pk) for status in ("verified", "pending")]
    insert(bob)
    answer = browse(alice).get("/account/export/")
    assert "attachment" in answer["Content-Disposition"]
    taken = json.loads(b"".join(answer))
    assert [one["id"] for one in taken["drawings"]] == mine
    assert taken["username"] == "alice"
    assert all(one["strokes"] for one in taken["drawings"])


def test_somebody_without_drawings_takes_along_an_empty_list(alice: Person) -> None:
    assert json.loads("".join(exports.own(alice)))["drawings"] == []


def closed(browse: Browse, person: Person, drawings: str, password: str = PASSWORD) -> Any:
    return post(browse, person, do="close", drawings=drawings, password=password)


def sampled(attempt: Attempt) -> Sample:
    sample = samples.add(
        attempt=attempt.pk,
        contributor=attempt.drawer.contributor,
        pixels=bytes(attempt.pixels),
        label=4,
        has_fooled=True,
        round_=attempt.round,
    )
    assert sample is not None
    return sample


def test_an_account_is_closed_with_its_password_alone(browse: Browse, alice: Person) -> None:
    assert "not your password" in closed(browse, alice, "keep", "wrong").content.decode()
    assert "This field is required" in closed(browse, alice, "").content.decode()
    alice.refresh_from_db()
    assert alice.is_active
    assert alice.closed_at is None


def test_drawings_that_are_kept_lose_their_name_and_nothing_else(
    browse: Browse, alice: Person, bob: Person, insert: Insert
) -> None:
    fool, waiting = insert(alice), insert(alice, status="pending")
    sample = sampled(fool)
    token, _ = accounts.issue_token(alice)
    elsewhere = browse(alice)
    assert "account is closed" in closed(browse, alice, "keep").content.decode()
    alice.refresh_from_db()
    assert alice.username.startswith("gone-")
    assert (
        alice.email,
        alice.is_active,
        alice.is_listed,
    ) == (
        "",
        False,
        False,
    )
    assert accounts.person_of_token(token) is None
    assert not alice.check_password(PASSWORD)
    assert elsewhere.get("/account/").status_code == 302
    for attempt in (fool, waiting):
        before = attempt.status
        attempt.refresh_from_db()
        assert attempt.status == before
        assert attempt.strokes
        assert not attempt.removed_at
    sample.refresh_from_db()
    assert sample.withdrawn_at is None
    assert "alice" not in browse(None).get("/").content.decode()


def test_drawings_that_are_removed_leave_tombstones(
    browse: Browse, alice: Person, mona: Person, insert: Insert
) -> None:
    fool, waiting = insert(alice), insert(alice, status="pending")
    sample = sampled(fool)
    Gold.objects.create(
        answer="4", strokes=fool.strokes, width=22, pixels=b"\1" * 784, attempt=fool
    )
    now = timezone.now()
    leased = Reading.objects.create(
        attempt=waiting, moderator=mona, leased_at=now, lease_expires_at=now + timedelta(minutes=5)
    )
    closed(browse, alice, "remove")
    for attempt in (fool, waiting):
        hash_before = attempt.pixels_sha256
        attempt.refresh_from_db()
        assert attempt.removed_at
        assert attempt.strokes == []
        assert bytes(attempt.pixels) == b""
        assert attempt.pixels_sha256 == hash_before
    assert (fool.status, waiting.status) == ("verified", "retracted")
    sample.refresh_from_db()
    assert sample.removed_at
    assert sample.withdrawn_at
    assert bytes(sample.pixels) == b""
    assert sample.label == 4
    gold = Gold.objects.get(attempt=fool)
    assert gold.is_retired
    assert gold.strokes == []
    assert bytes(gold.pixels) == b""
    with pytest.raises((Gone, Refused)):
        readings.read(mona, leased.pk, "4")


def test_whoever_removed_drawings_leaves_a_database_that_agrees(
    browse: Browse, alice: Person, ada: Person, insert: Insert
) -> None:
    fool = insert(alice)
    closed(browse, alice, "remove")
    assert not [
        problem for problem in consistency.problems() if "picture" in problem or "pixels" in problem
    ]
    assert browse(ada).get(f"/drawings/{fool.pk}/").status_code == 200
    for picture in ("seen", "attribution"):
        assert browse(ada).get(f"/drawings/{fool.pk}/{picture}.png").status_code == 410


def test_a_model_that_learned_what_was_removed_cannot_be_made_again(
    browse: Browse, alice: Person, insert: Insert, tmp_path: Any
) -> None:
    sampled(insert(alice))
    model = RoundModel.objects.create(
        architecture="mnist_model", state="promoted", initial_model=RoundModel.objects.get()
    )
    Sample.objects.update(first_trained_by=model)
    Round.objects.filter(number=1).update(state="closed", closed_at=timezone.now())
    Round.objects.create(number=2, model=model, opened_at=timezone.now())
    exports.write_training_set(2, tmp_path / "before.npz")
    closed(browse, alice, "remove")
    with pytest.raises(Refused, match="not reproducible since"):
        exports.write_training_set(2, tmp_path / "after.npz")
    with pytest.raises(samples.Removed):
        samples.arrays(samples.trained_on(model))
    assert "not reproducible since" in browse(None).get("/rounds/2/").content.decode()


def test_the_last_admin_stays_until_there_is_another(
    browse: Browse, ada: Person, bob: Person
) -> None:
    refused = closed(browse, ada, "keep")
    assert refused.status_code == 200
    assert "only admin" in refused.content.decode()
    assert "My account" in refused.content.decode()
    Person.objects.filter(pk=bob.pk).update(role="admin")
    closed(browse, ada, "keep")
    ada.refresh_from_db()
    assert ada.closed_at
