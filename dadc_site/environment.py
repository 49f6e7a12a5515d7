"""Reads the environment's variables, each whole or not at all.

White space around a value is forgiven, and an empty one counts as not set. What cannot be read is
refused in one sentence that names the variable, says what it takes, and never shows its value:
logs are read by more people than settings are.
"""

import difflib
import math
import os
import re
import socket
import stat
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from collector.rules import arms as rules
from collector.rules.origins import normal

_ON = {"1", "true", "t", "yes", "y", "on"}
_OFF = {"0", "false", "f", "no", "n", "off"}
# Names and IP addresses as a Host header has them, less the port.
_HOST = re.compile(r"\.?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\]", re.IGNORECASE)
# What is found in a data folder that holds nothing but a site.
_OF_THE_SITE = re.compile(
    r"secret_key|mnist|pseudo|tmp|metrics-[0-9]+|lost\+found|.*\.(sqlite3(-wal|-shm|-journal)?|log|pid)"
)
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*/?")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?")
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+|[^<>\r\n]+<[^\s@<>]+@[^\s@<>]+>")

# What has been read, by name, with its default; and what is read where it is needed, not here.
defaults: dict[str, object] = {}
ELSEWHERE = {"DADC_PASSWORD"}
TRAINERS = "DADC_TRAINERS", 1, 1, 64  # trainings at once on this machine


class Unusable(ImproperlyConfigured):
    """A setting cannot be used; the message is a sentence for whoever set it."""


def refused(name: str, takes: str) -> Unusable:
    """What to raise, without a cause, which would show the value."""
    return Unusable(f"{name} takes {takes}; it is set to something else.")


@contextmanager
def refusing() -> Iterator[None]:
    """End the program with the sentence alone where a variable is unusable; exit status 1."""
    try:
        yield
    except Unusable as refusal:
        sys.exit(str(refusal))


def text(name: str, default: str = "") -> str:
    """The value as it stands, less white space around it."""
    value = _value(name, default)
    if not value.isascii() and any("\udc80" <= letter <= "\udcff" for letter in value):
        raise refused(name, "text in UTF-8")
    return value or default


def _value(name: str, default: object) -> str:
    defaults[name] = default
    return os.environ.get(name, "").strip()


def whole(name: str, default: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`, in plain digits."""
    value = _value(name, default)
    # Longer ones are over every limit, and slow to read.
    number = int(value) if re.fullmatch(r"[+-]?[0-9]{1,18}", value) else None
    if value and (number is None or not low <= number <= high):
        raise refused(name, f"a whole number from {low} to {high}")
    return default if number is None else number


def number(name: str, default: float, low: float, high: float) -> float:
    """A number from `low` to `high`, with a decimal point or without."""
    value = _value(name, default)
    if not value:
        return default
    try:
        read = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        read = math.nan
    if not low <= read <= high:
        raise refused(name, f"a number from {low} to {high}, with a decimal point")
    return read


def flag(name: str, default: bool) -> bool:
    value = _value(name, default).lower()
    if value and value not in _ON | _OFF:
        raise refused(name, "on or off (also 1 or 0, true or false, yes or no)")
    return value in _ON if value else default


def one_of(name: str, default: str, choices: Collection[str]) -> str:
    value = text(name, default)
    if value not in choices:
        raise refused(name, f"one of {', '.join(sorted(choices))}")
    return value


def arms(name: str) -> str:
    """The arms of a study with their weights; `rules.arms.PLAIN` unless set."""
    value = text(name, rules.PLAIN)
    try:
        rules.parse(value)
    except ValueError as error:
        weights = f"weights from 1 to {rules.HEAVIEST}, as in dynamic:2,static:1,none:1"
        raise refused(name, f"dynamic, and static and none or either, with {weights}") from error
    return value


def hosts(name: str) -> list[str]:
    """Host names, separated by commas or white space."""
    found = [host for host in re.split(r"[\s,]+", text(name)) if host]
    if not all(map(_HOST.fullmatch, found)):
        raise refused(
            name,
            "host names with commas between them, each without https:// and port, IPv6 in [ ], "
            "other letters than English ones as xn--; links in emails lead there, so * is none",
        )
    return found


def origins(name: str) -> list[str]:
    """Origins, separated by commas or white space, as browsers write them: in small letters, and
    without the port that is the scheme's own."""
    return [_origin(name, each) for each in re.split(r"[\s,]+", text(name)) if each]


def _origin(name: str, value: str) -> str:
    origin = normal(value)
    if origin is None:
        raise refused(
            name,
            "origins with commas between them, each https://host or https://host:port, with "
            "nothing after it and no *",
        )
    return origin


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Networks, separated by commas or white space."""
    try:
        return [ip_network(each) for each in re.split(r"[\s,]+", text(name)) if each]
    except ValueError:
        raise refused(
            name, "networks with commas between them, such as 10.1.0.0/16 or fd00::/8"
        ) from None


def server(name: str, default: str) -> str:
    """An origin to which secrets are sent: by TLS, unless it is this machine."""
    origin = normal(text(name, default))
    if origin is None or not (origin.startswith("https:") or _LOOPBACK.fullmatch(origin)):
        raise refused(name, "https://host or https://host:port, with nothing after it")
    return origin


def token(name: str) -> str:
    """What another site knows this one by; it goes into a header as it stands."""
    value = text(name)
    if not re.fullmatch(r"[!-~]{0,1000}", value):
        raise refused(name, "a token: letters, digits and signs, no white space")
    return value


def repository(name: str) -> str:
    """A repository's owner and name."""
    value = text(name)
    if value and not _REPOSITORY.fullmatch(value):
        raise refused(name, "owner/name")
    return value


def path_prefix(name: str) -> str:
    """What every path of the site begins with: empty, or with a / before it and none after."""
    value = text(name)
    if not _PREFIX.fullmatch(value):
        raise refused(name, "a path such as /digits: letters, digits, . _ ~ - and / before each")
    return value.rstrip("/")


def sender(name: str, default: str) -> str:
    """An email address, with a name before it or without."""
    value = text(name, default)
    address = value.rpartition("<")[2].rstrip(">")
    if not _EMAIL.fullmatch(value) or parseaddr(value)[1] != address:
        raise refused(
            name,
            "an email address, or a name and <an email address>, the name in double quotes where "
            "it has , ; or :",
        )
    return value


def own_folder(name: str, default: Path, beside: Path) -> Path:
    """A folder of the site's own, made if it can be and closed to other users, never a URL. `~` is
    the user's own, and what does not begin at the root begins `beside`."""
    path = _path(name, beside) or default
    defaults[name] = default.name
    with suppress(OSError):
        path.mkdir(0o700, parents=True, exist_ok=True)
        _close_to_others(path)
    if path.exists() and not path.is_dir():
        raise refused(name, "the path of a folder")
    return path


def _close_to_others(folder: Path) -> None:
    """Let no other user in, unless it is a folder for all, or holds what is not the site's."""
    mode = folder.stat().st_mode
    is_its_own = all(_OF_THE_SITE.fullmatch(entry.name) for entry in folder.iterdir())
    if is_its_own and mode & 0o077 and not mode & stat.S_ISVTX:
        folder.chmod(0o700)


def existing_folder(name: str, beside: Path) -> Path | None:
    """A folder that is there, or None where nothing is set."""
    path = _path(name, beside)
    if path and not path.is_dir():
        raise refused(name, "the path of a folder that is there")
    return path


def _path(name: str, beside: Path) -> Path | None:
    value = _value(name, "")
    try:
        path = beside / Path(value).expanduser()
        path.exists()
    except (OSError, RuntimeError, ValueError):  # too long; nobody's ~; a null character
        raise refused(name, "the path of a folder") from None
    return path if value else None


def keep_temporary_files_in(folder: Path) -> None:
    """Let this process, and all that it starts, put temporary files there, where that can be
    written: there may be no other place for them."""
    with suppress(OSError):
        folder.mkdir(0o700, exist_ok=True)
    if os.access(folder, os.W_OK | os.X_OK):
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)


def has_address(address: str) -> bool:
    """Whether this machine has an IP address: not all have IPv6, or IPv4."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def misspelt() -> list[str]:
    """A sentence for each variable that nobody reads and that is nearly called like one that is."""
    known = defaults.keys() | ELSEWHERE
    unknown = sorted(name for name in os.environ.keys() - known if name.startswith("DADC_"))
    near = {name: difflib.get_close_matches(name, known, 1, 0.8) for name in unknown}
    if "SCRIPT_NAME" in os.environ:  # gunicorn's, as many guides have it
        near["SCRIPT_NAME"] = ["DADC_PATH"]
    return [
        f"{name} is not a setting and is not heeded; {meant[0]} is one."
        for name, meant in near.items()
        if meant
    ]
