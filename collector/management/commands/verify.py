"""`manage.py verify`: does everything in the database agree? Says what does not, and then exits
with 1."""

import sys
from typing import Any

from django.core.management import BaseCommand, CommandError

from collector.study import schema
from collector.study.consistency import Recount

OTHER_TABLES = (
    "The tables of this database are not those of this version, so its rows were not looked at. If "
    "it is of an earlier version, `manage.py migrate` brings it forward."
)


class Command(BaseCommand):
    help = "Check that everything in the database agrees with everything else."

    def handle(self, *args: object, **options: Any) -> None:
        if differing := schema.problems():
            self.stdout.write("\n".join(differing))
            raise CommandError(OTHER_TABLES)
        recount, problem_count = Recount(), 0
        for problem in recount.problems():
            self.stdout.write(problem)
            problem_count += 1
        looked_at = ", ".join(f"{count:,} {name}" for name, count in recount.looked_at.items())
        self.stderr.write(f"Looked at {looked_at or 'nothing'}.")
        if problem_count:
            sys.exit(1)
        self.stdout.write("Everything agrees.")
