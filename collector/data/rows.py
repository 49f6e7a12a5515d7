"""A table's rows as lines of JSON, the same from every kind of database: the names of its columns,
then a list of values for each row, in the order of its key. Constant memory, in and out."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from io import BufferedIOBase
from typing import Any, TypeAlias
from uuid import UUID

from django.db import connection, models
from django.db.models import Field, Model

from collector.data.sealed import Broken
from collector.errors import Refused

AT_ONCE, FEW = 500, 8  # rows in memory, and of those tables whose rows may have a MB each
_LARGE = {
    "collector.Release",
    "collector.ReleasePart",
    "trainer.EarlierReport",
    "trainer.MnistThumbnails",
    "trainer.RoundModel",
    "trainer.Weights",
}
_MOST_LINE, _MOST_AT_ONCE = 1 << 28, 1 << 22  # bytes
_AnyField: TypeAlias = "Field[Any, Any]"
_Read = Callable[[Any], Any]


def written(model: type[Model], changed: Mapping[str, _Read]) -> Iterator[bytes]:
    """Yield the lines of all rows; of the fields `changed`, what that makes of them. Raises
    Refused for a row that `load` would not take."""
    fields = _fields(model)
    names = [field.attname for field in fields]
    key = _key(model)
    changes = [(names.index(name), change) for name, change in changed.items()]
    yield _line([field.column for field in fields])
    found = model._base_manager.order_by(key).values_list(*names)
    size, after = FEW if model._meta.label in _LARGE else AT_ONCE, None
    while True:
        some = list((found if after is None else found.filter(**{f"{key}__gt": after}))[:size])
        for row in some:
            values = list(row)
            for place, change in changes:
                values[place] = change(values[place])
            yield _line(values)
        if len(some) < size:
            return
        after = some[-1][names.index(key)]


def load(model: type[Model], lines: BufferedIOBase) -> Iterator[int]:
    """Put in the rows of these lines, and yield after each part of how many rows it was. Raises
    Broken where they are no such lines, or of another table."""
    fields = {str(field.column): field for field in _fields(model)}
    names = json.loads(lines.readline(_MOST_LINE))
    if not isinstance(names, list) or sorted(map(str, names)) != sorted(fields):
        raise Broken(f"{model._meta.db_table} has other columns")
    quote = connection.ops.quote_name
    sql = (
        f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, names))}) "
        f"VALUES ({', '.join(['%s'] * len(names))})"
    )
    readers = [_reader(fields[name]) for name in names]
    for part in _parts(model._meta.db_table, lines, readers):
        try:
            with connection.cursor() as cursor:
                cursor.executemany(sql, part)
        except OverflowError as error:
            raise Broken(f"{model._meta.db_table}: {error}") from error
        yield len(part)


def _parts(
    table: str, lines: BufferedIOBase, readers: Sequence[_Read]
) -> Iterator[list[list[Any]]]:
    """Yield the rows of lines as the database takes them, some at a time. Raises Broken."""
    part: list[list[Any]] = []
    size = number = 0
    while line := lines.readline(_MOST_LINE):
        number += 1
        try:
            values = json.loads(line)
            part.append([read(value) for read, value in zip(readers, values, strict=True)])
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise Broken(f"row {number} of {table} cannot be read: {error}") from error
        size += len(line)
        if len(part) == AT_ONCE or size > _MOST_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _fields(model: type[Model]) -> list[_AnyField]:
    """All but those that the database itself computes."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def _key(model: type[Model]) -> str:
    assert model._meta.pk
    return model._meta.pk.attname


def _line(values: list[Any]) -> bytes:
    """A row, the same however its database orders the keys of JSON."""
    text = json.dumps(values, default=_told, separators=(",", ":"), sort_keys=True)
    if len(text) >= _MOST_LINE:
        raise Refused("A row is larger than an archive takes.")
    return text.encode() + b"\n"


def _told(value: Any) -> str:
    """What JSON has no form for."""
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, date) else str(value)


def _reader(field: _AnyField) -> _Read:
    """What makes of a value of JSON one that the database takes. It raises ValueError, TypeError or
    AttributeError for what is none of this field's."""
    target: Any = field
    while target.is_relation:
        target = target.target_field
    read = next(read for kind, read in _READ if isinstance(target, kind))

    def prepared(value: Any) -> Any:
        return field.get_db_prep_save(None if value is None else read(value), connection)

    return prepared


def _exactly(*kinds: type) -> _Read:
    def read(value: Any) -> Any:
        if type(value) not in kinds:
            raise ValueError(f"{str(value)[:40]!r} is of another type")
        return value

    return read


def _bytes(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


# The first that a field is of.
_READ: tuple[tuple[type[_AnyField], _Read], ...] = (
    (models.BinaryField, _bytes),
    (models.DateTimeField, datetime.fromisoformat),
    (models.DateField, date.fromisoformat),
    (models.UUIDField, UUID),
    (models.JSONField, lambda value: value),
    (models.BooleanField, _exactly(bool)),
    (models.FloatField, _exactly(float, int)),
    (models.IntegerField, _exactly(int)),
    (models.CharField, _exactly(str)),
    (models.TextField, _exactly(str)),
)
