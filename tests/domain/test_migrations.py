"""Databases of earlier commits: what came before the last fold is refused, all later ones go on."""

import gzip
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FROZEN = sorted((ROOT / "tests" / "databases").glob("*.sql.gz"))


def manage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py on the SQLite database in `folder`."""
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env | {"DADC_DATA_DIR": str(folder), "DADC_PASSWORD": "correct horse battery"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("command", ["setup", "migrate"])
def test_a_database_of_before_the_last_fold_is_refused_and_left_alone(
    command: str, tmp_path: Path
) -> None:
    path = tmp_path / "db.sqlite3"
    with sqlite3.connect(path) as database:
        database.executescript("""
            CREATE TABLE django_migrations (
                id integer PRIMARY KEY, app varchar(255), name varchar(255), applied datetime);
            INSERT INTO django_migrations (app, name, applied)
                VALUES ('collector', '0001_initial', '2026-11-01 00:00:00');
            CREATE TABLE collector_suspension (id integer PRIMARY KEY);
            """)
    refused = manage(tmp_path, command)
    assert refused.returncode == 1
    assert "made by a version before 0.2" in refused.stderr
    assert "export_samples" in refused.stderr
    assert "DADC_DATA_DIR" in refused.stderr
    with sqlite3.connect(path) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert tables == {"django_migrations", "collector_suspension"}


def test_a_database_is_frozen_for_every_fold() -> None:
    assert [path.name for path in FROZEN][:1] == ["0001_house.sql.gz"]


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.name)
def test_a_database_of_an_earlier_commit_goes_on_with_all_its_rows(
    frozen: Path, tmp_path: Path
) -> None:
    path = tmp_path / "db.sqlite3"
    with sqlite3.connect(path) as database:
        database.executescript(gzip.decompress(frozen.read_bytes()).decode())
        before = counts(database)
    assert all(before[table] for table in before if not table.endswith("_allowance"))
    made = manage(tmp_path, "setup")
    assert made.returncode == 0, made.stderr
    with sqlite3.connect(path) as database:
        after = counts(database)
    assert {table: after[table] for table in before} == before
    verified = manage(tmp_path, "verify")
    assert verified.stdout == "Everything agrees.\n", verified.stdout + verified.stderr


def counts(database: sqlite3.Connection) -> dict[str, int]:
    """How many rows each of our own tables holds."""
    names = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND (name GLOB 'collector_*' OR name GLOB 'trainer_*')"
    ).fetchall()
    return {
        name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for (name,) in names
    }
