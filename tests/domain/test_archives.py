"""An archive is one file for either kind of database, whole or not there; it goes back whole, or
nothing is changed. What opens an account is not in it unless asked for."""

import gzip
import io
import json
import re
import signal
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import models
from hypothesis import given
from hypothesis import strategies as st

from collector.data import archives, backups, rows, sealed
from collector.errors import Refused
from collector.models import Attempt, Person
from tests.domain.test_backups import (
    TABLES,
    Make,
    changed,
    counted,
    make,
    refused_on_a_full_disk,
    taken_apart,
)
from tests.support import PASSWORD, needs
from tests.support import site as sites
from tests.support.site import ROOT, Site
from trainer.models import Round

__all__ = ["make"]  # a fixture

IN_IT = {
    *("admin.LogEntry", "auth.Group", "auth.Group_permissions", "auth.Permission"),
    *("collector.AdminAction", "collector.Allocation", "collector.Analysis", "collector.Answer"),
    *("collector.Appeal", "collector.Consent", "collector.StudyText"),
    *("collector.AskedPrediction", "collector.Publication"),
    *("collector.Attempt", "collector.ConfusionTally", "collector.Decision", "collector.Gold"),
    *("collector.DigitTally", "collector.ReadingDayTally", "collector.SampleTally"),
    *("collector.ModerationPause", "collector.Notice", "collector.Person", "collector.Reading"),
    *("collector.ReadingTally", "collector.Reason", "collector.Release", "collector.ReleaseFile"),
    *("collector.ReleasePart", "collector.Study", "collector.StudyAct"),
    *("collector.StudyChange", "collector.Tally"),
    *("contenttypes.ContentType", "trainer.Contributor", "trainer.EarlierReport"),
    *("trainer.Matrix", "trainer.MatrixRow", "trainer.MnistThumbnails", "trainer.Round"),
    *("trainer.RoundModel", "trainer.Sample", "trainer.Weights"),
}


def test_of_every_table_it_is_said_whether_it_goes_along() -> None:
    """A new one has to be thought of: what of it opens something, or is this instance's alone?"""
    without, whole = (
        {model._meta.label for model in archives.archived(with_access=asked).values()}
        for asked in (False, True)
    )
    assert without == IN_IT
    assert whole == IN_IT | archives.ACCESS


SECRETS = """
from datetime import timedelta
from django.utils import timezone
from collector.models import Allowance, Email, Factor, Person, RecoveryCode, Session
from collector.people import accounts, closing
now = timezone.now()
ada = accounts.add("ada", {password!r}, email="ada@example.org", role="moderator")
Factor.objects.create(person=ada, kind="app", name="phone", content=b"a sealed secret")
RecoveryCode.objects.create(person=ada, sha256="c0de" * 16)
Session.objects.create(
    pk="session0key0000", session_data="", expire_date=now + timedelta(days=9), seen_at=now)
Allowance.objects.create(rule="known", who="a-known-device", slot=0, ends_at=now)
Email.objects.create(kind="confirm", to="elsewhere@example.org", queued_at=now, due_at=now)
gone = accounts.add("gone", {password!r})
closing.close(gone, {password!r}, remove=False)
token, row = accounts.issue_token(ada)
print(token, row.pk, ada.password)
"""
NEVER = ("session0key0000", "a-known-device", "elsewhere@example.org", "session_key")
WHO_MAY = """
from django.contrib.auth.forms import PasswordResetForm
from collector.models import Person
from collector.people import accounts
ada = Person.objects.get(username="ada")
print(ada.check_password({password!r}), ada.check_password(""), ada.factors.count(),
    ada.recovery_codes.count(), accounts.person_of_token({token!r}),
    [each.username for each in PasswordResetForm().get_users("ada@example.org")],
    [each.has_usable_password() for each in Person.objects.exclude(closed_at=None)])
"""


def texts(archive: Path) -> str:
    """All that is in it, unpacked."""
    members = taken_apart(archive)
    return "\n".join(
        (gzip.decompress(content) if name.endswith(".gz") else content).decode()
        for name, content in members.items()
    )


@pytest.mark.survives(
    "an archive in other hands",
    "it opens no account: no password, factor, token or session is in it unless asked for, and "
    "sessions never",
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_passwords_go_along_only_if_asked_and_sessions_never(make: Make, tmp_path: Path) -> None:
    ours, theirs = make("ours"), make("theirs")
    told = ours.python(SECRETS.format(password=PASSWORD)).splitlines()[-1]
    token, sha256, password = told.split()
    asked = WHO_MAY.format(password=PASSWORD, token=token)
    plain, whole = tmp_path / "plain.archive", tmp_path / "whole.archive"
    assert "key of the pseudonyms" in ours.manage("archive", str(plain))
    ours.manage("archive", "--with-passwords", str(whole))
    opening = (password, sha256, "c0de" * 16, "YSBzZWFsZWQgc2VjcmV0")
    assert [secret for secret in (*opening, *NEVER) if secret in texts(plain)] == []
    assert [secret for secret in opening if secret not in texts(whole)] == []
    assert [secret for secret in NEVER if secret in texts(whole)] == []

    assert "No passwords were in it" in theirs.manage("restore", str(plain))
    assert theirs.python(asked) == "False False 0 0 None ['ada'] [False]"
    assert theirs.manage("verify") == "Everything agrees.\n"
    assert theirs.manage("setup") == "", "the admin is there, and no other is made"
    said = theirs.manage("restore", "--replace", str(whole))
    assert "codes of authenticator apps are wrong" in said
    assert theirs.python(asked) == "True False 1 1 ada ['ada'] [False]"


@pytest.mark.django_db
def test_an_admin_without_an_address_gets_a_password_by_the_command_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Person.objects.create(username="ada", role="admin", password="")
    monkeypatch.setattr("getpass.getpass", lambda **_: "another fine horse")
    call_command("changepassword", "ada")
    assert Person.objects.get().check_password("another fine horse")


Members = dict[str, bytes]
FROZEN = sorted((ROOT / "tests" / "databases").glob("*.archive"))


def other(archive: Path, alter: Callable[[Members], object]) -> Path:
    """An archive beside it with other members, and its right sums."""
    members = taken_apart(archive)
    alter(members)
    path = archive.with_suffix(".other")
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return changed(path)


def without_a_round(members: Members) -> None:
    members[f"trainer_round{archives.ENDING}"] = gzip.compress(round_lines(None))


def round_lines(alter: Callable[[list[Any]], object] | None, **changed: Any) -> bytes:
    """The lines of the table of rounds, with one row."""
    row = {
        "id": 1,
        "number": 1,
        "arm": "dynamic",
        "state": "open",
        "opened_at": "2026-11-29T20:00:00+00:00",
        "closed_at": None,
        "opened_by": "",
        "opened_why": "",
        "told_at": None,
        "model_id": 1,
    } | changed
    found = [list(row), list(row.values())]
    if alter:
        alter(found)
    return "".join(json.dumps(line) + "\n" for line in found if alter or line == list(row)).encode()


WRONG_LINES: dict[str, tuple[bytes, str]] = {
    "a column less": (round_lines(lambda found: found[0].pop()), "has other columns"),
    "no columns": (round_lines(lambda found: found.pop(0)), "has other columns"),
    "a value less": (round_lines(lambda found: found[1].pop()), "row 1 .* cannot be read"),
    "a row that is none": (round_lines(lambda found: found.append({"id": 2})), "row 2 .* cannot"),
    "text as a number": (round_lines(lambda found: None, number="1"), "is of another type"),
    "a truth as a number": (round_lines(lambda found: None, number=True), "is of another type"),
    "a number as a time": (round_lines(lambda found: None, opened_at=5), "cannot be read"),
    "no time": (round_lines(lambda found: None, opened_at="today"), "cannot be read"),
    "before all time": (
        round_lines(lambda found: None, opened_at="0001-01-01T00:00:00+14:00"),
        "row 1 .* cannot be read",
    ),
    "after all time": (
        round_lines(lambda found: None, closed_at="9999-12-31T23:59:59-14:00"),
        "row 1 .* cannot be read",
    ),
    "no JSON": (round_lines(lambda found: None) + b"[\n", "row 2 .* cannot be read"),
    "nested": (round_lines(lambda found: None) + b"[" * 200_000, "row 2 .* cannot be read"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", WRONG_LINES)
def test_lines_that_are_none_of_a_table_are_refused_by_their_place(name: str) -> None:
    wrong, why = WRONG_LINES[name]
    with pytest.raises(sealed.Broken, match=why):
        list(rows.load(Round, io.BytesIO(wrong)))


def without_a_migration(members: Members) -> None:
    manifest = json.loads(members[sealed.MANIFEST])
    manifest["migrations"].remove("trainer.0002_report_in_parts")
    members[sealed.MANIFEST] = json.dumps(manifest).encode()


def of_the_learning_alone(members: Members) -> None:
    """Leave out the tables, and migrations, of which there are many, of all other apps."""
    manifest = json.loads(members[sealed.MANIFEST])
    kept = ("trainer.", "contenttypes.")
    manifest["migrations"] = [name for name in manifest["migrations"] if name.startswith(kept)]
    for table in [table for table in manifest["counts"] if not table.startswith("trainer_")]:
        del manifest["counts"][table], members[f"{table}{archives.ENDING}"]
    members[sealed.MANIFEST] = json.dumps(manifest).encode()


def first_round(**changed: Any) -> Callable[[Members], None]:
    content = gzip.compress(round_lines(lambda found: None, **changed))
    return lambda members: members.update({f"trainer_round{archives.ENDING}": content})


ALTERED: dict[str, tuple[Callable[[Members], object], str]] = {
    "a table less": (
        lambda members: members.pop(f"trainer_round{archives.ENDING}"),
        "other tables than its manifest says",
    ),
    "a table more": (lambda members: members.update({"../x": b""}), "other tables than"),
    "not packed": (
        lambda members: members.update({f"trainer_round{archives.ENDING}": b"[]"}),
        "Not a gzipped file",
    ),
    "a migration less": (without_a_migration, "a migration without those before it"),
    "a row less": (without_a_round, "trainer_round has 0 rows, and the manifest says 1"),
}
NO_DATABASE_TAKES: dict[str, tuple[Callable[[Members], object], str]] = {
    "a row of nobody's": (first_round(model_id=99), "othing was restored"),
    "against a rule": (first_round(state="closed"), "othing was restored"),
    "nothing where something has to be": (first_round(opened_by=None), "othing was restored"),
    "a number of 300 digits": (first_round(number=10**300), "othing was restored|too large"),
}


@pytest.mark.survives(
    "an archive whose sums are right, with other tables, columns, rows or types",
    "refused in a sentence, and nothing is changed",
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ALTERED)
def test_what_was_altered_is_refused_and_nothing_is_changed(
    name: str, make: Make, tmp_path: Path
) -> None:
    require_refused(make, tmp_path, *ALTERED[name])


@pytest.mark.survives(
    "an archive whose sums are right, with what is against a constraint, or fits in no column",
    "refused in a sentence, and nothing is changed",
)
@pytest.mark.parametrize("name", NO_DATABASE_TAKES)
def test_what_no_database_takes_is_refused_and_nothing_is_changed(
    name: str, make: Make, tmp_path: Path
) -> None:
    require_refused(make, tmp_path, *NO_DATABASE_TAKES[name])


def require_refused(
    make: Make, tmp_path: Path, alter: Callable[[Members], object], why: str
) -> None:
    """An archive that was altered so is refused because of that, and all is as it was."""
    ours, archive = make("ours"), tmp_path / "whole.archive"
    ours.manage("archive", str(archive))
    before = counted(ours)

    def altered(members: Members) -> None:
        of_the_learning_alone(members)
        alter(members)

    said = ours.refused("restore", "--replace", str(other(archive, altered)))
    assert any(each in said for each in why.split("|")), said
    assert counted(ours) == before
    assert ours.manage("verify") == "Everything agrees.\n"


def test_a_line_of_any_length_is_not_read_whole_and_none_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "_MOST_LINE", 1000)
    long = io.BytesIO(round_lines(lambda found: None, opened_why="x" * 5000))
    with pytest.raises(sealed.Broken, match="row 1 of trainer_round cannot be read"):
        list(rows.load(Round, long))
    assert long.tell() < 2000
    with pytest.raises(Refused, match="larger than an archive takes"):
        rows._line(["x" * 5000])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"format": 2, "version": "9.1"}, r"newer version, 9\.1"),
        ({"migrations": ["collector.0999_later"]}, "newer version, .*collector.0999_later"),
    ],
)
def test_an_archive_of_a_newer_version_is_refused_by_name(
    said: dict[str, object], why: str, tmp_path: Path
) -> None:
    manifest = {
        "format": 1,
        "version": "1",
        "kind": archives.KIND,
        "taken_at": "now",
        "migrations": [],
        "counts": {},
    }
    path = tmp_path / "newer.archive"
    with sealed.sealing(path) as file:
        file.say(manifest | said)
    with pytest.raises(Refused, match=why):
        backups.restore(path, replaces=True, tell=print)


@pytest.mark.parametrize("name", ["version", "kind", "taken_at", "migrations", "counts"])
@pytest.mark.parametrize("wrong", ["\x1b[2J", "a\nb", "\ud800", 7])
def test_a_manifest_that_is_not_plain_is_refused_and_not_shown(
    name: str, wrong: object, tmp_path: Path
) -> None:
    manifest: dict[str, object] = {
        "format": 1,
        "version": "1",
        "kind": archives.KIND,
        "taken_at": "now",
        "migrations": [],
        "counts": {},
    }
    said = {"migrations": [wrong], "counts": {wrong: 1 if isinstance(wrong, str) else "1"}}
    path = tmp_path / "a.archive"
    with sealed.sealing(path) as file:
        file.say(manifest | {name: said.get(name, wrong)})
    with pytest.raises(Refused, match=f"does not rightly say {name}") as refused:
        backups.restore(path, replaces=True, tell=print)
    assert str(refused.value).isprintable()


def test_a_number_larger_than_any_float_is_refused_by_its_place() -> None:
    credit = rows._reader(Attempt._meta.get_field("credit"))
    with pytest.raises(sealed.Broken, match="row 2 of attempts cannot be read"):
        list(rows._parts("attempts", io.BytesIO(f"[1]\n[{10**400}]\n".encode()), [credit]))


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.name)
def test_an_archive_of_an_earlier_version_comes_forward(frozen: Path, make: Make) -> None:
    theirs = make("theirs")
    theirs.manage("restore", str(frozen))
    assert theirs.manage("verify") == "Everything agrees.\n"
    assert theirs.manage("setup") == "", "nothing is left to be made"
    with sites.reader(theirs.database_url) as query:
        assert query("SELECT sum(attempt_count) FROM collector_tally WHERE day IS NULL") == [(2,)]


def test_the_tables_of_another_version_are_archived_by_nobody(make: Make, tmp_path: Path) -> None:
    ours = make("ours")
    alter = "ALTER TABLE collector_attempt ADD COLUMN shade integer"
    ours.python(f"from django.db import connection; connection.cursor().execute({alter!r})")
    assert "not those of this version" in ours.refused("archive", str(tmp_path / "a.archive"))
    assert not (tmp_path / "a.archive").exists()


def test_rows_are_read_and_put_in_some_at_a_time_and_none_is_lost_at_a_seam(
    make: Make, tmp_path: Path
) -> None:
    some_at_a_time = (
        "from django.core.management import call_command\n"
        "from collector.data import archives, rows\n"
        "rows.AT_ONCE, rows.FEW, archives.EVERY = 3, 1, 100\n"
        "call_command({command!r}, {path!r})"
    )
    ours, theirs = make("ours"), make("theirs")
    usual, odd = tmp_path / "usual.archive", tmp_path / "odd.archive"
    ours.manage("archive", str(usual))
    for site, command in ((ours, "archive"), (theirs, "restore")):
        program = some_at_a_time.format(command=command, path=str(odd))
        assert site.start(command, "manage.py", "shell", "-c", program).wait() == 0
        assert re.search(r"\n20\d of ", (site.data_dir / f"{command}.log").read_text())
    assert tables(odd) == tables(usual)
    theirs.manage("archive", str(tmp_path / "again.archive"))
    assert tables(tmp_path / "again.archive") == tables(usual)


def tables(archive: Path) -> dict[str, bytes]:
    members = taken_apart(archive)
    return {name: members[name] for name in members if name.endswith(archives.ENDING)}


KILLED = """
import os, signal
from django.core.management import call_command
from django.db import connection
from collector.data import archives, sealed

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

sealed.Sealing.close = archives._count_on = die
call_command(*{arguments})
"""


@pytest.mark.survives(
    "`kill -9` in the middle of an archive, and as all its rows are put in",
    "no archive is there; the database is as before; either is simply run again",
)
def test_what_is_killed_leaves_all_as_it_was(make: Make, tmp_path: Path) -> None:
    ours, theirs, archive = make("ours"), make("theirs"), tmp_path / "whole.archive"

    def killed(site: Site, *arguments: str) -> None:
        program = KILLED.format(arguments=[*arguments, str(archive)])
        process = site.start("killed", "manage.py", "shell", "-c", program)
        assert process.wait() == -signal.SIGKILL

    killed(ours, "archive")
    assert not archive.exists()
    ours.manage("archive", "--with-passwords", str(archive))
    killed(theirs, "restore")
    with sites.reader(theirs.database_url) as query:
        assert query(TABLES[theirs.database_url.partition(":")[0]]) == []
    ours.manage("add_person", "alice")
    before = counted(ours)
    killed(ours, "restore", "--replace")
    assert counted(ours) == before
    ours.manage("restore", "--replace", str(archive))
    with sites.reader(ours.database_url) as query:
        assert query("SELECT username FROM collector_person") == [("admin",)]
    assert ours.manage("verify") == "Everything agrees.\n"


@pytest.mark.survives(
    "a disk that is full as an archive is made, or its rows are put in",
    "said so, and nothing half written",
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # else the disk is a server's
def test_a_full_disk_is_told_and_nothing_is_left(make: Make, tmp_path: Path) -> None:
    needs.own_mounts()
    ours, theirs, archive = make("ours"), make("theirs"), tmp_path / "whole.archive"
    ours.manage("archive", str(archive))
    full = tmp_path / "full"
    full.mkdir()
    said, left = refused_on_a_full_disk(ours, full, "archive", str(full / "whole.archive"))
    assert "No space left" in said
    assert "No archive was made" in said
    assert left == ""
    said, _ = refused_on_a_full_disk(theirs, theirs.data_dir, "restore", str(archive))
    assert "full" in said
    assert "othing was restored" in said
    theirs.manage("restore", str(archive))
    assert theirs.manage("verify") == "Everything agrees.\n"


@pytest.mark.survives(
    "an archive put in place of a database that others use, or a site that still runs",
    "refused after some seconds, or at once; nothing is changed",
)
def test_a_database_that_others_use_is_left_alone(make: Make, tmp_path: Path) -> None:
    ours, archive = make("ours"), tmp_path / "whole.archive"
    ours.manage("archive", str(archive))
    before = counted(ours)
    with held(ours):
        assert "othing was restored" in ours.refused("restore", "--replace", str(archive))
    ours.python("from trainer import heartbeats; heartbeats.beat('web')")
    assert "The site still runs" in ours.refused("restore", "--replace", str(archive))
    ours.python("from trainer import heartbeats; heartbeats.forget()")
    assert counted(ours) == before
    ours.manage("restore", "--replace", str(archive))


def held(site: Site) -> Any:
    """Within, somebody is about to write."""
    if site.database_url.startswith("postgres"):
        holding = psycopg.connect(site.database_url)
        holding.execute("SELECT count(*) FROM collector_person")
        return holding
    file = sqlite3.connect(site.data_dir / "db.sqlite3", isolation_level=None)
    file.execute("BEGIN IMMEDIATE")
    return closing(file)


KINDS: "dict[models.Field[Any, Any], st.SearchStrategy[Any]]" = {
    models.BinaryField(): st.binary(),
    models.DateTimeField(): st.datetimes(timezones=st.just(UTC)),
    models.DateField(): st.dates(),
    models.UUIDField(): st.uuids(),
    models.JSONField(): st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    models.BooleanField(): st.booleans(),
    models.FloatField(): st.floats(allow_nan=False),
    models.BigIntegerField(): st.integers(),
    models.TextField(): st.text(),
}


@given(st.tuples(*KINDS.values()))
def test_any_value_is_read_as_what_was_written(values: tuple[Any, ...]) -> None:
    line = rows._line(list(values))
    assert line.count(b"\n") == 1
    read = [
        next(read for kind, read in rows._READ if isinstance(field, kind))(told)
        for field, told in zip(KINDS, json.loads(line), strict=True)
    ]
    assert read == list(values)
    assert [type(one) for one in read] == [type(one) for one in values]
