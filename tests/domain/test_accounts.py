"""Accounts: names, passwords, tokens, limits; and the study's settings with their log."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
import time_machine
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from collector.errors import Forbidden, Refused, TooMany
from collector.models import Person, Study, StudyChange, Token
from collector.people import accounts, password_hashing
from collector.people.password_hashing import OneAtATime
from collector.study import settings as study_settings
from tests.support import PASSWORD


def sign_up(name: str, address: str) -> Person:
    return accounts.sign_up(name, PASSWORD, "", address=address, site="http://here.example")


@pytest.mark.parametrize(
    "name",
    [
        "аdmin",
        "..",
        "-1+1",
        "a\u202eb",
        "ab\u200bc",
        "x" * 300,
        "al",
        "",
        " abc",
        "abc\n",
        "a b c",
        "<b>x</b>",
        "é́tienne",
    ],
)
def test_a_user_name_that_could_deceive_or_break_is_refused_with_the_reason(
    study: Study, name: str
) -> None:
    with pytest.raises(Refused) as refused:
        accounts.add(name, PASSWORD)
    assert refused.value.field == "username"
    assert refused.value.message
    assert not Person.objects.exists()


def test_user_names_are_unique_whatever_their_case(study: Study) -> None:
    accounts.add("Admin", PASSWORD)
    with pytest.raises(Refused) as refused:
        accounts.add("admin", PASSWORD)
    assert (refused.value.field, refused.value.message) == ("username", "This user name is taken.")
    assert Person.objects.get_by_natural_key("ADMIN").username == "Admin"


@pytest.mark.parametrize("password", ["short", "password", "alice.flower", "x" * 129, ""])
def test_a_weak_password_is_refused(study: Study, password: str) -> None:
    with pytest.raises(Refused) as refused:
        accounts.add("alice.flower", password)
    assert refused.value.field == "password"


def test_a_bad_mail_address_is_refused_and_none_is_fine(study: Study) -> None:
    with pytest.raises(Refused) as refused:
        accounts.add("alice", PASSWORD, email="not an address")
    assert refused.value.field == "email"
    assert accounts.add("alice", PASSWORD).email == ""


def test_whoever_signs_up_is_a_crowdworker_unless_sign_up_is_closed(
    study: Study, settings: Any
) -> None:
    person = sign_up("alice", "127.0.0.1")
    assert (person.role, person.is_moderator, person.is_staff) == ("crowdworker", False, False)
    settings.OPEN_SIGNUP = False
    with pytest.raises(Forbidden):
        sign_up("bob", "127.0.0.1")


def test_one_address_signs_up_only_so_many_people_an_hour(study: Study, settings: Any) -> None:
    settings.LIMIT_SCALE = 0.1
    for name in ("ann", "ben", "cat"):
        sign_up(name, "10.0.0.1")
    with pytest.raises(TooMany):
        sign_up("dan", "10.0.0.1")
    sign_up("eve", "10.0.0.2")
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        sign_up("dan", "10.0.0.1")


def test_a_token_opens_the_account_until_it_runs_out_and_is_stored_as_a_hash(alice: Person) -> None:
    text, row = accounts.issue_token(alice)
    assert accounts.person_of_token(text) == alice
    assert accounts.person_of_token(text + "x") is None
    assert not Token.objects.filter(sha256=text).exists()
    with time_machine.travel(row.expires_at + timedelta(seconds=1)):
        assert accounts.person_of_token(text) is None
    Person.objects.update(is_active=False)
    assert accounts.person_of_token(text) is None


def test_an_admin_may_whatever_a_moderator_may_and_nobody_else_is_staff(
    alice: Person, mona: Person, ada: Person
) -> None:
    assert [p.is_moderator for p in (alice, mona, ada)] == [False, True, True]
    assert [p.is_admin for p in (alice, mona, ada)] == [False, False, True]
    assert [p.has_perm("collector.change_person") for p in (alice, mona, ada)] == [
        False,
        False,
        True,
    ]
    ada.is_active = False
    assert not ada.is_admin
    assert not ada.is_staff


def test_add_person_makes_any_role_and_says_what_is_wrong(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DADC_PASSWORD", PASSWORD)
    call_command("add_person", "mona", role="moderator", verbosity=0)
    assert Person.objects.get(username="mona").check_password(PASSWORD)
    assert Person.objects.get(username="mona").role == "moderator"
    with pytest.raises(CommandError, match="taken"):
        call_command("add_person", "Mona")


@pytest.mark.parametrize("command", [("add_person", "mona"), ("setup",)])
def test_a_password_of_bytes_that_are_no_text_is_refused_in_a_sentence(
    study: Study, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DADC_PASSWORD", os.fsdecode(b"correct horse \xff battery"))
    with pytest.raises(CommandError, match=r"^DADC_PASSWORD: This is no text"):
        call_command(*command)


@pytest.mark.parametrize(
    "typed", [os.fsdecode(b"\xff"), UnicodeDecodeError("utf-8", b"", 0, 1, "")]
)
def test_a_typed_password_that_is_no_text_is_refused_in_a_sentence(
    study: Study, monkeypatch: pytest.MonkeyPatch, typed: str | Exception
) -> None:
    monkeypatch.delenv("DADC_PASSWORD", raising=False)
    monkeypatch.setattr("getpass.getpass", Mock(side_effect=[typed]))
    with pytest.raises(CommandError, match=r"^The password: This is no text"):
        call_command("add_person", "mona")


def test_the_study_is_changed_by_admins_alone_and_each_change_is_written_down(
    ada: Person, mona: Person
) -> None:
    with pytest.raises(Forbidden):
        study_settings.change(mona, round_size=1)
    study_settings.change(ada, round_size=20, quorum=1)
    assert Study.current().round_size == 20
    [change] = StudyChange.objects.all()
    assert (change.admin, change.field, change.before, change.after) == (
        ada,
        "round_size",
        "10",
        "20",
    )


@pytest.mark.parametrize(
    ("field", "value"), [("round_size", 0), ("quorum", 0), ("audit_share", 1.5), ("quorum", 99)]
)
def test_a_setting_out_of_its_range_is_refused_and_nothing_written(
    ada: Person, field: str, value: Any
) -> None:
    with pytest.raises(Refused) as refused:
        study_settings.change(ada, **{field: value})
    assert refused.value.field == field
    assert not StudyChange.objects.exists()
    assert getattr(Study.current(), field) != value


def test_the_study_comes_from_the_environment_only_once(study: Study, settings: Any) -> None:
    settings.STUDY = settings.STUDY | {"round_size": 77}
    assert study_settings.begin().round_size == 10


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("encode", lambda hashed: make_password(PASSWORD)),
        ("verify", lambda hashed: check_password(PASSWORD, hashed)),
    ],
)
def test_one_password_is_hashed_at_a_time(
    name: str, act: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = make_password(PASSWORD)
    barrier = threading.Barrier(2)
    met = []

    def meet(*_: object) -> str:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(0.5)
            met.append(name)
        return hashed

    monkeypatch.setattr(Argon2PasswordHasher, name, meet)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, [hashed] * 2))
    assert met == [], "two at once meet at the barrier"


@pytest.mark.survives(
    "more than four sign-ins at once in a process",
    "the next get 429 and a few seconds; threads stay free for pages",
)
def test_in_a_flood_of_sign_ins_threads_are_left_for_the_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    going_on = threading.Event()
    monkeypatch.setattr(Argon2PasswordHasher, "encode", lambda *_: going_on.wait(60) and "hash")
    hashed: list[str] = []
    with ThreadPoolExecutor(password_hashing.PLACES + 1) as pool:
        asked = [
            pool.submit(lambda: hashed.append(OneAtATime().encode(PASSWORD, "salt")))
            for _ in range(password_hashing.PLACES + 1)
        ]
        first, _ = wait(asked, timeout=30, return_when=FIRST_COMPLETED)
        with pytest.raises(TooMany, match="Try again in a few seconds"):
            first.pop().result()
        going_on.set()
    assert hashed == ["hash"] * password_hashing.PLACES
