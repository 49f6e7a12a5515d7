"""Settings from the environment: read whole, or refused in a sentence that does not show them."""

import os
import runpy
import socket
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.utils import ConnectionHandler
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from collector.models import Study
from dadc_site import addresses, environment
from tests.support import needs
from tests.support.needs import POSTGRES
from tests.support.site import Site, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
# These connect by themselves, also in a process whose browser's loop Django takes for its own.
pytestmark = pytest.mark.usefixtures("beside_a_browser")
Load = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def beside_a_browser() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


UNUSABLE = {
    "PORT": ["99999", "0", "-1", "abc", "80_00", "8000.0", "８０００", "9" * 5000],
    "DADC_ROUND_SIZE": ["abc", "0", "-5", "1e3", "ten"],
    "DADC_QUORUM": ["0", "10", "2,5"],
    "DADC_TRAINERS": ["0", "-1", "65", "two", "1.5", "２"],
    "DADC_AUDIT_SHARE": ["abc", "1.5", "-0.1", "0,5", "nan", "inf", "1e9", "10 %"],
    "DADC_LIMIT_SCALE": ["nan", "-1", "1_0", "2x"],
    "DADC_OPEN_SIGNUP": ["enabled", "2", "nope", "-"],
    "DADC_LOG_FORMAT": ["JSON", "logfmt"],
    "DADC_METRICS_TOKEN": ["\udcff-not-text"],
    "DADC_HUB_TOKEN": ["hf s3cret", "hf_s3crét", "s3cret\r\nHost: x", "s" * 1001],
    "DADC_HUB_DATASET": ["digits", "a/b/c", "https://huggingface.co/a/b", "../digits", "a/ü"],
    "DADC_HUB_MODEL": ["digits", "a b/c"],
    "DADC_ZENODO_TOKEN": ["s3cret s3cret", "\udcff"],
    "DADC_ZENODO_URL": [
        "http://zenodo.org",
        "zenodo.org",
        "https://zenodo.org/api",
        "https://user:s3cret@zenodo.org",
        "http://127.0.0.1.example",
        "https://zenodo.org:0",
    ],
    "DADC_NET": ["resnet", "Strong"],
    "DADC_ARMS": [
        "static",
        "dynamic:0",
        "dynamic:21",
        "dynamic,dynamic",
        "dynamic:2, static",
        "Dynamic",
        "dynamic;none",
        "dynamic:+1",
        "dynamic:1,",
        "dynamic,made_up",
    ],
    "DADC_ALLOWED_HOSTS": [
        "https://dadc.example",
        "dadc.example:81",
        '"dadc.example"',
        "bücher.de",
        "*",
    ],
    "DADC_SECRET_KEY": ["\udcff-not-text"],
    "DADC_TRUSTED_PROXIES": ["-1", "one", "101", "10.0.0.1", "*"],
    "DADC_ORIGINS": [
        "digits.example",
        "https://digits.example/",
        "https://digits.example/path",
        "https://digits.example:0",
        "https://digits.example:70000",
        "https://*.example",
        "https://user:s3cret@digits.example",
        "https://a.example;https://b.example",
        "ftp://digits.example",
        "null",
        "*",
    ],
    "DADC_PATH": [
        "digits",
        "//digits",
        "/a//b",
        "/../digits",
        "/digits/..",
        "/dig its",
        "/digits?x",
        "/<uuid:x>",
        "/ziffern-für-alle",
        "https://host/digits",
    ],
    "DADC_DATA_DIR": ["/dev/null", "~nobody-of-that-name/x", "x" * 5000],
    "DADC_MNIST_DIR": ["/no/such/folder", "/dev/null"],
    "DADC_MAIL_FROM": [
        "nobody",
        "a@b\r\nBcc: c@d",
        "<>",
        "Study, Digits <digits@uni.example>",
        "A; B <digits@uni.example>",
    ],
    "DADC_EMAIL_URL": [
        "smtp://",
        "smtp://user:s3cret@",
        "smtp://user:s3cret@host:s3cret",
        "smtp://host:70000",
        "smtp://user:s3cret%C3%B6@host",
        "smtp://host?timeout=0",
        "smtp://host?s3cret=1",
        "filemail://relative",
        "filemail:///dev/null",
        "filemail:///" + "x" * 5000,
        "consolemail://host",
        "imap://host",
        "host:25",
    ],
    "DATABASE_URL": [
        "postgres://user:s3/cret@host/name",
        "postgres://user:3/s3cret@host/name",
        "postgres://user:s3cret@host:port/name",
        "postgres://user:s3cret@host:70000/name",
        "postgres://user:s3cret@host/",
        "postgres://user:s3cret@host/name?sslmod=require",
        "postgres://user:s3cret@host/name?sslmode=s3cret",
        "postgres://user:s3cret@host/name?connect_timeout=s3cret",
        "postgres://user:%zz@host/name",
        "postgres://user:s3cret@host/name?conn_max_age=long",
        "mysql://user:s3cret@host/name",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite:///:memory:",
        "sqlite:////no/such/folder/file",
        f"sqlite:////{'x' * 5000}/file",
        "sqlite:///x.sqlite3?timeout=long",
        "sqlite:///x.sqlite3?mode=ro",
        "sqlite:///x.sqlite3?timeout=1&timeout=2",
        "/a/path",
        "s3cret",
    ],
}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """The settings as a process with these variables, and no other of ours, reads them."""
    for name in list(os.environ):
        if name.startswith(("DADC_", "PG")) or name in ("PORT", "DATABASE_URL"):
            monkeypatch.delenv(name)

    def read(**variables: str) -> dict[str, Any]:
        with monkeypatch.context() as patch:
            for name, value in ({"DADC_DATA_DIR": str(tmp_path)} | variables).items():
                patch.setenv(name, value)
            return runpy.run_path(str(ROOT / "dadc_site/settings.py"))

    return read


@pytest.mark.survives(
    "more than a hundred values that settings do not take, among them `PORT=99999`, "
    "`DADC_ROUND_SIZE=abc`, `DADC_LIMIT_SCALE=nan`, hosts with `https://` or a port, a password"
    " with `/`",
    "refused in one sentence that names the variable and does not show the value",
)
@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_read_is_refused_by_name_and_not_shown(name: str, load: Load) -> None:
    for value in UNUSABLE[name]:
        with pytest.raises(environment.Unusable) as refusal:
            load(**{name: value})
        told = "".join(traceback.format_exception_only(refusal.value))
        assert f"{name} takes " in told
        assert len(told.splitlines()) == 1
        assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
        whole = "".join(traceback.format_exception(refusal.value))
        assert "s3" not in whole
        assert len(value) < 10 or value not in told


@pytest.mark.survives(
    "white space around settings, empty ones, a secret key that begins with `$`",
    "forgiven; not set; as it is",
)
def test_white_space_is_forgiven_and_empty_is_not_set(load: Load) -> None:
    read = load(
        PORT=" 8001\n",
        DADC_ROUND_SIZE="\t25 ",
        DADC_AUDIT_SHARE=" 1e-1\r",
        DADC_OPEN_SIGNUP=" Off ",
        DADC_LIVE_PREVIEW="YES",
        DADC_ALLOWED_HOSTS=" a.example, .b.example\n[::1] ,",
        DADC_SECRET_KEY=" $ecret\n",
        DADC_QUORUM="",
        DATABASE_URL="  ",
    )
    assert (read["PORT"], read["ADDRESSES"][0]) == (8001, "0.0.0.0")
    assert read["STUDY"]["round_size"] == 25
    assert read["STUDY"]["audit_share"] == 0.1
    assert read["STUDY"]["quorum"] == 1
    assert (read["OPEN_SIGNUP"], read["STUDY"]["has_live_preview"]) == (False, True)
    assert read["ALLOWED_HOSTS"] == ["a.example", ".b.example", "[::1]"]
    assert read["SECRET_KEY"] == "$ecret"
    assert read["DATABASES"]["default"]["ENGINE"] == "dadc_site.sqlite"


def test_a_sender_has_any_name_and_a_key_that_was_begun_and_never_written_is_made(
    load: Load, tmp_path: Path
) -> None:
    (tmp_path / "secret_key").touch()
    key = load(DADC_MAIL_FROM='"Study, Übung" <digits@uni.example>')["SECRET_KEY"]
    assert len(key) > 50
    assert load()["SECRET_KEY"] == key == (tmp_path / "secret_key").read_text()


def test_origins_are_those_that_browsers_send(load: Load) -> None:
    read = load(
        DADC_ORIGINS="https://Digits.Example:443, http://a:80\nhttps://a:8443 http://[::1]:81 ,"
    )
    assert read["CSRF_TRUSTED_ORIGINS"] == [
        "https://digits.example",
        "http://a",
        "https://a:8443",
        "http://[::1]:81",
    ]
    assert load()["CSRF_TRUSTED_ORIGINS"] == []


def test_a_path_keeps_its_cookies_apart_from_those_of_the_root(load: Load) -> None:
    for value, path in (("", ""), ("/", ""), ("/digits/", "/digits"), ("/a-b/~c.d", "/a-b/~c.d")):
        read = load(DADC_PATH=value)
        assert read["PATH"] == path
        assert read["STATIC_URL"] == f"{path}/static/"
        for kind, name in (("SESSION", "sessionid"), ("CSRF", "csrftoken")):
            assert read[f"{kind}_COOKIE_PATH"] == (path or "/")
            assert (read[f"{kind}_COOKIE_NAME"] == name) == (path == "")


def test_an_open_sites_cookies_are_taken_by_tls_alone(load: Load) -> None:
    is_open = {"DADC_ALLOWED_HOSTS": "digits.example", "DADC_SECRET_KEY": "x" * 50}
    assert load(**is_open)["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert load(**is_open, DADC_PATH="/a")["CSRF_COOKIE_NAME"] == "__Secure-csrftoken-a"
    assert load()["SESSION_COOKIE_NAME"] == "sessionid"


def test_an_open_site_believes_who_ends_tls_and_a_local_one_only_if_told(load: Load) -> None:
    said = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}
    is_open = {"DADC_ALLOWED_HOSTS": "digits.example", "DADC_SECRET_KEY": "x" * 50}
    behind_one = {"DADC_TRUSTED_PROXIES": "1"}
    for others, is_believed in (({}, False), (behind_one, True), (is_open, True)):
        assert (said.items() <= load(**others).items()) == is_believed
    hsts = {name for name in load(**is_open) if name.startswith("SECURE_HSTS")}
    assert hsts == {"SECURE_HSTS_SECONDS"}, "for this host; others are not ours"


def test_what_the_environment_takes_the_study_takes(load: Load) -> None:
    for least, most in ((True, False), (False, True)):
        shares = "0" if least else "1"
        read = load(
            DADC_ROUND_SIZE="1" if least else "1000000",
            DADC_QUORUM="1" if least else "9",
            DADC_AUDIT_SHARE=shares,
            DADC_GOLD_SHARE=shares,
            DADC_PERSON_SHARE=shares,
        )
        Study(pk=1, **read["STUDY"]).clean_fields()
        assert most is not least


@pytest.mark.survives(
    "`DADC_ROUNDSIZE=30`",
    "it is not heeded, and it is said which is meant",
)
def test_a_name_nearly_like_a_settings_is_told_and_others_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    monkeypatch.setenv("DADC_PORT_8000_TCP_ADDR", "10.0.0.1")
    misspelt = {"DADC_ROUNDSIZE": "30", "DADC_ALLOWED_HOST": "a.example", "SCRIPT_NAME": "/digits"}
    assert load(**misspelt)["MISSPELT"] == [
        "DADC_ALLOWED_HOST is not a setting and is not heeded; DADC_ALLOWED_HOSTS is one.",
        "DADC_ROUNDSIZE is not a setting and is not heeded; DADC_ROUND_SIZE is one.",
        "SCRIPT_NAME is not a setting and is not heeded; DADC_PATH is one.",
    ]


@pytest.mark.survives(
    "`PORT=80` without being root",
    "said so, not “in use”",
)
def test_setup_tells_misspelt_names_and_a_port_that_only_root_may_open(
    settings: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bind(self: object, address: object) -> None:
        raise PermissionError

    monkeypatch.setattr("socket.socket.bind", bind)
    settings.MISSPELT = ["DADC_ROUNDSIZE is not a setting and is not heeded."]
    settings.PORT = 80
    with pytest.raises(CommandError, match="This user may not open port 80"):
        call_command("setup", serve=True)
    assert "DADC_ROUNDSIZE is not a setting" in capsys.readouterr().err


@pytest.mark.survives(
    "a database that refuses the connection",
    "setup says why in a sentence",
)
def test_setup_says_in_a_sentence_that_the_database_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "ensure_connection", _away)
    with pytest.raises(CommandError, match=r"The database cannot be reached\. server does"):
        call_command("setup")


@pytest.mark.survives(
    "a command whose database does not answer, or has no tables",
    "a sentence with the cause",
)
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgres://postgres:s3cret@127.0.0.1:1/none", "The database does not answer."),
        ("sqlite:///{folder}/empty.sqlite3", "manage.py setup makes them"),
    ],
    ids=["away", "empty"],
)
def test_commands_say_in_a_sentence_what_is_wrong_with_the_database(
    url: str, why: str, tmp_path: Path
) -> None:
    site = Site(tmp_path, url.format(folder=tmp_path), free_port())
    for command in (
        ("add_person", "alice"),
        ("export_samples",),
        ("flush", "--noinput"),
        ("release", "--round", "1", "--out", str(tmp_path / "release")),
    ):
        said = site.refused(*command)
        assert why in said
        assert "s3cret" not in said


@pytest.mark.survives(
    "a setting that cannot be read, in `manage.py`, gunicorn, `serve.py` and `make run`",
    "each ends with the sentence alone",
)
@pytest.mark.parametrize(
    ("program", "variable"),
    [
        ((".venv/bin/python", "manage.py", "check"), "DADC_ROUND_SIZE=s3cret"),
        ((".venv/bin/python", "-m", "gunicorn", "--check-config", "dadc_site.wsgi"), "PORT=s3cret"),
        (("env", "--chdir=/", f"{ROOT}/.venv/bin/python", f"{ROOT}/serve.py"), "PORT=s3cret"),
        (("make", "run"), "PORT=s3cret"),
    ],
    ids=["manage.py", "gunicorn", "serve.py", "make"],
)
def test_every_program_ends_with_the_sentence_alone(
    program: tuple[str, ...], variable: str, tmp_path: Path
) -> None:
    name, _, value = variable.partition("=")
    env = os.environ | {"DADC_DATA_DIR": str(tmp_path), name: value}
    ended = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=100)
    assert ended.returncode != 0
    told = [line for line in ended.stderr.splitlines() if not line.startswith("make")]
    assert len(told) == 1
    assert told[0].startswith(f"{name} takes a whole number from 1 to ")


# What this machine has.

COMPUTES = """
import runpy, psutil
runpy.run_path("gunicorn.conf.py")
import numpy as np
many = np.ones((500, 500))
many @ many
print(psutil.Process().num_threads())
"""
LISTENS = """
import logging, runpy, socket
from gunicorn import sock
from gunicorn.config import Config
config = Config()
config.set("bind", runpy.run_path("gunicorn.conf.py")["bind"])
for listening in sock.create_sockets(config, logging.getLogger()):
    host, port = listening.getsockname()[:2]
    client = socket.create_connection(("::1" if ":" in host else "127.0.0.1", port))
    listening.setblocking(True)
    print(host, "hears", listening.accept()[1][0])
"""


def here(*command: str, **env: str) -> str:
    """What a program says that runs in the project's folder with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DADC_")}
    return subprocess.run(
        command, cwd=ROOT, env=kept | env, check=True, capture_output=True, text=True, timeout=100
    ).stdout


@pytest.mark.survives(
    "clients by IPv4 and IPv6",
    "each is known by its own address",
)
@pytest.mark.parametrize(
    ("hosts", "heard"),
    [
        ("", "127.0.0.1 hears 127.0.0.1\n::1 hears ::1\n"),
        ("a.example", "0.0.0.0 hears 127.0.0.1\n:: hears ::1\n"),
    ],
    ids=["this machine alone", "others"],
)
def test_it_listens_to_both_families_and_knows_each_client_by_its_own_address(
    hosts: str, heard: str, tmp_path: Path
) -> None:
    if not environment.has_address("::1"):
        needs.lacking("IPv6")
    port = str(free_port())
    env = {"DADC_DATA_DIR": str(tmp_path), "PORT": port, "DADC_ALLOWED_HOSTS": hosts}
    told = here(sys.executable, "-c", LISTENS, **env, DADC_SECRET_KEY="of a test")
    assert told == heard


def test_the_web_compares_pictures_with_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More take five times as much of the processor, which the other requests want."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    env = {"DADC_DATA_DIR": str(tmp_path), "DADC_SECRET_KEY": "of a test"}
    assert here(sys.executable, "-c", COMPUTES, **env) == "1\n"


@pytest.mark.survives(
    "a machine without IPv6",
    "listens to what there is",
)
def test_it_listens_to_the_addresses_that_the_machine_has(tmp_path: Path) -> None:
    needs.own_mounts()
    asks = "from dadc_site.settings import ADDRESSES; print(ADDRESSES)"
    without_ipv6 = ["unshare", "--net", sys.executable, "-c", asks]
    assert here(*without_ipv6, DADC_DATA_DIR=str(tmp_path)) == "['127.0.0.1']\n"


@pytest.mark.survives(
    "a `/dev/shm` that nobody may write",
    "setup says so",
)
def test_setup_says_that_queue_workers_have_no_place_for_their_locks(tmp_path: Path) -> None:
    needs.own_mounts()
    narrow = [
        "unshare",
        "--mount",
        "/bin/sh",
        "-c",
        'mount -t tmpfs -o ro none /dev/shm; exec "$@"',
    ]
    setup = [*narrow, "sh", sys.executable, "manage.py", "setup", "--serve"]
    with pytest.raises(subprocess.CalledProcessError) as ended:
        here(*setup, DADC_DATA_DIR=str(tmp_path), PORT=str(free_port()))
    assert ended.value.stderr.startswith(
        "CommandError: Queue workers share their locks in /dev/shm"
    )
    assert len(ended.value.stderr.splitlines()) == 1


@pytest.mark.survives(
    "a command that asks for something where nobody can answer",
    "ends with a sentence",
)
@pytest.mark.parametrize("asks", [["add_person", "nora"], ["shell", "-c", "input()"]])
def test_a_command_that_nobody_answers_ends_with_a_sentence(
    asks: list[str], tmp_path: Path
) -> None:
    alone = ["setsid", "--wait", sys.executable, "manage.py", *asks]  # without a terminal
    with pytest.raises(subprocess.CalledProcessError) as ended:
        here(*alone, DADC_DATA_DIR=str(tmp_path))
    assert ended.value.returncode == 1
    assert ended.value.stderr.splitlines()[-1].startswith("This command asks for something, and")
    assert "Traceback" not in ended.value.stderr


@pytest.mark.survives(
    "a data folder open to others: empty, of a version before, with other things in it, sticky "
    "like `/tmp`",
    "closed where it is the site's own, else left",
)
@pytest.mark.parametrize(
    ("mode", "holds", "left"),
    [
        (0o755, [], 0o700),
        (
            0o775,
            [
                "secret_key",
                "db.sqlite3",
                "db.sqlite3-wal",
                "run.log",
                "tmp",
                "metrics-80",
                "lost+found",
            ],
            0o700,
        ),
        (0o755, ["secret_key", "backup.tar"], 0o755),
        (0o1777, [], 0o1777),
        (None, [], 0o700),
    ],
    ids=["empty", "of a version before", "with other things", "for all, such as /tmp", "new"],
)
def test_a_data_folder_is_closed_to_other_users_where_it_is_the_sites_own(
    mode: int | None, holds: list[str], left: int, load: Load, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    if mode is not None:
        folder.mkdir()
        folder.chmod(mode)
        for name in holds:
            (folder / name).touch()
    load(DADC_DATA_DIR=str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == left


@pytest.mark.survives(
    "a data folder that is left open to others",
    "setup says so",
)
def test_setup_says_that_others_may_look_into_the_data_folder(
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(connection, "ensure_connection", _away)
    for mode, is_told in ((0o755, True), (0o700, False)):
        tmp_path.chmod(mode)
        with pytest.raises(CommandError):
            call_command("setup")
        assert ("may look into the data folder" in capsys.readouterr().err) == is_told


# The database.


def _away() -> None:
    raise OperationalError("server does not support SSL, but SSL was required")


@pytest.fixture
def connected(django_db_blocker: Any) -> Any:
    """What a connection with these settings answers to a statement, or to a function."""

    def ask(database: dict[str, Any], what: str | Callable[[Any], Any]) -> Any:
        made = ConnectionHandler({"default": database})["default"]
        with django_db_blocker.unblock():
            try:
                if not isinstance(what, str):
                    return what(made)
                with made.cursor() as cursor:
                    cursor.execute(what)
                    return cursor.fetchone()[0]
            finally:
                made.close()

    return ask


@pytest.mark.survives(
    "a clone or data folder called `c++ lab`, `100% %41`, `what?timeout=1`, `C#`",
    "the database is in it",
)
@pytest.mark.parametrize(
    "name", ["c++ lab", "100% %41", "what?timeout=1", "C#", "Müller & Söhne", "a;b", "postgres:"]
)
def test_the_default_database_is_in_the_folder_that_is_named_whatever_its_name(
    name: str, load: Load, connected: Any, tmp_path: Path
) -> None:
    folder = tmp_path / name
    read = load(DADC_DATA_DIR=str(folder))
    assert connected(read["DATABASES"]["default"], "PRAGMA journal_mode") == "wal"
    assert (folder / "db.sqlite3").exists()
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.survives(
    "`make demo DATABASE_URL=…` of a real site",
    "the crowd has its own database all the same",
)
def test_the_simulated_crowd_has_a_database_of_its_own_whatever_is_set(
    load: Load, tmp_path: Path
) -> None:
    read = load(WITH_CROWD="true", DATABASE_URL="postgres://a-real-site/name")
    assert read["DATABASES"]["default"]["NAME"] == str(tmp_path / "demo.sqlite3")


@pytest.mark.survives(
    "`options`, `timeout`, `conn_max_age` … in `DATABASE_URL`; `PGOPTIONS`",
    "they hold, and ours beside them; of two for one thing theirs",
)
def test_an_sqlite_url_is_used_whole(load: Load, connected: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a+b%20%3F#c.sqlite3"
    database = load(
        DATABASE_URL=f"{url}?timeout=30&transaction_mode=deferred&conn_max_age=none"
        "&init_command=PRAGMA%20cache_size=77"
    )["DATABASES"]["default"]
    assert database["OPTIONS"]["timeout"] == 30
    assert database["OPTIONS"]["transaction_mode"] == "DEFERRED"
    assert database["CONN_MAX_AGE"] is None
    assert connected(database, "PRAGMA busy_timeout") == 30_000
    assert connected(database, "PRAGMA cache_size") == 77
    assert connected(database, "PRAGMA journal_mode") == "wal"
    assert (tmp_path / "a+b ?#c.sqlite3").exists()


@pytest.mark.survives(
    "a file of SQLite that could only be read for a while",
    "a connection opened then is kept for a minute at most, and the next one writes",
)
def test_whether_a_file_may_be_written_is_seen_anew_within_a_minute(
    load: Load, connected: Any, tmp_path: Path
) -> None:
    def kept_for(made: Any) -> float:
        made.connect()
        return float(made.close_at - monotonic())

    for url in ("", f"sqlite:///{tmp_path}/x.sqlite3"):
        assert 0 < connected(load(DATABASE_URL=url)["DATABASES"]["default"], kept_for) <= 60


def test_a_relative_sqlite_url_begins_in_the_projects_folder(load: Load) -> None:
    assert load(DATABASE_URL="sqlite:///x.db")["DATABASES"]["default"]["NAME"] == str(ROOT / "x.db")


def test_a_postgres_url_may_name_a_sockets_folder_in_two_ways(load: Load) -> None:
    for url in ("postgres://%2Frun%2Fpg/name", "postgres:////run/pg/name"):
        database = load(DATABASE_URL=url)["DATABASES"]["default"]
        assert (database["HOST"], database["NAME"]) == ("/run/pg", "name")


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
IN_A_TEST = examples(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.survives(
    "any user, password and name in `DATABASE_URL`, percent-encoded",
    "arrive as they are",
)
@given(user=TEXT, password=TEXT, name=TEXT, host=st.sampled_from(["h", "[::1]", "a.example"]))
@IN_A_TEST
def test_whatever_a_postgres_url_has_arrives(
    user: str, password: str, name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = name.replace("@", "").lstrip("/")
    user, password = user.strip() or "u", password.strip() or "p"
    parts = [quote(each, safe="") for each in (user, password, name or "n")]
    monkeypatch.setenv("DATABASE_URL", f"postgres://{parts[0]}:{parts[1]}@{host}:5/{parts[2]}")
    read = addresses.database("DATABASE_URL", ROOT / "db", ROOT)
    assert [read[key] for key in ("USER", "PASSWORD", "NAME", "HOST", "PORT")] == [
        user,
        password,
        name or "n",
        host.strip("[]"),
        "5",
    ]


@pytest.mark.survives(
    "any text in `DATABASE_URL` or `DADC_EMAIL_URL`",
    "read, or refused in a sentence",
)
@given(
    begin=st.sampled_from(["postgres://", "sqlite:///", "smtp://", "filemail://", ""]), rest=TEXT
)
@IN_A_TEST
def test_any_text_is_read_or_refused_and_never_else(
    begin: str, rest: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", begin + rest)
    monkeypatch.setenv("DADC_EMAIL_URL", begin + rest)
    for read in (
        lambda: addresses.database("DATABASE_URL", tmp_path / "db", tmp_path),
        lambda: addresses.mail("DADC_EMAIL_URL", "consolemail://"),
    ):
        with suppress(environment.Unusable):
            read()


@pytest.fixture
def postgres() -> str:
    needs.database("postgres")
    return f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}"


@pytest.mark.survives(
    "`options`, `timeout`, `conn_max_age` … in `DATABASE_URL`; `PGOPTIONS`",
    "they hold, and ours beside them; of two for one thing theirs",
)
def test_a_postgres_urls_options_come_beside_ours_and_win(
    postgres: str, load: Load, connected: Any
) -> None:
    def asked(setting: str, query: str, **more: str) -> Any:
        database = load(DATABASE_URL=postgres + query, **more)["DATABASES"]["default"]
        return connected(database, f"SHOW {setting}")

    assert asked("search_path", "options=-csearch_path%3Ddigits") == "digits"
    assert asked("lock_timeout", "options=-csearch_path%3Ddigits") == "5s"
    assert asked("lock_timeout", "options=-c%20lock_timeout%3D7000") == "7s"
    assert asked("search_path", "", PGOPTIONS="-c search_path=digits") == "digits"
    assert asked("jit", "", PGOPTIONS="-c search_path=digits") == "off"
    assert asked("application_name", "application_name=dadc%2Blab&conn_max_age=0") == "dadc+lab"


@pytest.mark.survives(
    "`sslmode=require` in `DATABASE_URL`, at a server without TLS",
    "no connection without TLS",
)
def test_sslmode_require_does_not_connect_without_tls(
    postgres: str, load: Load, connected: Any
) -> None:
    database = load(DATABASE_URL=f"{postgres}sslmode=require")["DATABASES"]["default"]
    with pytest.raises(OperationalError, match="SSL"):
        connected(database, "SELECT 1")


@pytest.mark.survives(
    "a server whose default isolation is `serializable`",
    "transactions read what is committed, as the locks expect",
)
def test_a_transaction_reads_what_is_committed_whatever_the_servers_default(
    postgres: str, load: Load, connected: Any
) -> None:
    """Who waited for a lock would else get an error in place of the row."""
    query = "options=-c%20default_transaction_isolation%3Dserializable"
    database = load(DATABASE_URL=postgres + query)["DATABASES"]["default"]

    def in_a_transaction(made: Any) -> Any:
        made.ensure_connection()
        made.set_autocommit(False)
        with made.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            (shown,) = cursor.fetchone()
        made.rollback()
        made.set_autocommit(True)
        return shown

    assert connected(database, in_a_transaction) == "read committed"
    assert connected(database, "SHOW transaction_isolation") == "serializable"


@pytest.mark.survives(
    "a server that is gone without a word",
    "given up after 30 s, not a quarter of an hour",
)
def test_a_connection_whose_server_is_gone_without_a_word_is_given_up(
    postgres: str, load: Load, connected: Any
) -> None:
    def given_up_after(query: str) -> Any:
        database = load(DATABASE_URL=postgres + query)["DATABASES"]["default"]
        return connected(database, _user_timeout)

    assert given_up_after("") == 30_000
    assert given_up_after("tcp_user_timeout=7000") == 7000


def _user_timeout(made: Any) -> int:
    """How many ms the system waits for the other end to take what was sent."""
    made.ensure_connection()
    with socket.socket(fileno=os.dup(made.connection.pgconn.socket)) as wire:
        return wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
