"""gunicorn's worker of threads, whose threads wait for no client.

gthread lets a thread read a request and write its answer, so whoever sends one byte and falls
silent, or never reads, holds it, and a few of them hold the site. Here the one loop that waits for
idle connections anyway collects what comes, bounded in time and size, and hands a request to a
thread when it is there whole; and what a client does not take of an answer at once, the loop sends.
"""

import errno
import re
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any

from django.conf import settings
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from dadc_site.threads import Threads

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MAX_HEAD = 32 * 1024  # bytes of request line and header fields
MAX_FRAMED = 4  # times the bytes of the largest body, what comes for it in chunks
SENT_AT_ONCE = 16 * 1024  # bytes of an answer that are sent together
MAX_UNSENT = 1024 * 1024  # bytes of answers kept for one client; a thread waits with what is over
ARRIVES_WITHIN = 20.0  # seconds from a request's first moment to its last byte
TAKEN_WITHIN = 60.0  # seconds that a client has to take an answer
LINGER = 2.0  # seconds that a client has to close an answered connection
STALLED_AFTER = 5  # seconds after which a thread no longer waits to send
LOOKS_EVERY = 0.05  # seconds, whether threads wait while requests wait for them
STEP_BACK, MOST_STEPS = 0.0003, 8  # seconds for each request under way, before another connection

_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_EXPECTS = re.compile(rb"^expect:[ \t]*100-continue", re.I | re.M)
_CHUNKED = re.compile(rb"^transfer-encoding:.*chunked", re.I | re.M)
_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]+)[ \t]*\r", re.I | re.M)
_CHUNK = re.compile(rb"([0-9a-f]{1,50})[^\r\n]{0,200}\r\n", re.I)


class Arriving:
    """The bytes of one request as they come.

    `is_enough` says that who parses them will not have to wait for more: the request is there
    whole, or what shows that it is broken or too large. To refuse it is the parser's and the
    site's. `is_cut`: its body is too large, and the rest of it is not waited for.
    """

    def __init__(self, max_body: int) -> None:
        self.received = bytearray()
        self.is_enough = False
        self.is_cut = False
        self.is_head_too_large = False
        self.expects_continue = False
        self._max_body = max_body  # bytes
        self._body_at = 0  # 0: the head is not there whole
        self._end: int | None = None  # of a body whose length is declared
        self._chunk_at = 0  # where the next chunk begins
        self._chunked_bytes = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it is waited for."""
        return self.is_enough or self.is_head_too_large

    def add(self, data: bytes) -> None:
        searched_to = max(0, len(self.received) - 3)
        self.received += data
        if not self._body_at:
            # Empty lines before a request are to be ignored.
            while self.received.startswith(b"\r\n"):
                del self.received[:2]
            found = self.received.find(b"\r\n\r\n", min(searched_to, len(self.received)))
            if found < 0:
                self.is_head_too_large = len(self.received) > MAX_HEAD
                return
            self._body_at = found + 4
            self._read_head(bytes(self.received[: self._body_at]))
        if self._end is None:
            self.is_enough = self._are_chunks_enough() or self._is_too_much()
        else:
            self.is_enough = len(self.received) >= self._end

    def _read_head(self, head: bytes) -> None:
        declared = _LENGTH.search(head)
        if _CHUNKED.search(head):
            self._chunk_at = self._body_at
        else:
            # Longer ones are over every limit, and slow to read.
            length = int(declared[1].lstrip(b"0")[:18] or 0) if declared else 0
            self.is_cut = length > self._max_body
            self._end = self._body_at + (0 if self.is_cut else length)
        self.expects_continue = bool(_EXPECTS.search(head)) and self._end != self._body_at

    def _is_too_much(self) -> bool:
        """Say whether more has come than chunks of any sense take for the largest body."""
        is_so = len(self.received) - self._body_at > MAX_FRAMED * self._max_body + MAX_HEAD
        self.is_cut |= is_so
        return is_so

    def _are_chunks_enough(self) -> bool:
        while True:
            chunk = _CHUNK.match(self.received, self._chunk_at)
            if not chunk:
                line = self.received[self._chunk_at : self._chunk_at + 256]
                return b"\n" in line or len(line) == 256
            length = int(chunk[1], 16)
            if not length:
                trailer = self.received.find(b"\r\n\r\n", chunk.end() - 2)
                return trailer >= 0 or len(self.received) - chunk.end() > MAX_HEAD
            if self._chunked_bytes + length > self._max_body:
                self.is_cut = True
                return self._chunked_bytes + len(self.received) - chunk.end() > self._max_body
            if len(self.received) < chunk.end() + length + 2:
                return False
            self._chunked_bytes += length
            self._chunk_at = chunk.end() + length + 2


class PatientSocket(socket.socket):
    """A socket that keeps what its peer does not take at once, and that gives a thread what has
    arrived and nothing else."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        self.arrived = bytearray()
        self.unsent = bytearray()
        stalled = struct.pack("ll", STALLED_AFTER, 0)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, stalled)

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        """Send, or keep to send with what follows: an answer's head goes with its body."""
        self.unsent += data
        if len(self.unsent) <= SENT_AT_ONCE:
            return
        self.send_on()
        if len(self.unsent) <= MAX_UNSENT:
            return
        # Whatever comes of it, none of these may be sent once more.
        rest, self.unsent = self.unsent, bytearray()
        try:
            super().sendall(rest)
        except BlockingIOError:
            raise ConnectionResetError("The client does not take the answer.") from None

    def send_on(self) -> None:
        """Send what is taken without waiting. Raises OSError when the peer has gone."""
        with suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[: self.send(self.unsent, socket.MSG_DONTWAIT)]

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self.gettimeout() == 0:  # the loop's
            return super().recv(size, flags)
        # The parser wants more than Arriving did only of a request that is broken or too large.
        if not self.arrived:
            raise ConnectionResetError(errno.ECONNRESET, "This request has no more bytes.")
        data = bytes(self.arrived[:size])
        del self.arrived[:size]
        return data


class WholeRequests(ThreadWorker):  # type: ignore[misc]
    """A connection waits in turn for a request, for a thread, for its client to take the answer,
    and for the next request or the end."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.untaken_conns: deque[TConn] = deque()
        self.ending_conns: deque[TConn] = deque()
        self.max_body: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0

    def get_thread_pool(self) -> Threads:
        return Threads(self.cfg.threads)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        has_line = self.tpool.has_line()
        super().wait_for_and_dispatch_events(min(timeout, LOOKS_EVERY) if has_line else timeout)
        if has_line:
            self.tpool.relieve()

    def accept(self, listener: socket.socket) -> None:
        # All processes are woken by a new connection: who has less to do takes it first.
        time.sleep(min(self._busy_count(), MOST_STEPS) * STEP_BACK)
        try:
            accepted, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client = PatientSocket(accepted)
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._drop_one()
        self._await_request(TConn(self.cfg, client, address, listener.getsockname()))

    def _busy_count(self) -> int:
        """How many requests are at threads, or wait for one."""
        waiting = self.keepalived_conns, self.pending_conns, self.untaken_conns, self.ending_conns
        return int(self.nr_conns) - sum(map(len, waiting))

    def _await(
        self,
        waiting: deque[TConn],
        conn: TConn,
        event: int,
        seconds: float,
        then: Callable[[TConn, PatientSocket], None],
    ) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + seconds
        waiting.append(conn)
        self.poller.register(conn.sock, event, partial(then, conn))

    def _await_request(self, conn: TConn, received: bytes = b"") -> None:
        """Wait for a request of which so much has come; mostly it is there whole at once."""
        conn.arriving = Arriving(self.max_body)
        if received:
            conn.arriving.add(received)
        self._deal_with(conn)
        if not conn.arriving.is_over:
            ready = self.on_pending_socket_readable
            self._await(self.pending_conns, conn, EVENT_READ, ARRIVES_WITHIN, ready)

    def on_client_socket_readable(self, conn: TConn, client: PatientSocket) -> None:
        """The first bytes of a kept connection's next request, or its end."""
        data = _received(client)
        if data is not None:
            self._forget(self.keepalived_conns, conn)
            if data:
                self._await_request(conn, data)
            else:
                self._close(conn)

    def on_pending_socket_readable(self, conn: TConn, client: PatientSocket) -> None:
        data = _received(client)
        if data:
            conn.arriving.add(data)
        if data == b"" or conn.arriving.is_over:
            self._forget(self.pending_conns, conn)
        if data:
            self._deal_with(conn)
        elif data is not None:
            self._close(conn)

    def _deal_with(self, conn: TConn) -> None:
        """Hand on, or refuse, a request of which enough has come."""
        arriving: Arriving = conn.arriving
        if arriving.is_enough:
            conn.init()
            # In pieces, as from a network: all that it holds the parser copies for each chunk.
            conn.sock.arrived = arriving.received
            self.enqueue_req(conn)
        elif arriving.is_head_too_large:
            self._answer(conn, _HEAD_TOO_LARGE)
            self._await_end(conn)
        elif arriving.expects_continue:
            arriving.expects_continue = False
            self._answer(conn, _CONTINUE)

    def _answer(self, conn: TConn, line: bytes) -> None:
        with suppress(OSError):
            conn.sock.send(line)

    def handle(self, conn: TConn) -> object:
        result: object = super().handle(conn)
        with suppress(OSError):  # what is left, or whose client has gone, is the loop's
            conn.sock.send_on()
        return result

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        # A body that was refused unread is not waited for.
        return bool(super()._keepalive_after(conn, keepalive and not conn.arriving.is_cut))

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        conn.is_kept = not fs.cancelled() and not fs.exception() and bool(fs.result())
        if conn.sock.fileno() < 0:
            self._close(conn)
        elif conn.sock.unsent:
            self._await(self.untaken_conns, conn, EVENT_WRITE, TAKEN_WITHIN, self._on_untaken)
        else:
            self._on_taken(conn)

    def _on_untaken(self, conn: TConn, client: PatientSocket) -> None:
        try:
            client.send_on()
        except OSError:
            self._forget(self.untaken_conns, conn)
            self._close(conn)
            return
        if not client.unsent:
            self._forget(self.untaken_conns, conn)
            self._on_taken(conn)

    def _on_taken(self, conn: TConn) -> None:
        if not conn.is_kept:
            self._await_end(conn)
        elif rest := conn.parser.unreader.take_buffered() + conn.sock.arrived:
            self._await_request(conn, rest)
        else:
            seconds = self.cfg.keepalive if self.alive else min(self.cfg.keepalive, LINGER)
            ready = self.on_client_socket_readable
            self._await(self.keepalived_conns, conn, EVENT_READ, seconds, ready)

    def _await_end(self, conn: TConn) -> None:
        """Close in two steps: who is still sending would lose the answer if it were closed at once
        (RFC 9112, 9.6)."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            self._await(self.ending_conns, conn, EVENT_READ, LINGER, self._on_ending)

    def _on_ending(self, conn: TConn, client: PatientSocket) -> None:
        if _received(client) == b"":
            self._forget(self.ending_conns, conn)
            self._close(conn)

    def murder_pending(self) -> None:
        now = time.monotonic()
        for waiting in (self.pending_conns, self.untaken_conns, self.ending_conns):
            while waiting and waiting[0].timeout <= now:
                conn = waiting[0]
                self._forget(waiting, conn)
                self._close(conn)

    def _drop_one(self) -> None:
        """Make room: who has waited longest for a client goes."""
        for waiting in (self.ending_conns, self.pending_conns, self.untaken_conns):
            if waiting:
                conn = waiting[0]
                self._forget(waiting, conn)
                self._close(conn)
                return

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _forget(self, waiting: deque[TConn], conn: TConn) -> None:
        waiting.remove(conn)
        self.poller.unregister(conn.sock)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _received(client: PatientSocket) -> bytes | None:
    """What has come: nothing at the end, None when nothing has come yet."""
    try:
        return client.recv(64 * 1024)
    except BlockingIOError:
        return None
    except OSError:
        return b""
