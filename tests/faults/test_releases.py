"""A release is read while others write: of one moment, and it holds nobody up."""

from pathlib import Path

import pytest

from tests.support import site as sites
from tests.support.site import Site

pytestmark = [pytest.mark.faults]

READ_AND_WRITE = """
import threading
from django.db import connection
from collector.data.snapshot import one_moment
from collector.models import Person

def write():
    for place in range(5):
        Person.objects.create(username=f"writer{place}")
    connection.close()

with one_moment():
    before = Person.objects.count()
    writer = threading.Thread(target=write)
    writer.start()
    writer.join(20)
    print(writer.is_alive(), Person.objects.count() - before)
print(Person.objects.count() - before)
with one_moment():
    print(Person.objects.count() - before)
"""


@pytest.mark.survives("a release made while people draw", "it is of one moment, and nobody waits")
def test_what_is_read_is_of_one_moment_and_nobody_waits_for_it(
    database_kind: str, tmp_path: Path
) -> None:
    with sites.database(database_kind, tmp_path) as url:
        told = Site(tmp_path, url, sites.free_port()).python(READ_AND_WRITE)
    assert told.split() == ["False", "0", "5", "5"]
