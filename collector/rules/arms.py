"""The lot that gives people to the arms of a study: permuted blocks. In each block every arm comes
as often as its weight says, in an order that nobody knows ahead."""

import random
import re
from collections import Counter
from collections.abc import Iterable

from trainer.learning.sentences import Sentence

NAMES = ("dynamic", "static", "none")
HEAVIEST = 20  # a weight; the longer a block, the longer the arms may differ in size
PLAIN = "dynamic"  # the one arm of a site that compares nothing
NOT_TOLD = Sentence(
    "In your part of the study nobody is told what models say, before the study has ended."
)
_ONE = re.compile(r"([a-z]+)(?::([1-9][0-9]?))?")


def parse(text: str) -> dict[str, int]:
    """Read arms and their weights, as in `dynamic:2,static:1,none:1`; one without a weight has 1.
    Raises ValueError, with a sentence, for anything else, and where `dynamic` is not among them,
    which strangers draw against."""
    read = [_ONE.fullmatch(part) for part in text.split(",")]
    weights = {one[1]: int(one[2] or 1) for one in read if one}
    is_clear = len(weights) == len(read) and set(weights) <= set(NAMES)
    if not is_clear or PLAIN not in weights or max(weights.values()) > HEAVIEST:
        raise ValueError(
            Sentence(
                "Arms are dynamic, and beside it static and none or either, each once, with a "
                "weight from 1 to {heaviest}, as in dynamic:2,static:1,none:1.",
                heaviest=HEAVIEST,
            )
        )
    return weights


def draw(weights: dict[str, int], earlier: Iterable[str], lot: random.Random) -> str:
    """Draw the next arm of a block of which these are drawn already, and not all.

    One at a time and uniformly of what is left, so that each order of a block is as likely as any
    other, and none is known, or kept anywhere, before the person is there.
    """
    left = Counter(weights)
    left.subtract(earlier)
    return lot.choice(list(left.elements()))
