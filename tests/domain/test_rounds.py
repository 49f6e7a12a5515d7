"""The figures that are told of rounds: pooled over the matrix, and tries per fool."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.standings import round_figures
from collector.standings.leaderboards import AttemptCounts
from collector.standings.round_figures import RoundMatrix
from trainer.learning.report import Kind
from trainer.measurements import Counts


@st.composite
def matrices(draw: st.DrawFn) -> RoundMatrix:
    """Up to eight rounds, some of which share a model, and any right answers on their sets."""
    models = dict(enumerate(draw(st.lists(st.integers(1, 5), min_size=1, max_size=8)), start=1))
    sizes = {kind: [draw(st.integers(0, 30)) for _ in models] for kind in Kind}
    correct = {
        model: {kind: counts([draw(st.integers(0, n)) for n in sizes[kind]]) for kind in Kind}
        for model in set(models.values())
    }
    return RoundMatrix(list(models), {kind: counts(sizes[kind]) for kind in Kind}, models, correct)


def counts(numbers: list[int]) -> Counts:
    return np.array(numbers, np.uint32)


def emptied(matrix: RoundMatrix, rounds: set[int]) -> RoundMatrix:
    """The same where the sets of these rounds hold nothing."""
    stay = counts([number not in rounds for number in matrix.rounds])
    return replace(
        matrix,
        sizes={kind: sizes * stay for kind, sizes in matrix.sizes.items()},
        correct={
            model: {kind: correct * stay for kind, correct in by_kind.items()}
            for model, by_kind in matrix.correct.items()
        },
    )


@given(matrices())
def test_what_was_drawn_against_a_model_never_counts_in_its_pooled_figures(
    matrix: RoundMatrix,
) -> None:
    for number, model in matrix.models.items():
        without = emptied(matrix, {n for n, other in matrix.models.items() if other == model})
        assert without.earlier(number) == matrix.earlier(number)
        assert without.audited(number) == matrix.audited(number)


@given(matrices())
def test_earlier_fools_are_all_of_earlier_rounds_that_were_drawn_against_another_model(
    matrix: RoundMatrix,
) -> None:
    for number, model in matrix.models.items():
        pooled = [n for n, other in matrix.models.items() if n < number and other != model]
        assert matrix.earlier(number).of == sum(matrix.size(n) for n in pooled)
        later = {n for n in matrix.models if n >= number}
        assert emptied(matrix, later).earlier(number) == matrix.earlier(number)


@given(matrices())
def test_rounds_that_share_a_model_read_the_same_audited_drawings(
    matrix: RoundMatrix,
) -> None:
    figures = {(model, matrix.audited(number)) for number, model in matrix.models.items()}
    assert len(figures) == len(set(matrix.models.values()))


def test_a_model_that_was_not_measured_has_no_pooled_figure() -> None:
    sizes = {kind: counts([4]) for kind in Kind}
    read = {Kind.FOOLS: counts([0]), Kind.AUDITED: counts([4])}
    matrix = RoundMatrix([1], sizes, {1: 1, 2: 2}, {1: read})
    assert matrix.earlier(2) == matrix.audited(2) == round_figures.Figure()
    assert matrix.measured == [1]


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_tries_per_fool_are_drawings_for_each_verified_fool(
    verified: int, pending: int, others: int
) -> None:
    tally = AttemptCounts(
        attempt_count=verified + pending + others,
        fooled_count=verified + pending,
        pending_count=pending,
        verified_count=verified,
    )
    tries = tally.tries_per_fool
    if tries is None:
        assert verified == 0
    else:
        assert tries >= 1
        assert round(tries * verified) == tally.attempt_count
