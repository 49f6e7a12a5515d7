"""Our optimiser is torch's, to the bit, without what torch's loads."""

import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.learning import nets
from trainer.learning.adamw import AdamW, one_cycle

LEARN = """
import sys
from dataclasses import replace
import numpy as np
from trainer.learning import basedata, fit, shipped
first = shipped.round_one("mnist_model")
recipe = replace(fit.default_recipe("mnist_model", 4), steps=2)
pixels, labels = np.zeros((4, 28, 28), np.uint8), np.arange(4)
base = basedata.stand_in()
fit.retrain(first.weights, "mnist_model", base, pixels, labels, recipe, 1, lambda share: None)
print(*sorted({"torch._dynamo", "torch._inductor", "sympy"} & sys.modules.keys()))
"""


def laid_out(architecture: str) -> nn.Module:
    torch.manual_seed(1)
    return nets.build(architecture).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def batches(steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(steps, 8, 1, 28, 28, generator=generator)
    labels = torch.randint(10, (steps, 8), generator=generator)
    return zip(images, labels, strict=True)


@pytest.mark.parametrize(
    ("steps", "pct_start", "decay"), [(30, 0.3, 0.01), (7, 0.1, 0.3), (12, 0.25, 0.0)]
)
@pytest.mark.parametrize("architecture", nets.ARCHITECTURES)
def test_a_models_steps_are_torchs_to_the_bit(
    architecture: str, steps: int, pct_start: float, decay: float
) -> None:
    ours, theirs = laid_out(architecture), laid_out(architecture)
    optimiser = AdamW(ours.parameters(), decay)
    torchs = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=decay)
    with warnings.catch_warnings(action="ignore"):  # at its first step, of the order of calls
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            torchs, 0.01, total_steps=steps, pct_start=pct_start
        )
        rates = one_cycle(0.01, steps, pct_start)
        for (images, labels), (rate, beta_1) in zip(batches(steps), rates, strict=True):
            assert torchs.param_groups[0]["lr"] == rate
            assert torchs.param_groups[0]["betas"] == (beta_1, 0.999)
            for model, each in ((ours, optimiser), (theirs, torchs)):
                each.zero_grad()
                F.nll_loss(model(images), labels).backward()  # type: ignore[no-untyped-call]
            optimiser.step(rate, beta_1)
            torchs.step()
            schedule.step()
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    assert all(torch.equal(mine, other) for mine, other in pairs)


def test_a_training_loads_nothing_of_torchs_compiler() -> None:
    learnt = [sys.executable, "-c", LEARN]
    assert subprocess.run(learnt, capture_output=True, text=True, check=True).stdout == "\n"
