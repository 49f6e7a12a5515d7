"""What a model learned and forgot, as the rounds pages tell it; and rolling back from the desk."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from collector.models import Attempt, Person
from tests.pages.conftest import Draw
from trainer.models import Round, RoundModel

Browse = Callable[[Person | None], Client]


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


@pytest.fixture
def forgotten(draw: Draw, alice: Person) -> Attempt:
    return draw(alice, 8, 3)


@pytest.fixture
def round_two(open_round: Round, forgotten: Attempt) -> Round:
    """Its model gained five of twenty that fooled round 1, and lost one."""
    now = timezone.now()
    base = open_round.model
    fools = {"n": 20, "correct": 5, "accuracy": 0.25, "low": 0.112, "high": 0.469, "stand_in": False}
    none = {"n": 0, "correct": 0, "accuracy": None, "low": None, "high": None, "stand_in": False}
    report = {
        "sets": {**base.report["sets"], "fools_1": fools, "audited_1": none},  # type: ignore[index]
        "against_target": {
            "round": 1,
            "sets": {
                "fools_1": {"n": 20, "gained": 5, "lost": 1, "p": 0.21875},
                "audited_1": {"n": 0, "gained": 0, "lost": 0, "p": 1.0},
            },
        },
        "forgot": [str(forgotten.pk)],
        "matrix": [
            {"round": 1, "correct": {"fools_1": 0, "audited_1": 0}},
            {"round": None, "correct": {"fools_1": 5, "audited_1": 0}},
        ],
    }
    model = RoundModel.objects.create(net="mnist_model", state="promoted", base=base, report=report, finished=now)
    Round.objects.filter(number=1).update(state="closed", closed=now)
    return Round.objects.create(number=2, model=model, opened=now)


def test_the_rounds_page_shows_every_model_on_what_fooled_each(browse: Browse, round_two: Round) -> None:
    page = text(browse(None).get("/rounds/"))
    assert "fooled round 1 20 drawings" in page
    assert "Round 1 0 % its target" in page
    assert "Round 2 25 %" in page


def test_without_test_samples_there_is_no_matrix(browse: Browse, open_round: Round) -> None:
    assert "What each model reads" not in text(browse(None).get("/rounds/"))


def test_a_rounds_page_tells_what_its_model_gained_lost_and_forgot(
    browse: Browse, round_two: Round, forgotten: Attempt
) -> None:
    page = text(browse(None).get("/rounds/2/"))
    assert "What fooled round 1 25.0 % (11.2–46.9) 20 images 5 1 0.22" in page
    assert "Audited drawings of round 1 – not measured here 0 0 –" in page
    assert "What it forgot" in page and "An 8, taken for 3" in page
    assert "What it forgot" not in text(browse(None).get("/rounds/1/"))


def test_an_admin_rolls_back_with_a_reason_that_everybody_can_read(
    browse: Browse, round_two: Round, ada: Person
) -> None:
    client = browse(ada)
    given = {"do": "roll_back", "roll_back-number": "1"}
    assert "This field is required" in text(client.post("/desk/", given))
    assert Round.objects.count() == 2
    client.post("/desk/", given | {"roll_back-why": "It forgot the sevens."})
    opened = Round.objects.get(number=3)
    assert (opened.state, opened.model_id) == ("open", Round.objects.get(number=1).model_id)
    assert "Opened by ada: It forgot the sevens." in text(browse(None).get("/rounds/3/"))


def test_nobody_rolls_back_to_the_open_round(browse: Browse, round_two: Round, ada: Person) -> None:
    browse(ada).post("/desk/", {"do": "roll_back", "roll_back-number": "2", "roll_back-why": "?"})
    assert Round.objects.count() == 2
