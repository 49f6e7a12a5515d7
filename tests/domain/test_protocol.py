"""A study's protocol: drafted, frozen by the start, changed for reasons, ended."""

import hashlib
import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from collector.data import webhooks
from collector.errors import Conflict, Forbidden, Refused
from collector.models import Attempt, Delivery, Person, Phase, Study, StudyAct, StudyChange
from collector.study import protocol
from collector.study import settings as study_settings
from tests.support.cast import ARMS, a_line, add_person, put, read, submit
from trainer.models import Arm, Sample

DRAFT: dict[str, Any] = {
    "question": "Are drawings against a model worth more?",
    "stop_samples": 2,
    "secondary_outcomes": "mnist drawings",
    "arms": ARMS,
    "quorum": 1,
}


def draft(admin: Person, **more: Any) -> None:
    study_settings.change(admin, **(DRAFT | more))


def started() -> protocol.Protocol:
    found = protocol.current()
    assert found is not None
    assert found.started_at is not None
    return found


@pytest.fixture
def running(study: Study, ada: Person) -> protocol.Protocol:
    draft(ada)
    return protocol.start(ada)


def test_a_plain_site_has_none_and_a_draft_is_no_start(study: Study, ada: Person) -> None:
    assert protocol.current() is None
    assert study.phase == Phase.PLAIN
    draft(ada)
    found = protocol.current()
    assert found is not None
    assert (found.phase, found.started_at, found.ended_at, found.sha256, found.changes) == (
        Phase.DRAFT,
        None,
        None,
        "",
        [],
    )
    assert found.stop_samples == 2
    protocol.discard(ada)
    assert protocol.current() is None


def test_the_start_freezes_what_was_agreed_under_its_hash(study: Study, ada: Person) -> None:
    with pytest.raises(Conflict, match="no protocol yet"):
        protocol.start(ada)
    draft(ada, question="")
    with pytest.raises(Refused, match="which question"):
        protocol.start(ada)
    draft(ada)
    protocol.start(ada)
    act = StudyAct.objects.get(kind="started")
    assert hashlib.sha256(act.document.encode()).hexdigest() == act.sha256 == started().sha256
    assert json.loads(act.document) == {
        "format": 1,
        "question": DRAFT["question"],
        "arms": {"dynamic": 2, "static": 1, "none": 1},
        "collected_by": {
            "architecture": study.architecture,
            "round_size": study.round_size,
            "quorum": 1,
            "audit_share": study.audit_share,
            "gold_share": study.gold_share,
            "person_share": study.person_share,
            "has_live_preview": study.has_live_preview,
        },
        "stop": {"samples_of_each_arm": 2},
        "primary_outcome": "errors_at_equal_samples",
        "secondary_outcomes": ["drawings", "mnist"],
        "samples_before": {},
    }
    with pytest.raises(Conflict, match="started already"):
        protocol.start(ada)
    with pytest.raises(Conflict, match="started already"):
        protocol.discard(ada)
    with pytest.raises(Refused, match="keeps its stop rule"):
        study_settings.change(ada, why="It is tedious.", stop_samples=None)


def test_the_hash_is_of_what_is_said_and_of_nothing_else() -> None:
    """The same text wherever it is made: in order, without spaces, as UTF-8."""
    said = {"b": 0.1, "a": {"z": 1, "y": "Grün"}}
    assert protocol.canonical(said) == '{"a":{"y":"Grün","z":1},"b":0.1}'


@pytest.mark.parametrize(
    "change",
    ["UPDATE {} SET sha256 = 'another'", "UPDATE {} SET document = '{{}}'", "DELETE FROM {}"],
)
def test_nobody_changes_what_was_started(running: protocol.Protocol, change: str) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change.format("collector_studyact"))


def test_what_changes_later_is_told_with_its_reason_and_the_hash_stays(
    running: protocol.Protocol, ada: Person
) -> None:
    with pytest.raises(Refused, match="say why") as refused:
        study_settings.change(ada, round_size=33)
    assert refused.value.field == "why"
    assert not StudyChange.objects.filter(field="round_size").exists()
    study_settings.change(ada, why="  Rounds took too long. ", round_size=33, licence="CC0-1.0")
    [change] = started().changes
    assert (change.field, change.after, change.why) == ("round_size", "33", "Rounds took too long.")
    assert StudyChange.objects.get(field="licence").why == "", "it is no part of the protocol"
    assert started().sha256 == running.sha256
    assert started().content == running.content


def test_an_arm_of_a_draft_goes_as_long_as_nobody_is_in_it(study: Study, ada: Person) -> None:
    draft(ada)
    put(add_person(), Arm.STATIC)
    study_settings.change(ada, arms="dynamic,static")
    with pytest.raises(Refused, match="people are in it"):
        study_settings.change(ada, arms="dynamic")


def test_before_the_start_nothing_is_kept_of_what_is_drawn(
    study: Study, ada: Person, alice: Person
) -> None:
    draft(ada)
    silent = put(add_person(), Arm.NONE)
    for drawer, fate in ((alice, "practice"), (silent, "practice")):
        for label in (4, 7):
            attempt = submit(drawer, label, client_key=f"{drawer}-{label}")
            assert attempt.fate().status == fate
    assert not Attempt.objects.exists()
    assert not Sample.objects.exists()
    protocol.start(ada)
    assert submit(alice, 4).status == "pending"
    assert Attempt.objects.count() == 1


def test_after_the_end_nothing_is_taken_and_everything_is_told(
    running: protocol.Protocol, ada: Person, alice: Person, mona: Person
) -> None:
    silent = put(add_person(), Arm.NONE)
    kept = submit(silent, 4, client_key="kept")
    assert kept.fate().status == "pending"
    read(mona, "4", kept)
    with pytest.raises(Refused):
        protocol.end(ada, " ")
    with pytest.raises(Forbidden):
        protocol.end(alice, "I am tired.")
    protocol.end(ada, "Both arms have what was agreed.")
    assert started().phase == Phase.ENDED
    assert started().ended_why == "Both arms have what was agreed."
    for drawer in (alice, silent):
        with pytest.raises(Conflict, match="has ended") as refused:
            submit(drawer)
        assert refused.value.code == "study_ended"
    kept = Attempt.objects.select_related("round").get(pk=kept.pk)
    assert kept.round.has_verdict
    assert kept.fate().status == "verified"
    with pytest.raises(Conflict, match="ended already"):
        protocol.end(ada, "Again.")


def test_the_stop_rule_is_reached_once_each_arm_has_its_samples(
    running: protocol.Protocol, ada: Person, mona: Person
) -> None:
    people = [put(add_person(), arm) for arm in Arm.values]
    for drawer in people:
        for _ in range(2):
            assert not started().has_reached_stop
            read(mona, "4", submit(drawer, 4))
    assert started().sample_counts == {"dynamic": 2, "static": 2, "none": 2}
    assert started().has_reached_stop
    study_settings.change(ada, why="More would tell more.", stop_samples=3)
    assert not started().has_reached_stop


def test_the_end_of_a_study_is_told_to_webhooks_once(
    running: protocol.Protocol, ada: Person
) -> None:
    webhooks.add(ada, "https://hooks.example/in", ["study.ended"])
    webhooks.note_what_happened()
    assert not Delivery.objects.exists()
    protocol.end(ada, "It is over.")
    webhooks.note_what_happened()
    webhooks.note_what_happened()
    [delivery] = Delivery.objects.all()
    assert delivery.event == "study.ended"
    assert delivery.content == {"protocol": running.sha256, "why": "It is over."}


def statements(drawer: Person, label: int) -> int:
    """How many statements a submission takes."""
    drawn = a_line()
    with CaptureQueriesContext(connection) as asked:
        submit(drawer, label, drawn)
    return len(asked)


def test_only_where_there_is_a_protocol_a_submission_asks_for_it(
    study: Study, ada: Person, alice: Person
) -> None:
    for label in (7, 4, 4):
        submit(alice, label)
    plain = statements(alice, 7), statements(alice, 4)
    with CaptureQueriesContext(connection) as asked:
        assert protocol.current() is None
    assert len(asked) == 1
    draft(ada)
    protocol.start(ada)
    assert (statements(alice, 7), statements(alice, 4)) == (plain[0] + 3, plain[1] + 2)
