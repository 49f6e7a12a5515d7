"""Sends to addresses that others gave: to the internet alone, unless DADC_WEBHOOK_NETWORKS names a
network. A name is looked up once, and the address that was looked at is the one that is connected
to. No redirect is followed, no proxy asked, and of the answer nothing is read but its head.
"""

import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from collector.models import Delivery

Trouble = Delivery.Trouble
AT_MOST = 10.0  # seconds for all of a try
TO_CONNECT = 4.0  # seconds for each of a name's addresses
# What Python does not know as nobody's: a cloud's own servers, protocols' own, and the ways from
# IPv6 to IPv4.
_NOT_PUBLIC = [
    ip_network(each)
    for each in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16")
]
_PUBLIC_V6 = ip_network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class Unsent(Exception):
    """It could not be sent; `trouble` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Send `body` to an https URL, or where this machine alone is served an http one, and return
    the status of the answer. It takes `AT_MOST` at most, whatever is at the other end. Raises
    Unsent."""
    until = monotonic() + AT_MOST
    parts = urlsplit(url)
    if parts.scheme != "https" and not settings.LOCAL:
        raise Unsent(Trouble.TLS)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with _connected(host, port, until) as plain:
            if parts.scheme == "http":
                return _ask(plain, parts.netloc, url, headers, body, until)
            plain.settimeout(_left(until))
            with _tls().wrap_socket(plain, server_hostname=host) as wire:
                return _ask(wire, parts.netloc, url, headers, body, until)
    except TimeoutError as error:
        raise Unsent(Trouble.SLOW) from error
    except ssl.SSLError as error:
        raise Unsent(Trouble.TLS) from error
    except OSError as error:  # of which http.client's RemoteDisconnected is one
        raise Unsent(Trouble.UNREACHABLE) from error
    except http.client.HTTPException as error:
        raise Unsent(Trouble.NO_HTTP) from error


def is_allowed(address: str) -> bool:
    """Whether an IP address is one of the internet, or of a network that the operator allows."""
    ip = _meant(address)
    if any(ip in network for network in settings.WEBHOOK_NETWORKS):
        return True
    if any(ip in network for network in _NOT_PUBLIC) or ip.is_multicast:
        return False
    return ip.is_global and (isinstance(ip, IPv4Address) or ip in _PUBLIC_V6)


def _meant(address: str) -> IPv4Address | IPv6Address:
    """Return where a packet to this address comes out: an IPv6 address may stand for one of
    IPv4."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip in _NAT64:
            return IPv4Address(ip.packed[-4:])
    return ip


def _connected(host: str, port: int, until: float) -> socket.socket:
    """Return a connection to the first of a host's addresses that takes one. Raises Unsent where
    any of them is not allowed."""
    found = _looked_up(host, port, until)
    if not all(is_allowed(str(address[0])) for *_, address in found):
        raise Unsent(Trouble.ADDRESS)
    failure: OSError = OSError("It has no address.")
    for family, kind, protocol, _, address in found:
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(min(TO_CONNECT, _left(until)))
            wire.connect(address)
        except OSError as error:
            wire.close()
            failure = error
        else:
            return wire
    raise failure


def _looked_up(host: str, port: int, until: float) -> list[Any]:
    """Return a host's addresses as `socket.getaddrinfo` has them. Raises Unsent, TimeoutError: the
    system's own patience is longer than ours."""
    answer: SimpleQueue[list[Any] | None] = SimpleQueue()

    def ask() -> None:
        try:
            answer.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError):  # a label may be too long
            answer.put(None)

    Thread(target=ask, daemon=True).start()
    try:
        found = answer.get(timeout=_left(until))
    except Empty:
        raise TimeoutError from None
    if not found:
        raise Unsent(Trouble.UNKNOWN)
    return found


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _ask(
    wire: socket.socket,
    host: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    until: float,
) -> int:
    """Send the request, and return the status of the answer."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host)
    connection.sock = _Bounded(wire, until)  # all of one that it uses
    connection.request("POST", path, body, {"Host": host, **headers, "Connection": "close"})
    with connection.getresponse() as response:
        return response.status


class _Bounded(io.RawIOBase):
    """A socket all of whose reading and writing ends at a moment."""

    def __init__(self, wire: socket.socket, until: float) -> None:
        self._wire, self._until = wire, until

    def sendall(self, data: bytes) -> None:
        self._wire.settimeout(_left(self._until))
        self._wire.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Bounded(self._wire, self._until))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.settimeout(_left(self._until))
        return self._wire.recv_into(buffer)


def _left(until: float) -> float:
    """Return the seconds that are left. Raises TimeoutError where none are."""
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
