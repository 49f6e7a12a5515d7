"""A study goes from one instance to another and back, from SQLite to PostgreSQL: nothing in it is
another, to the byte."""

import tarfile
from pathlib import Path

import pytest

from collector.data.release_check import Check
from tests.support import needs, twenty_rounds
from tests.support import site as sites
from tests.support.site import Site
from tests.support.twenty_rounds import LAST_RELEASED

pytestmark = [pytest.mark.faults]

BUILD = "from tests.support import twenty_rounds; twenty_rounds.build()"
TOLD = """
from collector.models import AdminAction, Decision, Release, StudyChange
from collector.standings import leaderboards
from trainer.models import Round
for period in ("round", "all"):
    for s in leaderboards.standings(period):
        print(period, s.username, s.credit, s.verified_count, s.attempt_count, s.pending_count)
for each in Round.objects.select_related("model__weights").order_by("number"):
    counts = leaderboards.counts_by_round([each.pk])
    print(each.number, each.opened_at, each.opened_by, each.model.weights.sha256, counts)
for acts in (AdminAction, Decision, StudyChange):
    print(acts.__name__, list(acts.objects.order_by("pk").values_list()))
for release in Release.objects.order_by("pk"):
    print(release, release.sha256, release.made_at)
"""
GOES_ON = """
from collector.models import Person
from collector.study import settings
from tests.support.cast import submit
submit(Person.objects.get(username="dora"), 3)
settings.change(Person.objects.get(username="admin"), quorum=2)
"""
ANEW = 18  # this round's release is made where the study has come to


def rows_of(archive: Path) -> set[str]:
    """The checksums of its tables, each with its name."""
    with tarfile.open(archive) as tar:
        sums = tar.extractfile("SHA256SUMS")
        assert sums
        lines = sums.read().decode().splitlines()
    return {line for line in lines if not line.endswith("  manifest.json")}


def released(site: Site) -> dict[str, bytes]:
    """The files of two releases: one that came along, which is made again, and one made here."""
    files: dict[str, bytes] = {}
    for number in (LAST_RELEASED, ANEW):
        out = site.data_dir / f"release-{number}"
        told = site.manage("release", "--round", str(number), "--out", str(out))
        assert f"Release 1.{number}.0" in told
        assert list(Check(out).problems()) == []
        files |= {f"{number}/{file.name}": file.read_bytes() for file in out.iterdir()}
    return files


@pytest.mark.survives(
    "a study of twenty rounds that goes from SQLite to PostgreSQL and back by an archive",
    "every row, standing, weight and act is the same, releases to the byte; `verify` finds nothing",
)
def test_a_study_of_twenty_rounds_goes_to_postgresql_and_back_and_nothing_is_another(
    tmp_path: Path,
) -> None:
    needs.database("postgres")
    pytest.importorskip("pyarrow")
    folders = [tmp_path / name for name in ("here", "there", "back")]
    for folder in folders:
        folder.mkdir()
    with (
        sites.database("sqlite", folders[0]) as ours,
        sites.empty_database("postgres", folders[1]) as theirs,
        sites.empty_database("sqlite", folders[2]) as again,
    ):
        here, there, back = (
            Site(folder, url, sites.free_port(), twenty_rounds.EXTRA)
            for folder, url in zip(folders, (ours, theirs, again), strict=True)
        )
        here.python(BUILD)
        assert here.manage("verify") == "Everything agrees.\n"
        archives = [tmp_path / f"{number}.archive" for number in range(3)]
        told, files = here.python(TOLD), {}
        for archive, site, to in zip(
            archives, (here, there, back), (there, back, None), strict=True
        ):
            site.manage("archive", "--with-passwords", str(archive))
            assert rows_of(archive) == rows_of(archives[0])
            assert site.python(TOLD) == told
            files[site.data_dir] = released(site)
            if to:
                to.manage("restore", str(archive))
                assert to.manage("verify") == "Everything agrees.\n"
        assert files[here.data_dir] == files[there.data_dir] == files[back.data_dir]
        assert len(files[here.data_dir]) > 30
        for site in (there, back):
            assert site.manage("setup") == "", "nothing is left to be made"
            site.python(GOES_ON)
            assert site.manage("verify") == "Everything agrees.\n"
        assert "not empty" in there.refused("restore", str(archives[0]))
        there.manage("restore", "--replace", str(archives[0]))
        assert there.python(TOLD) == told
