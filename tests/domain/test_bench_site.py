"""`make bench` goes on working: what it builds is a site, and each thing that it measures is
answered."""

import pytest

from scripts import bench_site

pytestmark = pytest.mark.django_db


def test_what_the_bench_measures_can_be_measured() -> None:
    bench_site._build(min(bench_site.SIZES))
    for _, _, action in bench_site._actions():
        action()
