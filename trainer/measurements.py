"""What was measured of a round model, as it is kept: what lists show in the model's own row, what
grows with the rounds in rows beside it. Written when a candidate is finished."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainer.learning.report import SETS, Kind, MatrixLine, Report, Stored, TestSet
from trainer.models import Arm, EarlierReport, Matrix, MatrixRow, Round, RoundModel

_COUNTS = np.dtype("<u4")
Counts = NDArray[np.uint32]


def store(candidate: RoundModel, report: Report) -> None:
    """Keep the report of a candidate, which the caller saves. The matrices of its arm that stay are
    its own and that of the newest promoted model: each measures all that an earlier one did."""
    candidate.report = report.of_any_size.as_json()
    EarlierReport.objects.create(model=candidate, report=report.on_tests.as_json())
    if report.matrix:
        _store_matrix(candidate, report)


def store_told(model: RoundModel, told: Stored | None) -> None:
    """Keep a report as a release has it, in the model, which the caller saves; and the only line of
    the matrix that it tells, the model's own."""
    model.report = told
    report = Report.from_json(told)
    own = {test: figures.correct for test, figures in report.tests.items()}
    if own:
        _store_matrix(model, replace(report, matrix=(MatrixLine(None, own),)))


def _store_matrix(candidate: RoundModel, report: Report) -> None:
    newest = newest_matrix(candidate.arm)
    of_arm = Matrix.objects.filter(candidate__arm=candidate.arm)
    of_arm.exclude(pk=newest.pk if newest else None).delete()
    rounds = sorted({test.round for test in report.tests})
    matrix = Matrix.objects.create(
        candidate=candidate,
        rounds=rounds,
        sizes=_packed({test: figures.n for test, figures in report.tests.items()}, rounds),
    )
    models = dict(Round.objects.filter(arm=candidate.arm).values_list("number", "model_id"))
    # After a roll-back two rounds share a model, and a row.
    lines = report.matrix or ()
    rows = {models[line.round] if line.round else candidate.pk: line for line in lines}
    MatrixRow.objects.bulk_create(
        MatrixRow(matrix=matrix, model_id=model, correct=_packed(line.correct, rounds))
        for model, line in rows.items()
    )


def newest_matrix(arm: str = Arm.DYNAMIC) -> Matrix | None:
    """Return the matrix of an arm's newest promoted model that has one."""
    promoted = Matrix.objects.filter(candidate__state=RoundModel.State.PROMOTED, candidate__arm=arm)
    return promoted.order_by("-pk").first()


def whole_report(model: RoundModel) -> Stored | None:
    """Give all that is kept of a model's report but for the matrix; None where it was never
    measured."""
    earlier = EarlierReport.objects.filter(model=model).values_list("report", flat=True).first()
    if model.report is None or earlier is None:
        return model.report
    return {**earlier, **model.report, SETS: {**model.report[SETS], **earlier[SETS]}}


def _packed(counts: Mapping[TestSet, int], rounds: list[int]) -> bytes:
    in_order = [[counts.get(TestSet(kind, number), 0) for number in rounds] for kind in Kind]
    return np.array(in_order, _COUNTS).tobytes()


def unpacked(packed: bytes | memoryview) -> dict[Kind, Counts]:
    """Give the stored counts of a matrix: uint32 (n,) by kind, in the order of its rounds."""
    by_kind = np.frombuffer(packed, _COUNTS).reshape(len(Kind), -1)
    return dict(zip(Kind, by_kind, strict=True))
