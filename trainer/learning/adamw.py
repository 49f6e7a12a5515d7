"""AdamW with one cycle of the learning rate.

To the bit what ``torch.optim.AdamW`` and ``OneCycleLR`` do with their defaults. Those load torch's
compiler at their first step, and a training is a process of its own: a second or more of each, and
memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import nn

_BETA_2, _EPSILON = 0.999, 1e-8
_LEAST_BETA_1, _MOST_BETA_1 = 0.85, 0.95
_OF_THE_PEAK_FIRST = 25.0  # the peak is so many times the first rate
_OF_THE_FIRST_LAST = 1e4  # which is so many times the last


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter, “Decoupled weight decay
    regularization”, 2019)."""

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        self._parameters = list(parameters)
        self._weight_decay, self._step_count = weight_decay, 0
        self._means = [torch.zeros_like(each) for each in self._parameters]
        self._squares = [torch.zeros_like(each) for each in self._parameters]

    def zero_grad(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float, beta_1: float) -> None:
        """Move each parameter against its gradient."""
        self._step_count += 1
        size = learning_rate / (1 - beta_1**self._step_count)
        root = (1 - _BETA_2**self._step_count) ** 0.5
        for parameter, mean, square in zip(
            self._parameters, self._means, self._squares, strict=True
        ):
            gradient = parameter.grad
            if gradient is None:
                continue
            parameter.mul_(1 - learning_rate * self._weight_decay)
            mean.lerp_(gradient, 1 - beta_1)
            square.mul_(_BETA_2).addcmul_(gradient, gradient, value=1 - _BETA_2)
            parameter.addcdiv_(mean, (square.sqrt() / root).add_(_EPSILON), value=-size)


def one_cycle(peak: float, step_count: int, pct_start: float) -> Iterator[tuple[float, float]]:
    """Give each step's learning rate and beta 1: the rate rises to its peak in the share
    ``pct_start`` of the steps and falls to next to nothing, beta 1 falls meanwhile and rises (Smith
    and Topin, “Super-convergence”, 2018)."""
    first = peak / _OF_THE_PEAK_FIRST
    last = first / _OF_THE_FIRST_LAST
    top, end = float(pct_start * step_count) - 1, step_count - 1
    for step in range(step_count):
        if step <= top:
            share = step / top
            yield _eased(first, peak, share), _eased(_MOST_BETA_1, _LEAST_BETA_1, share)
        else:
            share = (step - top) / (end - top)
            yield _eased(peak, last, share), _eased(_LEAST_BETA_1, _MOST_BETA_1, share)


def _eased(start: float, end: float, share: float) -> float:
    """Half a cosine wave from start to end."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
