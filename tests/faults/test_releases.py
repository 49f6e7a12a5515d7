"""A release is read while others write: of one moment, and it holds nobody up."""

from pathlib import Path

import pytest

from tests.support import processes
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


READ_ON = """
import os, tempfile
from pathlib import Path
from time import sleep
from collector.data import release_beside
from collector.data.snapshot import one_moment
from collector.models import Person
with one_moment(), release_beside.forms(Path(tempfile.mkdtemp(dir=os.environ["DADC_DATA_DIR"]))):
    Person.objects.count()
    sleep(600)
"""


@pytest.mark.survives(
    "SIGKILL to who makes a release", "the process beside it, which has no database, ends too"
)
def test_the_process_that_makes_the_forms_has_no_database_and_ends_with_who_reads_the_rows(
    database_kind: str, tmp_path: Path
) -> None:
    with sites.database(database_kind, tmp_path) as url:
        made = Site(tmp_path, url, sites.free_port())
        reading = made.start("reading", "manage.py", "shell", "--verbosity", "0", "-c", READ_ON)
        try:
            found = sites.wait_for(
                lambda: processes.named(processes.children(reading.pid), "release_formats"),
                why=f"the process: {made.logs()}",
            )
            ours = [file.path for file in found[0].open_files() if str(tmp_path) in file.path]
            assert not any("sqlite" in path for path in ours), ours
            assert found[0].net_connections() == []
            reading.kill()
            sites.wait_for(lambda: not processes.alive(found), why="its end")
        finally:
            made.stop()
