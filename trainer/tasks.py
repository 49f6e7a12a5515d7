"""The django-q2 doors: train a candidate, look after what was left lying, fetch MNIST. No rules in
here."""

import logging
import time

from django.conf import settings
from django.utils import timezone

from trainer import candidates, reports, samples
from trainer.learning.report import Ablation, Report
from trainer.models import Heartbeat, RoundModel, Weights

log = logging.getLogger(__name__)


def train(candidate_id: int) -> None:
    """Train, judge and promote or hold one candidate, if it is still to be done."""
    claim = candidates.claim(candidate_id)
    if claim is None:
        return
    try:
        _train(claim)
    except candidates.LeaseLost:
        log.warning("candidate %s: the lease was lost; another claim goes on", candidate_id)
    except Exception as error:
        log.exception("candidate %s failed", candidate_id)
        candidates.fail(claim, f"{type(error).__name__}: {error}")


def _train(claim: candidates.Claim) -> None:
    from trainer.learning import basedata, fit, weights

    renew = _Renewer(claim)
    candidate = RoundModel.objects.select_related("initial_model").get(pk=claim.candidate_id)
    training_set = samples.load(candidate)
    start = Weights.objects.get(pk=candidate.initial_model_id)
    weights.load(claim.architecture, bytes(start.data), start.sha256)  # or nothing is trained
    base = basedata.find(settings.MNIST_DIR, settings.MNIST_CACHE)
    recipe = fit.default_recipe(claim.architecture, len(training_set.ids))
    manifest = fit.manifest(
        training_set.ids,
        training_set.pixels,
        training_set.labels,
        base.sha256,
        start.sha256,
        claim.architecture,
        recipe,
        claim.seed,
    )
    trained = fit.retrain(
        bytes(start.data),
        claim.architecture,
        base,
        training_set.pixels,
        training_set.labels,
        recipe,
        claim.seed,
        renew,
    )
    net = weights.load(claim.architecture, trained, None)
    report: Report | Ablation
    if candidate.left_out_contributor is None:
        report, verdict = reports.judge(candidate, net, base, lambda: renew(1.0))
        reasons = list(verdict.reasons)
    else:
        report, reasons = reports.ablate(candidate, net, base, lambda: renew(1.0)), []
    candidates.finish(
        claim,
        weights=trained,
        sha256=weights.checksum(trained),
        manifest=manifest,
        report=report,
        reasons=reasons,
    )


class _Renewer:
    """Called with the progress at every step; renews the lease now and then."""

    def __init__(self, claim: candidates.Claim) -> None:
        self.claim, self.last = claim, time.monotonic()

    def __call__(self, progress: float) -> None:
        if time.monotonic() - self.last >= candidates.RENEW_EVERY.total_seconds():
            candidates.renew(self.claim, progress)
            self.last = time.monotonic()


def look_after() -> None:
    """Take care, every minute, of trainings that were left lying."""
    candidates.recover()


def beat(cluster: str) -> None:
    """Note that this cluster of workers lives."""
    Heartbeat.objects.update_or_create(cluster=cluster, defaults={"beat_at": timezone.now()})


def fetch_mnist() -> None:
    """Fetch MNIST into the cache, once, where no directory was given; without a network the
    stand-in goes on."""
    from trainer import mnist_duplicates
    from trainer.learning import basedata

    if settings.MNIST_DIR is None:
        try:
            basedata.fetch(settings.MNIST_CACHE, timeout=20)
        except basedata.FetchFailed as error:
            log.warning("MNIST stays away; the stand-in goes on. %s", str(error)[:200])
    mnist_duplicates.remember(basedata.find(settings.MNIST_DIR, settings.MNIST_CACHE))
