"""Round models whose net always gives the same answer, as rows."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from tests.support.nets import always
from trainer import measurements, rounds
from trainer.learning import weights
from trainer.learning.report import Report
from trainer.models import Round, RoundModel, Weights


def add_model(
    digit: int, state: str = "promoted", report: dict[str, Any] | None = None, **fields: Any
) -> RoundModel:
    """A model that always says `digit`, from the first one's weights where there is one."""
    model = RoundModel.objects.create(
        architecture="mnist_model",
        state=state,
        initial_model=RoundModel.objects.filter(initial_model=None).first(),
        finished_at=timezone.now(),
        **fields,
    )
    measurements.store(model, Report.from_json(report))
    model.save()
    data = always(digit)
    Weights.objects.create(model=model, data=data, sha256=weights.checksum(data))
    return model


def open_round_of(digit: int) -> Round:
    """Open the next round, with a model that always says `digit`."""
    model = add_model(digit)
    with transaction.atomic():
        rounds.lock()
        return rounds.open_next(model)
