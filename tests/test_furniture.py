"""Citation, changelog, settings and locked requirements say what pyproject.toml says."""

import re
import tomllib
from pathlib import Path

import yaml
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ["requirements.txt", "requirements-dev.txt"]


def _name(requirement: str) -> str:
    return re.split(r"[\[=]", requirement)[0].lower().replace("_", "-")


def _pins(*files: str) -> dict[str, str]:
    """The version of each package that requirements files pin."""
    text = "\n".join((ROOT / file).read_text() for file in files)
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s\\]+)", text, re.MULTILINE))


def test_the_version_is_the_same_in_every_place() -> None:
    version = PROJECT["version"]
    assert settings.SPECTACULAR_SETTINGS["VERSION"] == version
    client = tomllib.loads((ROOT / "client/pyproject.toml").read_text())
    assert client["project"]["version"] == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == version


def test_the_citation_has_all_that_its_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == PROJECT["license"]
    assert {"message", "title", "authors"} <= citation.keys()
    for reference in citation["references"]:
        assert {"type", "title", "authors", "year", "doi"} <= reference.keys()


def test_the_locks_pin_what_the_project_depends_on_as_it_says() -> None:
    run = {_name(each): each.split("==")[1] for each in PROJECT["dependencies"]}
    dev = {_name(each): each.split("==")[1] for each in PROJECT["optional-dependencies"]["dev"]}
    assert run.items() <= _pins("requirements.txt", "requirements-torch.txt").items()
    assert dev.items() <= _pins("requirements-dev.txt").items()


def test_every_locked_file_has_hashes_and_none_is_of_a_single_kind_of_machine() -> None:
    for lock in LOCKS:
        text = (ROOT / lock).read_text()
        locked = re.findall(r"^\S+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
        assert len(locked) == len(_pins(lock)) > 20
        assert [name for name in _pins(lock) if re.match(r"torch|cuda|nvidia|triton", name)] == []
        assert "://" not in text
