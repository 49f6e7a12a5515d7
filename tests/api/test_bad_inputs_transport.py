"""Bodies too large, broken, packed or of the wrong kind; hosts, origins and forged requests;
memory."""

import gzip
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import psutil
import pytest

from tests.support.site import Answer
from tests.support.world import Browser, World, assert_refusal

MOST = 256 * 1024
HEAD = (
    b"POST /api/attempts/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\n"
)
CHUNK = b"%x\r\n%s\r\n" % (4096, b" " * 4096)


def spoken(world: World, request: bytes) -> Answer:
    """The answer to these bytes, though the server may hang up before it has taken them all."""
    with socket.create_connection(("127.0.0.1", world.site.port), timeout=30) as wire:
        received = b""
        with suppress(OSError):
            wire.sendall(request)
        with suppress(ConnectionResetError):
            while piece := wire.recv(65536):
                received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    found = re.search(rb"\{.*\}", rest, re.DOTALL)
    status = int(head.split()[1]) if head else 0
    return Answer(status, json.loads(found[0]) if found else rest)


def with_token(world: World, *lines: bytes) -> bytes:
    return HEAD + b"".join(
        b"%s\r\n" % line for line in (f"Authorization: Token {world.alice.token}".encode(), *lines)
    )


@pytest.mark.survives(
    "a body over the limit, chunked, declared or promised",
    "413",
)
def test_a_body_over_the_limit_is_refused_declared_or_chunked(world: World) -> None:
    chunked = with_token(world, b"Transfer-Encoding: chunked") + b"\r\n"
    with world.adding():
        for size in (MOST + 1, 40 * MOST):
            declared = with_token(world, b"Content-Length: %d" % size) + b"\r\n" + b" " * size
            assert_refusal(spoken(world, declared), 413)
            assert_refusal(spoken(world, chunked + CHUNK * (size // 4096 + 1) + b"0\r\n\r\n"), 413)
        promised = with_token(world, b"Content-Length: 10000000000") + b"\r\n"
        assert_refusal(spoken(world, promised), 413)


@pytest.mark.survives(
    "`Transfer-Encoding: Chunked`",
    "read as chunked",
)
def test_a_drawing_may_come_in_chunks(world: World) -> None:
    raw = json.dumps(next(world.drawings) | {"client_key": "in-chunks"}).encode()
    chunks = b"\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(raw), raw)
    with world.adding(attempt_not_fooled=1):
        for encoding, status in ((b"Chunked", 201), (b"chunked", 200)):  # the second is a repeat
            sent = with_token(world, b"Transfer-Encoding: " + encoding) + chunks
            assert spoken(world, sent).status == status


@pytest.mark.survives(
    "HEAD",
    "the headers of GET and no body",
)
def test_head_has_the_headers_of_get_and_no_body(world: World) -> None:
    for path in (b"/healthz", b"/readyz", b"/", b"/rounds/history.csv", b"/api/rounds/", b"/none"):
        request = b" %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path
        head, get = (spoken(world, method + request) for method in (b"HEAD", b"GET"))
        assert (head.status, head.body) == (get.status, b""), path
        assert get.body, path


@pytest.mark.survives(
    "OPTIONS on the API's pages",
    "200, 401 or 405",
)
def test_options_on_the_apis_pages_is_answered(world: World) -> None:
    for path in ("/api/docs/", "/api/schema/", "/api/attempts/"):
        assert world.nobody.request("OPTIONS", path).status in (200, 401, 405), path


@pytest.mark.survives(
    "a body whose chunks or length are broken",
    "400",
)
def test_a_body_whose_chunks_or_length_are_broken_is_refused(world: World) -> None:
    with world.adding():
        for broken in (b"zz\r\n", b"-5\r\nhello\r\n", b"5\r\nhelloworld\r\n0\r\n\r\n"):
            sent = with_token(world, b"Transfer-Encoding: chunked") + b"\r\n" + broken
            assert_refusal(spoken(world, sent), 400)
        for lines in (
            (b"Content-Length: -1",),
            (b"Content-Length: x",),
            (b"Content-Length: 1", b"Content-Length: 2"),
            (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        ):
            # The server itself turns these down, before there is a request for the API to answer.
            assert spoken(world, with_token(world, *lines) + b"\r\n0\r\n\r\n").status == 400


@pytest.mark.survives(
    "a gzip bomb",
    "415, and never unpacked: memory flat",
)
def test_a_packed_body_is_refused_and_never_unpacked(world: World) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < MOST
    before = max(memory(world))
    with world.adding():
        for encoding in ("gzip", "deflate", "br", "gzip, gzip"):
            answer = world.alice.request(
                "POST", "/api/attempts/", raw=bomb, **{"Content-Encoding": encoding}
            )
            assert_refusal(answer, 415)
        assert_refusal(world.alice.request("POST", "/api/attempts/", raw=bomb), 400)
    assert max(memory(world)) - before < 25, "MB; unpacked it is 50"


@pytest.mark.survives(
    "a wrong content type",
    "415",
)
def test_a_body_that_does_not_say_that_it_is_json_is_refused(world: World) -> None:
    raw = json.dumps(next(world.drawings)).encode()
    kinds = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "image/png",
        "application/xml",
        "nonsense",
        "application/x-python-pickle",
    )
    with world.adding():
        for kind in kinds:
            answer = world.alice.request(
                "POST", "/api/attempts/", raw=raw, **{"Content-Type": kind}
            )
            assert_refusal(answer, 415)


@pytest.mark.survives(
    "GET on a write; other methods on what is read",
    "405",
)
def test_a_get_on_a_write_and_other_methods_are_refused(world: World) -> None:
    attempt = world.alice.get("/api/attempts/").body["results"][0]["id"]
    with world.adding():
        for path in (
            "accounts/",
            "tokens/",
            "predictions/",
            f"attempts/{attempt}/retract/",
            "assignments/",
            f"assignments/{attempt}/reading/",
        ):
            assert_refusal(world.mona.get(f"/api/{path}"), 405)
        for path in (
            "rounds/",
            "rounds/1/",
            "rounds/current/",
            "leaderboard/",
            f"attempts/{attempt}/",
        ):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                assert_refusal(world.alice.request(method, f"/api/{path}", {}), 405)


@pytest.mark.survives(
    "an evil Host; `X-Forwarded-Host`",
    "400; not believed",
)
def test_a_host_that_is_not_this_site_is_refused(world: World) -> None:
    with world.adding():
        for host in (
            "evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:80@evil.example",
            "<b>",
            "a\xffb",
            "",
        ):
            assert_refusal(world.nobody.request("GET", "/api/rounds/", Host=host), 400)
            page = world.nobody.request(
                "POST", "/accounts/reset/", raw=b"email=a@b.example", Host=host
            )
            assert page.status == 400
        page = Browser(world.site).ask("GET", "/", None, **{"X-Forwarded-Host": "evil.example"})
        assert page.status == 200
        assert "evil.example" not in page.body


@pytest.mark.survives(
    "no CSRF token, another one, `Origin: null`, another site's",
    "403, in the API and on pages",
)
def test_a_session_without_the_csrf_token_or_from_elsewhere_writes_nothing(world: World) -> None:
    browser = Browser(world.site)
    browser.sign_in("alice")
    attempt = next(world.drawings)
    own = {"X-CSRFToken": browser.csrf}
    with world.adding():
        for headers in (
            {"X-CSRFToken": ""},
            {"X-CSRFToken": "x" * 64},
            own | {"Origin": "null"},
            own | {"Origin": "http://evil.example"},
        ):
            assert_refusal(browser.send("/api/attempts/", attempt, **headers), 403)
            assert_refusal(browser.send("/api/assignments/", {}, **headers), 403)
    with world.adding(attempt_not_fooled=1):
        assert browser.send("/api/attempts/", attempt, **own).status == 201


@pytest.mark.survives(
    "no CSRF token, another one, `Origin: null`, another site's",
    "403, in the API and on pages",
)
def test_a_page_without_the_csrf_token_or_from_elsewhere_writes_nothing(world: World) -> None:
    browser = Browser(world.site)
    browser.sign_in("admin")
    forms: dict[str, dict[str, str]] = {
        "/accounts/sign-up/": {"username": "forged", "password": "correct horse battery"},
        "/accounts/sign-in/": {"username": "admin", "password": "x"},
        "/accounts/reset/": {"email": "a@b.example"},
        "/desk/": {"do": "train"},
    }
    with world.adding():
        for path, form in forms.items():
            assert browser.post(path, form, token=False).status == 403
            for origin in ("null", "http://evil.example"):
                assert browser.post(path, form, Origin=origin).status == 403


@pytest.mark.survives(
    "a token that is none, cut, in other letters, of another kind; a made-up session",
    "401",
)
def test_a_token_that_is_none_is_not_believed(world: World) -> None:
    token = world.alice.token or ""
    wrong: list[str] = [token[:-1], token.upper(), "x" * 5000, "", "é", "' OR 1=1 --"]
    with world.adding():
        tokens = [f"Token {text}".strip() for text in wrong]
        for header in (*tokens, f"Bearer {token}", f"Basic {token}", token):
            assert_refusal(world.nobody.request("GET", "/api/attempts/", Authorization=header), 401)
        assert_refusal(
            world.nobody.request("GET", "/api/attempts/", Cookie="sessionid=" + "9" * 32), 401
        )


@pytest.mark.survives(
    "a line break in an address",
    "no line of its own in the log",
)
def test_a_line_break_in_an_address_makes_no_line_in_the_log(world: World) -> None:
    forged = "2026-01-01 00:00:00,000 INFO root: all is well"
    world.refuses(
        404, lambda: world.nobody.get("/api/%0A" + forged.replace(" ", "%20") + "%0D%0A/")
    )
    log = (world.site.data_dir / "web.log").read_text()
    assert forged in log, "the address is logged"
    assert forged not in log.splitlines(), "but on its own line's place"


@pytest.mark.survives(
    "hostile bodies again and again, eight at once",
    "memory as it was",
)
def test_hostile_requests_leave_the_memory_as_it_was(world: World) -> None:
    """The heap takes a while to find its size, so growth has to end, not to be nought from the
    start."""
    line = [1] * 27_000
    bodies: list[bytes] = [
        json.dumps({"target_label": 3, "strokes": [{"x": line, "y": line, "t": line}]}).encode(),
        b"[" * 250_000,
        json.dumps({"username": "a" * 250_000, "password": "b"}).encode(),
        b'{"target_label": ' + b"9" * 250_000 + b"}",
    ] * 10
    good = {"strokes": next(world.drawings)["strokes"]}

    def growth(pool: ThreadPoolExecutor) -> float:
        before = sum(memory(world))
        for path in ("/api/attempts/", "/api/predictions/"):
            answers = pool.map(partial(world.alice.request, "POST", path, None), bodies)
            assert {answer.status for answer in answers} == {400}
        assert {
            answer.status for answer in pool.map(partial(world.alice.post, path), [good] * 8)
        } == {200}
        return sum(memory(world)) - before

    with ThreadPoolExecutor(8) as pool:
        growths = [growth(pool)]
        while growths[-1] > 6 and len(growths) < 8:
            growths.append(growth(pool))
    assert growths[-1] <= 6, f"MB, where the bodies are 20 each time: {growths}"


def memory(world: World) -> list[float]:
    """The memory in use by each of the web server's processes, in MB."""
    workers = psutil.Process(world.site.processes["web"].pid).children()
    return [worker.memory_info().rss / 2**20 for worker in workers]
