"""The django-q2 doors of the collector."""

from datetime import timedelta

from collector.data import deliveries, webhooks
from collector.moderation import trust
from collector.people import mails, notices, retention
from collector.study import alarms, settings

TRAINERS_TELL_WITHIN = timedelta(minutes=2)


def start_if_due() -> None:
    """Start, every minute, what became due while another model was in training, or by a smaller
    round size."""
    settings.start_if_due()


def pause_untrusted_moderators() -> None:
    """Pause, every minute, moderators whose readings agree too seldom with what the drawings
    settled as."""
    trust.pause_untrusted()


def tell() -> None:
    """Queue emails, every minute, to who wants them, and tell people of a round that opened whose
    trainer came to an end before it could."""
    notices.notify_of_round(opened_for=TRAINERS_TELL_WITHIN)
    notices.queue_emails()


def look_for_alarms() -> None:
    """Tell admins, every minute, of what has become wrong with the site, and of what is over."""
    alarms.look(mails.queue_of_alarm)


def send_emails() -> None:
    """Send emails, once one is queued, and every minute those that are due again."""
    mails.send_due()


def tell_webhooks() -> None:
    """Tell other systems of what happened, once it is queued, and every minute what the trainer did
    and what is due again; and that the study ended."""
    webhooks.note_what_happened()
    deliveries.send_due()


def tidy() -> None:
    """Delete, every hour, what is older than its rule."""
    retention.keep()
