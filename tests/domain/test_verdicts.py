"""The pure rules of moderation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.rules.verdicts import (
    AMBIGUOUS,
    ANSWERS,
    JUNK,
    Outcome,
    credit,
    outcome,
    readings_needed,
    settle,
)

digits = st.integers(0, 9)
quorums = st.integers(1, 5)
answers = st.sampled_from(ANSWERS)


@pytest.mark.parametrize(
    ("readings", "quorum", "expected"),
    [
        ([], 1, None),
        (["4"], 1, Outcome("verified", 4)),
        (["9"], 1, None),
        (["9", "9"], 1, Outcome("corrected", 9)),
        (["9", "4"], 1, None),
        (["9", "4", "4"], 1, Outcome("verified", 4)),
        (["9", "4", "9"], 1, Outcome("corrected", 9)),
        (["9", "4", "3"], 1, None),
        ([JUNK, JUNK], 1, Outcome("rejected", None)),
        ([JUNK, "4", JUNK], 1, Outcome("rejected", None)),
        ([AMBIGUOUS, AMBIGUOUS], 1, Outcome("ambiguous", None)),
        (["4"], 2, None),
        (["4", "4"], 2, Outcome("verified", 4)),
        (["4", "9", "4", "4"], 2, None),
        (["4", "9", "4", "4", "4"], 2, Outcome("verified", 4)),
        (["9", "9", "9"], 2, None),
        (["9", "9", "9", "9"], 2, Outcome("corrected", 9)),
        (["4", "4", "4"], 3, Outcome("verified", 4)),
        (["4", "9", "9", "9", "9", "9", "9"], 3, Outcome("corrected", 9)),
        (
            ["4", "4", "9", "9", "9", "9", "9", "9"],
            3,
            None,
        ),  # the eighth reading is one too many to count
    ],
)
def test_readings_settle_a_fool_drawn_as_a_four(
    readings: list[str], quorum: int, expected: Outcome | None
) -> None:
    assert settle(4, True, readings, quorum) == expected


@pytest.mark.parametrize(
    ("readings", "quorum", "expected"),
    [
        ([], 1, 1),
        ([], 3, 3),
        (["4"], 3, 2),
        (["4", "4"], 3, 1),
        (["9"], 1, 1),
        (["9", "4"], 1, 1),
        (["9", "4", "3"], 1, 0),
        (["4", "9"], 2, 3),
        (["9"], 2, 3),
        (["9", "9", "9"], 2, 1),
        (["1", "2"], 2, 3),
        (["1", "2", "3"], 2, 0),
        (["9", "9", "1", "1"], 2, 0),
    ],
)
def test_so_many_more_readings_are_wanted_of_a_four(
    readings: list[str], quorum: int, expected: int
) -> None:
    assert readings_needed(4, readings, quorum) == expected


@given(digits, quorums)
def test_a_unanimous_quorum_on_the_target_verifies_a_fool_and_confirms_the_rest(
    target: int, quorum: int
) -> None:
    readings = [str(target)] * quorum
    assert settle(target, True, readings, quorum) == Outcome("verified", target)
    assert settle(target, False, readings, quorum) == Outcome("not_fooled", target)


@given(digits, st.booleans(), st.lists(answers, max_size=11), quorums)
def test_an_attempt_settles_only_with_enough_agreeing_readings(
    target: int, fooled: bool, readings: list[str], quorum: int
) -> None:
    settled = settle(target, fooled, readings, quorum)
    votes = max((readings[: 2 * quorum + 1].count(answer) for answer in ANSWERS), default=0)
    unanimous = readings[:quorum] == [str(target)] * quorum
    assert (settled is not None) == (unanimous or votes >= 2 * quorum)


@given(digits, st.lists(answers, max_size=11), quorums, st.data())
def test_what_is_wanted_can_settle_and_less_cannot(
    target: int, readings: list[str], quorum: int, data: st.DataObject
) -> None:
    for count in range(len(readings) + 1):
        if settle(target, True, readings[:count], quorum):
            readings = readings[: max(0, count - 1)]
            break
    more = readings_needed(target, readings, quorum)
    assert len(readings) + more <= 2 * quorum + 1 or more == 0
    if more:
        assert any(settle(target, True, readings + [answer] * more, quorum) for answer in ANSWERS)
        fewer = data.draw(st.lists(answers, max_size=more - 1))
        assert settle(target, True, readings + fewer, quorum) is None
    else:
        left = max(0, 2 * quorum + 1 - len(readings))
        rest = data.draw(st.lists(answers, min_size=left, max_size=left))
        assert settle(target, True, readings + rest, quorum) is None


@given(digits, st.booleans(), st.permutations(ANSWERS[:3]), quorums)
def test_nothing_but_a_verified_fool_earns(
    target: int, fooled: bool, order: list[str], quorum: int
) -> None:
    for answer in ANSWERS:
        settled = outcome(target, fooled, answer)
        for alike, earns in ((0, 1.0), (1, 1.0), (2, 0.5), (9, 0.5)):
            assert credit(settled.status, alike) == (
                earns if fooled and answer == str(target) else 0.0
            )


@given(digits, st.booleans())
def test_each_answer_has_its_outcome(target: int, fooled: bool) -> None:
    assert outcome(target, fooled, AMBIGUOUS) == Outcome("ambiguous", None)
    assert outcome(target, fooled, JUNK) == Outcome("rejected", None)
    other = (target + 1) % 10
    assert outcome(target, fooled, str(other)) == Outcome("corrected", other)
    assert outcome(target, fooled, str(target)) == Outcome(
        "verified" if fooled else "not_fooled", target
    )
