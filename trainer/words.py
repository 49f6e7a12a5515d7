"""Digits, shares, figures and spans of time as people say them, in the language of who reads."""

from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer.learning.evaluate import wilson
from trainer.learning.report import Kind, SetFigures, TestSet
from trainer.learning.sentences import Sentence
from trainer.saying import number, say, told


def a_digit(digit: int) -> Sentence:
    """Name a digit, as in “a 4” or “an 8”, for who is not known yet."""
    return Sentence("an 8") if digit == 8 else Sentence("a {digit}", digit=digit)


def named(digit: int) -> str:
    """Name a digit, as in “a 4” or “an 8”."""
    return told(a_digit(digit))


def sureness(share: float) -> str:
    """Say a probability in whole per cent, without a false 0 % or 100 %."""
    rounded = round(100 * share)
    if rounded == 0 and share > 0:
        return "< 1 %"
    return "> 99 %" if rounded == 100 and share < 1 else f"{rounded} %"


def sure(share: float) -> str:
    """Say a probability within a sentence, as in “97 % sure” or “over 99 % sure”."""
    rounded = round(100 * share)
    if rounded == 0 and share > 0:
        return _("under 1 % sure")
    if rounded == 100 and share < 1:
        return _("over 99 % sure")
    return say(_("{percent} % sure"), percent=rounded)


def surely(share: float) -> str:
    """Say a probability by itself, as in “97 % sure” or “> 99 % sure”."""
    return say(_("{percent} sure"), percent=sureness(share))


def confusion(drawn: int, taken: int) -> str:
    """Name a confusion, as in “a 4 taken for a 9”."""
    return say(_("{drawn} taken for {taken}"), drawn=named(drawn), taken=named(taken))


def drawings(n: int) -> str:
    """Say how many, as in “1 drawing” or “1,204 drawings”."""
    return say(ngettext("{n:,} drawing", "{n:,} drawings", n), n=n)


def people(n: int) -> str:
    return say(ngettext("{n:,} person", "{n:,} people", n), n=n)


def samples(n: int) -> str:
    return say(ngettext("{n:,} sample", "{n:,} samples", n), n=n)


def days(n: int) -> str:
    return say(ngettext("{n:,} day in a row", "{n:,} days in a row", n), n=n)


def images(n: int, *, stand_in: bool) -> str:
    """Say how many images, and whether they stand in for real ones."""
    if stand_in:
        return say(ngettext("{n:,} stand-in image", "{n:,} stand-in images", n), n=n)
    return say(ngettext("{n:,} image", "{n:,} images", n), n=n)


def short(count: int) -> str:
    """Say a number where there is hardly any room, as in “999”, “1.2k” or “34k”."""
    if count < 1000:
        return str(count)
    return f"{number(count / 1000, '.1f' if count < 9950 else '.0f')}k"


def percent(share: float | None, digits: int = 0) -> str:
    """Say a share of 1 as a percentage; a dash where there is nothing to divide."""
    return "–" if share is None else f"{number(100 * share, f'.{digits}f')} %"


def count_of(count: int, of: int) -> str:
    """Say a count and what it is of, as in “12 of 1,204”."""
    return say(_("{count:,} of {of:,}"), count=count, of=of)


def rate_of(verified: int, attempts: int, pending: int) -> str:
    """Say what a vMER is a share of."""
    decided = attempts - pending
    if not decided:
        return _("none decided yet")
    return say(_("{verified:,} of {decided:,} decided"), verified=verified, decided=decided)


def waiting(pending: int) -> str:
    """Say how many still wait for moderators."""
    return say(_("{pending:,} waiting"), pending=pending) if pending else _("none waiting")


def copies(copy_count: int) -> str:
    """Say how many copies were left out of the counts; nothing where there are none."""
    if not copy_count:
        return ""
    left_out = ngettext(", {n:,} copy left out", ", {n:,} copies left out", copy_count)
    return say(left_out, n=copy_count)


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
    return f"{number(low, '.1f')}–{number(high, '.1f')}"


def whole_percent(count: int, of: int) -> str:
    """Say a share in whole per cent without the sign, as in “87”; 0 and 100 only where none or all
    are, a dash where there is nothing to divide."""
    if not of:
        return "–"
    rounded = round(100 * count / of)
    return str(min(99, max(1, rounded)) if 0 < count < of else rounded)


def measured_on(figures: SetFigures) -> str:
    """Say how many images an accuracy is of, and whether they stand in for real ones."""
    return images(figures.n, stand_in=figures.stand_in) if figures.n else _("not measured here")


def test_set(test: TestSet) -> str:
    """Name a test set, as in “what fooled round 3”."""
    if test.kind == Kind.FOOLS:
        return say(_("what fooled round {number}"), number=test.round)
    return say(_("audited drawings of round {number}"), number=test.round)


def left(progress: float, spent: timedelta) -> str:
    """Say a progress of 1, and what is left by what it took so far, as in “45 %, about 2 minutes
    left”; without that while it would be a guess."""
    done = percent(progress)
    if progress < 0.1:
        return done
    length = _roughly(spent * (1 / progress - 1))
    return say(_("{done}, about {length} left"), done=done, length=length)


def _roughly(length: timedelta) -> str:
    """Round a span of time, as in “10 seconds”, “2 minutes” or “3 hours”."""
    if length.total_seconds() >= 95:
        return span(length + timedelta(seconds=30))
    n = max(10, 10 * round(length.total_seconds() / 10))
    return say(ngettext("{n:,} second", "{n:,} seconds", n), n=n)


def span(length: timedelta) -> str:
    """Say a span of time in whole units, as in “3 minutes”, “5 hours” or “2 days”."""
    seconds = max(0, int(length.total_seconds()))
    # Translators: spans stand in “for …”, “… ago”, “about … left” and “… at today’s pace” alone.
    if n := seconds // (24 * 3600):
        return say(ngettext("{n:,} day", "{n:,} days", n), n=n)
    if n := seconds // 3600:
        return say(ngettext("{n:,} hour", "{n:,} hours", n), n=n)
    if n := seconds // 60:
        return say(ngettext("{n:,} minute", "{n:,} minutes", n), n=n)
    return _("under a minute")
