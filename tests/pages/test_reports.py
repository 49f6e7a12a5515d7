"""What a model learned and forgot, as the rounds pages tell it; and rolling back from the desk."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from collector.models import Attempt, Person
from collector.standings import round_figures
from collector.standings.leaderboards import AttemptCounts
from collector.standings.round_figures import RoundFigures
from tests.support.history import add_rounds
from tests.support.models import add_model
from tests.support.pages import Browse, Insert, text
from trainer import words
from trainer.models import Round


@pytest.fixture
def forgotten(insert: Insert, alice: Person) -> Attempt:
    return insert(alice, 8, 3)


@pytest.fixture
def round_two(open_round: Round, forgotten: Attempt) -> Round:
    """Its model gained five of twenty that fooled round 1, and lost one."""
    now = timezone.now()
    base = open_round.model
    fools = {
        "n": 20,
        "correct": 5,
        "accuracy": 0.25,
        "low": 0.112,
        "high": 0.469,
        "stand_in": False,
    }
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
    model = add_model(3, report=report)
    Round.objects.filter(number=1).update(state="closed", closed_at=now)
    return Round.objects.create(number=2, model=model, opened_at=now)


@pytest.fixture
def rolled_back(open_round: Round) -> list[Round]:
    """Four rounds: round 3 has round 1's model again, and round 4's model was judged on the first
    three."""
    now = timezone.now()
    first = open_round.model
    sizes = {
        "fools_1": 10,
        "fools_2": 20,
        "fools_3": 5,
        "audited_1": 8,
        "audited_2": 0,
        "audited_3": 4,
    }
    right = {
        1: (0, 6, 0, 8, 0, 4),
        2: (7, 0, 3, 6, 0, 3),
        3: (0, 6, 0, 8, 0, 4),
        None: (9, 15, 4, 7, 0, 4),
    }
    matrix = [
        {"round": line, "correct": dict(zip(sizes, counts, strict=True))}
        for line, counts in right.items()
    ]
    sets = {**first.report["sets"], **{name: {"n": n} for name, n in sizes.items()}}  # type: ignore[index]
    reports: list[dict[str, Any]] = [{"sets": {}}, {"sets": sets, "matrix": matrix}]
    Round.objects.filter(number=1).update(state="closed", closed_at=now)
    for number, model in ((2, add_model(2, report=reports[0])), (3, first)):
        Round.objects.create(
            number=number, model=model, opened_at=now, state="closed", closed_at=now
        )
    Round.objects.create(number=4, model=add_model(4, report=reports[1]), opened_at=now)
    return list(Round.objects.order_by("number"))


def figures(answer: Any, table: int, number: int) -> list[str]:
    """The cells of a round's line in one of the page's tables, as text."""
    body = re.findall(r"<tbody>(.*?)</tbody>", answer.content.decode(), re.DOTALL)[table]
    lines = [cells(line) for line in body.split("</tr>")]
    return next(line for line in lines if line and re.match(rf"Round {number}\b", line[0]))


def cells(line: str) -> list[str]:
    """The cells of a line of a table, as text."""
    found = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in found]


FOOLING, READING, MATRIX = range(3)


def test_the_rounds_page_shows_every_model_on_what_fooled_each(
    browse: Browse, rolled_back: list[Round]
) -> None:
    page = browse(None).get("/rounds/")
    assert "drawings 10 20 5" in text(page)
    assert "when round 4’s model was judged" in text(page)
    assert figures(page, MATRIX, 1) == ["Round 1", "0 its target", "30", "0 its target"]
    assert figures(page, MATRIX, 2) == ["Round 2", "70", "0 its target", "60"]
    assert figures(page, MATRIX, 3) == ["Round 3 = 1", "0 its target", "30", "0 its target"]
    assert figures(page, MATRIX, 4) == ["Round 4", "90", "75", "80"]


def test_a_cell_of_the_matrix_is_shaded_by_its_share(
    browse: Browse, rolled_back: list[Round]
) -> None:
    page = browse(None).get("/rounds/").content.decode()
    shades = {
        share: int(step)
        for step, share in re.findall(r'<td data-step="(.)"(?: data-own)?>\s*(\d+)', page)
    }
    assert shades == {"0": 0, "30": 1, "60": 3, "70": 3, "75": 3, "80": 4, "90": 5}


def test_each_model_is_told_on_what_fooled_earlier_ones_without_what_was_drawn_against_itself(
    browse: Browse, rolled_back: list[Round]
) -> None:
    page = browse(None).get("/rounds/")
    earlier, audited = (
        [figures(page, READING, number)[column] for number in (1, 2, 3, 4)] for column in (3, 4)
    )
    assert earlier == [
        "– no earlier round",
        "70.0 % (39.7–89.2) 7 of 10",
        "30.0 % (14.5–51.9) 6 of 20",
        "80.0 % (64.1–90.0) 28 of 35",
    ]
    assert audited == [
        "– nothing measured yet",
        "75.0 % (46.8–91.1) 9 of 12",
        "– nothing measured yet",
        "91.7 % (64.6–98.5) 11 of 12",
    ]


def test_fooling_is_told_with_its_intervals_and_what_it_is_of(
    browse: Browse, insert: Insert, alice: Person
) -> None:
    for status, times in (("verified", 3), ("pending", 1), ("rejected", 1)):
        for _ in range(times):
            insert(alice, status=status)
    for _ in range(7):
        insert(alice, 3, 3, "not_fooled")
    vmer, mer, tries, drawings = figures(browse(None).get("/rounds/"), FOOLING, 1)[1:5]
    assert vmer == "27.3 % (9.7–56.6) 3 of 11 decided"
    assert mer == "41.7 % (19.3–68.0) 5 of 12"
    assert tries == "4.0 (1.9–11.2) 12 drawings, 3 tricks"
    assert drawings == "12 1 waiting"


def test_before_the_first_verified_trick_the_rounds_page_has_no_chart_and_asks_for_a_drawing(
    browse: Browse, insert: Insert, alice: Person
) -> None:
    insert(alice, 4, 4, "not_fooled", credit=0.0)
    answer = browse(None).get("/rounds/")
    assert "No verified trick yet" in text(answer)
    assert "Too early" not in text(answer)
    assert 'id="tries-chart"' not in answer.content.decode()
    insert(alice)
    answer = browse(None).get("/rounds/")
    assert "Too early to say how hard the models are to trick" in text(answer)
    assert 'id="tries-chart"' in answer.content.decode()


def test_the_rounds_page_begins_with_how_many_drawings_a_trick_took_at_first_and_lately(
    browse: Browse, open_round: Round
) -> None:
    add_rounds(20)
    page = text(browse(None).get("/rounds/"))
    # Of round 20 three tricks wait, and each may count yet.
    begins = "It took 3.3 drawings to trick round 1’s model, and 4.7 to trick round 19’s."
    assert f"{begins} The difference may be chance." in page
    assert "Round 1: 3.3 (2.3–4.9), 62 drawings, 19 tricks." in page
    assert "Round 19: 4.7 (3.3–6.9), 98 drawings, 21 tricks." in page


@pytest.mark.parametrize(
    ("rounds", "compared"),
    [
        ([(40, 9, 0)], None),
        ([(40, 10, 1)], (1, 1, False)),
        ([(40, 10, 2)], None),
        ([(40, 10, 0), (180, 10, 0), (50, 9, 0)], (1, 2, True)),
        ([(40, 10, 0), (60, 10, 0)], (1, 2, False)),
        ([(90, 9, 0), (180, 20, 0), (30, 20, 0), (900, 30, 4)], (2, 3, True)),
    ],
)
def test_what_is_told_in_a_sentence_is_of_enough_tricks_and_hardly_any_that_wait(
    rounds: list[tuple[int, int, int]], compared: tuple[int, int, bool] | None
) -> None:
    told = [
        RoundFigures(
            number=number,
            state="closed",
            opened_at=timezone.now(),
            first=number,
            pending=pending,
            figures=round_figures.fooling(AttemptCounts(drawn, verified, pending, verified)),
        )
        for number, (drawn, verified, pending) in enumerate(rounds, start=1)
    ]
    found = round_figures.hardening(told)
    assert compared == (found and (found.first.number, found.newest.number, found.is_sure))


def test_a_rounds_page_counts_digit_by_digit(browse: Browse, insert: Insert, alice: Person) -> None:
    insert(alice)
    insert(alice, status="pending")
    insert(alice, 4, 4, "not_fooled")
    insert(alice, 8, 3, "rejected")
    page = browse(None).get("/rounds/1/")
    assert "vMER: verified tricks, 1 of 3 decided" in text(page)
    body = re.findall(r"<tbody>(.*?)</tbody>", page.content.decode(), re.DOTALL)[0]
    lines = [cells(line) for line in body.split("</tr>")]
    read = "99.0 % 99 of 100"
    assert lines[4] == ["4", "3", "2", "1 1 waiting", "50 % 1 of 2 decided", read]
    assert lines[8] == ["8", "1", "1", "0", "0 % 0 of 1 decided", read]
    assert lines[0] == ["0", "0", "0", "0", "–", read]


def test_before_the_first_drawing_every_figure_says_that_there_is_none(
    browse: Browse, open_round: Round
) -> None:
    page = browse(None).get("/rounds/")
    assert figures(page, FOOLING, 1)[1:4] == [
        "– none decided yet",
        "– no drawings yet",
        "– no verified trick yet",
    ]
    assert "Nothing to show yet" in text(page)
    drawn = re.findall(r'<canvas id="([^"]+)"', page.content.decode())
    assert drawn == ["ordinary-chart"]


def test_a_drawing_that_fooled_nobody_gives_no_tries_per_fool(
    browse: Browse, insert: Insert, alice: Person
) -> None:
    insert(alice, 3, 3, "not_fooled")
    page = browse(None).get("/rounds/")
    assert figures(page, FOOLING, 1)[1:4] == [
        "0.0 % (0.0–79.3) 0 of 1 decided",
        "0.0 % (0.0–79.3) 0 of 1",
        "– no verified trick yet",
    ]


@pytest.mark.parametrize("last", [2, 12])
def test_the_rounds_page_asks_ten_times_however_many_rounds_there_are_and_loads_no_whole_report(
    last: int, browse: Browse
) -> None:
    add_rounds(last)
    with CaptureQueriesContext(connection) as queries:
        page = browse(None).get("/rounds/")
    assert f"Round {last}" in text(page)
    asked = [query["sql"] for query in queries]
    assert len(asked) == 10, asked
    assert not [
        sql for sql in asked if re.search(r'(SELECT|,) "trainer_roundmodel"\."report"[ ,]', sql)
    ]


def test_a_long_history_is_shown_whole(browse: Browse, open_round: Round) -> None:
    add_rounds(22)
    page = browse(None).get("/rounds/")
    assert [figures(page, table, 22)[0] for table in (FOOLING, READING, MATRIX)] == [
        "Round 22 open",
        "Round 22 open",
        "Round 22",
    ]
    assert len(figures(page, MATRIX, 1)) == 22
    # Nothing of round 4 was kept to measure.
    assert figures(page, MATRIX, 22)[4] == figures(page, MATRIX, 4)[4] == "–"


@given(st.integers(0, 2000), st.integers(0, 2000))
@example(1, 999)
@example(999, 1)
def test_a_whole_percentage_never_says_none_or_all_where_that_is_not_so(
    some: int, others: int
) -> None:
    told = words.whole_percent(some, some + others)
    assert (told == "–") == (some + others == 0)
    assert (told == "0") == (some == 0 < others)
    assert (told == "100") == (others == 0 < some)
    assert told == "–" or abs(int(told) - 100 * some / (some + others)) < 1


def test_a_rounds_page_tells_what_its_model_gained_lost_and_forgot(
    browse: Browse, round_two: Round, forgotten: Attempt
) -> None:
    page = text(browse(None).get("/rounds/2/"))
    assert "What fooled round 1 25.0 % (11.2–46.9) 20 images 5 1 0.22" in page
    assert "Audited drawings of round 1 – not measured here – – –" in page
    assert "What it forgot" in page
    assert "An 8, taken for 3" in page
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
