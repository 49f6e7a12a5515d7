"""Which tests one worker runs: those that share a real site, or trainings, so that it is made once
a session.

xdist's own groups (`--dist loadgroup`) write the group's name into a test's id, which pytest 9.2 no
longer lets them change. `make test` asks to keep the order of the collection: what uses a database
in the worker itself comes before the browser, whose loop Django takes for an async context.
"""

import re

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

TRAINED = ("test_analysis.py", "test_experiment.py", "test_fit.py")
PEOPLED = ("test_drawing.py", "test_fools.py", "test_pages.py")


class BySite(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out tests that share a site together, and all others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return shared_site(nodeid) or nodeid


def shared_site(nodeid: str) -> str | None:
    """The name of what a test shares with others; None where it has its own, or none."""
    path, _, name = nodeid.partition("::")
    folder, _, file = path.rpartition("/")
    if folder.endswith("tests/browser"):
        return "peopled" if file in PEOPLED else file
    if folder.endswith(("tests/domain", "tests/learning")) and file in TRAINED:
        return file
    if folder.endswith("tests/api") and (kind := re.search(r"\[(sqlite|postgres)\b", name)):
        return kind[1]
    return None
