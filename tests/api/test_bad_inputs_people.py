"""Names, passwords and roles that nobody may have; what strangers may learn of people; HTML shown
as text."""

import html
import statistics
import time

import pytest

from tests.support import PASSWORD
from tests.support.world import Browser, World, assert_refusal

SCRIPT = "<script>alert('x')</script>"
NO_NAMES = [
    "аdmin",  # begins with a Cyrillic letter
    "Аdmin",
    "ADMІN",
    "admin",
    "Admin",
    "ADMIN",
    "alice",
    "AlIcE",
    "ａｌｉｃｅ",  # full width
    "ſally",
    "..",
    "-1+1",
    "=1+1",
    "1abc",
    ".hidden",
    "a/../b",
    "ab",
    "",
    " ",
    " dan",
    "dan ",
    "dan\n",
    "d an",
    "da\u202enny",
    "da\u200bnny",
    "\ufeffdanny",
    "danny\0",
    "d" * 31,
    "d" * 300,
    "d" * 1001,
    "<b>dan</b>",
    SCRIPT,
    "dan%00",
    "💥dan",
]


@pytest.mark.survives(
    "user name Cyrillic `аdmin`, full-width, `..`, `-1+1`, bidi and zero-width characters, "
    "U+0000, 300 characters, `Admin` beside `admin`",
    "400, and on the page the reason beside the field",
)
@pytest.mark.parametrize("name", NO_NAMES, ids=lambda name: ascii(name)[:24])
def test_a_user_name_that_could_deceive_is_refused_with_the_reason_beside_the_field(
    world: World, name: str
) -> None:
    body = {"username": name, "password": "nobody else has this horse"}
    told = world.refuses(400, lambda: world.nobody.post("/api/accounts/", body), "username").body[
        "error"
    ]["message"]
    browser = Browser(world.site)
    browser.get("/accounts/sign-up/")
    with world.adding():
        page = browser.post("/accounts/sign-up/", body)
    assert page.status == 200
    sentence = told if 0 < len(name) <= 1000 and "\0" not in name else "error"
    assert html.escape(sentence) in page.body
    assert SCRIPT not in page.body


@pytest.mark.survives(
    "a sign-up that names its role, id or `is_staff`, or with a weak password or no address",
    "400 at the field",
)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", None),
        ("username", 12345),
        ("username", ["danny"]),
        ("password", ""),
        ("password", "short"),
        ("password", "password"),
        ("password", "danny-danny"),
        ("password", "p" * 129),
        ("password", "p" * 1_001),
        ("password", 1234567890123),
        ("password", None),
        ("password", "null \0 null"),
        ("email", "not an address"),
        ("email", "a@b"),
        ("email", "a@b.example\nBcc: all@b.example"),
        ("email", "a" * 300 + "@b.example"),
        ("email", 7),
        ("role", "admin"),
        ("is_staff", True),
        ("is_superuser", True),
        ("is_active", True),
        ("id", "00000000-0000-4000-8000-000000000000"),
        ("contributor", "00000000-0000-4000-8000-000000000000"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_sign_up_with_what_nobody_may_choose_is_refused(
    world: World, field: str, value: object
) -> None:
    body = {
        "username": "danny-danny" if value == "danny-danny" else "danny",
        "password": PASSWORD,
        field: value,
    }
    world.refuses(400, lambda: world.nobody.post("/api/accounts/", body), field)


@pytest.mark.survives(
    "a crowdworker who opens an admin's page or makes somebody staff",
    "403, or sent to sign in",
)
def test_nobody_becomes_staff_on_a_page(world: World) -> None:
    browser = Browser(world.site)
    browser.get("/accounts/sign-up/")
    forms = {
        "username": "climber",
        "password": PASSWORD,
        "role": "admin",
        "is_staff": "on",
        "is_superuser": "on",
    }
    with world.adding(person_crowdworker=1):
        assert browser.post("/accounts/sign-up/", forms).status == 302
    with world.adding():
        for path in ("/desk/", "/moderate/", "/people/"):
            assert browser.get(path).status == 403
        assert browser.post("/desk/", {"do": "train"}).status == 403
        assert browser.get("/admin/").status == 302
        assert (
            browser.post(
                "/admin/collector/person/add/", {"username": "mate", "role": "admin"}
            ).status
            == 302
        )


@pytest.mark.survives(
    "known and unknown user at sign-in",
    "the same words and time",
)
def test_known_and_unknown_people_get_the_same_words_and_time_at_sign_in(world: World) -> None:
    def tries(name: str) -> tuple[set[tuple[int, str]], float]:
        answers, times = set(), []
        for _ in range(3):
            began = time.monotonic()
            answer = world.nobody.post(
                "/api/tokens/", {"username": name, "password": "wrong " + PASSWORD}
            )
            times.append(time.monotonic() - began)
            assert_refusal(answer, 401)
            answers.add((answer.status, str(answer.body)))
        return answers, statistics.median(times)

    with world.adding():
        (known, slow), (unknown, quick) = tries("bob"), tries("nobody-here")
    assert known == unknown
    assert len(known) == 1
    # Without a hash the unknown would take a hundredth of it.
    assert slow < 4 * quick
    assert quick < 4 * slow


@pytest.mark.survives(
    "known and unknown user at sign-in",
    "the same words and time",
)
def test_known_and_unknown_people_get_the_same_page_at_sign_in(world: World) -> None:
    def page(name: str) -> tuple[int, str]:
        browser = Browser(world.site)
        browser.get("/accounts/sign-in/")
        answer = browser.post(
            "/accounts/sign-in/", {"username": name, "password": "wrong " + PASSWORD}
        )
        return answer.status, answer.body.replace(name, "NAME").replace(browser.csrf, "")

    with world.adding():
        assert _without_tokens(page("bob")) == _without_tokens(page("nobody-here"))


def _without_tokens(page: tuple[int, str]) -> tuple[int, list[str]]:
    return page[0], [line for line in page[1].splitlines() if "csrfmiddlewaretoken" not in line]


@pytest.mark.survives(
    "known and unknown address at reset",
    "the same page; only the known gets a mail",
)
def test_known_and_unknown_addresses_get_the_same_page_at_reset_and_only_the_known_a_mail(
    world: World,
) -> None:
    world.site.manage("add_person", "mailed", "--email", "known@mail.example")
    answers = []
    with world.adding(email=2, ormq=2):
        for address in ("known@mail.example", "unknown@mail.example"):
            browser = Browser(world.site)
            browser.get("/accounts/reset/")
            answer = browser.post("/accounts/reset/", {"email": address})
            answers.append(
                (
                    answer.status,
                    answer.headers["Location"],
                    browser.get(answer.headers["Location"]).body,
                )
            )
    assert answers[0] == answers[1]
    sent = world.site.python("from collector.people import mails; mails.send_due()")
    assert "To: known@mail.example" in sent
    assert "unknown@mail.example" not in sent


@pytest.mark.survives(
    "HTML in an email address, a page's address, a reason",
    "shown as text, in pages and mails",
)
def test_an_address_with_html_is_shown_as_text(world: World) -> None:
    address = '"<script>x</script>"@mail.example'
    with world.adding(person_crowdworker=1, email=1, ormq=1):
        body = {"username": "tagged", "password": PASSWORD, "email": address}
        assert world.nobody.post("/api/accounts/", body).status == 201
    admin = Browser(world.site)
    admin.sign_in("admin")
    for path in (
        "/people/",
        "/people/tagged/",
        "/admin/collector/person/",
        "/admin/collector/person/?q=tagged",
    ):
        assert "<script>x" not in admin.get(path).body
    browser = Browser(world.site)
    browser.get("/accounts/reset/")
    assert browser.post("/accounts/reset/", {"email": address}).status == 302
    page = browser.post("/accounts/sign-in/", {"username": SCRIPT, "password": SCRIPT})
    assert page.status == 200
    assert SCRIPT not in page.body


@pytest.mark.survives(
    "HTML in an email address, a page's address, a reason",
    "shown as text, in pages and mails",
)
def test_html_in_an_address_is_not_shown_as_html(world: World) -> None:
    browser = Browser(world.site)
    encoded = "%3Cscript%3Ealert('x')%3C/script%3E"
    for path in (
        f"/people/{encoded}/",
        f"/{encoded}/",
        f"/leaderboard/?period={encoded}",
        f"/drawings/{encoded}/",
        f"/rounds/?x={encoded}",
        f"/accounts/sign-in/?next={encoded}",
    ):
        answer = browser.get(path)
        assert answer.status in (200, 302, 400, 404)
        assert SCRIPT not in answer.body
    answer = browser.get(f"/api/leaderboard/?period={encoded}")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.survives(
    "HTML in an email address, a page's address, a reason",
    "shown as text, in pages and mails",
)
def test_a_reason_with_html_is_shown_to_the_drawer_as_text(world: World) -> None:
    """mona and the admin disagree on a drawing, which both have read, so the admin decides, and
    says why."""
    fool = next(world.fools)
    attempt = world.alice.post("/api/attempts/", fool).body["id"]
    for reader, reading in ((world.mona, "ambiguous"), (world.admin, "junk")):
        lease = reader.post("/api/assignments/").body
        assert lease["attempt"]["id"] == attempt
        assert (
            reader.post(f"/api/assignments/{lease['id']}/reading/", {"reading": reading}).status
            == 201
        )
    admin, drawer = Browser(world.site), Browser(world.site)
    admin.sign_in("admin")
    drawer.sign_in("alice")
    assert attempt in admin.get("/desk/").body
    form = {
        "do": "decide",
        "attempt": attempt,
        f"attempt-{attempt}-answer": "junk",
        f"attempt-{attempt}-why": SCRIPT,
    }
    with world.adding(attempt_pending=-1, attempt_rejected=1, decision=1, notice=1):
        assert admin.post("/desk/", form).status == 302
    page = drawer.get(f"/drawings/{attempt}/")
    assert SCRIPT not in page.body
    assert html.escape(SCRIPT) in page.body


@pytest.mark.survives(
    "`next=` of another site",
    "signing in leads to the draw page",
)
@pytest.mark.parametrize(
    "next_page",
    ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"],
)
def test_signing_in_sends_nobody_to_another_site(world: World, next_page: str) -> None:
    browser = Browser(world.site)
    browser.get("/accounts/sign-in/")
    answer = browser.post(
        "/accounts/sign-in/", {"username": "bob", "password": PASSWORD, "next": next_page}
    )
    assert (answer.status, answer.headers["Location"]) == (302, "/draw/")


@pytest.mark.survives(
    "a page about nobody, by any odd name",
    "404",
)
def test_a_page_about_nobody_is_not_found(world: World) -> None:
    with world.adding():
        for name in (
            "nobody-here",
            "%00",
            "a%00b",
            "%ED%A0%80",
            "..",
            "%2e%2e%2f",
            "d" * 3000,
            "аdmin",
        ):
            encoded = name.encode().decode("latin-1") if name.isascii() else "%D0%B0dmin"
            assert Browser(world.site).get(f"/people/{encoded}/").status == 404, name
        for path in ("/rounds/" + "9" * 30 + "/", "/rounds/0/", "/rounds/%D9%A1/"):
            assert Browser(world.site).get(path).status in (200, 404)


@pytest.mark.survives(
    "query strings such as `?user__password__startswith=` in Django's admin and on pages",
    "nothing told; 400, 403 or 404",
)
def test_a_query_about_passwords_tells_an_admin_page_nothing(world: World) -> None:
    admin = Browser(world.site)
    admin.sign_in("admin")
    listed = "/admin/collector/person/"
    for query in ("q=%00", "role__exact=%00"):
        assert admin.get(f"{listed}?{query}").status == 404, query
    for query in (
        "password__startswith=argon2",
        "user__password__startswith=a",
        "id__in=x",
        "p=-1",
    ):
        assert admin.get(f"{listed}?{query}").status in (200, 302, 400), query
    drawer = Browser(world.site)
    drawer.sign_in("bob")
    for path in ("/people/?user__password__startswith=a", "/desk/?user__password__startswith=a"):
        assert drawer.get(path).status == 403
