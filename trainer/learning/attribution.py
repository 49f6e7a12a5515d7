"""Attribution maps: how much each pixel of a picture speaks for one digit and against another."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.learning import nets

STEPS = 32


def attribution_map(
    net: nn.Module, pixels: NDArray[np.uint8], digit: int, runner_up: int
) -> NDArray[np.float64]:
    """Say what each pixel of a picture, uint8 (28, 28), adds to log p(``digit``) − log
    p(``runner_up``), float64 (28, 28).

    Integrated gradients from the black picture (M. Sundararajan, A. Taly and Q. Yan, “Axiomatic
    attribution for deep networks”, 2017), by the midpoint rule in ``STEPS`` steps: they add up, but
    for the rule's error, to the difference between the picture and the black one, and where there
    is no ink they are 0. Leaves the net in eval mode.
    """
    net.eval()
    # The pictures on the way from black to the whole one, (STEPS, 1, 28, 28), each in mid-step.
    share = (torch.arange(STEPS, dtype=torch.float32) + 0.5) / STEPS
    ink = torch.tensor(pixels, dtype=torch.float32)
    between = (share[:, None, None, None] * ink).requires_grad_()
    # How the difference grows with each pixel, at every step; then the mean, times the ink.
    answers = net(nets.normalise(between))
    (gradients,) = torch.autograd.grad((answers[:, digit] - answers[:, runner_up]).sum(), between)
    added: NDArray[np.float64] = (gradients.mean(dim=0)[0] * ink).double().numpy()
    return added
