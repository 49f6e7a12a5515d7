"""A candidate's report, measured now beside round 1's and the target's model on the same sets, with
the gate's verdict; and that of a model that leaves a contributor out."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from trainer import samples
from trainer.learning.report import (
    GATE_BASE,
    Ablation,
    AgainstTarget,
    MatrixLine,
    Report,
    TestSet,
)
from trainer.models import Round, RoundModel, Weights

if TYPE_CHECKING:
    from torch import nn

    from trainer.learning.basedata import BaseData
    from trainer.learning.evaluate import Answers, EvalSet
    from trainer.learning.gate import Verdict

SHOWN_AS_FORGOTTEN = 24
Sets = dict[str, "EvalSet"]
Tests = dict[TestSet, samples.Arrays]


def judge(
    candidate: RoundModel, net: "nn.Module", base: "BaseData", still_here: Callable[[], None]
) -> tuple[Report, "Verdict"]:
    """Measure `candidate`, whose trained net is `net`, and say whether the gate lets it open a
    round of its arm.

    The report has the base sets and each of the arm's earlier rounds' fooling and audited test
    samples, on which the candidate is also paired with the target model; up to `SHOWN_AS_FORGOTTEN`
    attempts that it forgot; and the matrix. Rounds whose models cannot be loaded are named and left
    out; where the open one is among them, the newest of the others takes the target model's place.
    `still_here` is called between measurements and may raise. Raises BadWeights where no round's
    model can be loaded.
    """
    from trainer.learning import evaluate, gate, weights

    tests = samples.held_out(candidate.arm)
    sets, test_sets = evaluate.base_sets(base) | _test_sets(tests), _test_sets(tests)
    answers = evaluate.answers(net, sets)
    still_here()
    # A model asked once: after a roll-back two rounds share one.
    of_arm = Round.objects.filter(arm=candidate.arm).exclude(model__architecture="")
    rounds = list(of_arm.select_related("model").order_by("number"))
    by_model: dict[int, Answers] = {}
    unloadable: list[int] = []
    for round_ in rounds:
        if round_.model_id in by_model:
            continue
        try:
            loaded = _net(round_.model)
        except weights.BadWeights:
            unloadable.append(round_.number)
        else:
            by_model[round_.model_id] = evaluate.answers(loaded, test_sets)
            still_here()
    rounds = [each for each in rounds if each.model_id in by_model]
    if not rounds:
        raise weights.BadWeights("No round's model can be loaded, so there is none to judge by.")
    target = by_model[rounds[-1].model_id]
    paired = {
        test: evaluate.paired(answers[test.name], target[test.name], sets[test.name])
        for test in tests
    }
    lines = [_matrix_line(each.number, by_model[each.model_id], tests) for each in rounds]
    report = replace(
        evaluate.report_of(answers, sets),
        against_target=AgainstTarget(rounds[-1].number, paired),
        forgot=tuple(_forgotten(answers, target, tests)[:SHOWN_AS_FORGOTTEN]),
        matrix=(*lines, _matrix_line(None, answers, tests)),
        unloadable=tuple(unloadable),
    )
    assert candidate.initial_model is not None
    first = evaluate.evaluate(_net(candidate.initial_model), {GATE_BASE: sets[GATE_BASE]})
    return report, gate.decide(report, first, paired, weights.finite(net))


def ablate(
    candidate: RoundModel, net: "nn.Module", base: "BaseData", still_here: Callable[[], None]
) -> Ablation:
    """Measure `candidate`, whose trained net `net` leaves a contributor out, beside the model that
    it is compared with, both now and on the same images. `still_here` is called between
    measurements and may raise."""
    from trainer.learning import evaluate

    whole = RoundModel.objects.get(pk=Ablation.from_json(candidate.report or {}).compared_with)
    sets = evaluate.base_sets(base) | _test_sets(samples.held_out(candidate.arm))
    answers = evaluate.answers(net, sets)
    still_here()
    whole_answers = evaluate.answers(_net(whole), sets)
    still_here()
    return Ablation(
        compared_with=whole.pk,
        sets=evaluate.report_of(answers, sets).sets,
        samples=(samples.trained_on(candidate).count(), samples.trained_on(whole).count()),
        other_sets=evaluate.report_of(whole_answers, sets).sets,
        paired={
            name: evaluate.paired(answers[name], whole_answers[name], images)
            for name, images in sets.items()
        },
    )


def _test_sets(tests: Tests) -> Sets:
    from trainer.learning.evaluate import EvalSet

    return {test.name: EvalSet(arrays.pixels, arrays.labels) for test, arrays in tests.items()}


def _net(model: RoundModel) -> "nn.Module":
    from trainer.learning import weights

    row = Weights.objects.filter(pk=model.pk).first()
    if row is None:
        raise weights.BadWeights(f"Model {model.pk} has no weights.")
    return weights.load(model.architecture, bytes(row.data), row.sha256)


def _forgotten(answers: "Answers", target: "Answers", tests: Tests) -> list[str]:
    """List the attempts in the test sets that the target model reads correctly and these answers do
    not."""
    forgotten: list[str] = []
    for test, arrays in tests.items():
        lost = (answers[test.name] != arrays.labels) & (target[test.name] == arrays.labels)
        forgotten += [arrays.attempts[place] for place in lost.nonzero()[0]]
    return forgotten


def _matrix_line(number: int | None, answers: "Answers", tests: Tests) -> MatrixLine:
    correct = {
        test: int((answers[test.name] == arrays.labels).sum()) for test, arrays in tests.items()
    }
    return MatrixLine(number, correct)
