"""Who may try a password: guessing ends, and nobody locks out another.

Tries at an account are counted where they are made: on a device that has signed in to it before,
else at the address. At addresses that have never signed in to it they are counted together too,
so that guessing from many of them ends. A right sign-in, or a new password, ends all of it. Rows
hold hashes that nobody makes without this site's key: no name and no address.
"""

import json
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from collector import limits
from collector.errors import TooMany
from collector.models import Allowance, Person

DEVICE = f"{settings.SESSION_COOKIE_NAME}-device"
_OURS = re.compile(r"[A-Za-z0-9_-]{22}")
KNOWN_FOR = timedelta(days=180)
_KNOWN = "known place"
_PASSWORDS = (limits.SIGN_INS_FROM_A_PLACE, limits.SIGN_INS_FROM_NEW_PLACES)
_CODES = (limits.CODES_FROM_A_PLACE, limits.CODES_FROM_NEW_PLACES)
_COUNTED = [limit.rule for limit in (*_PASSWORDS, *_CODES)]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Account:
    """What an account is known by, where there is one or not: `known`, where places are remembered,
    and `counted`, where tries are, another for each password. 32 digits each."""

    known: str
    counted: str


def allow(request: HttpRequest, username: str) -> None:
    """Count a try to sign in, to an account that there is or not. Raises TooMany.

    What is refused is counted nowhere further, and prolongs nothing.
    """
    _count(request, username, *_PASSWORDS)


def allow_code(request: HttpRequest, username: str) -> None:
    """Count a try at the code of an authenticator app, in the same way. Raises TooMany."""
    _count(request, username, *_CODES)


def _count(
    request: HttpRequest, username: str, from_a_place: limits.Limit, from_new_places: limits.Limit
) -> None:
    account, here, device = _account(username), _address(request), _device(request)
    try:
        if _is_known(account, device):
            limits.take(limits.SIGN_INS_A_MINUTE, device)  # right ones too: each costs a hash
            limits.take(from_a_place, account.counted + device)
            return
        # Who goes on trying here takes nothing from others at the same address.
        limits.require_left(from_a_place, account.counted + here)
        limits.take_from(limits.SIGN_INS_A_MINUTE, limits.address_of(request))
        limits.take(from_a_place, account.counted + here)
        if not _is_known(account, here):
            limits.take(from_new_places, account.counted)
    except TooMany as refusal:
        told = {"request": request}
        logger.warning(
            "A sign-in from %s was refused. %s", request.META["REMOTE_ADDR"], refusal, extra=told
        )
        raise


def note_failure(request: HttpRequest) -> None:
    """Log a try that was wrong, without the name: people write passwords there by mistake."""
    logger.info("A sign-in from %s failed.", request.META["REMOTE_ADDR"])


def succeed(request: HttpRequest, person: Person) -> None:
    """Forget the tries at an account, and remember the address where somebody signed in to it."""
    account = _account(person.username)
    Allowance.objects.filter(rule__in=_COUNTED, who__startswith=account.counted).delete()
    _remember(account, _address(request))


def is_known_here(request: HttpRequest, person: Person) -> bool:
    """Say whether this browser has been signed in to an account before."""
    device = request.COOKIES.get(DEVICE, "")
    return bool(device) and _is_known(_account(person.username), _device(request))


def remember_device(request: HttpRequest, response: HttpResponse, person: Person) -> None:
    """Have a browser known as one that has signed in to this account; it may be so to others."""
    given = request.COOKIES.get(DEVICE, "")
    cookie = given if _OURS.fullmatch(given) else secrets.token_urlsafe(16)
    request.COOKIES[DEVICE] = cookie
    _remember(_account(person.username), _device(request))
    response.set_cookie(
        DEVICE,
        cookie,
        max_age=KNOWN_FOR,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _account(username: str) -> _Account:
    """A name is the same in upper and lower case."""
    name = username.lower()
    people = Person.objects.alias(lowered=Lower("username")).filter(lowered=name)
    key, password = people.values_list("pk", "password").first() or (name, "")
    return _Account(_hash("account", str(key)), _hash("tries", str(key), password))


def _address(request: HttpRequest) -> str:
    return _hash("address", limits.address_of(request))


def _device(request: HttpRequest) -> str:
    return _hash("device", request.COOKIES.get(DEVICE, ""))


def _hash(*parts: str) -> str:
    return salted_hmac(__name__, json.dumps(parts), algorithm="sha256").hexdigest()[:32]


def _is_known(account: _Account, place: str) -> bool:
    remembered = Allowance.objects.filter(rule=_KNOWN, who=account.known + place)
    return remembered.filter(ends_at__gt=timezone.now()).exists()


def _remember(account: _Account, place: str) -> None:
    until = timezone.now() + KNOWN_FOR
    Allowance.objects.update_or_create(
        rule=_KNOWN, who=account.known + place, slot=0, defaults={"ends_at": until}
    )
