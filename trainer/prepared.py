"""Queries that come with every request: compiled once, which takes Django longer than the database
takes to answer them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet
from django.db.models.query import FlatValuesListIterable, ModelIterable

Row = TypeVar("Row")
_Values = tuple[Any, ...]
# What stands for a value until there is one, and nowhere else in a statement; small integers are
# those of the smallest of columns.
_STAND_INS: dict[type, Callable[[int], Any]] = {
    uuid.UUID: lambda place: uuid.UUID(int=2**127 + place),
    datetime: lambda place: datetime(9000 + place, 1, 1, tzinfo=UTC),
    str: lambda place: f"value {place}",
    int: lambda place: 32_700 + place,
}


@dataclass(frozen=True)
class _Compiled:
    """A statement; what gives each of its parameters, of the values asked with; and what makes rows
    of what the database answers."""

    sql: str
    params: list[Callable[[_Values], Any]]
    rows: Callable[[list[_Values]], list[Any]]


class Prepared(Generic[Row]):
    """The rows that a query set has, asked for with other values each time: objects, without what
    `select_related` would bring, or `values_list`.

    `build` makes the query set of values of these `kinds` (UUID, datetime, str, int), which it
    compares with as they are.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Row]], *kinds: type) -> None:
        self._build, self._kinds = build, kinds

    def ask(self, *values: Any) -> list[Row]:
        """Return the rows for these values."""
        compiled = self._compiled
        here = connections[DEFAULT_DB_ALIAS]  # looked up once, which costs more than it looks
        given = tuple(_adapted(here, value) for value in values)
        with here.cursor() as cursor:
            cursor.execute(compiled.sql, [param(given) for param in compiled.params])
            return compiled.rows(cursor.fetchall())

    def first(self, *values: Any) -> Row | None:
        """Return the first of the rows for these values; None where there is none."""
        return next(iter(self.ask(*values)), None)

    @cached_property
    def _compiled(self) -> _Compiled:
        stand_ins = [_STAND_INS[kind](place) for place, kind in enumerate(self._kinds)]
        rows = self._build(*stand_ins)
        # Whichever thread's it is when rows are made: what is compiled outlives this one's.
        compiler = rows.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        places = {_adapted(connection, value): place for place, value in enumerate(stand_ins)}
        return _Compiled(sql, [_filler(param, places) for param in params], _reader(rows, compiler))


def _filler(param: Any, places: dict[Any, int]) -> Callable[[_Values], Any]:
    place = places.get(param)
    return (lambda _: param) if place is None else (lambda given: given[place])


def _reader(rows: QuerySet[Any, Row], compiler: Any) -> Callable[[list[_Values]], list[Row]]:
    """Return what makes the query set's rows of the database's, as its own iterator does."""
    converters = compiler.get_converters([column for column, _, _ in compiler.select])

    def converted(found: list[_Values]) -> list[Any]:
        return list(compiler.apply_converters(found, converters)) if converters else found

    if rows._iterable_class is FlatValuesListIterable:
        return lambda found: [value for (value,) in converted(found)]
    if rows._iterable_class is not ModelIterable:
        return lambda found: [tuple(row) for row in converted(found)]  # type: ignore[misc]
    columns = compiler.klass_info["select_fields"]
    names = [compiler.select[place][0].target.attname for place in columns]
    annotations = compiler.annotation_col_map.items()

    def made(row: _Values) -> Any:
        made = rows.model.from_db(rows.db, names, row[columns[0] : columns[-1] + 1])
        for name, place in annotations:
            setattr(made, name, row[place])
        return made

    return lambda found: list(map(made, converted(found)))


def _adapted(here: BaseDatabaseWrapper, value: Any) -> Any:
    """Return a value as the database's driver takes it."""
    if isinstance(value, uuid.UUID):
        return value if here.features.has_native_uuid_field else value.hex
    if isinstance(value, datetime):
        return here.ops.adapt_datetimefield_value(value)
    return value
