"""`verify` finds each contradiction that is planted, goes on after it, and says how much it looked
at."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from collector.models import (
    Attempt,
    ConfusionTally,
    Gold,
    ModerationPause,
    Person,
    Reading,
    ReadingTally,
    Reason,
    Study,
    Tally,
)
from collector.moderation import gold, queue, readings
from collector.study import consistency
from collector.study.consistency import Recount, problems
from tests.support.cast import submit
from tests.support.models import open_round_of
from trainer.models import Contributor, Round, RoundModel, Sample, Weights

HOUR = timedelta(hours=1)


@pytest.fixture
def verified(study: Study, alice: Person, mona: Person) -> Attempt:
    """A verified fool; there is also a pending one."""
    Study.objects.update(quorum=1, round_size=100)
    attempt = submit(alice, 4)
    reading = queue.assign(mona)
    assert reading is not None
    readings.read(mona, reading.pk, "4")
    submit(alice, 5)
    attempt.refresh_from_db()
    assert attempt.status == "verified"
    assert list(problems()) == []
    return attempt


def change(rows: Any, **values: Any) -> Callable[[], object]:
    return lambda: rows.update(**values)


def trained() -> None:
    """A promoted model whose manifest is nobody's."""
    first = RoundModel.objects.get()
    Weights.objects.create(
        model=RoundModel.objects.create(
            architecture="mnist_model",
            state="promoted",
            initial_model=first,
            manifest={"samples": 3, "start_sha256": "0", "sha256": "1"},
        ),
        data=b"",
        sha256="0" * 64,
    )


PLANTED: dict[str, tuple[Callable[[], object], str]] = {
    "no sample": (lambda: Sample.objects.all().delete(), "is verified and no sample"),
    "contributor": (
        lambda: Sample.objects.update(
            contributor=Contributor.objects.create(
                id="00000000-0000-4000-8000-000000000000", position=1, split="train"
            )
        ),
        "is not its drawer's",
    ),
    "label": (change(Sample.objects, label=7), "is labelled 7"),
    "picture": (change(Sample.objects, pixels=bytes(784)), "pixels are not those of the hash"),
    "hash": (change(Sample.objects, sha256="0" * 64), "is not the picture of its attempt"),
    "predicted": (
        change(Attempt.objects, probabilities=[1.0] + [0.0] * 9),
        "not predicted as what its probabilities say",
    ),
    "status": (
        change(Attempt.objects.filter(status="pending"), status="ambiguous"),
        "its readings say pending",
    ),
    "wanted": (
        change(Attempt.objects.filter(status="pending"), needed_reading_count=3),
        "those so far say 1",
    ),
    "grade": (change(Reading.objects, is_correct=False), "not every reading is graded so"),
    "credit": (change(Attempt.objects.filter(status="verified"), credit=0.5), "earned 0.5"),
    "round opened late": (
        lambda: Round.objects.update(opened_at=Round.objects.get().opened_at + HOUR),
        "before it was opened",
    ),
    "round closed": (
        lambda: Round.objects.update(
            state="closed", closed_at=Round.objects.get().opened_at - HOUR
        ),
        "was closed before it was opened",
    ),
    "state of its model": (change(RoundModel.objects, state="held"), "held, not promoted"),
    "weights": (change(Weights.objects, sha256="0" * 64), "are damaged"),
    "manifest's checksum": (trained, "is not that of its checksum"),
    "manifest's start": (trained, "names another start"),
    "manifest's samples": (trained, "says 3 samples"),
    "pause without a row": (
        change(Person.objects.filter(username="mona"), is_moderation_paused=True),
        "mona's moderating is paused",
    ),
    "row without a pause": (
        lambda: ModerationPause.objects.create(
            person=Person.objects.get(username="mona"), agreed_count=1, settled_count=30
        ),
        "mona's moderating is not paused",
    ),
    "settled label": (
        change(Attempt.objects.filter(status="verified"), settled_label=8),
        "verified as 8; its readings say 4",
    ),
    "settled at no time": (
        change(Attempt.objects.filter(status="verified"), settled_at=None),
        "has not settled at any time",
    ),
    "read at no time": (
        change(Attempt.objects.filter(status="verified"), first_read_at=None),
        "was read and has not been at any time",
    ),
    "settled before it was there": (
        change(
            Attempt.objects.filter(status="verified"), settled_at=timezone.now() - timedelta(days=1)
        ),
        "settled before it was submitted",
    ),
    "no shape": (change(Attempt.objects, shape=None), "has no shape"),
    "fooled and chosen": (
        change(Attempt.objects, is_audited=True),
        "chosen at random all the same",
    ),
    "a copy of what came later": (
        lambda: Attempt.objects.filter(status="verified").update(
            credit=0,
            near_duplicate_of=Attempt.objects.get(status="pending"),
            submitted_at=timezone.now() - HOUR,
        ),
        "a copy of what was submitted later",
    ),
    "suspended by nobody": (
        change(Person.objects.filter(username="mona"), is_active=False),
        "mona is suspended, and nobody did it",
    ),
    "split": (change(Contributor.objects, split="test"), "those at [0] are test"),
    "a reason without a trick": (
        lambda: Reason.objects.create(
            attempt=submit(Person.objects.get(username="alice"), 7),
            text="I drew a seven.",
            said_at=timezone.now(),
        ),
        "is no trick of anybody who is still here",
    ),
    "sum of a person": (
        change(Tally.objects.filter(day=None, round=None), verified_count=2),
        "verified_count by -1.",
    ),
    "sum of a round": (
        change(Tally.objects.filter(round__isnull=False), credit=0.5),
        "credit by +0.5.",
    ),
    "sum of a day": (
        lambda: Tally.objects.filter(day__isnull=False).delete(),
        "attempt_count by +2, fooled_count by +2, pending_count by +1, verified_count by +1",
    ),
    "sum of a confusion": (
        change(ConfusionTally.objects.filter(round=None, drawer=None), fool_count=3),
        "fool_count by -2.",
    ),
    "sum of a moderator's readings": (
        change(ReadingTally.objects, practice_count=1),
        "practice_count by -1.",
    ),
}


@pytest.mark.survives(
    "34 contradictions planted one by one in the rows",
    "`verify` finds each",
)
@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_is_found(what: str, verified: Attempt) -> None:
    plant, said = PLANTED[what]
    plant()
    found = list(problems())
    assert [problem for problem in found if said in problem], found


def test_a_text_longer_than_its_column_is_found(verified: Attempt) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL keeps none")
    round_ = Round.objects.get()
    Round.objects.update(opened_by="x" * 101, opened_why="x" * 10_000)
    assert list(problems()) == [
        f"Round {round_.pk} has 101 characters of opened_by; its column takes 100."
    ]


def test_a_reading_of_ones_own_drawing_is_found(verified: Attempt, mona: Person) -> None:
    Attempt.objects.filter(pk=verified.pk).update(drawer=mona)
    assert [said for said in problems() if "read by whoever drew it" in said]


def test_gold_whose_answer_was_changed_is_found(verified: Attempt, mona: Person) -> None:
    Gold.objects.create(
        attempt=verified,
        answer="7",
        strokes=verified.strokes,
        width=verified.width,
        pixels=bytes(verified.pixels),
    )
    assert [said for said in problems() if "its attempt settled otherwise" in said]


@pytest.mark.survives(
    "a row that cannot be read",
    "`verify` goes on after it, and says how much it looked at",
)
def test_it_goes_on_after_a_row_that_cannot_be_checked_and_says_how_many_it_looked_at(
    verified: Attempt, capsys: pytest.CaptureFixture[str]
) -> None:
    Attempt.objects.filter(pk=verified.pk).update(strokes="no strokes")
    Person.objects.filter(username="mona").update(is_moderation_paused=True)
    with pytest.raises(SystemExit):
        call_command("verify")
    told = capsys.readouterr()
    assert f"Attempt {verified.pk} cannot be checked" in told.out
    assert "mona's moderating is paused" in told.out
    assert "2 attempts" in told.err
    assert "1 samples" in told.err


@pytest.mark.survives(
    "a practice drawing changed, its answer or its picture",
    "`verify` finds it",
)
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"answer": "junk"}, "says junk; shipped is"),
        ({"strokes": []}, "is not the one that is shipped"),
        ({"pixels": bytes(784)}, "is not the one that is shipped"),
        ({"id": "00000000-0000-4000-8000-000000000000"}, "is none of those shipped"),
    ],
)
def test_a_practice_drawing_that_is_not_as_shipped_is_found(
    changed: dict[str, Any], said: str, study: Study
) -> None:
    gold.ship()
    assert list(gold.differing_practice()) == []
    one = Gold.objects.filter(is_practice=True).exclude(answer="junk").order_by("pk")[:1]
    Gold.objects.filter(pk__in=one.values_list("pk", flat=True)).update(**changed)
    [found] = gold.differing_practice()
    assert said in found


def test_the_number_of_queries_grows_with_neither_attempts_nor_rounds_nor_models(
    verified: Attempt, alice: Person
) -> None:
    def looked_at() -> tuple[int, int]:
        recount = Recount()
        with CaptureQueriesContext(connection) as queries:
            assert list(recount.problems()) == []
        return recount.looked_at["attempts"], len(queries)

    few, queries_of_few = looked_at()
    for digit in (7, 7, 7):
        open_round_of(digit)
        submit(alice, 4)
    assert looked_at() == (few + 3, queries_of_few)


def test_samples_are_read_to_the_last_one(
    verified: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consistency, "CHUNK", 2)
    first = Sample.objects.get()
    for _ in range(4):
        Sample.objects.create(
            attempt=uuid.uuid4(),
            contributor=first.contributor,
            pixels=first.pixels,
            sha256=first.sha256,
            label=first.label,
            has_fooled=True,
            round=first.round,
            withdrawn_at=first.added_at,
        )
    recount = Recount()
    assert list(recount.problems()) == []
    assert recount.looked_at["samples"] == 5
