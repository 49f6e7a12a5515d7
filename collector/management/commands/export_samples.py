"""`manage.py export_samples`: all active samples, one a line; with --round what its model was
trained on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.data import exports, whole_files
from collector.errors import Refused
from trainer.rounds import NoSuchRound


class Command(BaseCommand):
    help = (
        "Write the active samples to standard output, or to --out FILE. With --round, write what "
        "that round's model was trained on to a file, from which `python -m trainer.learning fit "
        "--net NET --samples FILE --out WEIGHTS` makes it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as", dest="form", choices=sorted(exports.FORMATS), default="jsonl")
        parser.add_argument("--round", type=int)
        parser.add_argument("--out", type=Path, help="the new file to write; an npz, with --round")

    def handle(self, *args: object, **options: Any) -> None:
        if options["round"] is None:
            self._write(exports.stream(options["form"])[0], options["out"])
            return
        if options["out"] is None:
            raise CommandError("--round wants --out FILE.npz.")
        try:
            count, net = exports.write_training_set(options["round"], options["out"])
        except (Refused, NoSuchRound) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"{count} samples in {options['out']}, for python -m trainer.learning fit --net {net} "
            f"--samples {options['out']} --out again.safetensors"
        )

    def _write(self, lines: Iterable[str], path: Path | None) -> None:
        if path is None:
            for line in lines:
                self.stdout.write(line, ending="")
            return
        try:
            with (
                whole_files.making(path) as folder,
                (folder / "whole").open("w", encoding="utf-8", newline="") as file,
            ):
                file.writelines(lines)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
