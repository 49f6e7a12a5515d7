"""A proxy between browsers and a site: a real nginx that ends TLS as `localhost`."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support import needs
from tests.support.site import free_port, wait_for, wire

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    {temporary}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        {location}
    }}
    server {{
        listen 127.0.0.1:{plain_port};
        {location}
    }}
}}
"""
KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Proxy:
    """Where it listens, with TLS and without."""

    port: int
    plain_port: int


@contextmanager
def nginx(folder: Path, certificate: Path, location: str, port: int) -> Iterator[Proxy]:
    """An nginx at this port, with this part of a server's configuration that ends with this."""
    proxy = Proxy(port, free_port())
    config = folder / "nginx.conf"
    config.write_text(
        CONFIG.format(
            folder=folder,
            temporary="\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in KINDS),
            certificate=certificate,
            location=location,
            port=proxy.port,
            plain_port=proxy.plain_port,
        )
    )
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen([needs.nginx(), "-c", str(config)], stdout=log, stderr=log)
    try:
        wait_for(lambda: _answers(proxy.plain_port), 10, "nginx to answer")
        yield proxy
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        wire().handle_request(httpx.Request("GET", f"http://127.0.0.1:{port}/")).read()
    except httpx.TransportError:
        return False
    return True
