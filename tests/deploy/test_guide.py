"""What the guide to deploying, and the files it sets up with, name is there."""

import re
import subprocess
from pathlib import Path

from django.core.management import get_commands

from dadc_site.environment import ELSEWHERE, defaults
from tests.support.site import ROOT

GUIDE = (ROOT / "docs/deploy.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.+?)^```$", GUIDE, re.M | re.S)
FILES = [path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.name != ".env"]


def test_every_file_of_ours_that_the_guide_names_is_there_and_every_one_is_named() -> None:
    named = set(re.findall(r"\bdeploy/[\w./-]*\w", GUIDE)) - {"deploy/.env", "deploy/backups"}
    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert "install -m 600 example.env .env" in GUIDE
    by_program = {"deploy/healthy.py": "Dockerfile", "deploy/compose.yaml": "docker-compose"}
    for path in FILES:
        name = str(path.relative_to(ROOT))
        is_named = any(name == each or name.startswith(f"{each}/") for each in named)
        assert is_named or name in by_program, name


def test_every_management_command_and_target_that_is_named_exists() -> None:
    texts = [GUIDE, *(path.read_text() for path in FILES), (ROOT / "Dockerfile").read_text()]
    found = set(re.findall(r"(?:manage\.py|dadc-manage) ([a-z_]+)", " ".join(texts)))
    assert {"backup", "restore", "verify", "setup", "add_person", "collectstatic"} <= found
    assert found <= get_commands().keys() | {"as"}
    makefile = (ROOT / "Makefile").read_text()
    for line in re.findall(r"\bmake ([.\w/ ]+)$", "\n".join(BLOCKS), re.M):
        assert {each for each in line.split() if f"\n{each}:" not in makefile} == set()


def test_every_unit_that_the_guide_starts_is_there() -> None:
    units = {path.name for path in FILES}
    for unit in set(re.findall(r"\b(dadc-(?:site|backup)[a-z.]*)", GUIDE)):
        name = unit.rstrip(".")
        assert {name, f"{name}.service", f"{name}.timer"} & units, name


def test_every_setting_that_is_named_is_one() -> None:
    known = defaults.keys() | ELSEWHERE
    for path in [*FILES, ROOT / "docs/deploy.md", ROOT / "Dockerfile"]:
        named = set(re.findall(r"\bDADC_[A-Z_]+\b", path.read_text()))
        assert named <= known, path


def test_every_block_is_a_script_that_a_shell_can_read() -> None:
    for block in BLOCKS:
        answer = subprocess.run(
            ["/bin/sh", "-n"], input=block, capture_output=True, text=True, check=False
        )
        assert answer.stderr == "", block


def test_commands_by_hand_and_the_units_lead_to_the_same_folders() -> None:
    narrow = (ROOT / "deploy/systemd/dadc-.service.d/narrow.conf").read_text()
    for path in ("/etc/dadc.env", "/var/lib/dadc", "/srv/dadc"):
        assert path in narrow
        assert path in GUIDE
    assert "/var/backups/dadc" in (ROOT / "deploy/dadc-manage").read_text()
    assert Path(ROOT / "deploy/dadc-manage").stat().st_mode & 0o111
