"""The study's net: which there are, and what happens when an admin chooses another one."""

import uuid
from pathlib import Path

import pytest
import torch
from django.db import transaction

from collector.errors import Refused
from collector.models import Person, Study, StudyChange
from collector.study import settings as study_settings
from tests.support import site as sites
from tests.support.site import Site
from trainer import candidates, reports, rounds, samples
from trainer.learning import basedata, evaluate, nets, shipped, weights
from trainer.learning import report as learning_report
from trainer.learning.report import GATE_BASE, Kind, PairedTest
from trainer.models import Contributor, Round, RoundModel, Weights


@pytest.fixture
def a_sample(study: Study) -> None:
    """Something to train on."""
    someone = Contributor.objects.create(id=uuid.uuid4(), position=0, split="train").pk
    with transaction.atomic():
        samples.add(
            attempt=uuid.uuid4(),
            contributor=someone,
            pixels=bytes(784),
            label=4,
            has_fooled=True,
            round_=Round.objects.get(number=1),
        )


def test_a_net_that_was_never_trained_here_starts_from_its_shipped_weights(a_sample: None) -> None:
    candidate = candidates.start("strong")
    base, round_one = candidate.initial_model, shipped.round_one("strong")
    assert base is not None
    assert candidate.architecture == "strong"
    assert (base.architecture, base.initial_model, base.state, base.report) == (
        "strong",
        None,
        "promoted",
        round_one.report.as_json(),
    )
    assert bytes(Weights.objects.get(pk=base.pk).data) == round_one.weights
    assert Round.objects.get().model != base


def test_a_nets_first_model_is_made_once(a_sample: None) -> None:
    first = candidates.start("strong")
    RoundModel.objects.filter(pk=first.pk).update(state="failed")
    assert candidates.start("strong").initial_model == first.initial_model
    RoundModel.objects.filter(state="training").update(state="failed")
    assert candidates.start("mnist_model").initial_model == Round.objects.get(number=1).model


def test_a_start_that_is_undone_leaves_no_first_model(a_sample: None) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        candidates.start("strong")
        raise RuntimeError
    assert not RoundModel.objects.filter(architecture="strong").exists()


def test_a_net_that_is_not_shipped_starts_nothing(a_sample: None) -> None:
    with pytest.raises(shipped.NotShipped):
        candidates.start("made_up")
    assert RoundModel.objects.count() == 1


def test_an_admin_chooses_among_the_nets_that_are_shipped(ada: Person) -> None:
    assert rounds.architectures() == ["mnist_model", "strong"]
    assert study_settings.change(ada, architecture="strong").architecture == "strong"
    with pytest.raises(Refused, match="mnist_model, strong") as refused:
        study_settings.change(ada, architecture="made_up")
    assert refused.value.field == "architecture"
    assert [change.after for change in StudyChange.objects.all()] == ["strong"]


def test_a_net_that_is_no_longer_shipped_can_still_be_trained_where_it_was(
    ada: Person, a_sample: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    assert rounds.architectures() == ["mnist_model"]
    assert candidates.start("mnist_model").initial_model == Round.objects.get(number=1).model


def test_the_gate_compares_a_new_net_with_its_own_first_model_and_with_the_target(
    study: Study,
) -> None:
    tester = Contributor.objects.create(id=uuid.uuid4(), position=0, split="test").pk
    with transaction.atomic():
        samples.add(
            attempt=uuid.uuid4(),
            contributor=tester,
            pixels=bytes(784),
            label=7,
            has_fooled=False,
            is_audited=True,
            round_=Round.objects.get(number=1),
        )
        candidate = RoundModel.objects.create(
            architecture="strong", initial_model=rounds.initial_model_of("strong")
        )
    always_four = nets.build("strong")
    with torch.no_grad():
        always_four.get_parameter("digits.weight").zero_()
        always_four.get_parameter("digits.bias")[4] = 20.0
    base = basedata.stand_in()
    report, verdict = reports.judge(candidate, always_four.eval(), base, still_here=lambda: None)
    own = evaluate.evaluate(
        weights.load("strong", shipped.round_one("strong").weights, None), evaluate.base_sets(base)
    )
    assert f"under round 1's {own.of(GATE_BASE).correct} " in verdict.reasons[0]
    assert report.against_target is not None
    assert report.against_target.round == 1
    audited = learning_report.TestSet(Kind.AUDITED, 1)
    assert report.against_target.tests[audited] == PairedTest(n=1, gained=0, lost=1, p=1.0)


def test_setup_opens_round_one_with_the_net_of_the_environment(tmp_path: Path) -> None:
    with sites.database("sqlite", tmp_path) as url:
        site = Site(tmp_path, url, sites.free_port(), {"DADC_NET": "strong"})
        site.manage("setup")
        asked = "from trainer import target; print(target.current().net.architecture)"
        assert site.python(asked) == "strong"
        assert site.manage("verify") == "Everything agrees.\n"


def test_an_unknown_net_in_the_environment_is_refused_by_name(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    refused = Site(tmp_path, url, sites.free_port(), {"DADC_NET": "resnet"}).refused("check")
    assert refused.startswith("DADC_NET takes one of mnist_model, strong;")
