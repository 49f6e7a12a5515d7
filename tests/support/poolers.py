"""A pooler between a site and PostgreSQL: a real PgBouncer in transaction mode, with fewer server
connections than clients."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from tests.support import needs
from tests.support.site import free_port, wait_for

# auth_type = any: whoever comes is the user named above it.
CONFIG = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
"""


@contextmanager
def pgbouncer(url: str, folder: Path) -> Iterator[str]:
    """The URL of the same database through a pooler that ends with this."""
    server = {"user": "postgres", **conninfo_to_dict(url)}
    name, port = server.pop("dbname"), free_port()
    config = folder / "pgbouncer.ini"
    to_it = " ".join(f"{key}={value}" for key, value in server.items())
    config.write_text(CONFIG.format(server=to_it, port=port))
    # It does not serve as root.
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(
            [needs.pgbouncer(), *as_nobody, str(config)], stdout=log, stderr=log
        )
    try:
        wait_for(lambda: _listens(port), 10, "PgBouncer to listen")
        yield f"postgres://{server['user']}@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
