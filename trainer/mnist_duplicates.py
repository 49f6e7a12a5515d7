"""Whether a drawing is one of MNIST's own images, painted again: from rows that a worker with MNIST
writes once."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainer.learning import similarity
from trainer.models import MnistThumbnails

if TYPE_CHECKING:
    from trainer.learning.basedata import BaseData


def remember(base: "BaseData") -> None:
    """Write the thumbnails of all 70,000 images of MNIST, unless they are there. Nothing is written
    of the stand-in: its images are nobody's."""
    if base.test_images is None or base.test_labels is None or MnistThumbnails.objects.exists():
        return
    images = np.concatenate([base.train_images, base.gate_images, base.test_images])
    labels = np.concatenate([base.train_labels, base.gate_labels, base.test_labels])
    MnistThumbnails.objects.bulk_create(
        [
            MnistThumbnails(
                digit=d, thumbnails=similarity.thumbnails(images[labels == d]).tobytes()
            )
            for d in range(10)
        ],
        ignore_conflicts=True,
    )


def is_duplicate(pixels: NDArray[np.uint8], digit: int) -> bool:
    """Say whether a picture, uint8 (28, 28), is nearly one of MNIST's images of the digit; no,
    while none are known."""
    try:
        return similarity.is_duplicate_of_any(pixels, _thumbnails(digit), digit)
    except MnistThumbnails.DoesNotExist:
        return False


@lru_cache(maxsize=10)
def _thumbnails(digit: int) -> NDArray[np.uint8]:
    """Load the thumbnails of a digit, uint8 (n, 196), once for the process: they never change."""
    stored = bytes(MnistThumbnails.objects.get(digit=digit).thumbnails)
    return np.frombuffer(stored, np.uint8).reshape(-1, (similarity.SIDE // 2) ** 2)
