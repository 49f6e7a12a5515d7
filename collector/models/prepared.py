"""Queries that come with every request: compiled once, which takes Django longer than the database
takes to answer them."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)
_STAND_INS: dict[type, Callable[[int], Any]] = {
    uuid.UUID: lambda place: uuid.UUID(int=2**127 + place),
    datetime: lambda place: datetime(9000 + place, 1, 1, tzinfo=UTC),
    str: lambda place: f"value {place}",
}


class Prepared(Generic[Row]):
    """The rows that a query set has, asked for with other values each time.

    `build` makes the query set of values of these `kinds` (UUID, datetime, str), which it compares
    with as they are. Rows come without what `select_related` would bring.
    """

    def __init__(self, build: Callable[..., QuerySet[Row]], *kinds: type) -> None:
        self._build, self._kinds = build, kinds

    def ask(self, *values: Any) -> list[Row]:
        """Return the rows for these values."""
        model, sql, params = self._compiled
        given = [_adapted(value) for value in values]
        return list(model._default_manager.raw(sql, [fill(given) for fill in params]))

    def first(self, *values: Any) -> Row | None:
        """Return the first of the rows for these values; None where there is none."""
        return next(iter(self.ask(*values)), None)

    @cached_property
    def _compiled(self) -> tuple[type[Row], str, list[Callable[[list[Any]], Any]]]:
        stand_ins = [_STAND_INS[kind](place) for place, kind in enumerate(self._kinds)]
        rows = self._build(*stand_ins)
        sql, params = rows.query.sql_with_params()
        places = {_adapted(value): place for place, value in enumerate(stand_ins)}
        return rows.model, sql, [_filler(param, places) for param in params]


def _filler(param: Any, places: dict[Any, int]) -> Callable[[list[Any]], Any]:
    """Return what gives a parameter of the statement, of the values asked with."""
    place = places.get(param)
    return (lambda _: param) if place is None else (lambda given: given[place])


def _adapted(value: Any) -> Any:
    """Return a value as the database's driver takes it."""
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
