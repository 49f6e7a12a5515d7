"""A way to a server that can be cut: what goes through it is passed on until it closes."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit


class Relay:
    """Listens on a port of its own and passes on to a database's server; while it is `away`,
    connections are cut and new ones refused. Each part waits for `delay` seconds."""

    def __init__(self, url: str, host: str = "127.0.0.1") -> None:
        parts = urlsplit(url)
        self.server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self.delay = 0.0
        self.address = (host, 0)
        self.listening: socket.socket | None = None
        self.open: set[socket.socket] = set()
        self.away(False)
        self.url = parts._replace(netloc=f"{parts.username}@{host}:{self.address[1]}").geturl()

    def __enter__(self) -> "Relay":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.away(True)

    def away(self, away: bool) -> None:
        if away and self.listening:
            closing, self.listening = [self.listening, *self.open], None
            for one in closing:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self.open.clear()
        elif not away and not self.listening:
            self.listening = socket.create_server(self.address, reuse_port=True)
            self.address = self.listening.getsockname()
            threading.Thread(target=self._take, args=(self.listening,), daemon=True).start()

    def _take(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.create_connection(self.server)
                self.open |= {client, server}
                for here, there in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while data := here.recv(65536):
                time.sleep(self.delay)
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)
