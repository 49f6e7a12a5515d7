"""Stand-ins of other sites that take what is published: real HTTP servers on this machine, with the
faults that a test asks for."""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

TOKEN = "hf_a-token-that-nobody-may-see-0123456789"


@dataclass
class Fault:
    """What happens to the requests, so many of them after so many, whose method and path the
    pattern finds: a status; or the connection is cut, `before` the request is done or `after`."""

    pattern: str
    does: int | str
    count: int = 1
    skip: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Refusal(Exception):
    status: int
    body: Any = None


class Standin:
    """Answers by `routes`: of each pattern the method that does it, which gets what the pattern's
    groups found and the body, and returns a status and JSON."""

    routes: ClassVar[list[tuple[str, str]]] = []

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.asked: list[str] = []
        self.says = "odd"
        self.lock = threading.Lock()
        standin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None: ...

            def _serve(self) -> None:
                standin._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Any:
        threading.Thread(target=self.server.serve_forever, args=(0.02,)).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def fails(
        self, pattern: str, does: int | str, count: int = 1, skip: int = 0, **headers: str
    ) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(Fault(pattern, does, count, skip, named))

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        if "chunked" in handler.headers.get("Transfer-Encoding", ""):
            body = b"".join(iter(lambda: _chunk(handler), b""))
        else:
            body = handler.rfile.read(size)
        asked = f"{handler.command} {handler.path}"
        with self.lock:
            self.asked.append(asked)
            fault = self._fault(asked)
            if fault and fault.does != "after":
                if fault.does == "before":
                    handler.close_connection = True
                    return
                told = {"message": self.says, "error": self.says}
                self._answer(handler, int(fault.does), told, fault.headers)
                return
            status, answer = self._done(handler, asked, body)
        if fault:
            handler.close_connection = True
        else:
            self._answer(handler, status, answer, {})

    def _fault(self, asked: str) -> Fault | None:
        for fault in self.faults:
            if fault.count and re.search(fault.pattern, asked):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.count -= 1
                return fault
        return None

    def _done(self, handler: BaseHTTPRequestHandler, asked: str, body: bytes) -> tuple[int, Any]:
        path = urlsplit(handler.path).path
        for pattern, name in self.routes:
            if found := re.fullmatch(pattern, f"{handler.command} {path}"):
                is_open = name.startswith("put_object")
                if not is_open and handler.headers.get("Authorization") != f"Bearer {TOKEN}":
                    return 401, {"message": "Who are you?", "error": "Who are you?"}
                try:
                    groups = [unquote(group) for group in found.groups()]
                    answered: tuple[int, Any] = getattr(self, name)(*groups, body)
                    return answered
                except Refusal as refusal:
                    return refusal.status, refusal.body or {"message": "no", "error": "no"}
        raise AssertionError(f"nobody answers {asked}")

    def _answer(
        self, handler: BaseHTTPRequestHandler, status: int, answer: Any, headers: dict[str, str]
    ) -> None:
        data = b"" if answer is None else json.dumps(answer).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


def _chunk(handler: BaseHTTPRequestHandler) -> bytes:
    size = int(handler.rfile.readline(), 16)
    data = handler.rfile.read(size)
    handler.rfile.readline()
    return data
