"""Samples out: the active ones line by line, streamed, so that any number of them fits in memory;
and the very set that a round's model was trained on, to make that model again."""

import base64
import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.db.models import Count, OuterRef, Subquery

from collector.data import whole_files
from collector.drawings import reasons
from collector.errors import Refused
from collector.models import Answer, Consent, Person, Question, Reading, StudyAct, in_parts
from trainer import rounds, samples
from trainer.learning.sentences import Sentence
from trainer.models import Sample

Row = dict[str, str | int | bool | None]
COLUMNS = (
    "id",
    "attempt",
    "contributor",
    "round",
    "label",
    "split",
    "fooling",
    "audited",
    "added",
    "pixels",
)
OF_A_STUDY = ("arm", "protocol")  # columns more, of a study with a protocol


def stream(form: str) -> tuple[Iterator[str], str]:
    """Give the active samples in `form`, line by line, and its content type. Pixels are base64 of
    784 bytes, row by row. Of a study that has started each sample says under which protocol it was
    given, if any, by its SHA-256, and, once it has ended, in which arm. The first of them are read
    at once, which tell whether it has. Raises Refused for another form."""
    if form not in FORMATS:
        raise Refused(Sentence("The export is as jsonl or csv."), field="as")
    write, content_type = FORMATS[form]
    active = _active()
    first = next(active, None)
    columns = COLUMNS + OF_A_STUDY if first and first.started_at else COLUMNS
    rows = map(_row, itertools.chain([first] if first else [], active))
    return write(({name: row[name] for name in columns} for row in rows), columns), content_type


def write_training_set(number: int, path: Path) -> tuple[int, str]:
    """Write what round `number`'s model was trained on to a new file, as `trainer.learning fit`
    reads it; return how many samples that are, and the model's architecture. Raises NoSuchRound,
    and Refused where there is nothing to write, or not all of it, or something is at `path`."""
    model = rounds.get_round(number).model
    if gone := samples.removed_since(model):
        raise Refused(
            f"Round {number}'s model is not reproducible since {gone:%-d %B %Y}: drawings that "
            "it learned were removed."
        )
    arrays = samples.arrays(samples.trained_on(model))
    if not arrays.ids:
        raise Refused(f"Round {number}'s model was trained on no samples: it is the shipped one.")
    with (
        whole_files.making(path) as folder,
        (folder / "whole").open("wb") as file,  # by its name alone numpy would write another
    ):
        np.savez_compressed(file, ids=arrays.ids, pixels=arrays.pixels, labels=arrays.labels)
    return len(arrays.ids), model.architecture


def own(person: Person) -> Iterator[str]:
    """Yield everything that a person drew, as JSON, piece by piece: nothing of anybody else."""
    yield json.dumps(_about(person))[:-1] + ', "drawings": ['
    attempts = person.attempts.select_related("round", "reason").order_by("submitted_at", "pk")
    for place, attempt in enumerate(in_parts.rows(attempts, 200)):
        stands, is_told = attempt.fate(), attempt.round.has_verdict
        entry = {
            "id": str(attempt.pk),
            "submitted": attempt.submitted_at.isoformat(),
            "round": attempt.round.number,
            **({"arm": attempt.round.arm} if attempt.round.told_at else {}),
            "target_label": attempt.target_label,
            "predicted_label": attempt.predicted_label if is_told else None,
            "probabilities": attempt.probabilities if is_told else None,
            "status": stands.status,
            "settled_label": stands.settled_label,
            "credit": attempt.credit if is_told else 0.0,
            "licence": attempt.licence or None,
            "reason": reasons.said_of(attempt) or None,
            "strokes": attempt.strokes,
            "width": attempt.width,
        }
        yield (",\n" if place else "\n") + json.dumps(entry)
    yield "\n]}\n"


def _about(person: Person) -> dict[str, object]:
    """Tell what there is of a person beside their drawings; one query."""
    read = Reading.objects.filter(moderator=OuterRef("pk"), answer__isnull=False).order_by()
    count = Subquery(read.values("moderator").annotate(n=Count("pk")).values("n"))
    consents = "consents__text__version", "consents__given_at"
    told = Person.objects.filter(pk=person.pk).annotate(reading_count=count, **_said())
    rows = list(
        told.order_by("consents__given_at").values("reading_count", *Question.values, *consents)
    )
    return {
        "username": person.username,
        "email": person.email,
        "unconfirmed_email": person.unconfirmed_email,
        "role": person.role,
        "language": person.language,
        "joined": person.joined_at.isoformat(),
        "readings": rows[0]["reading_count"] or 0,
        "answers": {name: said for name in Question.values if (said := rows[0][name])},
        "consents": [
            {"version": version, "given": given.isoformat()}
            for version, given in ([row[name] for name in consents] for row in rows)
            if version
        ],
    }


def _said() -> dict[str, Subquery]:
    """What people said about themselves, by question, as columns of a query of people."""
    said = Answer.objects.filter(person=OuterRef("pk"))
    return {name: Subquery(said.filter(question=name).values("answer")) for name in Question.values}


def people() -> Iterator[str]:
    """Yield as CSV whoever has not left, under the pseudonym that exported samples have: the arm,
    the version of the consent, and what they said about themselves, empty where they did not. No
    name, and no panel's id."""
    latest = Consent.objects.filter(person=OuterRef("pk")).order_by("-text__version")
    found = Person.objects.with_arm().filter(closed_at=None).order_by("contributor")
    found = found.annotate(consent=Subquery(latest.values("text__version")[:1]), **_said())
    columns = ("contributor", "arm", "consent", *Question.values)
    rows = ({name: getattr(one, name) for name in columns} for one in in_parts.rows(found, 500))
    return as_csv(rows, columns)


def _active() -> Iterator[Any]:
    """Yield the active samples, each with the start of the study, if there was one."""
    start = StudyAct.objects.filter(kind=StudyAct.Kind.STARTED)
    active = (
        Sample.objects.filter(withdrawn_at=None)
        .select_related("contributor", "round")
        .annotate(started_at=Subquery(start.values("done_at")))
        .annotate(protocol=Subquery(start.values("sha256")))
        .order_by("added_at", "pk")
    )
    return in_parts.rows(active, 500)


def _row(sample: Any) -> Row:
    is_under_it = sample.started_at and sample.added_at >= sample.started_at
    return {
        "id": str(sample.pk),
        "attempt": str(sample.attempt),
        "contributor": str(sample.contributor_id),
        "round": sample.round.number,
        "label": sample.label,
        "split": sample.contributor.split,
        "fooling": sample.has_fooled,
        "audited": sample.is_audited,
        "added": sample.added_at.isoformat(),
        "pixels": base64.b64encode(bytes(sample.pixels)).decode(),
        "arm": sample.arm if sample.round.told_at else None,
        "protocol": sample.protocol if is_under_it else None,
    }


def _as_jsonl(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row) + "\n"


def as_csv(rows: Iterator[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    """Yield rows as CSV, line by line, below a line of the columns' names."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


FORMATS: dict[str, tuple[Callable[[Iterator[Row], Sequence[str]], Iterator[str]], str]] = {
    "jsonl": (_as_jsonl, "application/jsonl"),
    "csv": (as_csv, "text/csv"),
}
