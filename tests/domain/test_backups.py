"""A backup is one file, whole or not there; it goes back whole, or nothing is changed."""

import gzip
import hashlib
import io
import json
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from collector.data import backups, dumps, sealed
from collector.errors import Refused
from tests.support import needs, world
from tests.support import site as sites
from tests.support.site import ROOT, Site

Make = Callable[[str], Site]
Members = dict[str, bytes]
OLDEST = ROOT / "tests" / "databases" / "0001_house.sql.gz"


@pytest.fixture
def make(database_kind: str, tmp_path: Path) -> Iterator[Make]:
    """Makes sites without processes, set up or, called “theirs”, without a table."""
    with ExitStack() as stack:

        def make(name: str) -> Site:
            folder = tmp_path / name
            folder.mkdir()
            url = stack.enter_context(
                sites.empty_database(database_kind, folder)
                if name == "theirs"
                else sites.database(database_kind, folder, "setup")
            )
            return Site(folder, url, sites.free_port())

        if database_kind == "postgres":
            needs.postgres_programs()
        yield make


def test_a_backup_goes_back_into_an_empty_database_whole(make: Make, tmp_path: Path) -> None:
    ours, theirs, file = make("ours"), make("theirs"), tmp_path / "backup.tar"
    ours.manage("add_person", "alice", "--role", "moderator")
    told = ours.manage("backup", str(file))
    assert "2 people, 0 attempts, 0 samples, 1 rounds" in told
    assert "people's data" in told
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    subprocess.run(["tar", "-xf", file], cwd=tmp_path, check=True)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)
    for name in (sealed.MANIFEST, backups.DATABASE, sealed.SUMS):
        (tmp_path / name).unlink()

    theirs.manage("restore", str(file))
    assert counted(theirs) == counted(ours)
    assert theirs.manage("verify") == "Everything agrees.\n"
    assert theirs.manage("setup") == "", "nothing is left to be made"

    assert "is there already" in ours.refused("backup", str(file))
    ours.manage("add_person", "bob", "--role", "moderator")
    before = counted(ours)
    assert "not empty" in ours.refused("restore", str(file))
    assert counted(ours) == before
    ours.manage("restore", "--replace", str(file))
    assert counted(ours) == counted(theirs) != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "ours", "theirs"]


def counted(site: Site) -> list[tuple[object, ...]]:
    """Rows by table, by kind where there is one."""
    with sites.reader(site.database_url) as query:
        return sorted(query(world.STATE), key=str)


def refused_on_a_full_disk(site: Site, full: Path, *command: str) -> tuple[str, str]:
    """What a command says that fails where a folder has no room left, and what it leaves there."""
    with_little_room = 'mount -t tmpfs -o size=100k none "$0" && "$@"; s=$?; ls -A "$0"; exit $s'
    made = subprocess.run(
        [
            *("unshare", "--mount", "/bin/sh", "-c", with_little_room, full),
            *(sys.executable, "manage.py", *command),
        ],
        cwd=ROOT,
        env=site.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 1, made.stderr
    return made.stderr, made.stdout


@pytest.mark.survives(
    "a disk that is full when a backup is made, or put back", "said so, and nothing half written"
)
def test_a_full_disk_is_told_and_nothing_is_left(make: Make, tmp_path: Path) -> None:
    needs.own_mounts()
    ours, theirs, file = make("ours"), make("theirs"), tmp_path / "backup.tar"
    full = tmp_path / "full"
    full.mkdir()
    said, left = refused_on_a_full_disk(ours, full, "backup", str(full / "backup.tar"))
    assert "full" in said or "No space left" in said
    assert "No backup was made" in said
    assert left == ""
    ours.manage("backup", str(file))
    said, _ = refused_on_a_full_disk(theirs, theirs.data_dir, "restore", str(file))
    assert "No space left" in said
    assert "Nothing was changed" in said
    theirs.manage("restore", str(file))
    assert theirs.manage("verify") == "Everything agrees.\n"


def test_a_restore_that_fails_half_way_changes_nothing(make: Make, tmp_path: Path) -> None:
    """The dump is cut before it was summed: what it begins with is put back, and taken out."""
    ours, theirs, file = make("ours"), make("theirs"), tmp_path / "backup.tar"
    ours.manage("backup", str(file))
    dump = taken_apart(file)[backups.DATABASE]
    for parts in (3, 2):
        cut = dump[: len(dump) // parts // 4096 * 4096]
        remade = changed(file, **{backups.DATABASE: cut})
        assert "othing was restored" in theirs.refused("restore", str(remade))
        with sites.reader(theirs.database_url) as query:
            assert query(TABLES[theirs.database_url.partition(":")[0]]) == []
    before = counted(ours)
    assert "othing was restored" in ours.refused("restore", "--replace", str(remade))
    assert counted(ours) == before


TABLES = {
    "sqlite": "SELECT name FROM sqlite_master",
    "postgres": "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of an SQLite database of this version."""
    folder = tmp_path_factory.mktemp("whole")
    with sites.database("sqlite", folder, "setup") as url:
        Site(folder, url, sites.free_port()).manage("backup", str(folder / "whole.tar"))
    return folder / "whole.tar"


def taken_apart(file: Path) -> Members:
    with tarfile.open(file) as tar:
        return {name: got.read() for name in tar.getnames() if (got := tar.extractfile(name))}


def changed(file: Path, **members: bytes) -> Path:
    """A backup beside it with other content, and its right sums."""
    members = taken_apart(file) | members
    members.pop(sealed.SUMS)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in members.items()]
    members[sealed.SUMS] = ("\n".join(sums) + "\n").encode()
    with tarfile.open(file.with_suffix(".other"), "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.with_suffix(".other")


# None of these tests has a database: any query of theirs would fail.
@pytest.mark.survives(
    "a backup with a flipped bit, cut, empty, of another program",
    "refused before the database is asked anything",
)
def test_what_is_no_whole_backup_is_refused_before_the_database_is_touched(
    whole: Path, tmp_path: Path
) -> None:
    content, chance, broken = whole.read_bytes(), random.Random(13), tmp_path / "broken.tar"
    inner = len(content) - 3 * tarfile.RECORDSIZE  # what comes after is padding, partly
    damaged = [b"", b"PGDMP", gzip.compress(content)]
    damaged += [content[: chance.randrange(len(content))] for _ in range(20)]
    for place in (chance.randrange(tarfile.BLOCKSIZE * 3, inner) for _ in range(20)):
        flipped = content[place] ^ (1 << chance.randrange(8))
        damaged.append(content[:place] + bytes([flipped]) + content[place + 1 :])
    for each in damaged:
        broken.write_bytes(each)
        with pytest.raises(Refused, match="no whole backup or archive, and nothing was changed"):
            backups.restore(broken, replaces=True, tell=print)
    with pytest.raises(Refused, match="No such file"):
        backups.restore(tmp_path / "missing.tar", replaces=True, tell=print)
    with pytest.raises(Refused, match="no whole backup"):
        backups.restore(changed(whole, **{sealed.MANIFEST: b"{"}), replaces=True, tell=print)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"format": 2, "version": "9.1"}, r"newer version, 9\.1"),
        ({"migrations": ["collector.0999_later"]}, "newer version, .*collector.0999_later"),
        ({"kind": "MariaDB"}, "of a MariaDB database"),
    ],
)
def test_a_backup_of_a_newer_version_or_another_kind_is_refused_by_name(
    said: dict[str, object], why: str, whole: Path
) -> None:
    manifest = json.loads(taken_apart(whole)[sealed.MANIFEST]) | {"kind": dumps.kind()} | said
    other = changed(whole, **{sealed.MANIFEST: json.dumps(manifest).encode()})
    with pytest.raises(Refused, match=why):
        backups.restore(other, replaces=True, tell=print)


@pytest.mark.survives(
    "a backup whose sums are right, with a manifest of another form, or links, or sparse files",
    "refused in a sentence, and no disk is filled",
)
def test_a_manifest_that_lacks_something_or_is_of_another_form_is_refused(whole: Path) -> None:
    manifest = json.loads(taken_apart(whole)[sealed.MANIFEST])
    assert len(manifest) == 6
    lacking = [{k: value for k, value in manifest.items() if k != name} for name in manifest]
    other = [manifest | {name: None} for name in manifest]
    odd = [manifest | {"migrations": [1]}, manifest | {"counts": {"people": "x"}}, [], 7, None]
    texts = [json.dumps(each).encode() for each in (*lacking, *other, *odd)]
    for text in (*texts, b"[" * 200_000):
        with pytest.raises(Refused, match="no whole backup"):
            backups.restore(changed(whole, **{sealed.MANIFEST: text}), replaces=True, tell=print)


def test_what_is_no_plain_file_in_a_backup_is_refused_unread(tmp_path: Path) -> None:
    ways = [
        (kind, to) for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) for to in ("x", "/etc/passwd")
    ]
    for kind, to in (*ways, (b"sparse", "")):
        path = tmp_path / "odd.tar"
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(tarfile.TarInfo(sealed.MANIFEST))
            member = tarfile.TarInfo(backups.DATABASE)
            if kind == b"sparse":  # ten kB that unpack to a terabyte
                places = b"1\n0\n1\n".ljust(tarfile.BLOCKSIZE, b"\0")
                content, headers = places + b"x".ljust(tarfile.BLOCKSIZE, b"\0"), "GNU.sparse."
                member.pax_headers = {
                    f"{headers}major": "1",
                    f"{headers}minor": "0",
                    f"{headers}name": backups.DATABASE,
                    f"{headers}realsize": str(1 << 40),
                }
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                member.type, member.linkname = kind, to
                tar.addfile(member)
        with pytest.raises(Refused, match="no plain file"):
            backups.restore(path, replaces=True, tell=print)


def test_a_backup_of_an_earlier_version_comes_forward(tmp_path: Path) -> None:
    """Made by this program of a database that is not migrated yet, as after an update."""
    folders = [tmp_path / "earlier", tmp_path / "later"]
    for folder in folders:
        folder.mkdir()
    earlier, later = (
        Site(folder, f"sqlite:///{folder / 'db.sqlite3'}", sites.free_port()) for folder in folders
    )
    with closing(sqlite3.connect(earlier.data_dir / "db.sqlite3")) as database:
        database.executescript(gzip.decompress(OLDEST.read_bytes()).decode())
        [before] = database.execute("SELECT count(*) FROM collector_attempt")
    earlier.manage("backup", str(tmp_path / "earlier.tar"))
    later.manage("restore", str(tmp_path / "earlier.tar"))
    with sites.reader(later.database_url) as query:
        assert query("SELECT count(*) FROM collector_attempt") == [before]
    assert later.manage("verify") == "Everything agrees.\n"


def test_what_was_deleted_is_not_in_a_backup(tmp_path: Path) -> None:
    with sites.database("sqlite", tmp_path) as url:
        site = Site(tmp_path, url, sites.free_port())
        with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
            database.execute("PRAGMA secure_delete = OFF")
            database.execute("INSERT INTO auth_group (name) VALUES ('somebody-long-gone')")
            database.commit()
            database.execute("DELETE FROM auth_group")
            database.commit()
        site.manage("backup", str(tmp_path / "backup.tar"))
    assert b"somebody-long-gone" not in (tmp_path / "backup.tar").read_bytes()


KILLED = """
import os, runpy, signal, sys, tarfile
from collector.data import dumps

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def hand_on_a_part(source, to):
    to.write(source.read(50_000))
    to.flush()
    die()

looked_at = iter([1.0] * 3)
tarfile.TarFile.add = lambda *_, **__: die()
dumps._IN_PARTS, dumps.monotonic = 10, lambda: next(looked_at, 0) or die()
dumps.shutil.copyfileobj = hand_on_a_part
sys.argv = ["manage.py", *{arguments}]
runpy.run_path("manage.py", run_name="__main__")
"""

OTHERS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.mark.survives(
    "`kill -9` in the middle of a backup, and of a restore",
    "no backup is there; the database is as before; either is simply run again",
)
def test_a_backup_or_a_restore_that_is_killed_leaves_all_as_it_was(
    make: Make, tmp_path: Path
) -> None:
    ours, theirs, file = make("ours"), make("theirs"), tmp_path / "backup.tar"

    def killed(site: Site, *arguments: str) -> None:
        program = KILLED.format(arguments=[*arguments, str(file)])
        assert site.start("killed", "-c", program).wait() == -signal.SIGKILL
        if site.database_url.startswith("postgres"):  # whose program outlives it for a moment
            with sites.reader(site.database_url) as query:
                sites.wait_for(lambda: query(OTHERS) == [(0,)], why="its transaction's end")

    killed(ours, "backup")
    assert not file.exists()
    ours.manage("backup", str(file))
    killed(theirs, "restore")
    with sites.reader(theirs.database_url) as query:
        assert query(TABLES[theirs.database_url.partition(":")[0]]) == []
    theirs.manage("restore", str(file))
    assert counted(theirs) == counted(ours)
    theirs.manage("add_person", "alice")
    before = counted(theirs)
    killed(theirs, "restore", "--replace")
    assert counted(theirs) == before
    theirs.manage("restore", "--replace", str(file))
    assert counted(theirs) == counted(ours)
    assert theirs.manage("verify") == "Everything agrees.\n"
