"""The pure rules of moderation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.rules.verdicts import (
    AMBIGUOUS,
    ANSWERS,
    DIGITS,
    JUNK,
    Outcome,
    credit,
    doubtful,
    gold,
    outcome,
    practice_left,
    practice_tens,
    qualifies,
    readings_needed,
    settle,
    too_often,
    trusted,
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
        (["9", "9", "1"], 2, 2),
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


def test_a_reading_agrees_with_the_label_or_with_what_there_is_instead() -> None:
    assert Outcome("verified", 0).answer == "0"
    assert Outcome("corrected", 9).answer == "9"
    assert Outcome("ambiguous", None).answer == AMBIGUOUS
    assert Outcome("rejected", None).answer == JUNK


def test_a_near_duplicate_earns_nothing_and_an_original_is_taken_for_granted() -> None:
    assert credit("verified", 0, original=False) == 0
    assert credit("verified", 0, original=True) == credit("verified", 0) == 1


@pytest.mark.parametrize(
    ("agreed", "settled", "expected"),
    [
        (0, 0, True),
        (0, 29, True),
        (0, 30, False),
        (25, 30, False),  # at least 66 %
        (26, 30, True),  # at least 70.3 %
        (30, 30, True),
        (77, 100, False),  # at least 67.8 %
        (79, 100, True),  # at least 70.02 %
    ],
)
def test_a_moderator_is_trusted_until_thirty_readings_say_otherwise(
    agreed: int, settled: int, expected: bool
) -> None:
    assert trusted(agreed, settled) is expected


@pytest.mark.parametrize(
    ("target", "predicted", "status", "readings", "expected"),
    [
        (4, 9, "not_fooled", ["4", "4"], "4"),
        (4, 4, "not_fooled", ["4"], "4"),
        (4, 9, "corrected", ["9", "9"], "9"),
        (4, 9, "corrected", ["7", "7"], None),
        (4, 9, "corrected", ["7", "7", "7"], "7"),
        (4, 9, "rejected", [JUNK] * 3, JUNK),
        (4, 9, "rejected", [JUNK] * 2, None),
        (4, 9, "not_fooled", ["4"], None),
        (4, 9, "corrected", ["9", "9", "9", "4"], None),
        (4, 9, "verified", ["4", "4", "4"], None),
        (4, 9, "not_fooled", [], None),
    ],
)
def test_gold_is_what_three_voices_say_and_none_contradicts(
    target: int, predicted: int, status: str, readings: list[str], expected: str | None
) -> None:
    assert gold(target, predicted, status, readings) == expected


@pytest.mark.parametrize(
    ("right", "read", "expected"),
    [(0, 0, False), (0, 4, False), (0, 5, True), (2, 5, True), (3, 5, False), (3, 6, False)],
)
def test_gold_that_most_read_otherwise_is_doubtful(right: int, read: int, expected: bool) -> None:
    assert doubtful(right, read) is expected


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ([], set(ANSWERS)),
        (["1"] * 7 + [JUNK], {*DIGITS, AMBIGUOUS}),
        (["1"] * 8, {AMBIGUOUS, JUNK}),
        ([AMBIGUOUS], {*DIGITS, JUNK}),
        ([*DIGITS[:8], AMBIGUOUS, JUNK], set()),
    ],
)
def test_ten_practice_drawings_are_eight_digits_one_ambiguous_and_one_junk(
    given: list[str], left: set[str]
) -> None:
    assert practice_left(given) == left


@pytest.mark.parametrize(
    ("given", "tens"),
    [
        ([], 0),
        ([*DIGITS[:7], AMBIGUOUS, JUNK], 0),
        ([*DIGITS[:8], AMBIGUOUS, JUNK], 1),
        ([*DIGITS * 2, AMBIGUOUS, JUNK], 1),
        ([*DIGITS * 2, AMBIGUOUS, JUNK] * 2, 2),
        ([*DIGITS * 9, *[AMBIGUOUS] * 3, JUNK], 1),
        ([*DIGITS * 9, *[AMBIGUOUS] * 3, *[JUNK] * 4], 3),
    ],
)
def test_practice_drawings_are_enough_for_so_many_tens(given: list[str], tens: int) -> None:
    assert practice_tens(given) == tens


def test_eight_of_ten_qualify() -> None:
    assert [right for right in range(11) if qualifies(right)] == [8, 9, 10]


@pytest.mark.parametrize(
    ("drawers", "expected"),
    [
        ("", set()),
        ("aaaaa", set()),
        ("aaaaaa", {"a"}),
        ("a" * 5 + "b" * 15 + "a" * 9, {"b"}),
        ("a" * 6 + "b" * 6 + "c" * 8, {"a", "b", "c"}),
        ("abcd" * 5, set()),
    ],
)
def test_who_drew_more_than_five_of_the_last_twenty_was_read_too_often(
    drawers: str, expected: set[str]
) -> None:
    assert too_often(drawers) == expected
