"""Reads the URLs of the database and of the mail server, whole: what a URL says holds, and ours is
added to it. What cannot be read or is not known is refused without showing it: it has passwords."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from psycopg import IsolationLevel, ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from dadc_site import environment
from dadc_site.environment import refused

_DATABASE = (
    "postgres://user:password@host:port/name or sqlite:////path/of/a/file, with / @ : ? # % in a "
    "password written as %2F %40 %3A %3F %23 %25, and after a ? settings that such a database has"
)
# Django's own, of any database.
_DJANGOS = ("conn_max_age", "conn_health_checks", "disable_server_side_cursors")
_SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
_POSTGRES = re.compile(r"(?:postgres|postgresql|psql|pgsql)://", re.IGNORECASE)
_NUMBER = r"[0-9]{1,9}"

# Compiling a statement takes longer than any of ours does. A machine that is cut off in the middle
# of a transaction holds its locks no longer than half a minute: the server would wait for hours.
OURS = {"lock_timeout": "5000", "idle_in_transaction_session_timeout": "30000", "jit": "off"}
_OUR_OPTIONS = " ".join(f"-c {setting}={value}" for setting, value in OURS.items())
# A server that is gone without a word is given up after half a minute, not after a quarter of an
# hour.
_WIRE = {
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"


def database(name: str, default: Path, beside: Path) -> dict[str, Any]:
    """Django's settings of the database whose URL the variable holds; without one SQLite in the
    file `default`. A relative path begins `beside`."""
    url = environment.text(name)
    if not url:
        return own_file(default)
    if _POSTGRES.match(url):
        return _postgres(name, url)
    scheme, _, rest = url.partition(":///")
    path, _, query = rest.partition("?")
    file = beside / unquote(path)
    if scheme.lower() != "sqlite" or path in ("", ":memory:") or "\0" in str(file):
        raise refused(name, _DATABASE)
    if os.path.isdir(file) or not os.path.isdir(file.parent):
        raise refused(name, "for SQLite a file in a folder that is there")
    return _sqlite(file, _parameters(name, query), name)


def own_file(file: Path) -> dict[str, Any]:
    """Django's settings of a database in the data folder; its path is never a URL."""
    if not file.parent.is_dir():
        raise refused("DADC_DATA_DIR", "a folder that this user can make")
    return _sqlite(file, {})


def _sqlite(file: Path, given: dict[str, str], name: str = "") -> dict[str, Any]:
    # Whether a file may be written is seen when it is opened, so not long before.
    config = {
        "ENGINE": "dadc_site.sqlite",
        "NAME": str(file),
        **_djangos(name, given, conn_max_age=60),
    }
    timeout = given.pop("timeout", "5")
    mode = given.pop("transaction_mode", "IMMEDIATE").upper()
    after = given.pop("init_command", "")
    is_known = mode in ("DEFERRED", "IMMEDIATE", "EXCLUSIVE") and not given
    if not is_known or not re.fullmatch(rf"{_NUMBER}(\.[0-9]+)?", timeout):
        raise refused(
            name, f"for SQLite, after a ?, timeout, transaction_mode, init_command, {_of_django()}"
        )
    return config | {
        "OPTIONS": {
            "timeout": float(timeout),
            "transaction_mode": mode,
            "init_command": f"{_PRAGMAS} {after}".strip(),
        }
    }


def _postgres(name: str, url: str) -> dict[str, Any]:
    """libpq reads its own URLs; Django is told what it asks for by names of its own."""
    of_django = rf"(?<=[?&])({'|'.join(_DJANGOS)})=([^&]*)(?:&|$)"
    given = {key: unquote(value) for key, value in re.findall(of_django, url)}
    plain = re.sub(of_django, "", url).rstrip("?&")
    try:
        said = {k: str(v) for k, v in conninfo_to_dict(_POSTGRES.sub("postgres://", plain)).items()}
    except (ProgrammingError, UnicodeError):
        raise refused(name, _DATABASE) from None
    ports = [port for port in said.get("port", "").split(",") if port]
    is_readable = (
        all(re.fullmatch(_NUMBER, port) and 0 < int(port) < 65536 for port in ports)
        # A / in a password ends what libpq takes for the host.
        and "@" not in said.get("dbname", "")
        and bool(said.get("dbname") or said.get("service"))
        and said.get("sslmode", "prefer") in _SSL_MODES
        and re.fullmatch(_NUMBER, said.get("connect_timeout", "3"))
    )
    if not is_readable:
        raise refused(name, _DATABASE)
    own = {key: said.pop(key, "") for key in ("dbname", "user", "password", "host", "port")}
    if own["dbname"].startswith("/"):  # postgres:////folder/of/a/socket/name
        own["host"], _, own["dbname"] = own["dbname"].rpartition("/")
    return {
        "ENGINE": "dadc_site.postgres",
        "NAME": own["dbname"],
        "USER": own["user"],
        "PASSWORD": own["password"],
        "HOST": own["host"],
        "PORT": own["port"],
        **_djangos(name, given, conn_max_age=600),
        "OPTIONS": _postgres_options(said),
    }


def _postgres_options(said: Mapping[str, str]) -> dict[str, Any]:
    """Ours first, then theirs: of two values for one setting PostgreSQL takes the last."""
    theirs = said.get("options") or os.environ.get("PGOPTIONS", "")
    return {
        **_WIRE,
        "connect_timeout": os.environ.get("PGCONNECT_TIMEOUT", "3"),
        **said,
        "options": f"{_OUR_OPTIONS} {theirs}".strip(),
        # Whoever waits for a row's lock has to see the row as it then is, whatever the server's
        # default.
        "isolation_level": IsolationLevel.READ_COMMITTED,
    }


def without_ours(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a connection to PostgreSQL less the options that are not the operator's."""
    theirs = parameters["options"].removeprefix(_OUR_OPTIONS).strip()
    return {**parameters, "options": theirs or None}


def _djangos(name: str, given: dict[str, str], conn_max_age: int) -> dict[str, Any]:
    """What Django does with connections. No cursor outlives its statement: behind a pooler the next
    statement may be another server process's."""
    age = given.pop("conn_max_age", str(conn_max_age)).lower()
    flags = {
        "conn_health_checks": given.pop("conn_health_checks", "true").lower(),
        "disable_server_side_cursors": given.pop("disable_server_side_cursors", "true").lower(),
    }
    is_known = all(value in ("true", "false", "1", "0") for value in flags.values())
    if not is_known or not re.fullmatch(rf"{_NUMBER}|none", age):
        raise refused(name, f"after a ?, {_of_django()}")
    return {
        "CONN_MAX_AGE": None if age == "none" else int(age),
        **{key.upper(): value in ("true", "1") for key, value in flags.items()},
    }


def _of_django() -> str:
    return "conn_max_age (seconds), conn_health_checks, disable_server_side_cursors (true or false)"


def _parameters(name: str, query: str) -> dict[str, str]:
    """What stands after the ?; each name once."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    found = {unquote(key): unquote(value) for key, _, value in pairs}
    if len(found) < len(pairs):
        raise refused(name, "after a ?, each setting once")
    return found


@dataclass(frozen=True)
class Mail:
    """How emails are sent: Django's settings of the same names, less `EMAIL_`."""

    backend: str
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    use_tls: bool = False
    use_ssl: bool = False
    timeout: float | None = None
    folder: str | None = None


_BACKENDS = "django.core.mail.backends"
_EMAIL = (
    "smtp://, smtp+tls:// (TLS by STARTTLS) or smtps:// (TLS from the start; also smtp+ssl://), "
    "then user:password@host:port?timeout=seconds with / @ : ? # % in a password written as %2F "
    "%40 %3A %3F %23 %25; or consolemail://, dummymail://, filemail:///path/of/a/folder"
)
_SMTP_PORTS = {"smtp": 25, "smtp+tls": 25, "smtps": 465, "smtp+ssl": 465}
_SERVER = re.compile(
    rf"""(?:(?P<user>[^:]*)(?::(?P<password>.*))?@)?
    (?P<host>\[[0-9a-f:.]+\]|[^\[\]@:/?\#\s]+)(?::(?P<port>{_NUMBER}))?/?
    (?:\?timeout=(?P<timeout>{_NUMBER}(?:\.[0-9]+)?))?""",
    re.VERBOSE | re.IGNORECASE,
)


def mail(name: str, default: str) -> Mail:
    """How the URL that the variable holds sends emails."""
    scheme, _, rest = environment.text(name, default).partition("://")
    scheme = scheme.lower()
    if scheme in _SMTP_PORTS:
        return _smtp(name, scheme, rest)
    if scheme == "filemail":
        folder = Path(unquote(rest))
        if not folder.is_absolute() or "\0" in rest or _is_no_folder(folder):
            raise refused(name, _EMAIL)
        return Mail(f"{_BACKENDS}.filebased.EmailBackend", folder=str(folder))
    plain = {"consolemail": "console", "dummymail": "dummy", "memorymail": "locmem"}.get(scheme)
    if plain is None or rest:
        raise refused(name, _EMAIL)
    return Mail(f"{_BACKENDS}.{plain}.EmailBackend")


def _is_no_folder(path: Path) -> bool:
    """Whether nothing can be written into such a folder, because it is a file or its name is too
    long."""
    try:
        return path.exists() and not path.is_dir()
    except OSError:
        return True


def _smtp(name: str, scheme: str, rest: str) -> Mail:
    server = _SERVER.fullmatch(rest)
    port = int(server["port"] or _SMTP_PORTS[scheme]) if server else 0
    timeout = float(server["timeout"] or 10) if server else 0
    if not server or not 0 < port < 65536 or not timeout:
        raise refused(name, _EMAIL)
    user, password = unquote(server["user"] or ""), unquote(server["password"] or "")
    if not f"{user}{password}".isascii():
        raise refused(name, "a user and a password in ASCII: Python's smtplib sends no other")
    return Mail(
        f"{_BACKENDS}.smtp.EmailBackend",
        host=server["host"].strip("[]"),
        port=port,
        user=user,
        password=password,
        use_tls=scheme == "smtp+tls",
        use_ssl=scheme in ("smtps", "smtp+ssl"),
        timeout=timeout,
    )
