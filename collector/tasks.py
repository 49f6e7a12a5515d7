"""The django-q2 doors of the collector."""

from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from collector.models import Allowance, Token


def tidy() -> None:
    """Every hour: drop what has run out — limits' windows, tokens, sessions."""
    now = timezone.now()
    Allowance.objects.filter(ends__lt=now).delete()
    Token.objects.filter(expires__lt=now).delete()
    SessionStore.clear_expired()
