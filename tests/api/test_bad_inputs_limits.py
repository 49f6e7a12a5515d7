"""Floods, against a second web server on the same database that has the limits as they are by
default.

Each flood comes from a loopback address of its own, so that none uses up what another may do, and
names a new client in X-Forwarded-For each time, which must help it nothing.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

import pytest

from tests.support import PASSWORD
from tests.support.site import Answer, Client, Site
from tests.support.world import Browser, World, assert_refusal, signed_up

MOST_ASKED = 100
_addresses = count(20)


@dataclass
class Flooder(Client):
    """Says of each request that it comes for somebody else."""

    asked: int = 0

    def post(self, path: str, body: Any = None) -> Answer:
        self.asked += 1
        claimed = {"X-Forwarded-For": f"198.51.100.{self.asked}"}
        return self.request("POST", path, body, None, **claimed)


@pytest.fixture
def flooder(strict: Site) -> Flooder:
    return Flooder(strict, address=f"127.0.0.{next(_addresses)}")


def until_refused(ask: Callable[[], Answer]) -> list[Answer]:
    """All answers up to the first 429, which says when to come back."""
    answers: list[Answer] = []
    while not answers or answers[-1].status != 429:
        assert len(answers) < MOST_ASKED, "nothing stopped the flood"
        answers.append(ask())
    assert_refusal(answers[-1], 429)
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3600
    return answers


@pytest.mark.survives(
    "a flood of sign-ups from one address, `X-Forwarded-For` rotating",
    "429 with Retry-After for that address alone",
)
def test_a_flood_of_sign_ups_is_stopped_for_its_address_alone(
    world: World, strict: Site, flooder: Flooder
) -> None:
    names: Iterator[str] = (f"flood{number}" for number in count())
    with world.adding(person_crowdworker=3):
        # Three real ones; the others fail at their password, which spares this test their hashes,
        # and count too.
        answers = until_refused(
            lambda: flooder.post(
                "/api/accounts/",
                {"username": next(names), "password": PASSWORD if flooder.asked < 3 else "short"},
            )
        )
    assert [answer.status for answer in answers] == [201] * 3 + [400] * 27 + [429]
    with world.adding():
        assert (
            flooder.post("/api/accounts/", {"username": "flooded", "password": PASSWORD}).status
            == 429
        )
    other = Flooder(strict, address=f"127.0.0.{next(_addresses)}")
    with world.adding(person_crowdworker=1):
        body = {"username": f"guest-{world.site.port}", "password": PASSWORD}
        assert other.post("/api/accounts/", body).status == 201


@pytest.mark.survives(
    "10 submissions a second by one person",
    "429 with Retry-After for them alone; copies count too",
)
def test_more_than_ten_submissions_a_second_are_stopped_for_their_drawer_alone(
    world: World, strict: Site, flooder: Flooder
) -> None:
    flooder.token = signed_up(world.site, "flooder").token
    calm = Client(strict, signed_up(world.site, "calm").token)
    attempt = next(world.drawings)
    with world.adding(attempt_not_fooled=1):
        answers = until_refused(lambda: flooder.post("/api/attempts/", attempt))
    assert [answer.status for answer in answers][:2] == [201, 409], "copies count too"
    assert 10 < len(answers) <= 82, "40 a minute, and a minute may begin in between"
    with world.adding(attempt_not_fooled=1):
        assert calm.post("/api/attempts/", next(world.drawings)).status == 201


@pytest.mark.survives(
    "28 drawings that fool at once by somebody new",
    "twenty wait, the others get 429",
)
def test_of_many_drawings_that_fool_at_once_a_new_person_has_exactly_twenty_waiting(
    world: World, strict: Site
) -> None:
    newcomer = Client(strict, signed_up(world.site, "newcomer").token)
    bodies = [next(world.drawings) for _ in range(28)]
    for body in bodies:
        body["target_label"] = (body["target_label"] + 1) % 10
    with world.adding(attempt_pending=20), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: newcomer.post("/api/attempts/", body), bodies))
    taken = [answer.body["id"] for answer in answers if answer.status == 201]
    assert len(taken) == 20
    for answer in answers:
        if answer.status != 201:
            assert_refusal(answer, 429)
    for taken_id in taken:
        assert newcomer.post(f"/api/attempts/{taken_id}/retract/").status == 200
    with world.adding(attempt_not_fooled=1):
        assert newcomer.post("/api/attempts/", next(world.drawings)).status == 201


@pytest.mark.survives(
    "a flood of sign-ins",
    "429 with Retry-After; pages stay under 500 ms in the middle",
)
def test_a_flood_of_sign_ins_is_stopped_and_the_pages_stay_quick(
    world: World, strict: Site, flooder: Flooder
) -> None:
    bodies = [{"username": f"nobody{number}", "password": "wrong"} for number in range(60)]
    visitor = Client(strict)

    def page() -> float:
        began = time.monotonic()
        assert visitor.get("/rounds/").status == 200
        return time.monotonic() - began

    alone, times = [page() for _ in range(5)], []
    with world.adding(), ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(flooder.post, "/api/tokens/", body) for body in bodies]
        while not all(future.done() for future in asked):
            times.append(page())
        answers = [future.result() for future in asked]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) >= 20, "20 a minute, and a minute may begin in between"
    for answer in refused:
        assert_refusal(answer, 429)
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert statistics.median(times) < max(0.5, 10 * statistics.median(alone)), (
        "a slow machine may take longer"
    )


# The page counts guesses where the API does, which both databases are asked about.
on_one_database = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
SPELLINGS = ("alice", "ALICE", "Alice", "aLicE")


@pytest.mark.survives(
    "guesses at one person's password, the name spelled in many ways, `X-Forwarded-For` rotating",
    "429 from the eleventh; elsewhere they sign in",
)
def test_guesses_at_one_persons_password_are_stopped_however_the_name_is_spelled(
    world: World, flooder: Flooder
) -> None:
    names = cycle(SPELLINGS)
    with world.adding():
        answers = until_refused(
            lambda: flooder.post("/api/tokens/", {"username": next(names), "password": "wrong"}),
        )
        assert [answer.status for answer in answers] == [401] * 10 + [429]
        right = {"username": "alice", "password": PASSWORD}
        assert flooder.post("/api/tokens/", right).status == 429, "nor does the right one help now"
    assert world.site.sign_in("alice").token, "elsewhere alice is not locked out"


def guessed(strict: Site, flooder: Flooder, names: Iterator[str], most: int) -> list[Answer]:
    """The answers of the sign-in page to wrong passwords, up to the first 429 or `most`."""
    browser = Browser(strict, flooder.address)
    browser.get("/accounts/sign-in/")
    answers: list[Answer] = []
    while len(answers) < most and (not answers or answers[-1].status != 429):
        form = {"username": next(names), "password": "wrong"}
        answers.append(
            browser.post(
                "/accounts/sign-in/",
                form,
                True,
                **{"X-Forwarded-For": f"198.51.100.{len(answers)}"},
            )
        )
    return answers


@pytest.mark.survives(
    "guesses on the sign-in page: one name, its spellings, one password for many names",
    "429 with Retry-After",
)
@on_one_database
def test_guesses_on_the_page_are_stopped_too_and_it_says_for_how_long(
    world: World, strict: Site, flooder: Flooder
) -> None:
    with world.adding():
        last = guessed(strict, flooder, cycle(["bob"]), 20)[-1]
    assert last.status == 429
    assert 1 <= int(last.headers["Retry-After"]) <= 900


@pytest.mark.survives(
    "guesses on the sign-in page: one name, its spellings, one password for many names",
    "429 with Retry-After",
)
@on_one_database
def test_guesses_on_the_page_are_stopped_however_the_name_is_spelled(
    world: World, strict: Site, flooder: Flooder
) -> None:
    with world.adding():
        assert guessed(strict, flooder, cycle(SPELLINGS), 12)[-1].status == 429


@pytest.mark.survives(
    "guesses on the sign-in page: one name, its spellings, one password for many names",
    "429 with Retry-After",
)
@on_one_database
def test_guesses_on_the_page_with_one_password_for_many_names_are_stopped(
    world: World, strict: Site, flooder: Flooder
) -> None:
    with world.adding():
        names = (f"nobody{number}" for number in count())
        assert guessed(strict, flooder, names, 45)[-1].status == 429


@pytest.mark.survives(
    "a flood of forgotten passwords of one address",
    "429",
)
def test_a_flood_of_mails_to_somebody_is_stopped(
    world: World, strict: Site, flooder: Flooder
) -> None:
    browser = Browser(strict, flooder.address)
    browser.get("/accounts/reset/")
    statuses = {
        browser.post("/accounts/reset/", {"email": "flooded@mail.example"}).status
        for _ in range(31)
    }
    assert statuses == {302, 429}
    with world.adding():
        assert browser.post("/accounts/reset/", {"email": "flooded@mail.example"}).status == 429
