"""The learning stands alone: no web framework in it, and torch only where it is needed."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from trainer import learning

REPOSITORY = Path(learning.__file__).parents[2]
MODULES = sorted(
    f"trainer.learning.{module.name}" for module in pkgutil.iter_modules(learning.__path__)
)
WITHOUT_TORCH = ("drawing", "raster", "gate", "report", "evaluate", "shipped", "similarity")


def run_blocked(blocked: tuple[str, ...], modules: list[str]) -> None:
    program = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_all_modules_are_looked_at() -> None:
    assert len(MODULES) >= 11
    assert "trainer.learning.fit" in MODULES


def test_every_module_imports_with_django_and_the_applications_blocked() -> None:
    modules = [name for name in MODULES if not name.endswith("__main__")]
    run_blocked(
        ("django", "rest_framework", "django_q", "collector", "dadc_site"),
        [*modules, "trainer.learning.__main__"],
    )


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_what_others_import_at_their_head_imports_without_torch(module: str) -> None:
    run_blocked(("torch", "django"), [f"trainer.learning.{module}"])
