"""How simulated people try to fool a model."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.simulation import penman, tactics
from trainer.simulation.tactics import MOST_TRIES, Fooler


def fooler(seed: int) -> Fooler:
    return Fooler(penman.writer(seed), np.random.default_rng(seed))


@given(st.integers(0, 1000), st.lists(st.booleans(), min_size=1, max_size=15))
def test_a_picture_is_tried_until_it_fools_or_was_tried_often_enough(
    seed: int, verdicts: list[bool]
) -> None:
    person, tries = fooler(seed), 0
    before: penman.Written | None = None
    for fooled in verdicts:
        written = person.draw()
        assert written.form.writer == person.hand
        if before is not None and tries:
            assert written.form.digit == before.form.digit
            assert (written.form.variant, written.form.attempt) == (
                before.form.variant,
                before.form.attempt,
            )
        elif before is not None:
            assert written.form.attempt != before.form.attempt
        person.learn(written, fooled)
        tries = 0 if fooled or tries + 1 == MOST_TRIES else tries + 1
        before = written


def test_a_picture_given_up_is_not_gone_on_from() -> None:
    person = fooler(3)
    written = person.draw()
    person.learn(written, False)
    person.give_up()
    assert person.draw().form.attempt != written.form.attempt


def test_later_tries_depart_further_from_the_first() -> None:
    def departure(written: penman.Written, first: penman.Written) -> float:
        bounds = {name: trait.high - trait.low for name, trait in penman.TRAITS.items()}
        one, other = (vars(picture.form.style) for picture in (written, first))
        return float(sum(abs(one[name] - other[name]) / bounds[name] for name in bounds))

    moved = np.zeros(MOST_TRIES)
    for seed in range(40):
        person = fooler(seed)
        first = person.draw()
        for number in range(MOST_TRIES):
            written = first if number == 0 else person.draw()
            moved[number] += departure(written, first)
            person.learn(written, False)
    assert (np.diff(moved) > 0).all()


def test_first_tries_are_of_every_digit_and_no_bolder_than_they_may_be() -> None:
    person = fooler(1)
    digits = []
    for _ in range(200):
        digits.append(person.draw().form.digit)
        person.give_up()
    assert set(digits) == set(range(10))
    assert tactics.BOLDEST_FIRST_TRY < 1
