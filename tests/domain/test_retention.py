"""Nothing grows for ever: every model has a rule, and what is older than its rule goes."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.utils import timezone
from django_q.models import OrmQ, Task

from collector import tasks
from collector.management.commands.setup import SCHEDULES
from collector.models import (
    Alarm,
    Allowance,
    AskedPrediction,
    Delivery,
    Email,
    Notice,
    Person,
    Release,
    Session,
    Study,
    Token,
    Webhook,
)
from collector.people import retention
from tests.support.site import ROOT
from trainer.models import Heartbeat, Round

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
MODELS = {
    model._meta.label
    for model in apps.get_models(include_auto_created=True)
    if not model._meta.proxy
}


def hook(at: datetime) -> Webhook:
    secret = {"events": [], "secret": b"", "added_at": at}
    return Webhook.objects.get_or_create(url="https://there.example/", defaults=secret)[0]


def row_of(rule: retention.Rule, at: datetime, person: Person, place: int) -> Model:
    """A row of the rule's model whose time is this."""
    make: dict[str, Any] = {
        "collector.Allowance": lambda: Allowance(rule="drawings", who="x", slot=place),
        "collector.Token": lambda: Token(sha256=str(place), person=person),
        "collector.Session": lambda: Session(pk=str(place), session_data="", seen_at=at),
        "collector.AskedPrediction": lambda: AskedPrediction(person=person, shape=b""),
        "collector.Notice": lambda: Notice(person=person, text="Told."),
        "collector.Alarm": lambda: Alarm(kind="disk", began_at=at, seen_at=at, ended_at=at),
        "collector.Delivery": lambda: Delivery(
            webhook=hook(at), event="test", content={}, happened_at=at, queued_at=at, due_at=at
        ),
        "collector.Email": lambda: Email(kind="reset", to="a@example.org", due_at=at),
        "collector.Release": lambda: Release(
            round=Round.objects.get(), major=1, minor=1, patch=place, attempts=b"", is_licensed=True
        ),
        "django_q.Task": lambda: Task(id=str(place), name="t", func="f", started=at),
        "django_q.OrmQ": lambda: OrmQ(key="dadc@gone" if rule.which else "dadc", payload=""),
        "trainer.Heartbeat": lambda: Heartbeat(program="worker", machine=f"gone {place}"),
    }
    row: Model = make[rule.model]()
    setattr(row, rule.field, at)
    row.save(force_insert=True)
    type(row)._base_manager.filter(pk=row.pk).update(**{rule.field: at})
    return row


def test_every_model_has_a_rule_that_deletes_its_rows_or_says_why_they_stay() -> None:
    going = {rule.model for rule in retention.RULES}
    assert going | retention.STAYING.keys() == MODELS
    assert not going & retention.STAYING.keys()


@pytest.mark.parametrize("rule", retention.RULES, ids=lambda rule: rule.rows)
def test_what_is_older_than_its_rule_goes_and_what_is_younger_stays(
    rule: retention.Rule, study: Study, alice: Person
) -> None:
    now = timezone.now()
    old, young = (
        row_of(rule, now - rule.kept + step, alice, place)
        for place, step in enumerate((-SECOND, 60 * SECOND))
    )
    tasks.tidy()
    left = set(type(old)._base_manager.values_list("pk", flat=True))
    assert young.pk in left
    assert old.pk not in left


def test_who_was_told_of_the_open_round_is_not_told_again(study: Study, alice: Person) -> None:
    opened = Round.objects.get(state="open")
    kept = Notice.objects.create(person=alice, round=opened, text="Round 1 is open.")
    long_ago = timezone.now() - timedelta(days=1000)
    Notice.objects.filter(pk=kept.pk).update(seen_at=long_ago, created_at=long_ago)
    tasks.tidy()
    assert Notice.objects.filter(pk=kept.pk).exists()


def test_rows_go_in_batches_and_a_run_without_time_leaves_the_rest_to_the_next(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = timezone.now() - SECOND
    Allowance.objects.bulk_create(
        Allowance(rule="drawings", who="x", slot=slot, ends_at=ended) for slot in range(7)
    )
    monkeypatch.setattr(retention, "BATCH", 3)
    ticks = iter(range(100))
    monkeypatch.setattr(retention, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(retention, "AT_MOST", 2.5)
    assert retention.keep() == {retention.RULES[0].rows: 6}
    assert retention.keep() == {retention.RULES[0].rows: 1}
    assert not Allowance.objects.exists()


def test_no_rule_waits_for_all_that_is_old_of_another(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = timezone.now() - SECOND
    Allowance.objects.bulk_create(
        Allowance(rule="drawings", who="x", slot=slot, ends_at=ended) for slot in range(2)
    )
    Token.objects.create(sha256="0" * 64, person=alice, expires_at=ended)
    monkeypatch.setattr(retention, "BATCH", 1)
    ticks = iter(range(100))
    monkeypatch.setattr(retention, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(retention, "AT_MOST", 1.5)
    retention.keep()
    assert not Token.objects.exists()
    assert Allowance.objects.exists()


def test_the_worker_does_it_every_hour() -> None:
    [tidy] = [each for each in SCHEDULES if each["func"] == "collector.tasks.tidy"]
    assert tidy["schedule_type"] == "H"


def test_the_guide_has_the_rules() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    section = text.partition("### How long rows stay\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| .*`.*$", section, re.MULTILINE) == retention.table()
