"""Alarms: what is wrong with the site is told once as it begins, and once when it is over."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from collector.models import Alarm
from collector.study import site_status

LASTS = timedelta(minutes=3)  # before it is told: what has just started is not well at once
CALM = timedelta(minutes=10)  # what comes and goes within this is one alarm

Tell = Callable[[Alarm], object]


def look(tell: Tell) -> None:
    """Begin an alarm for all that has become wrong, and end those that are over. Safe to call
    often, and by several at once.

    `tell` is called once as one has lasted for a while, and once as it ended, in the transaction
    that notes so.
    """
    wrong = site_status.wrong()
    alarms = {alarm.kind: alarm for alarm in Alarm.objects.filter(ended_at=None)}
    for kind in Alarm.Kind:
        alarm = alarms.get(kind)
        if kind not in wrong:
            if alarm:
                _end(alarm, tell)
        elif alarm is None:
            now = timezone.now()
            with suppress(IntegrityError), transaction.atomic():  # another may have begun it
                Alarm.objects.create(kind=kind, began_at=now, seen_at=now)
        else:
            _go_on(alarm, tell)


def _go_on(alarm: Alarm, tell: Tell) -> None:
    now = timezone.now()
    same = Alarm.objects.filter(pk=alarm.pk, ended_at=None)
    untold = same.filter(told_at=None)
    if not _is_fresh(alarm) and untold.update(began_at=now, seen_at=now):
        return  # nobody has looked for a while
    same.update(seen_at=now)
    if alarm.told_at is None and now - alarm.began_at >= LASTS:
        with transaction.atomic():
            if untold.update(told_at=now):
                tell(alarm)


def _end(alarm: Alarm, tell: Tell) -> None:
    same = Alarm.objects.filter(pk=alarm.pk, ended_at=None)
    if alarm.told_at is None:
        same.filter(told_at=None).delete()
    elif not _is_fresh(alarm):
        with transaction.atomic():
            alarm.ended_at = timezone.now()
            if same.filter(seen_at=alarm.seen_at).update(ended_at=alarm.ended_at):
                tell(alarm)


def _is_fresh(alarm: Alarm) -> bool:
    """Whether it was seen lately; a time in the future is of a clock that was ahead."""
    now = timezone.now()
    return now - CALM < alarm.seen_at <= now
