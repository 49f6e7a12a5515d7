"""What the tests' own processes promise to the tests."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import forking


def test_a_programs_end_wakes_every_thread_that_waits_for_it(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out, ThreadPoolExecutor(3) as threads:
        for _ in range(5):
            going = forking.start(["-c", "import time; time.sleep(0.02)"], os.environ, out, out)
            waiting = [threads.submit(going.wait) for _ in range(3)]
            while going.poll() is None:
                pass
            assert [each.result(10) for each in waiting] == [0, 0, 0]
