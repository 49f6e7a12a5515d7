"""Sign-up, sign-in, sessions and API tokens."""

import hashlib
import logging
import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib import auth
from django.contrib.auth import password_validation
from django.contrib.auth.backends import ModelBackend
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from collector import limits
from collector.errors import Conflict, Forbidden, Gone, Refused
from collector.models import (
    AdminAction,
    Consent,
    Email,
    Factor,
    PanelMember,
    Person,
    Study,
    Token,
)
from collector.people import arms, consents, mails, sessions, sign_ins
from trainer.learning.sentences import Sentence
from trainer.prepared import Prepared

TOKEN_LIFE = timedelta(days=90)
EMAIL_LINK_LIFE = timedelta(days=1)
PRESSED_TWICE = timedelta(minutes=1)
ONE_RESET_IN = timedelta(minutes=3)
LONGEST_PASSWORD = 128
_VOID = Sentence("This link has been used already, or is too old.")

logger = logging.getLogger(__name__)


def _with_standing(person_id: uuid.UUID) -> QuerySet[Person]:
    suspensions = AdminAction.objects.filter(person=OuterRef("pk"), kind=AdminAction.Kind.SUSPENDED)
    count = suspensions.order_by().values("person").annotate(n=Count("pk")).values("n")
    return (
        Person.objects.with_arm()
        .filter(pk=person_id)
        .annotate(
            times_suspended=Coalesce(Subquery(count), 0),
            has_factor=Exists(Factor.objects.filter(person=OuterRef("pk"))),
            is_factor_required=Exists(Study.objects.filter(requires_second_factor=True)),
            has_to_consent=Consent.lacking(),
            is_member=Exists(PanelMember.objects.filter(person=OuterRef("pk"))),
        )
    )


_PERSON = Prepared(_with_standing, uuid.UUID)
_TOKEN = Prepared(
    lambda sha256, now: Token.objects.filter(sha256=sha256, expires_at__gt=now), str, datetime
)


class Backend(ModelBackend):
    """Django's own way to sign in and to know who a session is of; here the person comes with their
    `suspension_count`, which each session is compared with, with their arm, whether they lack a
    second factor or a consent, and whether a panel sent them, in the same query."""

    def get_user(self, user_id: uuid.UUID) -> Person | None:
        """Return the person; None for nobody, and for who is suspended or has closed the
        account."""
        person: Any = _PERSON.first(user_id)
        if person is None or not self.user_can_authenticate(person):
            return None
        person.suspension_count = person.times_suspended
        person.lacks_consent, person.is_of_panel = person.has_to_consent, person.is_member
        person.lacks_second_factor = (
            person.role != Person.Role.CROWDWORKER
            and person.is_factor_required
            and not person.has_factor
        )
        return cast(Person, person)


def sign_up(
    username: str, password: str, email: str, *, address: str, site: str, version: str = ""
) -> Person:
    """Make an account for a new crowdworker, who asks for it from this IP address and is spoken to
    in the active language; a link to confirm their email address, if any, leads to `site`. They
    agree to this version of the consent text, or are asked before they draw. Raises what
    `check_new` raises, and Conflict where the text has changed."""
    person = check_new(username, password, email, address=address)
    if email:
        limits.take(limits.CONFIRMATIONS_AN_HOUR, _mailbox(email))
    with _saving(person, password):
        person.save(force_insert=True)
        if version:
            consents.give(person, version)
        arms.allocate(person)
        if email:
            _ask_to_confirm(person, email, site)
    return person


def check_new(username: str, password: str, email: str, *, address: str) -> Person:
    """Return who would be a new crowdworker with these, asked for from this IP address; not saved.
    Raises Refused with every field at fault, Forbidden where sign-up is closed, TooMany."""
    if not settings.OPEN_SIGNUP:
        raise Forbidden(Sentence("Sign-up is closed on this site; ask its admin for an account."))
    limits.take(limits.SIGN_UPS_AN_HOUR, address)
    limits.take(limits.SIGN_UPS_AN_HOUR_NEARBY, limits.neighbourhood(address))
    _check_email(email)
    person = Person(username=username, unconfirmed_email=email, language=get_language())
    _check(person, password)
    return person


def made_just_now(request: HttpRequest, username: str, password: str, email: str) -> Person | None:
    """Return who signed up with the same values a moment ago, as when the button is pressed twice;
    None for nobody. It is a sign-in, and counted as one. Raises TooMany."""
    recent = Person.objects.filter(
        username=username,
        role=Person.Role.CROWDWORKER,
        joined_at__gt=timezone.now() - PRESSED_TWICE,
    )
    is_theirs = Q(unconfirmed_email=email, factors=None) | Q(email=email, factors=None)
    return authenticate(request, username, password) if recent.filter(is_theirs).exists() else None


def add(
    username: str, password: str, *, email: str = "", role: str = Person.Role.CROWDWORKER
) -> Person:
    """Make an account with any role; a moderator made so is qualified, and the email address is
    taken as it is. Raises Refused with the field at fault."""
    qualified = timezone.now() if role == Person.Role.MODERATOR else None
    person = Person(username=username, email=email, role=role, qualified_at=qualified)
    _check(person, password)
    with _saving(person, password):
        person.save(force_insert=True)
        if role == Person.Role.CROWDWORKER:
            arms.allocate(person)
    return person


@contextmanager
def _saving(person: Person, password: str) -> Iterator[None]:
    """Set a new person's password; what saves them is one transaction. Raises Refused where
    somebody else took the name meanwhile."""
    person.set_password(password)
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Refused(Sentence("This user name is taken."), field="username") from error


def _check(person: Person, password: str) -> None:
    """Raise Refused with every field at fault of a new person."""
    wrong: dict[str, list[str]] = {}
    try:
        # Of ids that were drawn just now nobody is asked whether they are there.
        person.full_clean(exclude=["password", "id", "contributor"])
    except ValidationError as error:
        wrong = error.message_dict
    try:
        _check_password(password, person)
    except ValidationError as error:
        wrong |= error.message_dict
    if wrong:
        raise _refused(ValidationError(wrong))


def note(person: Person, admin: Person, kind: AdminAction.Kind, what: str) -> None:
    """Write down what an admin did to an account in Django's admin, which asks for no reason."""
    why = f"{what}, in Django’s admin."
    AdminAction.objects.create(admin=admin, kind=kind, person=person, why=why)


def require_another_admin(person: Person) -> None:
    """Raise Conflict where this person is the only admin. No admin is made or unmade until the
    caller's transaction ends."""
    admins = Person.objects.select_for_update(no_key=True).filter(
        role=Person.Role.ADMIN, is_active=True
    )
    if list(admins.order_by("pk").values_list("pk", flat=True)) == [person.pk]:
        raise Conflict(Sentence("This is the only admin: make somebody else an admin first."))


def _check_password(password: str, person: Person) -> None:
    try:
        if len(password) > LONGEST_PASSWORD:
            most = _("A password has at most {most} characters.")
            raise ValidationError(most.format(most=LONGEST_PASSWORD))
        password_validation.validate_password(password, person)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error


def _refused(error: ValidationError) -> Refused:
    """Make the problems of a validation a refusal, beside the user name where they are of no field
    that a form has."""
    problems: dict[str, str] = {}
    for name, messages in error.message_dict.items():
        field = name.removeprefix("unconfirmed_")
        is_shown = field in ("username", "password", "email", "role")
        problems.setdefault(field if is_shown else "username", " ".join(messages))
    (field, message), *others = problems.items()
    return Refused(message, field=field, also=dict(others))


def authenticate(request: HttpRequest, username: str, password: str) -> Person | None:
    """Return whose name and password these are; None for nobody, after the same work where nobody
    has the name. Who has a second factor is not signed in by that. Raises TooMany, as
    sign_ins.allow does.
    """
    sign_ins.allow(request, username)
    person = auth.authenticate(request, username=username, password=password)
    if not isinstance(person, Person):
        sign_ins.note_failure(request)
        return None
    if not person.factors.exists():
        sign_ins.succeed(request, person)
    return person


def is_password_of(person: Person, password: str) -> bool:
    """Say whether this is the password of somebody who is signed in, and counts the try: a session
    left open is no place to guess it. Raises TooMany."""
    limits.take(limits.PASSWORDS_AN_HOUR, str(person.pk))
    return person.check_password(password)


def ask_reset(email: str, *, address: str, site: str) -> None:
    """Queue the search for accounts with this email address, whose owners then get a link to choose
    a new password, unless that was done in the last minutes, as when the button is pressed twice.
    Whether there are any takes no part in the request, nor in what it counts. Raises TooMany."""
    limits.take_from(limits.RESETS_AN_HOUR_FROM, address)
    _check_email(email)
    limits.take(limits.RESETS_AN_HOUR, _mailbox(email))
    with transaction.atomic():
        if limits.is_first("reset", _mailbox(email), ONE_RESET_IN):
            mails.queue(Email.Kind.RESET_ASKED, email, site=site)


def _check_email(email: str) -> None:
    """Raise Refused for what no header of an email may hold."""
    if re.search(r"[\x00-\x1f\x7f]", email):
        raise Refused(Sentence("An email address has no control characters."), field="email")


def _mailbox(email: str) -> str:
    """A hash of a mailbox, however its address is spelled."""
    name, _, domain = email.lower().rpartition("@")
    name = re.sub(r'["\\]', "", name)
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    return salted_hmac("emails to", f"{name}@{domain}").hexdigest()


def change(person: Person, **values: bool | str) -> None:
    """Change, of `is_listed`, `wants_mail` and `language`, which a person sets on the account page,
    what is given. Raises Refused with the field at fault."""
    if values.get("wants_mail") and not person.email:
        raise Refused(
            Sentence("Notices by email need a confirmed email address."), field="wants_mail"
        )
    for name, value in values.items():
        setattr(person, name, value)
    person.save(update_fields=list(values))


def change_email(person: Person, email: str, password: str, *, address: str, site: str) -> None:
    """Take away somebody's email address, or have another take its place once its owner follows a
    link, which leads to `site`; the old one is told at once. They ask for it from this IP address.
    Raises Refused with the field at fault, TooMany, Conflict."""
    if not is_password_of(person, password):
        raise Refused(Sentence("That is not your password."), field="password")
    if email:
        limits.take_from(limits.CONFIRMATIONS_AN_HOUR_FROM, address)
        _check_email(email)
        limits.take(limits.CONFIRMATIONS_AN_HOUR, _mailbox(email))
    with transaction.atomic():
        person = locked(person)
        before, person.unconfirmed_email = person.email, email
        try:
            person.full_clean(exclude=["password"])
        except ValidationError as error:
            raise _refused(error) from error
        if email:
            _ask_to_confirm(person, email, site)
        else:
            person.email, person.wants_mail, person.email_asked_at = "", False, None
        person.save(update_fields=["email", "unconfirmed_email", "email_asked_at", "wants_mail"])
        tell_old_address(person, before, site)


def tell_old_address(person: Person, before: str, site: str) -> None:
    """Tell the owner of somebody's address, if there was one, that another was given."""
    if before:
        mails.queue(Email.Kind.CHANGED, before, person=person, site=site)


def _ask_to_confirm(person: Person, email: str, site: str) -> None:
    person.unconfirmed_email, person.email_asked_at = email, timezone.now()
    person.save(update_fields=["unconfirmed_email", "email_asked_at"])
    mails.queue(Email.Kind.CONFIRM, email, person=person, site=site)


def address_to_confirm(link: str) -> str:
    """Return the address that a link confirms. Raises Gone where it was used or is too old."""
    pk, email, asked_at = _read(link)
    if not _asking(pk, email, asked_at).exists():
        raise Gone(_VOID)
    return email


def confirm_email(link: str) -> str:
    """Let the address that a link confirms take the place of the one before, if it has not done so
    already, and return it. Raises Gone where another was asked for since, or it is too old."""
    pk, email, asked_at = _read(link)
    asking = _asking(pk, email, asked_at)
    has_changed = asking.update(email=email, unconfirmed_email="", email_asked_at=None)
    done = Person.objects.filter(pk=pk, email=email, unconfirmed_email="")
    if not has_changed and not done.exists():
        raise Gone(_VOID)
    return email


def _asking(pk: str, email: str, asked_at: datetime) -> QuerySet[Person]:
    return Person.objects.filter(
        pk=pk, unconfirmed_email=email, email_asked_at=asked_at, closed_at=None
    )


def _read(link: str) -> tuple[str, str, datetime]:
    """Return whose address which is, and when it was given. Raises Gone."""
    try:
        pk, email, asked_at = signing.loads(link, salt=mails.CONFIRMING, max_age=EMAIL_LINK_LIFE)
    except signing.BadSignature as error:
        raise Gone(_VOID) from error
    return pk, email, datetime.fromisoformat(asked_at)


def forget_unconfirmed() -> None:
    """Delete the addresses whose owners did not follow the link in its day."""
    Person.objects.filter(email_asked_at__lt=timezone.now() - EMAIL_LINK_LIFE).update(
        unconfirmed_email="", email_asked_at=None
    )


def issue_token(person: Person, agent: str = "", name: str = "") -> tuple[str, Token]:
    """Make a new API token of a person, who asked for it by this `User-Agent` and may have a name
    for it; return its text, which is told once, and its row. Raises Conflict where the password
    they came with is no longer theirs."""
    text = secrets.token_urlsafe(32)
    with transaction.atomic():
        token = Token.objects.create(
            sha256=_hash(text),
            person=locked(person),
            name=name,
            browser=sessions.describe(agent),
            expires_at=timezone.now() + TOKEN_LIFE,
        )
    logger.info("%s made an API token.", person.pk)
    return text, token


def locked(person: Person) -> Person:
    """Return a person's row as it is now, and nobody else's to write until the transaction ends.
    Raises Conflict where the account was closed or suspended, or the password or the second factors
    became others, since `person` was read: what is being checked is not to outlive its change."""
    now = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if now.closed_at or now.password != person.password:
        raise Conflict(
            Sentence("The password was changed in this very moment. Sign in with the new one.")
        )
    if now.is_active != person.is_active:
        raise Conflict(Sentence("This account was suspended in this very moment."))
    if now.factor_change_count != person.factor_change_count:
        raise Conflict(
            Sentence("The second factors were changed in this very moment. Try once more.")
        )
    return now


def person_of_token(text: str) -> Person | None:
    """Return whose unexpired token this is; None where it is nobody's, or of who is suspended or
    has closed the account."""
    token = _TOKEN.first(_hash(text), timezone.now())
    person = Backend().get_user(token.person_id) if token else None
    if token and person:
        sessions.note_token_seen(token)
    return person


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
