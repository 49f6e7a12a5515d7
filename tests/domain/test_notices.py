"""What people are told: that a drawing settled, that a round opened with what they taught it; by
mail if they want."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from collector import tasks
from collector.models import Notice, Person, Study
from collector.moderation import decisions, queue, readings
from collector.people import mails, notices
from tests.support.cast import read, submit
from tests.support.models import add_model
from trainer import rounds as trainer_rounds
from trainer.models import Round, Sample

pytestmark = pytest.mark.usefixtures("many_due")


def send() -> int:
    notices.queue_emails()
    return mails.send_due()


def texts(person: Person) -> list[str]:
    return list(person.notices.order_by("pk").values_list("text", flat=True))


def test_a_drawer_is_told_how_a_drawing_settled_and_nobody_else_is(
    alice: Person, mona: Person
) -> None:
    attempt = submit(alice, 4)
    assert not Notice.objects.exists()
    read(mona, "4", attempt)
    [text] = texts(alice)
    assert text.startswith("Your 4, taken for 7. Confirmed: one moderator read a 4 too.")
    assert Notice.objects.get().attempt_id == attempt.pk


def test_the_same_reading_sent_twice_tells_once(alice: Person, mona: Person) -> None:
    submit(alice, 4)
    leased = queue.assign(mona)
    assert leased
    for _ in range(2):
        readings.read(mona, leased.pk, "4")
    assert Notice.objects.count() == 1


def test_an_audited_drawing_and_a_closed_account_are_not_told(
    alice: Person, mei: Person, mona: Person
) -> None:
    Study.objects.update(audit_share=1.0)
    read(mona, "7", submit(alice, 7))
    attempt = submit(mei, 4)
    Person.objects.filter(pk=mei.pk).update(closed_at=timezone.now(), is_active=False)
    read(mona, "4", attempt)
    assert not Notice.objects.exists()


@pytest.mark.parametrize(("digit", "right"), [(4, 2), (9, 0)])
def test_once_a_round_opens_those_who_taught_it_are_told_once(
    alice: Person, mei: Person, mona: Person, digit: int, right: int
) -> None:
    for _ in range(2):
        read(mona, "4", submit(alice, 4))
    read(mona, "4", submit(mei, 4))
    model = add_model(digit)
    Sample.objects.filter(contributor=alice.contributor).update(first_trained_by=model)
    Notice.objects.all().delete()
    assert notices.notify_of_round() == 0
    trainer_rounds.open_next(model)
    tasks.tell()  # its trainer has two minutes
    assert texts(alice) == []
    Round.objects.filter(number=2).update(opened_at=timezone.now() - tasks.TRAINERS_TELL_WITHIN)
    for _ in range(2):
        tasks.tell()
    [text] = texts(alice)
    assert text.startswith("Round 2 is open. Its model learned from 2 drawings of yours")
    assert text.endswith(f", and now reads {right} of your 2 verified tricks correctly.")
    assert texts(mei) == []


def test_a_round_opened_by_hand_tells_nobody(alice: Person, mona: Person) -> None:
    read(mona, "4", submit(alice, 4))
    model = add_model(4)
    Sample.objects.update(first_trained_by=model)
    trainer_rounds.open_next(model, "ada", "A trial.")
    assert notices.notify_of_round() == 0


def test_who_wants_mail_gets_what_is_new_once_and_at_most_once_an_hour(
    alice: Person, mei: Person, mona: Person
) -> None:
    for person in (alice, mei):
        Person.objects.filter(pk=person.pk).update(
            email=f"{person.username}@example.org", wants_mail=person == alice
        )
    for person in (alice, alice, mei):
        read(mona, "4", submit(person, 4))
    assert [send() for _ in range(2)] == [1, 0]
    [sent] = mail.outbox
    assert sent.to == ["alice@example.org"]
    assert sent.body.count("Confirmed") == 2
    assert "My account" in sent.body
    read(mona, "4", submit(alice, 4))
    assert send() == 0, "within the hour"
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert send() == 1
    assert mail.outbox[1].body.count("verified trick") == 1


def test_what_was_seen_on_the_site_is_not_mailed(alice: Person, mona: Person) -> None:
    Person.objects.filter(pk=alice.pk).update(email="alice@example.org", wants_mail=True)
    read(mona, "4", submit(alice, 4))
    assert alice.unseen_count == 1
    notices.mark_seen(alice.notices.all())
    assert (alice.unseen_count, send()) == (0, 0)


@pytest.mark.survives(
    "HTML in an email address, a page's address, a reason",
    "shown as text, in pages and mails",
)
def test_html_in_a_reason_is_text_in_the_mail(
    alice: Person, ada: Person, mona: Person, monkeypatch: Any
) -> None:
    Person.objects.filter(pk=alice.pk).update(email="alice@example.org", wants_mail=True)
    attempt = submit(alice, 4)
    for place, answer in enumerate(("1", "2", "3")):
        person = Person.objects.create(
            username=f"m{place}", role="moderator", qualified_at=timezone.now()
        )
        read(person, answer, attempt)
    decisions.decide(attempt.pk, ada, "junk", "<b>No</b> & no")
    send()
    assert "<b>No</b> & no" in mail.outbox[0].body
    assert mail.outbox[0].content_subtype == "plain"
