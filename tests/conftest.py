"""The cast and the stage: people, a net that always answers the same digit, and real sites."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import site as sites

MNIST = Path(
    os.environ.get("DADC_MNIST_DIR")
    or Path(__file__).resolve().parent.parent.parent / "shared" / "mnist"
)


def lacking(what: str) -> None:
    """Skip with a loud line; in CI nothing may lack, so there it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs what this machine lacks: {what}")
    pytest.skip(f"THIS MACHINE LACKS: {what}")


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    if kind == "postgres" and (missing := sites.postgres_is_missing()):
        lacking(missing)
    return kind


@pytest.fixture
def make_site(database_kind: str, tmp_path: Path) -> Iterator[Callable[..., sites.Site]]:
    """Makes real sites, on SQLite and on PostgreSQL in turn; they end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(**extra: str) -> sites.Site:
            return stack.enter_context(sites.site(database_kind, tmp_path, **extra))

        yield make
