"""What a machine may lack, and the one policy for it: a loud skip, and in CI a failure."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

# The headless shell is the same engine without a window: a page takes it a third of the processor.
CHROMIUMS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
CHROMIUM = next((program for program in CHROMIUMS if program.exists()), CHROMIUMS[-1])
POSTGRES = os.environ.get("DADC_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
MNIST = Path(
    os.environ.get("DADC_MNIST_DIR") or Path(__file__).resolve().parents[3] / "shared" / "mnist"
)


def lacking(what: str) -> None:
    """Skip with a loud line; in CI nothing may lack, so there it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs what this machine lacks: {what}")
    pytest.skip(f"THIS MACHINE LACKS: {what}")


def mnist() -> Path:
    """The folder with MNIST's four files, packed or not."""
    if not list(MNIST.glob("train-images-idx3-ubyte*")):
        lacking(f"MNIST in {MNIST} (set DADC_MNIST_DIR)")
    return MNIST


def chromium() -> Path:
    """The browser's program."""
    if not CHROMIUM.exists():
        lacking(f"Chromium at {CHROMIUM}")
    return CHROMIUM


def pgbouncer() -> str:
    """The pooler's program."""
    return _program("pgbouncer")


def nginx() -> str:
    """The proxy's program."""
    return _program("nginx")


def caddy() -> str:
    """The other proxy's program."""
    return _program("caddy")


def docker_compose() -> str:
    """What reads compose's file."""
    return _program("docker-compose")


def systemd() -> None:
    """What starts units, and what judges them."""
    _program("systemd-analyze")
    own_mounts()


def openssl() -> str:
    """What makes certificates."""
    return _program("openssl")


def postgres_programs() -> str:
    """What writes PostgreSQL's databases out."""
    return _program("pg_dump")


def postgres_server(name: str) -> str:
    """A program that a server of PostgreSQL's is made or run by, which may be on nobody's path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else _program(name)


def own_mounts() -> None:
    """Leave to see other folders than the rest of the machine, and to be another user."""
    tried = "mount -t tmpfs none /mnt && setpriv --reuid 54321 --clear-groups true"
    if subprocess.run(["unshare", "--mount", "/bin/sh", "-c", tried], check=False).returncode:
        lacking("leave to mount (root)")


def own_networks() -> None:
    """Leave to make machines that have networks of their own."""
    name = f"dadc-try-{os.getpid()}"
    tried = f"ip netns add {name} && ip netns exec {name} unshare --uts true; ip netns del {name}"
    if subprocess.run(["/bin/sh", "-c", tried], check=False).returncode:
        lacking("iproute2 and leave to make networks (root)")


def _program(name: str) -> str:
    # Debian puts what serves into /usr/sbin, which is not on everybody's path.
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        lacking(name)
    assert path
    return path


def database(kind: str) -> None:
    """Nothing is needed for SQLite; PostgreSQL has to answer."""
    if kind == "postgres" and (missing := postgres_is_missing()):
        lacking(missing)


@functools.cache
def postgres_is_missing() -> str | None:
    """Why PostgreSQL can't be used here, or None."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        return f"PostgreSQL at {POSTGRES}: {error}"
    return None
