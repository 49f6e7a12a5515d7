"""The django-q2 doors of the collector."""

from datetime import timedelta

from collector.models import Study
from collector.moderation import trust
from collector.people import mails, notices, retention
from collector.study import alarms
from trainer import candidates

TRAINERS_TELL_WITHIN = timedelta(minutes=2)


def start_if_due() -> None:
    """Start, every minute, what became due while another model was in training, or by a smaller
    round size."""
    study = Study.current()
    for arm in study.weights:
        candidates.start_if_due(study.architecture, study.round_size, study.max_per_person, arm)


def pause_untrusted_moderators() -> None:
    """Pause, every minute, moderators whose readings agree too seldom with what the drawings
    settled as."""
    trust.pause_untrusted()


def tell() -> None:
    """Queue emails, every minute, to who wants them, and tell people of a round that opened whose
    trainer came to an end before it could: it has torch, which a worker would keep for ever."""
    notices.notify_of_round(opened_for=TRAINERS_TELL_WITHIN)
    notices.queue_emails()


def look_for_alarms() -> None:
    """Tell admins, every minute, of what has become wrong with the site, and of what is over."""
    alarms.look(mails.queue_of_alarm)


def send_emails() -> None:
    """Send emails, once one is queued, and every minute those that are due again."""
    mails.send_due()


def tidy() -> None:
    """Delete, every hour, what is older than its rule."""
    retention.keep()
