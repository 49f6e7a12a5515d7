"""How a simulated person tries to fool a model: writes, looks at the verdict, and goes on from the
same picture.

Each try departs further from the usual hand; after ``MOST_TRIES`` without success they give the
picture up for another.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from trainer.simulation import penman

MOST_TRIES = 5
BOLDEST_FIRST_TRY = 0.8


@dataclass
class Fooler:
    """Somebody with a hand of their own; ``last`` is the picture to go on from, ``tries`` how often
    it was tried."""

    hand: penman.Writer
    rng: Generator
    last: penman.Written | None = None
    tries: int = 0

    def draw(self) -> penman.Written:
        """Make the next drawing: another try at the last picture, or any digit anew."""
        if self.last is None:
            return first_try(self.hand, int(self.rng.integers(10)), self.rng)
        return penman.again(self.last, self.rng, 0.5 + 0.5 * self.tries / MOST_TRIES)

    def learn(self, written: penman.Written, fooled: bool) -> None:
        """Learn the verdict on a drawing."""
        self.tries += 1
        self.last = written
        if fooled or self.tries == MOST_TRIES:
            self.give_up()

    def give_up(self) -> None:
        """Leave the last picture; the next drawing is another."""
        self.last, self.tries = None, 0


def first_try(hand: penman.Writer, digit: int, rng: Generator) -> penman.Written:
    """Write a digit as somebody does who knows nothing of a model, from the usual hand to rather a
    bold one."""
    return penman.write(hand, digit, rng, float(rng.uniform(0, BOLDEST_FIRST_TRY)))
