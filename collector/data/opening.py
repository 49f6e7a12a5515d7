"""A release opened: the study that it is of, put whole into a site that is empty.

Drawings, readings and samples keep their ids, people the pseudonyms that the release has for them,
and whose name stands beside a drawing has that name. Nobody can sign in as any of them. What a
release does not tell is not made up.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models import Exists, Model, OuterRef
from django.utils import timezone

from collector.data import backups, release_folder, release_tables, releases
from collector.data.broken import BROKEN
from collector.data.release_check import Check
from collector.data.release_columns import ATTEMPTS, READINGS, SAMPLES
from collector.data.release_rows import ROWS, Known, Row, batches
from collector.drawings import reasons
from collector.errors import Refused
from collector.models import (
    COLLECTED_BY,
    ORIGINAL,
    AdminAction,
    Attempt,
    Decision,
    Gold,
    Licence,
    Person,
    Reading,
    Reason,
    Release,
    Study,
    StudyAct,
)
from collector.rules import verdicts
from trainer import opened, rounds, samples
from trainer.learning import inference, png, similarity, weights
from trainer.models import Round, Sample, Split

ADMINS = "admins-elsewhere"
Tell = Callable[[str], object]
Status = Attempt.Status
_AS_THEY_ARE = (
    "id",
    "target_label",
    "predicted_label",
    "probabilities",
    "width",
    "raster_version",
    "quorum",
    "settled_label",
    "submitted_at",
    "settled_at",
)


def open_release(folder: Path, tell: Tell) -> Release:
    """Put the study of the release in `folder` into this site, in one transaction; how far it is,
    is told by `tell`. Raises Refused, with nothing changed, where the site is not empty or still
    runs, or the release does not agree with itself."""
    release_tables.pyarrow()
    backups.require_stopped()
    _require_empty()
    for problem in Check(folder).problems():
        raise Refused(f"{folder} is no release that agrees with itself: {problem}")
    try:
        with transaction.atomic():
            rounds.lock()
            _require_empty()
            return _Opening(folder, tell).put()
    except (opened.Lacking, ValidationError, *BROKEN, DatabaseError) as error:
        raise Refused(f"{folder} cannot be opened: {error}") from error


def _require_empty() -> None:
    if not Round.objects.exists():
        raise Refused("This site has no round yet: run manage.py setup first.")
    there = {
        "drawings": Attempt.objects.exists(),
        "rounds or samples": not opened.is_empty(),
        "people who are no admins": Person.objects.exclude(role=Person.Role.ADMIN).exists(),
        "releases": Release.objects.exists(),
        "a study that has started": StudyAct.objects.exists(),
    }
    if found := [what for what, is_there in there.items() if is_there]:
        raise Refused(
            f"This site has {', '.join(found)}, and a release is opened on one that is empty: set "
            "DATABASE_URL, or DADC_DATA_DIR to another folder, and run manage.py setup there."
        )


class _Opening:
    """One opening, table by table."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.folder, self.tell = folder, tell
        self.manifest: Row = json.loads((folder / release_folder.MANIFEST).read_text("utf-8"))
        self.known = Known()
        self.drawers: dict[str, Person] = {}
        self.readers: dict[str, Person] = {}
        self.round_of: dict[int, Round] = {}
        self.gone = uuid4()  # stands for those who removed what the model had learned

    def put(self) -> Release:
        """Put everything, and return the release as this site has it."""
        self.known.take_attempts(self.folder)
        self.known.take_readings(self.folder)
        self._put_people()
        self._put_rounds()
        self._put(ATTEMPTS, self._put_attempts)
        self._put_gold()
        self._put(READINGS, self._put_readings)
        self._put(SAMPLES, self._put_samples)
        self._put_removed()
        self._suspend()
        self._put_settings()
        packed = b"".join(UUID(each).bytes for each in self.known.ids)
        return releases.take(self.folder, self.manifest, self._last, packed)

    def _put_settings(self) -> None:
        """The study's own, of which the site has to know what they name."""
        study = Study.current()
        for name in COLLECTED_BY:
            setattr(study, name, self.manifest["study"][name])
        if study.architecture not in rounds.architectures():
            raise ValueError(f"its study's architecture, {study.architecture}, is unknown here")
        study.licence = self._licence
        cited = self.manifest.get("citation", {})
        study.cited_title = cited.get("title") or ""
        study.cited_authors = "\n".join(cited.get("authors", ()))
        named = (*COLLECTED_BY, "licence", "cited_title", "cited_authors")
        study.clean_fields(exclude=_others(Study, {*named}))
        study.save(update_fields=named)

    @property
    def _last(self) -> Round:
        return self.round_of[self.manifest["round"]]

    @property
    def _licence(self) -> Licence:
        """The licence that all its drawings were given under, for those to come; else none."""
        named = self.manifest["licences"]
        return Licence(named[0] or "") if len(named) == 1 else Licence.NONE

    @cached_property
    def _admins(self) -> Person:
        """Who stands for the admins of the site that made the release."""
        return Person.objects.create(username=ADMINS, role=Person.Role.ADMIN, **_closed())

    def _put(self, table: str, put: Callable[[list[Row]], None]) -> None:
        count = 0
        for rows in batches(self.folder / table):
            put(rows)
            count += len(rows)
            self.tell(f"{count:,} rows of {table}.")

    def _put_people(self) -> None:
        """Drawers are open accounts, listed under the name that they have, if any; readers, whom no
        page needs, are closed ones. None has a password, or an address to ask for one."""
        for pseudonym, told in self.known.drawers.items():
            self.drawers[pseudonym] = Person(
                username=told.name or f"drawer-{pseudonym}",
                is_listed=told.name is not None,
                password=make_password(None),
                joined_at=told.since,
                pseudonym=pseudonym,
            )
        for pseudonym, told in self.known.readers.items():
            self.readers[pseudonym] = Person(
                username=f"reader-{pseudonym}",
                role=Person.Role.MODERATOR,
                joined_at=told.since,
                pseudonym=pseudonym,
                **_closed(),
            )
        people = [*self.drawers.values(), *self.readers.values()]
        taken = {name.lower() for name in Person.objects.values_list("username", flat=True)}
        for person in people:
            person.clean_fields()
            if person.username.lower() in taken:
                raise ValueError(
                    f"{person.username} drew in it, and is an account's name here: give that "
                    "another one in Django's admin."
                )
        Person.objects.bulk_create(people, batch_size=ROWS)

    def _put_rounds(self) -> None:
        """The model, the rounds, and whose drawings trained and tested models."""
        said, initial = self.manifest["model"], self.folder / release_folder.INITIAL
        report = (self.folder / release_folder.REPORT).read_text("utf-8")
        told = opened.ToldModel(
            architecture=said["architecture"],
            seed=said["seed"],
            manifest=said["manifest"],
            report=json.loads(report),
            weights=(self.folder / release_folder.MODEL).read_bytes(),
            initial=initial.read_bytes() if initial.exists() else None,
        )
        times = [
            opened.ToldRound(
                each["number"],
                datetime.fromisoformat(each["opened_at"]),
                datetime.fromisoformat(each["closed_at"]),
            )
            for each in self.manifest["rounds"]
        ]
        self.round_of = opened.put_rounds(
            told,
            times,
            lambda data: self.known.rounds_of(
                inference.Net(told.architecture, weights.read(told.architecture, data, None))
            ),
            f"To go on from release {self.manifest['version']}, with its model.",
        )
        splits = {
            self.drawers[pseudonym].contributor: drawer.split
            for pseudonym, drawer in self.known.drawers.items()
            if drawer.split
        }
        if said["not_reproducible_since"]:
            splits[self.gone] = Split.TRAIN
        opened.put_contributors(splits)

    def _put_attempts(self, rows: list[Row]) -> None:
        _add_pixels(rows)
        Attempt.objects.bulk_create(map(self._attempt, rows))
        Decision.objects.bulk_create(
            Decision(
                attempt_id=row["id"],
                admin=self._admins,
                answer=verdicts.Outcome(row["status"], row["settled_label"]).answer,
                decided_at=row["settled_at"],
            )
            for row in rows
            if row["settled_by"] == "admin"
        )
        Reason.objects.bulk_create(
            Reason(
                attempt_id=row["id"], text=reasons.as_line(row["reason"]), said_at=row["reason_at"]
            )
            for row in rows
            if row["reason"]
        )

    def _attempt(self, row: Row) -> Attempt:
        """A row as this site would have it, but for what a release does not tell: what the client
        sent beside the drawing, and when it was taken back."""
        strokes, pixels = row["strokes"] or [], row["pixels"]
        original = row["near_duplicate_of"]
        is_copy = original or not (row["original"] or row["mnist_duplicate"] or row["imported"])
        if is_copy and original not in self.known.ids:
            original = row["id"]
        is_taken_back = row["taken_back"] and row["status"] != Status.RETRACTED
        return Attempt(
            drawer=self.drawers[row["drawer"]],
            round=self.round_of[row["round"]],
            status=Status(row["status"]),
            strokes=strokes,
            pixels=pixels,
            pixels_sha256=hashlib.sha256(pixels).hexdigest() if pixels else "",
            shape=similarity.shape(similarity.path_of(strokes)).tobytes()
            if strokes and row["fooled"]
            else None,
            licence=Licence(row["licence"] or ""),
            has_live_preview=row["live_preview"],
            is_audited=row["audited"],
            is_mnist_duplicate=row["mnist_duplicate"],
            is_imported=row["imported"],
            near_duplicate_of_id=original,
            first_read_at=self.known.first_read.get(row["id"]),
            credit=self.known.credits.get(row["id"], 0.0),
            taken_back_at=row["submitted_at"] if is_taken_back else None,
            **{name: row[name] for name in _AS_THEY_ARE},
        )

    def _put_gold(self) -> None:
        """Whoever has the release knows hidden gold: nobody is given it any more."""
        for attempt in Attempt.objects.filter(pk__in=list(self.known.gold)).iterator(ROWS):
            told = self.known.gold[str(attempt.pk)]
            settled = verdicts.Outcome(attempt.status, attempt.settled_label).answer
            known = [*told[True], settled, *verdicts.ANSWERS]
            Gold.objects.create(
                attempt=attempt,
                answer=next(answer for answer in known if answer not in told[False]),
                strokes=attempt.strokes,
                width=attempt.width,
                pixels=attempt.pixels,
                is_retired=True,
            )

    def _put_readings(self, rows: list[Row]) -> None:
        of_gold = [row["attempt"] for row in rows if row["gold"]]
        gold = {str(each.attempt_id): each for each in Gold.objects.filter(attempt__in=of_gold)}
        Reading.objects.bulk_create(
            Reading(
                id=row["id"],
                attempt_id=None if row["gold"] else row["attempt"],
                gold=gold[row["attempt"]] if row["gold"] else None,
                moderator=self.readers[row["reader"]],
                leased_at=row["answered_at"] - timedelta(milliseconds=row["duration_ms"]),
                lease_expires_at=row["answered_at"],
                answer=row["answer"],
                answered_at=row["answered_at"],
                is_correct=row["correct"],
                is_discounted=row["discounted"],
            )
            for row in rows
        )

    def _put_samples(self, rows: list[Row]) -> None:
        _add_pixels(rows)
        for row in rows:
            row["contributor"] = self.drawers[row["drawer"]].contributor
        as_of = datetime.fromisoformat(self.manifest["as_of"])
        opened.put_samples(rows, self.round_of, self._last.model, withdrawn_at=as_of)

    def _put_removed(self) -> None:
        said, model = self.manifest["model"], self._last.model
        if since := said["not_reproducible_since"]:
            count = said["sample_count"] - samples.trained_on(model).count()
            removed_at = datetime.fromisoformat(since)
            opened.put_removed(count, removed_at, self.gone, self.round_of[1], model)

    def _suspend(self) -> None:
        """Whose verified drawings are no samples was suspended: nothing else leaves them out."""
        active = Sample.objects.filter(withdrawn_at=None)
        lacking = Attempt.objects.filter(
            ORIGINAL,
            ~Exists(active.filter(attempt=OuterRef("pk"))),
            ~Exists(active.filter(sha256=OuterRef("pixels_sha256"))),
            status=Status.VERIFIED,
        )
        people = Person.objects.filter(pk__in=lacking.values("drawer"))
        AdminAction.objects.bulk_create(
            AdminAction(
                admin=self._admins,
                kind=AdminAction.Kind.SUSPENDED,
                person=person,
                why="They were when the release was made that this site was opened from.",
            )
            for person in people
        )
        people.update(is_active=False)


def _others(model: type[Model], names: set[str]) -> set[str]:
    return {each.name for each in model._meta.fields} - names


def _closed() -> Row:
    """What an account has that nobody is to use any more."""
    closed = {"is_active": False, "is_listed": False, "closed_at": timezone.now()}
    return {"password": make_password(None), **closed}


def _add_pixels(rows: list[Row]) -> None:
    """Give each row its picture's bytes; none where it has no picture."""
    pictures = iter(png.pixels_of([row["image"]["bytes"] for row in rows if row["image"]]))
    for row in rows:
        row["pixels"] = next(pictures).tobytes() if row["image"] else b""
