"""The figures that are told of rounds: pooled over the matrix, and tries per fool."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from collector.standings import round_figures
from collector.standings.leaderboards import AttemptCounts


@st.composite
def matrices(draw: st.DrawFn) -> round_figures.Measured:
    """Up to eight rounds, some of which share a model, and any right answers on their sets."""
    models = dict(enumerate(draw(st.lists(st.integers(1, 5), min_size=1, max_size=8)), start=1))
    sizes = {
        f"{kind}_{number}": draw(st.integers(0, 30))
        for number in models
        for kind in ("fools", "audited")
    }
    right = {
        model: {name: draw(st.integers(0, size)) for name, size in sizes.items()}
        for model in set(models.values())
    }
    return round_figures.Measured(models, sizes, right)


def emptied(measured: round_figures.Measured, names: set[str]) -> round_figures.Measured:
    """The same where these sets hold nothing."""
    return replace(
        measured,
        sizes={name: 0 if name in names else size for name, size in measured.sizes.items()},
        right={
            model: {name: 0 if name in names else count for name, count in counts.items()}
            for model, counts in measured.right.items()
        },
    )


@given(matrices())
def test_what_was_drawn_against_a_model_never_counts_in_its_pooled_figures(
    measured: round_figures.Measured,
) -> None:
    for number, model in measured.models.items():
        own = {
            f"{kind}_{n}"
            for n, other in measured.models.items()
            if other == model
            for kind in ("fools", "audited")
        }
        without = emptied(measured, own)
        assert without.earlier(number) == measured.earlier(number)
        assert without.audited(number) == measured.audited(number)


@given(matrices())
def test_earlier_fools_are_all_of_earlier_rounds_that_were_drawn_against_another_model(
    measured: round_figures.Measured,
) -> None:
    for number, model in measured.models.items():
        pooled = [n for n, other in measured.models.items() if n < number and other != model]
        assert measured.earlier(number).of == sum(measured.sizes[f"fools_{n}"] for n in pooled)
        later = {f"fools_{n}" for n in measured.models if n >= number}
        assert emptied(measured, later).earlier(number) == measured.earlier(number)


@given(matrices())
def test_rounds_that_share_a_model_read_the_same_audited_drawings(
    measured: round_figures.Measured,
) -> None:
    figures = {(model, measured.audited(number)) for number, model in measured.models.items()}
    assert len(figures) == len(set(measured.models.values()))


def test_a_model_that_was_not_measured_has_no_pooled_figure() -> None:
    measured = round_figures.Measured(
        {1: 1, 2: 2}, {"fools_1": 4, "audited_1": 4}, {1: {"fools_1": 0, "audited_1": 4}}
    )
    assert measured.earlier(2) == measured.audited(2) == round_figures.Figure()
    assert measured.lines == [1]


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
        assert tries >= 1 and round(tries * verified) == tally.attempt_count
