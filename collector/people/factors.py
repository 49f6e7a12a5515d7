"""Second factors: an authenticator app's codes (TOTP), passkeys (WebAuthn), and recovery codes for
who has lost both. All rules about them are here.

An app's secret is encrypted with a key made of the site's: with another site key its codes are
wrong for ever, and passkeys and recovery codes go on. A code, or a passkey's count of signatures,
is taken by one UPDATE that asks for a higher one than the last, so nothing is taken twice.
"""

import hashlib
import hmac
import json
import logging
import re
import secrets
import uuid
from base64 import b32encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pyotp
import segno
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from collector import limits
from collector.errors import Conflict, Forbidden, Gone, Refused
from collector.models import (
    AdminAction,
    Email,
    Factor,
    Person,
    RecoveryCode,
    clock,
    require_admin,
    require_reason,
    sealing,
)
from collector.people import accounts, mails, notices, sessions, sign_ins
from trainer.learning.sentences import Sentence

Kind = Factor.Kind
SECOND_STEP_SECONDS = 300
MOST = 10
RECOVERY_CODES = 10
_CODE_BYTES = 15  # 24 letters and digits of base 32, so that a plain hash of it is enough
_PURPOSE = "secrets of authenticator apps"
_STEP, _OFFERED, _CHALLENGE = "second_step", "offered_secret", "passkey_challenge"
_WRONG = Sentence("That code is wrong, has been used already, or is too old.")
_NOT_THIS_ONE = Sentence("That passkey was not taken. Try again, or use a code.")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """A secret for an authenticator app, to be read from a picture or typed."""

    secret: str
    picture: str  # the address of an image, a data: URI


# The second step of signing in


def begin_second_step(request: HttpRequest, person: Person, then: str) -> None:
    """Keep in this browser's session, for five minutes, who has given the right password and goes
    on to `then` after the second step."""
    request.session.cycle_key()
    request.session[_STEP] = {
        "person": str(person.pk),
        "hash": person.get_session_auth_hash(),
        "until": clock.now().timestamp() + SECOND_STEP_SECONDS,
        "then": then,
    }


def in_second_step(request: HttpRequest) -> Person:
    """Return who has given the right password in this browser and owes the second step. Raises Gone
    where nobody has, it was too long ago, or the password or the factors have changed since."""
    step = request.session.get(_STEP, {})
    if step and clock.now().timestamp() < step["until"]:
        person = accounts.Backend().get_user(uuid.UUID(step["person"]))
        if person and constant_time_compare(person.get_session_auth_hash(), step["hash"]):
            return person
    raise Gone(Sentence("That took too long. Sign in once more."))


def finish_second_step(request: HttpRequest, person: Person) -> str:
    """Sign somebody in who has passed both steps; return where they go."""
    then: str = request.session.pop(_STEP)["then"]
    sessions.begin(request, person)
    sign_ins.succeed(request, person)
    return then


def take_code(request: HttpRequest, person: Person, code: str) -> None:
    """Use up an app's code, or a recovery code. Raises Refused (`second_factor`), TooMany.

    An app's code can be guessed, so tries are counted as those of passwords are; a recovery code
    cannot, and lets its owner in also where others have used up what there is to try.
    """
    text = re.sub(r"[\s-]", "", code).upper()
    if re.fullmatch(r"[0-9]{6}", text, re.ASCII):
        sign_ins.allow_code(request, person.username)
        is_right = any(_take_step(factor, text) for factor in person.factors.filter(kind=Kind.APP))
    else:
        limits.take_from(limits.SIGN_INS_A_MINUTE, limits.address_of(request))
        used_count, _ = person.recovery_codes.filter(sha256=_hash(text)).delete()
        is_right = used_count > 0
    if not is_right:
        logger.warning("A second step of %s failed.", person.pk)
        raise Refused(_WRONG, field="code", code="second_factor")


def require_code(request: HttpRequest, person: Person, code: str) -> None:
    """Use up a code for an API token, where somebody has second factors. Raises Refused
    (`second_factor`), TooMany."""
    if not person.factors.exists():
        return
    if not code:
        raise Refused(
            Sentence(
                "This account has a second factor: send a code of its app, or a recovery code, as "
                "`code`. With a passkey, make a token on the account page."
            ),
            field="code",
            code="second_factor",
        )
    take_code(request, person, code)
    sign_ins.succeed(request, person)


def passkey_to_ask_for(request: HttpRequest, person: Person) -> str | None:
    """Return what a browser needs, as JSON, to have one of somebody's passkeys sign; None where
    they have none."""
    credentials = [_credential(factor) for factor in person.factors.filter(kind=Kind.PASSKEY)]
    if not credentials:
        return None
    options, state = _server(request).authenticate_begin(
        credentials, user_verification=UserVerificationRequirement.PREFERRED
    )
    request.session[_CHALLENGE] = state
    return json.dumps(dict(options.public_key))


def take_passkey(request: HttpRequest, person: Person, answer: str) -> None:
    """Check what a passkey has signed. Raises Refused, TooMany."""
    limits.take_from(limits.SIGN_INS_A_MINUTE, limits.address_of(request))
    credentials = [_credential(factor) for factor in person.factors.filter(kind=Kind.PASSKEY)]
    challenge = request.session.pop(_CHALLENGE, None)
    with _refusing(person):
        response = AuthenticationResponse.from_dict(json.loads(answer))
        used = _server(request).authenticate_complete(challenge, credentials, response)
        count = response.response.authenticator_data.counter
    own = person.factors.filter(credential_sha256=_hash_of(used.credential_id))
    # Many passkeys do not count, and say 0 each time.
    grown = own.filter(Q(counter__lt=count) | Q(counter=0))
    if not grown.update(counter=count, used_at=timezone.now()):
        logger.warning("A passkey of %s counts backwards: it may be a copy.", person.pk)
        raise Refused(_NOT_THIS_ONE, code="second_factor")


# Changing them


def give_password(request: HttpRequest, person: Person, password: str) -> None:
    """Take note of the password. Raises Refused, TooMany."""
    if not accounts.is_password_of(person, password):
        raise Refused(Sentence("That is not your password."), field="password")
    sessions.note_password(request)


def offer(request: HttpRequest, person: Person) -> Offer:
    """Return a new secret for an app, the same in this session until it is taken."""
    sealed = request.session.get(_OFFERED)
    secret = _opened(person, bytes.fromhex(sealed)) if sealed else None
    if secret is None:
        secret = pyotp.random_base32()
        request.session[_OFFERED] = _sealed(person, secret).hex()
    host = urlsplit(f"//{request.get_host()}").hostname
    address = pyotp.TOTP(secret).provisioning_uri(name=person.username, issuer_name=host)
    picture = segno.make(address, error="m", micro=False).svg_data_uri(scale=5, light="#fff")
    return Offer(secret, picture)


def passkey_to_make(request: HttpRequest, person: Person) -> str:
    """Return what a browser needs, as JSON, to make a passkey."""
    have = [_credential(factor) for factor in person.factors.filter(kind=Kind.PASSKEY)]
    user = PublicKeyCredentialUserEntity(
        name=person.username, id=person.pk.bytes, display_name=person.username
    )
    options, state = _server(request).register_begin(
        user,
        have,
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    request.session[_CHALLENGE] = state
    return json.dumps(dict(options.public_key))


def add_app(request: HttpRequest, person: Person, name: str, code: str) -> list[str]:
    """Add the app that has the offered secret, as its code shows; return recovery codes, if it
    is the first factor. Raises Refused, Conflict."""
    sealed = bytes.fromhex(request.session.get(_OFFERED, ""))
    factor = Factor(person=person, kind=Kind.APP, name=name, content=sealed)
    step = _step_of(factor, re.sub(r"\s", "", code))
    if step is None:
        raise Refused(Sentence("That is not the code that the app shows now."), field="code")
    factor.counter = step
    added = _add(request, factor)
    request.session.pop(_OFFERED, None)
    return added


def add_passkey(request: HttpRequest, person: Person, name: str, answer: str) -> list[str]:
    """Add a passkey that a browser has made; return recovery codes, if it is the first factor.
    Raises Refused, Conflict."""
    challenge = request.session.pop(_CHALLENGE, None)
    with _refusing(person):
        made = _server(request).register_complete(challenge, json.loads(answer))
        credential = made.credential_data
        if credential is None:
            raise ValueError("it has no key")
    factor = Factor(
        person=person,
        kind=Kind.PASSKEY,
        name=name,
        content=bytes(credential),
        credential_sha256=_hash_of(credential.credential_id),
        counter=made.counter,
    )
    try:
        return _add(request, factor)
    except IntegrityError as error:
        raise Refused(Sentence("This passkey is in use already.")) from error


def _add(request: HttpRequest, factor: Factor) -> list[str]:
    with _changing(request, factor.person) as person:
        have_count = person.factors.count()
        if have_count >= MOST:
            raise Conflict(
                Sentence("You have {most} second factors, and that is the most.", most=MOST)
            )
        factor.save(force_insert=True)
        return [] if have_count else _new_codes(person)


def remove(request: HttpRequest, person: Person, factor_id: str) -> bool:
    """Remove a factor, with the last one the recovery codes; False where it is gone already, or
    never was. Raises Refused (the password), Conflict."""
    own = person.factors.filter(pk=int(factor_id) if re.fullmatch("[0-9]{1,18}", factor_id) else 0)
    if not own.exists():
        return False
    with _changing(request, person):
        own.delete()
        if not person.factors.exists():
            person.recovery_codes.all().delete()
    return True


def renew_codes(request: HttpRequest, person: Person) -> list[str]:
    """Return new recovery codes; those of before are void. Raises Refused, Conflict."""
    with _changing(request, person):
        if not person.factors.exists():
            raise Conflict(
                Sentence("Recovery codes are for who has a second factor: add one first.")
            )
        return _new_codes(person)


def reset(person: Person, admin: Person, why: str, site: str) -> None:
    """Take away all of somebody's second factors, saying why; they are signed out everywhere and
    told. Raises Forbidden, Refused, Conflict."""
    require_admin(admin, Sentence("Only an admin does this."))
    reason = require_reason(why)
    if person.pk == admin.pk:
        raise Forbidden(Sentence("Nobody resets their own: remove them on the account page."))
    with transaction.atomic():
        if not forget(person):
            raise Conflict(
                Sentence("{username} has no second factor (any more).", username=person.username)
            )
        AdminAction.objects.create(
            admin=admin, kind=AdminAction.Kind.FACTORS_RESET, person=person, why=reason
        )
        said = Sentence(
            "An admin took away your second factors, and signed you out: {reason}", reason=reason
        )
        notices.tell(person, said)
        _tell(person, site)


def forget(person: Person) -> bool:
    """Delete all of somebody's second factors and what was signed in by them; say whether there
    were any."""
    with transaction.atomic():
        deleted_count, _ = person.factors.all().delete()
        if not deleted_count:
            return False
        person.recovery_codes.all().delete()
        Person.objects.filter(pk=person.pk).update(factor_change_count=F("factor_change_count") + 1)
        person.end_access()
    return True


@contextmanager
def _changing(request: HttpRequest, person: Person) -> Iterator[Person]:
    """Within, somebody who gave the password a moment ago changes their factors, and nobody else
    does: all sessions but this one and all tokens end, and their owner is told. Raises Refused,
    Conflict."""
    if not sessions.has_given_password(request):
        raise Refused(Sentence("Give your password once more."), code="password_needed")
    with transaction.atomic():
        accounts.locked(person)
        yield person
        Person.objects.filter(pk=person.pk).update(factor_change_count=F("factor_change_count") + 1)
        sessions.end_others(person, request)
        _tell(person, mails.site_of(request))
    person.refresh_from_db(fields=["factor_change_count"])
    person.lacks_second_factor = person.lacks_second_factor and not person.factors.exists()
    update_session_auth_hash(request, person)


def _tell(person: Person, site: str) -> None:
    if person.email:
        mails.queue(Email.Kind.FACTORS, person.email, person=person, site=site)


def _new_codes(person: Person) -> list[str]:
    person.recovery_codes.all().delete()
    codes = [b32encode(secrets.token_bytes(_CODE_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(sha256=_hash(code), person=person) for code in codes
    )
    return ["-".join(re.findall("....", code)).lower() for code in codes]


def _hash(code: str) -> str:
    return _hash_of(code.encode(errors="replace"))


def _hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# Codes of apps


def _take_step(factor: Factor, code: str) -> bool:
    step = _step_of(factor, code)
    if step is None:
        return False
    unused = Factor.objects.filter(pk=factor.pk, counter__lt=step)
    return bool(unused.update(counter=step, used_at=timezone.now()))


def _step_of(factor: Factor, code: str) -> int | None:
    """Return the half minute that a code is of: this one, the one before or the next; None where it
    is of none of them."""
    secret = _opened(factor.person, bytes(factor.content))
    if secret is None:
        return None
    codes = pyotp.TOTP(secret)
    now = codes.timecode(clock.now())
    for step in (now, now - 1, now + 1):
        if hmac.compare_digest(codes.generate_otp(step).encode(), code.encode(errors="replace")):
            return step
    return None


def _sealed(person: Person, secret: str) -> bytes:
    return sealing.seal(_PURPOSE, person.pk.bytes, secret)


def _opened(person: Person, sealed: bytes) -> str | None:
    """Return a secret; None where it is another person's, or was sealed under another site key."""
    secret = sealing.unseal(_PURPOSE, person.pk.bytes, sealed)
    if secret is None and sealed:
        logger.error("The app of %s cannot be read: DADC_SECRET_KEY is another.", person.pk)
    return secret


# Passkeys


def _server(request: HttpRequest) -> Fido2Server:
    """What checks passkeys: they belong to the host that the request names, which is one of this
    site's, and are used from its own origin or one of DADC_ORIGINS at the same host."""
    host = request.get_host()
    name = urlsplit(f"//{host}").hostname or ""
    origins = {f"{request.scheme}://{host}", *settings.CSRF_TRUSTED_ORIGINS}
    own = {origin for origin in origins if urlsplit(origin).hostname == name}
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=name, name=name), verify_origin=own.__contains__
    )


def _credential(factor: Factor) -> AttestedCredentialData:
    return AttestedCredentialData(bytes(factor.content))


@contextmanager
def _refusing(person: Person) -> Iterator[None]:
    """Turn whatever is wrong with a passkey's answer, of which every part may be made up, into
    Refused."""
    try:
        yield
    except Exception as bad:
        logger.warning("A passkey of %s was refused: %s", person.pk, bad)
        raise Refused(_NOT_THIS_ONE, code="second_factor") from bad
