"""`manage.py export_samples`: every active sample, one a line."""

from typing import Any

from django.core.management import BaseCommand, CommandParser

from collector import exports


class Command(BaseCommand):
    help = "Write the active samples to standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as", dest="form", choices=sorted(exports.FORMATS), default="jsonl")

    def handle(self, *args: Any, **options: Any) -> None:
        lines, _ = exports.stream(options["form"])
        for line in lines:
            self.stdout.write(line, ending="")
