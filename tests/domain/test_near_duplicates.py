"""Near-copies of earlier fools are taken, marked, and count for nothing; junk is not taken."""

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from collector.drawings import attempts, near_duplicates, timeline
from collector.errors import Unprocessable
from collector.models import Attempt, Person, Study
from collector.people import closing
from collector.standings import leaderboards, progress, round_figures, today
from collector.study import consistency
from tests.support import changing, penmanship
from tests.support.cast import a_line, read, submit
from trainer import samples, target
from trainer.learning import drawing
from trainer.models import Round, RoundModel, Sample

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


def turned(drawn: drawing.Drawing, degrees: float) -> drawing.Drawing:
    """Smaller too, so that the canvas cuts nothing off."""
    smaller = changing.mapped(drawn.as_json(), [[0.7, 0], [0, 0.7]])
    return drawing.parse(changing.turned(smaller, degrees), drawn.width)


@pytest.mark.survives(
    "one fool moved, turned or stretched and sent again",
    "marked, and in no count, sample, due, standing or vMER",
)
def test_one_drawing_turned_again_and_again_counts_once_everywhere(
    alice: Person, mona: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    Study.objects.update(round_size=2)
    line = a_line()
    made = [submit(alice, drawn=turned(line, degrees)) for degrees in (0, 4, -6, 8)]
    for _ in made:
        read(mona, "4")
    assert [attempt.near_duplicate_of is None for attempt in made] == [True, False, False, False]
    assert Sample.objects.count() == samples.due().count() == 1
    assert not RoundModel.objects.filter(state="training").exists()
    [counts] = leaderboards.counts_by_round([made[0].round_id]).values()
    assert (counts.attempt_count, counts.fooled_count, counts.copy_count) == (1, 1, 3)
    assert counts.vmer == counts.mer == 1
    [standing] = leaderboards.standings()
    assert (standing.credit, standing.verified_count, standing.attempt_count) == (1, 1, 1)
    assert progress.facts_about(alice).fool_count == 1
    assert round_figures.fooled_today("dynamic") == 1
    monkeypatch.setattr(today, "today", made[0].submitted_at.date)
    assert today.of_person(alice, made[0].submitted_at) == today.Day(
        leaderboards.AttemptCounts(1, fooled_count=1, verified_count=1), confirmed_count=1
    )
    assert list(consistency.problems()) == []


def test_the_same_ink_by_other_strokes_is_a_near_copy_by_anybody(
    alice: Person, mei: Person
) -> None:
    strokes = next(strokes for label, strokes in penmanship.drawings(5, 20) if label == 3)
    label = 5  # the model of the tests says 7
    assert submit(alice, label, drawing.parse(strokes)).is_original
    ways = changing.other_strokes(strokes, 22).values()
    for drawer, changed in zip((alice, mei) * 2, ways, strict=True):
        assert not submit(drawer, label, drawing.parse(*changed)).is_original


@pytest.mark.survives(
    "a copy that happens not to fool",
    "no try either",
)
def test_a_copy_of_a_fool_that_does_not_fool_is_no_try_either(alice: Person) -> None:
    line = a_line()
    submit(alice, 7, turned(line, 3))
    first = submit(alice, 4, turned(line, 0))
    Attempt.objects.filter(pk=first.pk).update(target_label=7, predicted_label=4)
    assert submit(alice, 7, turned(line, 6)).near_duplicate_of == first
    assert leaderboards.counts_of([alice])[alice.pk].attempt_count == 2


@pytest.mark.survives(
    "the very same pixels after any number of newer fools",
    "marked",
)
def test_the_very_same_pixels_are_found_however_many_fools_came_since(
    alice: Person, mei: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "OF_ANYBODY", 1)
    monkeypatch.setattr(near_duplicates, "OF_THE_DRAWER", 2)
    line, other = a_line(), a_line()
    first, second = submit(alice, drawn=line), submit(alice, drawn=other)
    submit(mei)
    assert submit(mei, drawn=nearly(line)).near_duplicate_of is None, "past the bound of anybody's"
    assert submit(alice, drawn=nearly(other)).near_duplicate_of == second, "their own, within its"
    next_round()
    assert submit(mei, drawn=line).near_duplicate_of == first


def next_round() -> None:
    """The open round closes, and its model is asked in the next one too."""
    opened = Round.objects.get(state="open")
    now = timezone.now()
    Round.objects.filter(pk=opened.pk).update(state="closed", closed_at=now)
    Round.objects.create(number=opened.number + 1, model=opened.model, opened_at=now)
    target.forget()


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


@pytest.mark.parametrize("way", ["speck", "gone over again", "side by side", "zigzag", "dots"])
def test_whoever_removes_theirs_as_they_are_compared_stops_nobody(
    alice: Person, mei: Person, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    strokes = next(strokes for label, strokes in penmanship.drawings(5, 20) if label == 3)
    first = submit(alice, 5, drawing.parse(strokes))
    ways = {
        "speck": (changing.with_a_speck(strokes), 22),
        **changing.other_strokes(strokes, 22),
    }
    find = near_duplicates._most_alike

    def meanwhile(*asked: Any) -> Any:
        found = find(*asked)
        closing._remove_drawings(alice)
        return found

    monkeypatch.setattr(near_duplicates, "_most_alike", meanwhile)
    with transaction.atomic():
        assert submit(mei, 5, drawing.parse(*ways[way])).near_duplicate_of is None
    first.refresh_from_db()
    assert first.removed_at is not None
