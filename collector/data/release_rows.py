"""The rows of a release read back, a group at a time, and what follows for one from others."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from collector.data.release_check import ALIKE
from collector.data.release_columns import ATTEMPTS, READINGS
from collector.models import Attempt
from collector.rules import verdicts
from trainer.learning import inference, png
from trainer.models import Arm

ROWS = 1000  # in memory
ASKED = 100  # drawings of a round, by whose answers its model is known again
Row = dict[str, Any]
Status = Attempt.Status
_CONFUSION = ("drawer", "round", "target_label", "predicted_label")
_LOOKED_AT = (
    "id",
    "arm",
    *_CONFUSION,
    "name",
    "split",
    "status",
    "original",
    "settled_at",
    "submitted_at",
    "image",
    "probabilities",
)


@dataclass
class Somebody:
    """Somebody as the release knows them: since when, and of a drawer under which name, and on
    which side of the split."""

    since: datetime
    name: str | None = None
    split: str | None = None

    def seen(self, at: datetime, name: str | None = None, split: str | None = None) -> None:
        self.since = min(self.since, at)
        self.name, self.split = self.name or name, self.split or split


@dataclass
class Known:
    """What follows for one row from others: of all rows no more than this is in memory. People are
    known by their pseudonyms; of hidden gold the right answers and the wrong ones."""

    ids: dict[str, None] = field(default_factory=dict)  # in their order
    drawers: dict[str, Somebody] = field(default_factory=dict)
    readers: dict[str, Somebody] = field(default_factory=dict)
    credits: dict[str, float] = field(default_factory=dict)
    first_read: dict[str, datetime] = field(default_factory=dict)
    gold: dict[str, dict[bool, set[str]]] = field(default_factory=dict)
    answered: dict[int, list[tuple[bytes, list[float]]]] = field(default_factory=dict)

    def take_attempts(self, folder: Path) -> None:
        """See who drew, what earned how much, and what models answered in each round. Raises
        ValueError where an attempt is of another arm than releases are."""
        alike: defaultdict[tuple[Any, ...], list[tuple[datetime, str]]] = defaultdict(list)
        for row in chain.from_iterable(batches(folder / ATTEMPTS, _LOOKED_AT)):
            if row["arm"] != Arm.DYNAMIC:
                raise ValueError(f"attempt {row['id']} is of another arm")
            self.ids[row["id"]] = None
            drawer = self.drawers.setdefault(row["drawer"], Somebody(row["submitted_at"]))
            drawer.seen(row["submitted_at"], row["name"], row["split"])
            if row["status"] == Status.VERIFIED and row["original"]:
                trick = row["settled_at"], row["id"]
                alike[tuple(row[name] for name in _CONFUSION)].append(trick)
            answers = self.answered.setdefault(row["round"], [])
            if row["image"] and len(answers) < ASKED:
                answers.append((row["image"]["bytes"], row["probabilities"]))
        for tricks in alike.values():
            for place, (_, pk) in enumerate(sorted(tricks)):
                self.credits[pk] = verdicts.credit(Status.VERIFIED, place)

    def take_readings(self, folder: Path) -> None:
        """See who read, when a drawing was read first, and what is hidden gold."""
        for row in chain.from_iterable(batches(folder / READINGS)):
            attempt, at = row["attempt"], row["answered_at"]
            self.readers.setdefault(row["reader"], Somebody(at)).seen(at)
            if row["gold"]:
                told = self.gold.setdefault(attempt, {True: set(), False: set()})
                told[bool(row["correct"])].add(row["answer"])
            else:
                self.first_read[attempt] = min(at, self.first_read.get(attempt, at))

    def rounds_of(self, net: inference.Net) -> set[int]:
        """Return the rounds whose drawings were answered as `net` answers them."""
        return {number for number, told in self.answered.items() if told and _is_by(net, told)}


def _is_by(net: inference.Net, told: list[tuple[bytes, list[float]]]) -> bool:
    pictures, answers = zip(*told, strict=True)
    again = net.probabilities(png.pixels_of(pictures))
    return bool(np.abs(again - np.array(answers)).max() <= ALIKE)


def batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[list[Row]]:
    """Yield the rows of a release's table, at most ROWS at a time, or of these columns alone."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            group = file.read_row_group(number, columns, use_threads=False)
            yield from (batch.to_pylist() for batch in group.to_batches(ROWS))
