"""MNIST's own images, painted again row by row: recognised where MNIST was seen, they earn and
train nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collector.drawings import attempts, timeline
from collector.models import Attempt, Person
from collector.study import consistency
from tests.support import needs
from tests.support.cast import a_line, read
from trainer import mnist_duplicates, tasks
from trainer.learning import basedata, drawing, raster
from trainer.models import MnistThumbnails, Sample

PEN = 10


@pytest.fixture(scope="session")
def mnist() -> basedata.BaseData:
    directory = needs.mnist()
    return basedata.find(directory, directory)


@pytest.fixture
def remembered(mnist: basedata.BaseData, db: None) -> Any:
    """Every tenth image of those that are trained on, and the others all."""
    images, labels = mnist.train_images[::10], mnist.train_labels[::10]
    some = replace(mnist, train_images=images, train_labels=labels)
    mnist_duplicates.remember(some)
    yield some
    mnist_duplicates._known.cache_clear()


def painted(image: Any) -> drawing.Drawing:
    """One line of the thin pen along each run of bright pixels, as a program would."""
    lines: list[dict[str, list[int]]] = []
    for row, bright in enumerate(image > 128):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], bright.astype(int), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            x = [int(start) * 10 + 4, int(end) * 10 - 5]
            lines.append({"x": x, "y": [row * 10 + 5] * 2, "t": [len(lines), len(lines)]})
    return drawing.parse(lines, PEN)


@pytest.mark.survives(
    "MNIST's images painted",
    "verified, and earn and train nothing",
)
def test_a_painted_test_image_is_verified_and_earns_and_trains_nothing(
    remembered: basedata.BaseData, alice: Person, mona: Person
) -> None:
    assert remembered.test_images is not None
    assert remembered.test_labels is not None
    four = int(np.flatnonzero(remembered.test_labels == 4)[0])
    attempt, _ = attempts.submit(
        alice, attempts.Submission(4, painted(remembered.test_images[four]))
    )
    assert attempt.is_mnist_duplicate
    assert attempt.near_duplicate_of is None
    assert "one of MNIST’s own images" in timeline.timeline(attempt)[1].text
    read(mona, "4")
    attempt.refresh_from_db()
    assert (attempt.status, attempt.credit) == ("verified", 0.0)
    assert "nearly one of MNIST’s" in " ".join(timeline.outcome(attempt))
    assert not Sample.objects.exists()
    assert list(consistency.problems()) == []


def test_most_that_are_painted_are_recognised_and_an_ordinary_drawing_is_not(
    remembered: basedata.BaseData, alice: Person
) -> None:
    rng = np.random.default_rng(1)
    chosen = rng.choice(np.flatnonzero(remembered.train_labels != 1), 60, replace=False)
    found = [
        mnist_duplicates.is_duplicate(
            raster.rasterise(painted(remembered.train_images[place])),
            int(remembered.train_labels[place]),
        )
        for place in chosen
    ]
    assert np.mean(found) == 1
    assert not attempts.submit(alice, attempts.Submission(4, a_line()))[0].is_mnist_duplicate


def test_where_mnist_was_never_seen_nothing_is_marked(
    mnist: basedata.BaseData, alice: Person, settings: Any, tmp_path: Path
) -> None:
    settings.MNIST_DIR, settings.MNIST_CACHE = tmp_path, tmp_path
    mnist_duplicates.remember(basedata.stand_in())
    assert not MnistThumbnails.objects.exists()
    four = int(np.flatnonzero(mnist.train_labels == 4)[0])
    attempts.submit(alice, attempts.Submission(4, painted(mnist.train_images[four])))
    assert not Attempt.objects.get().is_mnist_duplicate


def test_the_worker_that_has_mnist_reads_it_and_writes_it_down_once(
    mnist: basedata.BaseData, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MNIST_DIR = needs.MNIST
    tasks.fetch_mnist()
    monkeypatch.delattr(basedata, "find")
    tasks.fetch_mnist()
    assert sum(len(row.thumbnails) for row in MnistThumbnails.objects.all()) == 70_000 * 196
