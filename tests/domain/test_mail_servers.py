"""Emails go out as the URL of the mail server says: with TLS of either kind, with a password of any
letters, and no longer than its timeout."""

from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.mail import send_mail

from dadc_site import addresses
from tests.support import mail_servers
from tests.support.mail_servers import MailServer, Use

USER, PASSWORD = "digits@dadc.example", "p/@:?#%+ $"


def send() -> None:
    send_mail("A round opened", "Come and draw.", "dadc@localhost", ["alice@example.org"])


@pytest.mark.survives(
    "mail servers with TLS from the start and by STARTTLS",
    "used whole",
)
@pytest.mark.parametrize("scheme", ["smtp+ssl", "smtps", "smtp+tls"])
def test_an_email_goes_by_tls_from_the_start_or_by_upgrade(
    scheme: str, use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = mail_servers.certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with MailServer(context, from_the_start=scheme != "smtp+tls") as server:
        login = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
        use(f"{scheme}://{login}@localhost:{server.port}?timeout=5")
        send()
    assert server.logins == [(USER, PASSWORD)]
    assert server.was_encrypted == [True]
    assert "Subject: A round opened" in server.mails[0]


@pytest.mark.survives(
    "a mail server without TLS; passwords of odd characters",
    "used whole",
)
@pytest.mark.parametrize("login", ["", "me:a/b@c#d@", "me:@"])
def test_an_email_goes_without_tls_and_what_is_plain_need_not_be_encoded(
    login: str, use: Use
) -> None:
    with MailServer() as server:
        use(f"smtp://{login}127.0.0.1:{server.port}/")
        send()
    assert server.logins == ([("me", "a/b@c#d")] if "a/b" in login else [])
    assert server.was_encrypted == [False]


@pytest.mark.survives(
    "a mail server that says nothing",
    "given up after the timeout",
)
@pytest.mark.parametrize("scheme", ["smtp", "smtp+tls", "smtps"])
def test_a_mail_server_that_says_nothing_is_given_up(scheme: str, use: Use) -> None:
    with mail_servers.silent() as port:
        use(f"{scheme}://127.0.0.1:{port}?timeout=0.2")
        with pytest.raises(OSError, match="timed out"):
            send()


@pytest.mark.survives(
    "`filemail://`",
    "written to the folder that is named",
)
def test_an_email_is_written_to_the_folder_that_is_named(use: Use, tmp_path: Path) -> None:
    use(f"filemail://{tmp_path}/sent%20mails")
    send()
    [mail] = (tmp_path / "sent mails").iterdir()
    assert "Come and draw." in mail.read_text()


@pytest.mark.parametrize(
    ("url", "port", "timeout"),
    [
        ("smtp://mail.example", 25, 10),
        ("SMTPS://mail.example", 465, 10),
        ("smtp+ssl://[::1]", 465, 10),
        ("smtp+tls://mail.example:587/?timeout=3", 587, 3),
    ],
)
def test_what_a_mail_servers_url_leaves_out_is_what_is_usual(
    url: str, port: int, timeout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DADC_EMAIL_URL", url)
    mail = addresses.mail("DADC_EMAIL_URL", "consolemail://")
    assert (mail.port, mail.timeout) == (port, timeout)
    assert mail.host in ("mail.example", "::1")
