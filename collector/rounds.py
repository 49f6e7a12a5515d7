"""What is told of rounds: their model's figures beside what people did in them. Reads only."""

from typing import Any

from collector import leaderboards
from collector.errors import NotFound
from collector.models import Study
from trainer import samples
from trainer.models import Round, RoundModel


def overview() -> list[dict[str, Any]]:
    """Every round as `describe` tells it, newest first."""
    tallies = leaderboards.tallies_by_round()
    rounds = Round.objects.select_related("model").order_by("-number")
    return [_told(round, tallies.get(round.pk, leaderboards.Tally())) for round in rounds]


def describe(number: int) -> dict[str, Any]:
    """One round with its model's report and its tally; the open one also with what is due and in training."""
    round = Round.objects.select_related("model").filter(number=number).first()
    if round is None:
        raise NotFound(f"There is no round {number}.")
    return _told(round, leaderboards.tally(round.attempts.all()))


def current() -> dict[str, Any]:
    """The open round."""
    return describe(Round.objects.get(state=Round.State.OPEN).number)


def _told(round: Round, tally: leaderboards.Tally) -> dict[str, Any]:
    told = {
        "number": round.number,
        "state": round.state,
        "opened": round.opened,
        "closed": round.closed,
        "net": round.model.net,
        "attempts": tally.attempts,
        "fooled": tally.fooled,
        "pending": tally.pending,
        "verified": tally.verified,
        "mer": tally.mer,
        "vmer": tally.vmer,
        "report": round.model.report,
    }
    if round.state == Round.State.OPEN:
        told |= {"due": {"have": samples.due().count(), "need": Study.current().round_size}, "training": _training()}
    return told


def _training() -> dict[str, Any] | None:
    candidate = RoundModel.objects.filter(state=RoundModel.State.TRAINING).first()
    return {"progress": candidate.progress, "started": candidate.created} if candidate else None
