"""Second factors in a browser: a passkey of Chromium's virtual authenticator, by the keyboard, and
an app's codes without JavaScript."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.support import PASSWORD
from tests.support import site as sites
from tests.support.browser import add_authenticator, findings

pytestmark = pytest.mark.browser


@contextmanager
def visiting(browser: Browser, site: sites.Site, **options: Any) -> Iterator[Page]:
    """A page at localhost, as passkeys are of names and of no IP address. It may not complain in
    its console."""
    complaints: list[str] = []

    def note(told: ConsoleMessage) -> None:
        if told.type in ("error", "warning"):
            complaints.append(told.text)

    url = f"http://localhost:{site.port}"
    with closing(browser.new_context(base_url=url, **options)) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", note)
        yield page
        assert complaints == []


def sign_in(page: Page, name: str) -> None:
    page.goto("/accounts/sign-in/?next=/account/second-factor/")
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)


def press(page: Page, name: str) -> None:
    """By the keyboard."""
    page.get_by_role("button", name=name, exact=True).focus()
    page.keyboard.press("Enter")


def sign_out(page: Page) -> None:
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/")


def test_a_passkey_is_added_and_signs_in_by_the_keyboard(
    browser: Browser, peopled_site: sites.Site
) -> None:
    peopled_site.person("fay", role="moderator")
    with visiting(browser, peopled_site) as page:
        add_authenticator(page)
        sign_in(page, "fay")
        press(page, "Add a passkey")
        expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
        assert page.locator(".codes li").count() == 10
        press(page, "Add a passkey")
        expect(page.get_by_role("alert")).to_have_text("This passkey is among yours already.")
        sign_out(page)
        sign_in(page, "fay")
        page.wait_for_url("**/accounts/second-step/")
        press(page, "Use a passkey")
        page.wait_for_url("**/account/second-factor/")
        expect(page.get_by_text("last used on")).to_be_visible()


def test_an_apps_code_signs_in_without_javascript(
    browser: Browser, peopled_site: sites.Site
) -> None:
    peopled_site.person("gil")
    with visiting(browser, peopled_site, java_script_enabled=False) as page:
        sign_in(page, "gil")
        assert page.locator("form.passkey").is_hidden()
        assert page.locator("img.offer").bounding_box()
        codes = pyotp.TOTP(page.locator(".secret").inner_text())
        page.fill("#id_app-code", codes.now())
        press(page, "Add the app")
        first = page.locator(".codes .secret").first.inner_text()
        sign_out(page)
        sign_in(page, "gil")
        page.fill("#id_code", first)
        press(page, "Sign in with the code")
        page.wait_for_url("**/account/second-factor/")


def test_axe_finds_nothing_on_the_pages_of_second_factors(
    browser: Browser, peopled_site: sites.Site
) -> None:
    peopled_site.person("hal")
    context = browser.new_context(base_url=f"http://localhost:{peopled_site.port}")
    with closing(context):
        page = context.new_page()
        add_authenticator(page)
        sign_in(page, "hal")
        look(page)
        press(page, "Add a passkey")
        page.locator(".codes").wait_for()
        look(page)
        page.goto("/account/")
        look(page)
        sign_out(page)
        sign_in(page, "hal")
        page.wait_for_url("**/accounts/second-step/")
        look(page)


def look(page: Page) -> None:
    """On a narrow phone, where it has to fit, and on a desk, light and dark."""
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1280, "height": 720})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme
