"""`manage.py verify`: does everything in the database agree? Says what does not, and then exits
with 1."""

import sys
from typing import Any

from django.core.management import BaseCommand

from collector.study.consistency import Recount


class Command(BaseCommand):
    help = "Check that everything in the database agrees with everything else."

    def handle(self, *args: object, **options: Any) -> None:
        recount, problem_count = Recount(), 0
        for problem in recount.problems():
            self.stdout.write(problem)
            problem_count += 1
        looked_at = ", ".join(f"{count:,} {name}" for name, count in recount.looked_at.items())
        self.stderr.write(f"Looked at {looked_at or 'nothing'}.")
        if problem_count:
            sys.exit(1)
        self.stdout.write("Everything agrees.")
