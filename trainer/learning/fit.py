"""One training run: round 1's model from base data alone, and every later one from round 1's and
all samples so far.

Retraining always starts from round 1's weights. Every batch is base data and samples together, the
samples bent by random affine maps; on the base part the net is also held to round 1's own answers
(distillation: Hinton, Vinyals and Dean, «Distilling the knowledge in a neural network», 2015;
against forgetting: Li and Hoiem, «Learning without forgetting», 2016). The net is in eval mode,
without dropout and with batch norm's statistics as round 1 left them: a net this small, told to
forget half of what it sees, learns neither the samples nor the base data well. The learning rate
rises and falls once (Smith and Topin, «Super-convergence», 2018).

A run is a function of its arguments: one thread, deterministic algorithms, every random number from
its seed. Equal arguments give equal bytes on equal libraries and CPU capability; ``manifest`` names
all of these.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.learning import nets, weights
from trainer.learning.basedata import BaseData

Progress = Callable[[float], None]
_STEPS_PER_REPORT = 10
_IMAGES_AT_ONCE = 1000
_SHARE_FOR_ANSWERS = 0.1


class Diverged(ArithmeticError):
    """The loss is not finite any more; the run gives no weights."""


@dataclass(frozen=True)
class Recipe:
    """All numbers of a run.

    ``base_batch`` and ``sample_batch`` images make one step. ``learning_rate`` is the peak, reached
    after the share ``warm_up`` of the steps. The loss is cross-entropy on the base part, plus
    ``sample_weight`` times that on the samples, plus ``distillation`` times the divergence from
    round 1's answers at ``temperature``. Samples are turned by up to ``turn`` degrees, slanted by
    up to ``slant`` (a tangent), scaled by up to ``scale`` (a share) and moved by up to ``shift``
    pixels, each way; base images by the share ``base_bend`` of all that.
    """

    steps: int
    base_batch: int
    learning_rate: float
    warm_up: float = 0.25
    weight_decay: float = 0.0
    sample_batch: int = 0
    sample_weight: float = 0.0
    distillation: float = 0.0
    temperature: float = 2.0
    turn: float = 0.0
    slant: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    base_bend: float = 0.0

    def as_json(self) -> dict[str, float | int]:
        """The numbers by name, ready for JSON; ``Recipe(**numbers)`` makes the recipe again."""
        return asdict(self)


def round_one_recipe(net: str, n_images: int) -> Recipe:
    """The recipe for round 1 of ``net`` on ``n_images`` base images, without samples.

    Every net is trained on bent images but the first, ``mnist_model``, which has seen them as they
    are.
    """
    if net == "mnist_model":
        return Recipe(steps=12 * n_images // 64, base_batch=64, learning_rate=0.004)
    return Recipe(
        steps=24 * n_images // 100,
        base_batch=100,
        learning_rate=0.006,
        weight_decay=0.02,
        turn=12.0,
        slant=0.2,
        scale=0.15,
        shift=2.5,
        base_bend=1.0,
    )


def default_recipe(net: str, n_samples: int) -> Recipe:
    """The recipe for a retraining of ``net`` on ``n_samples`` samples: longer for more, within
    bounds.

    As in round 1, every net but the first goes on seeing bent base images, or it would forget to
    read such.
    """
    first = net == "mnist_model"
    return Recipe(
        steps=min(400 + int(20 * n_samples**0.5), 1500),
        base_batch=64,
        learning_rate=0.006 if first else 0.003,
        sample_batch=32,
        sample_weight=1.0,
        distillation=2.0,
        turn=12.0,
        slant=0.25,
        scale=0.18,
        shift=2.5,
        base_bend=0.0 if first else 0.8,
    )


def train_round_one(
    base: BaseData, net: str, recipe: Recipe, seed: int, progress: Progress
) -> bytes:
    """Train the net ``net`` from random weights on the base data alone; returns safetensors bytes.

    ``progress`` gets the share done, 0 to 1, and may raise to stop the run. Raises ``Diverged``.
    """
    with _reproducible(seed):
        model = _channels_last(nets.build(net)).train()
        rng = np.random.default_rng(seed)
        picks = _picks(rng, len(base.train_images), recipe.steps, recipe.base_batch)

        def losses() -> Iterator[Tensor]:
            for pick in picks:
                answers = model(_seen(base.train_images[pick], recipe, rng))
                yield F.nll_loss(answers, torch.from_numpy(base.train_labels[pick]))

        _descend(model, losses(), recipe, progress)
        return weights.dump(model)


def _seen(pixels: NDArray[np.uint8], recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """Base images, uint8 (n, 28, 28), as a step sees them: bent, if the recipe says so."""
    if not recipe.base_bend:
        return nets.prepare(pixels)
    ink = torch.tensor(pixels, dtype=torch.float32).unsqueeze(1)
    return nets.normalise(bend(ink, recipe, rng, recipe.base_bend))


def retrain(
    start: bytes,
    net: str,
    base: BaseData,
    samples_pixels: NDArray[np.uint8],
    samples_labels: NDArray[np.int64],
    recipe: Recipe,
    seed: int,
    progress: Progress,
) -> bytes:
    """Train round 1's weights ``start`` further on base data and samples; returns safetensors
    bytes.

    Samples are uint8 (n, 28, 28) with labels (n,), n ≥ 1, in any order: they are put into one by
    content. ``progress`` gets the share done, 0 to 1, at least every half second or so, and may
    raise to stop the run. Raises ``Diverged``, ``BadWeights`` for ``start``, and ``ValueError``
    without samples.
    """
    if not len(samples_labels):
        raise ValueError("There are no samples to retrain on.")
    progress(0.0)
    with _reproducible(seed):
        model = _channels_last(weights.load(net, start, None))
        rng = np.random.default_rng(seed)
        pixels, labels = _ordered(samples_pixels, samples_labels)
        samples, targets = (
            torch.tensor(pixels, dtype=torch.float32).unsqueeze(1),
            torch.from_numpy(labels),
        )
        picks = _picks(rng, len(base.train_images), recipe.steps, recipe.base_batch)
        turns = _picks(rng, len(samples), recipe.steps, recipe.sample_batch)
        teacher = _Teacher(
            start, net, base, recipe, lambda share: progress(share * _SHARE_FOR_ANSWERS)
        )

        def losses() -> Iterator[Tensor]:
            for pick, turn in zip(picks, turns, strict=True):
                bent = nets.normalise(bend(samples[turn], recipe, rng))
                seen = _seen(base.train_images[pick], recipe, rng)
                answers = model(torch.cat([seen, bent]))
                on_base, on_samples = answers[: len(pick)], answers[len(pick) :]
                loss = F.nll_loss(on_base, torch.from_numpy(base.train_labels[pick]))
                loss = loss + recipe.sample_weight * F.nll_loss(on_samples, targets[turn])
                yield loss + recipe.distillation * _divergence(
                    on_base, teacher(pick, seen), recipe.temperature
                )

        _descend(
            model,
            losses(),
            recipe,
            lambda share: progress(_SHARE_FOR_ANSWERS + share * (1 - _SHARE_FOR_ANSWERS)),
        )
        return weights.dump(model)


def manifest(
    ids: Sequence[str],
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    base_sha256: str,
    start_sha256: str | None,
    net: str,
    recipe: Recipe,
    seed: int,
) -> dict[str, Any]:
    """Everything that a run's result depends on, ready for JSON, with ``sha256`` over it all.

    Samples enter as one hash in the order of their ids, so their order here does not matter. Equal
    manifests train to equal bytes. Raises ``ValueError`` when ids, pixels and labels are not
    equally many or an id comes twice.
    """
    contents: dict[str, Any] = {
        "net": net,
        "recipe": recipe.as_json(),
        "seed": seed,
        "base_sha256": base_sha256,
        "start_sha256": start_sha256,
        "samples": len(ids),
        "samples_sha256": _samples_sha256(ids, pixels, labels),
        **environment(),
    }
    canonical = json.dumps(contents, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return contents | {"sha256": hashlib.sha256(canonical.encode()).hexdigest()}


def environment() -> dict[str, Any]:
    """What a run's bytes depend on beside its arguments: ``libraries`` by version, ``threads``,
    ``cpu_capability``."""
    return {
        "libraries": {name: version(name) for name in ("torch", "numpy", "pillow")},
        "threads": 1,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def bend(images: Tensor, recipe: Recipe, rng: np.random.Generator, share: float = 1.0) -> Tensor:
    """Images, float32 (n, 1, 28, 28), each under a random affine map within ``share`` of the
    recipe's bounds; outside is black."""
    n, side = len(images), images.shape[-1]
    turn, slant, across, down, x, y = share * rng.uniform(-1, 1, (6, n))
    angle = np.radians(recipe.turn * turn)
    across, down = 1 + recipe.scale * across, 1 + recipe.scale * down
    tangent = recipe.slant * slant
    cos, sin = np.cos(angle), np.sin(angle)
    maps = np.empty((n, 2, 3), dtype=np.float32)
    maps[:, 0] = np.stack(
        [cos * across, (cos * tangent - sin) * down, 2 * recipe.shift * x / side], axis=1
    )
    maps[:, 1] = np.stack(
        [sin * across, (sin * tangent + cos) * down, 2 * recipe.shift * y / side], axis=1
    )
    grid = F.affine_grid(torch.from_numpy(maps), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


@contextlib.contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """One thread, deterministic algorithms and torch's global generator (which dropout uses)
    seeded, for a while."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*lr_scheduler.*")
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(threads)


def _picks(rng: np.random.Generator, n: int, steps: int, batch: int) -> NDArray[np.int64]:
    """Indices below n, (steps, batch): one permutation after another, so that all come equally
    often."""
    rounds = -(-steps * batch // n)
    order = np.concatenate([rng.permutation(n) for _ in range(rounds)])
    return order[: steps * batch].reshape(steps, batch)


def _ordered(
    pixels: NDArray[np.uint8], labels: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The samples in an order that depends on nothing but their content."""
    order = sorted(range(len(labels)), key=lambda i: (pixels[i].tobytes(), int(labels[i])))
    return pixels[order], labels[order].astype(np.int64)


class _Teacher:
    """Round 1's model, asked for its log-probabilities, float32 (n, 10), of base images.

    Its answers on images as they are never change, so the process computes them once and keeps them
    for its next training; on bent images it is asked at every step.
    """

    _kept: ClassVar[dict[tuple[str, str, str], Tensor]] = {}

    def __init__(
        self, start: bytes, net: str, base: BaseData, recipe: Recipe, progress: Progress
    ) -> None:
        self.net = _channels_last(weights.load(net, start, None))
        self.known = (
            None
            if recipe.base_bend
            else self._all(base, (weights.checksum(start), net, base.sha256), progress)
        )

    def __call__(self, pick: NDArray[np.int64], seen: Tensor) -> Tensor:
        """The answers on the base images ``pick``, which a step sees as ``seen``."""
        if self.known is not None:
            return self.known[pick]
        with torch.no_grad():
            answers: Tensor = self.net(seen)
        return answers

    def _all(self, base: BaseData, key: tuple[str, str, str], progress: Progress) -> Tensor:
        if key not in self._kept:
            found = torch.empty(len(base.train_images), 10)
            with torch.no_grad():
                for first in range(0, len(found), _IMAGES_AT_ONCE):
                    progress(first / len(found))
                    part = slice(first, first + _IMAGES_AT_ONCE)
                    found[part] = self.net(nets.prepare(base.train_images[part]))
            self._kept.clear()
            self._kept[key] = found
        return self._kept[key]


def _channels_last(model: nn.Module) -> nn.Module:
    """The same model with its weights laid out as the CPU's convolutions are fastest."""
    laid_out: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out


def _divergence(answers: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of softened answers from the teacher's, times temperature²
    (Hinton et al., 2015)."""
    mine, wanted = (F.log_softmax(a / temperature, dim=1) for a in (answers, taught))
    return F.kl_div(mine, wanted, reduction="batchmean", log_target=True) * temperature**2


def _descend(
    model: nn.Module, losses: Iterator[Tensor], recipe: Recipe, progress: Progress
) -> None:
    """Follow the losses down, one step each, with Adam's decoupled variant and one cycle of the
    learning rate."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.steps, pct_start=recipe.warm_up
    )
    for step, loss in enumerate(losses):
        if step % _STEPS_PER_REPORT == 0:
            progress(step / recipe.steps)
            if not torch.isfinite(loss):
                raise Diverged(f"The loss is {loss.item()} at step {step} of {recipe.steps}.")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    if not weights.finite(model):
        raise Diverged("The weights are not finite at the end of the run.")
    progress(1.0)


def _samples_sha256(
    ids: Sequence[str], pixels: NDArray[np.uint8], labels: NDArray[np.int64]
) -> str:
    if not len(set(ids)) == len(ids) == len(pixels) == len(labels):
        raise ValueError("Every sample needs an id of its own, pixels and a label.")
    digest = hashlib.sha256()
    for i in sorted(range(len(ids)), key=lambda i: ids[i]):
        digest.update(f"{len(ids[i])}:{ids[i]}:{int(labels[i])}:".encode())
        digest.update(pixels[i].astype(np.uint8).tobytes())
    return digest.hexdigest()
