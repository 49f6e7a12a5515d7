"""The django-q2 doors of the collector."""

from datetime import timedelta

from django.utils import timezone
from django_q.models import OrmQ, Task

from collector.drawings import asking
from collector.models import Allowance, Study
from collector.moderation import trust
from collector.people import accounts, mails, notices, sessions
from trainer import candidates, heartbeats

TASKS_KEPT = timedelta(days=7)  # with their arguments and results


def start_if_due() -> None:
    """Start, every minute, what became due while another model was in training, or by a smaller
    round size."""
    study = Study.current()
    candidates.start_if_due(study.architecture, study.round_size, study.max_per_person)


def pause_untrusted_moderators() -> None:
    """Pause, every minute, moderators whose readings agree too seldom with what the drawings
    settled as."""
    trust.pause_untrusted()


def tell() -> None:
    """Tell people, every minute, of a round that opened, and queue emails to who wants them."""
    notices.notify_of_round()
    notices.queue_emails()


def send_emails() -> None:
    """Send emails, once one is queued, and every minute those that are due again."""
    mails.send_due()


def tidy() -> None:
    """Delete, every hour, what has run out: limits' windows, tokens, sessions, addresses never
    confirmed, what was asked of the model a day ago, machines that are gone and the questions to
    them, and what the queue remembers of tasks."""
    now = timezone.now()
    Allowance.objects.filter(ends_at__lt=now).delete()
    Task.objects.filter(stopped__lt=now - TASKS_KEPT).delete()
    sessions.forget_old()
    accounts.forget_unconfirmed()
    asking.forget()
    heartbeats.forget_long_gone()
    OrmQ.objects.filter(lock__lt=now - heartbeats.FORGOTTEN_AFTER, key__contains="@").delete()
