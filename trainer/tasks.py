"""What runs beside the site: train a claimed candidate; of the queue's tasks, give a sign of life
and fetch MNIST. No rules in here."""

import logging
import resource
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from trainer import candidates, heartbeats, reports, samples
from trainer.learning.report import Ablation, Cost, Report
from trainer.models import RoundModel, Weights

log = logging.getLogger(__name__)


AWAY = (InterfaceError, OperationalError)
NO_LOCK = "55P03"  # lock_not_available, of PostgreSQL's error codes
ASKS_AGAIN_AFTER = 1.0  # seconds


class DatabaseAway(Exception):
    """The training came to no end because the database could not be reached, or others held the
    trainer's lock for too long."""


def train(claim: candidates.Claim) -> None:
    """Train, judge and promote or hold the candidate that was claimed. Raises DatabaseAway."""
    renew = _Renewer(claim)
    try:
        _train(claim, renew)
    except candidates.LeaseLost as error:
        log.warning("candidate %s: the lease was lost; another claim goes on", claim.candidate_id)
        if renew.was_away:
            raise DatabaseAway from error
    except AWAY as error:
        if _is_away() or _is_busy(error):
            raise DatabaseAway from error
        raise  # whoever looks after this counts the claim, and it is tried again
    except Exception as error:
        log.exception("candidate %s failed", claim.candidate_id)
        why = f"{type(error).__name__}: {error}"
        _once_there(lambda: candidates.fail(claim, why))


def _train(claim: candidates.Claim, renew: "_Renewer") -> None:
    from trainer.learning import basedata, fit, weights

    began = time.monotonic()
    candidate = RoundModel.objects.select_related("initial_model").get(pk=claim.candidate_id)
    training_set = samples.load(candidate)
    start = Weights.objects.get(pk=candidate.initial_model_id)
    weights.read(claim.architecture, bytes(start.data), start.sha256)  # or nothing is trained
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
        settings.ANSWERS_FOLDER,
    )
    net = weights.load(claim.architecture, trained, None)
    report: Report | Ablation
    if candidate.left_out_contributor is None:
        report, verdict = reports.judge(candidate, net, base, lambda: renew(1.0))
        report = replace(report, cost=Cost(round(time.monotonic() - began, 1), _peak_memory()))
        reasons = list(verdict.reasons)
    else:
        report, reasons = reports.ablate(candidate, net, base, lambda: renew(1.0)), []

    def finish() -> None:
        candidates.renew(claim, 1.0)
        candidates.finish(
            claim,
            weights=trained,
            sha256=weights.checksum(trained),
            manifest=manifest,
            report=report,
            reasons=reasons,
        )

    _once_there(finish)


def _peak_memory() -> int:
    """Return how much memory this process has held at most, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


class _Renewer:
    """Called with the progress at every step; renews the lease now and then. While the database is
    away the training goes on without."""

    def __init__(self, claim: candidates.Claim) -> None:
        self.claim, self.last, self.was_away = claim, time.monotonic(), False

    def __call__(self, progress: float) -> None:
        if time.monotonic() - self.last < candidates.RENEW_EVERY.total_seconds():
            return
        try:
            candidates.renew(self.claim, progress)
        except AWAY:
            self.was_away = True
            connection.close()
        self.last = time.monotonic()


def _once_there(write: Callable[[], None]) -> None:
    """Do this as soon as the database is there; what else it answers is raised."""
    while True:
        try:
            return write()
        except AWAY as error:
            if not (_is_away() or _is_busy(error)):
                raise
            time.sleep(ASKS_AGAIN_AFTER)


def _is_away() -> bool:
    """Whether the connection is gone, not only its last statement; the next one is a new one."""
    is_away = connection.connection is None or not connection.is_usable()
    if is_away:
        connection.close()
    return is_away


def _is_busy(error: Exception) -> bool:
    """Whether a lock was not had in time."""
    driver = error.__cause__
    sqlite_code = getattr(driver, "sqlite_errorcode", 0) & 0xFF
    return sqlite_code == sqlite3.SQLITE_BUSY or getattr(driver, "sqlstate", None) == NO_LOCK


def beat() -> None:
    """Note that this machine's worker lives."""
    heartbeats.beat("worker")


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
    if not mnist_duplicates.are_known():  # or a worker would hold MNIST for ever, 55 MB
        mnist_duplicates.remember(basedata.find(settings.MNIST_DIR, settings.MNIST_CACHE))
