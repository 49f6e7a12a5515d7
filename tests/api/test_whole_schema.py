"""The API does what its schema says, whatever is sent, for everybody: schemathesis makes requests
of the schema, as it wants them and not, and checks each answer against it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import site as sites
from tests.support.releases import PUBLIC_RELEASE
from tests.support.site import Client, Site

CONFIG = Path(__file__).with_name("schemathesis.toml")
ROLES = ("crowdworker", "moderator", "admin", "anonymous")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("schema")
    with sites.site("sqlite", folder, DADC_LIMIT_SCALE="1000") as made:
        made.python(PUBLIC_RELEASE)
        yield made


@pytest.mark.survives(
    "thousands of requests made of the schema, valid and not, by everybody",
    "what the schema says, and no 5xx",
)
@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_in_the_schema(role: str, site: Site, tmp_path: Path) -> None:
    asker = Client(site) if role == "anonymous" else site.person(f"a-{role}", role)
    told = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
            f"{site.url}/api/schema/?format=json",
            *("--checks", "all", "--warnings", "off", "--no-color"),
            *(("--header", f"Authorization: Token {asker.token}") if asker.token else ()),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(sites.ROOT)},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout[-8000:] + told.stderr
