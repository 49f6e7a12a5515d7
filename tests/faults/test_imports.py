"""An import that is killed goes on where it was."""

import json
from pathlib import Path

import pytest

from tests.support import penmanship
from tests.support import site as sites
from tests.support.site import Site, wait_for

pytestmark = [pytest.mark.faults]

IN = "SELECT count(*) FROM collector_attempt"


def lines(path: Path, count: int) -> None:
    """Quick, Draw!'s lines of so many drawings."""
    with path.open("w") as file:
        for number, (label, strokes) in enumerate(penmanship.drawings(3, count)):
            drawn = [[each["x"], each["y"], each["t"]] for each in strokes]
            file.write(json.dumps({"word": str(label), "key_id": str(number), "drawing": drawn}))
            file.write("\n")


@pytest.mark.survives(
    "an import killed in the middle", "the same command goes on where it was; nothing is in twice"
)
def test_an_import_that_is_killed_goes_on_where_it_was(database_kind: str, tmp_path: Path) -> None:
    count = 150
    lines(tmp_path / "digits.ndjson", count)
    command = ("import_samples", str(tmp_path / "digits.ndjson"), "--to", "samples")
    with sites.database(database_kind, tmp_path, "setup") as url, sites.reader(url) as ask:
        site = Site(tmp_path, url, sites.free_port())
        going = site.start("import", "manage.py", *command)
        wait_for(lambda: ask(IN)[0][0] > 10, 60, "some drawings")
        going.kill()
        going.wait()
        before = ask(IN)[0][0]
        assert 10 < before < count
        site.manage(*command)
        [[attempts, keys]] = ask(
            "SELECT count(*), count(DISTINCT client_key) FROM collector_attempt"
        )
        assert attempts == keys == count
        assert ask("SELECT count(*) FROM trainer_sample") == [(count,)]
        assert "Everything agrees" in site.manage("verify")


def test_two_imports_of_one_file_at_once_take_each_drawing_once_and_refuse_none(
    database_kind: str, tmp_path: Path
) -> None:
    lines(tmp_path / "digits.ndjson", 60)
    command = ("import_samples", str(tmp_path / "digits.ndjson"), "--to", "samples")
    with sites.database(database_kind, tmp_path, "setup") as url, sites.reader(url) as ask:
        site = Site(tmp_path, url, sites.free_port())
        both = [site.start(f"import{number}", "manage.py", *command) for number in (1, 2)]
        assert [each.wait() for each in both] == [0, 0]
        assert ask(IN) == ask("SELECT count(*) FROM trainer_sample") == [(60,)]
