"""What is refused, with a sentence that helps: a class for each kind of answer; and what a failure
of the database means."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError

from trainer.learning.sentences import Sentence


class Refused(Exception):
    """A request that a rule turns down. Doors answer `status` with `code`, `message`, told in the
    reader's language, and any `field` at fault. Forms say too what is `also` wrong, by field."""

    status = 400
    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        code: str | None = None,
        also: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.field, self.code = message, field, code or self.code
        self.also = also or {}


class NotFound(Refused):
    status, code = 404, "not_found"


class Forbidden(Refused):
    status, code = 403, "forbidden"


class Conflict(Refused):
    status, code = 409, "conflict"


class Gone(Refused):
    status, code = 410, "gone"


class Unprocessable(Refused):
    status, code = 422, "unprocessable"


class TooMany(Refused):
    """A limit; `retry_after` in seconds says when to come back."""

    status, code = 429, "too_many"

    def __init__(self, message: str, retry_after: int, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Unavailable(Refused):
    """Something of ours that does not work; `cause`, for the log, says more than the message."""

    status, code = 503, "unavailable"

    def __init__(self, message: str, *, cause: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.cause, self.retry_after = cause or message, retry_after


@dataclass(frozen=True)
class Trouble:
    """What is wrong with the database, and what people are told. What `is_busy` gets better by
    itself, and soon; nothing else may be called so."""

    cause: Sentence
    told: Sentence
    is_busy: bool = False


_IN_A_MINUTE = Sentence("The site cannot answer at this moment. Please try again in a minute.")
_CANNOT_WRITE = Sentence(
    "The site cannot write at this moment; its admins can see why in the log. What was there is "
    "not lost."
)
_CANNOT_REACH = Sentence(
    "The site cannot use its database at this moment; its admins can see why in the log."
)
_BUSY = Trouble(Sentence("The database is busy."), _IN_A_MINUTE, is_busy=True)
_CROWDED = Trouble(Sentence("The database takes no more connections."), _IN_A_MINUTE, is_busy=True)
_READ_ONLY = Trouble(Sentence("The database is read-only."), _CANNOT_WRITE)
_DENIED = Trouble(Sentence("The database does not let us write."), _CANNOT_WRITE)
_FULL = Trouble(Sentence("The disk of the database is full."), _CANNOT_WRITE)
_BROKEN = Trouble(Sentence("The disk of the database does not read or write."), _CANNOT_REACH)
_DAMAGED = Trouble(Sentence("The database is damaged."), _CANNOT_REACH)
_CLOSED = Trouble(Sentence("The file of the database cannot be opened."), _CANNOT_REACH)
_AWAY = Trouble(Sentence("The database does not answer."), _CANNOT_REACH)

# SQLite's primary result codes.
_OF_SQLITE = {
    3: _DENIED,
    5: _BUSY,
    6: _BUSY,
    8: _READ_ONLY,
    10: _BROKEN,
    11: _DAMAGED,
    13: _FULL,
    14: _CLOSED,
    23: _DENIED,
    26: _DAMAGED,
}
# PostgreSQL's error codes, whole or their class.
_OF_POSTGRES = {
    "25006": _READ_ONLY,
    "25P03": _BUSY,
    "40001": _BUSY,
    "40P01": _BUSY,
    "42501": _DENIED,
    "53100": _FULL,
    "53300": _CROWDED,
    "55P03": _BUSY,
    "57014": _BUSY,
    "58": _BROKEN,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
    "08": _AWAY,
    "53": _AWAY,
    "57": _AWAY,
}
# A refused connection has no code.
_CROWDED_WORDS = (
    "too many clients",
    "too many connections",
    "remaining connection slots",
    "no more connections",
)


def trouble_of(error: BaseException | None) -> Trouble | None:
    """Return what a failure says of the database's state; None where it says nothing of it."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    driver = error.__cause__
    if code := getattr(driver, "sqlite_errorcode", None):
        return _OF_SQLITE.get(code & 0xFF)
    if state := getattr(driver, "sqlstate", None):
        return _OF_POSTGRES.get(state) or _OF_POSTGRES.get(state[:2])
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    is_crowded = any(words in str(error) for words in _CROWDED_WORDS)
    return _CROWDED if is_crowded else _AWAY
