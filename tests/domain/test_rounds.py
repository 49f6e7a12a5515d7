"""The figures that are told of rounds: pooled over the matrix, and tries per fool."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from collector.standings import round_figures
from collector.standings.leaderboards import AttemptCounts
from collector.standings.round_figures import RoundMatrix
from trainer.learning import report
from trainer.learning.report import Kind


@st.composite
def matrices(draw: st.DrawFn) -> RoundMatrix:
    """Up to eight rounds, some of which share a model, and any right answers on their sets."""
    models = dict(enumerate(draw(st.lists(st.integers(1, 5), min_size=1, max_size=8)), start=1))
    sizes = {
        report.TestSet(kind, number): draw(st.integers(0, 30)) for number in models for kind in Kind
    }
    correct = {
        model: {test: draw(st.integers(0, size)) for test, size in sizes.items()}
        for model in set(models.values())
    }
    return RoundMatrix(models, sizes, correct)


def emptied(matrix: RoundMatrix, tests: set[report.TestSet]) -> RoundMatrix:
    """The same where these sets hold nothing."""
    return replace(
        matrix,
        sizes={test: 0 if test in tests else size for test, size in matrix.sizes.items()},
        correct={
            model: {test: 0 if test in tests else count for test, count in counts.items()}
            for model, counts in matrix.correct.items()
        },
    )


@given(matrices())
def test_what_was_drawn_against_a_model_never_counts_in_its_pooled_figures(
    matrix: RoundMatrix,
) -> None:
    for number, model in matrix.models.items():
        own = {
            report.TestSet(kind, n)
            for n, other in matrix.models.items()
            if other == model
            for kind in Kind
        }
        without = emptied(matrix, own)
        assert without.earlier(number) == matrix.earlier(number)
        assert without.audited(number) == matrix.audited(number)


@given(matrices())
def test_earlier_fools_are_all_of_earlier_rounds_that_were_drawn_against_another_model(
    matrix: RoundMatrix,
) -> None:
    for number, model in matrix.models.items():
        pooled = [n for n, other in matrix.models.items() if n < number and other != model]
        assert matrix.earlier(number).of == sum(
            matrix.sizes[report.TestSet(Kind.FOOLS, n)] for n in pooled
        )
        later = {report.TestSet(Kind.FOOLS, n) for n in matrix.models if n >= number}
        assert emptied(matrix, later).earlier(number) == matrix.earlier(number)


@given(matrices())
def test_rounds_that_share_a_model_read_the_same_audited_drawings(
    matrix: RoundMatrix,
) -> None:
    figures = {(model, matrix.audited(number)) for number, model in matrix.models.items()}
    assert len(figures) == len(set(matrix.models.values()))


def test_a_model_that_was_not_measured_has_no_pooled_figure() -> None:
    fools, audited = (report.TestSet(kind, 1) for kind in Kind)
    matrix = RoundMatrix({1: 1, 2: 2}, {fools: 4, audited: 4}, {1: {fools: 0, audited: 4}})
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
