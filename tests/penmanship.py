"""Simulated handwriting: digits as pen strokes, with the variety that people have, and those that fool round 1's model.

Each digit has a few skeletons (an open four and a closed one, a one with and without a foot, a seven with a bar …),
which are lists of strokes; a stroke is a list of runs, each a smooth curve through its points, and two runs meet in a
corner. A hand stretches, slants, turns, places and shakes a skeleton. All is drawn from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Strokes = list[dict[str, list[int]]]
Run = list[tuple[float, float]]
Skeleton = list[list[Run]]

POINTS = 36
OVAL: Run = [
    (0.55, 0.0),
    (0.15, 0.2),
    (0.0, 0.55),
    (0.2, 0.93),
    (0.55, 1.0),
    (0.9, 0.8),
    (1.0, 0.45),
    (0.85, 0.1),
    (0.5, 0.0),
]
FLAG: Run = [(0.1, 0.28), (0.5, 0.0)]
STEM: Run = [(0.5, 0.0), (0.5, 1.0)]
FOOT: Run = [(0.1, 1.0), (0.9, 1.0)]
ROOF: Run = [(0.0, 0.02), (1.0, 0.0)]
FALL: Run = [(1.0, 0.0), (0.62, 0.45), (0.4, 1.0)]
SKELETONS: dict[int, list[Skeleton]] = {
    0: [[[OVAL]], [[[*OVAL, (0.3, 0.1)]]]],
    1: [[[STEM]], [[FLAG, STEM]], [[FLAG, STEM], [FOOT]]],
    2: [
        [[[(0.05, 0.25), (0.4, 0.0), (0.9, 0.2), (0.7, 0.55), (0.0, 1.0)], [(0.0, 1.0), (1.0, 1.0)]]],
        [[[(0.1, 0.2), (0.5, 0.0), (0.9, 0.25), (0.5, 0.7), (0.1, 0.98), (0.1, 0.8), (0.4, 0.88), (1.0, 1.0)]]],
    ],
    3: [
        [
            [
                [(0.05, 0.12), (0.5, 0.0), (0.9, 0.22), (0.7, 0.42), (0.35, 0.48)],
                [(0.35, 0.48), (0.85, 0.55), (0.95, 0.78), (0.5, 1.0), (0.0, 0.88)],
            ]
        ],
        [[ROOF, [(1.0, 0.0), (0.45, 0.42)], [(0.45, 0.42), (0.95, 0.6), (0.85, 0.9), (0.4, 1.0), (0.0, 0.88)]]],
    ],
    4: [
        [[[(0.15, 0.0), (0.0, 0.58)], [(0.0, 0.58), (1.0, 0.55)]], [[(0.78, 0.1), (0.72, 1.0)]]],
        [[[(0.7, 1.0), (0.7, 0.0)], [(0.7, 0.0), (0.0, 0.65)], [(0.0, 0.65), (1.0, 0.65)]]],
        [[[(0.6, 0.0), (0.0, 0.6)], [(0.0, 0.6), (1.0, 0.6)]], [[(0.7, 0.3), (0.65, 1.0)]]],
    ],
    5: [
        [
            [[(0.15, 0.0), (0.1, 0.45)], [(0.1, 0.45), (0.6, 0.38), (0.95, 0.65), (0.65, 0.97), (0.0, 0.92)]],
            [[(0.15, 0.0), (0.95, 0.0)]],
        ],
        [
            [
                [(0.9, 0.0), (0.15, 0.03)],
                [(0.15, 0.03), (0.1, 0.45)],
                [(0.1, 0.45), (0.85, 0.5), (0.85, 0.9), (0.0, 0.95)],
            ]
        ],
    ],
    6: [
        [[[(0.8, 0.0), (0.3, 0.3), (0.0, 0.7), (0.25, 1.0), (0.8, 0.95), (0.95, 0.7), (0.6, 0.52), (0.1, 0.68)]]],
        [[[(0.5, 0.0), (0.1, 0.4), (0.05, 0.8), (0.5, 1.0), (0.9, 0.8), (0.7, 0.58), (0.3, 0.62), (0.1, 0.8)]]],
    ],
    7: [[[ROOF, FALL]], [[ROOF, FALL], [[(0.25, 0.52), (0.9, 0.48)]]], [[[(0.0, 0.2), (0.0, 0.02)], ROOF, FALL]]],
    8: [
        [
            [
                [(0.85, 0.15), (0.4, 0.0), (0.1, 0.22), (0.5, 0.48), (0.95, 0.75), (0.5, 1.0), (0.05, 0.78)],
                [(0.05, 0.78), (0.5, 0.5), (0.88, 0.22), (0.75, 0.05)],
            ]
        ],
        [
            [[(0.5, 0.0), (0.15, 0.22), (0.5, 0.46), (0.85, 0.22), (0.5, 0.0)]],
            [[(0.5, 0.46), (0.05, 0.75), (0.5, 1.0), (0.95, 0.75), (0.5, 0.46)]],
        ],
    ],
    9: [
        [[[(0.85, 0.15), (0.4, 0.0), (0.05, 0.25), (0.35, 0.5), (0.85, 0.3)], [(0.9, 0.1), (0.85, 0.6), (0.75, 1.0)]]],
        [[[(0.85, 0.2), (0.45, 0.0), (0.05, 0.28), (0.45, 0.52), (0.88, 0.25), (0.85, 0.7), (0.5, 1.0), (0.1, 0.9)]]],
    ],
}


@dataclass(frozen=True)
class Hand:
    """The bounds of a way of writing, lowest and highest: sizes and widths in canvas units, slant as a tangent."""

    height: tuple[float, float] = (150, 220)
    aspect: tuple[float, float] = (0.5, 0.85)
    slant: tuple[float, float] = (-0.1, 0.35)
    turn: tuple[float, float] = (-0.1, 0.1)
    drift: float = 20
    shake: float = 3
    width: tuple[int, int] = (14, 30)


USUAL = Hand()
UNUSUAL = (
    Hand(slant=(0.4, 0.75)),
    Hand(slant=(-0.6, -0.3)),
    Hand(height=(80, 130), width=(10, 18)),
    Hand(height=(90, 150), drift=75),
    Hand(aspect=(0.9, 1.3), height=(120, 190)),
    Hand(turn=(-0.45, 0.45)),
    Hand(width=(8, 12), height=(180, 240)),
    Hand(width=(30, 40), height=(190, 250)),
)


def drawings(seed: int, n: int) -> list[tuple[int, Strokes]]:
    """n digits in a usual hand as (label, strokes), for the default pen width; all labels equally often."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([rng.permutation(10) for _ in range(n // 10 + 1)])[:n]
    return [(int(label), write(int(label), USUAL, rng)) for label in labels]


def fooling(seed: int, n: int) -> list[tuple[int, Strokes, int]]:
    """n digits as (label, strokes, width) that round 1's shipped model misreads, in usual and unusual legible hands.

    No two have the same pixels, and no label has more than its share of ``n`` (or two more).
    """
    rng = np.random.default_rng([seed, n])
    most = n // 10 + 2
    found: list[tuple[int, Strokes, int]] = []
    taken = dict.fromkeys(range(10), 0)
    seen: set[bytes] = set()
    while len(found) < n:
        batch = [_candidate(label, rng) for label in taken if taken[label] < most for _ in range(4)]
        pixels = np.stack([picture(strokes, width) for _, strokes, width in batch])
        for (label, strokes, width), image, answer in zip(batch, pixels, read(pixels), strict=True):
            if answer != label and taken[label] < most and len(found) < n and image.tobytes() not in seen:
                seen.add(image.tobytes())
                taken[label] += 1
                found.append((label, strokes, width))
    return found


def write(label: int, hand: Hand, rng: np.random.Generator) -> Strokes:
    """One digit as strokes in the contract's form, 20 to 60 points, wholly on the canvas."""
    skeletons = SKELETONS[label]
    skeleton = skeletons[rng.integers(len(skeletons))]
    length = sum(_length(run) for stroke in skeleton for run in stroke)
    lines = [np.concatenate([_smooth(run, length / POINTS) for run in stroke]) for stroke in skeleton]
    lines = [_shaken(line, rng) for line in lines]
    height, aspect, slant, turn = (rng.uniform(*bounds) for bounds in (hand.height, hand.aspect, hand.slant, hand.turn))
    narrow = 0.5 if label == 1 else 1.0
    cos, sin = np.cos(turn), np.sin(turn)
    form = np.array([[cos, -sin], [sin, cos]]) @ np.array([[aspect * narrow * height, -slant * height], [0, height]])
    middle = np.array([140.0, 140.0]) + rng.uniform(-hand.drift, hand.drift, 2)
    placed = [(line - 0.5) @ form.T + rng.normal(0, hand.shake / 3, line.shape) for line in lines]
    return _timed(_fitted(placed, middle), rng)


def picture(strokes: Strokes, width: int) -> NDArray[np.uint8]:
    """What the model sees of the strokes, uint8 (28, 28)."""
    from trainer.learning import drawing, raster

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


def _candidate(label: int, rng: np.random.Generator) -> tuple[int, Strokes, int]:
    hands = (USUAL, *UNUSUAL)
    hand = hands[rng.integers(len(hands))]
    return label, write(label, hand, rng), int(rng.integers(hand.width[0], hand.width[1] + 1))


def _length(run: Run) -> float:
    return float(np.linalg.norm(np.diff(np.array(run), axis=0), axis=1).sum())


def _smooth(run: Run, step: float) -> NDArray[np.float64]:
    """A curve through the run's points (Catmull and Rom, 1974), with a point about every ``step``."""
    points = np.array(run)
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        t = np.linspace(0, 1, max(2, round(float(np.linalg.norm(c - b)) / step)), endpoint=False)[:, None]
        pieces.append(b + t * ((c - a) / 2 + t * (a - 2.5 * b + 2 * c - d / 2 + t * (1.5 * (b - c) + (d - a) / 2))))
    curve: NDArray[np.float64] = np.concatenate([*pieces, points[-1:]])
    return curve


def _shaken(line: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The line under a slow random wave, so that no two copies have the same shape."""
    wave = rng.normal(0, 0.025, (2, 2))
    phase = rng.uniform(0, 2 * np.pi, 2)
    along = np.linspace(0, 2 * np.pi, len(line))
    moved: NDArray[np.float64] = (
        line + np.sin(along[:, None] + phase) * wave[0] + np.sin(2 * along[:, None] + phase) * wave[1]
    )
    return moved


def _fitted(lines: list[NDArray[np.float64]], middle: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The lines about ``middle``, shrunk if they are too big for the canvas and pushed in where they stick out."""
    everything = np.concatenate(lines)
    low, high = everything.min(axis=0), everything.max(axis=0)
    shrink = min(1.0, float((255 / np.maximum(high - low, 1)).min()))
    low, high = low * shrink, high * shrink
    place = np.clip(middle - (low + high) / 2, 12 - low, 267 - high)
    return [line * shrink + place for line in lines]


def _timed(lines: list[NDArray[np.float64]], rng: np.random.Generator) -> Strokes:
    """Whole canvas units, repeated points left out, and times that grow by 8–24 ms a point with pauses in between."""
    strokes: Strokes = []
    now = 0
    for line in lines:
        whole = np.clip(line.round().astype(int), 0, 279)
        moved = np.concatenate([[True], (np.diff(whole, axis=0) != 0).any(axis=1)])
        times = now + np.cumsum(rng.integers(8, 25, int(moved.sum())))
        x, y = whole[moved].T.tolist()
        strokes.append({"x": x, "y": y, "t": times.tolist()})
        now = int(times[-1]) + 150
    return strokes
