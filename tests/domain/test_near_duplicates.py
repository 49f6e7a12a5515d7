"""Near-copies of earlier fools are taken, marked, and earn nothing; junk is not taken."""

from typing import Any

import pytest

from collector.drawings import attempts, timeline
from collector.errors import Unprocessable
from collector.models import Attempt, Person
from collector.study import consistency
from tests.support.cast import a_line, read, submit
from trainer.learning import drawing

pytestmark = pytest.mark.usefixtures("many_due")


def nearly(drawn: drawing.Drawing, place: int = 9) -> drawing.Drawing:
    """With a speck more."""
    speck = {"x": [place, place + 3], "y": [9, 9], "t": [101, 102]}
    return drawing.parse([*drawn.as_json(), speck], drawn.width)


def test_a_near_copy_of_a_fool_is_verified_like_any_other_and_earns_nothing(
    alice: Person, mona: Person, mei: Person
) -> None:
    line = a_line()
    first, again = submit(alice, drawn=line), submit(mei, drawn=nearly(line))
    assert (first.near_duplicate_of, again.near_duplicate_of) == (None, first)
    read(mona, "4")
    read(mona, "4")
    for attempt, credit in ((first, 1.0), (again, 0.0)):
        attempt.refresh_from_db()
        assert (attempt.status, attempt.credit) == ("verified", credit)
    assert list(consistency.problems()) == []


@pytest.mark.parametrize(
    ("again_by", "told"), [("alice", "that you submitted"), ("mei", "that was submitted")]
)
def test_its_drawer_is_told_at_once(request: Any, alice: Person, again_by: str, told: str) -> None:
    line = a_line()
    submit(alice, drawn=line)
    again = submit(request.getfixturevalue(again_by), drawn=nearly(line))
    assert told in timeline.timeline(again)[1].text


def test_copies_do_not_use_up_the_full_credits_of_a_confusion(alice: Person, mona: Person) -> None:
    line = a_line()
    made = [
        submit(alice, drawn=line),
        submit(alice, drawn=nearly(line)),
        submit(alice),
        submit(alice),
    ]
    for _ in made:
        read(mona, "4")
    assert sorted(Attempt.objects.values_list("credit", flat=True)) == [0.0, 0.5, 1.0, 1.0]
    assert list(consistency.problems()) == []


def test_only_earlier_fools_of_the_same_digit_count_that_were_not_taken_back(
    alice: Person, mei: Person
) -> None:
    line = a_line()
    submit(alice, 7, line)
    taken_back = submit(alice, drawn=nearly(line))
    attempts.retract(alice, taken_back.pk)
    first = submit(mei, 5, nearly(line, 40))
    assert first.near_duplicate_of is None, "it was taken back, or did not fool"
    assert submit(mei, 4, nearly(line, 80)).near_duplicate_of is None, "that was another digit"
    assert submit(mei, 5, nearly(line, 120)).near_duplicate_of == first


@pytest.mark.parametrize(
    ("strokes", "code"),
    [
        ([{"x": [100, 110], "y": [100, 104], "t": [0, 9]}], "dot"),
        (
            [
                {"x": [x, x + 1], "y": [y, y], "t": [0, 0]}
                for x in range(5, 280, 45)
                for y in range(5, 280, 45)
            ],
            "noise",
        ),
    ],
)
def test_a_dot_and_specks_are_refused_with_a_sentence(
    alice: Person, strokes: list[dict[str, list[int]]], code: str
) -> None:
    with pytest.raises(Unprocessable) as refused:
        submit(alice, drawn=drawing.parse(strokes, 12))
    assert refused.value.code == code
    assert refused.value.message.endswith(".")
    assert not Attempt.objects.exists()
