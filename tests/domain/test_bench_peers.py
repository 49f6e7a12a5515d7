"""What `make bench-peers` makes of wrk's words, and which drawings it sends."""

import json
import re
from itertools import cycle, islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from scripts.peers import drawings, figures
from scripts.peers.drawings import Bodies
from scripts.peers.figures import Ratio, Run, Runs, Unusable
from tests.support import penmanship
from trainer.learning import drawing

SAID = """Running 5s test @ http://127.0.0.1:8000/api/predictions/
  1 threads and 8 connections
Requests/sec:    144.00
load: p95 90.25
load: seconds 5.0
load: answered 720
load: p50 41.5
load: refused 0
load: broken 0
load: taken 729
load: ran_out 0
"""


def test_what_wrk_said_is_read() -> None:
    assert Run.read(SAID) == Run(144.0, 41.5, 90.25, answered=720, taken=729)


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("refused 0\n", "refused 3\nload: complaint 409 a copy\n", "3 answers .* 409 a copy"),
        ("broken 0", "broken 2", "2 connections"),
        ("ran_out 0", "ran_out 1", "not enough drawings"),
        ("answered 720", "answered 0", "Nothing was answered"),
        (SAID, "unable to connect to 127.0.0.1:8000", "unable to connect"),
    ],
)
def test_a_run_that_says_nothing_is_refused_with_the_reason(was: str, now: str, why: str) -> None:
    said = SAID.replace(was, now)
    with pytest.raises(Unusable, match=why):
        Run.read(said)


@given(st.lists(st.tuples(st.floats(0.1, 1e4), st.floats(0.1, 1e4)), min_size=1))
def test_a_ratio_is_of_neighbours_and_lies_within_its_spread(
    pairs: list[tuple[float, float]],
) -> None:
    ours, theirs = zip(*pairs, strict=True)
    ratio = Ratio.of(ours, theirs)
    assert ratio.least <= ratio.middle <= ratio.most
    assert ratio.least == min(one / other for one, other in pairs)


def test_a_machine_that_slows_down_for_both_leaves_the_ratio() -> None:
    assert str(Ratio.of([300, 30, 150], [100, 10, 50])) == "3.00 (3.00–3.00)"


def test_the_tables_have_a_row_for_everything_measured() -> None:
    names = [*figures.PAIRS, *figures.PAIRS.values(), *figures.FLOOR]
    found: Runs = {
        (name, clients): [Run(2.0 * clients, 10, 20, 99, 99), Run(4.0 * clients, 30, 40, 99, 99)]
        for name in names
        for clients in figures.CLIENTS
    }
    beside = figures.beside_gradio(found).splitlines()
    assert len(beside) == 2 + len(figures.PAIRS) * len(figures.CLIENTS)
    assert (
        "| attempts | 8 | 24 | 20.0, 30.0 ms | 24 | 20.0, 30.0 ms | 1.00 (1.00–1.00) |" in beside[6]
    )
    alone = {what: [1000.0, 2000.0, 4000.0] for what in figures.ALONE}
    above = figures.above_the_floor(found, alone).splitlines()
    assert len(above) == 2 + len(figures.FLOOR) * len(figures.CLIENTS) + len(figures.ALONE)
    assert above[-1].endswith("| — | 2,000 | 0.50 ms | |")
    for table in (beside, above):
        assert len({len(re.findall(r"\|", line)) for line in table}) == 1


def test_a_table_takes_the_place_of_that_databases_last_one() -> None:
    text = "".join(
        f"before\n<!-- bench-peers, {kind}: begin -->\nold\n<!-- bench-peers, {kind}: end -->\n"
        for kind in ("sqlite", "postgres")
    )
    new = figures.with_table(text, "postgres", "new")
    assert new == text[: len(text) // 2] + text[len(text) // 2 :].replace("old", "new")
    with pytest.raises(ValueError, match="has no"):
        figures.with_table("without", "sqlite", "new")


def test_the_guide_has_a_place_for_each_database() -> None:
    guide = (Path(__file__).parents[2] / "docs/performance.md").read_text()
    for kind in ("sqlite", "postgres"):
        assert "\nnew\n" in figures.with_table(guide, kind, "new")


def test_no_two_drawings_are_the_same_and_all_are_drawings() -> None:
    drawn = list(islice(drawings.unseen(1), 1500))
    pictures = set()
    for one in drawn:
        drawing.parse(one.strokes, one.width)
        pictures.add(json.dumps([one.strokes, one.width]))
    assert len(pictures) == len(drawn)


@given(st.integers(0, 1000))
def test_a_bent_drawing_stays_on_the_canvas_with_all_its_points(seed: int) -> None:
    rng = default_rng(seed)
    [(_, strokes)] = penmanship.drawings(seed % 10, 1)
    bent = drawings.bent(strokes, rng)
    drawing.parse(bent, drawing.DEFAULT_WIDTH)
    assert [stroke["t"] for stroke in bent] == [stroke["t"] for stroke in strokes]


def test_a_body_is_sent_once_where_it_would_be_a_copy(tmp_path: Path) -> None:
    def bodies(*, is_new_each_run: bool) -> Bodies:
        file = tmp_path / str(is_new_each_run)
        drawn = drawings.unseen(1)
        return Bodies(file, drawn, drawings.for_attempt, cycle(["token"]), is_new_each_run)

    new, again = bodies(is_new_each_run=True), bodies(is_new_each_run=False)
    for each in (new, again):
        assert each.prepare(10) == 0
        each.take(4)
    assert (new.prepare(10), again.prepare(10)) == (4, 0)
    lines = new.file.read_text().splitlines()
    assert len(lines) == len(set(lines)) == 14
    assert len(again.file.read_text().splitlines()) == 10
    assert json.loads(lines[0].removeprefix("token\t")).keys() == {
        "target_label",
        "strokes",
        "width",
    }


def test_gradio_is_sent_a_picture_and_to_flag_its_label() -> None:
    one = next(drawings.unseen(1))
    [picture, label] = json.loads(drawings.for_gradio_to_flag(one))["data"]
    assert picture["url"].startswith("data:image/png;base64,")
    assert label == str(one.label)
    assert json.loads(drawings.for_gradio(one))["data"] == [picture]
