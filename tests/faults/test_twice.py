"""Forms that a browser posts twice before it has an answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support import PASSWORD
from tests.support.site import Site

pytestmark = [pytest.mark.faults]

SIGN_UP = "/accounts/sign-up/"


@pytest.mark.survives(
    "“Sign up” pressed twice at once",
    "one account; both lead to the draw page",
)
def test_two_clicks_on_sign_up_make_one_account_and_both_lead_to_drawing(
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
    kept = site.python(
        "from collector.models import Person;"
        " print(*Person.objects.values_list('username', flat=True))"
    )
    assert sorted(kept.split()) == ["admin", *names]
