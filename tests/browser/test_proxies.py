"""A site below a path, behind a real nginx that ends TLS, set up as the operations guide has it:
every address stays below the path, and nothing is lost."""

import itertools
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, Response

from tests.support import PASSWORD, crawling, mail_servers, penmanship, proxies
from tests.support import site as sites
from tests.support.browser import AT_REST, HELD, add_authenticator, draw_with_mouse
from tests.support.site import Answer, Client

pytestmark = pytest.mark.browser

GUIDE = Path(__file__).resolve().parents[2] / "docs/operations.md"
PATH = "/digits"
# Everybody with one password; a fool that is verified, one that nobody could settle, two that wait.
PEOPLED = f"""
from unittest.mock import patch
from django.contrib.auth.hashers import make_password
from collector.moderation import queue, readings
from collector.people import accounts
from tests.support import cast, penmanship
from trainer.learning import drawing
hashed = make_password({PASSWORD!r})
with patch("django.contrib.auth.base_user.make_password", return_value=hashed):
    alice = accounts.add("alice", {PASSWORD!r}, email="alice@example.org")
    accounts.add("bob", {PASSWORD!r})
    accounts.add("pam", {PASSWORD!r})
    mona = accounts.add("mona", {PASSWORD!r}, role="moderator")
for label, strokes, width in penmanship.fooling(1, 4):
    cast.submit(alice, label, drawing.parse(strokes, width))
for shift in (0, 1):
    lease = queue.assign(mona)
    readings.read(mona, lease.pk, str((lease.attempt.target_label + shift) % 10))
"""
# What another Django at the root of this host has set: browsers send it to us too.
OF_THE_ROOT = {"sessionid": "of-another-site", "csrftoken": "x" * 32}
LICENCE = "https://creativecommons.org/licenses/by/4.0/"


@dataclass
class Front:
    """The site as browsers reach it."""

    site: sites.Site
    proxy: proxies.Proxy
    trusted: ssl.SSLContext
    mails: Path

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.proxy.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}{PATH}/"

    def visitor(self, address: str = "127.0.0.1") -> httpx.Client:
        """A browser that follows no redirect, and had been at the root of this host."""
        wire = httpx.HTTPTransport(verify=self.trusted, local_address=address, trust_env=False)
        client = httpx.Client(base_url=self.url, transport=wire, timeout=60)
        for name, value in OF_THE_ROOT.items():
            client.cookies.set(name, value, domain="localhost.local", path="/")
        return client

    def signed_in(self, name: str) -> httpx.Client:
        client = self.visitor()
        form = {"username": name, "password": PASSWORD}
        answer = self.post(client, "accounts/sign-in/", form)
        begins_at = "desk" if name == "admin" else "draw"
        assert answer.headers["Location"] == f"{PATH}/{begins_at}/"
        return client

    def post(self, client: httpx.Client, path: str, form: dict[str, str]) -> httpx.Response:
        """Open a page and send its form, as a browser does."""
        client.get(path)
        filled = form | {"csrfmiddlewaretoken": client.cookies["__Secure-csrftoken-digits"]}
        return client.post(path, data=filled, headers={"Origin": self.origin})

    def directly(self, method: str, path: str, **headers: str) -> Answer:
        """What the site itself answers, asked past the proxy."""
        return Client(self.site).request(method, path, None, None, **headers)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("proxied")
    _, certificate = mail_servers.certificate(folder)
    port = sites.free_port()
    settings = {
        "DADC_ALLOWED_HOSTS": "localhost",
        "DADC_SECRET_KEY": "a key of this test's own, and long enough for it",
        "DADC_TRUSTED_PROXIES": "1",
        "DADC_PATH": PATH,
        "DADC_ORIGINS": f"https://localhost:{port}",
        "DADC_EMAIL_URL": f"filemail://{folder}/mails",
    }
    with ExitStack() as stack:
        site = stack.enter_context(sites.site("sqlite", folder, **settings))
        site.python(PEOPLED + HELD)
        [example] = re.findall(r"^```nginx\n(.+?)^```$", GUIDE.read_text(), re.M | re.S)
        location = example.replace("127.0.0.1:8000", f"127.0.0.1:{site.port}")
        proxy = stack.enter_context(proxies.nginx(folder, certificate, location, port))
        trusted = ssl.create_default_context(cafile=certificate)
        yield Front(site, proxy, trusted, folder / "mails")


@pytest.mark.survives(
    "the site below `/digits`, behind nginx with TLS, every page as four kinds of people",
    "no address leads out of the path, no file is lost",
)
@pytest.mark.parametrize(
    ("who", "sees"),
    [
        (None, "gallery/ fools/ accounts/reset/ rounds/history.csv api/docs/"),
        ("alice", "draw/ drawings/ notices/ account/export/"),
        ("mona", "moderate/"),
        ("admin", "desk/ people/ admin-log/ moderators/ admin/collector/person/ rounds/1/"),
    ],
    ids=["a stranger", "who draws", "who moderates", "an admin"],
)
def test_no_address_of_any_page_leads_out_of_the_path_and_no_file_is_lost(
    front: Front, who: str | None, sees: str
) -> None:
    with closing(front.signed_in(who) if who else front.visitor()) as client:
        found = crawling.Crawl(client, front.url).follow("", "none/", "api/docs/", "api/rounds/")
    assert {address for _, address in found.outside} <= {LICENCE}
    # While the page is open, a text may be written that people are asked to agree to.
    not_yet = {f"{front.url}consent/": (404, f"{front.url}draw/")} if who else {}
    assert found.lost == {f"{front.url}none/": (404, "")} | not_yet
    seen = {url.removeprefix(front.url) for url in found.answers}
    assert {one for one in sees.split() if not any(url.startswith(one) for url in seen)} == set()
    for url, answer in found.answers.items():
        # Without one a browser asks the root of the host.
        if answer.headers.get("Content-Type", "").startswith("text/html") and answer.text:
            assert re.search(f'rel="(shortcut )?icon"[^>]* href="{PATH}/', answer.text), url


def test_the_app_and_its_worker_stay_below_the_path(front: Front) -> None:
    with closing(front.visitor()) as client:
        told = client.get("manifest.webmanifest").json()
        script = client.get("worker.js").text
        named = {icon["src"] for icon in told["icons"]} | set(re.findall(r'"(/[^"]*)"', script))
        assert len(named) == 3 + 1 + 5 + 1  # icons; a page with its files; the worker itself
        assert {each for each in named if not each.startswith(f"{PATH}/")} == set()
        for each in named:
            assert client.get(f"{front.origin}{each}").status_code == 200, each
    assert told["start_url"] == told["scope"] == f"{PATH}/"


def test_every_path_of_the_schema_is_where_it_says(front: Front) -> None:
    with closing(front.visitor()) as client:
        paths = client.get("api/schema/?format=json").json()["paths"]
        assert client.get("api/none/").json()["error"]["message"].count(PATH) == 1
    assert len(paths) > 10
    assert {path for path in paths if not path.startswith(f"{PATH}/api/")} == set()


@pytest.mark.survives(
    "another Django's `sessionid` and `csrftoken` at the root of the same host",
    "signing in works; cookies are this path's alone",
)
def test_cookies_are_this_paths_alone_and_hsts_is_this_hosts(front: Front) -> None:
    front.signed_in("bob").close()  # at the first sign-in something is said once, by a cookie
    with closing(front.visitor()) as client:
        client.get("accounts/sign-in/")
        form = {"username": "bob", "password": PASSWORD}
        answer = front.post(client, "accounts/sign-in/", form)
    cookies = answer.headers.get_list("Set-Cookie")
    names = {cookie.partition("=")[0].removeprefix("__Secure-") for cookie in cookies}
    assert names == {"sessionid-digits", "csrftoken-digits", "sessionid-digits-device"}
    assert [cookie for cookie in cookies if not cookie.startswith("__Secure-")] == []
    for cookie in cookies:
        assert {f"Path={PATH}", "Secure", "SameSite=Lax"} <= set(cookie.split("; "))
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_without_tls_one_is_sent_to_the_same_page_with_it(front: Front) -> None:
    url = f"http://localhost:{front.proxy.plain_port}{PATH}/rounds/?x=1"
    answer = sites.wire().handle_request(httpx.Request("GET", url))
    answer.read()
    assert answer.status_code == 301
    assert answer.headers["Location"] == url.replace("http:", "https:")
    in_the_plain = front.directly("GET", f"{PATH}/api/rounds/", Host="localhost")
    assert (in_the_plain.status, in_the_plain.body["error"]["code"]) == (403, "https_needed")
    by_tls = {"Host": "localhost", "X-Forwarded-Proto": "https"}
    assert front.directly("GET", PATH, **by_tls).headers["Location"] == f"{PATH}/"
    assert front.directly("GET", "/", **by_tls).status == 404


def test_the_mail_for_a_forgotten_password_leads_below_the_path(front: Front) -> None:
    with closing(front.visitor()) as client:
        sent = front.post(client, "accounts/reset/", {"email": "alice@example.org"})
        assert sent.headers["Location"] == f"{PATH}/accounts/reset/sent/"
        front.site.python("from collector.people import mails; mails.send_due()")
        [mail] = front.mails.glob("*")
        [link] = re.findall(r"https?://\S+", mail.read_text())
        assert link.startswith(front.url)
        form = client.get(front.origin + client.get(link).headers["Location"])
    assert "Choose a new password" in form.text


@pytest.mark.survives(
    "addresses invented in `X-Forwarded-For`, through nginx",
    "counted by their own",
)
def test_whoever_invents_addresses_is_counted_by_their_own(front: Front) -> None:
    invented = (f"198.51.100.{number}" for number in itertools.count(1))

    def sign_up(client: httpx.Client) -> int:
        given = {"username": "newcomer", "password": "short"}
        headers = {"X-Forwarded-For": next(invented)}
        return client.post("api/accounts/", json=given, headers=headers).status_code

    with closing(front.visitor("127.0.0.2")) as flooder, closing(front.visitor("127.0.0.3")) as one:
        taken = list(
            itertools.takewhile(lambda status: status == 400, iter(lambda: sign_up(flooder), 0))
        )
        assert 30 <= len(taken) <= 60  # an hour may end meanwhile
        assert sign_up(one) == 400


@pytest.mark.survives(
    "`next=` that leads out of `DADC_PATH` on the same host", "signing in leads to the draw page"
)
def test_signing_in_leads_nowhere_out_of_the_path(front: Front) -> None:
    with closing(front.visitor()) as client:
        form = {"username": "alice", "password": PASSWORD, "next": "/other/"}
        answer = front.post(client, "accounts/sign-in/?next=/other/", form)
        assert answer.headers["Location"] == f"{PATH}/draw/"


@pytest.mark.survives(
    "a client that sends `SCRIPT_NAME`, `PATH_INFO`, `X-Forwarded-Ssl`, `X-Forwarded-Host` or "
    "`X-Forwarded-Prefix`",
    "changes nothing",
)
def test_what_clients_claim_of_a_proxy_is_not_believed(front: Front) -> None:
    https = {"Host": "localhost", "X-Forwarded-Proto": "https"}
    usual = front.directly("GET", f"{PATH}/try/", **https)
    assert usual.status == 200
    for claimed in (
        {"SCRIPT_NAME": "/evil"},
        {"SCRIPT_NAME": PATH},
        {"PATH_INFO": f"{PATH}/draw/"},
        {"X-Forwarded-Ssl": "off"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Prefix": "/evil"},
    ):
        answer = front.directly("GET", f"{PATH}/try/", **https, **claimed)
        assert (answer.status, answer.body) == (200, usual.body), claimed


def test_probes_answer_at_the_port_and_below_the_path_and_nothing_else_does_by_ip(
    front: Front,
) -> None:
    with closing(front.visitor()) as client:
        for method in ("GET", "HEAD"):
            assert client.request(method, "healthz").status_code == 200
            assert client.request(method, "readyz").status_code == 503  # no worker runs
    by_ip = {"Host": "10.0.0.9:8000"}
    for path in ("/healthz", f"{PATH}/healthz"):
        assert front.directly("GET", path, **by_ip).body == b"ok\n"
        assert front.directly("HEAD", path, **by_ip).status == 200
    assert front.directly("GET", "/readyz", **by_ip).body["database"] == "ok"
    for path in ("/", f"{PATH}/", "/healthz/"):
        refused = front.directly("GET", path, **by_ip)
        assert refused.status == 400
        named = crawling.named_in("text/html", refused.body.decode())
        assert {address for address in named if not address.startswith(f"{PATH}/")} == set()


@pytest.fixture
def page(browser: Browser, front: Front) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True)
    for name, value in OF_THE_ROOT.items():
        context.add_cookies([{"name": name, "value": value, "domain": "localhost", "path": "/"}])
    yield context.new_page()
    context.close()


@pytest.mark.survives(
    "somebody draws below `/digits` in Chromium",
    "no request fails or leaves the path",
)
def test_somebody_draws_below_the_path_and_no_request_fails_or_leaves_it(
    page: Page, front: Front
) -> None:
    asked: list[str] = []
    failed: list[str] = []

    def note(answer: Response) -> None:
        if answer.status >= 400:
            failed.append(f"{answer.status} {answer.url}")

    def note_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # by the page that came after
            failed.append(f"{request.failure} {request.url}")

    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", note_failure)
    page.on("response", note)
    page.goto(f"{front.url}accounts/sign-in/?next={PATH}/draw/")
    page.fill("#id_username", "bob")
    page.fill("#id_password", PASSWORD)
    page.click("main form button")
    page.wait_for_url(f"{front.url}draw/")
    page.click('[data-digit="1"]')
    [(_, strokes)] = penmanship.drawings(77, 1)[:1]
    draw_with_mouse(page, strokes)
    with page.expect_response(f"{front.url}api/attempts/") as judged:
        page.click("#submit")
    assert judged.value.status == 201
    for name in ("My drawings", "Gallery", "Rounds"):
        page.get_by_role("link", name=name).first.click()
        page.wait_for_function(AT_REST)
    page.goto(f"{front.url}try/")
    with page.expect_response(f"{front.url}api/predictions/"):
        draw_with_mouse(page, strokes)
    page.goto(f"{front.url}api/docs/")
    page.locator(".opblock").first.wait_for()
    assert failed == []
    assert [url for url in asked if not url.startswith((front.url, "data:"))] == []


def test_a_passkey_signs_in_below_the_path_behind_tls(page: Page, front: Front) -> None:
    add_authenticator(page)
    for place in ("account/second-factor/", "accounts/second-step/"):
        page.goto(f"{front.url}accounts/sign-in/?next={PATH}/account/second-factor/")
        page.fill("#id_username", "pam")
        page.fill("#id_password", PASSWORD)
        page.click("main form button")
        page.wait_for_url(f"{front.url}{place}")
        page.click("form.passkey button")
        page.wait_for_url(f"{front.url}account/second-factor/")
        page.get_by_text("last used on" if "step" in place else "Your recovery codes").wait_for()
        page.locator(".menu summary").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(front.url)
