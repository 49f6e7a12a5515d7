"""One running site a database for all tests of bad input."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import needs
from tests.support import site as sites
from tests.support.site import Site
from tests.support.world import World, peopled


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    kind: str = request.param
    needs.database(kind)
    data_dir = tmp_path_factory.mktemp(f"bad_inputs_{kind}")
    with sites.site(kind, data_dir, DADC_LIMIT_SCALE="1000") as site:
        world = peopled(site)
        yield world
        for web in world.webs:
            web.stop()


@pytest.fixture(scope="session")
def strict(world: World, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The same site by another door: a second web server on its database, with the limits as they
    are by default."""
    data_dir: Path = tmp_path_factory.mktemp("strict")
    key = (world.site.data_dir / "secret_key").read_text()
    web = Site(data_dir, world.site.database_url, sites.free_port(), {"DADC_SECRET_KEY": key})
    web.start_web()
    world.webs.append(web)
    return web
