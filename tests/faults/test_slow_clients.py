"""Clients who send a little and fall silent, or never read their answers, and those who wait behind
them."""

import selectors
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from dadc_site.whole_requests import MAX_UNSENT, Arriving, PatientSocket, WholeRequests
from tests.support import site as sites
from tests.support.site import Site, wait_for

pytestmark = [pytest.mark.faults]

THREADS = 16  # that gunicorn.conf.py serves with
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /api/predictions/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
SILENT = {
    "nothing": b"",
    "half a request line": b"POST /api/at",
    "empty lines": b"\r\n\r\n\r\n\r\n",
    "half a head": POST,
    "a body's first byte": POST + b"Content-Length: 200\r\n\r\n{",
    "no body after being told to go on": POST
    + b"Content-Length: 200\r\nExpect: 100-continue\r\n\r\n",
    "a chunk's first byte": POST + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{",
    "no last chunk": POST + b"Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n",
    "no end of the trailer": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
    "too large a body, begun": POST + b"Content-Length: 9999999999\r\n\r\n{",
    "too large a chunk, begun": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n{",
    "a request and a byte of the next": GET + b"\r\nG",
    "an answer that it keeps open": GET + b"Connection: close\r\n\r\n",
    "answers never read": (GET.replace(b"/healthz", b"/") + b"\r\n") * 40,
}


def web_process(busy_count: int) -> WholeRequests:
    """One of the site's processes, which has so many requests under way."""
    process = WholeRequests(0, 0, [], None, 0, Config(), None)
    process.poller = selectors.DefaultSelector()
    process.nr_conns = busy_count
    return process


@pytest.mark.parametrize("busy_count", [1, 8, 40])
def test_who_has_requests_under_way_leaves_a_new_connection_to_a_process_that_has_none(
    busy_count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, idle = web_process(busy_count), web_process(0)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:  # the busy one's; meanwhile the other is woken by the same connection
            idle.accept(listener)

    monkeypatch.setattr("dadc_site.whole_requests.time.sleep", sleep)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with socket.create_connection(listener.getsockname()):
            busy.accept(listener)
            for process in (busy, idle):
                for conn in process.pending_conns:
                    conn.close()
                process.poller.close()
                process.tmp.close()
    assert (busy.nr_conns, idle.nr_conns) == (busy_count, 1)
    assert 0 < slept[0] < 0.005
    assert slept[1] == 0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Site]:
    with sites.site("sqlite", tmp_path) as site:
        yield site


def silent(site: Site, sent: bytes) -> socket.socket:
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    wire.settimeout(60)
    wire.connect(("127.0.0.1", site.port))
    wire.sendall(sent)
    return wire


def is_closed(wire: socket.socket) -> bool:
    wire.setblocking(False)
    try:
        while wire.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@pytest.mark.survives(
    "24 connections at once that send nothing, half a request line, half a head, a body's or a "
    "chunk's first byte, no last chunk, a request and a byte of the next …, or never take their"
    " answers (fourteen kinds)",
    "everybody else is answered at once; the silent are let go",
)
def test_silent_clients_of_every_kind_hold_nobody_up_and_are_hung_up_on(served: Site) -> None:
    with ExitStack() as stack:
        wires = []
        for sent in SILENT.values():
            wires += [stack.enter_context(silent(served, sent)) for _ in range(THREADS + 8)]
            assert served.answers()
        for wire in wires:
            wait_for(lambda wire=wire: is_closed(wire), 60, "it to be let go")  # type: ignore[misc]
    assert "Traceback" not in served.logs()


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Whole requests, without a body or with one that declares its length or comes in chunks."""
    name = draw(st.sampled_from([b"Content-Length", b"content-length", b"CONTENT-LENGTH"]))
    zeros = draw(st.sampled_from([b"", b"0" * 20]))
    body = draw(st.binary(max_size=60))
    match draw(st.sampled_from(["none", "declared", "chunked"])):
        case "none":
            return GET + b"\r\n"
        case "declared":
            return POST + b"%s: %s%d \r\n\r\n%s" % (name, zeros, len(body), body)
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=4)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    chunks = b"".join(b"%s%x;a=b\r\n%s\r\n" % (zeros, len(p), p) for p in pieces if p)
    trailer = draw(st.sampled_from([b"", b"A: b\r\n", b"A: b\r\nC: d\r\n"]))
    return POST + b"Transfer-Encoding: Chunked\r\n\r\n" + chunks + b"0\r\n" + trailer + b"\r\n"


@given(requests(), st.lists(st.integers(0, 400), max_size=6), st.sampled_from([b"", b"\r\n"]))
def test_a_request_is_enough_with_its_last_byte_and_not_before(
    request: bytes, cuts: list[int], before: bytes
) -> None:
    sent = before + request
    arriving = Arriving(max_body=60)
    inner = sorted({cut for cut in cuts if cut < len(sent)} | {len(sent) - 1})
    for a, b in zip([0, *inner], inner, strict=False):
        arriving.add(sent[a:b])
        assert not arriving.is_enough
    arriving.add(sent[-1:])
    assert arriving.is_enough
    assert not arriving.is_cut
    assert bytes(arriving.received) == request


@given(st.integers(61, 10**9), st.booleans())
def test_a_body_over_the_limit_is_not_waited_for(size: int, is_chunked: bool) -> None:
    arriving = Arriving(max_body=60)
    if is_chunked:
        arriving.add(POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size + b" " * 60)
        assert not arriving.is_enough
        arriving.add(b" ")
    else:
        arriving.add(POST + b"Content-Length: %d\r\n\r\n" % size)
    assert arriving.is_enough
    assert arriving.is_cut


def test_of_a_body_drowned_in_the_signs_of_its_chunks_little_is_kept_and_read_at_once() -> None:
    arriving = Arriving(max_body=100_000)
    arriving.add(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    while not arriving.is_enough:
        arriving.add((b"1;" + b"a" * 198 + b"\r\nX\r\n") * 100)
        assert len(arriving.received) < 5 * 100_000
    assert arriving.is_cut
    ours, theirs = socket.socketpair()
    with theirs, PatientSocket(ours) as patient:
        patient.arrived = arriving.received
        pieces = SocketUnreader(patient)
        assert len(pieces.read()) <= 8192
        theirs.sendall(b"more")
        with pytest.raises(ConnectionResetError):
            while pieces.read():
                pass


@pytest.mark.survives(
    "an answer that is not taken",
    "given up, and no byte is sent twice",
)
def test_of_an_answer_that_is_not_taken_no_byte_is_sent_twice() -> None:
    ours, theirs = socket.socketpair()
    with theirs, PatientSocket(ours) as patient:
        patient.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 1000))
        with pytest.raises(ConnectionResetError):
            patient.sendall(bytes(2 * MAX_UNSENT))
        assert not patient.unsent
