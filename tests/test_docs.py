"""The docs are held against the code."""

import re
from pathlib import Path

from collector.models import Attempt
from collector.rules.verdicts import ANSWERS

ROOT = Path(__file__).resolve().parent.parent
HOMES = [
    ROOT,
    ROOT / "collector",
    ROOT / "trainer/learning",
    ROOT / "trainer/simulation",
    ROOT / "static/js",
]
DOCS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_every_setting_is_in_the_operations_guide_and_no_other() -> None:
    read = set(
        re.findall(r'"((?:DADC_|DATABASE_)[A-Z_]+)"', (ROOT / "dadc_site/settings.py").read_text())
    )
    told = set(
        re.findall(r"`((?:DADC_|DATABASE_)[A-Z_]+)`", (ROOT / "docs/operations.md").read_text())
    )
    assert told - read <= {"DADC_PASSWORD"}  # read by add_person and setup
    assert read <= told


def test_the_terms_name_every_status_and_answer() -> None:
    terms = (ROOT / "docs/terms.md").read_text()
    assert [status for status in Attempt.Status.values if f"`{status}`" not in terms] == []
    assert {"ambiguous", "junk"} <= set(ANSWERS) and "ambiguous, or junk" in terms


def test_the_files_that_the_docs_name_exist() -> None:
    missing = []
    for doc in DOCS:
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|js|css|md))", doc.read_text()):
            if not any((home / name).exists() for home in HOMES):
                missing.append(f"{doc.name}: {name}")
        for link in re.findall(r"\]\(([^)#:]+)\)", doc.read_text()):
            if not (doc.parent / link).exists():
                missing.append(f"{doc.name}: {link}")
    assert missing == []


def test_the_functions_that_the_walk_names_exist() -> None:
    walk = (ROOT / "docs/walk.md").read_text()
    missing = []
    for path, names in re.findall(r"`([a-z_/]+\.py): ([a-z_, ]+)`", walk):
        code = next(home / path for home in HOMES if (home / path).exists()).read_text()
        missing += [f"{path}: {name}" for name in names.split(", ") if f"def {name}(" not in code]
    assert missing == []
