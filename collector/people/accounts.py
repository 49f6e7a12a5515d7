"""Sign-up, sign-in, sessions and API tokens."""

import hashlib
import secrets
import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib import auth
from django.contrib.auth import password_validation
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from collector import limits
from collector.errors import Conflict, Forbidden, Refused
from collector.models import AdminAction, Email, Person, Token
from collector.people import mails

BACKEND = "collector.people.accounts.Backend"
TOKEN_LIFE = timedelta(days=90)
LONGEST_PASSWORD = 128


class Backend(ModelBackend):
    """Django's own way to sign in and to know who a session is of; here the person comes with their
    `suspension_count`, which each session is compared with, in the same query."""

    def get_user(self, user_id: uuid.UUID) -> Person | None:
        """Return the person; None for nobody, and for who is suspended or has closed the
        account."""
        suspensions = AdminAction.objects.filter(
            person=OuterRef("pk"), kind=AdminAction.Kind.SUSPENDED
        )
        count = suspensions.order_by().values("person").annotate(n=Count("pk")).values("n")
        people = Person.objects.annotate(times_suspended=Coalesce(Subquery(count), 0))
        person = people.filter(pk=user_id).first()
        if person is None or not self.user_can_authenticate(person):
            return None
        person.suspension_count = person.times_suspended
        return person


def sign_up(username: str, password: str, email: str, address: str) -> Person:
    """Make an account for a new crowdworker, who asks for it from this address. Raises Refused with
    the field at fault, Forbidden where sign-up is closed, TooMany."""
    if not settings.OPEN_SIGNUP:
        raise Forbidden("Sign-up is closed on this site; ask its admin for an account.")
    limits.take(limits.SIGN_UPS_AN_HOUR, address)
    limits.take(limits.SIGN_UPS_AN_HOUR_NEARBY, limits.neighbourhood(address))
    return add(username, password, email=email)


def add(
    username: str, password: str, *, email: str = "", role: str = Person.Role.CROWDWORKER
) -> Person:
    """Make an account with any role; a moderator made so is qualified. Raises Refused with the
    field at fault."""
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
        raise Conflict("This is the only admin: make somebody else an admin first.")


def _check_password(password: str, person: Person) -> None:
    try:
        if len(password) > LONGEST_PASSWORD:
            raise ValidationError(f"A password has at most {LONGEST_PASSWORD} characters.")
        password_validation.validate_password(password, person)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error


def _refused(error: ValidationError) -> Refused:
    """Make the first problem of a validation a refusal, beside the user name where it is of no
    field that a form has."""
    field, messages = next(iter(error.message_dict.items()))
    is_shown = field in ("username", "password", "email", "role")
    return Refused(" ".join(messages), field=field if is_shown else "username")


def authenticate(request: HttpRequest, username: str, password: str) -> Person | None:
    """Return who signs in with this name and password; None for nobody, after the same work where
    nobody has the name.

    Raises TooMany by address; failed tries at one name are counted by axes. A name is the same in
    upper and lower case, and so are its failed tries, or each spelling had tries of its own.
    """
    limits.take(limits.SIGN_INS_A_MINUTE, str(request.META.get("REMOTE_ADDR", "")))
    person = auth.authenticate(request, username=username.lower(), password=password)
    return person if isinstance(person, Person) else None


def is_password_of(person: Person, password: str) -> bool:
    """Say whether this is the password of somebody who is signed in, and counts the try: a session
    left open is no place to guess it. Raises TooMany."""
    limits.take(limits.PASSWORDS_AN_HOUR, str(person.pk))
    return person.check_password(password)


def ask_reset(email: str, *, address: str, site: str) -> None:
    """Queue the search for accounts with this email address, whose owners then get a link to choose
    a new password. Whether there are any takes no part in the request, nor in what it counts.
    Raises TooMany."""
    limits.take(limits.RESETS_AN_HOUR, salted_hmac("resets", email.lower()).hexdigest())
    limits.take(limits.RESETS_AN_HOUR_FROM, address)
    mails.queue(Email.Kind.RESET_ASKED, email, site=site)


def change(person: Person, email: str, is_listed: bool, wants_mail: bool) -> None:
    """Change what a person sets on the account page. Raises Refused with the field at fault."""
    person.email, person.is_listed, person.wants_mail = email, is_listed, wants_mail
    if wants_mail and not email:
        raise Refused("Notices by email need an email address.", field="email")
    try:
        person.full_clean(exclude=["password"])
    except ValidationError as error:
        raise _refused(error) from error
    person.save(update_fields=["email", "is_listed", "wants_mail"])


def issue_token(person: Person) -> tuple[str, Token]:
    """Make a new API token of a person; return its text, which is told once, and its row."""
    text = secrets.token_urlsafe(32)
    token = Token.objects.create(
        sha256=_hash(text), person=person, expires_at=timezone.now() + TOKEN_LIFE
    )
    return text, token


def end_tokens(person: Person) -> None:
    """End all API tokens of a person. Sessions end by Django, which compares each with
    `Person.get_session_auth_hash`."""
    Token.objects.filter(person=person).delete()


def person_of_token(text: str) -> Person | None:
    """Return whose unexpired token this is; None where it is nobody's, or of who is suspended or
    has closed the account."""
    token = (
        Token.objects.select_related("person")
        .filter(sha256=_hash(text), expires_at__gt=timezone.now())
        .first()
    )
    return token.person if token and token.person.is_active else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
