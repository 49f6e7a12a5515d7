"""The house: who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCAL = {"trainer", "collector", "dadc_site"}

# Arrows point one way: trainer.learning ← trainer ← collector ← dadc_site.
FORBIDDEN = {
    "trainer/learning": {
        "django",
        "django_q",
        "rest_framework",
        "trainer",
        "collector",
        "dadc_site",
    },
    "trainer": {"collector", "dadc_site"},
    "collector": {"dadc_site"},
}


def imports(path: Path) -> Iterator[str]:
    """The modules a file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_point_one_way(folder: str) -> None:
    wrong = []
    for path in (ROOT / folder).rglob("*.py"):
        for name in imports(path):
            if folder == "trainer/learning" and name.startswith("trainer.learning"):
                continue
            if name.split(".")[0] in FORBIDDEN[folder]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_the_trainer_has_no_foreign_key_to_a_person() -> None:
    from django.apps import apps

    for model in apps.get_app_config("trainer").get_models():
        for field in model._meta.get_fields():
            related = field.related_model
            if field.concrete and related and not isinstance(related, str):
                assert related._meta.app_label == "trainer", f"{model.__name__}.{field.name}"


def test_the_learning_imports_with_django_blocked() -> None:
    code = """
import importlib, pkgutil, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "collector", "dadc_site"}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import trainer.learning
names = [m.name for m in pkgutil.iter_modules(trainer.learning.__path__) if m.name != "__main__"]
for name in names:
    importlib.import_module("trainer.learning." + name)
print(len(names))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 8


def test_nothing_that_every_command_imports_imports_torch() -> None:
    code = (
        "import sys, django; django.setup(); import dadc_site.urls; print('torch' in sys.modules)"
    )
    env = {"DJANGO_SETTINGS_MODULE": "dadc_site.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=env
    )
    assert done.stdout.strip() == "False", done.stderr


def test_migrations_are_complete(db: None) -> None:
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
