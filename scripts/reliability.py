"""The table of docs/reliability.md, from the marks of the tests: `python -m scripts.reliability`.

A test that shows what comes of an input or a fault says so with
`@pytest.mark.survives("input or fault", "what comes of it")`. On which database it does is not
said but found: by what its fixtures start, and by the list of what CI runs on PostgreSQL too.
"""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- made from the tests by make reliability -->\n", "<!-- end -->\n"
HEAD = "| input or fault | what comes of it | database | test |\n| --- | --- | --- | --- |\n"
KINDS = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
# A site or a database that a test, or a fixture of its own, begins.
BEGUN = re.compile(r'\b(?:site|database)\(\s*"(sqlite|postgres)"|f"(sqlite):///\{|\bdb\.(sqlite)3')
COLLECTED = pytest.StashKey[list[pytest.Item]]()
ON_POSTGRES = set((ROOT / "tests/on_postgres.txt").read_text().split())


@dataclass
class Row:
    """An input or a fault, what comes of it, and the tests that show it."""

    fault: str
    outcome: str
    kinds: set[str] = field(default_factory=set)
    tests: dict[str, None] = field(default_factory=dict)

    def __str__(self) -> str:
        database = "both" if self.kinds == KINDS.keys() else "".join(map(KINDS.get, self.kinds))  # type: ignore[arg-type]
        tests = "<br>".join(f"`{test}`" for test in self.tests)
        return f"| {self.fault} | {self.outcome} | {database or '—'} | {tests} |\n"


def table(items: Iterable[pytest.Item]) -> str:
    """Return the table of what these tests show, as they stand in their files; tests of one fault
    and outcome stand in one row."""
    rows: dict[tuple[str, str], Row] = {}
    for item in sorted(items, key=lambda item: (item.location[0], item.location[1] or 0)):
        for mark in item.iter_markers("survives"):
            row = rows.setdefault(mark.args, Row(*mark.args))
            row.tests[item.nodeid.partition("[")[0]] = None
            row.kinds |= _kinds(item)
    return HEAD + "".join(map(str, rows.values()))


def _kinds(item: pytest.Item) -> set[str]:
    """Find on which databases a test runs; none for one that has nothing to do with any."""
    assert isinstance(item, pytest.Function)
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if named := {value for value in values if isinstance(value, str)} & KINDS.keys():
        return named
    if begun := set(_begun(item)):
        return begun
    if {"db", "transactional_db"} & set(item.fixturenames) or item.get_closest_marker("django_db"):
        return set(KINDS) if _is_on_both(item.nodeid.partition("[")[0]) else {"sqlite"}
    return set()


def _is_on_both(test: str) -> bool:
    """Say whether the list of what CI runs on PostgreSQL too holds a test, or its file without
    leaving it out."""
    named = {test.removeprefix("tests/"), test.removeprefix("tests/").partition("::")[0]}
    return bool(named & ON_POSTGRES) and f"--deselect={test}" not in ON_POSTGRES


def _begun(item: pytest.Function) -> Iterator[str]:
    for name in item.fixturenames:
        for fixture in item._fixtureinfo.name2fixturedefs.get(name, ()):
            yield from _begun_in(fixture.func)
    yield from _begun_in(item.function)


def _begun_in(function: object) -> Iterator[str]:
    if getattr(function, "__module__", "").startswith("tests."):
        for named in BEGUN.findall(inspect.getsource(function)):  # type: ignore[arg-type]
            yield "".join(named)


def with_table(text: str, items: Iterable[pytest.Item]) -> str:
    """Return the text of the document with the table that these tests make."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + table(items) + END + rest.partition(END)[2]


@dataclass
class Writer:
    """Writes the table into a document once pytest has collected all tests."""

    document: Path

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.document.write_text(with_table(self.document.read_text(), session.items))


if __name__ == "__main__":
    document = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs/reliability.md"
    asked = ["--collect-only", "-qqq", "-p", "no:cacheprovider", "tests"]
    sys.exit(pytest.main(asked, plugins=[Writer(document)]))
