"""What nobody, or hardly anybody, has made the open round's model confuse yet: something to try."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from collector.models import ORIGINAL, Attempt
from trainer.learning.report import GATE_BASE, confusion_lookup
from trainer.models import Round

RAREST = 8  # so many are drawn from, so that not everybody is asked for the same
_lot = random.SystemRandom()


@dataclass(frozen=True)
class Challenge:
    """A confusion to try: a `target` taken for `predicted`, as so many verified `fools` of the
    round were."""

    target: int
    predicted: int
    fools: int


def rarest(
    fools: dict[tuple[int, int], int], confusion: Sequence[Sequence[int]] | None
) -> list[Challenge]:
    """Order all confusions, the rarest among `fools`, counted by (target, predicted), first; of
    equally rare ones those first that the model comes to by itself the most, as counted in
    `confusion` (10 × 10, by label and answer; None: not known)."""
    pairs = [
        (target, predicted)
        for target in range(10)
        for predicted in range(10)
        if target != predicted
    ]
    by_itself = {(t, p): confusion[t][p] if confusion else 0 for t, p in pairs}
    pairs.sort(key=lambda pair: (fools.get(pair, 0), -by_itself[pair], pair))
    return [Challenge(*pair, fools.get(pair, 0)) for pair in pairs]


def draw_challenge() -> Challenge:
    """Choose one of the rarest confusions of the open round at random, in two queries."""
    round_id, confusion = (
        Round.objects.filter(state=Round.State.OPEN)
        .values_list("pk", f"model__report__{confusion_lookup(GATE_BASE)}")
        .get()
    )
    counted = (
        Attempt.objects.filter(ORIGINAL, round=round_id, status=Attempt.Status.VERIFIED)
        .values_list("target_label", "predicted_label")
        .annotate(n=Count("pk"))
        .order_by()
    )
    fools = {(target, predicted): n for target, predicted, n in counted}
    return _lot.choice(rarest(fools, confusion)[:RAREST])
