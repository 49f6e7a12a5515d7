"""A long history on a site that has round 1 alone: rounds with plausible figures, each report with
its matrix."""

import hashlib
import math
from datetime import timedelta
from typing import Any

from django.utils import timezone

from collector.models import Attempt, Person
from trainer import measurements
from trainer.learning.evaluate import wilson
from trainer.learning.report import Report
from trainer.models import Round, RoundModel

STAND_IN_UNTIL = 3
EMPTY = 4  # this round's fools all came from the train split
BACK, TO = 9, 7  # round 9 has round 7's model


def add_rounds(last: int) -> None:
    """Rounds 2 to `last`, with drawings in all of them."""
    first = Round.objects.select_related("model").get(number=1)
    models = {1: first.model}
    began = timezone.now() - timedelta(days=last)
    for number in range(1, last + 1):
        opened, closed = (began + timedelta(days=day) for day in (number - 1, number))
        if number > 1:
            models[number] = models[TO] if number == BACK else _model(first.model, models)
        Round.objects.update_or_create(
            number=number,
            defaults={
                "model": models[number],
                "opened_at": opened,
                "state": "closed",
                "closed_at": closed,
            },
        )
    Round.objects.filter(number=last).update(state="open", closed_at=None)
    drawer, _ = Person.objects.get_or_create(username="alice")
    Attempt.objects.bulk_create(
        [one for each in Round.objects.all() for one in _attempts(each, drawer, last)]
    )


def _model(first: RoundModel, models: dict[int, RoundModel]) -> RoundModel:
    number = len(models) + 1
    sizes = {f"{kind}_{n}": _size(kind, n) for n in models for kind in ("fools", "audited")}
    stand_in = number <= STAND_IN_UNTIL
    report = {
        "sets": {
            "gate_base": _measured(1000 if stand_in else 5000, 0.988 - 0.0002 * number, stand_in),
            "mnist_test": _measured(0 if stand_in else 10_000, 0.989 - 0.0003 * number, stand_in),
            **{name: _measured(n, _share(number, name), False) for name, n in sizes.items()},
        },
        "matrix": [
            {
                "round": None if line == number else line,
                "correct": {
                    name: round(n * _share(TO if line == BACK else line, name))
                    for name, n in sizes.items()
                },
            }
            for line in [*models, number]
        ],
    }
    model = RoundModel(
        architecture=first.architecture,
        state="promoted",
        initial_model=first,
        finished_at=timezone.now(),
        progress=1,
    )
    model.save()
    measurements.store(model, Report.from_json(report))
    model.save()
    return model


def _size(kind: str, number: int) -> int:
    if kind == "fools":
        return 0 if number == EMPTY else 12 + 7 * number % 23
    return 9 + 5 * number % 11


def _share(model: int, name: str) -> float:
    """How much of a set the model of a round reads: more the longer ago it learned from that
    round."""
    kind, _, number = name.partition("_")
    later = model - (TO if int(number) == BACK else int(number))
    if kind == "audited":
        return 1.0 if later == 0 else 0.98 - 0.08 * math.exp(-model / 6)
    if later == 0:
        return 0.0
    return 0.97 - 0.25 * math.exp(-later / 4) if later > 0 else 0.12 + 0.5 * math.exp(later / 5)


def _measured(n: int, share: float, stand_in: bool) -> dict[str, Any]:
    correct = round(n * share)
    low, high = wilson(correct, n) if n else (None, None)
    accuracy = correct / n if n else None
    return {
        "n": n,
        "correct": correct,
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "stand_in": stand_in,
    }


def _attempts(round_: Round, drawer: Person, last: int) -> list[Attempt]:
    """60 and more, of which some 25 fool it; in the last round a few wait."""
    verified, fooled, waiting = (
        18 + round_.number % 4,
        24 + round_.number % 5,
        3 if round_.number == last else 0,
    )
    return [
        _attempt(
            round_,
            drawer,
            n,
            9 if n < fooled else 4,
            "verified"
            if n < verified
            else "rejected"
            if n < fooled - waiting
            else "pending"
            if n < fooled
            else "",
        )
        for n in range(60 + 2 * round_.number)
    ]


def _attempt(round_: Round, drawer: Person, n: int, predicted: int, status: str) -> Attempt:
    pixels = (1000 * round_.number + n).to_bytes(4, "big") * 196
    return Attempt(
        drawer=drawer,
        round=round_,
        submitted_at=round_.opened_at,
        target_label=4,
        predicted_label=predicted,
        probabilities=[0.9 if digit == predicted else 0.1 / 9 for digit in range(10)],
        strokes=[{"x": [40, 200], "y": [50, n % 280], "t": [0, 9]}],
        width=22,
        pixels=pixels,
        pixels_sha256=hashlib.sha256(pixels).hexdigest(),
        body_sha256="0" * 64,
        raster_version=1,
        has_live_preview=False,
        status=status or "not_fooled",
        is_audited=False,
        quorum=1,
        settled_at=None if status == "pending" else round_.opened_at,
        settled_label=4 if status == "verified" else None,
        credit=1.0 if status == "verified" else 0.0,
    )
