"""`manage.py analyse`: how the arms of the study compare, from the database or from an export."""

import os
import signal
import time
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.data import analyses, collected, whole_files
from collector.errors import Refused
from collector.management import lifeline
from collector.management.arguments import at_least_one, at_least_zero
from trainer import words
from trainer.learning.checkpoints import Killed, Processes


class Command(BaseCommand):
    help = (
        "Compare the arms of the study: make their models at equally many samples, drawings and "
        "minutes, ask them about drawings that no adversary chose, and print the differences with "
        "their 95 % intervals. From the database the look is kept, for the page. The same seed "
        "gives the same figures."
    )

    _told = 0  # per cent

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--from", dest="folder", type=Path, help="an export's or a release's folder, instead"
        )
        source.add_argument(
            "--export", type=Path, help="only write what this is made of to a new folder"
        )
        parser.add_argument("--csv", type=Path, help="write the figures to a new file too")
        parser.add_argument("--seed", type=at_least_zero, default=1)
        parser.add_argument(
            "--seeds", type=at_least_one, default=3, help="models of each training set"
        )
        parser.add_argument(
            "--trainings", type=at_least_zero, default=10, help="models of people drawn again"
        )
        parser.add_argument(
            "--jobs", type=at_least_one, default=1, help="models at a time, each on one thread"
        )
        parser.add_argument(
            "--see",
            type=float,
            default=100 * analyses.ENOUGH,
            metavar="POINTS",
            help="say how many more drawings it takes to see so large a difference",
        )

    def handle(self, *args: object, **options: Any) -> None:
        try:
            self._handle(options)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        except KeyboardInterrupt as error:
            raise CommandError("Ended before its end: nothing of this look is kept.") from error
        except Killed as error:
            raise CommandError(
                f"{error} Nothing of this look is kept. Where memory ran out, fewer --jobs take "
                "less; the same figures come of any number."
            ) from error

    def _handle(self, options: dict[str, Any]) -> None:
        if options["export"]:
            collected.write(options["export"])
            self.stdout.write(f"{options['export']} has all that the analysis is made of.")
            return
        path = options["csv"]
        with whole_files.making(path) if path else nullcontext() as figures:
            self._look(options, figures)

    def _look(self, options: dict[str, Any], figures: Path | None) -> None:
        folder = options["folder"]
        data = collected.from_folder(folder) if folder else collected.from_rows()
        how = {name: options[name] for name in ("seed", "seeds", "trainings")}
        processes = Processes(options["jobs"], partial(_begin_child, os.getpid()))
        tell = partial(self._tell, time.monotonic())
        found = analyses.make(data, **how, tell=tell, processes=processes)
        if data.frame.is_interim:
            self.stdout.write("An interim look: the study has not ended.")
        for line in _told(found, options["see"] / 100):
            self.stdout.write(line)
        if not folder and found.estimates:
            look = analyses.keep(found, data)
            self.stdout.write(f"Look {look.number}, kept.")
        if figures:
            with (figures / "whole").open("w", encoding="utf-8", newline="") as file:
                file.writelines(analyses.as_csv(found))

    def _tell(self, began_at: float, share: float) -> None:
        if (per_cent := int(100 * share)) <= self._told:
            return
        self._told = per_cent
        if per_cent < 100:
            spent = timedelta(seconds=time.monotonic() - began_at)
            self.stderr.write(f"Models: {words.left(per_cent / 100, spent)}.")
        else:
            self.stderr.write("Models: all are made.")


def _begin_child(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and says so
    lifeline.end_with(parent)


def _told(found: analyses.Found, difference: float) -> list[str]:
    """Tell the answer as lines: a sentence, and tables as Markdown has them."""
    told = [analyses.sentence(found), analyses.price(found, difference), ""]
    told += ["| arm | allotted | drew | again | drawings | vMER | samples | minutes |"]
    told += ["| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    arms = ("arm", "allotted", "drawers", "returned", "drawings", "vmer", "samples", "minutes")
    told += [
        "| " + " | ".join(arm[name] for name in arms) + " |"
        for arm in analyses.arms_in_words(found)
    ]
    told += ["", "| measured on | equal | arm | errs | 95 % | of |"]
    told += ["| --- | --- | --- | ---: | ---: | ---: |"]
    told += [
        f"| {line.test} | {line.equal} | {line.who} | {line.value} | {line.between} | {line.of} |"
        for line in analyses.lines(found)
    ]
    if found.stand_in:
        told += ["", "Where there is no MNIST, a stand-in took its place in training."]
    return told
