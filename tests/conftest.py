"""Real sites, on each database in turn, shared where tests can share one; and pages without the
files that collectstatic makes."""

import gc
import math
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.support")
gc.disable()  # until all is imported and collected, which stays
# Before numpy is loaded: one thread, as all sites of the tests have. Two take up to four times as
# much of the processor for the same.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from scripts import reliability  # noqa: E402
from tests.support import examples, needs, scheduling, templates  # noqa: E402
from tests.support import site as sites  # noqa: E402

examples.choose()
# What a test starts heeds these also where the suite runs in the background, or under nohup.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Have a worker share what the session makes once."""
    if of_a_worker := getattr(config, "workerinput", None):
        templates.share(of_a_worker["templates"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["templates"] = str(templates.folder())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what was collected, also what is deselected."""
    config.stash[reliability.COLLECTED] = list(items)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: nobody looks through it for garbage."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> scheduling.BySite:
    """Keep tests that share a real site on one worker."""
    return scheduling.BySite(config, log)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """SQLite in memory, as Django has it; pytest-django knows it by its engine's name alone."""
    from django.db import connections

    for connection in connections.all():
        if connection.vendor == "sqlite":
            connection.settings_dict["TEST"]["NAME"] = ":memory:"
    request.getfixturevalue("django_db_modify_db_settings")


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_db_modify_db_settings: None, django_db_blocker: Any
) -> Iterator[None]:
    """The database of the tests' own process: in the first that needs one it is made by `migrate`,
    in the others it begins as a copy of that, which nothing is left to be done to."""
    from django.db import connection

    def migrate() -> str:
        request.getfixturevalue("django_db_setup")
        with django_db_blocker.unblock():
            return templates.copy_of(connection)

    with ExitStack() as stack:
        if templates.takes(connection):
            kind = {"postgresql": "postgres"}.get(connection.vendor, connection.vendor)
            like = templates.once(f"{kind}-migrate", migrate)
            stack.enter_context(templates.beginning_as(connection, like))
        request.getfixturevalue("django_db_setup")
        yield


@pytest.fixture(autouse=True)
def plain_static_files(settings: Any) -> None:
    """Pages made in the test's own process name static files without their hashes, so that no test
    needs collectstatic."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def same_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's own process, whose clock tests set, has the clock of its database."""
    monkeypatch.setattr("collector.models.clock.ahead", timedelta)


@pytest.fixture(autouse=True)
def no_claimed_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's own process holds nothing of limits that the test before has claimed."""
    monkeypatch.setattr("collector.limits._blocks", {})


@pytest.fixture(autouse=True)
def no_answers_kept(settings: Any) -> None:
    """A training in the test's own process leaves nothing in the project's folder."""
    settings.ANSWERS_FOLDER = None


@pytest.fixture(autouse=True)
def no_texts_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's own process knows that the study has no texts, until it saves one."""
    from collector.study import texts

    monkeypatch.setattr("collector.study.texts._kept", (math.inf, texts.Shown()))


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    needs.database(kind)
    return kind


@pytest.fixture
def make_site(database_kind: str, tmp_path: Path) -> Iterator[Callable[..., sites.Site]]:
    """Makes real sites, on SQLite and on PostgreSQL in turn; they end with the test."""
    with ExitStack() as stack:

        def make(**extra: str) -> sites.Site:
            return stack.enter_context(sites.site(database_kind, tmp_path, **extra))

        yield make
