"""A mail server of the tests' own: SMTP with TLS from the start, by STARTTLS, or none, and one that
accepts and says nothing."""

import base64
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.support import needs

Use = Callable[[str], None]


@dataclass
class MailServer:
    """Serves one client after another; what came is in `logins`, `mails` and `was_encrypted`.

    It answers a line with what `says` has for a beginning of it, such as "RCPT TO:<BOB@": "" hangs
    up. What stands for "." answers a whole mail, and the mail has come all the same.
    """

    context: ssl.SSLContext | None = None
    from_the_start: bool = False
    says: dict[str, str] = field(default_factory=dict)
    port: int = 0
    logins: list[tuple[str, str]] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)

    def __enter__(self) -> "MailServer":
        self.listening = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            client.settimeout(5)
            with suppress(OSError), ExitStack() as stack:
                stack.enter_context(client)
                if self.from_the_start:
                    client = self._encrypted(client, stack)
                self._talk(client, stack)

    def _said(self, line: str) -> str | None:
        heard = line.upper()
        return next((said for start, said in self.says.items() if heard.startswith(start)), None)

    def _encrypted(self, client: socket.socket, stack: ExitStack) -> socket.socket:
        assert self.context
        return stack.enter_context(self.context.wrap_socket(client, server_side=True))

    def _talk(self, client: socket.socket, stack: ExitStack) -> None:
        client.sendall(b"220 here\r\n")
        lines = stack.enter_context(client.makefile("rb"))
        while line := lines.readline().decode().strip():
            word, _, rest = line.partition(" ")
            word = word.upper()
            said = self._said(line)
            if said is not None and word != "DATA":
                client.sendall(f"{said}\r\n".encode() if said else b"")
                if not said:
                    return
            elif word == "EHLO":
                encrypted = isinstance(client, ssl.SSLSocket)
                offer = b"STARTTLS" if self.context and not encrypted else b"AUTH PLAIN"
                client.sendall(b"250-here\r\n250 " + offer + b"\r\n")
            elif word == "STARTTLS":
                client.sendall(b"220 go on\r\n")
                client = self._encrypted(client, stack)
                lines = stack.enter_context(client.makefile("rb"))
            elif word == "AUTH":
                _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                self.logins.append((user, password))
                client.sendall(b"235 welcome\r\n")
            elif word == "DATA":
                client.sendall(b"354 go on\r\n")
                self.mails.append("".join(part.decode() for part in iter(lines.readline, b".\r\n")))
                self.was_encrypted.append(isinstance(client, ssl.SSLSocket))
                said = self._said(".")
                if said == "":
                    return
                client.sendall(f"{said or '250 taken'}\r\n".encode())
            else:
                client.sendall(b"221 bye\r\n" if word == "QUIT" else b"250 well\r\n")
                if word == "QUIT":
                    return


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS as `localhost`, and the certificate that its clients have to trust."""
    file = folder / "certificate.pem"
    command = [needs.openssl(), "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(file), "-out", "-"]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    file.write_text(file.read_text() + made)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file


@contextmanager
def silent(port: int = 0) -> Iterator[int]:
    """The port, this one or any, of a server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        yield listening.getsockname()[1]
