"""`manage.py verify`: does everything in the database agree? Says what does not, and then exits
with 1."""

import sys
from typing import Any

from django.core.management import BaseCommand

from collector.study import consistency


class Command(BaseCommand):
    help = "Check that everything in the database agrees with everything else."

    def handle(self, *args: object, **options: Any) -> None:
        problems = list(consistency.problems())
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            sys.exit(1)
        self.stdout.write("Everything agrees.")
