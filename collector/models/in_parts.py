"""Reads any number of rows in little memory, without a cursor that the database would have to keep
for us: behind a pooler the next statement may be another server process's."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, QuerySet

_Row = TypeVar("_Row", bound=Model)


def parts(found: QuerySet[_Row], size: int) -> Iterator[list[_Row]]:
    """Yield the rows of now in their order, at most `size` at a time, each part as it then is: what
    is no longer among `found` is left out. Keeps their keys alone, 100 bytes each."""
    keys = list(found.values_list("pk", flat=True))
    for first in range(0, len(keys), size):
        some = found.in_bulk(keys[first : first + size])
        yield [some[key] for key in keys[first : first + size] if key in some]


def rows(found: QuerySet[_Row], size: int) -> Iterator[_Row]:
    """Yield the rows one by one that `parts` reads."""
    for part in parts(found, size):
        yield from part
