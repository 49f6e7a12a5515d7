"""A proxy between browsers and a site: a real nginx, or a real Caddy, that ends TLS as
`localhost`."""

import socket
import ssl
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
    {servers}
}}
"""
SERVERS = """
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
    servers = SERVERS.format(
        certificate=certificate, location=location, port=port, plain_port=proxy.plain_port
    )
    with serving(folder, servers, proxy):
        yield proxy


@contextmanager
def serving(folder: Path, servers: str, proxy: Proxy) -> Iterator[None]:
    """An nginx with these servers, which listen where `proxy` says."""
    config = folder / "nginx.conf"
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in KINDS)
    config.write_text(CONFIG.format(folder=folder, temporary=temporary, servers=servers))
    with running(folder / "nginx.log", [needs.nginx(), "-c", str(config)], proxy):
        yield


@contextmanager
def caddy(folder: Path, caddyfile: str, proxy: Proxy, **env: str) -> Iterator[Path]:
    """A Caddy with this Caddyfile, for `localhost`; the certificate that its clients have to
    trust."""
    own = f"""{{
        admin off
        skip_install_trust
        storage file_system {folder}/kept
        http_port {proxy.plain_port}
        https_port {proxy.port}
    """
    config = folder / "Caddyfile"
    has_options = caddyfile.startswith("{\n")
    config.write_text(own + (caddyfile[2:] if has_options else f"}}\n{caddyfile}"))
    set_ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **env}
    command = [needs.caddy(), "run", "--adapter", "caddyfile", "--config", str(config)]
    with running(folder / "caddy.log", command, proxy, set_):
        root = folder / "kept/pki/authorities/local/root.crt"
        # Its authority is there a moment before what that signs.
        wait_for(lambda: root.exists() and _shows(root, proxy.port), 20, "Caddy's certificates")
        yield root


@contextmanager
def running(
    log: Path, command: list[str], proxy: Proxy, env: dict[str, str] | None = None
) -> Iterator[None]:
    """A proxy's program, once it answers."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=env)
    try:
        wait_for(lambda: process.poll() is None and _answers(proxy.plain_port), 20, command[0])
        yield
    finally:
        process.terminate()
        process.wait(10)


def _shows(root: Path, port: int) -> bool:
    """Whether it shows a certificate for `localhost` that this one vouches for."""
    try:
        trusting = ssl.create_default_context(cafile=root)
        with socket.create_connection(("127.0.0.1", port)) as plain:
            trusting.wrap_socket(plain, server_hostname="localhost").close()
    except OSError:
        return False
    return True


def _answers(port: int) -> bool:
    try:
        wire().handle_request(httpx.Request("GET", f"http://127.0.0.1:{port}/")).read()
    except httpx.TransportError:
        return False
    return True
