"""What is told of rounds: their model's figures beside what people did in them. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from collector.models import ORIGINAL, Attempt, Study
from collector.standings import leaderboards
from trainer import samples
from trainer.learning.evaluate import wilson
from trainer.learning.report import (
    GATE_BASE,
    MATRIX,
    MNIST_TEST,
    SETS,
    Kind,
    Report,
    SetFigures,
    Stored,
    TestSet,
    set_lookup,
    without_matrix,
)
from trainer.models import Round, RoundModel
from trainer.rounds import get_round

BASE_SETS = (MNIST_TEST, GATE_BASE)


@dataclass(frozen=True)
class Due:
    """How many samples the next model has, of how many it needs to be trained."""

    have: int
    need: int


@dataclass(frozen=True)
class Training:
    """A candidate in training: how far it is, 0–1, and when it was started."""

    progress: float
    started_at: datetime


@dataclass(frozen=True)
class RoundOverview:
    """One round with its model's report and the counts of its attempts; the open one also with what
    is `due` and, if anything is, in `training`.

    The API passes the report on as it is stored; it is read only where a page asks for it.
    """

    number: int
    state: str
    opened_at: datetime
    closed_at: datetime | None
    architecture: str
    opened_by: str
    opened_why: str
    counts: leaderboards.AttemptCounts
    stored_report: Stored | None
    due: Due | None
    training: Training | None

    @cached_property
    def report(self) -> Report:
        """The report of the round's model."""
        return Report.from_json(self.stored_report)


def overview() -> list[RoundOverview]:
    """Tell every round, newest first, but for the reports' matrices, of which the newest says
    all."""
    counts = leaderboards.counts_by_round()
    rounds = Round.objects.select_related("model").order_by("-number")
    overviews = [
        _overview(round_, counts.get(round_.pk, leaderboards.AttemptCounts())) for round_ in rounds
    ]
    return [
        replace(overview, stored_report=without_matrix(overview.stored_report))
        for overview in overviews
    ]


def describe(number: int) -> RoundOverview:
    """Tell one round. Raises NoSuchRound."""
    round_ = get_round(number)
    return _overview(round_, leaderboards.count_attempts(round_.attempts.all()))


def current() -> RoundOverview:
    """Tell the open round, as it is in the moment that it is read: another may open while its
    drawings are counted."""
    round_ = Round.objects.select_related("model").get(state=Round.State.OPEN)
    return _overview(round_, leaderboards.count_attempts(round_.attempts.all()))


def _overview(round_: Round, counts: leaderboards.AttemptCounts) -> RoundOverview:
    is_open = round_.state == Round.State.OPEN
    return RoundOverview(
        number=round_.number,
        state=round_.state,
        opened_at=round_.opened_at,
        closed_at=round_.closed_at,
        architecture=round_.model.architecture,
        opened_by=round_.opened_by,
        opened_why=round_.opened_why,
        counts=counts,
        stored_report=round_.model.report,
        due=_due() if is_open else None,
        training=_training() if is_open else None,
    )


def _due() -> Due:
    study = Study.current()
    return Due(samples.due(study.max_per_person).count(), study.round_size)


def _training() -> Training | None:
    candidate = RoundModel.objects.filter(
        state=RoundModel.State.TRAINING, left_out_contributor=None
    ).first()
    return Training(candidate.progress, candidate.created_at) if candidate else None


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
class RoundMatrix:
    """How many of each round's test samples each model reads correctly, as measured when the newest
    model was judged.

    `models` has each round's model (by id) by the round's number, `sizes` each test set's size, and
    `correct`, by model, its correct answers in each set.
    """

    models: dict[int, int]
    sizes: dict[TestSet, int]
    correct: dict[int, dict[TestSet, int]]

    @property
    def rounds(self) -> list[int]:
        """The rounds that have sets, in order."""
        return sorted(n for n in self.models if TestSet(Kind.FOOLS, n) in self.sizes)

    @property
    def measured(self) -> list[int]:
        """The rounds whose model was measured, in order."""
        return sorted(number for number, model in self.models.items() if model in self.correct)

    @property
    def newest(self) -> int:
        """The round that the newest of these models opened."""
        newest = max(self.correct)
        return min(number for number, model in self.models.items() if model == newest)

    def is_own(self, number: int, other: int) -> bool:
        """Whether round `number`'s model is the one that drawings of round `other` were made
        against."""
        return self.models[number] == self.models[other]

    def earlier(self, number: int) -> Figure:
        """Give the figure of round `number`'s model on what fooled the models of the rounds before
        it, pooled.

        What fooled this very model, before a roll-back to it, is left out: it reads none of that,
        by construction.
        """
        before = (other for other in self.rounds if other < number)
        return self._pooled(Kind.FOOLS, number, before)

    def audited(self, number: int) -> Figure:
        """Give the figure of round `number`'s model on the audited drawings of every round, pooled.

        Its own rounds' are left out: they were audited because it read them correctly.
        """
        return self._pooled(Kind.AUDITED, number, self.rounds)

    def _pooled(self, kind: Kind, number: int, others: Iterable[int]) -> Figure:
        correct = self.correct.get(self.models[number])
        if correct is None:
            return Figure()
        tests = [TestSet(kind, other) for other in others if not self.is_own(number, other)]
        return share(sum(correct[test] for test in tests), sum(self.sizes[test] for test in tests))


@dataclass(frozen=True)
class History:
    """Every round, newest first, and the round × model matrix behind the pooled figures."""

    rounds: list[RoundFigures]
    matrix: RoundMatrix


def history() -> History:
    """Tell every round with its figures; three queries, and of each round's report only two sets,
    however many there are."""
    counts = leaderboards.counts_by_round()
    stored_sets = {name: f"model__report__{set_lookup(name)}" for name in BASE_SETS}
    rows = Round.objects.order_by("number").values(
        "pk", "number", "state", "opened_at", "model_id", *stored_sets.values()
    )
    oldest_first = list(rows)
    models = {row["number"]: row["model_id"] for row in oldest_first}
    # Of the rounds that share a model the first is written last, and stays.
    firsts = {row["model_id"]: row["number"] for row in reversed(oldest_first)}
    matrix = _matrix(models)
    rounds = []
    for row in reversed(oldest_first):
        number, of_round = row["number"], counts.get(row["pk"], leaderboards.AttemptCounts())
        figures = _fooling(of_round)
        for name, stored in stored_sets.items():
            figures[name] = _of_set(SetFigures.from_json(row[stored]))
        figures["earlier"], figures["audited"] = matrix.earlier(number), matrix.audited(number)
        rounds.append(
            RoundFigures(
                number=number,
                state=row["state"],
                opened_at=row["opened_at"],
                first=firsts[row["model_id"]],
                pending=of_round.pending_count,
                figures=figures,
            )
        )
    return History(rounds, matrix)


def share(count: int, of: int) -> Figure:
    """Give `count` of `of` as a share with Wilson's interval."""
    return Figure(count, of, count / of, *wilson(count, of)) if of else Figure()


def _fooling(counts: leaderboards.AttemptCounts) -> dict[str, Figure]:
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


def _matrix(models: dict[int, int]) -> RoundMatrix:
    """Read the matrix in the report of the newest promoted model; empty before the second model."""
    promoted = RoundModel.objects.filter(
        state=RoundModel.State.PROMOTED, report__has_key=MATRIX
    ).order_by("-pk")
    newest = promoted.values_list("pk", f"report__{MATRIX}", f"report__{SETS}").first()
    if newest is None:
        return RoundMatrix(models, {}, {})
    pk, matrix, sets = newest
    report = Report.from_json({MATRIX: matrix, SETS: sets})
    lines = report.matrix or ()
    correct = {models[line.round] if line.round else pk: line.correct for line in lines}
    sizes = {test: figures.n for test, figures in report.tests.items()}
    return RoundMatrix(models, sizes, correct)


def removed_since(number: int) -> datetime | None:
    """Since when a round's model cannot be made again, because somebody removed what it had
    learned; None if it can."""
    return samples.removed_since(
        RoundModel.objects.defer("manifest", "report").get(rounds__number=number)
    )


def fooled_today() -> int:
    """Count the originals that have fooled a model since midnight, verified or not."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    fooled = Attempt.objects.filter(ORIGINAL, submitted_at__gte=midnight, has_fooled=True)
    return fooled.count()
