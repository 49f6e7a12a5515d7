"""What is told of rounds: their model's figures beside what people did in them. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from collector.errors import NotFound
from collector.models import Attempt, Study
from collector.standings import leaderboards
from trainer import samples
from trainer.learning.evaluate import wilson
from trainer.models import Round, RoundModel

BASE_SETS = ("mnist_test", "gate_base")


def overview() -> list[dict[str, Any]]:
    """Every round, newest first, as `describe` tells it but for the report's matrix, of which the
    newest says all."""
    tallies = leaderboards.counts_by_round()
    rounds = list(Round.objects.select_related("model").order_by("-number"))
    for round in rounds:
        if round.model.report:
            round.model.report.pop("matrix", None)
    return [_told(round, tallies.get(round.pk, leaderboards.AttemptCounts())) for round in rounds]


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
class Line:
    """One round: what people did in it, and what its model reads.

    `figures` by name: `vmer`, `mer`, `tries` (attempts for each verified fool), the report's
    `BASE_SETS`, `earlier` (what fooled the models of earlier rounds) and `audited` (drawings that
    did not fool the model of their round). `first` is the first round that had this round's model:
    an earlier one after a roll-back.
    """

    number: int
    state: str
    opened: datetime
    first: int
    pending: int
    figures: dict[str, Figure]


@dataclass(frozen=True)
class Measured:
    """How many of each round's test samples each model reads right, as measured when the newest
    model was judged.

    `models` has each round's model by the round's number, `sizes` each set's size by the set's name
    («fools_3», «audited_3»), and `right` a model's right answers in each set.
    """

    models: dict[int, int]
    sizes: dict[str, int]
    right: dict[int, dict[str, int]]

    @property
    def rounds(self) -> list[int]:
        """The rounds that have sets, in order."""
        return sorted(number for number in self.models if f"fools_{number}" in self.sizes)

    @property
    def lines(self) -> list[int]:
        """The rounds whose model was measured, in order."""
        return sorted(number for number, model in self.models.items() if model in self.right)

    @property
    def newest(self) -> int:
        """The round that the newest of these models opened."""
        return min(number for number, model in self.models.items() if model == max(self.right))

    def own(self, number: int, other: int) -> bool:
        """Whether round `number`'s model is the one that drawings of round `other` were made
        against."""
        return self.models[number] == self.models[other]

    def earlier(self, number: int) -> Figure:
        """Round `number`'s model on what fooled the models of the rounds before it, pooled.

        What fooled this very model, before a roll-back to it, is left out: it reads none of that,
        by construction.
        """
        return self._pooled("fools", number, [other for other in self.rounds if other < number])

    def audited(self, number: int) -> Figure:
        """Round `number`'s model on the audited drawings of every round, pooled.

        Its own rounds' are left out: they were audited because it read them right.
        """
        return self._pooled("audited", number, self.rounds)

    def _pooled(self, kind: str, number: int, others: list[int]) -> Figure:
        right = self.right.get(self.models[number])
        if right is None:
            return Figure()
        names = [f"{kind}_{other}" for other in others if not self.own(number, other)]
        return share(sum(right[name] for name in names), sum(self.sizes[name] for name in names))


@dataclass(frozen=True)
class History:
    """Every round, newest first, and the round × model matrix behind the pooled figures."""

    lines: list[Line]
    measured: Measured


def history() -> History:
    """Every round with its figures; three queries, and of each round's report only two sets,
    however many there are."""
    tallies = leaderboards.counts_by_round()
    rows: Any = Round.objects.order_by("number").values(
        "pk",
        "number",
        "state",
        "opened_at",
        "model_id",
        *(f"model__report__sets__{name}" for name in BASE_SETS),
    )
    rows = list(rows)
    models = {row["number"]: row["model_id"] for row in rows}
    firsts = {row["model_id"]: row["number"] for row in reversed(rows)}
    measured = _measured(models)
    lines = [
        Line(
            number=row["number"],
            state=row["state"],
            opened=row["opened_at"],
            first=firsts[row["model_id"]],
            pending=(tally := tallies.get(row["pk"], leaderboards.AttemptCounts())).pending_count,
            figures={
                **_fooling(tally),
                **{name: _stored(row[f"model__report__sets__{name}"]) for name in BASE_SETS},
                "earlier": measured.earlier(row["number"]),
                "audited": measured.audited(row["number"]),
            },
        )
        for row in reversed(rows)
    ]
    return History(lines, measured)


def share(count: int, of: int) -> Figure:
    """`count` of `of` as a share with Wilson's interval."""
    return Figure(count, of, count / of, *wilson(count, of)) if of else Figure()


def _fooling(tally: leaderboards.AttemptCounts) -> dict[str, Figure]:
    """MER, vMER and tries per fool, whose interval is that of its inverse."""
    inverse = share(tally.verified_count, tally.attempt_count)
    low, high = (
        (1 / inverse.high, 1 / inverse.low) if inverse.high and inverse.low else (None, None)
    )
    return {
        "vmer": share(tally.verified_count, tally.decided_count),
        "mer": share(tally.fooled_count, tally.attempt_count),
        "tries": Figure(tally.verified_count, tally.attempt_count, tally.tries_per_fool, low, high),
    }


def _stored(measured: dict[str, Any] | None) -> Figure:
    """A set of a report."""
    if not measured or not measured["n"]:
        return Figure()
    names = ("correct", "n", "accuracy", "low", "high", "stand_in")
    return Figure(*(measured[name] for name in names))


def _measured(models: dict[int, int]) -> Measured:
    """The matrix in the report of the newest promoted model; empty before the second model."""
    promoted = RoundModel.objects.filter(
        state=RoundModel.State.PROMOTED, report__has_key="matrix"
    ).order_by("-pk")
    newest = promoted.values_list("pk", "report__matrix", "report__sets").first()
    if newest is None:
        return Measured(models, {}, {})
    pk, matrix, sets = newest
    right = {models[line["round"]] if line["round"] else pk: line["correct"] for line in matrix}
    return Measured(models, {name: sets[name]["n"] for name in matrix[-1]["correct"]}, right)


def describe(number: int) -> dict[str, Any]:
    """One round with its model's report and its tally; the open one also with what is due and in
    training."""
    round = Round.objects.select_related("model").filter(number=number).first()
    if round is None:
        raise NotFound(f"There is no round {number}.")
    return _told(round, leaderboards.count_attempts(round.attempts.all()))


def removed_since(number: int) -> datetime | None:
    """Since when a round's model cannot be made again, because somebody removed what it had
    learned; None if it can."""
    return samples.removed_since(
        RoundModel.objects.defer("manifest", "report").get(rounds__number=number)
    )


def current() -> dict[str, Any]:
    """The open round, as it is in the moment that it is read: another may open while its drawings
    are counted."""
    round = Round.objects.select_related("model").get(state=Round.State.OPEN)
    return _told(round, leaderboards.count_attempts(round.attempts.all()))


def fooled_today() -> int:
    """How many drawings have fooled a model since midnight, verified or not."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return Attempt.objects.filter(submitted_at__gte=midnight, has_fooled=True).count()


def _told(round: Round, tally: leaderboards.AttemptCounts) -> dict[str, Any]:
    told = {
        "number": round.number,
        "state": round.state,
        "opened": round.opened_at,
        "closed": round.closed_at,
        "net": round.model.architecture,
        "opened_by": round.opened_by,
        "opened_why": round.opened_why,
        "attempts": tally.attempt_count,
        "fooled": tally.fooled_count,
        "pending": tally.pending_count,
        "verified": tally.verified_count,
        "mer": tally.mer,
        "vmer": tally.vmer,
        "report": round.model.report,
    }
    if round.state == Round.State.OPEN:
        study = Study.current()
        have = samples.due(study.max_per_person).count()
        told |= {"due": {"have": have, "need": study.round_size}, "training": _training()}
    return told


def _training() -> dict[str, Any] | None:
    candidate = RoundModel.objects.filter(
        state=RoundModel.State.TRAINING, left_out_contributor=None
    ).first()
    return {"progress": candidate.progress, "started": candidate.created_at} if candidate else None
