"""Sign-up, sign-in, and API tokens."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib import auth
from django.contrib.auth import password_validation
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from collector import limits
from collector.errors import Forbidden, Refused
from collector.models import AdminAction, Person, Token

TOKEN_LIFE = timedelta(days=90)
LONGEST_PASSWORD = 128


def sign_up(username: str, password: str, email: str, address: str) -> Person:
    """A new crowdworker. Raises Refused with the field at fault, Forbidden where sign-up is closed,
    TooMany."""
    if not settings.OPEN_SIGNUP:
        raise Forbidden("Sign-up is closed on this site; ask its admin for an account.")
    limits.take(limits.SIGN_UPS_AN_HOUR, address)
    limits.take(limits.SIGN_UPS_AN_HOUR_NEARBY, limits.neighbourhood(address))
    return add(username, password, email=email)


def add(
    username: str, password: str, *, email: str = "", role: str = Person.Role.CROWDWORKER
) -> Person:
    """A new account with any role, checked; a moderator made so is qualified. Raises Refused."""
    qualified = timezone.now() if role == Person.Role.MODERATOR else None
    person = Person(username=username, email=email, role=role, qualified_at=qualified)
    try:
        person.full_clean(exclude=["password"])
        _check_password(password, person)
    except ValidationError as error:
        raise _refused(error) from error
    person.set_password(password)
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError as error:
        raise Refused("This user name is taken.", field="username") from error
    return person


def note_role(person: Person, admin: Person, before: str) -> None:
    """Write down that an admin changed a person's role, which Django's admin asks no reason for."""
    why = f"From {before} to {person.role}, in Django’s admin."
    AdminAction.objects.create(
        admin=admin, kind=AdminAction.Kind.ROLE_CHANGED, person=person, why=why
    )


def _check_password(password: str, person: Person) -> None:
    try:
        if len(password) > LONGEST_PASSWORD:
            raise ValidationError(f"A password has at most {LONGEST_PASSWORD} characters.")
        password_validation.validate_password(password, person)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error


def _refused(error: ValidationError) -> Refused:
    field, messages = next(iter(error.message_dict.items()))
    named = field if field in ("username", "password", "email", "role") else "username"
    return Refused(" ".join(messages), field=named)


def authenticate(request: HttpRequest, username: str, password: str) -> Person | None:
    """Who signs in with this name and password, or None, after the same work for a name that nobody
    has.

    Raises TooMany by address; failed tries at one name are counted by axes. A name is the same in
    any case, so its failed tries are too, or each spelling had tries of its own.
    """
    limits.take(limits.SIGN_INS_A_MINUTE, str(request.META.get("REMOTE_ADDR", "")))
    person = auth.authenticate(request, username=username.lower(), password=password)
    return person if isinstance(person, Person) else None


def allow_reset(email: str, *, address: str) -> None:
    """Let nobody flood a mail address, whether an account has it or not, nor ask for many. Raises
    TooMany."""
    limits.take(limits.RESETS_AN_HOUR, _hash(email.lower()))
    limits.take(limits.RESETS_AN_HOUR_FROM, address)


def change(person: Person, email: str, is_listed: bool, wants_mail: bool) -> None:
    """Change what a person sets on the account page. Raises Refused with the field at fault."""
    person.email, person.is_listed, person.wants_mail = email, is_listed, wants_mail
    if wants_mail and not email:
        raise Refused("Notices by mail need an address.", field="email")
    try:
        person.full_clean(exclude=["password"])
    except ValidationError as error:
        raise _refused(error) from error
    person.save(update_fields=["email", "is_listed", "wants_mail"])


def sign_out_everywhere(person: Person) -> None:
    """End all sessions and API tokens of a person."""
    Token.objects.filter(person=person).delete()
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()


def issue_token(person: Person) -> tuple[str, Token]:
    """A new API token: the text, told once, and its row."""
    text = secrets.token_urlsafe(32)
    row = Token.objects.create(
        sha256=_hash(text), person=person, expires_at=timezone.now() + TOKEN_LIFE
    )
    return text, row


def person_of_token(text: str) -> Person | None:
    """Whose unexpired token this is."""
    row = (
        Token.objects.select_related("person")
        .filter(sha256=_hash(text), expires_at__gt=timezone.now())
        .first()
    )
    return row.person if row and row.person.is_active else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
