"""Attribution maps: how much each pixel of a picture speaks for one digit and against another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.learning import inference

STEPS = 32


def attribution_map(
    net: inference.Net, pixels: NDArray[np.uint8], digit: int, runner_up: int
) -> NDArray[np.float64]:
    """Say what each pixel of a picture, uint8 (28, 28), adds to log p(``digit``) − log
    p(``runner_up``), float64 (28, 28).

    Integrated gradients from the black picture (M. Sundararajan, A. Taly and Q. Yan, “Axiomatic
    attribution for deep networks”, 2017), by the midpoint rule in ``STEPS`` steps: they add up, but
    for the rule's error, to the difference between the picture and the black one, and where there
    is no ink they are 0.
    """
    # The pictures on the way from black to the whole one, (STEPS, 28, 28), each in mid-step.
    share = ((np.arange(STEPS) + 0.5) / STEPS).astype(np.float32)
    ink = pixels.astype(np.float32)
    gradients = net.gradients(share[:, None, None] * ink, digit, runner_up)
    # How the difference grows with each pixel: its mean over the steps, times the ink.
    added: NDArray[np.float64] = gradients.mean(axis=0, dtype=np.float64) * pixels
    return added
