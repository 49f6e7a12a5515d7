"""`manage.py verify_release DIR`: does a release agree with itself? Says what does not, and then
exits with 1."""

import sys
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandParser

from collector.data.release_check import Check


class Command(BaseCommand):
    help = (
        "Check a release from its folder alone: checksums, rows and how they settled, pictures, "
        "the model in both forms, its answers and what it learned, and the texts, which are made "
        "again. Nothing is asked of the database."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: object, **options: Any) -> None:
        check, problem_count = Check(options["folder"]), 0
        for problem in check.problems():
            self.stdout.write(problem)
            problem_count += 1
        looked_at = ", ".join(
            f"{count:,} rows of {name}" for name, count in check.row_counts.items()
        )
        self.stderr.write(f"Looked at {looked_at or 'nothing'}.")
        if problem_count:
            sys.exit(1)
        self.stdout.write("Everything agrees.")
