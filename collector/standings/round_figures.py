"""What is told of rounds: their model's figures beside what people did in them. Reads only.

A list reads what it shows of the rounds that it is asked for, never a report that grows with the
rounds.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce

from collector.errors import Forbidden, Refused
from collector.models import (
    ORIGINAL,
    Allocation,
    Attempt,
    Person,
    SampleTally,
    Study,
    clock,
    is_told,
)
from collector.rules import arms
from collector.standings import leaderboards
from trainer import measurements, samples
from trainer.learning.evaluate import wilson
from trainer.learning.report import (
    GATE_BASE,
    MATRIX,
    MNIST_TEST,
    Kind,
    MatrixLine,
    Report,
    SetFigures,
    Stored,
    TestSet,
    set_lookup,
)
from trainer.learning.sentences import Sentence
from trainer.measurements import Counts
from trainer.models import Arm, MatrixRow, Round, RoundModel
from trainer.rounds import get_round

BASE_SETS = (MNIST_TEST, GATE_BASE)
ENOUGH = 10  # verified fools of a round, to say in a sentence how many drawings one took


@dataclass(frozen=True)
class Due:
    """How many samples the next model has, of how many it needs to be trained."""

    have: int
    need: int

    @property
    def missing(self) -> int:
        return max(0, self.need - self.have)


@dataclass(frozen=True)
class Training:
    """A candidate in training: how far it is, 0–1, and when it was started."""

    progress: float
    started_at: datetime


@dataclass(frozen=True)
class RoundOverview:
    """One round with its model's report and the counts of its attempts; by digit where it is told
    alone. The open one also with what is `due` and, if anything is, in `training`.

    The API passes the report on as it is stored; it is read only where a page asks for it.
    """

    number: int
    arm: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    architecture: str
    opened_by: str
    opened_why: str
    counts: leaderboards.AttemptCounts
    counts_by_digit: dict[int, leaderboards.AttemptCounts]
    stored_report: Stored | None
    due: Due | None
    training: Training | None

    @cached_property
    def report(self) -> Report:
        """The report of the round's model."""
        return Report.from_json(self.stored_report)


def newest_first(arm: str = Arm.DYNAMIC) -> QuerySet[Round]:
    """Return all rounds of an arm with their models, newest first, to take some of."""
    of_arm = Round.objects.filter(arm=arm).select_related("model").defer("model__manifest")
    return of_arm.order_by("-number")


def overviews(rounds: Sequence[Round], study: Study | None = None) -> list[RoundOverview]:
    """Tell these rounds, whose models are loaded; of each report the part that does not grow with
    the rounds. Whoever has read the study hands it on."""
    counts = leaderboards.counts_by_round(round_.pk for round_ in rounds)
    none = leaderboards.AttemptCounts()
    return [_overview(round_, counts.get(round_.pk, none), study) for round_ in rounds]


def describe(number: int, arm: str = Arm.DYNAMIC, study: Study | None = None) -> RoundOverview:
    """Tell one round of an arm with all that was measured of its model; of the newest matrix the
    model's own line. Raises NoSuchRound."""
    round_ = get_round(number, arm)
    report = measurements.whole_report(round_.model)
    line = _line(round_)
    by_digit = leaderboards.counts_by_digit([round_])
    return replace(
        _overview(round_, sum(by_digit.values(), leaderboards.AttemptCounts()), study),
        counts_by_digit=by_digit,
        stored_report={**(report or {}), MATRIX: [line.as_json()]} if line else report,
    )


def current(arm: str = Arm.DYNAMIC, study: Study | None = None) -> RoundOverview:
    """Tell an arm's open round, as it is in the moment that it is read: another may open while its
    drawings are counted."""
    round_ = newest_first(arm).get(state=Round.State.OPEN)
    [overview] = overviews([round_], study)
    return overview


def _line(round_: Round) -> MatrixLine | None:
    """Read the line of a round's model in the newest matrix; None where it has none."""
    newest = measurements.newest_matrix(round_.arm)
    row = newest and newest.rows.filter(model=round_.model_id).first()
    if not (newest and row):
        return None
    correct = measurements.unpacked(row.correct)
    return MatrixLine(
        round_.number,
        {
            TestSet(kind, number): int(count)
            for number, *counts in zip(newest.rounds, *correct.values(), strict=True)
            for kind, count in zip(correct, counts, strict=True)
        },
    )


def _overview(
    round_: Round, counts: leaderboards.AttemptCounts, study: Study | None
) -> RoundOverview:
    is_open = round_.state == Round.State.OPEN
    return RoundOverview(
        number=round_.number,
        arm=round_.arm,
        state=round_.state,
        opened_at=round_.opened_at,
        closed_at=round_.closed_at,
        architecture=round_.model.architecture,
        opened_by=round_.opened_by,
        opened_why=round_.opened_why,
        counts=counts,
        counts_by_digit={},
        stored_report=round_.model.report,
        due=due(round_.arm, study) if is_open else None,
        training=_training(round_.arm) if is_open else None,
    )


def due(arm: str = Arm.DYNAMIC, study: Study | None = None) -> Due:
    """Count what an arm's next model has and needs; two queries, one where the study is known."""
    study = study or Study.current()
    return Due(samples.due(study.max_per_person, arm).count(), study.round_size)


def _training(arm: str) -> Training | None:
    candidate = RoundModel.objects.filter(
        state=RoundModel.State.TRAINING, arm=arm, left_out_contributor=None
    ).first()
    return Training(candidate.progress, candidate.created_at) if candidate else None


def trained_on(model: RoundModel) -> tuple[int, int]:
    """Count the samples that a model was trained on, and whose they are: as many as
    `samples.trained_on` gives."""
    people = Count("contributor", distinct=True)
    if model.left_out_contributor is not None:
        rows = samples.trained_on(model).order_by()
        counts = rows.aggregate(n=Count("pk"), people=people)
    else:
        counts = _spans(model).aggregate(n=Coalesce(Sum("sample_count"), 0), people=people)
    return counts["n"], counts["people"]


def _spans(model: RoundModel) -> QuerySet[SampleTally]:
    return SampleTally.objects.filter(
        arm=model.arm,
        first_trained_by__lte=model.pk,
        last_trained_by__gte=model.pk,
        sample_count__gt=0,
    )


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval, made of two counts; `value` is None where there is nothing
    to divide."""

    count: int = 0
    of: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    stand_in: bool = False


@dataclass(frozen=True)
class RoundFigures:
    """One round: what people did in it, and what its model reads.

    `figures` by name: `vmer`, `mer`, `tries` (attempts for each verified fool), the report's
    `BASE_SETS`, `earlier` (what fooled the models of earlier rounds) and `audited` (drawings that
    did not fool the model of their round). `first` is the first round that had this round's model:
    an earlier one after a roll-back.
    """

    number: int
    state: str
    opened_at: datetime
    first: int
    pending: int
    figures: dict[str, Figure]


@dataclass(frozen=True)
class Hardening:
    """How many drawings a trick took, in the first and in the newest round of which that can be
    told; the same where there is one alone."""

    first: RoundFigures
    newest: RoundFigures

    @property
    def is_sure(self) -> bool:
        """Whether the two intervals lie apart."""
        first, newest = self.first.figures["tries"], self.newest.figures["tries"]
        ends = (first.low, first.high, newest.low, newest.high)
        first_low, first_high, newest_low, newest_high = (end or 0.0 for end in ends)
        return first_high < newest_low or newest_high < first_low


def hardening(rounds: Sequence[RoundFigures]) -> Hardening | None:
    """Compare, of these rounds, the first and the newest with ENOUGH verified fools of which nearly
    all are settled: each that waits may become one. None where there is none such."""
    told = [
        round_
        for round_ in rounds
        if round_.figures["tries"].count >= max(ENOUGH, 10 * round_.pending)
    ]
    told.sort(key=lambda round_: round_.number)
    return Hardening(told[0], told[-1]) if told else None


@dataclass(frozen=True)
class RoundMatrix:
    """How many of each round's test samples some models read correctly, as measured when the newest
    model was judged.

    `rounds` are the numbers of the rounds that have test sets, in order; `sizes` by kind, and
    `correct` by model (by id) and kind, are uint32 (n,) in that order. `models` has the model by
    the number of every round that has one of these models.
    """

    rounds: Sequence[int]
    sizes: dict[Kind, Counts]
    models: dict[int, int]
    correct: dict[int, dict[Kind, Counts]]

    @property
    def measured(self) -> list[int]:
        """The rounds whose model was measured, in order."""
        return sorted(number for number, model in self.models.items() if model in self.correct)

    @cached_property
    def places(self) -> dict[int, int]:
        """Where each round's sets are."""
        return {number: place for place, number in enumerate(self.rounds)}

    def size(self, number: int) -> int:
        """How many fools round `number`'s set holds."""
        return int(self.sizes[Kind.FOOLS][self.places[number]])

    def fools_read(self, number: int, other: int) -> int:
        """How many of what fooled round `other` round `number`'s model reads correctly."""
        return int(self.correct[self.models[number]][Kind.FOOLS][self.places[other]])

    def is_own(self, number: int, other: int) -> bool:
        """Whether round `number`'s model is the one that drawings of round `other` were made
        against."""
        return self.models[number] == self.models.get(other)

    def earlier(self, number: int) -> Figure:
        """Give the figure of round `number`'s model on what fooled the models of the rounds before
        it, pooled.

        What fooled this very model, before a roll-back to it, is left out: it reads none of that,
        by construction.
        """
        return self._pooled(Kind.FOOLS, number, before=number)

    def audited(self, number: int) -> Figure:
        """Give the figure of round `number`'s model on the audited drawings of every round, pooled.

        Its own rounds' are left out: they were audited because it read them correctly.
        """
        return self._pooled(Kind.AUDITED, number)

    def _pooled(self, kind: Kind, number: int, before: int | None = None) -> Figure:
        """Pool the sets of all rounds, or of those `before` a round, but the model's own."""
        correct, sizes = self.correct.get(self.models[number]), self.sizes[kind]
        if correct is None:
            return Figure()
        end = len(self.rounds) if before is None else bisect_left(self.rounds, before)
        own = [place for place in self._own_places[self.models[number]] if place < end]
        return share(
            int(correct[kind][:end].sum() - correct[kind][own].sum()),
            int(sizes[:end].sum() - sizes[own].sum()),
        )

    @cached_property
    def _own_places(self) -> dict[int, list[int]]:
        """Where the sets are that were drawn against each model."""
        own: dict[int, list[int]] = {model: [] for model in self.models.values()}
        for number, model in self.models.items():
            if number in self.places:
                own[model].append(self.places[number])
        return own


@dataclass(frozen=True)
class History:
    """Some rounds, newest first, and the lines of their models in the round × model matrix behind
    the pooled figures. `newest` is the round that the newest model of the matrix opened; None
    while there is no matrix, and in an arm where no newer model than round 1's is a target."""

    rounds: list[RoundFigures]
    matrix: RoundMatrix
    newest: int | None


def history(numbers: Collection[int], arm: str = Arm.DYNAMIC) -> History:
    """Tell an arm's rounds of these numbers, newest first, with their figures, in six queries; of
    each round's report only two sets are read."""
    of_arm = Round.objects.filter(arm=arm)
    stored_sets = {name: f"model__report__{set_lookup(name)}" for name in BASE_SETS}
    rows = list(
        of_arm.filter(number__in=numbers)
        .order_by("-number")
        .values("pk", "number", "state", "opened_at", "model_id", *stored_sets.values())
    )
    counts = leaderboards.counts_by_round(row["pk"] for row in rows)
    models = dict(
        of_arm.filter(model__in={row["model_id"] for row in rows})
        .order_by("-number")
        .values_list("number", "model_id")
    )
    # Of the rounds that share a model the first comes last, and stays.
    firsts = {model: number for number, model in models.items()}
    matrix, newest = _matrix(models, arm)
    told = []
    for row in rows:
        number, of_round = row["number"], counts.get(row["pk"], leaderboards.AttemptCounts())
        figures = fooling(of_round)
        for name, stored in stored_sets.items():
            figures[name] = _of_set(SetFigures.from_json(row[stored], by_digit=False))
        figures["earlier"], figures["audited"] = matrix.earlier(number), matrix.audited(number)
        told.append(
            RoundFigures(
                number=number,
                state=row["state"],
                opened_at=row["opened_at"],
                first=firsts[row["model_id"]],
                pending=of_round.pending_count,
                figures=figures,
            )
        )
    return History(told, matrix, newest)


def share(count: int, of: int) -> Figure:
    """Give `count` of `of` as a share with Wilson's interval."""
    return Figure(count, of, count / of, *wilson(count, of)) if of else Figure()


def fooling(counts: leaderboards.AttemptCounts) -> dict[str, Figure]:
    """Give MER, vMER and tries per fool, whose interval is that of its inverse."""
    attempt_count, verified_count = counts.tries_parts
    inverse = share(verified_count, attempt_count)
    low, high = (
        (1 / inverse.high, 1 / inverse.low) if inverse.high and inverse.low else (None, None)
    )
    return {
        "vmer": share(*counts.vmer_parts),
        "mer": share(*counts.mer_parts),
        "tries": Figure(verified_count, attempt_count, counts.tries_per_fool, low, high),
    }


def _of_set(measured: SetFigures) -> Figure:
    if not measured.n:
        return Figure()
    return Figure(
        measured.correct,
        measured.n,
        measured.accuracy,
        measured.low,
        measured.high,
        measured.stand_in,
    )


def _matrix(models: dict[int, int], arm: str) -> tuple[RoundMatrix, int | None]:
    """Read the lines of these models, by the round's number, in an arm's newest matrix, and which
    round its own model is the target of, if any; empty before the second model."""
    newest = measurements.newest_matrix(arm)
    if newest is None:
        return RoundMatrix([], dict.fromkeys(Kind, np.zeros(0, np.uint32)), models, {}), None
    rows = MatrixRow.objects.filter(matrix=newest, model__in=set(models.values()))
    correct = {
        model: measurements.unpacked(packed)
        for model, packed in rows.values_list("model_id", "correct")
    }
    opened = Round.objects.filter(model=newest.pk).order_by("number")
    matrix = RoundMatrix(newest.rounds, measurements.unpacked(newest.sizes), models, correct)
    return matrix, opened.values_list("number", flat=True).first()


def fooled_today(arm: str) -> int:
    """Count the originals that have fooled an arm's model since midnight, verified or not."""
    fooled = Attempt.objects.filter(ORIGINAL, submitted_at__gte=clock.today(), has_fooled=True)
    return fooled.exclude(drawer__in=Allocation.elsewhere(arm)).count()


def shown_arm(viewer: Person | None, asked: str = "") -> str:
    """Return the arm whose rounds somebody sees: the one they ask for, else their own, and of
    strangers the dynamic. Raises Refused for what is no arm of the study, and, to all but admins,
    Forbidden for the one in which nobody is told what models say: not before the study has
    ended."""
    arm = asked or (viewer.arm if viewer else Arm.DYNAMIC)
    if asked and asked not in Study.current().weights:
        raise Refused(Sentence("There is no such arm here."), field="arm")
    if not (viewer and viewer.is_admin) and not is_told(arm):
        raise Forbidden(arms.NOT_TOLD, code="no_verdict")
    return arm
