"""Where a person is signed in, browsers and API tokens alike, and how each is ended."""

import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY, login
from django.contrib.sessions.backends import db
from django.core import signing
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone, translation

from collector.models import Person, Session, Token, clock
from trainer.learning.sentences import Sentence
from trainer.saying import told

BACKEND = "collector.people.accounts.Backend"
SEEN_EVERY = timedelta(minutes=10)  # at most so often is written down that somebody was here
PASSWORD_GOOD_FOR = timedelta(minutes=10)
_BEGUN_AT, _BROWSER, _PASSWORD_AT = "begun_at", "browser", "password_at"

_UNKNOWN = Sentence("unknown")

logger = logging.getLogger(__name__)

# The first that a browser's name for itself has: others come with the names of those before them.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "Chrome": "Chrome",
    "CriOS": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


@dataclass(frozen=True)
class Access:
    """A browser's session or an API token of a person; `id` tells nothing of the key, and `name`
    is what they call the token, if they do."""

    id: str
    is_token: bool
    is_this: bool
    name: str
    browser: str
    begun_at: datetime | None
    seen_at: datetime | None


class SessionStore(db.SessionStore):
    """Django's sessions in the database, in our own table: whose each is, and when it was seen."""

    was_flushed = False

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)
        row.person_id = data.get(SESSION_KEY)
        row.seen_at = timezone.now()
        return row

    def _get_session_from_db(self) -> Session | None:
        row: Session | None = super()._get_session_from_db()  # type: ignore[misc]
        if row is not None:
            _note_seen(Session.objects.filter(pk=row.pk), row.seen_at)
        return row

    def flush(self) -> None:
        super().flush()
        self.was_flushed = True

    def is_empty(self) -> bool:
        """Say whether the browser is to forget its session: where that was ended here. A key that
        nobody knows may be one that changed as this request was on its way, as where a button of
        signing in is pressed twice, and the browser has the new one by now."""
        return self.was_flushed and super().is_empty()


def begin(request: HttpRequest, person: Person) -> None:
    """Sign a person in, and write down by what; from here on they are told things in their
    language."""
    login(request, person, backend=BACKEND)
    if person.language:
        translation.activate(person.language)
    request.session[_BEGUN_AT] = timezone.now().timestamp()
    request.session[_BROWSER] = describe(request.headers.get("User-Agent", ""))
    note_password(request)
    logger.info("%s signed in.", person.pk)


def note_password(request: HttpRequest) -> None:
    """Write down in a session that its owner has just given the password."""
    request.session[_PASSWORD_AT] = clock.now().timestamp()


def has_given_password(request: HttpRequest) -> bool:
    """Say whether the password was given in this session within the last minutes."""
    given_at = datetime.fromtimestamp(request.session.get(_PASSWORD_AT, 0), UTC)
    return given_at <= clock.now() < given_at + PASSWORD_GOOD_FOR


def are_of_another_key() -> bool:
    """Say whether the newest session was written with another secret key than this site's."""
    newest = Session.objects.order_by("-expire_date").first()
    store = SessionStore()
    try:
        if newest:
            signing.loads(newest.session_data, salt=store.key_salt, serializer=store.serializer)
    except signing.BadSignature:
        return True
    return False


def all_of(person: Person, request: HttpRequest) -> list[Access]:
    """Return where a person is signed in, this request's session first, then who was seen last."""
    now = timezone.now()
    this = request.session.session_key
    found = [
        Access(
            id=_hash(row.pk),
            is_token=False,
            is_this=row.pk == this,
            name="",
            browser=_in_words(str(data.get(_BROWSER, ""))),
            begun_at=datetime.fromtimestamp(begun_at, UTC) if begun_at else None,
            seen_at=row.seen_at,
        )
        for row in Session.objects.filter(person=person, expire_date__gt=now)
        for data in [SessionStore().decode(row.session_data)]
        for begun_at in [data.get(_BEGUN_AT)]
    ]
    found += [
        Access(row.pk, True, False, row.name, _in_words(row.browser), row.created_at, row.seen_at)
        for row in Token.objects.filter(person=person, expires_at__gt=now)
    ]
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda one: (one.is_this, one.seen_at or never), reverse=True)


def end(person: Person, access_id: str) -> bool:
    """End one session or API token of a person; False where it has ended already, or never was."""
    if "\0" in access_id:
        return False
    own = Session.objects.filter(person=person)
    keys = [key for key in own.values_list("pk", flat=True) if _hash(key) == access_id]
    session_count, _ = own.filter(pk__in=keys).delete()
    token_count, _ = Token.objects.filter(person=person, pk=access_id).delete()
    if token_count:
        logger.info("%s ended an API token.", person.pk)
    return bool(session_count + token_count)


def end_others(person: Person, request: HttpRequest) -> None:
    """End all sessions of a person but this request's, and all API tokens."""
    with transaction.atomic():
        Token.objects.filter(person=person).delete()
        others = Session.objects.filter(person=person)
        others.exclude(pk=request.session.session_key or "").delete()


def describe(agent: str) -> str:
    """Return in short what asked, by its `User-Agent`: “Firefox on Windows”, “curl”."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in agent), None)
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), None)
    if browser:
        return f"{browser} on {system}" if system else browser
    return agent.split("/")[0].split(" ")[0][:30] or str(_UNKNOWN)


def _in_words(described: str) -> str:
    """Say in the reader's language what `describe` returned."""
    browser, _, system = described.partition(" on ")
    if system:
        return told(Sentence("{browser} on {system}", browser=browser, system=system))
    return told(_UNKNOWN) if described in ("", _UNKNOWN) else described


def note_token_seen(token: Token) -> None:
    """Write down that a token was used."""
    _note_seen(Token.objects.filter(pk=token.pk), token.seen_at)


def _note_seen(row: QuerySet[Session] | QuerySet[Token], seen_at: datetime | None) -> None:
    """Write down that it was used, unless that was done a moment ago; where the database takes no
    more, the request goes on without."""
    now = timezone.now()
    if seen_at and now - SEEN_EVERY < seen_at <= now:
        return
    with suppress(DatabaseError), transaction.atomic():
        row.update(seen_at=now)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
