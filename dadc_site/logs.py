"""How a line of the log looks: as text, or as an object of JSON. Either holds no secret, and nobody
who is logged can make it look like two.

What is cut: the links that emails carry, query strings, tokens, cookies and passwords in URLs,
wherever in a message, an exception or its stack they stand.
"""

import json
import logging
import re
import traceback
from contextlib import suppress
from datetime import UTC, datetime

LONGEST = 8000  # bytes of JSON, which are then written at once
_CUT = "…"
_WORD = r"(?<![\w-])"
_END = r"(?![\w-])"
# What comes before each is kept.
_SECRETS = [
    re.compile(pattern)
    for pattern in (
        r"(?P<kept>/accounts/reset/|/account/email/)[^\s\"'<>]+",
        r"(?P<kept>[\w/%.~-]\?)[^\s\"'<>]+",
        r"(?P<kept>://)[^\s/@]+(?=@)",
        r"(?i)(?P<kept>\b(?:token|bearer|basic)\s+)[\w.~+/=-]{16,}",
        r"(?i)(?P<kept>\b(?:sessionid|csrf|messages|password)[\w-]{0,40}=)[^\s;&\"']+",
        # a link that resets, one that confirms
        rf"(?P<kept>{_WORD})[0-9a-z]{{6,8}}-[0-9a-f]{{32}}{_END}",
        rf"(?P<kept>{_WORD})[\w-]+(?::|%3A)[\w-]{{4,8}}(?::|%3A)[\w-]{{43}}{_END}",
        # a token of the API, a session's key or a form's token: no hash is written so
        rf"(?P<kept>{_WORD})(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{{43}}{_END}",
        rf"(?P<kept>{_WORD})(?=[a-zA-Z0-9]*[g-zG-Z])(?=[a-zA-Z0-9]*[0-9])"
        rf"(?:[a-zA-Z0-9]{{64}}|[a-zA-Z0-9]{{32}}){_END}",
    )
]
# What moves a terminal's cursor, ends a line somewhere, or turns text around.
_CONTROLS = {
    number: f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
    for number in (
        *(set(range(32)) - {9, 10}),
        *range(127, 160),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
}


def without_secrets(text: str) -> str:
    """Return a text with what only its owner may know cut out, and control characters written
    out."""
    for secret in _SECRETS:
        text = secret.sub(rf"\g<kept>{_CUT}", text)
    return text.translate(_CONTROLS)


def as_json(line: str, level: str) -> str:
    """Return a line that some program wrote as an object of JSON, unless it is one."""
    if line.startswith('{"at": '):
        with suppress(ValueError):
            json.loads(line)
            return line
    return _dumped({"at": _at(), "level": level, "logger": "output", "message": line})


def _at(seconds: float | None = None) -> str:
    """Return a time, now if none is given, as JSON has it."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds")


def _dumped(fields: dict[str, str]) -> str:
    """Return an object in one line; of what is too long the middle is left out."""
    line = json.dumps(fields)
    while len(line) > LONGEST:
        longest = max(fields, key=lambda name: len(json.dumps(fields[name])))
        text = fields[longest]
        keep = len(text) * 2 // 5
        fields = fields | {longest: f"{text[:keep]} {_CUT} {text[-keep:]}"}
        line = json.dumps(fields)
    return line


class Line(logging.Formatter):
    """A record as text: a line that begins with its time; all that belongs to it is indented."""

    def format(self, record: logging.LogRecord) -> str:
        request_id = _request_id(record)
        about = f" [{request_id}]" if request_id else ""
        said = without_secrets(record.getMessage()) + about
        told = "\n".join(filter(None, [said, self._stack(record)]))
        head = f"{self.formatTime(record)} {record.levelname} {record.name}: "
        return head + told.replace("\n", "\n  ")

    def _stack(self, record: logging.LogRecord) -> str:
        """What led to a record, down to the exception; empty where there is none."""
        raised = (
            self.formatException(record.exc_info) if record.exc_info and _raised(record) else ""
        )
        stacked = self.formatStack(record.stack_info) if record.stack_info else ""
        return without_secrets("\n".join(filter(None, [raised, stacked])))


class Json(Line):
    """A record as an object of JSON, in one line of at most LONGEST bytes."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "at": _at(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            "request_id": _request_id(record),
            "exception": _raised(record),
            "stack": self._stack(record),
        }
        return _dumped({name: value for name, value in fields.items() if value})


FORMATS = {"text": Line, "json": Json}


def _request_id(record: logging.LogRecord) -> str:
    """The id of the request that a record is about; empty where it is about none."""
    meta = getattr(getattr(record, "request", None), "META", {})
    return str(meta.get("HTTP_X_REQUEST_ID", ""))


def _raised(record: logging.LogRecord) -> str:
    """What was raised, in a line; empty where nothing was."""
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    kind, error, _ = record.exc_info
    return without_secrets("".join(traceback.format_exception_only(kind, error)).strip())
