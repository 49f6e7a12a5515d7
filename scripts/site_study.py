"""The simulated study on the site itself, three arms in one command, beside the offline one:
`python -m scripts.site_study`.

A site of its own is set up and its trainers are kept up by `serve.py`. A simulated crowd signs up,
is given to the arms by the site's own lot, draws, and has each drawing read, through the functions
that people's requests call; people of an arm wait while its model is in training. Every arm's
models are then measured as `manage.py simulate` measures its own, on writers who drew none of it.
Prints the table that it prints, then both studies side by side, and ends with 1 where `verify`
finds anything. A file holds all figures, in the form that the offline study's has.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from tests.support import needs
from tests.support import site as sites

if TYPE_CHECKING:
    from trainer.learning.evaluate import EvalSet
    from trainer.models import RoundModel
    from trainer.simulation.experiment import Outcome, Plan, Row

ARMS = ("dynamic", "static", "none")
OFFLINE = sites.ROOT / "docs/study.json"
MODERATORS = 3
TELL_EVERY = 60.0  # seconds
# None is audited: the offline arms train on what fooled alone, or on all.
SETTINGS = {"DADC_ARMS": ",".join(ARMS), "DADC_LIMIT_SCALE": "1000000", "DADC_AUDIT_SHARE": "0"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--round-size", type=int, default=50, metavar="SAMPLES")
    parser.add_argument("--drawers", type=int, default=150, help="in all arms together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trainers", type=int, default=2)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--out", type=Path, default=Path("site_study.json"))
    options = parser.parse_args()
    extra = SETTINGS | {
        "DADC_ROUND_SIZE": str(options.round_size),
        "DADC_TRAINERS": str(options.trainers),
        "DADC_MNIST_DIR": str(needs.MNIST) if needs.MNIST.exists() else "",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        sites.database(options.database, Path(folder)) as url,
    ):
        site = sites.Site(Path(folder), url, sites.free_port(), extra)
        site.manage("setup")
        serving = site.start("serve", "serve.py", "trainer")
        try:
            outcome = _study(site, options)
        finally:
            serving.terminate()
            serving.wait(15)
            site.stop()
        options.out.write_text(json.dumps(outcome) + "\n", encoding="utf-8")
        tell(outcome)
        return _verify(site)


def _study(site: sites.Site, options: argparse.Namespace) -> "Outcome":
    os.environ |= {**site.env, "DJANGO_SETTINGS_MODULE": "dadc_site.settings"}
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    from collector.management import simulated_crowd
    from trainer.learning import basedata
    from trainer.simulation import experiment

    began_at = told_at = monotonic()
    people = simulated_crowd.gather(options.drawers, MODERATORS, seed=options.seed, pace=0)
    for seconds in people.turns(rounds=options.rounds):
        sleep(seconds)
        if monotonic() - told_at > TELL_EVERY:
            told_at = monotonic()
            print(f"{told_at - began_at:.0f} s: {'; '.join(people.progress())}", flush=True)
    compared_at = (*(number for number in (4, 20) if number < options.rounds), options.rounds)
    drawers = options.drawers // len(ARMS)
    plan = experiment.Plan(
        rounds=options.rounds,
        round_size=options.round_size,
        drawers=drawers,
        compared_at=compared_at,
    )
    base = basedata.find(settings.MNIST_DIR, settings.MNIST_CACHE)
    sets = experiment.measured_on(plan, options.seed, base)
    outcome = experiment.begin(plan, base)
    outcome["runs"] = {str(options.seed): {arm: list(_rows(arm, plan, sets)) for arm in ARMS}}
    connection.close()
    return outcome


def _rows(arm: str, plan: "Plan", sets: "dict[str, EvalSet]") -> Iterator["Row"]:
    """The arm's models, round 1's and one of each round."""
    from trainer import rounds
    from trainer.models import RoundModel

    yield _row(0, rounds.get_round(1, arm).model, arm, None, sets)
    trained = RoundModel.objects.filter(arm=arm, initial_model__isnull=False).order_by("pk")
    drawings_before = 0
    for number, model in enumerate(trained[: plan.rounds], 1):
        row = _row(number, model, arm, drawings_before, sets)
        drawings_before = row["drawings"]
        yield row


def _row(
    number: int,
    model: "RoundModel",
    arm: str,
    drawings_before: int | None,
    sets: "dict[str, EvalSet]",
) -> "Row":
    from collector.models import Attempt
    from trainer import samples
    from trainer.learning import weights
    from trainer.models import Arm, Weights
    from trainer.simulation import experiment

    stored = Weights.objects.filter(pk=model.pk).first()
    if stored is None:
        sys.exit(f"The training of round {number} of {arm} failed: {' '.join(model.reasons)}")
    drawn = Attempt.objects.filter(round__arm=arm, submitted_at__lte=model.created_at)
    drawings = 0 if drawings_before is None else drawn.count()
    fools = drawn.filter(round__number=number, has_fooled=True).count()
    tries = None
    if drawings_before is not None and arm != Arm.NONE and fools:
        tries = (drawings - drawings_before) / fools
    net = weights.load(model.architecture, bytes(stored.data), stored.sha256)
    return {
        "round": number,
        "samples": samples.trained_on(model).count(),
        "drawings": drawings,
        "tries_per_fool": tries,
        "held": model.state != model.State.PROMOTED,
        "errors": experiment.count_errors(net, sets),
    }


def tell(outcome: "Outcome") -> None:
    """Print the table, and the offline study beside it where that was of as many samples."""
    from trainer.simulation import findings

    for line in findings.table(outcome):
        print(line)
    offline: Outcome = json.loads(OFFLINE.read_text(encoding="utf-8"))
    are_alike = all(
        outcome["plan"][key] == offline["plan"][key] for key in ("architecture", "round_size")
    )
    if not are_alike or outcome["base"] != offline["base"]:
        print(f"\n{OFFLINE.name} is of another round size, net or base data: not comparable.")
        return
    print()
    for line in findings.beside(outcome, offline):
        print(line)


def _verify(site: sites.Site) -> int:
    try:
        print(site.manage("verify"), end="")
    except AssertionError as error:
        print(f"FOUND: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
