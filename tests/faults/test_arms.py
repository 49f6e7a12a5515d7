"""Two hundred people sign up in the same moment: the lot's blocks are exact, and nobody is left
out."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.site import Site

PEOPLE, PROCESSES = 200, 4
WEIGHTS = {"dynamic": 2, "static": 1, "none": 1}
# Passwords are hashed quickly: how many of those a site does at once is another matter.
SIGN_UP = """
from concurrent.futures import ThreadPoolExecutor
from django.conf import settings
from django.db import OperationalError, connection
from collector.people import accounts
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
def sign_up(number):
    name = f"person{{number}}"
    try:
        accounts.sign_up(name, "correct horse battery", "", address="198.51.100.7", site="http://x")
    except OperationalError:  # SQLite was busy for too long
        return sign_up(number)
    finally:
        connection.close()
with ThreadPoolExecutor(10) as at_once:
    list(at_once.map(sign_up, range({first}, {first} + {count})))
"""
ROWS = """
import json
from collector.models import Allocation
print(json.dumps(list(Allocation.objects.values_list("block", "place", "arm"))))
"""


@pytest.mark.survives(
    "200 sign-ups at once in a study of three arms",
    "each is given to one arm, once; every block has each arm as often as its weight says",
)
def test_two_hundred_sign_ups_at_once_fill_block_after_block(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(
        DADC_LIMIT_SCALE="1000", DADC_ARMS=",".join(f"{arm}:{n}" for arm, n in WEIGHTS.items())
    )

    count = PEOPLE // PROCESSES
    with ThreadPoolExecutor(PROCESSES) as at_once:
        programs = [SIGN_UP.format(first=n * count, count=count) for n in range(PROCESSES)]
        list(at_once.map(site.python, programs))
    blocks: dict[int, Counter[str]] = defaultdict(Counter)
    places: dict[int, list[int]] = defaultdict(list)
    for block, place, arm in json.loads(site.python(ROWS)):
        blocks[block][arm] += 1
        places[block].append(place)
    size = sum(WEIGHTS.values())
    assert sorted(blocks) == list(range(PEOPLE // size))
    assert all(counts == WEIGHTS for counts in blocks.values())
    assert all(sorted(of_block) == list(range(size)) for of_block in places.values())
    assert site.manage("verify") == "Everything agrees.\n"
