"""Digits, shares, figures and spans of time as people say them."""

from datetime import timedelta

from trainer.learning.evaluate import wilson
from trainer.learning.report import Kind, SetFigures, TestSet

TEST_SETS = {Kind.FOOLS: "what fooled round", Kind.AUDITED: "audited drawings of round"}


def named(digit: int) -> str:
    """Name a digit, as in “a 4” or “an 8”."""
    return f"{'an' if digit == 8 else 'a'} {digit}"


def sureness(share: float) -> str:
    """Say a probability in whole per cent, without a false 0 % or 100 %."""
    rounded = round(100 * share)
    if rounded == 0 and share > 0:
        return "< 1 %"
    return "> 99 %" if rounded == 100 and share < 1 else f"{rounded} %"


def sure(share: float) -> str:
    """Say a probability within a sentence, as in “97 % sure” or “over 99 % sure”."""
    return f"{sureness(share).replace('<', 'under').replace('>', 'over')} sure"


def count(number: int, singular: str, plural: str = "") -> str:
    """Say how many, as in “1 drawing” or “1,204 drawings”."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def short(number: int) -> str:
    """Say a number where there is hardly any room, as in “999”, “1.2k” or “34k”."""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 9950 else f"{number / 1000:.0f}k"


def percent(share: float | None, digits: int = 0) -> str:
    """Say a share of 1 as a percentage; a dash where there is nothing to divide."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def rate_of(verified: int, attempts: int, pending: int) -> str:
    """Say what a vMER is a share of."""
    decided = attempts - pending
    return f"{verified:,} of {decided:,} decided" if decided else "none decided yet"


def waiting(pending: int) -> str:
    """Say how many still wait for moderators."""
    return f"{pending:,} waiting" if pending else "none waiting"


def copies(copy_count: int) -> str:
    """Say how many copies were left out of the counts; nothing where there are none."""
    return f", {count(copy_count, 'copy', 'copies')} left out" if copy_count else ""


def interval(share: float | None, low: float | None, high: float | None) -> str:
    """Say a share with its 95 % interval, as in “99.0 % (98.8–99.2)”; a dash where there is
    none."""
    if share is None or low is None or high is None:
        return "–"
    return f"{percent(share, 1)} ({between(100 * low, 100 * high)})"


def share(count: int, of: int) -> str:
    """Say a share of readings with its 95 % interval; a dash where there are none."""
    return interval(count / of, *wilson(count, of)) if of else "–"


def between(low: float, high: float) -> str:
    """Say an interval, as in “98.8–99.2”."""
    return f"{low:.1f}–{high:.1f}"


def whole_percent(count: int, of: int) -> str:
    """Say a share in whole per cent without the sign, as in “87”; 0 and 100 only where none or all
    are, a dash where there is nothing to divide."""
    if not of:
        return "–"
    rounded = round(100 * count / of)
    return str(min(99, max(1, rounded)) if 0 < count < of else rounded)


def measured_on(figures: SetFigures) -> str:
    """Say how many images an accuracy is of, and whether they stand in for real ones."""
    if not figures.n:
        return "not measured here"
    return count(figures.n, "stand-in image" if figures.stand_in else "image")


def test_set(test: TestSet) -> str:
    """Name a test set, as in “what fooled round 3”."""
    return f"{TEST_SETS[test.kind]} {test.round}"


def left(progress: float, spent: timedelta) -> str:
    """Say a progress of 1, and what is left by what it took so far, as in “45 %, about 2 minutes
    left”; without that while it would be a guess."""
    done = percent(progress)
    return done if progress < 0.1 else f"{done}, about {_roughly(spent * (1 / progress - 1))} left"


def _roughly(length: timedelta) -> str:
    """Round a span of time, as in “10 seconds”, “2 minutes” or “3 hours”."""
    seconds = length.total_seconds()
    return (
        count(max(10, 10 * round(seconds / 10)), "second")
        if seconds < 95
        else span(length + timedelta(seconds=30))
    )


def span(length: timedelta) -> str:
    """Say a span of time in whole units, as in “3 minutes”, “5 hours” or “2 days”."""
    seconds = max(0, int(length.total_seconds()))
    for size, name in ((24 * 3600, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return count(seconds // size, name)
    return "under a minute"
