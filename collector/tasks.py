"""The django-q2 doors of the collector."""

from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from collector.models import Allowance, Study, Token
from collector.moderation import trust
from collector.people import notices
from trainer import candidates


def start_if_due() -> None:
    """Every minute: start what became due while another model was in training, or by a smaller
    round size."""
    study = Study.current()
    candidates.start_if_due(study.architecture, study.round_size, study.max_per_person)


def pause_untrusted_moderators() -> None:
    """Every minute: suspend moderators whose readings agree too seldom with what the drawings
    settled as."""
    trust.pause_untrusted()


def tell() -> None:
    """Every minute: what people are told of a round that opened, and mails to who wants them."""
    notices.notify_of_round()
    notices.send_mails()


def tidy() -> None:
    """Every hour: drop what has run out — limits' windows, tokens, sessions."""
    now = timezone.now()
    Allowance.objects.filter(ends_at__lt=now).delete()
    Token.objects.filter(expires_at__lt=now).delete()
    SessionStore.clear_expired()
