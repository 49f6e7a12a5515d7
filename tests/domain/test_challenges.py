"""What is worth trying: confusions that nobody, or hardly anybody, has fooled the open round's
model with."""

from hypothesis import given
from hypothesis import strategies as st

from collector.drawings import challenges
from collector.models import Person, Study
from tests.support.cast import read, submit

digits = st.integers(0, 9)
pairs = st.tuples(digits, digits).filter(lambda pair: pair[0] != pair[1])
grids = st.lists(st.lists(st.integers(0, 50), min_size=10, max_size=10), min_size=10, max_size=10)


@given(st.dictionaries(pairs, st.integers(1, 5)), st.none() | grids)
def test_all_ninety_confusions_come_rarest_first_and_then_as_the_model_errs(
    fools: dict[tuple[int, int], int], confusion: list[list[int]] | None
) -> None:
    found = challenges.rarest(fools, confusion)
    assert len({(one.target, one.predicted) for one in found}) == 90
    ranks = [
        (one.fools, -confusion[one.target][one.predicted] if confusion else 0) for one in found
    ]
    assert ranks == sorted(ranks)
    assert all(one.fools == fools.get((one.target, one.predicted), 0) for one in found)


def test_what_was_fooled_in_this_round_is_no_challenge_while_others_are_untried(
    study: Study, alice: Person, mona: Person
) -> None:
    read(mona, "4", submit(alice, 4))
    found = {challenges.draw_challenge() for _ in range(50)}
    assert all(one.fools == 0 for one in found)
    assert (4, 7) not in {(one.target, one.predicted) for one in found}
