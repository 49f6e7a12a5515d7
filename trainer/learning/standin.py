"""The stand-in for MNIST: k-means centres of each digit's images, small enough to ship.

A centre is the mean of some twenty images (of five, for the gate's) and never of fewer than three,
so no image of MNIST is in it. Training and gate keep apart: the centres to train are made from the
55,000 training images, the gate's from its 5,000. Grey values are rounded to 16 levels, which
halves the file.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from trainer.learning.basedata import BadBaseData, BaseData

TRAIN_PER_DIGIT = 300
GATE_PER_DIGIT = 100
SEED = 28
FEWEST = 3
_ITERATIONS = 25
_STEP = 17


def make(base: BaseData, out: Path) -> None:
    """Write the stand-in for ``base``, which must be MNIST itself, to ``out``: a compressed npz of
    four arrays.

    ``train_images`` and ``gate_images``, uint8 (n, 28, 28), and ``train_labels`` and
    ``gate_labels``, uint8 (n,).
    """
    if base.stand_in:
        raise BadBaseData("The stand-in is made from MNIST; name its directory.")
    train_images, train_labels = _of_all_digits(
        base.train_images, base.train_labels, TRAIN_PER_DIGIT
    )
    gate_images, gate_labels = _of_all_digits(base.gate_images, base.gate_labels, GATE_PER_DIGIT)
    with out.open("wb") as opened:
        np.savez_compressed(
            opened,
            train_images=train_images,
            train_labels=train_labels,
            gate_images=gate_images,
            gate_labels=gate_labels,
        )


def centres(points: NDArray[np.float32], k: int, seed: int) -> NDArray[np.float32]:
    """Find the k-means centres of points, float32 (n, d) with n ≥ k, as float32 (k, d).

    scipy's, from starts drawn by k-means++ (Arthur and Vassilvitskii, 2007). A centre that loses
    all its points stays where it is. At the end, one with fewer than ``FEWEST`` becomes the mean of
    the ``FEWEST`` points nearest to it, so that every centre is a mean.
    """
    starts = _spread(points, k, np.random.RandomState(seed))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        means, _ = kmeans2(points, starts, iter=_ITERATIONS, minit="matrix")
    distances = _distances(points, means)
    for lone in np.flatnonzero(np.bincount(distances.argmin(axis=1), minlength=k) < FEWEST):
        nearest = np.argsort(distances[:, lone] + (points**2).sum(axis=1))[:FEWEST]
        means[lone] = points[nearest].mean(axis=0)
    float_means: NDArray[np.float32] = means
    return float_means


def of_digit(digit: int, images: NDArray[np.uint8], k: int) -> NDArray[np.uint8]:
    """Find k centres of a digit's images, uint8 (n, 28, 28), as uint8 (k, 784) of 16 levels."""
    points = images.reshape(-1, 784).astype(np.float32)
    levels = (centres(points, k, SEED + digit) / _STEP).round().astype(np.uint8)
    return levels * np.uint8(_STEP)


def _spread(points: NDArray[np.float32], k: int, rng: np.random.RandomState) -> NDArray[np.float32]:
    """Draw k of the points, each with odds by its squared distance from those drawn before.

    scipy draws such starts too, from another stream of numbers; with these the shipped file is made
    again to the byte.
    """
    drawn = [int(rng.randint(len(points)))]
    least = np.full(len(points), np.inf)
    while len(drawn) < k:
        least = np.minimum(least, ((points - points[drawn[-1]]) ** 2).sum(axis=1))
        least[drawn[-1]] = 0
        drawn.append(int(rng.choice(len(points), p=least / least.sum())))
    return points[drawn].copy()


def _distances(points: NDArray[np.float32], means: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the squared distances (n, k), each row less a constant of its own."""
    distances: NDArray[np.float32] = (means**2).sum(axis=1) - 2 * points @ means.T
    return distances


def _of_all_digits(
    images: NDArray[np.uint8], labels: NDArray[np.int64], per_digit: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Find ``per_digit`` centres of each digit's images, rounded to 16 levels, with their
    labels."""
    rounded = [of_digit(digit, images[labels == digit], per_digit) for digit in range(10)]
    return np.concatenate(rounded).reshape(-1, 28, 28), np.repeat(
        np.arange(10, dtype=np.uint8), per_digit
    )
