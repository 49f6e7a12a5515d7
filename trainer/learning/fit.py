"""One training run: round 1's model from base data alone, and every later one from round 1's and
all samples so far.

Retraining always starts from round 1's weights. Every batch is base data and samples together, the
samples augmented by random affine maps; on the base part the net is also held to round 1's own
answers (distillation: Hinton, Vinyals and Dean, “Distilling the knowledge in a neural network”,
2015; against forgetting: Li and Hoiem, “Learning without forgetting”, 2016). The net is in eval
mode, without dropout and with batch norm's statistics as round 1 left them: a net this small, told
to forget half of what it sees, learns neither the samples nor the base data well. The learning rate
rises and falls once (Smith and Topin, “Super-convergence”, 2018).

A run is a function of its arguments: one thread, deterministic algorithms, every random number from
its seed. Equal arguments give equal bytes on equal libraries and CPU capability; ``manifest`` names
all of these.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.learning import kept, nets, weights
from trainer.learning.adamw import AdamW, one_cycle
from trainer.learning.basedata import BaseData
from trainer.learning.manifests import Manifest, sealed

Progress = Callable[[float], None]
_STEPS_PER_REPORT = 10
_IMAGES_AT_ONCE = 250
_SHARE_FOR_ANSWERS = 0.1


class Diverged(ArithmeticError):
    """The loss is not finite any more; the run gives no weights."""


@dataclass(frozen=True)
class Recipe:
    """All numbers of a run.

    ``base_batch`` and ``sample_batch`` images make one step. ``learning_rate`` is the peak, reached
    after the share ``pct_start`` of the steps. The loss is cross-entropy on the base part, plus
    ``sample_weight`` times that on the samples, plus ``distillation`` times the divergence from
    round 1's answers at ``temperature``. Samples are augmented: rotated by up to ``rotation``
    degrees, sheared by up to ``shear`` (a tangent), scaled by up to ``scale`` (a share) and moved
    by up to ``translation`` pixels, each way; base images by the share ``base_augment`` of all
    that.
    """

    steps: int
    base_batch: int
    learning_rate: float
    pct_start: float = 0.25
    weight_decay: float = 0.0
    sample_batch: int = 0
    sample_weight: float = 0.0
    distillation: float = 0.0
    temperature: float = 2.0
    rotation: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    translation: float = 0.0
    base_augment: float = 0.0

    def as_json(self) -> dict[str, float | int]:
        """Give the numbers by name, ready for JSON; ``Recipe(**numbers)`` makes the recipe
        again."""
        return asdict(self)


def round_one_recipe(architecture: str, image_count: int) -> Recipe:
    """Give the recipe for round 1 of ``architecture`` on ``image_count`` base images, without
    samples.

    Every architecture is trained on augmented images but the first, ``mnist_model``, which has seen
    them as they are.
    """
    if architecture == "mnist_model":
        return Recipe(steps=12 * image_count // 64, base_batch=64, learning_rate=0.004)
    return Recipe(
        steps=24 * image_count // 100,
        base_batch=100,
        learning_rate=0.006,
        weight_decay=0.02,
        rotation=12.0,
        shear=0.2,
        scale=0.15,
        translation=2.5,
        base_augment=1.0,
    )


def default_recipe(architecture: str, sample_count: int) -> Recipe:
    """Give the recipe for a retraining of ``architecture`` on ``sample_count`` samples: longer for
    more, within bounds.

    As in round 1, every architecture but the first goes on seeing augmented base images, or it
    would forget to read such.
    """
    is_first = architecture == "mnist_model"
    return Recipe(
        steps=min(400 + int(20 * sample_count**0.5), 1500),
        base_batch=64,
        learning_rate=0.006 if is_first else 0.003,
        sample_batch=32,
        sample_weight=1.0,
        distillation=2.0,
        rotation=12.0,
        shear=0.25,
        scale=0.18,
        translation=2.5,
        base_augment=0.0 if is_first else 0.8,
    )


def train_round_one(
    base: BaseData, architecture: str, recipe: Recipe, seed: int, progress: Progress
) -> bytes:
    """Train a net of ``architecture`` from random weights on the base data alone; returns
    safetensors bytes.

    ``progress`` gets the share done, 0 to 1, and may raise to stop the run. Raises ``Diverged``.
    """
    with _reproducible(seed):
        model = _channels_last(nets.build(architecture)).train()
        rng = np.random.default_rng(seed)
        batches = _batch_indices(rng, len(base.train_images), recipe.steps, recipe.base_batch)

        def loss_of(step: int) -> Tensor:
            batch = batches[step]
            answers = model(_base_input(base.train_images[batch], recipe, rng))
            return F.nll_loss(answers, torch.from_numpy(base.train_labels[batch]))

        _optimise(model, loss_of, recipe, progress)
        return weights.dump(model)


def retrain(
    start: bytes,
    architecture: str,
    base: BaseData,
    samples_pixels: NDArray[np.uint8],
    samples_labels: NDArray[np.int64],
    recipe: Recipe,
    seed: int,
    progress: Progress,
    answers_in: Path | None = None,
) -> bytes:
    """Train round 1's weights ``start`` further on base data and samples; returns safetensors
    bytes.

    Samples are uint8 (n, 28, 28) with labels (n,), n ≥ 1, in any order: they are put into one by
    content. ``progress`` gets the share done, 0 to 1, at least every half second or so, and may
    raise to stop the run. Round 1's answers to the base images are kept in the folder
    ``answers_in``, if one is given, for whoever trains from the same weights next. Raises
    ``Diverged``, ``BadWeights`` for ``start``, and ``ValueError`` without samples.
    """
    if not len(samples_labels):
        raise ValueError("There are no samples to retrain on.")
    progress(0.0)
    with _reproducible(seed):
        model = _channels_last(weights.load(architecture, start, None))
        rng = np.random.default_rng(seed)
        pixels, labels = _ordered(samples_pixels, samples_labels)
        samples = torch.tensor(pixels, dtype=torch.float32).unsqueeze(1)
        targets = torch.from_numpy(labels)
        base_batches = _batch_indices(rng, len(base.train_images), recipe.steps, recipe.base_batch)
        sample_batches = _batch_indices(rng, len(samples), recipe.steps, recipe.sample_batch)
        teacher = _Teacher(
            start,
            architecture,
            base,
            recipe,
            lambda share: progress(share * _SHARE_FOR_ANSWERS),
            answers_in,
        )

        def loss_of(step: int) -> Tensor:
            of_base, of_samples = base_batches[step], sample_batches[step]
            # Samples take their random numbers before base images: the order is part of the bytes.
            sample_input = nets.normalise(augment(samples[of_samples], recipe, rng))
            base_input = _base_input(base.train_images[of_base], recipe, rng)
            answers = model(torch.cat([base_input, sample_input]))
            on_base, on_samples = answers[: len(of_base)], answers[len(of_base) :]
            loss = F.nll_loss(on_base, torch.from_numpy(base.train_labels[of_base]))
            loss = loss + recipe.sample_weight * F.nll_loss(on_samples, targets[of_samples])
            return loss + recipe.distillation * _divergence(
                on_base, teacher(of_base, base_input), recipe.temperature
            )

        _optimise(
            model,
            loss_of,
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
    architecture: str,
    recipe: Recipe,
    seed: int,
) -> Manifest:
    """Give everything that a run's result depends on, ready for JSON, with ``sha256`` over it all.

    Samples enter as one hash in the order of their ids, so their order here does not matter. Equal
    manifests train to equal bytes. Raises ``ValueError`` when ids, pixels and labels are not
    equally many or an id comes twice.
    """
    contents: Manifest = {
        "architecture": architecture,
        "recipe": recipe.as_json(),
        "seed": seed,
        "base_sha256": base_sha256,
        "start_sha256": start_sha256,
        "samples": len(ids),
        "samples_sha256": _samples_sha256(ids, pixels, labels),
        **environment(),
    }
    return sealed(contents)


def environment() -> dict[str, object]:
    """Give what a run's bytes depend on beside its arguments: ``libraries`` by version,
    ``threads``, ``cpu_capability``."""
    return {
        "libraries": {name: version(name) for name in ("torch", "numpy", "pillow")},
        "threads": 1,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def augment(images: Tensor, recipe: Recipe, rng: np.random.Generator, share: float = 1.0) -> Tensor:
    """Give images, float32 (n, 1, 28, 28), each under a random affine map within ``share`` of the
    recipe's bounds; outside is black."""
    n, side = len(images), images.shape[-1]
    # One draw from -1 to 1 for each image and each of the map's six numbers.
    rotation, shear, width, height, right, down = share * rng.uniform(-1, 1, (6, n))
    # From shares of the bounds to an angle in radians, a tangent and two factors.
    angle = np.radians(recipe.rotation * rotation)
    tangent = recipe.shear * shear
    x_scale, y_scale = 1 + recipe.scale * width, 1 + recipe.scale * height
    cos, sin = np.cos(angle), np.sin(angle)
    # Rotation × shear × scale, and the translation, in torch's coordinates: the side is 2 long.
    maps = np.empty((n, 2, 3), dtype=np.float32)
    maps[:, 0] = np.stack(
        [cos * x_scale, (cos * tangent - sin) * y_scale, 2 * recipe.translation * right / side],
        axis=1,
    )
    maps[:, 1] = np.stack(
        [sin * x_scale, (sin * tangent + cos) * y_scale, 2 * recipe.translation * down / side],
        axis=1,
    )
    # Each output pixel is read at its mapped place, linearly between four input pixels.
    grid = F.affine_grid(torch.from_numpy(maps), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _base_input(pixels: NDArray[np.uint8], recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """Make base images, uint8 (n, 28, 28), a step's input: augmented, if the recipe says so."""
    if not recipe.base_augment:
        return nets.prepare(pixels)
    ink = torch.tensor(pixels, dtype=torch.float32).unsqueeze(1)
    return nets.normalise(augment(ink, recipe, rng, recipe.base_augment))


@contextlib.contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Seed torch's global generator (which dropout uses) and set one thread and deterministic
    algorithms, for a while."""
    threads, strictness = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(1)
        # Not by use_deterministic_algorithms, which loads torch's compiler to tell it too.
        torch.set_deterministic_debug_mode("error")
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_deterministic_debug_mode(strictness)
            torch.set_num_threads(threads)


def _batch_indices(rng: np.random.Generator, n: int, steps: int, batch: int) -> NDArray[np.int64]:
    """Give indices below n, (steps, batch): one permutation after another, so that all come equally
    often."""
    epochs = -(-steps * batch // n)
    order = np.concatenate([rng.permutation(n) for _ in range(epochs)])
    return order[: steps * batch].reshape(steps, batch)


def _ordered(
    pixels: NDArray[np.uint8], labels: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Put the samples in an order that depends on nothing but their content."""
    order = sorted(range(len(labels)), key=lambda i: (pixels[i].tobytes(), int(labels[i])))
    return pixels[order], labels[order].astype(np.int64)


class _Teacher:
    """Round 1's model, asked for its log-probabilities, float32 (n, 10), of base images.

    Its answers on images as they are never change, so the process computes them once and keeps them
    for its next training, and in a folder for that of the next process; on augmented images it is
    asked at every step.
    """

    _cache: ClassVar[dict[str, Tensor]] = {}

    def __init__(
        self,
        start: bytes,
        architecture: str,
        base: BaseData,
        recipe: Recipe,
        progress: Progress,
        folder: Path | None,
    ) -> None:
        self.net = _channels_last(weights.load(architecture, start, None))
        self.answers = None
        if not recipe.base_augment:
            key = kept.key([weights.checksum(start), architecture, base.sha256, environment()])
            self.answers = self._all(base, key, progress, folder)

    def __call__(self, batch: NDArray[np.int64], base_input: Tensor) -> Tensor:
        """Give the answers on the base images ``batch``, which a step sees as ``base_input``."""
        if self.answers is not None:
            return self.answers[batch]
        with torch.no_grad():
            answers: Tensor = self.net(base_input)
        return answers

    def _all(self, base: BaseData, key: str, progress: Progress, folder: Path | None) -> Tensor:
        if key not in self._cache:
            known = kept.read(folder, key) if folder else None
            answers = self._computed(base, progress) if known is None else known
            if folder and known is None:
                kept.write(folder, key, answers)
            # One table is enough, and 2 MB: another base or start takes its place.
            self._cache.clear()
            self._cache[key] = torch.from_numpy(answers)
        return self._cache[key]

    def _computed(self, base: BaseData, progress: Progress) -> NDArray[np.float32]:
        answers = torch.empty(len(base.train_images), 10)
        with torch.no_grad():
            for first in range(0, len(answers), _IMAGES_AT_ONCE):
                progress(first / len(answers))
                part = slice(first, first + _IMAGES_AT_ONCE)
                answers[part] = self.net(nets.prepare(base.train_images[part]))
        return answers.numpy()


def _channels_last(model: nn.Module) -> nn.Module:
    """Lay the model's weights out as the CPU's convolutions are fastest; returns the same model."""
    laid_out: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out


def _divergence(answers: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Give the Kullback-Leibler divergence of softened answers from the teacher's, times
    temperature² (Hinton et al., 2015)."""
    softened, target = (F.log_softmax(a / temperature, dim=1) for a in (answers, taught))
    return F.kl_div(softened, target, reduction="batchmean", log_target=True) * temperature**2


def _optimise(
    model: nn.Module, loss_of: Callable[[int], Tensor], recipe: Recipe, progress: Progress
) -> None:
    """Lower the loss, one step at a time, with Adam's decoupled variant and one cycle of the
    learning rate. Raises ``Diverged``."""
    optimizer = AdamW(model.parameters(), recipe.weight_decay)
    rates = one_cycle(recipe.learning_rate, recipe.steps, recipe.pct_start)
    for step, (learning_rate, beta_1) in enumerate(rates):
        loss = loss_of(step)
        if step % _STEPS_PER_REPORT == 0:
            progress(step / recipe.steps)
            if not torch.isfinite(loss):
                raise Diverged(f"The loss is {loss.item()} at step {step} of {recipe.steps}.")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(learning_rate, beta_1)
    if not weights.finite(model):
        raise Diverged("The weights are not finite at the end of the run.")
    progress(1.0)


def _samples_sha256(
    ids: Sequence[str], pixels: NDArray[np.uint8], labels: NDArray[np.int64]
) -> str:
    """Hash ids, labels and pixels in the order of the ids. Raises ``ValueError``."""
    if not len(set(ids)) == len(ids) == len(pixels) == len(labels):
        raise ValueError("Every sample needs an id of its own, pixels and a label.")
    digest = hashlib.sha256()
    for i in sorted(range(len(ids)), key=lambda i: ids[i]):
        digest.update(f"{len(ids[i])}:{ids[i]}:{int(labels[i])}:".encode())
        digest.update(pixels[i].astype(np.uint8).tobytes())
    return digest.hexdigest()
