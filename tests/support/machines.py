"""Machines that share nothing but PostgreSQL and the secret key: each in a network namespace of its
own, with a name, a data folder and one wire to the database, which can be cut or be slow."""

import itertools
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.forking import Forked
from tests.support.relay import Relay
from tests.support.site import Answer, Client, Site

KEY = "shared by all machines of these tests, and by nobody else"
_numbers = itertools.count()
_network = f"10.{random.SystemRandom().randrange(100, 250)}.{os.getpid() % 250}"


@dataclass
class Machine(Site):
    """One machine: `start` starts a program on it. `relay` is its way to the database."""

    name: str = ""
    wire: str = ""  # the host's end of it
    here: str = ""  # the host's address on the wire
    there: str = ""  # its own
    relay: Relay | None = None

    @property
    def url(self) -> str:
        return f"http://{self.there}:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return super().env | {
            "DADC_SECRET_KEY": KEY,
            "DADC_ALLOWED_HOSTS": self.there,
            "DADC_TRUSTED_PROXIES": "1",
        }

    @property
    def machine(self) -> tuple[str, str]:
        return self.wire, self.name

    def running(self, name: str) -> Forked:
        process = self.processes[name]
        assert isinstance(process, Forked)
        return process

    def client(self, token: str | None = None) -> "Visitor":
        return Visitor(self, token, self.here)

    def answers(self) -> bool:
        return self.says("/healthz")

    def says(self, path: str) -> bool:
        """Whether it answers 200 there."""
        try:
            return self.client().get(path).status == 200
        except httpx.TransportError:
            return False

    def cut(self) -> None:
        """Pull the plug: nothing is told to anybody."""
        _ip("link", "set", self.wire, "down")

    def mend(self) -> None:
        _ip("link", "set", self.wire, "up")


class Visitor(Client):
    """Speaks to one machine as a proxy in front of it does."""

    def request(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str
    ) -> Answer:
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
        return super().request(method, path, body, raw, **forwarded, **headers)


@contextmanager
def machine(name: str, database_url: str, folder: Path, **extra: str) -> Iterator[Machine]:
    """A machine of this name; it ends, with all that runs on it, with this."""
    number = 4 * next(_numbers)
    here, there = (f"{_network}.{number + end}" for end in (1, 2))
    wire = f"dadc{os.getpid() % 100_000}-{number}"
    data_dir = folder / name
    data_dir.mkdir(mode=0o700)
    with ExitStack() as stack:
        _ip("netns", "add", wire)
        stack.callback(_ip, "netns", "del", wire)  # its wire goes with it
        _ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", wire)
        _ip("addr", "add", f"{here}/30", "dev", wire)
        _ip("link", "set", wire, "up")
        _ip("-n", wire, "addr", "add", f"{there}/30", "dev", "eth0")
        for end in ("eth0", "lo"):
            _ip("-n", wire, "link", "set", end, "up")
        relay = stack.enter_context(Relay(database_url, here))
        made = Machine(data_dir, relay.url, 8000, extra, {}, name, wire, here, there, relay)
        stack.callback(made.stop)
        yield made


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
