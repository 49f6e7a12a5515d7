"""Simulated handwriting for the tests: digits as pen strokes by many people, and those that fool
round 1's model.

The people are ``trainer.simulation.penman``'s, far from the seeds that any simulated crowd uses.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.learning import drawing, raster
from trainer.simulation import penman

Strokes = penman.Strokes
MOST_BOLDNESS = 0.8
NEAR = 3  # of the canvas' 280


@cache
def drawings(seed: int, n: int) -> list[tuple[int, Strokes]]:
    """n digits in usual hands as (label, strokes), made with the default pen; all labels equally
    often."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([rng.permutation(10) for _ in range(n // 10 + 1)])[:n]
    return [(int(label), _with_the_default_pen(int(label), rng)) for label in labels]


@cache
def fooling(seed: int, n: int) -> list[tuple[int, Strokes, int]]:
    """n digits as (label, strokes, width) that round 1's shipped model misreads, in usual and
    unusual legible hands.

    No two have the same pixels, and no label has more than its share of ``n`` (or two more).
    """
    rng = np.random.default_rng([seed, n])
    most = n // 10 + 2
    drawn: list[tuple[int, Strokes, int]] = []
    taken = dict.fromkeys(range(10), 0)
    seen: set[bytes] = set()
    while len(drawn) < n:
        batch = [
            (label, _try(label, rng)) for label in taken if taken[label] < most for _ in range(2)
        ]
        pixels = np.stack([picture(written.strokes, written.width) for _, written in batch])
        for (label, written), image, answer in zip(batch, pixels, read(pixels), strict=True):
            if (
                answer != label
                and taken[label] < most
                and len(drawn) < n
                and image.tobytes() not in seen
            ):
                seen.add(image.tobytes())
                taken[label] += 1
                drawn.append((label, written.strokes, written.width))
    return drawn


def thinned(strokes: Strokes) -> Strokes:
    """The strokes by fewer points, which say nearly the same: a third of them."""
    thinner = []
    for stroke in strokes:
        points = _turns(list(zip(stroke["x"], stroke["y"], stroke["t"], strict=True)))
        thinner.append({name: [point[i] for point in points] for i, name in enumerate("xyt")})
    return thinner


def _turns(points: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Without what lies near the straight way between those that stay (Douglas and Peucker's)."""
    (x0, y0, _), (x1, y1, _) = points[0], points[-1]
    length = math.hypot(x1 - x0, y1 - y0)

    def off(place: int) -> float:
        x, y = points[place][0] - x0, points[place][1] - y0
        return abs((x1 - x0) * y - (y1 - y0) * x) / length if length else math.hypot(x, y)

    farthest = max(range(len(points)), key=off)
    if off(farthest) <= NEAR:
        return [points[0], points[-1]][: len(points)]
    return _turns(points[: farthest + 1])[:-1] + _turns(points[farthest:])


def picture(strokes: Strokes, width: int) -> NDArray[np.uint8]:
    """What the model sees of the strokes, uint8 (28, 28)."""
    return raster.rasterise(drawing.parse(strokes, width))


def read(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The answers of round 1's shipped model to pictures, uint8 (n, 28, 28)."""
    from trainer.learning import nets

    answers: NDArray[np.int64] = nets.probabilities(_round_one(), pixels).argmax(axis=1)
    return answers


@lru_cache(maxsize=1)
def _round_one() -> Any:
    import torch

    from trainer.learning import shipped, weights

    torch.set_num_threads(1)
    model = shipped.round_one("mnist_model")
    return weights.load("mnist_model", model.weights, model.sha256)


def _somebody(rng: np.random.Generator) -> penman.Writer:
    return penman.writer(int(rng.integers(1 << 40, 1 << 41)))


def _with_the_default_pen(label: int, rng: np.random.Generator) -> Strokes:
    while (written := penman.write(_somebody(rng), label, rng)).width != drawing.DEFAULT_WIDTH:
        pass
    return written.strokes


def _try(label: int, rng: np.random.Generator) -> penman.Written:
    return penman.write(_somebody(rng), label, rng, float(rng.uniform(0, MOST_BOLDNESS)))
