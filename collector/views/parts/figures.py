"""Rounds, models and what they were measured on, in words."""

from typing import Any

from django.db.models import Count
from django.utils import timezone

from collector.rules import words
from trainer import samples
from trainer.models import RoundModel

SETS = {"mnist_test": "MNIST’s test set", "gate_base": "base images"}


def set_of(told: dict[str, Any], name: str) -> dict[str, Any]:
    """A set of a round's report; empty where it was not measured."""
    measured: dict[str, Any] = ((told["report"] or {}).get("sets") or {}).get(name) or {}
    return measured


def figure(measured: dict[str, Any], text: str) -> dict[str, str]:
    """An accuracy in words."""
    return {"name": text, "accuracy": words.interval(measured), "of": words.measured_on(measured)}


def candidate(model: RoundModel) -> dict[str, Any]:
    """A round model that no round has used, in words."""
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
    """«30 drawings by 8 people, mixed with base data in every step»."""
    learned = samples.trained_on(model).aggregate(
        n=Count("pk"), people=Count("contributor", distinct=True)
    )
    if not learned["n"]:
        return "base data alone"
    people = words.count(learned["people"], "person", "people")
    return f"{words.count(learned['n'], 'drawing')} by {people}, mixed with base data in every step"


def told(current: dict[str, Any]) -> dict[str, Any]:
    """The open round in words."""
    due, training = current["due"], current["training"]
    missing = max(0, due["need"] - due["have"])
    return {
        "number": current["number"],
        "fooled": f"{current['fooled']:,}",
        "fooled_words": f"fooled the model, of {words.count(current['attempts'], 'drawing')}",
        "verified": f"{current['verified']:,}",
        "pending_words": f", {current['pending']:,} still waiting" if current["pending"] else "",
        "have": min(due["have"], due["need"]),
        "need": due["need"],
        "due_words": f"{words.count(missing, 'more verified fool')} until the next model"
        if missing
        else "Enough for the next model: its training starts soon",
        "training": words.left(training["progress"], timezone.now() - training["started"])
        if training
        else "",
        "training_value": f"{training['progress']:.3f}" if training else "",
    }
