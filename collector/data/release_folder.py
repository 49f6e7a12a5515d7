"""A release as files in a folder: tables, model, what is said of both, and their checksums."""

import csv
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Max

from collector.data import release_beside, release_formats, release_tables, release_texts
from collector.data.release_columns import ATTEMPTS, READINGS, SAMPLES
from collector.data.release_tables import Scope
from collector.errors import Refused, Unavailable
from collector.models import COLLECTED_BY, Release, Study, StudyAct, StudyChange
from trainer import measurements, samples
from trainer.learning import weights
from trainer.models import Round, Weights

FORMAT = 1
MANIFEST, REPORT, RECIPE, CHANGES, SUMS = (
    "manifest.json",
    "report.json",
    "recipe.json",
    "changes.csv",
    "SHA256SUMS",
)
MODEL, ONNX, INITIAL, TRAINING_SET = (
    "model.safetensors",
    "model.onnx",
    "initial.safetensors",
    "training_set.npz",
)
_ID = 16  # bytes


@dataclass(frozen=True)
class Plan:
    """What a release is to be of, and beside which one its changes are told. `attempts` are ids of
    16 bytes, in order; `gone_count` of its rounds' drawings were removed by then, or without a
    name, as their drawer had gone. `protocol` is what the release that the study came by says of
    one, if it did."""

    round: Round
    study: Study
    version: str
    previous: Release | None
    cited_doi: str
    attempts: bytes
    gone_count: int
    protocol: Mapping[str, Any] | None = None

    @cached_property
    def scope(self) -> Scope:
        key = hmac.digest(bytes(self.study.release_secret), self.version.encode(), "sha256")
        return Scope(self.round.number, self.round.model, key)

    def added(self) -> Iterator[bytes]:
        return _only_in(self.attempts, self._earlier)

    def withdrawn(self) -> Iterator[bytes]:
        return _only_in(self._earlier, self.attempts)

    @property
    def _earlier(self) -> bytes:
        return bytes(self.previous.attempts) if self.previous else b""


def _only_in(one: bytes, other: bytes) -> Iterator[bytes]:
    """Yield the ids of the first that are not in the second; both are in order."""
    place = 0
    for start in range(0, len(one), _ID):
        each = one[start : start + _ID]
        while place < len(other) and other[place : place + _ID] < each:
            place += _ID
        if other[place : place + _ID] != each:
            yield each


@dataclass(frozen=True)
class Written:
    """What was written: the SHA-256 of SHA256SUMS, which is the address of all files, and under
    which licences the drawings were given."""

    sha256: str
    licences: list[str | None]


def write(plan: Plan, folder: Path) -> Written:
    """Write all files of a release into an empty folder. Raises Refused, Unavailable where the
    weights are damaged or the forms for other tools cannot be written."""
    with release_beside.forms(folder) as forms:
        path = folder / ATTEMPTS
        rows = {ATTEMPTS: release_tables.write(plan.scope, ATTEMPTS, path, forms.take)}
        forms.end()
        for name in (READINGS, SAMPLES):
            rows[name] = release_tables.write(plan.scope, name, folder / name)
        release_formats.write_arrays(folder, folder)
        model = _write_model(plan, folder)
        changed = _write_changes(plan, folder / CHANGES)
    manifest = _manifest(plan, rows | changed, model)
    _write_json(folder / MANIFEST, manifest)
    sums = {each.name: digest(each) for each in files_in(folder)}
    release_texts.write(manifest, folder, sums)
    sums |= {each.name: digest(each) for each in files_in(folder) if each.name not in sums}
    lines = "".join(f"{sums[each.name]}  {each.name}\n" for each in files_in(folder))
    (folder / SUMS).write_text(lines, encoding="utf-8")
    return Written(hashlib.sha256(lines.encode()).hexdigest(), manifest["licences"])


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder by their names."""
    return sorted(folder.iterdir(), key=lambda path: path.name)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_model(plan: Plan, folder: Path) -> dict[str, Any]:
    """Write the round's model and what it is made from; return what the manifest says of it."""
    from trainer.learning import onnx_file

    model = plan.round.model
    stored = Weights.objects.get(pk=model.pk)
    data = bytes(stored.data)
    try:
        weights.read(model.architecture, data, stored.sha256)
    except weights.BadWeights as damage:
        raise Unavailable(f"Round {plan.round.number}'s weights are damaged: {damage}") from damage
    (folder / MODEL).write_bytes(data)
    try:
        (folder / ONNX).write_bytes(onnx_file.dump(model.architecture, data))
    except onnx_file.CannotExport as error:
        raise Refused(str(error)) from error
    _write_json(folder / REPORT, measurements.whole_report(model))
    gone = samples.removed_since(model)
    count = 0 if gone else _write_training_set(plan, folder / TRAINING_SET)
    if model.manifest:
        _write_json(folder / RECIPE, model.manifest["recipe"])
    if count and model.initial_model_id:
        first = Weights.objects.get(pk=model.initial_model_id)
        (folder / INITIAL).write_bytes(bytes(first.data))
    return {
        "architecture": model.architecture,
        "sha256": stored.sha256,
        "seed": model.seed,
        "sample_count": samples.trained_on(model).count(),
        "manifest": model.manifest,
        "remake": _remake(plan, count),
        "not_reproducible_since": gone and gone.isoformat(),
    }


def _write_training_set(plan: Plan, path: Path) -> int:
    """Write what the model was trained on, as `trainer.learning fit` reads it, unless that is
    nothing; return how many samples it is."""
    arrays = samples.arrays(samples.trained_on(plan.round.model))
    if arrays.ids:
        np.savez_compressed(path, ids=arrays.ids, pixels=arrays.pixels, labels=arrays.labels)
    return len(arrays.ids)


def _remake(plan: Plan, count: int) -> str | None:
    """Return the command that makes the model's very bytes again; None where there is none."""
    model = plan.round.model
    if not model.manifest or (model.initial_model_id and not count):
        return None
    return command(model.architecture, model.seed, has_set=count > 0)


def command(architecture: str, seed: int, *, has_set: bool) -> str:
    """Return the command that trains a model of this architecture, with this seed, in a release's
    folder: on its training set, if it has one."""
    parts = [
        "python -m trainer.learning fit",
        f"--net {architecture} --seed {seed} --recipe {RECIPE}",
        f"--start {INITIAL} --samples {TRAINING_SET}" if has_set else "",
        "--out again.safetensors",
    ]
    return " ".join(filter(None, parts))


def _write_changes(plan: Plan, path: Path) -> dict[str, int]:
    """Write a line for each attempt that came, or went, since the release before."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["attempt", "change"])
        counts = {"added": 0, "withdrawn": 0}
        for change, ids in (("added", plan.added()), ("withdrawn", plan.withdrawn())):
            for each in ids:
                lines.writerow([release_tables.dashed(each.hex()), change])
                counts[change] += 1
    return counts


def _manifest(plan: Plan, counts: Mapping[str, int], model: Mapping[str, Any]) -> dict[str, Any]:
    """Say what is in the release: all of it follows from the rows, also its date, the moment of the
    last thing that is in it."""
    attempts = plan.scope.attempts()
    newest = attempts.aggregate(newest=Max("settled_at"))["newest"]
    closed_at = plan.round.closed_at
    assert closed_at is not None
    licences = sorted(set(attempts.order_by().values_list("licence", flat=True).distinct()))
    return {
        "format": FORMAT,
        "version": plan.version,
        "previous_version": plan.previous and plan.previous.version,
        "cited_doi": plan.cited_doi or None,
        "round": plan.round.number,
        "as_of": max(filter(None, (closed_at, newest))).isoformat(),
        "licences": [licence or None for licence in licences],
        "imported_count": attempts.filter(is_imported=True).count(),
        "counts": dict(sorted(counts.items())),
        "rounds": [_of_a_round(each) for each in _rounds(plan)],
        "study": {name: getattr(plan.study, name) for name in COLLECTED_BY},
        **_citation(plan.study),
        **(_protocol() or ({"protocol": plan.protocol} if plan.protocol else {})),
        **_opened(plan),
        "model": model,
        "made_with": {
            "dadc": settings.VERSION,
            **{name: installed(name) for name in ("numpy", "pyarrow", "safetensors")},
        },
    }


def _citation(study: Study) -> dict[str, object]:
    """Say by which title and authors it is to be cited, where the study has its own."""
    authors = study.cited_authors.splitlines()
    if not (study.cited_title or authors):
        return {}
    return {"citation": {"title": study.cited_title or None, "authors": authors}}


def _protocol() -> dict[str, object]:
    """Say under which protocol the study started, if it did, and what was changed of it since. What
    tells the arms, as what it says, is told once the study has ended."""
    acts = StudyAct.by_kind()
    if (start := acts.get(StudyAct.Kind.STARTED)) is None:
        return {}
    end = acts.get(StudyAct.Kind.ENDED)
    changes = [
        {"changed_at": change.changed_at.isoformat(), "field": change.field}
        | dict.fromkeys(("before", "after", "why"))
        | (
            {"before": change.before, "after": change.after, "why": change.why}
            if end or change.field in COLLECTED_BY
            else {}
        )
        for change in StudyChange.of_the_protocol()
    ]
    told = {
        "sha256": start.sha256,
        "started_at": start.done_at.isoformat(),
        "ended_at": end and end.done_at.isoformat(),
        "content": json.loads(start.document) if end else None,
        "changes": changes,
    }
    return {"protocol": told}


def _opened(plan: Plan) -> dict[str, object]:
    """Name the release that rounds before this one came by; its own round is that release again."""
    opened = plan.study.opened_from
    if opened is None or opened.minor >= plan.round.number:
        return {}
    told = {"version": opened.version, "round": opened.minor, "sha256": opened.sha256}
    return {"opened_from": told}


def _rounds(plan: Plan) -> Iterator[Round]:
    of_arm = Round.objects.filter(number__lte=plan.round.number, arm=plan.round.arm)
    return of_arm.order_by("number").iterator()


def _of_a_round(round_: Round) -> dict[str, object]:
    def moment(at: datetime | None) -> str | None:
        return at.isoformat() if at else None

    opened_at, closed_at = moment(round_.opened_at), moment(round_.closed_at)
    return {"number": round_.number, "opened_at": opened_at, "closed_at": closed_at}


def _write_json(path: Path, content: object) -> None:
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
