"""The challenge of the day: a rule over the date alone."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.rules.challenges import digit_of

days = st.dates(min_value=date(1, 2, 1), max_value=date(9000, 1, 1))


@given(days)
def test_each_digit_comes_once_in_ten_days_and_none_on_two_days_in_a_row(day: date) -> None:
    begins = day - timedelta(days=day.toordinal() % 10)
    digits = [digit_of(begins + timedelta(days=n)) for n in range(20)]
    assert Counter(digits[:10]) == Counter(digits[10:]) == Counter(range(10))
    assert all(one != next_one for one, next_one in pairwise(digits))


def test_a_day_keeps_its_digit_from_version_to_version() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(10)]
    assert list(map(digit_of, days)) == [6, 8, 2, 7, 5, 9, 3, 0, 2, 8]
