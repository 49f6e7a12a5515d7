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
    candidates.start_if_due(study.net, study.round_size, study.most_each)


def suspend_untrusted() -> None:
    """Every minute: suspend moderators whose readings agree too seldom with what the drawings
    settled as."""
    trust.suspend_untrusted()


def tell() -> None:
    """Every minute: what people are told of a round that opened, and mails to who wants them."""
    notices.tell_of_round()
    notices.mail()


def tidy() -> None:
    """Every hour: drop what has run out — limits' windows, tokens, sessions."""
    now = timezone.now()
    Allowance.objects.filter(ends__lt=now).delete()
    Token.objects.filter(expires__lt=now).delete()
    SessionStore.clear_expired()
