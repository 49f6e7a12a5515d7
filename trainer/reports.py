"""A candidate's report, measured now beside round 1's and the target's model on the same sets; the
gate's verdict."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainer import samples
from trainer.models import Round, RoundModel, Weights

if TYPE_CHECKING:
    from torch import nn

    from trainer.learning.basedata import BaseData
    from trainer.learning.evaluate import Answers, EvalSet
    from trainer.learning.gate import Verdict

SHOWN_AS_FORGOTTEN = 24
Sets = dict[str, "EvalSet"]


def judge(
    candidate: RoundModel, net: "nn.Module", base: "BaseData", still_here: Callable[[], None]
) -> tuple[dict[str, Any], "Verdict"]:
    """The report of `candidate`, whose trained net is `net`, and whether the gate lets it open a
    round.

    `report` holds `sets` (accuracy with intervals on base images, MNIST's test set, and each
    earlier round's fooling and audited test samples), `against_target` (exact paired tests),
    `forgot` (attempts in those samples that the target model reads right and this one wrong), and
    `matrix` (every round's model on every round's samples). `still_here` is called between
    measurements and may raise.
    """
    from trainer.learning import evaluate, gate, weights

    sets, held_out = _sets(base)
    tests = {name: sets[name] for name in held_out}
    mine = evaluate.answers(net, sets)
    report = evaluate.report(mine, sets)
    still_here()
    rounds = list(Round.objects.select_related("model").order_by("number"))
    by_model: dict[int, Answers] = {}
    for round in rounds:
        if round.model_id not in by_model:
            by_model[round.model_id] = evaluate.answers(_net(round.model), tests)
            still_here()
    target = by_model[rounds[-1].model_id]
    paired = {
        name: evaluate.paired(mine[name], target[name], chosen) for name, chosen in tests.items()
    }
    report["against_target"] = {"round": rounds[-1].number, "sets": paired}
    report["forgot"] = _forgotten(mine, target, held_out)[:SHOWN_AS_FORGOTTEN]
    report["matrix"] = [_line(round.number, by_model[round.model_id], tests) for round in rounds]
    report["matrix"].append(_line(None, mine, tests))
    assert candidate.initial_model is not None
    first = evaluate.evaluate(_net(candidate.initial_model), {gate.GATE_SET: sets[gate.GATE_SET]})
    return report, gate.decide(report, first, paired, weights.finite(net))


def compare(
    candidate: RoundModel, net: "nn.Module", base: "BaseData", still_here: Callable[[], None]
) -> dict[str, Any]:
    """The report of `candidate`, which leaves a contributor out, beside the model that it is
    compared with.

    `report` holds `sets` as `judge` makes them, `compared_with` (that model's id, as the
    candidate's report says since its start), `samples` (how many it was and the other was trained
    on), `their_sets` (that model's, measured now on the same images) and `paired` (exact paired
    tests by set: `gained` are the images that the candidate alone reads right). `still_here` is
    called between measurements and may raise.
    """
    from trainer.learning import evaluate

    assert candidate.report is not None
    other = RoundModel.objects.get(pk=candidate.report["compared_with"])
    sets, _ = _sets(base)
    mine = evaluate.answers(net, sets)
    still_here()
    theirs = evaluate.answers(_net(other), sets)
    still_here()
    return {
        **evaluate.report(mine, sets),
        "compared_with": other.pk,
        "samples": [samples.trained_on(model).count() for model in (candidate, other)],
        "their_sets": evaluate.report(theirs, sets)["sets"],
        "paired": {
            name: evaluate.paired(mine[name], theirs[name], chosen) for name, chosen in sets.items()
        },
    }


def _sets(base: "BaseData") -> tuple[Sets, dict[str, samples.Arrays]]:
    """All that is measured on, by name: the base sets, and each round's test samples, which come as
    arrays too."""
    from trainer.learning import evaluate

    held_out = samples.held_out()
    tests = {
        name: evaluate.EvalSet(arrays.pixels, arrays.labels) for name, arrays in held_out.items()
    }
    return evaluate.base_sets(base) | tests, held_out


def _net(model: RoundModel) -> "nn.Module":
    from trainer.learning import weights

    row = Weights.objects.get(pk=model.pk)
    return weights.load(model.architecture, bytes(row.data), row.sha256)


def _forgotten(
    mine: "Answers", target: "Answers", held_out: dict[str, samples.Arrays]
) -> list[str]:
    lost = {
        name: (mine[name] != a.labels) & (target[name] == a.labels) for name, a in held_out.items()
    }
    return [
        id
        for name, a in held_out.items()
        for id, gone in zip(a.attempts, lost[name], strict=True)
        if gone
    ]


def _line(number: int | None, answers: "Answers", tests: Sets) -> dict[str, Any]:
    """One model's line of the matrix: how many of each set it reads right; `round` is None for the
    candidate."""
    right = {name: int((answers[name] == chosen.labels).sum()) for name, chosen in tests.items()}
    return {"round": number, "correct": right}
