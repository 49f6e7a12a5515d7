"""Emails: queued in the transaction that causes them, sent by the worker, each by itself.

A page waits for no mail server, and one address that is refused costs the others nothing. One try
at most waits for a server that says nothing; until it answers, or some time has passed, nothing
else is tried. Rows hold no text and no link, and go once the email is sent or given up.
"""

import logging
import re
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import parseaddr
from smtplib import (
    SMTPDataError,
    SMTPException,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.tokens import default_token_generator
from django.core import mail, signing
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_q.tasks import async_task

from collector.models import Alarm, Email, Person, clock

log = logging.getLogger(__name__)

Kind = Email.Kind
TRIES = 10
FIRST_WAIT = timedelta(minutes=2)  # each further one is twice as long: the last try after 17 h
KEPT = timedelta(days=1)
SILENCE = timedelta(minutes=2)  # nothing is tried while a try has had no answer for less than this
A_RUN = 20.0  # seconds, after which no further email is begun: the worker has other things to do
LISTED = 20  # notices in one email
CONFIRMING = "collector.people.mails.confirm"  # the salt of links

# As servers write them back: in other letters, or with the domain in xn--.
_ADDRESS = re.compile(r"[^\s<>\"',;:()]+@[^\s<>\"',;:()]+")

# What a server says about one email. Whatever else goes wrong is the server's, the network's or,
# where the sender is refused, this site's.
_OF_ONE = (SMTPRecipientsRefused, SMTPDataError, SMTPNotSupportedError)


def queue(
    kind: Email.Kind,
    to: str,
    *,
    person: Person | None = None,
    site: str = "",
    at: datetime | None = None,
    alarm: Alarm | None = None,
) -> None:
    """Have the worker send an email, once the caller's transaction, if any, commits, in place of
    the same one if that still waits. `site` is the origin that its link leads to, `at` the time of
    queueing, now."""
    now = at or clock.now()
    same = Email.objects.filter(kind=kind, to=to, person=person, alarm=alarm)
    with transaction.atomic():
        same.exclude(kind=Kind.NOTICES).delete()  # of which each has its own
        Email.objects.create(
            kind=kind, to=to, person=person, site=site, alarm=alarm, queued_at=now, due_at=now
        )
        async_task("collector.tasks.send_emails", save=False)


def queue_of_alarm(alarm: Alarm) -> None:
    """Have the worker tell the admins who have a confirmed address that an alarm began or ended."""
    kind = Kind.OVER if alarm.ended_at else Kind.ALARM
    admins = Person.objects.filter(role=Person.Role.ADMIN, is_active=True).exclude(email="")
    for admin in admins:
        queue(kind, admin.email, person=admin, alarm=alarm)


def site_of(request: HttpRequest) -> str:
    """Return the origin that the links in an email lead to: that of a request, but for a port that
    is neither the site's nor one of its origins', which whoever asks may have made up."""
    host = request.get_host()
    name, _, port = host.rpartition(":")
    origin = f"{request.scheme}://{host}"
    is_known = origin in settings.CSRF_TRUSTED_ORIGINS or port == str(settings.PORT)
    return origin if is_known or not port.isdigit() else f"{request.scheme}://{name}"


def send_due() -> int:
    """Send the emails that are due, oldest first; return how many were sent.

    A refused one is tried later or, where it is refused for good, given up; where the server does
    not answer, all wait. An email that was sent by a worker that was killed before it could note it
    is sent again, under the same Message-ID.
    """
    _give_up_old()
    sent_count, end = 0, time.monotonic() + A_RUN
    with closing(mail.get_connection()) as connection:
        while time.monotonic() < end and (email := _claim()):
            is_sent = _try(email, connection)
            if is_sent is None:
                break
            sent_count += is_sent
    return sent_count


def _claim() -> Email | None:
    """Take the next email that is due and count a try at it; None where there is none, another
    worker has it, or a server owes an answer."""
    now = clock.now()
    if Email.objects.filter(unanswered_at__range=(now - SILENCE, now)).exists():
        return None
    email = Email.objects.filter(due_at__lte=now).order_by("due_at", "pk").first()
    if email is None:
        return None
    claimed = Email.objects.filter(pk=email.pk, try_count=email.try_count).update(
        try_count=F("try_count") + 1,
        due_at=now + FIRST_WAIT * 2**email.try_count,
        unanswered_at=now,
    )
    email.try_count += 1
    return email if claimed else None


def _try(email: Email, connection: BaseEmailBackend) -> bool | None:
    """Send one email; return whether it was sent, None where the server does not answer."""
    try:
        if message := _message(email):
            connection.open()
            connection.send_messages([message])
    except _OF_ONE as error:
        _note_answer(email)
        code, said = _answer_of(error)
        _fail(email, f"{code} {said}", is_final=code >= 500)
    except OSError as error:  # of which SMTPException is one
        if not Email.objects.exclude(pk=email.pk).exclude(unanswered_at=None).exists():
            log.warning("Emails wait for the mail server. %s: %s", type(error).__name__, error)
        _fail(email, f"{type(error).__name__}: {error}", is_final=False)
        return None
    except Exception:
        log.exception("Email %s (%s) could not be made.", email.pk, email.kind)
        Email.objects.filter(pk=email.pk).update(unanswered_at=None)
        _fail(email, "It could not be made.", is_final=False)
    else:
        email.delete()
        if message:
            _note_answer(email)
        return message is not None
    return False


def _note_answer(email: Email) -> None:
    """Let go on what waited for a server that now has answered to this email."""
    waiting = Email.objects.exclude(unanswered_at=None)
    waiting.exclude(pk=email.pk).update(unanswered_at=None, due_at=clock.now())
    waiting.update(unanswered_at=None)


def _fail(email: Email, cause: str, *, is_final: bool) -> None:
    """Give up an email that was refused for good or tried often enough; else it waits."""
    if is_final or email.try_count >= TRIES:
        _give_up(email, cause)


def _give_up_old() -> None:
    for email in Email.objects.filter(queued_at__lt=clock.now() - KEPT):
        _give_up(email, "It waited for a day.")


def _give_up(email: Email, cause: str) -> None:
    """Delete an email that is not sent, and log once why, without whose it is."""
    deleted_count, _ = Email.objects.filter(pk=email.pk).delete()
    if deleted_count:
        log.error(
            "Email %s (%s) is given up, tries: %d. %s",
            email.pk,
            email.kind,
            email.try_count,
            _ADDRESS.sub("(the address)", cause.replace(email.to, "(the address)")),
        )


def _answer_of(error: SMTPException) -> tuple[int, str]:
    """The code and the words with which a server refused an email; 550 where our side knows that it
    would."""
    code: int
    words: bytes | str
    if isinstance(error, SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
    elif isinstance(error, SMTPResponseException):
        code, words = error.smtp_code, error.smtp_error
    else:
        return 550, str(error)
    return code, words.decode(errors="replace") if isinstance(words, bytes) else words


def _message(email: Email) -> mail.EmailMessage | None:
    """Make what is sent; None where there is nothing to send (any more)."""
    if email.kind == Kind.RESET_ASKED:
        _queue_resets(email)
        return None
    person = email.person
    if person is None or not person.is_active:
        return None
    details = _DETAILS[Kind(email.kind)](email, person)
    if details is None:
        return None
    details |= {"person": person, "site": settings.SITE_NAME}
    with translation.override(person.language or settings.LANGUAGE_CODE):
        text = render_to_string(f"mails/{email.kind}.txt", details)
    subject, _, body = text.partition("\n\n")
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    headers = {
        "Message-ID": f"<{email.pk}.{email.queued_at:%Y%m%d%H%M%S}@{domain}>",
        "Auto-Submitted": "auto-generated",
    }
    return mail.EmailMessage(subject, body, to=[email.to], headers=headers)


def _queue_resets(asked: Email) -> None:
    """Put, in the place of a forgotten password, an email to each account with this address."""
    with transaction.atomic():
        for person in PasswordResetForm().get_users(asked.to):
            queue(Kind.RESET, person.email, person=person, site=asked.site)
        Email.objects.filter(pk=asked.pk).delete()


def _reset(email: Email, person: Person) -> dict[str, object] | None:
    if email.to != person.email or not person.has_usable_password():
        return None
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    token = default_token_generator.make_token(person)
    return {"link": email.site + reverse("password_reset_confirm", args=[uid, token])}


def _notices(email: Email, person: Person) -> dict[str, object] | None:
    unseen = person.notices.filter(mailed_at=email.queued_at, seen_at=None)
    notices = list(unseen.order_by("created_at", "pk"))
    if not notices or not person.wants_mail or email.to != person.email:
        return None
    return {"notices": notices[:LISTED], "more": notices[LISTED:]}


def _confirm(email: Email, person: Person) -> dict[str, object] | None:
    if email.to != person.unconfirmed_email or person.email_asked_at is None:
        return None
    asked = [str(person.pk), email.to, person.email_asked_at.isoformat()]
    link = signing.dumps(asked, salt=CONFIRMING)
    return {"link": email.site + reverse("email_confirm", args=[link])}


def _changed(email: Email, person: Person) -> dict[str, object]:
    return {"link": email.site + reverse("password_reset")}


def _alarm(email: Email, person: Person) -> dict[str, object] | None:
    if email.to != person.email or not person.is_admin or email.alarm is None:
        return None
    return {"alarm": email.alarm}


def _factors(email: Email, person: Person) -> dict[str, object]:
    return {"link": email.site + reverse("password_reset"), "factors": person.factors.all()}


_DETAILS: dict[Email.Kind, Callable[[Email, Person], dict[str, object] | None]] = {
    Kind.RESET: _reset,
    Kind.NOTICES: _notices,
    Kind.CONFIRM: _confirm,
    Kind.CHANGED: _changed,
    Kind.ALARM: _alarm,
    Kind.OVER: _alarm,
    Kind.FACTORS: _factors,
}
