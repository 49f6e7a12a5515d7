"""A publication that is killed goes on where it was: nothing is there twice, and nothing half."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import site as sites
from tests.support.site import Site, wait_for
from tests.support.standin_hub import Hub
from tests.support.standin_zenodo import Zenodo
from tests.support.standins import TOKEN

pytest.importorskip("huggingface_hub")
pytestmark = [pytest.mark.faults]
KEEP = """
from collector.models import Study
from tests.support import kept
from trainer.models import Round
Study.objects.update(has_public_releases=True)
Round.objects.update(state="open")
kept.keep("1.1.0")
"""


@pytest.fixture
def places() -> Iterator[tuple[Hub, Zenodo]]:
    with Hub() as hub, Zenodo() as zenodo:
        yield hub, zenodo


@pytest.fixture
def site(database_kind: str, tmp_path: Path, places: tuple[Hub, Zenodo]) -> Iterator[Site]:
    hub, zenodo = places
    settings = {
        "HF_ENDPOINT": hub.url,
        "DADC_HUB_TOKEN": TOKEN,
        "DADC_HUB_DATASET": "digits/fools",
        "DADC_ZENODO_TOKEN": TOKEN,
        "DADC_ZENODO_URL": zenodo.url,
    }
    with sites.database(database_kind, tmp_path, "setup") as url:
        made = Site(tmp_path, url, sites.free_port(), settings)
        made.python(KEEP)
        yield made


def _killed_after(site: Site, standin: Hub | Zenodo, does: str) -> None:
    """Publish, and be killed between what a place has done and the note of it."""
    answer: Callable[..., tuple[int, Any]] = getattr(standin, does)
    going: list[Any] = []

    def and_kill(*of_the_request: Any) -> tuple[int, Any]:
        done = answer(*of_the_request)
        wait_for(lambda: going, 10, "the process")
        os.kill(going[0].pid, signal.SIGKILL)
        going[0].wait()
        return done

    setattr(standin, does, and_kill)
    going.append(site.start("publish", "manage.py", "publish"))
    wait_for(lambda: going[0].poll() is not None, 60, "the kill")
    setattr(standin, does, answer)


@pytest.mark.survives(
    "a publication killed between what the Hub or Zenodo did and the note of it",
    "the next one goes on; there is one commit, one record, one DOI",
)
def test_killed_between_deed_and_note_it_is_published_once(
    site: Site, places: tuple[Hub, Zenodo]
) -> None:
    hub, zenodo = places
    _killed_after(site, hub, "commit")
    for does in ("create", "content", "publish"):
        _killed_after(site, zenodo, does)
    told = site.manage("publish")
    assert "published, https://doi.org/10.5281/zenodo." in told
    repository = hub.repositories["dataset/digits/fools"]
    assert len(repository.commits) == 2
    assert repository.tags == {"v1.1.0": repository.main}
    [record] = zenodo.records.values()
    assert record.is_published
    assert record.files == repository.files
    assert site.manage("publish") == "All is where it should be.\n"


@pytest.mark.survives("two publications at once", "one is made, the other is told so")
def test_of_two_at_once_one_is_sent_away(site: Site, places: tuple[Hub, Zenodo]) -> None:
    hub, _ = places
    with hub.lock:  # it answers nobody meanwhile
        going = site.start("publish", "manage.py", "publish")
        wait_for((site.data_dir / "publish.lock").exists, 60, "the first")
        assert "is at it" in site.refused("publish")
    assert going.wait() == 0
    assert len(hub.repositories["dataset/digits/fools"].commits) == 2


def test_the_publisher_publishes_by_itself_and_ends_with_its_parent(
    site: Site, places: tuple[Hub, Zenodo]
) -> None:
    _, zenodo = places
    going = site.start("publisher", "manage.py", "publish", "--keep")
    wait_for(lambda: zenodo.published, 60, "the publication")
    going.terminate()
    assert going.wait(10) != 0
