"""`manage.py simulate`: the simulated study, many seeds side by side; a table and a JSON at the
end."""

import argparse
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from collector.management.arguments import at_least_one


class Command(BaseCommand):
    help = (
        "Simulate the study: penmen draw against the newest model (dynamic), against round 1's "
        "(static) or unseen (none), a model is trained each round, and writers who drew none of it "
        "say what it learned. Touches no data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--seeds",
            type=_seeds,
            default=range(1, 2),
            metavar="N|A-B",
            help="which runs (default 1)",
        )
        parser.add_argument("--rounds", type=at_least_one, default=20)
        parser.add_argument("--round-size", type=at_least_one, default=50, metavar="SAMPLES")
        parser.add_argument(
            "--arms", nargs="+", choices=("dynamic", "static", "none"), default=["dynamic", "none"]
        )
        parser.add_argument("--net", default="mnist_model")
        parser.add_argument(
            "--jobs", type=at_least_one, default=1, help="seeds at a time, each on one thread"
        )
        parser.add_argument(
            "--out", type=Path, default=Path("study.json"), help="goes on from what it holds"
        )

    def handle(self, *args: object, **options: Any) -> None:
        from trainer.learning.basedata import BadBaseData
        from trainer.learning.shipped import NotShipped
        from trainer.simulation import experiment, findings

        rounds = options["rounds"]
        compared_at = (*(number for number in (4, 20) if number < rounds), rounds)
        plan = experiment.Plan(
            options["net"], rounds, options["round_size"], compared_at=compared_at
        )
        began_at = time.monotonic()
        try:
            outcome = experiment.run(
                plan,
                options["seeds"],
                options["arms"],
                options["out"],
                options["jobs"],
                settings.MNIST_DIR,
                settings.MNIST_CACHE,
            )
        except (experiment.OtherStudy, BadBaseData, NotShipped, OSError) as error:
            raise CommandError(str(error)) from error
        for line in findings.table(outcome):
            self.stdout.write(line)
        minutes, seconds = divmod(round(time.monotonic() - began_at), 60)
        self.stdout.write(f"{options['out']} holds it all. This took {minutes} min {seconds} s.")


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    seeds = range(at_least_one(first), at_least_one(last or first) + 1)
    if not seeds:
        raise argparse.ArgumentTypeError("from the smaller to the greater")
    return seeds
