"""Can a model be made again? Its manifest from its samples, its weights from the manifest, and its
report's figures on base images from its weights, each compared with what is stored."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.conf import settings

from trainer import samples
from trainer.learning.manifests import SEAL
from trainer.learning.report import Report
from trainer.models import RoundModel, Weights

if TYPE_CHECKING:
    from trainer.learning.basedata import BaseData

# What a manifest says of the machine and not of the site's rows, and how it is called.
_OF_A_MACHINE = {
    "base_sha256": "base images",
    "libraries": "libraries",
    "threads": "threads",
    "cpu_capability": "processors",
}


class CannotRemake(Exception):
    """Nothing can be said about this model here; the text says why."""


def differences(model: RoundModel) -> Iterator[str]:
    """Make `model` again, which takes as long as its training did, and yield what comes out
    otherwise. Raises CannotRemake."""
    from trainer.learning import basedata, weights

    if not model.architecture:
        raise CannotRemake("it did not come along by the release that this site was opened from")
    if model.initial_model is None:
        raise CannotRemake("it is one that others are made from")
    if gone := samples.removed_since(model):
        raise CannotRemake(f"drawings that it learned were removed on {gone:%-d %B %Y}")
    base = basedata.find(settings.MNIST_DIR, settings.MNIST_CACHE)
    start = Weights.objects.get(pk=model.initial_model_id)
    learned = samples.arrays(samples.trained_on(model))
    if other := _stated_otherwise(model, base, start, learned):
        yield f"its manifest says otherwise of its {' and '.join(other)} than the rows"
        return
    try:
        yield from _made_otherwise(model, base, start, learned)
    except weights.BadWeights as damage:
        yield f"its weights, or those that it starts from, are damaged: {damage}"


def _stated_otherwise(
    model: RoundModel, base: "BaseData", start: Weights, learned: samples.Arrays
) -> list[str]:
    """Return the parts of the manifest that are not what the rows give. Raises CannotRemake."""
    from trainer.learning import fit

    stated = model.manifest or {}
    manifest = fit.manifest(
        learned.ids,
        learned.pixels,
        learned.labels,
        base.sha256,
        start.sha256,
        model.architecture,
        fit.Recipe(**stated["recipe"]),
        model.seed,
    )
    other = [key for key in manifest if key != SEAL and manifest[key] != stated.get(key)]
    if elsewhere := [_OF_A_MACHINE[key] for key in other if key in _OF_A_MACHINE]:
        raise CannotRemake(f"it was made with other {' and '.join(elsewhere)}")
    return other


def _made_otherwise(
    model: RoundModel, base: "BaseData", start: Weights, learned: samples.Arrays
) -> Iterator[str]:
    """Train again, and measure what is stored."""
    from trainer.learning import evaluate, fit, weights

    weights.read(model.architecture, bytes(start.data), start.sha256)
    again = fit.retrain(
        bytes(start.data),
        model.architecture,
        base,
        learned.pixels,
        learned.labels,
        fit.Recipe(**(model.manifest or {})["recipe"]),
        model.seed,
        lambda share: None,
    )
    stored = Weights.objects.get(pk=model.pk)
    if weights.checksum(again) != stored.sha256:
        yield "made again from its manifest, it has other weights"
    net = weights.load(model.architecture, bytes(stored.data), stored.sha256)
    report = Report.from_json(model.report)
    for name, figures in evaluate.evaluate(net, evaluate.base_sets(base)).sets.items():
        if report.of(name) != figures:
            yield f"its report says otherwise of {name} than its weights"
