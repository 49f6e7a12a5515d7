"""What the tests of the learning share: MNIST where there is one, small base data and the shipped
model everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.support import needs
from trainer.learning import basedata, shipped, weights
from trainer.learning.basedata import BaseData


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The directory with MNIST's files."""
    return needs.mnist()


@pytest.fixture(scope="session")
def mnist(mnist_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> BaseData:
    return basedata.find(mnist_dir, tmp_path_factory.mktemp("no-cache"))


@pytest.fixture(scope="session")
def small() -> BaseData:
    """A few hundred of the stand-in's images: quick to train on and to measure."""
    whole = basedata.stand_in()
    some = np.arange(0, len(whole.train_labels), 10)
    few = np.arange(0, len(whole.gate_labels), 5)
    return BaseData(
        whole.train_images[some],
        whole.train_labels[some],
        whole.gate_images[few],
        whole.gate_labels[few],
        None,
        None,
        stand_in=True,
        sha256="0" * 64,
    )


@pytest.fixture(scope="session")
def start() -> bytes:
    """Round 1's weights as shipped."""
    return shipped.round_one("mnist_model").weights


@pytest.fixture(scope="session")
def round_one(start: bytes) -> nn.Module:
    return weights.load("mnist_model", start, None)
