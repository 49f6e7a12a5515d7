"""The challenge of the day: the digit that everybody is asked to trick the model with. A pure rule
over the date, so no row is kept, and nothing that happens on a day changes the day's challenge."""

from datetime import date
from hashlib import sha256

TURN = 10  # days, in which each digit comes once


def digit_of(day: date) -> int:
    """Return a day's digit: each once in every ten days, in an order of its own, and none on two
    days in a row."""
    turn, place = divmod(day.toordinal(), TURN)
    digits = _mixed(turn)
    if digits[0] == _mixed(turn - 1)[-1]:
        digits[:2] = digits[1::-1]
    return digits[place]


def _mixed(turn: int) -> list[int]:
    return sorted(range(TURN), key=lambda digit: sha256(f"{turn} {digit}".encode()).digest())
