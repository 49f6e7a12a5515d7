"""What is made where no reader is known is said in the language of whoever reads it."""

import json
import pickle
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import translation

from collector import words
from collector.models import Notice, Person
from collector.people import accounts, mails, notices
from tests.support.cast import read, submit
from tests.support.models import add_model
from tests.support.nets import always
from trainer import candidates
from trainer.learning import weights
from trainer.learning.report import Report
from trainer.learning.sentences import Sentence, counted, from_json, to_json
from trainer.models import RoundModel, Sample
from trainer.rounds import open_next
from trainer.saying import number, told


def test_a_sentence_is_english_by_itself_and_survives_a_row_with_its_values() -> None:
    four = Sentence("a {digit}", digit=4)
    many = counted(
        "Confirmed: one moderator read {meant} too.",
        "Confirmed: {n} moderators read {meant} too.",
        n=3,
        meant=four,
    )
    assert many == "Confirmed: 3 moderators read a 4 too."
    again = from_json(json.loads(json.dumps(to_json(many))))
    assert again == many == told(again)
    again = pickle.loads(pickle.dumps(again))
    with translation.override("de"):
        assert told(again) == "Bestätigt: Auch 3 Moderierende lasen eine 4."
    assert from_json(to_json("MemoryError: {no} more")) == "MemoryError: {no} more"


def test_what_people_wrote_themselves_is_never_a_place_for_values() -> None:
    why = "It {is} a %s, {0}"
    with translation.override("de"):
        sentence = Sentence("An admin decided ({answer}): {why}", answer="4", why=why)
        assert told(sentence) == f"Die Admins haben entschieden (4): {why}"


def test_numbers_and_spans_are_written_as_the_language_does() -> None:
    assert (number(1234.5, ",.1f"), words.drawings(1204)) == ("1,234.5", "1,204 drawings")
    left = words.left(0.5, timedelta(days=2))
    assert (left, words.percent(0.991, 1)) == ("50 %, about 2 days left", "99.1 %")
    with translation.override("de"):
        assert (number(1234.5, ",.1f"), words.drawings(1204)) == ("1.234,5", "1.204 Zeichnungen")
        left = words.left(0.5, timedelta(days=2))
        assert (left, words.percent(0.991, 1)) == ("50 %, fertig in etwa 2 Tagen", "99,1 %")


@pytest.mark.usefixtures("many_due")
def test_a_notice_is_told_in_the_language_in_which_it_is_read(alice: Person, mona: Person) -> None:
    read(mona, "4", submit(alice, 4))
    notice = Notice.objects.get()
    assert notice.told == notice.text
    assert notice.text.startswith("Your 4, taken for 7. Confirmed: one moderator read a 4 too.")
    with translation.override("de"):
        assert notice.told == (
            "Deine 4, gelesen als 7. Bestätigt: Auch eine Person aus der Moderation las eine 4. "
            "Ein bestätigter Treffer, 1 Punkt."
        )
    notice.sentences = None  # as rows of before
    with translation.override("de"):
        assert notice.told == notice.text


@pytest.mark.usefixtures("many_due")
def test_a_mail_is_in_the_language_of_whom_it_goes_to_whoever_is_active(
    alice: Person, mei: Person, mona: Person
) -> None:
    for person, language in ((alice, "de"), (mei, "")):
        address = f"{person.username}@example.org"
        Person.objects.filter(pk=person.pk).update(
            language=language, email=address, wants_mail=True
        )
        read(mona, "4", submit(person, 4))
    model = add_model(4)
    Sample.objects.update(first_trained_by=model)
    open_next(model)
    assert notices.notify_of_round() == 2
    with translation.override("de"):
        accounts.ask_reset("alice@example.org", address="here", site="http://here.example")
    notices.queue_emails()
    assert mails.send_due() == 3
    sent = {(each.to[0], each.subject): each.body for each in mail.outbox}
    assert ("alice@example.org", "Dein Passwort für Fool the Digits") in sent
    german = sent["alice@example.org", "Was es für dich Neues gibt"]
    assert "- Deine 4, gelesen als 7. Bestätigt:" in german
    assert "- Runde 2 ist offen. Ihr Modell hat aus einer Zeichnung von dir gelernt und" in german
    english = sent["mei@example.org", "What is new for you"]
    assert "- Round 2 is open. Its model learned from a drawing of yours, and now reads" in english


@pytest.mark.usefixtures("a_sample")
def test_why_a_candidate_is_held_is_kept_for_every_reader() -> None:
    claim = candidates.claim(candidates.start("mnist_model").pk)
    assert claim
    data = always(3)
    reason = Sentence("base images of the digit {digit}", digit=8)
    candidates.finish(
        claim,
        weights=data,
        sha256=weights.checksum(data),
        manifest={},
        report=Report(),
        reasons=[reason],
    )
    held = RoundModel.objects.get(state="held")
    assert held.reasons == ["base images of the digit 8"]
    with translation.override("de"):
        assert list(map(told, held.why)) == ["Grundbilder der Ziffer 8"]
    held.sentences = None  # as rows of before
    assert held.why == held.reasons
