"""Databases of earlier commits: what came before the last fold is refused, all later ones go on."""

import gzip
import json
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.site import ROOT, Site, free_port

# Who signed in from where, as django-axes kept it before 0.2.
OF_AXES = """
INSERT INTO axes_accesslog
    (user_agent, ip_address, username, http_accept, path_info, attempt_time, session_hash)
VALUES ('a browser', '198.51.100.7', 'dora-at-home', '', '/', '2026-11-28 12:00:00', '')
"""
TABLE_OF_ALARMS = "SELECT name FROM sqlite_master WHERE name = 'collector_alarm'"
EMPTY = ("_allowance", "_email")  # what is not always there
BEFORE_MORE_SUMS = ROOT / "tests" / "databases" / "0025_opened.sql.gz"
BEFORE_CITATION = ROOT / "tests" / "databases" / "0026_more_sums.sql.gz"
# Those in which every table has a row.
FROZEN = sorted(
    {*(ROOT / "tests" / "databases").glob("*.sql.gz")} - {BEFORE_MORE_SUMS, BEFORE_CITATION}
)
BEFORE_ALARMS = ROOT / "tests" / "databases" / "0006_sessions_have_an_owner.sql.gz"


def site_of(folder: Path) -> Site:
    """The site of the SQLite database in `folder`."""
    url, key = f"sqlite:///{folder / 'db.sqlite3'}", "of databases that are frozen"
    return Site(folder, url, free_port(), {"DADC_SECRET_KEY": key})


@contextmanager
def database_at(path: Path) -> Iterator[sqlite3.Connection]:
    """An SQLite file, within one transaction."""
    with closing(sqlite3.connect(path)) as database, database:
        yield database


@pytest.mark.parametrize("command", ["setup", "migrate"])
def test_a_database_of_before_the_last_fold_is_refused_and_left_alone(
    command: str, tmp_path: Path
) -> None:
    path = tmp_path / "db.sqlite3"
    with database_at(path) as database:
        database.executescript("""
            CREATE TABLE django_migrations (
                id integer PRIMARY KEY, app varchar(255), name varchar(255), applied datetime);
            INSERT INTO django_migrations (app, name, applied)
                VALUES ('collector', '0001_initial', '2026-11-01 00:00:00');
            CREATE TABLE collector_suspension (id integer PRIMARY KEY);
            """)
    refused = site_of(tmp_path).refused(command)
    assert "made by a version before 0.2" in refused
    assert "export_samples" in refused
    assert "DADC_DATA_DIR" in refused
    with database_at(path) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert tables == {"django_migrations", "collector_suspension"}


@pytest.mark.survives(
    "a table in the way of a migration",
    "refused in a sentence",
)
def test_a_table_in_the_way_of_a_migration_is_told_in_a_sentence(tmp_path: Path) -> None:
    with database_at(tmp_path / "db.sqlite3") as database:
        database.execute("CREATE TABLE trainer_sample (id integer)")
    refused = site_of(tmp_path).refused("migrate")
    assert "could not be brought forward: table" in refused


def test_a_database_is_frozen_for_every_fold() -> None:
    assert [path.name for path in FROZEN][:1] == ["0001_house.sql.gz"]


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.name)
def test_a_database_of_an_earlier_commit_goes_on_with_all_its_rows(
    frozen: Path, tmp_path: Path
) -> None:
    path = tmp_path / "db.sqlite3"
    with database_at(path) as database:
        database.executescript(gzip.decompress(frozen.read_bytes()).decode())
        if frozen == FROZEN[0]:
            database.execute(OF_AXES)
        before, measured = counts(database), reports(database)
        sessions = "collector_session" if "collector_session" in before else "django_session"
        database.execute(f"UPDATE {sessions} SET expire_date = '2999-01-01 00:00:00'")
        signed_in = database.execute(f"SELECT session_key FROM {sessions}").fetchall()
    assert all(before[table] for table in before if not table.endswith(EMPTY))
    site = site_of(tmp_path)
    site.manage("setup")
    with database_at(path) as database:
        after = counts(database)
        assert reports(database) == measured
        assert (
            signed_in
            == database.execute(
                "SELECT session_key FROM collector_session WHERE person_id IS NOT NULL"
            ).fetchall()
        )
        left = "\n".join(database.iterdump())
        asked = "SELECT requires_second_factor FROM collector_study"
        assert database.execute(asked).fetchall() == [(0,)]
        for table in ("trainer_round", "trainer_roundmodel", "trainer_sample"):
            arms = database.execute(f"SELECT DISTINCT arm FROM {table}").fetchall()
            assert arms == [("dynamic",)]
        assert database.execute("SELECT arms FROM collector_study").fetchall() == [("dynamic",)]
        assert after["collector_allocation"] == 0
        changed = "SELECT count(*) FROM collector_person WHERE factor_change_count <> 0"
        assert database.execute(changed).fetchall() == [(0,)]
    assert "axes_access" not in left
    assert "dora-at-home" not in left
    assert {table: after[table] for table in before} == before
    assert site.manage("verify") == "Everything agrees.\n"


def test_an_email_that_waited_before_alarms_were_rows_still_waits(tmp_path: Path) -> None:
    with database_at(tmp_path / "db.sqlite3") as database:
        database.executescript(gzip.decompress(BEFORE_ALARMS.read_bytes()).decode())
        database.execute(
            'INSERT INTO collector_email (kind, "to", site, queued_at, try_count, due_at) VALUES '
            "('asked', 'a@example.org', 'http://x', '2026-11-29 08:00', 3, '2026-11-29 09:00')"
        )
        assert not database.execute(TABLE_OF_ALARMS).fetchall()
    site_of(tmp_path).manage("migrate")
    with database_at(tmp_path / "db.sqlite3") as database:
        assert database.execute(TABLE_OF_ALARMS).fetchall()
        kept = 'SELECT kind, "to", try_count, alarm_id FROM collector_email'
        assert database.execute(kept).fetchall() == [("asked", "a@example.org", 3, None)]


def test_sums_that_were_kept_before_there_were_more_are_made_anew(tmp_path: Path) -> None:
    with database_at(tmp_path / "db.sqlite3") as database:
        database.executescript(gzip.decompress(BEFORE_MORE_SUMS.read_bytes()).decode())
        before = counts(database)
    site = site_of(tmp_path)
    site.manage("setup")
    assert site.manage("verify") == "Everything agrees.\n"
    with database_at(tmp_path / "db.sqlite3") as database:
        after = counts(database)
    assert before["collector_tally"]
    assert after["collector_attempt"] == before["collector_attempt"]
    for table in ("digittally", "readingdaytally", "sampletally"):
        assert after[f"collector_{table}"]


def test_a_study_of_before_there_were_citations_is_the_same_and_has_none(tmp_path: Path) -> None:
    with database_at(tmp_path / "db.sqlite3") as database:
        database.row_factory = sqlite3.Row
        database.executescript(gzip.decompress(BEFORE_CITATION.read_bytes()).decode())
        [before] = database.execute("SELECT * FROM collector_study").fetchall()
        counted = counts(database)
    site = site_of(tmp_path)
    site.manage("setup")
    assert site.manage("verify") == "Everything agrees.\n"
    with database_at(tmp_path / "db.sqlite3") as database:
        database.row_factory = sqlite3.Row
        [after] = database.execute("SELECT * FROM collector_study").fetchall()
        assert counts(database) == counted
    assert dict(after) == dict(before) | {"cited_title": "", "cited_authors": ""}
    assert counted["collector_attempt"]


def reports(database: sqlite3.Connection) -> dict[int, dict[str, Any]]:
    """Every model's report by its id, put together where it is in parts; of the matrices, the
    newest model's, each line with its model."""
    found = {
        pk: json.loads(text)
        for pk, text in database.execute(
            "SELECT id, report FROM trainer_roundmodel WHERE report IS NOT NULL"
        )
    }
    models = dict(database.execute("SELECT number, model_id FROM trainer_round"))
    names = [f"{kind}_1" for kind in ("fools", "audited")]
    for pk, report in found.items():
        for line in report.pop("matrix", ()):
            model = models[line["round"]] if line["round"] else pk
            report[f"line of {model}"] = [line["correct"][name] for name in names]
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'trainer_matrix'").fetchall():
        return found
    for pk, text in database.execute("SELECT model_id, report FROM trainer_earlierreport"):
        earlier = json.loads(text)
        found[pk] |= earlier | {"sets": found[pk]["sets"] | earlier["sets"]}
    for pk, model, correct in database.execute(
        "SELECT matrix_id, model_id, correct FROM trainer_matrixrow"
    ):
        found[pk][f"line of {model}"] = list(struct.unpack("<2I", correct))
    return found


def counts(database: sqlite3.Connection) -> dict[str, int]:
    """How many rows each of our own tables holds; signs of life are not kept."""
    names = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND (name GLOB 'collector_*' OR name GLOB 'trainer_*')"
    ).fetchall()
    return {
        name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for (name,) in names
        if name != "trainer_heartbeat"
    }
