"""What people ask the model about drawings that they do not submit: who may, and what an attempt's
record says of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from collector import tasks
from collector.drawings import asking
from collector.errors import Forbidden
from collector.models import AskedPrediction, Person, Reading, Study
from collector.moderation import queue, readings
from tests.support import changing
from tests.support.cast import a_line, submit
from trainer import target
from trainer.learning import drawing


def again(drawn: drawing.Drawing) -> drawing.Drawing:
    """A point or two elsewhere."""
    strokes = drawn.as_json()
    strokes[0]["x"][2] = min(279, strokes[0]["x"][2] + 3)
    return drawing.parse(strokes, drawn.width)


@pytest.mark.survives(
    "a prediction asked by the API before submitting",
    "the attempt's record says so",
)
def test_an_attempt_says_that_its_drawer_asked_for_it_or_nearly_it(
    alice: Person, mei: Person
) -> None:
    Study.objects.update(has_live_preview=False)
    line, other = a_line(1), a_line(2)
    for drawn in (line, other):
        asking.predict(drawn, alice, "")
    assert submit(alice, drawn=line).has_live_preview
    assert submit(alice, drawn=again(other)).has_live_preview
    assert not submit(alice, drawn=a_line(3)).has_live_preview
    asking.predict(a_line(4), None, "")
    assert not submit(mei, drawn=a_line(4)).has_live_preview, "nobody knows who a stranger is"
    Study.objects.update(has_live_preview=True)
    asking.predict(a_line(5), mei, "")
    assert submit(mei, drawn=a_line(6)).has_live_preview
    assert AskedPrediction.objects.filter(person=mei).count() == 0, "the page shows it anyway"


def test_what_was_asked_is_forgotten_after_a_day(alice: Person) -> None:
    line = a_line(1)
    asking.predict(line, alice, "")
    AskedPrediction.objects.update(asked_at=timezone.now() - timedelta(hours=25))
    assert not submit(alice, drawn=line).has_live_preview
    tasks.tidy()
    assert not AskedPrediction.objects.exists()


def test_no_more_is_kept_of_what_somebody_asks_than_is_compared_and_a_few(
    alice: Person, mei: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    Study.objects.update(has_live_preview=False)
    monkeypatch.setattr(asking, "MOST_COMPARED", 3)
    monkeypatch.setattr(asking, "FORGETS_EVERY", 2)
    asking.predict(a_line(1), mei, "")
    for place in range(9):
        asking.predict(a_line(place), alice, "")
    assert 3 <= AskedPrediction.objects.filter(person=alice).count() <= 4
    assert AskedPrediction.objects.filter(person=mei).count() == 1
    assert submit(alice, drawn=a_line(8)).has_live_preview, "the newest are there"


@pytest.mark.survives(
    "a moderator asks the model about what is before them, or about any drawing",
    "403 until it is read",
)
def test_who_has_a_drawing_to_read_is_told_nothing_of_any_drawing(
    alice: Person, mona: Person
) -> None:
    submit(alice)
    reading = queue.assign(mona)
    assert reading is not None
    for drawn in (drawn_of(reading), again(drawn_of(reading)), a_line()):
        with pytest.raises(Forbidden) as refused:
            asking.predict(drawn, mona, "")
        assert refused.value.code == "reading"
    Reading.objects.update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    with pytest.raises(Forbidden):
        asking.predict(a_line(), mona, "")
    Reading.objects.update(lease_expires_at=timezone.now() + timedelta(minutes=1))
    readings.read(mona, reading.pk, "4")
    assert asking.predict(a_line(), mona, "")[1].digit == 7
    assert asking.predict(a_line(), alice, "")[1].digit == 7


@pytest.mark.survives(
    "a moderator submits the drawing before them, or nearly it",
    "403 until it is read",
)
def test_who_has_a_drawing_to_read_cannot_submit_it_either_and_may_draw_others(
    alice: Person, mona: Person
) -> None:
    submit(alice, drawn=a_line(6))
    reading = queue.assign(mona)
    assert reading is not None
    with pytest.raises(Forbidden) as refused:
        submit(mona, drawn=again(drawn_of(reading)))
    assert refused.value.code == "reading"
    gone_over, width = changing.other_strokes(reading.drawing.strokes, 22)["gone over again"]
    with pytest.raises(Forbidden):
        submit(mona, drawn=drawing.parse([*gone_over, {"x": [9], "y": [9], "t": [9000]}], width))
    assert submit(mona, drawn=a_line(3)).pk
    readings.read(mona, reading.pk, "4")
    assert submit(mona, drawn=again(drawn_of(reading))).pk


def drawn_of(reading: Reading) -> drawing.Drawing:
    """What the moderator has before them, as a client could send it back."""
    return drawing.parse(reading.drawing.strokes, reading.drawing.width)


def test_of_whoever_leaves_as_they_ask_nothing_is_kept(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = target.current

    def meanwhile(*arm: str) -> Any:
        Person.objects.filter(pk=alice.pk).update(is_active=False)
        return find(*arm)

    monkeypatch.setattr(target, "current", meanwhile)
    with pytest.raises(Forbidden):
        asking.predict(a_line(1), alice, "")
    assert not AskedPrediction.objects.exists()
