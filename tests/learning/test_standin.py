"""The k-means centres that stand in for MNIST."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.examples import examples
from trainer.learning import standin
from trainer.learning.basedata import STAND_IN, BadBaseData, BaseData


def blobs(n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rng = np.random.default_rng(1)
    return (
        np.repeat([[0, 0], [100, 0], [0, 100]], n, axis=0) + rng.normal(0, 1, (3 * n, 2))
    ).astype(np.float32)


def test_centres_of_three_heaps_are_their_means() -> None:
    points = blobs(50)
    means = standin.centres(points, 3, seed=1)
    wanted = points.reshape(3, 50, 2).mean(axis=1)
    assert np.allclose(
        means[np.lexsort(means.T.round(-1))], wanted[np.lexsort(wanted.T.round(-1))], atol=1e-4
    )


def test_centres_are_the_same_every_time_and_depend_on_the_seed() -> None:
    points = blobs(50)
    assert np.array_equal(standin.centres(points, 12, seed=1), standin.centres(points, 12, seed=1))
    assert not np.array_equal(
        standin.centres(points, 12, seed=1), standin.centres(points, 12, seed=2)
    )


def test_no_centre_is_one_of_the_points() -> None:
    points = np.concatenate([blobs(20), np.array([[900, 900]], np.float32)])
    means = standin.centres(points, 15, seed=1)
    assert len(means) == 15
    assert np.abs(means[:, None] - points[None]).sum(axis=2).min() > 0


def test_file_holds_the_four_arrays_rounded_to_16_levels(
    small: BaseData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standin, "TRAIN_PER_DIGIT", 6)
    monkeypatch.setattr(standin, "GATE_PER_DIGIT", 4)
    standin.make(replace(small, stand_in=False), tmp_path / "made.npz")
    with np.load(tmp_path / "made.npz") as made:
        assert {name: (array.shape, array.dtype.name) for name, array in made.items()} == {
            "train_images": ((60, 28, 28), "uint8"),
            "train_labels": ((60,), "uint8"),
            "gate_images": ((40, 28, 28), "uint8"),
            "gate_labels": ((40,), "uint8"),
        }
        assert not (made["train_images"] % 17).any()
        assert made["train_images"].max() > 200
        assert np.bincount(made["gate_labels"]).tolist() == [4] * 10


@pytest.mark.parametrize("digit", range(10)[: examples(1)])
def test_each_digits_part_of_the_shipped_file_is_made_again_from_mnist(
    digit: int, mnist: BaseData
) -> None:
    with np.load(STAND_IN) as shipped:
        for images, labels, name in (
            (mnist.train_images, mnist.train_labels, "train"),
            (mnist.gate_images, mnist.gate_labels, "gate"),
        ):
            wanted = shipped[f"{name}_images"][shipped[f"{name}_labels"] == digit]
            made = standin.of_digit(digit, images[labels == digit], len(wanted))
            assert np.array_equal(made.reshape(-1, 28, 28), wanted)


def test_stand_in_is_not_made_from_a_stand_in(small: BaseData, tmp_path: Path) -> None:
    with pytest.raises(BadBaseData):
        standin.make(small, tmp_path / "made.npz")
    assert not (tmp_path / "made.npz").exists()
