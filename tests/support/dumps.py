"""What a dump of the database tells: every table, and what is packed into its values."""

import base64
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress

from django.db import connection

_PACKED = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


def tables_with(words: str) -> set[str]:
    """The names of the tables in which these words stand, in upper or lower case, in the plain or
    packed: base64, zlib, pickle, or several in one another."""
    sought = words.lower().encode()
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            values = (value for row in cursor.fetchall() for value in row)
            if any(sought in text.lower() for value in values for text in _unpacked(value)):
                found.add(table)
    return found


def _unpacked(value: object) -> Iterator[bytes]:
    text = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
    yield text
    for packed in _PACKED.findall(text):
        with suppress(ValueError):
            plain = base64.urlsafe_b64decode(packed.translate(_TO_URLSAFE).rstrip(b"=") + b"===")
            with suppress(zlib.error):
                plain = zlib.decompress(plain)
            yield from _unpacked(plain)


_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")
