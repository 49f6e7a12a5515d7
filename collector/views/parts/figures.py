"""Rounds, models and what they were measured on, in words."""

import math
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.standings import round_figures
from collector.standings.round_figures import RoundOverview
from trainer import words
from trainer.candidates import BY_A_NEWER_ONE
from trainer.learning.report import GATE_BASE, MNIST_TEST, Report, SetFigures, TestSet
from trainer.learning.sentences import Sentence
from trainer.models import RoundModel
from trainer.saying import number, say, told

SETS = {MNIST_TEST: Sentence("MNIST’s test set"), GATE_BASE: Sentence("base images")}


def set_name(name: str) -> str:
    """Say in words what a set of a report is."""
    test = TestSet.named(name)
    return words.test_set(test) if test else told(SETS[name])


def figure(figures: SetFigures, text: str) -> dict[str, str]:
    """Say an accuracy in words."""
    return {
        "name": told(text),
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
        "reasons": [told(reason) for reason in model.why],
        "decided_by": _("a newer candidate")
        if model.decided_by == BY_A_NEWER_ONE
        else model.decided_by,
        "decided_why": model.decided_why,
    }


def trained_on(model: RoundModel) -> str:
    """Say what a model learned, as in “30 drawings by 8 people, mixed with base data in every
    step”."""
    sample_count, people_count = round_figures.trained_on(model)
    if not sample_count:
        return _("base data alone")
    return say(
        _("{drawings} by {people}, mixed with base data in every step"),
        drawings=words.drawings(sample_count),
        people=words.people(people_count),
    )


def cost(report: Report) -> str:
    """Say what a model's training took; nothing where that was not measured."""
    if report.cost is None:
        return ""
    seconds = math.ceil(report.cost.seconds)
    span = (
        say(ngettext("{n:,} second", "{n:,} seconds", seconds), n=seconds)
        if seconds < 120
        else words.span(timedelta(seconds=seconds))
    )
    megabytes = math.ceil(report.cost.peak_memory / 1e6)
    return say(_("{span}, and {n:,} MB of memory at most"), span=span, n=megabytes)


def _due(missing: int) -> str:
    if not missing:
        return _("Enough for the next model: its training starts soon")
    until = ngettext(
        "{n:,} more verified trick until the next model",
        "{n:,} more verified tricks until the next model",
        missing,
    )
    return say(until, n=missing)


def open_round(overview: RoundOverview) -> dict[str, object]:
    """Tell the open round in words."""
    counts, due, training = overview.counts, overview.due, overview.training
    assert due is not None
    return {
        "number": overview.number,
        "fooled": number(counts.fooled_count),
        "fooled_words": say(
            _("fooled the model, of {drawings}"), drawings=words.drawings(counts.attempt_count)
        ),
        "verified": number(counts.verified_count),
        "pending_words": say(_(", {n:,} still waiting"), n=counts.pending_count)
        if counts.pending_count
        else "",
        "have": min(due.have, due.need),
        "need": due.need,
        "due_words": _due(due.missing),
        "training": words.left(training.progress, timezone.now() - training.started_at)
        if training
        else "",
        "training_value": f"{training.progress:.3f}" if training else "",
    }
