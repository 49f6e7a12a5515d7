"""What is told of rounds: their model's figures beside what people did in them. Reads only."""

from typing import Any

from collector import leaderboards
from collector.errors import NotFound
from collector.models import Study
from trainer import samples
from trainer.models import Round, RoundModel


def overview() -> list[dict[str, Any]]:
    """Every round, newest first, as `describe` tells it but for the report's matrix, of which the newest says all."""
    tallies = leaderboards.tallies_by_round()
    rounds = list(Round.objects.select_related("model").order_by("-number"))
    for round in rounds:
        if round.model.report:
            round.model.report.pop("matrix", None)
    return [_told(round, tallies.get(round.pk, leaderboards.Tally())) for round in rounds]


def matrix() -> dict[str, Any] | None:
    """Every round's model on what fooled each round's, on test samples; None before the second model.

    `{"sets": [{"round", "n"}], "models": [{"round", "correct": [...]}]}`, as measured when the newest promoted model
    was judged. A model on its own round's set reads nothing right, by construction: it is its adversary.
    """
    newest = (
        RoundModel.objects.filter(state=RoundModel.State.PROMOTED, report__has_key="matrix").order_by("-pk").first()
    )
    if newest is None or newest.report is None:
        return None
    report = newest.report
    rounds = [line["round"] for line in report["matrix"] if line["round"]]
    opened = newest.rounds.order_by("number").values_list("number", flat=True).first()
    return {
        "sets": [{"round": number, "n": report["sets"][f"fools_{number}"]["n"]} for number in rounds],
        "models": [
            {"round": line["round"] or opened, "correct": [line["correct"][f"fools_{number}"] for number in rounds]}
            for line in report["matrix"]
        ],
    }


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
        "opened_by": round.opened_by,
        "opened_why": round.opened_why,
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
