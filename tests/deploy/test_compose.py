"""Compose's file is read by docker-compose itself, and holds what it promises. Nothing is started:
that wants a Docker daemon."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import dockerfiles, needs
from tests.support.site import ROOT

DEPLOY = ROOT / "deploy"
FILLED = {"DADC_SECRET_KEY": "s", "POSTGRES_PASSWORD": "of-the-database", "TORCH_INDEX": "cpu"}


def read(folder: Path, **filled: str) -> subprocess.CompletedProcess[str]:
    """What docker-compose makes of the files, with these values of example.env filled in."""
    for name in ("compose.yaml", "Caddyfile"):
        shutil.copy(DEPLOY / name, folder / name)
    lines = (DEPLOY / "example.env").read_text().splitlines()
    given = [line + filled.get(line.removesuffix("="), "") for line in lines]
    (folder / ".env").write_text("\n".join(given) + "\n")
    return subprocess.run(
        [needs.docker_compose(), "-f", "compose.yaml", "config"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    answer = read(tmp_path_factory.mktemp("compose"), **FILLED)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = yaml.safe_load(answer.stdout)
    assert found["networks"]["back"]["internal"] is True
    services: dict[str, Any] = found["services"]
    return services


@pytest.mark.parametrize("missing", ["POSTGRES_PASSWORD", "TORCH_INDEX"])
def test_nothing_begins_before_what_it_needs_is_set(missing: str, tmp_path: Path) -> None:
    answer = read(tmp_path, **{name: value for name, value in FILLED.items() if name != missing})
    assert answer.returncode != 0
    assert missing in answer.stderr
    assert "deploy/.env" in answer.stderr


def test_the_database_is_reached_by_the_site_alone_and_the_site_by_the_proxy(
    services: dict[str, Any],
) -> None:
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    # Behind an address of IPv6 every client would have Docker's own.
    assert services["proxy"]["ports"] == [
        "0.0.0.0:80:80/tcp",
        "0.0.0.0:443:443/tcp",
        "0.0.0.0:443:443/udp",
    ]
    networks = {name: set(service["networks"]) for name, service in services.items()}
    assert networks == {"site": {"front", "back"}, "database": {"back"}, "proxy": {"front"}}
    upstream = services["proxy"]["environment"]["UPSTREAM"]
    assert upstream == f"site:{dockerfiles.environment()['PORT']}"
    set_ = services["site"]["environment"]
    assert set_["DATABASE_URL"] == "postgres://dadc:of-the-database@database/dadc"
    assert set_["DADC_TRUSTED_PROXIES"] == "1"


def test_what_stands_open_may_little_and_all_that_is_kept_has_a_volume(
    services: dict[str, Any],
) -> None:
    for name in ("site", "proxy"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    assert services["proxy"]["cap_add"] == ["NET_BIND_SERVICE"]
    for service in services.values():
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    kept = {volume.split(":")[1] for volume in services["site"]["volumes"]}
    assert kept == {dockerfiles.environment()["DADC_DATA_DIR"], "/backups"}
