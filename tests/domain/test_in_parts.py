"""Any number of rows, read in parts."""

import pytest

from collector.models import Person, in_parts
from tests.support.cast import add_person

pytestmark = pytest.mark.django_db


def test_rows_come_in_their_order_and_what_is_gone_by_then_is_left_out() -> None:
    for name in "eadcb":
        add_person(name)
    found = Person.objects.filter(is_active=True).order_by("-username")
    names = []
    for person in in_parts.rows(found, 2):
        names.append(person.username)
        if person.username == "e":  # the first part has been read: e and d
            Person.objects.filter(username__in="db").update(is_active=False)
            add_person("f")
    assert names == ["e", "d", "c", "a"]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_no_row_is_lost_between_parts(count: int) -> None:
    for _ in range(count):
        add_person()
    sizes = [len(part) for part in in_parts.parts(Person.objects.order_by("pk"), 2)]
    assert sizes == [2] * (count // 2) + [1] * (count % 2)
