"""What the pages say: figures with their denominators, nothing that should stay hidden, and text as
text."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from collector.models import Person, Study
from tests.support.pages import Browse, Insert, every_page, text
from trainer.models import Round


def test_a_stranger_is_told_what_this_is_and_how_it_stands(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    insert(alice)
    insert(alice, status="pending")
    insert(alice, 3, 3, "not_fooled")
    page = text(browse(None).get("/"))
    assert "Fooled 2 times today." in page
    assert "Try it" in page
    assert "Sign up" in page
    assert "Round 1 is open" in page
    assert "fooled the model, of 3 drawings" in page
    assert "verified by other people, 1 still waiting" in page
    assert "10 more verified tricks until the next model" in page
    assert "A 4, taken for 9" in page


def test_who_has_an_account_is_not_asked_to_try_without_one(browse: Browse, alice: Person) -> None:
    for who, is_asked in ((None, True), (alice, False)):
        page = text(browse(who).get("/rounds/"))
        assert ("Try it without an account" in page) == is_asked


def test_what_fooled_it_yesterday_is_not_of_today(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    insert(alice, submitted_at=timezone.now() - timedelta(days=1))
    assert "Not fooled yet today." in text(browse(None).get("/"))


def test_only_confirmed_fools_are_public(
    browse: Browse, alice: Person, bob: Person, insert: Insert
) -> None:
    insert(alice, 4, 9)
    for status in ("pending", "corrected", "rejected", "ambiguous", "retracted"):
        insert(alice, 1, 7, status)
    insert(alice, 2, 2, "not_fooled")
    for page in ("/", "/people/alice/", "/rounds/1/"):
        shown = browse(bob).get(page).content.decode()
        assert shown.count('class="took"') == 1, page
    assert browse(None).get("/people/ALICE/").status_code == 200


def test_an_admin_sees_every_drawing_of_a_person(
    browse: Browse, alice: Person, ada: Person, insert: Insert
) -> None:
    insert(alice)
    pending = insert(alice, 1, 7, "pending")
    shown = browse(ada).get("/people/alice/").content.decode()
    assert reverse("drawing", args=[pending.pk]) in shown
    assert shown.count('class="took"') == 2


def test_somebody_switched_off_is_shown_to_admins_alone(
    browse: Browse, bob: Person, ada: Person
) -> None:
    bob.is_active = False
    bob.save()
    assert browse(None).get("/people/bob/").status_code == 404
    assert browse(ada).get("/people/bob/").status_code == 200


def test_the_leaderboard_says_of_how_many_and_what_is_waiting(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    insert(alice)
    insert(alice, status="pending")
    insert(alice, 3, 3, "not_fooled")
    page = text(browse(None).get("/leaderboard/"))
    assert "alice taken for 9, 90 % sure 1 1 50 % 1 of 2 decided 3 1 waiting" in page


@pytest.mark.parametrize("period", ["round", "week", "all"])
def test_an_empty_leaderboard_says_what_to_do(browse: Browse, period: str) -> None:
    page = text(browse(None).get(f"/leaderboard/?period={period}"))
    assert "Nobody has scored" in page
    assert "Draw" in page


def test_a_made_up_period_is_refused_in_words(browse: Browse) -> None:
    answer = browse(None).get("/leaderboard/?period=never")
    assert answer.status_code == 400
    assert "The period is round, week or all." in text(answer)


def test_the_rounds_page_says_stand_in_where_it_is_one(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    insert(alice)
    answer = browse(None).get("/rounds/")
    page = text(answer)
    assert "1,000 stand-in images" in page
    assert "not measured here" in page
    assert "99.0 % (98.0–99.5)" in page
    found = re.search(r'data-rounds="([^"]*)"', answer.content.decode())
    assert found
    [point] = json.loads(unescape(found[1]))
    assert point["round"] == 1
    assert point["vmer"]["value"] == 1.0
    assert point["gate_base"]["stand_in"] is True
    assert point["mnist_test"]["value"] is None


def test_a_round_without_a_report_is_shown_all_the_same(browse: Browse, open_round: Round) -> None:
    open_round.model.report = None
    open_round.model.save()
    assert "has not been measured" in text(browse(None).get("/rounds/1/"))
    assert browse(None).get("/rounds/").status_code == 200


def test_my_drawings_tell_the_fate_of_each(
    browse: Browse, alice: Person, bob: Person, insert: Insert
) -> None:
    insert(alice)
    insert(alice, status="pending")
    insert(bob)
    answer = browse(alice).get("/drawings/")
    assert "2 drawings: 2 fooled the model, 1 verified, 1 waiting." in text(answer)
    assert "Waiting for a moderator" in text(answer)
    assert answer.content.decode().count("data-status=") == 2


def test_a_pending_drawing_can_be_taken_back_and_a_settled_one_cannot(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    for status, offered in (("pending", True), ("verified", False)):
        page = (
            browse(alice)
            .get(reverse("drawing", args=[insert(alice, status=status).pk]))
            .content.decode()
        )
        assert ("data-retract" in page) is offered


def test_the_moderators_page_tells_nothing_of_any_drawing(
    browse: Browse, alice: Person, mona: Person, insert: Insert
) -> None:
    attempt = insert(alice, status="pending")
    page = browse(mona).get("/moderate/").content.decode()
    assert "alice" not in page
    assert str(attempt.pk) not in page


def test_the_draw_page_shows_the_live_view_only_where_the_study_says_so(
    browse: Browse, alice: Person
) -> None:
    assert "data-live-preview" not in browse(alice).get("/draw/").content.decode()
    Study.objects.update(has_live_preview=True)
    assert "data-live-preview" in browse(alice).get("/draw/").content.decode()


def test_a_page_without_javascript_says_so(browse: Browse, mona: Person) -> None:
    for page in ("/try/", "/draw/", "/moderate/", "/rounds/"):
        assert "<noscript>" in browse(mona).get(page).content.decode(), page


@pytest.mark.survives(
    "HTML in an email address, a page's address, a reason",
    "shown as text, in pages and mails",
)
def test_html_in_a_decision_is_shown_as_text(
    browse: Browse, alice: Person, ada: Person, insert: Insert
) -> None:
    from collector.models import Decision

    attempt = insert(alice)
    Decision.objects.create(attempt=attempt, admin=ada, answer="4", why="<script>alert(1)</script>")
    page = browse(alice).get(reverse("drawing", args=[attempt.pk])).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("who", [None, "alice", "ada"])
def test_no_page_has_an_inline_script_or_style(
    browse: Browse, alice: Person, ada: Person, insert: Insert, who: str | None
) -> None:
    client = browse({None: None, "alice": alice, "ada": ada}[who])
    looked_at = set()
    for name, path in every_page(insert(alice)).items():
        answer = client.get(path)
        if answer.status_code != 302:
            looked_at.add(name)
            page = answer.content.decode()
            assert "<html" in page, path
            assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
            assert not re.search(r'<style|\sstyle="|\son\w+="', page), path
    assert looked_at >= {"home", "rounds", "fool", "sign_in" if who is None else "desk"}


def test_a_page_is_named_by_the_site_and_not_by_its_address(browse: Browse) -> None:
    page = browse(None).get("/accounts/sign-in/").content.decode()
    assert "<title>Sign in · Fool the Digits</title>" in page


def test_the_error_pages_that_must_always_work_ask_nothing_of_the_database(
    django_assert_num_queries: Any, browse: Browse
) -> None:
    from django.template.loader import render_to_string

    with django_assert_num_queries(0):
        for page in ("400.html", "500.html", "503.html"):
            assert "<h1>" in render_to_string(page)
