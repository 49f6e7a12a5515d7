"""The practice drawings are shipped as a file, and this is how it was made."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from trainer.simulation import practice

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY / "collector" / "moderation" / "practice_drawings.json"


def test_the_generator_makes_exactly_the_file_that_is_shipped() -> None:
    assert practice.file() == FILE.read_text(encoding="utf-8")


def test_the_file_never_changes() -> None:
    """Moderators have read these drawings: other ones would need other ids."""
    assert sha256(FILE.read_bytes()).hexdigest() == (
        "86d9df46a91cc3ac30fc5ffa906509cd17b61fb05f9362ed6b7eb5372efafedc"
    )


def test_the_collector_ships_them_without_simulated_people() -> None:
    program = (
        "import sys; sys.modules.update({'trainer.simulation': None})\n"
        "from collector.moderation import practice\n"
        "print(sum(len(shipped.pixels) for shipped in practice.shipped()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == str(40 * 784), done.stderr
