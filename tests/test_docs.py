"""The docs are held against the code, and to the house's English."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from collector.models import Attempt
from collector.rules.verdicts import ANSWERS
from dadc_site.environment import ELSEWHERE, defaults
from scripts import reliability

ROOT = Path(__file__).resolve().parent.parent
HOMES = [
    ROOT,
    ROOT / "collector",
    ROOT / "trainer/learning",
    ROOT / "trainer/simulation",
    ROOT / "static/js",
]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
# What is written in English and has to keep to the house's; widen it by a pattern.
WRITTEN = [
    "*.md",
    "docs/**/*.md",
    "collector/**/*.py",
    "dadc_site/*.py",
    "trainer/**/*.py",
    "scripts/*.*",
    "scripts/peers/*.*",
    "static/css/*.css",
    "static/js/*",
    "templates/**/*.html",
    "templates/**/*.txt",
    "templates/*.md",
    "tests/**/*.py",
]
THIS = Path(__file__)


def _lines_with(unwanted: str, files: str) -> list[str]:
    """The lines of all files of a pattern that have what is not wanted, whatever its case."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:90]}"
        for path in sorted(ROOT.glob(files))
        if path != THIS
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(unwanted, line, re.IGNORECASE)
    ]


def test_every_setting_is_in_the_operations_guide_with_its_default_and_no_other() -> None:
    told = dict(
        re.findall(
            r"^\| `([A-Z_]+)` \| (.+?) \| .+? \| .+ \|$",
            (ROOT / "docs/operations.md").read_text(),
            re.MULTILINE,
        )
    )
    # `make` sets this one, and nobody else.
    read = {name: default for name, default in defaults.items() if name != "WITH_CROWD"}
    assert told.keys() == read.keys() | ELSEWHERE
    # Where there is a plain default; the others are told in words.
    plain = {name: default for name, default in read.items() if default not in ("", None)}
    on_or_off = {"True": "on", "False": "off"}
    shown = {name: on_or_off.get(str(default), str(default)) for name, default in plain.items()}
    assert {name: told[name].strip("`") for name in shown} == shown


def test_commands_in_the_operations_guide_work_as_they_stand() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    bare = re.findall(r"`((?:manage\.py|verify|verify_release) [^`]*)`", text)
    assert bare == ["manage.py crowd"]  # a process that one sees, not a command to type
    steps = text.partition("### Upgrading")[2].partition("###")[0]
    by_make = (ROOT / "Makefile").read_text().partition("\n.venv/ready:")[2].partition("\n\n")[0]
    needed = {file.name for file in ROOT.glob("requirements*.txt")}
    needed -= {"requirements-dev.txt", "requirements-peers.txt"}
    for name in sorted(needed):
        step = next(line for line in steps.splitlines() if f"-r {name}" in line or name in line)
        assert ("pip install" in step) == (name not in by_make), name


def test_the_terms_name_every_status_and_answer() -> None:
    terms = (ROOT / "docs/terms.md").read_text()
    assert [status for status in Attempt.Status.values if f"`{status}`" not in terms] == []
    assert {"ambiguous", "junk"} <= set(ANSWERS)
    assert "ambiguous, or junk" in terms


def test_the_files_that_the_docs_name_exist() -> None:
    missing = []
    for doc in DOCS:
        text = doc.read_text()
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|js|css|md))", text):
            if not any((home / name).exists() for home in HOMES):
                missing += [f"{doc.name}: {name}"]
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            if not (doc.parent / link).exists():
                missing += [f"{doc.name}: {link}"]
    assert missing == []


def test_the_headings_that_the_docs_link_to_exist() -> None:
    missing = []
    for doc in DOCS:
        for file, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", doc.read_text()):
            text = (doc.parent / file if file else doc).read_text()
            if heading not in map(_anchor, re.findall(r"^#+ (.+)$", text, re.MULTILINE)):
                missing.append(f"{doc.name}: {file}#{heading}")
    assert missing == []


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_security_guide_names_each_item_once_and_tests_that_there_are() -> None:
    guide = (ROOT / "docs/security.md").read_text()
    rows = re.findall(r"^\| (V\d.+?) \| (.+) \| (.+?) \|$", guide, re.MULTILINE)
    assert len(rows) > 80
    items = [item for row in rows for item in row[0].split(", ")]
    assert [item for item in items if not re.fullmatch(r"V\d+\.\d+\.\d+", item)] == []
    assert sorted(items) == sorted(set(items))
    named = {test for row in rows for test in re.findall(r"`(tests/[^`]+)`", row[2])}
    missing = [test for test in sorted(named) if not _is_test(*test.split("::"))]
    assert missing == []
    # Who has no test says why it is not met, or that there is nothing to fail.
    assert len([row for row in rows if row[2] == "none"]) < 20


def _is_test(path: str, name: str) -> bool:
    return (ROOT / path).exists() and name in _defined_in(ROOT / path)


# A step of the walk: a link to a file and, if it says so, what to look at there.
STEP = re.compile(r"\[([^\]]+\.(?:py|js))\]\(\.\./([^)]+)\)(?:: ((?:`\w+`(?:, )?)+))?")


def test_the_walk_links_to_each_file_by_its_path_and_what_it_names_there_exists() -> None:
    steps = STEP.findall((ROOT / "docs/walk.md").read_text())
    assert len(steps) > 50
    assert [text for text, path, _ in steps if text != path] == []
    missing = [
        f"{path}: {name}"
        for _, path, names in steps
        for name in re.findall(r"\w+", names)
        if name not in _defined_in(ROOT / path)
    ]
    assert missing == []


def _defined_in(path: Path) -> set[str]:
    """The functions, methods and classes of a file, Python or JavaScript."""
    if path.suffix == ".py":
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return {
            node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)
        }
    declared = r"\b(?:class|function)\s+(\w+)|^\s+(?:async\s+|static\s+)*#?(\w+)\([^)]*\)\s*\{"
    found = re.findall(declared, path.read_text(), re.MULTILINE)
    return {first or second for first, second in found}


def test_the_walk_goes_four_ways_and_answers_ten_questions() -> None:
    walk = (ROOT / "docs/walk.md").read_text()
    for way in ("A drawing", "A reading", "A suspension", "A report"):
        [steps] = re.findall(rf"^## {way}.*?\n(.*?)(?=^## )", walk, re.MULTILINE | re.DOTALL)
        numbers = [int(number) for number in re.findall(r"^(\d+)\. ", steps, re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 8
    [answers] = re.findall(r"^## Where do I find.*?\n(.*?)(?=^## )", walk, re.MULTILINE | re.DOTALL)
    asked = [line for line in answers.splitlines() if "? |" in line]
    assert len(asked) >= 10
    assert [line for line in asked if not STEP.search(line)] == []


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_a_decision_has_a_title_a_status_and_three_parts(path: Path) -> None:
    text = path.read_text()
    number = int(path.name[:4])
    assert re.match(rf"# {number}\. \S", text)
    superseding = r"superseded by \[decision \d+\]\(\d{4}-[^)]+\)"
    [status] = re.findall(r"^Status: (.+)$", text, re.MULTILINE)
    assert re.fullmatch(rf"(accepted|{superseding}), \d{{4}}-\d\d-\d\d\.", status)
    parts = re.findall(r"^## (.+)\n\n(?=\S)(?!## )", text, re.MULTILINE)
    assert parts == re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert parts == ["Context", "Choice", "Consequences"]
    assert len(text) < 3000  # a screen


def test_every_decision_has_a_number_of_its_own_and_stands_in_the_index_once() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    index = (ROOT / "docs/decisions/README.md").read_text()
    listed = re.findall(r"^- \[(.+)\]\((\d{4}-[^)]+\.md)\)$", index, re.MULTILINE)
    titles = [
        (path.read_text().partition("\n")[0].removeprefix("# "), path.name) for path in DECISIONS
    ]
    assert sorted(listed, key=lambda entry: entry[1]) == titles


@pytest.mark.parametrize("files", WRITTEN)
def test_english_has_english_quotation_marks(files: str) -> None:
    assert _lines_with("[«»]", files) == []


@pytest.mark.parametrize("files", WRITTEN)
def test_people_are_they(files: str) -> None:
    assert _lines_with(r"(\b|_)(he|his|him|himself)(\b|_)", files) == []


@pytest.mark.parametrize("files", WRITTEN)
def test_words_that_have_gone_stay_away(files: str) -> None:
    """In their place: correctly, email, near-duplicate, gold items."""
    assert _lines_with(r"(rightly|e-mails?|near-cop(y|ies)|golds)(?!`)", files) == []


def test_the_table_of_reliability_is_what_the_tests_say(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """`make reliability` writes it."""
    told = (ROOT / "docs/reliability.md").read_text()
    items = request.config.stash[reliability.COLLECTED]
    if {item.path for item in items} == set((ROOT / "tests").rglob("test_*.py")):
        assert told == reliability.with_table(told, items)
        return
    # Not all tests are in this session, so that another has to collect them.
    made = tmp_path / "reliability.md"
    made.write_text(told)
    subprocess.run(
        [sys.executable, "-m", "scripts.reliability", made],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    assert told == made.read_text()
