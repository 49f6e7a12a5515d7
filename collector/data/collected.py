"""What a study has collected, for its analysis: from the rows, or from an export alone. Both give
the same, since it is in the order in which people drew, and knows nobody by a name.

By intention to treat: everybody counts in the arm that the lot gave them to. On a site with several
arms whoever no lot gave to any is left out, and so is what was drawn before the study's start.
"""

import hmac
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from django.db.models import F, QuerySet

from collector.data import release_folder, release_tables
from collector.data.release_columns import ATTEMPTS, SAMPLES
from collector.data.release_tables import Scope
from collector.errors import Refused
from collector.models import Allocation, Attempt, Study, StudyAct, in_parts
from trainer import rounds
from trainer.learning import png, raster, shipped, weights
from trainer.learning.checkpoints import Collected
from trainer.models import Arm, Sample, Weights

PAUSE = timedelta(minutes=2)  # whoever did longer without a drawing was not at it meanwhile
STUDY = "study.json"
FORMAT = 1
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Frame:
    """Between when what counts was drawn, under which protocol, and at how many samples of an arm
    the study stops."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    protocol_sha256: str = ""
    stop_samples: int | None = None

    @property
    def is_interim(self) -> bool:
        """Whether a look is one before the end."""
        return self.ended_at is None


def frame() -> Frame:
    """Return the study's frame. Without a protocol nothing has a start or an end."""
    study = Study.current()
    if study.stop_samples is None:
        return Frame()
    acts = StudyAct.by_kind()
    start, end = acts.get(StudyAct.Kind.STARTED), acts.get(StudyAct.Kind.ENDED)
    return Frame(
        start.done_at if start else None,
        end.done_at if end else None,
        start.sha256 if start else "",
        study.stop_samples,
    )


@dataclass(frozen=True)
class ArmCounts:
    """Of one arm: the people whom the lot gave to it (None where that is not known), those who drew
    and those who did on more than one day; what they drew, and how long that took."""

    arm: str
    allotted: int | None
    drawers: int
    returned: int
    drawings: int
    decided: int
    verified: int
    samples: int
    trained_people: int
    minutes: float


@dataclass(frozen=True)
class StudyData:
    """All that an analysis is made of."""

    collected: Collected
    arms: list[ArmCounts]
    architecture: str
    start: bytes
    frame: Frame


def from_rows() -> StudyData:
    """Collect from the database."""
    study, when = Study.current(), frame()
    first = Weights.objects.get(pk=rounds.initial_model_of(study.architecture).pk)
    samples = counted_samples(when).values(
        "attempt", "label", "pixels", "has_fooled", "is_audited", split=F("contributor__split")
    )
    renamed = (
        {**row, "fooled": row["has_fooled"], "audited": row["is_audited"]} for row in samples
    )
    collected, arms = _collected(_drawn(when), renamed, list(study.weights), _allotted())
    return StudyData(collected, arms, study.architecture, bytes(first.data), when)


def counted_attempts(when: Frame) -> QuerySet[Attempt]:
    """Return the drawings that count, but for those that were removed. Under a protocol that has
    not started all are practice."""
    found = Attempt.objects.filter(removed_at=None, is_imported=False)
    if when.stop_samples is not None and when.started_at is None:
        return found.none()
    if Study.current().has_several_arms:
        found = found.filter(drawer__in=Allocation.objects.values("person"))
    if when.started_at:
        found = found.filter(submitted_at__gte=when.started_at)
    return found.filter(submitted_at__lte=when.ended_at) if when.ended_at else found


def counted_samples(when: Frame) -> QuerySet[Sample]:
    """Return the samples of the drawings that count."""
    active = Sample.objects.filter(withdrawn_at=None, removed_at=None)
    return active.filter(attempt__in=counted_attempts(when).values("pk"))


def _allotted() -> dict[str, int]:
    return dict(Counter(Allocation.objects.values_list("arm", flat=True)))


def _drawn(when: Frame) -> Iterator[Row]:
    found = counted_attempts(when).select_related("round", "drawer").defer("pixels", "shape")
    for attempt in in_parts.rows(found.order_by("submitted_at", "pk"), 500):
        is_there = attempt.status != Attempt.Status.RETRACTED and attempt.strokes
        yield {
            "id": str(attempt.pk),
            "arm": attempt.round.arm,
            "drawer": attempt.drawer_id,
            "status": attempt.status,
            "original": attempt.is_original,
            "submitted_at": attempt.submitted_at,
            "duration_ms": attempt.strokes[-1]["t"][-1] if is_there else None,
        }


def _collected(
    attempts: Iterable[Row], samples: Iterable[Row], arms: list[str], allotted: dict[str, int]
) -> tuple[Collected, list[ArmCounts]]:
    """Put samples in the order in which they were drawn, and count along."""
    by_attempt = {str(row["attempt"]): row for row in samples}
    clocks = {arm: _Clock() for arm in arms}
    people: dict[object, int] = {}
    kept: list[tuple[Any, ...]] = []
    for row in sorted(attempts, key=lambda row: (row["submitted_at"], row["id"])):
        clock = clocks.setdefault(row["arm"], _Clock())
        clock.take(row)
        sample = by_attempt.get(row["id"])
        if sample is None:
            continue
        person = people.setdefault(row["drawer"], len(people))
        is_test = sample["split"] == "test"
        clock.keep(person, is_test)
        flags = (is_test, sample["fooled"], sample["audited"])
        kept.append((row["arm"], person, sample, flags, clock.drawings, clock.minutes))
    flags_ = np.array([row[3] for row in kept], bool).reshape(-1, 3)
    collected = Collected(
        arms=np.array([row[0] for row in kept], dtype=np.str_),
        people=np.array([row[1] for row in kept], np.int64),
        pixels=raster.pictures(bytes(row[2]["pixels"]) for row in kept),
        labels=np.array([row[2]["label"] for row in kept], np.int64),
        is_test=flags_[:, 0],
        has_fooled=flags_[:, 1],
        is_audited=flags_[:, 2],
        drawing_counts=np.array([row[4] for row in kept], np.int64),
        minutes=np.array([row[5] for row in kept], np.float64),
    )
    counts = [clock.counts(arm, allotted.get(arm)) for arm, clock in clocks.items()]
    return collected, counts


class _Clock:
    """What the people of an arm have done so far."""

    def __init__(self) -> None:
        self.drawings = self.decided = self.verified = self.samples = 0
        self.minutes = 0.0
        self._last: dict[object, datetime] = {}
        self._days: defaultdict[object, set[object]] = defaultdict(set)
        self._trained: set[int] = set()

    def take(self, row: Row) -> None:
        """Count a drawing. It took as long as since the same person's last one; after a pause, or
        as the first, from the pen's first point to its last."""
        drawer, at = row["drawer"], row["submitted_at"]
        last, drawn = self._last.get(drawer), timedelta(milliseconds=row["duration_ms"] or 0)
        spent = at - last if last and at - last <= PAUSE else min(drawn, PAUSE)
        self.minutes += spent / timedelta(minutes=1)
        self._last[drawer] = at
        self._days[drawer].add(at.date())
        self.drawings += 1
        self.decided += bool(row["original"]) and row["status"] != Attempt.Status.PENDING
        self.verified += bool(row["original"]) and row["status"] == Attempt.Status.VERIFIED

    def keep(self, person: int, is_test: bool) -> None:
        """Count a sample."""
        if not is_test:
            self.samples += 1
            self._trained.add(person)

    def counts(self, arm: str, allotted: int | None) -> ArmCounts:
        returned = sum(len(days) > 1 for days in self._days.values())
        return ArmCounts(
            arm,
            allotted,
            len(self._days),
            returned,
            self.drawings,
            self.decided,
            self.verified,
            self.samples,
            len(self._trained),
            round(self.minutes, 1),
        )


class _WholeStudy(Scope):
    """What counts in a study, of all arms and rounds; nobody's name or words are in it."""

    tells_names: ClassVar[bool] = False

    def attempts(self) -> QuerySet[Attempt]:
        return counted_attempts(frame())

    def samples(self) -> QuerySet[Sample]:
        return release_tables.with_trained_on(counted_samples(frame()), self.model)


def write(folder: Path) -> None:
    """Write what an analysis is made of to a new folder, which appears whole or not at all, in the
    tables of a release and under pseudonyms of such folders alone. Raises Refused where something
    is there, the disk does not take it, or pyarrow is not installed."""
    if folder.exists():
        raise Refused(f"{folder} is there already, and nothing is written over.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as within:
            made = Path(within) / "whole"
            made.mkdir(mode=0o700)
            _write(made)
            made.rename(folder)
    except OSError as error:
        raise Refused(f"{folder} cannot be written: {error.strerror or error}.") from error


def _write(folder: Path) -> None:
    study, when = Study.current(), frame()
    model = rounds.initial_model_of(study.architecture)
    key = hmac.digest(bytes(study.release_secret), b"analysis", "sha256")
    scope = _WholeStudy(0, model, key)
    for name in (ATTEMPTS, SAMPLES):
        release_tables.write(scope, name, folder / name)
    start = bytes(Weights.objects.get(pk=model.pk).data)
    (folder / release_folder.INITIAL).write_bytes(start)
    said = {"format": FORMAT, "architecture": study.architecture, "arms": list(study.weights)}
    said |= {"allotted": _allotted(), "frame": asdict(when)}
    (folder / STUDY).write_text(json.dumps(said, indent=1, default=str) + "\n", encoding="utf-8")


# What a file that is damaged, or was changed by hand, makes of reading it.
_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, ImportError)


def from_folder(folder: Path) -> StudyData:
    """Collect from a folder that `write` made, or from a release's. Raises Refused."""
    try:
        return _read(folder)
    except _BROKEN as error:
        raise Refused(f"{folder} is no export that can be analysed: {error}.") from error


def _read(folder: Path) -> StudyData:
    attempts = _table(
        folder / ATTEMPTS,
        "id",
        "arm",
        "drawer",
        "status",
        "original",
        "imported",
        "submitted_at",
        "duration_ms",
    )
    rows = _table(
        folder / SAMPLES, "attempt", "label", "split", "fooled", "audited", "withdrawn", "image"
    )
    pictures = png.pixels_of([row["image"]["bytes"] for row in rows])
    samples = (
        {**row, "pixels": pixels.tobytes()}
        for row, pixels in zip(rows, pictures, strict=True)
        if not row["withdrawn"]
    )
    said = _said(folder)
    drawn = [row for row in attempts if not row["imported"]]
    collected, arms = _collected(drawn, samples, said["arms"], said["allotted"])
    initial = folder / release_folder.INITIAL
    architecture = said["architecture"]
    start = initial.read_bytes() if initial.exists() else shipped.round_one(architecture).weights
    weights.load(architecture, start, None)
    if not np.isin(collected.labels, range(10)).all():
        raise ValueError(f"{SAMPLES} has a label that is no digit")
    return StudyData(collected, arms, architecture, start, _frame_of(said["frame"]))


def _said(folder: Path) -> dict[str, Any]:
    """What the folder says of the study; a release is of the dynamic arm alone."""
    if (folder / STUDY).exists():
        said: dict[str, Any] = json.loads((folder / STUDY).read_text(encoding="utf-8"))
        if said["format"] != FORMAT:
            raise ValueError(f"it is of format {said['format']}, which is unknown here")
        return said
    manifest = json.loads((folder / release_folder.MANIFEST).read_text(encoding="utf-8"))
    architecture = manifest["model"]["architecture"]
    return {"arms": [Arm.DYNAMIC], "allotted": {}, "architecture": architecture, "frame": {}}


def _frame_of(said: dict[str, Any]) -> Frame:
    started, ended = (
        datetime.fromisoformat(said[name]) if said.get(name) else None
        for name in ("started_at", "ended_at")
    )
    return Frame(started, ended, said.get("protocol_sha256", ""), said.get("stop_samples"))


def _table(path: Path, *columns: str) -> list[dict[str, Any]]:
    from pyarrow import parquet

    rows: list[dict[str, Any]] = parquet.read_table(path, columns=list(columns)).to_pylist()
    return rows
