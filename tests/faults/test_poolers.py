"""A site whose database is behind a pooler: nothing that a connection is believed to keep."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import needs, poolers
from tests.support import site as sites
from tests.support.site import Site

pytestmark = [pytest.mark.faults]

SAMPLES = """
import hashlib, uuid
from trainer.models import Contributor, Round, Sample
someone = Contributor.objects.create(id=uuid.uuid4(), position=0, split="train")
Sample.objects.bulk_create(
    Sample(
        attempt=uuid.uuid4(), contributor=someone, round=Round.objects.get(), label=4,
        has_fooled=True, is_audited=False, pixels=number.to_bytes(4, "big") * 196,
        sha256=hashlib.sha256(number.to_bytes(4, "big") * 196).hexdigest(),
    )
    for number in range(1200)
)
"""
# What a transaction is under, and whether a statement of its own still answers.
ASKED = """
from django.db import connection, transaction
def shown(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]
with transaction.atomic():
    print(shown("lock_timeout"), shown("jit"), shown("transaction_isolation"))
print(shown("lock_timeout"))
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    needs.database("postgres")
    with (
        sites.database("postgres", tmp_path) as url,
        poolers.pgbouncer(url, tmp_path) as through_it,
    ):
        made = Site(tmp_path, through_it, sites.free_port())
        try:
            made.manage("setup")
            made.start_web()
            yield made
        finally:
            made.stop()


@pytest.mark.survives(
    "PgBouncer in transaction mode with four server connections: setup, a drawing, `verify`, 24"
    " exports at once",
    "all whole; each transaction has its lock timeout and leaves none behind",
)
def test_a_site_behind_a_pooler_gives_24_exports_at_once_and_keeps_its_limits(site: Site) -> None:
    drawn = {"target_label": 1, "strokes": [{"x": [100, 140], "y": [20, 240], "t": [0, 90]}]}
    assert site.person("alice").post("/api/attempts/", drawn).status == 201
    assert "Everything agrees." in site.manage("verify")
    # Each transaction has its limits, and leaves none behind for another's.
    assert site.python(ASKED).split("\n") == ["5s off read committed", "0"]
    site.python(SAMPLES)
    admin = site.sign_in("admin")
    with ThreadPoolExecutor(24) as together:
        answers = list(together.map(admin.get, ["/api/samples/?as=csv"] * 24))
    assert {answer.status for answer in answers} == {200}
    assert {len(answer.body.splitlines()) for answer in answers} == {1 + 1200}
