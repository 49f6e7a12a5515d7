"""A candidate's report: earlier rounds' test samples, the matrix, what was forgotten, and the gate
on them."""

import uuid

import pytest
from django.db import transaction

from collector.models import Study
from tests.support.models import add_model
from tests.support.nets import always
from trainer import reports, rounds, samples
from trainer.learning import basedata, weights
from trainer.learning import report as learning_report
from trainer.learning.report import GATE_BASE, MNIST_TEST, Kind, Report
from trainer.models import Contributor, Round, RoundModel, Sample

FOOLS_1, FOOLS_2 = (learning_report.TestSet(Kind.FOOLS, number) for number in (1, 2))
AUDITED_1, AUDITED_2 = (learning_report.TestSet(Kind.AUDITED, number) for number in (1, 2))
_serial = iter(range(1, 10_000))


@pytest.fixture
def tester(study: Study) -> uuid.UUID:
    """A contributor of the test split."""
    return Contributor.objects.create(id=uuid.uuid4(), position=0, split="test").pk


def keep(contributor: uuid.UUID, label: int, number: int = 1, *, has_fooled: bool = True) -> Sample:
    with transaction.atomic():
        sample = samples.add(
            attempt=uuid.uuid4(),
            contributor=contributor,
            pixels=next(_serial).to_bytes(784, "big"),
            label=label,
            has_fooled=has_fooled,
            is_audited=not has_fooled,
            round_=Round.objects.get(number=number),
        )
    assert sample is not None
    return sample


def judge(digit: int) -> tuple[Report, tuple[str, ...]]:
    """The report and the gate's reasons for a candidate that always answers `digit`."""
    base = basedata.stand_in()
    of_digit = (
        base.train_labels == digit
    )  # all the same digit, so that the gate's base images hold nothing back
    small = basedata.BaseData(
        base.train_images,
        base.train_labels,
        base.train_images[of_digit],
        base.train_labels[of_digit],
        None,
        None,
        True,
        base.sha256,
    )
    candidate = RoundModel.objects.create(
        architecture="mnist_model", initial_model=Round.objects.get(number=1).model
    )
    report, verdict = reports.judge(
        candidate, weights.load("mnist_model", always(digit), None), small, still_here=lambda: None
    )
    return report, verdict.reasons


def test_the_report_measures_on_each_rounds_test_samples_and_says_where_there_are_none(
    tester: uuid.UUID,
) -> None:
    keep(tester, 4), keep(tester, 3), keep(tester, 7, has_fooled=False)
    rounds.open_next(add_model(3))
    report, _ = judge(4)
    assert set(report.sets) == {GATE_BASE, MNIST_TEST, *(test.name for test in report.tests)}
    assert set(report.tests) == {FOOLS_1, AUDITED_1, FOOLS_2, AUDITED_2}
    counts = [(report.tests[test].n, report.tests[test].correct) for test in (FOOLS_1, AUDITED_1)]
    assert counts == [(2, 1), (1, 0)]
    assert (report.tests[FOOLS_2].n, report.tests[FOOLS_2].accuracy) == (0, None)


def test_training_samples_are_never_measured_on(tester: uuid.UUID) -> None:
    keep(uuid.uuid4(), 4)
    withdrawn = keep(tester, 4)
    samples.withdraw(tester)
    report, _ = judge(4)
    assert report.tests[FOOLS_1].n == 0
    assert withdrawn.pk


def test_the_matrix_has_every_rounds_model_on_every_rounds_samples(tester: uuid.UUID) -> None:
    keep(tester, 4), keep(tester, 3)
    rounds.open_next(add_model(3))
    keep(tester, 4, number=2)
    report, _ = judge(4)
    assert report.matrix is not None
    assert [
        (line.round, line.correct[FOOLS_1], line.correct[FOOLS_2]) for line in report.matrix
    ] == [
        (1, 0, 0),  # its own adversary's samples
        (2, 1, 0),
        (None, 1, 1),
    ]


def test_what_was_forgotten_is_listed_by_attempt_and_paired_with_the_target(
    tester: uuid.UUID,
) -> None:
    kept, lost = keep(tester, 4), keep(tester, 3)
    rounds.open_next(add_model(3))
    report, _ = judge(4)
    assert report.forgot == (str(lost.attempt),)
    assert report.against_target is not None
    assert report.against_target.round == 2
    paired = report.against_target.tests[FOOLS_1]
    assert paired == learning_report.PairedTest(n=2, gained=1, lost=1, p=1.0)
    assert str(kept.attempt) not in report.forgot


def test_a_candidate_that_forgets_earlier_rounds_is_held(tester: uuid.UUID) -> None:
    """Fifty clean test samples of round 1 that the target reads and a candidate with spoilt labels
    does not."""
    for _ in range(50):
        keep(tester, 3)
    rounds.open_next(add_model(3))
    _, reasons = judge(3)
    assert reasons == ()
    _, reasons = judge_again(4)
    assert len(reasons) == 1
    assert "“fools_1”" in reasons[0]
    assert "lost 50" in reasons[0]


def judge_again(digit: int) -> tuple[Report, tuple[str, ...]]:
    RoundModel.objects.filter(state="training").update(state="failed")
    return judge(digit)


def test_the_report_is_measured_with_the_lease_in_hand(tester: uuid.UUID) -> None:
    keep(tester, 4)

    def lost() -> None:
        raise RuntimeError("the lease is lost")

    candidate = RoundModel.objects.create(
        architecture="mnist_model", initial_model=Round.objects.get(number=1).model
    )
    with pytest.raises(RuntimeError):
        reports.judge(
            candidate, weights.load("mnist_model", always(1), None), basedata.stand_in(), lost
        )
