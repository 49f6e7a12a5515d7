"""The examples for nginx and Caddy, in their own words, before a real site."""

import itertools
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support import mail_servers, proxies
from tests.support import site as sites
from tests.support.site import ROOT, Site, free_port

LINES = {
    "nginx": [{"x": [100, 140], "y": [20, 240], "t": [0, 90]}],
    "caddy": [{"x": [40, 200], "y": [200, 30], "t": [0, 120]}],
}
# Written as example.env says: without the space Caddy does not start.
NAMES = "localhost, www.localhost"
# An address of its own for each proxy's flood: the limits are one site's.
FLOODS_FROM = {"nginx": "127.0.0.4", "caddy": "127.0.0.5"}


@dataclass
class Front:
    """The site as clients reach it."""

    name: str
    site: Site
    proxy: proxies.Proxy
    trusted: ssl.SSLContext
    folder: Path

    def client(self, address: str = "127.0.0.1") -> httpx.Client:
        wire = httpx.HTTPTransport(verify=self.trusted, local_address=address, trust_env=False)
        return httpx.Client(
            base_url=f"https://localhost:{self.proxy.port}", transport=wire, timeout=60
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {
        "DADC_ALLOWED_HOSTS": NAMES,
        "DADC_SECRET_KEY": "a key of this test's own, and long enough for it",
        "DADC_TRUSTED_PROXIES": "1",
    }
    with sites.site("sqlite", tmp_path_factory.mktemp("site"), **settings) as made:
        yield made


def nginx_of_the_example(folder: Path, site: Site, proxy: proxies.Proxy) -> str:
    """The example with this machine's ports and certificate, and not a word more."""
    _, certificate = mail_servers.certificate(folder)
    text = (ROOT / "deploy/nginx.conf").read_text()
    changed = re.sub(r"/etc/letsencrypt/live/digits\.example/\w+\.pem", str(certificate), text)
    for port, own in ((80, proxy.plain_port), (443, proxy.port), (8000, site.port)):
        changed = changed.replace(f"listen {port}", f"listen 127.0.0.1:{own}")
        changed = changed.replace(f"listen [::]:{port}", f"listen [::1]:{own}")
        changed = changed.replace(f"127.0.0.1:{port};", f"127.0.0.1:{own};")
    changed = changed.replace("/var/log/nginx", str(folder))
    return changed.replace("digits.example", "localhost")


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def front(
    request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp(request.param)
    proxy = proxies.Proxy(free_port(), free_port())
    with ExitStack() as stack:
        if request.param == "nginx":
            servers = nginx_of_the_example(folder, site, proxy)
            stack.enter_context(proxies.serving(folder, servers, proxy))
            certificate = folder / "certificate.pem"
        else:
            example = (ROOT / "deploy/Caddyfile").read_text()
            own = {"DADC_ALLOWED_HOSTS": NAMES, "UPSTREAM": f"127.0.0.1:{site.port}"}
            certificate = stack.enter_context(proxies.caddy(folder, example, proxy, **own))
        trusted = ssl.create_default_context(cafile=certificate)
        yield Front(request.param, site, proxy, trusted, folder)


def test_somebody_signs_up_draws_and_downloads_through_the_example(front: Front) -> None:
    with front.client() as client:
        account = {"username": f"by_{front.name}", "password": "a long one of their own"}
        made = client.post("/api/accounts/", json=account)
        assert made.status_code == 201, made.text
        token = client.post("/api/tokens/", json=account).json()["token"]
        drawn = client.post(
            "/api/attempts/",
            json={"target_label": 1, "strokes": LINES[front.name]},
            headers={"Authorization": f"Token {token}"},
        )
        assert drawn.status_code == 201, drawn.text
        history = client.get("/rounds/history.csv")
        assert history.headers["Content-Type"].startswith("text/csv")
        assert history.text.startswith("round")
        page = client.get("/draw/")
        assert page.headers["Location"].startswith("/accounts/sign-in/")
        assert page.headers["Strict-Transport-Security"]
        assert len(page.headers["X-Request-Id"]) >= 32  # the proxy's


def test_without_tls_one_is_sent_to_the_same_page_with_it(front: Front) -> None:
    request = httpx.Request(
        "GET",
        f"http://127.0.0.1:{front.proxy.plain_port}/rounds/?x=1",
        headers={"Host": "localhost"},
    )
    answer = sites.wire().handle_request(request)
    answer.read()
    assert answer.status_code in (301, 308)
    assert re.fullmatch(r"https://localhost(:\d+)?/rounds/\?x=1", answer.headers["Location"])


def test_the_proxy_refuses_what_is_huge_and_the_site_what_is_too_large(front: Front) -> None:
    with front.client() as client:
        large, huge = (client.post("/api/tokens/", content=b"x" * n) for n in (300_000, 3_000_000))
    assert large.status_code == 413
    assert "error" in large.json()
    # Caddy tells by ending the request, which reaches the site cut short.
    assert huge.status_code in (413, 502)


def test_whoever_invents_addresses_before_the_example_is_counted_by_their_own(
    front: Front,
) -> None:
    with front.client(FLOODS_FROM[front.name]) as flooder, front.client("127.0.0.6") as other:
        invented = (f"198.51.100.{number}" for number in itertools.count(1))

        def sign_up(client: httpx.Client) -> int:
            given = {"username": "newcomer", "password": "short"}
            headers = {"X-Forwarded-For": next(invented)}
            return client.post("/api/accounts/", json=given, headers=headers).status_code

        taken = list(
            itertools.takewhile(
                lambda status: status == 400, (sign_up(flooder) for _ in range(100))
            )
        )
        assert 30 <= len(taken) <= 60  # an hour may end meanwhile
        assert sign_up(other) == 400


@pytest.mark.survives(
    "the links in emails, followed through nginx or Caddy, and what they refuse of them",
    "their logs have no more of such a link than how it begins, and no query",
)
def test_the_proxys_log_has_no_link_that_opens_an_account(front: Front) -> None:
    secret = "of-somebody"
    referer = {"Referer": f"https://localhost/account/email/{secret}/"}
    with front.client() as client:
        client.get(f"/?{secret}", headers=referer)
        for path in (f"/accounts/reset/MQ/{secret}/", f"/account/email/{secret}/"):
            client.get(path, headers=referer)
            client.post(path, headers=referer, content=b"x" * 3_000_000)
    told = "".join(path.read_text() for path in front.folder.glob("*.log"))
    assert secret not in told
    for path in ("/accounts/reset/", "/account/email/"):
        cut = told.count(f"{path}...")
        assert told.count(path) == cut
        assert cut or front.name == "caddy", "which logs a request only where it broke off"
