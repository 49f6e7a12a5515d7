"""Performance as ratios: two ways of the same thing measured side by side, one after the other, in
one run.

One thread. Each pair is measured `--turns` times alternately; the ratio is that of the medians.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch.nn import functional as F

from trainer.learning import basedata, drawing, fit, nets, raster, shipped, weights
from trainer.simulation import penman, tactics

Pair = tuple[str, str, Callable[[], object], str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    print("| what | measured | beside it | ratio |\n| --- | --- | --- | ---: |")
    for what, mine, do, others, do_other in pairs():
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(turns):
            for action, found in zip((do, do_other), times, strict=True):
                begun = perf_counter()
                action()
                found.append(perf_counter() - begun)
        one, other = (median(found) for found in times)
        print(
            f"| {what} | {mine}: {_told(one)} | {others}: {_told(other)} | {one / other:.2f} |",
            flush=True,
        )


def pairs() -> list[Pair]:
    directory = os.environ.get("DADC_MNIST_DIR")
    base = basedata.find(Path(directory) if directory else None, Path())
    drawn = _drawings(1000)
    pixels = np.stack([raster.rasterise(drawing.parse(one.strokes, one.width)) for one in drawn])
    labels = np.array([one.form.digit for one in drawn], dtype=np.int64)
    net = "mnist_model"
    start = shipped.round_one(net).weights
    served = weights.load(net, start, None)

    def retrain(n: int) -> object:
        recipe = fit.default_recipe(net, n)
        return fit.retrain(start, net, base, pixels[:n], labels[:n], recipe, 1, lambda share: None)

    def bare(n: int) -> None:
        """The same number of the same batches through the same net, and nothing else."""
        recipe = fit.default_recipe(net, n)
        model = weights.load(net, start, None).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate)
        rng = np.random.default_rng(1)
        for _ in range(recipe.steps):
            pick = rng.integers(len(base.train_images), size=recipe.base_batch)
            turn = rng.integers(n, size=recipe.sample_batch)
            seen = nets.prepare(np.concatenate([base.train_images[pick], pixels[turn]]))
            wanted = torch.from_numpy(np.concatenate([base.train_labels[pick], labels[turn]]))
            optimizer.zero_grad()
            F.nll_loss(model(seen), wanted).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def rasterised() -> None:
        for one in drawn[:200]:
            raster.rasterise(drawing.parse(one.strokes, one.width))

    def predicted() -> None:
        for image in pixels[:200]:
            nets.probabilities(served, image[None])

    retrain(1)  # round 1's answers on the base images, which a process computes once
    return [
        (
            "a training",
            "100 samples",
            lambda: retrain(100),
            "a bare PyTorch loop of as many steps",
            lambda: bare(100),
        ),
        (
            "ten times the samples",
            "1,000 samples",
            lambda: retrain(1000),
            "100 samples",
            lambda: retrain(100),
        ),
        (
            "200 drawings to pixels",
            "rasterised",
            rasterised,
            "the model asked, one by one",
            predicted,
        ),
    ]


def _drawings(n: int) -> list[penman.Written]:
    rng = np.random.default_rng(1)
    return [tactics.first_try(penman.writer(place), place % 10, rng) for place in range(n)]


def _told(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


if __name__ == "__main__":
    main()
