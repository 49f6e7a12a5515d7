"""The way of a new moderator: told before, at work, told how it went; and what admins see of it and
may do."""

import pytest

from collector.models import AdminAction, Attempt, Person, Reading
from collector.moderation import gold, queue, readings
from tests.support.pages import Browse, Insert


@pytest.fixture
def newt(mona: Person) -> Person:
    """A moderator who has yet to practise."""
    gold.ship()
    newt = Person.objects.create_user("newt", role="moderator")
    assert newt.is_practising
    return newt


def practise(moderator: Person, right: int, wrong: int) -> None:
    for place in range(right + wrong):
        reading = queue.assign(moderator)
        assert reading is not None
        assert reading.gold is not None
        other = "3" if reading.gold.answer != "3" else "5"
        readings.read(moderator, reading.pk, other if place < wrong else reading.gold.answer)
    moderator.refresh_from_db()


def page(browse: Browse, person: Person, address: str = "/moderate/") -> str:
    return browse(person).get(address).content.decode()


def test_practice_is_told_before_and_its_progress_while_it_lasts(
    browse: Browse, newt: Person
) -> None:
    assert "Ten practice drawings first" in page(browse, newt)
    assert "Practice: 0 of 10" in page(browse, newt, "/moderate/?go")
    practise(newt, 3, 1)
    for address in ("/moderate/", "/moderate/?go"):
        shown = page(browse, newt, address)
        assert "Practice: 4 of 10" in shown
        assert 'data-practice-done="4"' in shown


def test_the_result_shows_each_wrong_one_and_what_it_is_and_then_the_real_ones_come(
    browse: Browse, newt: Person
) -> None:
    practise(newt, 8, 2)
    result = page(browse, newt, "/moderate/?result")
    assert "8 of 10 right" in result
    assert "You moderate now." in result
    assert result.count("It is <b>") == 2
    assert result.count('class="drawing"') == 2
    for reading in Reading.objects.filter(is_correct=False).select_related("gold"):
        assert reading.gold is not None
        assert f"It is <b>{reading.gold.answer}" in result or f"{reading.gold.answer}</b>" in result
    bench = page(browse, newt)
    assert "What is this?" in bench
    assert "Practice" not in bench


def test_who_fails_sees_what_was_wrong_and_may_try_another_ten(
    browse: Browse, newt: Person
) -> None:
    practise(newt, 7, 3)
    shown = page(browse, newt)
    assert "7 of 10 right" in shown
    assert "Another 10" in shown
    assert shown.count("It is <b>") == 3
    assert "Practice: 0 of 10" in page(browse, newt, "/moderate/?go")


def test_once_all_practice_is_read_an_admin_lets_them_with_a_reason(
    browse: Browse, newt: Person, ada: Person
) -> None:
    for _ in range(4):
        practise(newt, 0, 10)
    for address in ("/moderate/", "/moderate/?go", "/moderate/?result"):
        assert "an admin of this site has to let you moderate" in page(browse, newt, address)
    assert browse(newt).post("/api/assignments/").status_code == 403
    assert "2 moderators: 1 practises." in page(browse, ada, "/desk/")
    for path in ("/people/", "/people/newt/"):
        assert ">practising</span>" in page(browse, ada, path)
    assert ">practising</span>" not in page(browse, ada, "/people/mona/")
    assert "waits for you" in page(browse, ada, "/moderators/")
    client, key = browse(ada), f"moderator-{newt.pk}-why"
    client.post("/moderators/", {"do": "qualify", "moderator": "newt"})
    newt.refresh_from_db()
    assert newt.is_practising
    done = client.post(
        "/moderators/", {"do": "qualify", "moderator": "newt", key: "I know them."}, follow=True
    )
    assert "newt may moderate now." in done.content.decode()
    newt.refresh_from_db()
    assert newt.qualified_at
    assert AdminAction.objects.get().why == "I know them."
    assert "What is this?" in page(browse, newt)


def test_nobody_is_shown_the_answer_of_hidden_gold(
    browse: Browse, mona: Person, ada: Person
) -> None:
    for person in (mona, ada):
        assert "It is <b>" not in page(browse, person, "/moderate/?result")


def test_the_moderators_page_says_what_to_do_while_there_are_none(
    browse: Browse, ada: Person
) -> None:
    shown = page(browse, ada, "/moderators/")
    assert "No moderators yet" in shown
    assert "Give somebody the role" in shown
    assert "No figure yet" in shown


def test_alpha_is_told_with_its_interval_and_its_caveat(
    browse: Browse, ada: Person, alice: Person, mona: Person, insert: Insert
) -> None:
    max_ = Person.objects.create_user("max", role="moderator")
    for target, others in ((4, "4"), (5, "5"), (3, "8"), (2, "2")):
        attempt = insert(alice, target=target, predicted=9)
        when = attempt.submitted_at
        Attempt.objects.filter(pk=attempt.pk).update(first_read_at=when)
        for reader, answer in ((mona, str(target)), (max_, others)):
            attempt.readings.create(
                moderator=reader,
                leased_at=when,
                lease_expires_at=when,
                answer=answer,
                answered_at=when,
                is_correct=True,
            )
    shown = page(browse, ada, "/moderators/")
    assert "Krippendorff’s α, 95 % interval" in shown
    assert "<dd>0.72</dd>" in shown
    assert "8 readings of 4 drawings" in shown
    assert "Reading stops as soon as moderators agree" in shown
