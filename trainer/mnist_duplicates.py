"""Whether a drawing is one of MNIST's own images, painted again: from rows that a worker with MNIST
writes once."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainer.learning import painted
from trainer.models import MnistThumbnails
from trainer.prepared import Prepared

if TYPE_CHECKING:
    from trainer.learning.basedata import BaseData


def are_known() -> bool:
    """Whether it is written down what MNIST's images are known by."""
    return MnistThumbnails.objects.exclude(bits=b"").exists()


def remember(base: "BaseData") -> None:
    """Write down what all 70,000 images of MNIST are known by. Nothing is written of the stand-in:
    its images are nobody's."""
    if base.test_images is None or base.test_labels is None:
        return
    images = np.concatenate([base.train_images, base.gate_images, base.test_images])
    labels = np.concatenate([base.train_labels, base.gate_labels, base.test_labels])
    rows = []
    for digit in range(10):
        known = painted.known(images[labels == digit])
        rows.append(
            MnistThumbnails(
                digit=digit, thumbnails=known.forms.tobytes(), bits=known.bits.tobytes()
            )
        )
    MnistThumbnails.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["digit"],
        update_fields=["thumbnails", "bits"],
    )


def is_duplicate(pixels: NDArray[np.uint8], digit: int) -> bool:
    """Say whether a picture, uint8 (28, 28), is nearly one of MNIST's images of the digit; no,
    while none are known."""
    try:
        return painted.is_one_of(pixels, _known(digit), digit)
    except MnistThumbnails.DoesNotExist:
        return False


_OF_DIGIT = Prepared(
    lambda digit: MnistThumbnails.objects.exclude(bits=b"").filter(digit=digit), int
)


@lru_cache(maxsize=10)
def _known(digit: int) -> painted.Known:
    """Load what MNIST's images of a digit are known by, once for the process: it never changes.
    Raises MnistThumbnails.DoesNotExist."""
    row = _OF_DIGIT.first(digit)
    if row is None:
        raise MnistThumbnails.DoesNotExist
    forms = np.frombuffer(row.thumbnails, np.uint8).reshape(-1, painted.GRID**2)
    bits = np.frombuffer(row.bits, np.uint8).reshape(len(forms), -1)
    return painted.Known(bits, forms)
