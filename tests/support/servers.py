"""A PostgreSQL server of a test's own, which may be stopped at once, run out of connections, and be
started again: never the machine's."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support import needs
from tests.support.site import free_port, wait_for


@dataclass
class Server:
    """Where its database is, and what serves it."""

    url: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_for(self._answers, 60, "PostgreSQL to start")

    def stop_at_once(self) -> None:
        """End it as it stands: all connections are cut, and nothing more is written."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres(like: str, most: int) -> Iterator[Server]:
    """A server that takes so many connections, with a copy of the database at this URL; it ends
    with this."""
    port, is_root = free_port(), os.geteuid() == 0  # as whom it does not serve
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] * is_root
    with tempfile.TemporaryDirectory(prefix="dadc-postgres-") as made:
        folder = Path(made)
        if is_root:
            shutil.chown(folder, "nobody")
        data = f"--pgdata={folder / 'data'}"
        how = ("--auth=trust", "--username=postgres", "--no-sync", "--locale=C", "--encoding=UTF8")
        initdb = [*as_nobody, needs.postgres_server("initdb"), *how, data]
        subprocess.run(initdb, cwd=folder, check=True, capture_output=True)
        said = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": most,
        }
        options = [f"--{name}={value}" for name, value in said.items()]
        command = [*as_nobody, needs.postgres_server("postgres"), "-D", f"{folder / 'data'}"]
        url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        server = Server(url, command + options, folder / "log")
        try:
            server.start()
            dumped = subprocess.run(["pg_dump", like], check=True, capture_output=True)
            subprocess.run(
                ["psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", url],
                input=dumped.stdout,
                check=True,
                capture_output=True,
            )
            yield server
        finally:
            server.stop_at_once()
