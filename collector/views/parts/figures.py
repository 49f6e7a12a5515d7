"""Rounds, models and what they were measured on, in words."""

from django.db.models import Count
from django.utils import timezone

from collector import words
from collector.standings.round_figures import RoundOverview
from trainer import samples
from trainer.learning.report import GATE_BASE, MNIST_TEST, SetFigures, TestSet
from trainer.models import RoundModel

SETS = {MNIST_TEST: "MNIST’s test set", GATE_BASE: "base images"}


def set_name(name: str) -> str:
    """Say in words what a set of a report is."""
    test = TestSet.named(name)
    return words.test_set(test) if test else SETS[name]


def figure(figures: SetFigures, text: str) -> dict[str, str]:
    """Say an accuracy in words."""
    return {
        "name": text,
        "accuracy": words.interval(figures.accuracy, figures.low, figures.high),
        "of": words.measured_on(figures),
    }


def candidate(model: RoundModel) -> dict[str, object]:
    """Tell a round model that no round has used, in words."""
    return {
        "id": model.pk,
        "state": model.state,
        "net": model.architecture,
        "created": model.created_at,
        "finished": model.finished_at,
        "progress": words.percent(model.progress),
        "progress_value": f"{model.progress:.3f}",
        "reasons": model.reasons,
        "decided_by": model.decided_by,
        "decided_why": model.decided_why,
    }


def trained_on(model: RoundModel) -> str:
    """Say what a model learned, as in “30 drawings by 8 people, mixed with base data in every
    step”."""
    learned = samples.trained_on(model).aggregate(
        n=Count("pk"), people=Count("contributor", distinct=True)
    )
    if not learned["n"]:
        return "base data alone"
    people = words.count(learned["people"], "person", "people")
    return f"{words.count(learned['n'], 'drawing')} by {people}, mixed with base data in every step"


def open_round(overview: RoundOverview) -> dict[str, object]:
    """Tell the open round in words."""
    counts, due, training = overview.counts, overview.due, overview.training
    assert due is not None
    return {
        "number": overview.number,
        "fooled": f"{counts.fooled_count:,}",
        "fooled_words": f"fooled the model, of {words.count(counts.attempt_count, 'drawing')}",
        "verified": f"{counts.verified_count:,}",
        "pending_words": f", {counts.pending_count:,} still waiting"
        if counts.pending_count
        else "",
        "have": min(due.have, due.need),
        "need": due.need,
        "due_words": f"{words.count(due.missing, 'more verified trick')} until the next model"
        if due.missing
        else "Enough for the next model: its training starts soon",
        "training": words.left(training.progress, timezone.now() - training.started_at)
        if training
        else "",
        "training_value": f"{training.progress:.3f}" if training else "",
    }
