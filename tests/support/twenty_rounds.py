"""A study of twenty rounds that are over and one that is open, on a database without a row. All
that may happen has happened once; one model was trained, and the later rounds go back to it, or to
the first one's, in turns."""

from dataclasses import replace

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from collector.data import releases
from collector.models import Email, Factor, Person, RecoveryCode
from collector.moderation import queue, readings
from collector.people import mails
from collector.study import settings as study_settings
from scripts import freeze_database
from tests.support.cast import a_line, submit
from tests.support.trainings import A_FEW_STEPS
from trainer import candidates, rounds
from trainer.learning import drawing, fit
from trainer.models import Round, RoundModel

ROUNDS = 20
FIRST_RELEASED, LAST_RELEASED = 2, 20
EXTRA = {"DADC_AUDIT_SHARE": "1", "DADC_ROUND_SIZE": "2", "DADC_LIMIT_SCALE": "1000"}
WHY = "So that there are twenty."


def build() -> None:
    usual = fit.default_recipe
    fit.default_recipe = lambda *which: replace(usual(*which), steps=A_FEW_STEPS)
    freeze_database.fill()
    if held := RoundModel.objects.filter(state="held").first():
        candidates.promote(held.pk, "admin", WHY)
    admin, dora, dan, mia = (
        Person.objects.get(username=name) for name in ("admin", "dora", "dan", "mia")
    )
    study_settings.change(admin, round_size=1000, licence="CC-BY-4.0", gold_share=0.0)
    _let_in(admin, dora)
    for number in range(Round.objects.count(), ROUNDS + 1):
        _draw(dora, dan, number)
        while reading := queue.assign(mia):
            assert reading.attempt
            readings.read(mia, reading.pk, str(reading.attempt.target_label))
        rounds.roll_back(number - 1, "admin", WHY)
    _draw(dora, dan, ROUNDS + 1)
    assert queue.assign(mia)
    for number in (FIRST_RELEASED, LAST_RELEASED):
        releases.make(number)


def _draw(dora: Person, dan: Person, number: int) -> None:
    """Each draws another digit, and dan nearly the same again."""
    submit(dora, number % 10)
    drawn = a_line()
    speck = {"x": [9, 12], "y": [9, 9], "t": [101, 102]}
    for each in (drawn, drawing.parse([*drawn.as_json(), speck])):
        submit(dan, (number + 3) % 10, each)


def _let_in(admin: Person, dora: Person) -> None:
    """What an account is opened by, and what waits to be sent."""
    Factor.objects.create(person=dora, kind="app", name="phone", content=b"sealed by the key")
    RecoveryCode.objects.create(person=dora, sha256="c0de" * 16)
    mails.queue(Email.Kind.CONFIRM, "dora-elsewhere@example.org", person=dora, site="http://x")
    LogEntry.objects.create(
        user=admin,
        content_type=ContentType.objects.get_for_model(Person),
        object_id=str(dora.pk),
        object_repr="dora",
        action_flag=CHANGE,
        change_message="[]",
    )
