"""The target model of an arm, kept in this process until another round opens, and the models of
earlier rounds."""

import functools
import threading
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from trainer.learning import attribution, inference, raster, weights
from trainer.learning.sentences import Sentence
from trainer.models import Arm, Round, Weights
from trainer.prepared import Prepared
from trainer.rounds import NoSuchRound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


KEPT = 30.0  # seconds; then the weights are read again, so that damage is noticed


class TargetUnavailable(Exception):
    """The open round's model can't be served; the text says why. Predictions and attempts answer
    503."""


@dataclass(frozen=True)
class Prediction:
    """What a model makes of a picture: ten probabilities by digit, which sum to 1."""

    probabilities: list[float]

    @property
    def digit(self) -> int:
        """The likeliest digit; of equally likely ones the smallest."""
        return max(range(10), key=self.probabilities.__getitem__)

    @property
    def share(self) -> float:
        """How likely that digit is, 0–1."""
        return self.probabilities[self.digit]


@dataclass(frozen=True)
class Target:
    """A round's model, ready to be asked."""

    round: Round
    net: inference.Net

    @property
    def number(self) -> int:
        """The round's number."""
        return self.round.number

    def read(self, pixels: bytes | memoryview) -> Prediction:
        """Ask the model what a picture shows, given as its 784 stored bytes."""
        [probabilities] = self.net.probabilities(raster.picture(pixels)[None])
        return Prediction([float(share) for share in probabilities])

    def attribution(
        self, pixels: bytes | memoryview, digit: int, other: int
    ) -> "NDArray[np.float64]":
        """Give how much each pixel of a stored picture spoke for `digit` and against `other`,
        float64 (28, 28)."""
        return attribution.attribution_map(self.net, raster.picture(pixels), digit, other)


_OPEN = Prepared(
    lambda arm: Round.objects.filter(state=Round.State.OPEN, arm=arm).values_list("pk", flat=True),
    str,
)
_cached: dict[str, tuple[Target, float]] = {}  # by arm, with when it was loaded
_loading = threading.Lock()


def current(arm: str = Arm.DYNAMIC) -> Target:
    """Return the target model of the round that is open in an arm at this moment. One small query;
    the weights are loaded when a round opens, and again after `KEPT`.

    Raises TargetUnavailable when no round is open or the stored weights are damaged.
    """
    [target] = _ready([(arm, pk) for pk in _OPEN.ask(str(arm))])
    return target


def of_all_arms() -> list[Target]:
    """Return the target model of each arm's open round, in one query. Raises TargetUnavailable as
    `current` does."""
    return _ready(list(Round.objects.filter(state=Round.State.OPEN).values_list("arm", "pk")))


def _ready(opened: list[tuple[str, int]]) -> list[Target]:
    if not opened:
        raise TargetUnavailable(Sentence("No round is open."))
    with _loading:
        return [_kept(arm, pk) or _load(arm, pk) for arm, pk in opened]


def _kept(arm: str, round_id: int) -> Target | None:
    target, loaded_at = _cached.get(arm, (None, 0.0))
    is_fresh = target and target.round.pk == round_id and monotonic() - loaded_at < KEPT
    return target if is_fresh else None


def _load(arm: str, round_id: int) -> Target:
    round_ = Round.objects.get(pk=round_id)
    loaded = Target(round_, _net(round_))
    _cached[arm] = loaded, monotonic()
    return loaded


def _net(round_: Round) -> inference.Net:
    number = round_.number
    row = Weights.objects.select_related("model").filter(pk=round_.model_id).first()
    if row is None:
        raise TargetUnavailable(Sentence("Round {number}'s model has no weights.", number=number))
    architecture = row.model.architecture
    try:
        return inference.Net(architecture, weights.read(architecture, bytes(row.data), row.sha256))
    except weights.BadWeights as error:
        raise TargetUnavailable(
            Sentence("Round {number}'s model is damaged: {error}", number=number, error=str(error))
        ) from error


@functools.lru_cache(maxsize=64)
def of_round(number: int, arm: str = Arm.DYNAMIC) -> Target:
    """Give the model of an arm's round, open or closed; the last few asked for are kept. Raises
    NoSuchRound, and TargetUnavailable where its weights are damaged."""
    round_ = Round.objects.filter(number=number, arm=arm).first()
    if round_ is None:
        raise NoSuchRound(Sentence("There is no round {number}.", number=number))
    return Target(round_, _net(round_))


def forget() -> None:
    """Drop the kept models (for tests: a new database may reuse the round's id)."""
    _cached.clear()
    of_round.cache_clear()
