"""`manage.py verify`: does everything in the database agree? Says what does not, and then exits
with 1."""

import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.moderation import gold
from collector.study import schema
from collector.study.consistency import Recount
from trainer import remaking, rounds

OTHER_TABLES = (
    "The tables of this database are not those of this version, so its rows were not looked at. If "
    "it is of an earlier version, `manage.py migrate` brings it forward."
)


class Command(BaseCommand):
    help = "Check that everything in the database agrees with everything else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--recompute",
            type=int,
            nargs="+",
            default=[],
            metavar="ROUND",
            help="also make the models of these rounds again and compare: a training each",
        )

    def handle(self, *args: object, **options: Any) -> None:
        if differing := schema.problems():
            self.stdout.write("\n".join(differing))
            raise CommandError(OTHER_TABLES)
        recount, problem_count = Recount(), 0
        for problem in chain(
            recount.problems(), gold.differing_practice(), self._remade(options["recompute"])
        ):
            self.stdout.write(problem)
            problem_count += 1
        looked_at = ", ".join(f"{count:,} {name}" for name, count in recount.looked_at.items())
        self.stderr.write(f"Looked at {looked_at or 'nothing'}.")
        if problem_count:
            sys.exit(1)
        self.stdout.write("Everything agrees.")

    def _remade(self, numbers: list[int]) -> Iterator[str]:
        """Yield what differs in the models of these rounds, made again."""
        for number in numbers:
            try:
                for difference in remaking.differences(rounds.get_round(number).model):
                    yield f"Round {number}'s model: {difference}."
            except remaking.CannotRemake as reason:
                self.stderr.write(f"Round {number}'s model cannot be made again: {reason}.")
            except rounds.NoSuchRound as error:
                raise CommandError(str(error)) from error
