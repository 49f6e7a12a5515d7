"""The house: who may import whom, measured from every import, also those inside functions."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("trainer", "collector", "dadc_site")

# The rooms of the house, floor by floor from the ground: a room imports from lower floors alone.
FLOORS = (
    {"trainer.learning"},
    {"trainer.simulation"},
    {
        "trainer.migrations",
        "trainer.apps",
        "trainer.models",
        "trainer.prepared",
        "trainer.saying",
    },
    {"trainer.rounds", "trainer.mnist_duplicates", "trainer.heartbeats"},
    {"trainer.target"},
    {"trainer.samples", "trainer.measurements"},
    {"trainer.candidates", "trainer.reports", "trainer.remaking", "trainer.opened"},
    {"trainer.tasks"},
    {
        "collector.errors",
        "collector.append_only",
        "collector.apps",
        "collector.rules",
        "trainer.words",
    },
    {"collector.models", "collector.refusals", "collector.health"},
    {"collector.limits", "collector.middleware", "collector.migrations"},
    {"collector.standings", "collector.study", "collector.drawings"},
    {"collector.data"},
    {"collector.people"},
    {"collector.moderation"},
    {"collector.forms"},
    {
        "collector.admin",
        "collector.views",
        "collector.api",
        "collector.management",
        "collector.tasks",
    },
    {"collector.urls"},
    {"dadc_site"},
)
ROOMS = {room: number for number, floor in enumerate(FLOORS) for room in floor}
MOST_ROOMS, MOST_ARROWS = 24, 75  # in collector, at its top level

# Who knows the people who do not exist: the crowd, and the experiment's command.
KNOW_THE_SIMULATED = {
    "collector.management.simulated_crowd",
    "collector.management.commands.simulate",
}
# Pure: plain values in, plain values out.
PURE = {
    "collector.rules": {"trainer.learning"},
    "trainer.learning": set[str](),
    "trainer.simulation": {"trainer.learning"},
}
FRAMEWORKS = {"django", "django_q", "rest_framework", "drf_spectacular"}

Arrows = set[tuple[str, str]]


def modules() -> dict[str, Path]:
    """Every module of the house by its dotted name; a package goes by its folder's."""
    paths = {path for top in HOUSE for path in (ROOT / top).rglob("*.py")}
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(paths)
    }


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """The names that a file imports anywhere: modules, or things within them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str | None:
    """The longest part of an imported name that is a module of the house."""
    parts = name.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in MODULES), None)


@cache
def arrows() -> Arrows:
    """Who imports whom, by module; a package's face, which only hands on, draws no arrow."""
    pairs = {
        (name, target)
        for name, path in MODULES.items()
        if path.name != "__init__.py"
        for used in imported(path)
        if (target := module_of(used)) and target != name
    }
    return {(name, target) for name, target in pairs if not name.startswith(target + ".")}


def room_of(module: str) -> str:
    """The room that a module stands in: a file or folder of trainer or collector."""
    return next((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), module)


def against_the_direction(pairs: Arrows) -> list[str]:
    """The arrows between rooms that do not run to a lower floor."""
    return [
        f"{name} imports {target}"
        for name, target in sorted(pairs)
        if room_of(name) != room_of(target) and ROOMS[room_of(target)] >= ROOMS[room_of(name)]
    ]


def within_views(pairs: Arrows) -> list[str]:
    """The arrows from a page to another page, and from what pages share to a page."""
    views = "collector.views."
    return [
        f"{name} imports {target}"
        for name, target in sorted(pairs)
        if name.startswith(views)
        and target.startswith(views)
        and not target.startswith(f"{views}parts")
    ]


def impure(pairs: Arrows) -> list[str]:
    """The arrows from pure rooms to others than those that they may know."""
    return [
        f"{name} imports {target}"
        for name, target in sorted(pairs)
        for room, may_know in PURE.items()
        if room_of(name) == room and room_of(target) not in {room, *may_know}
    ]


def knowing_the_simulated(pairs: Arrows) -> list[str]:
    """The arrows to simulated people from anybody but the crowd and the experiment."""
    return [
        f"{name} imports {target}"
        for name, target in sorted(pairs)
        if room_of(target) == "trainer.simulation"
        and room_of(name) != "trainer.simulation"
        and name not in KNOW_THE_SIMULATED
    ]


def circles(pairs: Arrows) -> list[str]:
    """The modules that reach themselves."""
    reached = {name: {target for source, target in pairs if source == name} for name in MODULES}
    while True:
        further = {
            name: targets.union(*(reached[target] for target in targets))
            for name, targets in reached.items()
        }
        if further == reached:
            return [name for name, targets in reached.items() if name in targets]
        reached = further


def test_every_module_stands_in_a_room_that_has_a_floor() -> None:
    tops = {"trainer", "collector", "dadc_site"}
    assert [name for name in MODULES if room_of(name) not in ROOMS and name not in tops] == []
    assert [room for room in ROOMS if room not in MODULES] == []


def test_imports_run_to_lower_floors_alone() -> None:
    assert against_the_direction(arrows()) == []


def test_no_page_imports_a_page() -> None:
    assert within_views(arrows()) == []


def test_pure_rooms_know_no_other_and_no_framework() -> None:
    assert impure(arrows()) == []
    assert [
        f"{name} imports {used}"
        for name, path in MODULES.items()
        if room_of(name) in PURE
        for used in imported(path)
        if used.split(".")[0] in FRAMEWORKS
    ] == []


def test_only_the_crowd_and_the_experiment_know_simulated_people() -> None:
    assert knowing_the_simulated(arrows()) == []


def test_no_module_reaches_itself() -> None:
    assert circles(arrows()) == []


def test_collector_is_seen_in_one_look() -> None:
    rooms = {room_of(name) for name in MODULES if name.startswith("collector.")}
    between = {
        (room_of(name), room_of(target))
        for name, target in arrows()
        if name.startswith("collector.") and target.startswith("collector.")
    }
    between = {(name, target) for name, target in between if name != target}
    assert len(rooms) <= MOST_ROOMS
    assert len(between) <= MOST_ARROWS


@pytest.mark.parametrize(
    ("check", "arrow"),
    [
        (against_the_direction, ("collector.drawings.attempts", "collector.moderation.queue")),
        (against_the_direction, ("collector.standings.progress", "collector.study.settings")),
        (against_the_direction, ("collector.moderation.queue", "collector.views.desk")),
        (against_the_direction, ("collector.models.people", "collector.limits")),
        (against_the_direction, ("trainer.rounds", "collector.models.study")),
        (against_the_direction, ("trainer.learning.fit", "trainer.models")),
        (within_views, ("collector.views.desk", "collector.views.rounds")),
        (within_views, ("collector.views.parts.figures", "collector.views.rounds")),
        (impure, ("collector.rules.verdicts", "collector.errors")),
        (impure, ("trainer.simulation.penman", "trainer.models")),
        (knowing_the_simulated, ("collector.moderation.practice", "trainer.simulation.penman")),
        (circles, ("collector.models.people", "collector.models.moderation")),
    ],
)
def test_a_wrong_arrow_would_be_found(check: object, arrow: tuple[str, str]) -> None:
    assert callable(check)
    assert arrow not in arrows()
    assert check(arrows() | {arrow})


def test_the_trainer_has_no_foreign_key_to_a_person() -> None:
    from django.apps import apps

    for model in apps.get_app_config("trainer").get_models():
        for field in model._meta.get_fields():
            related = field.related_model
            if field.concrete and related and not isinstance(related, str):
                assert related._meta.app_label == "trainer", f"{model.__name__}.{field.name}"


def run_blocked(blocked: set[str], names: list[str]) -> None:
    """Import these modules in a process of their own in which the blocked ones do not import."""
    program = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({sorted(blocked)!r}))\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    command = [sys.executable, "-c", program]
    unmeasured = {k: v for k, v in os.environ.items() if not k.startswith("SLIPCOVER_")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=unmeasured)
    assert done.returncode == 0, done.stderr


def test_the_learning_and_the_simulation_import_with_django_and_the_site_blocked() -> None:
    names = [
        name for name in MODULES if name.startswith(("trainer.learning", "trainer.simulation"))
    ]
    assert "trainer.learning.__main__" in names
    assert "trainer.simulation.experiment" in names
    run_blocked({*FRAMEWORKS, "collector", "dadc_site"}, names)


@pytest.mark.parametrize(
    "module",
    ["attribution", "drawing", "gate", "inference", "manifests", "raster", "report", "shipped"],
)
def test_what_others_import_at_their_head_imports_without_torch(module: str) -> None:
    run_blocked({"torch", "django"}, [f"trainer.learning.{module}"])


def test_whoever_serves_never_loads_torch() -> None:
    """Not to judge a drawing, nor to say what in it spoke for the verdict."""
    served = [
        "import dadc_site.wsgi",
        "from trainer.learning import attribution, inference, shipped, weights",
        "import numpy as np",
        "data, ink = shipped.round_one('strong').weights, np.full((28, 28), 9, np.uint8)",
        "net = inference.Net('strong', weights.read('strong', data, None))",
        "net.probabilities(ink[None]), attribution.attribution_map(net, ink, 1, 7)",
        "print(sorted({'torch', 'safetensors.torch'} & sys.modules.keys()))",
    ]
    command = [sys.executable, "-c", "\n".join(["import sys", *served])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_migrations_are_complete(db: None) -> None:
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_one_function_says_whose_address_a_request_has() -> None:
    """Only who counts by it, and who logs it, reads what that function wrote."""
    texts = {name: path.read_text() for name, path in MODULES.items()}
    readers = {name for name, text in texts.items() if "REMOTE_ADDR" in text}
    assert readers == {"collector.middleware", "collector.limits", "collector.people.sign_ins"}
    assert {name for name, text in texts.items() if "X_FORWARDED_FOR" in text} == {
        "collector.middleware"
    }
