"""Forms that are posted twice before there is an answer."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pyotp
import pytest

from tests.support import PASSWORD
from tests.support.site import Site

pytestmark = [pytest.mark.faults]

SIGN_UP = "/accounts/sign-up/"


@pytest.mark.survives(
    "“Sign up” pressed twice at once",
    "one account; both lead to the draw page",
)
@pytest.mark.survives("a forgotten password asked for twice at once", "one email")
def test_two_clicks_make_one_account_or_one_email(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    with httpx.Client(base_url=site.url, trust_env=False) as browser:
        browser.get(SIGN_UP)
        cookies = dict(browser.cookies)

    def press(name: str) -> tuple[int, str | None, bool]:
        asked = {"username": name, "password": PASSWORD, "email": ""}
        asked["csrfmiddlewaretoken"] = cookies["csrftoken"]
        with httpx.Client(base_url=site.url, cookies=cookies, trust_env=False) as browser:
            answer = browser.post(SIGN_UP, data=asked, timeout=60)
            return answer.status_code, answer.headers.get("Location"), "sessionid" in answer.cookies

    names = [f"carol{number}" for number in range(3)]
    with ThreadPoolExecutor(2) as both:
        for name in names:
            assert list(both.map(press, [name, name])) == [(302, "/draw/", True)] * 2

        def forget(name: str) -> int:
            asked = {"email": f"{name}@example.org", "csrfmiddlewaretoken": cookies["csrftoken"]}
            with httpx.Client(base_url=site.url, cookies=cookies, trust_env=False) as browser:
                return browser.post("/accounts/reset/", data=asked, timeout=60).status_code

        for name in names:
            assert list(both.map(forget, [name, name])) == [302] * 2
    kept = site.python(
        "from collector.models import Email, Person;"
        " print(Email.objects.count(), *Person.objects.values_list('username', flat=True))"
    )
    assert sorted(kept.split()) == ["3", "admin", *names]


FACTORS, STEP = "/account/second-factor/", "/accounts/second-step/"
# A connection a request: the site ends one that has been silent for two seconds.
EACH_ALONE = httpx.Limits(max_keepalive_connections=0)


def send(browser: httpx.Client, path: str, **form: str) -> httpx.Response:
    filled = form | {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    return browser.post(path, data=filled, timeout=60)


@pytest.mark.survives(
    "A code of an authenticator app is sent by several at once", "it signs in one of them"
)
def test_a_code_that_several_send_at_once_signs_in_one_of_them(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    site.person("ada", role="admin")

    def first_step() -> httpx.Client:
        browser = httpx.Client(base_url=site.url, limits=EACH_ALONE, trust_env=False)
        browser.get("/accounts/sign-in/")
        send(browser, "/accounts/sign-in/", username="ada", password=PASSWORD)
        return browser

    with closing(first_step()) as browser:
        [secret] = re.findall(r'class="secret">([A-Z2-7]+)<', browser.get(FACTORS).text)
        codes = pyotp.TOTP(secret)
        earlier = codes.at(int(time.time()) - 30)
        added = send(browser, FACTORS, **{"do": "app", "app-name": "x", "app-code": earlier})
        assert "Your recovery codes" in added.text
    browsers = [first_step() for _ in range(6)]
    code = codes.now()

    def second_step(browser: httpx.Client) -> int:
        with closing(browser):
            browser.get(STEP)
            return send(browser, STEP, do="code", code=code).status_code

    with ThreadPoolExecutor(len(browsers)) as all_at_once:
        assert sorted(all_at_once.map(second_step, browsers)) == [200] * 5 + [302]
