"""Releases: made from the rows of one moment, kept as rows themselves, and never changed. Where
somebody removes their drawings, the releases that have them go."""

import csv
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Min, Q, QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from collector.data import release_folder, release_tables, snapshot
from collector.data.release_folder import Plan, Written
from collector.data.release_tables import of_rounds
from collector.errors import Conflict, Forbidden, Gone, NotFound, Refused, Unavailable
from collector.models import (
    DRAWER_SUSPENDED,
    Attempt,
    Person,
    Publication,
    Release,
    ReleaseFile,
    ReleasePart,
    Study,
)
from trainer import rounds
from trainer.models import Arm, Round

# Drawings that somebody has removed, or their name from.
_GONE = Q(removed_at__isnull=False) | Q(drawer__closed_at__isnull=False)


def make(number: int) -> Release:
    """Make the release of round `number`, and of those before it, as everything stands at this
    moment, and keep it; where it is the same to the byte as one that is kept, return that.

    Raises NoSuchRound, Unavailable where it cannot be written, and Conflict while the round is
    open, its model serves the open one, or drawings wait to be read: a release says what each
    drawing is.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="release.", dir=settings.DATA_DIR) as within:
            return _make(number, within)
    except OSError as error:
        told = error.strerror or error
        raise Unavailable(f"The release cannot be written: {told}.") from error


def _make(number: int, within: str) -> Release:
    with snapshot.one_moment():
        plan, known = _plan(number)
        folder = _folder(within, "1")
        written = release_folder.write(plan, folder)
        if known and known.sha256 == written.sha256:
            return known
        if known:
            plan, folder = _another(plan, known), _folder(within, "2")
            written = release_folder.write(plan, folder)
    return _keep(plan, folder, written)


def _folder(within: str, name: str) -> Path:
    folder = Path(within) / name
    folder.mkdir()
    return folder


def published() -> QuerySet[Release]:
    """Return the releases that are whole, the newest first, without the ids that are in them, but
    with how many there are (`attempt_count`)."""
    whole = Release.objects.filter(published_at__isnull=False).defer("attempts")
    whole = whole.annotate(attempt_count=Length("attempts") / 16)
    return whole.order_by("-major", "-minor", "-patch")


def visible_to(person: Person | None) -> QuerySet[Release]:
    """Return the releases that somebody may have: an admin all; everybody else, where the study
    says so, those whose drawings were all given under a licence. Raises Forbidden."""
    if person is not None and person.is_admin:
        return published()
    if not Study.current().has_public_releases:
        raise Forbidden("The releases of this study are its admins' alone.")
    return published().filter(is_licensed=True)


def get(person: Person | None, number: int, version: str = "") -> Release:
    """Return the newest release of a round, or that `version` of it. Raises NotFound, Forbidden,
    Gone where its files went with somebody's drawings."""
    found = list(visible_to(person).filter(minor=number))
    if version:
        found = [release for release in found if release.version == version]
    if not found:
        raise NotFound("There is no such release.")
    there = [release for release in found if release.withdrawn_at is None]
    if not there:
        raise Gone(
            f"Release {found[0].version} was withdrawn on {found[0].withdrawn_at:%-d %B %Y}: "
            "somebody removed their drawings, or their name from them. A later one takes its place."
        )
    return there[0]


def get_file(release: Release, name: str) -> ReleaseFile:
    """Return a file of a release. Raises NotFound."""
    file = release.files.filter(name=name).first()
    if file is None:
        raise NotFound(f"Release {release.version} has no such file.")
    return file


def content(file: ReleaseFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield a file's bytes from `start` up to, not including, `end`, part by part. Raises Gone
    where the file goes meanwhile."""
    end = file.size if end is None else end
    for place in range(start // ReleasePart.SIZE, -(-end // ReleasePart.SIZE)):
        part = ReleasePart.objects.filter(file=file, place=place).first()
        if part is None:
            raise Gone("This release was withdrawn in this very moment.")
        first = place * ReleasePart.SIZE
        yield bytes(part.data)[max(0, start - first) : end - first]


def write_to(release: Release, folder: Path) -> None:
    """Write a release's files into a new folder, which appears whole or not at all. Raises Refused
    where something is there."""
    if folder.exists():
        raise Refused(f"{folder} is there already, and nothing is written over.")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as within:
            made = _folder(within, "whole")
            for file in release.files.order_by("name"):
                with (made / file.name).open("wb") as out:
                    out.writelines(content(file))
            made.rename(folder)
    except OSError as error:
        raise Refused(f"{folder} cannot be written: {error.strerror or error}.") from error


def withdraw_with(drawer: Person) -> None:
    """Delete the files of all releases that may have drawings of `drawer`, which are being removed
    in this transaction, or lose their name. It holds the trainer's lock."""
    given = drawer.attempts.filter(round__arm=Arm.DYNAMIC)
    first = given.aggregate(first=Min("round__number"))["first"]
    if first is None:
        return
    having = Release.objects.filter(minor__gte=first, withdrawn_at=None)
    ReleasePart.objects.filter(file__release__in=having).delete()
    having.update(withdrawn_at=timezone.now())


def _plan(number: int) -> tuple[Plan, Release | None]:
    """Return what is to be released, and the release that it may be the same as. Raises
    NoSuchRound, Refused."""
    round_ = rounds.get_round(number)
    study = Study.current()
    opened = study.opened_from
    is_out = opened is not None and opened.minor == number  # its model, with that release
    if round_.state == Round.State.OPEN or (rounds.is_open(round_.model_id) and not is_out):
        raise Conflict(
            f"Round {number} is open, or its model serves the open round: a release is made of "
            "what is over, which it is once the next model opens a round.",
            code="round_open",
        )
    if not round_.model.architecture:
        raise Refused(
            f"Round {number}'s model did not come along by the release that this site was opened "
            "from: the release of that round is made where it was."
        )
    of_these = Attempt.objects.filter(**of_rounds(number))
    waiting = of_these.filter(status=Attempt.Status.PENDING, removed_at=None)
    if count := waiting.exclude(DRAWER_SUSPENDED).count():
        raise Conflict(
            f"Of rounds up to {number}, drawings wait to be read: {count:,}. A release says what "
            "each drawing is, so it is made once they have settled.",
            code="waiting",
        )
    before = _before(number)
    plan = Plan(
        round_,
        study,
        version="",
        previous=before,
        cited_doi=_concept_doi(),
        attempts=b"",
        gone_count=of_these.filter(_GONE).count(),
        protocol=_told(opened).get("protocol") if opened else None,
    )
    packed = bytearray()
    for keys in release_tables.keys(plan.scope.attempts()):
        packed += bytes.fromhex("".join(keys).replace("-", ""))
    plan = replace(plan, attempts=bytes(packed))
    is_somebody_gone = any(plan.withdrawn())
    if before and before.minor == number and not before.withdrawn_at and not is_somebody_gone:
        # It may be the very same: then it has that one's version, and is told beside the same one.
        previous = _previous(before) if before == opened else before.previous
        plan = replace(plan, previous=previous, cited_doi=before.cited_doi)
        return replace(plan, version=before.version), before
    is_withdrawn = before is not None and before.withdrawn_at is not None
    major = before.major + (is_somebody_gone or is_withdrawn) if before else 1
    return replace(plan, version=f"{major}.{number}.0"), None


def _told(opened: Release) -> dict[str, Any]:
    """Return the manifest of a release that this site was filled from."""
    manifest = b"".join(content(get_file(opened, release_folder.MANIFEST)))
    told: dict[str, Any] = json.loads(manifest)
    return told


def _previous(opened: Release) -> Release | None:
    """Return the release beside which the changes of this one are told, which another site made: as
    far as they say, and not stored."""
    if (version := _told(opened)["previous_version"]) is None:
        return None
    changes = b"".join(content(get_file(opened, release_folder.CHANGES))).decode()
    changed: dict[str, set[bytes]] = {"added": set(), "withdrawn": set()}
    for row in csv.DictReader(changes.splitlines()):
        changed[row["change"]].add(UUID(row["attempt"]).bytes)
    ids = bytes(opened.attempts)
    there = {ids[n : n + 16] for n in range(0, len(ids), 16)}
    earlier = sorted(there - changed["added"] | changed["withdrawn"])
    major, minor, patch = map(int, version.split("."))
    return Release(major=major, minor=minor, patch=patch, attempts=b"".join(earlier))


def take(folder: Path, manifest: Mapping[str, Any], round_: Round, ids: bytes) -> Release:
    """Keep the release in `folder`, whose attempts have these `ids`, as the one that this site is
    filled from, in the caller's transaction."""
    major, minor, patch = map(int, manifest["version"].split("."))
    as_of = datetime.fromisoformat(manifest["as_of"])  # when it was made, it does not say
    release = Release.objects.create(
        round=round_,
        major=major,
        minor=minor,
        patch=patch,
        sha256=release_folder.digest(folder / release_folder.SUMS),
        attempts=ids,
        cited_doi=manifest["cited_doi"] or "",
        is_licensed=None not in manifest["licences"],
        published_at=as_of,
    )
    Release.objects.filter(pk=release.pk).update(made_at=as_of)
    Study.objects.update(opened_from=release)
    for path in release_folder.files_in(folder):
        _store(release, path)
    return release


def _another(plan: Plan, known: Release) -> Plan:
    """The plan of the next version of the same round."""
    version = f"{known.major}.{known.minor}.{known.patch + 1}"
    return replace(plan, version=version, previous=known, cited_doi=_concept_doi())


def _concept_doi() -> str:
    """Return the DOI that leads to the newest of all versions that were published; empty before
    there is one. A release's own is only known once its files are."""
    at_zenodo = Publication.objects.filter(place=Publication.Place.ZENODO)
    known = at_zenodo.filter(address=settings.ZENODO_URL).exclude(concept_doi="").order_by("pk")
    return known.values_list("concept_doi", flat=True).last() or ""


def _before(number: int) -> Release | None:
    """Return the newest release of this round or an earlier one."""
    return published().filter(minor__lte=number).first()


def _keep(plan: Plan, folder: Path, written: Written) -> Release:
    """Store the files, and publish them in one short transaction. Raises Conflict where a drawing
    that is in them was removed meanwhile, or another made the same version."""
    major, minor, patch = map(int, plan.version.split("."))
    release = Release.objects.create(
        round=plan.round,
        major=major,
        minor=minor,
        patch=patch,
        previous=plan.previous,
        sha256=written.sha256,
        attempts=plan.attempts,
        cited_doi=plan.cited_doi,
        is_licensed=None not in written.licences,
    )
    try:
        for path in release_folder.files_in(folder):
            _store(release, path)
        with transaction.atomic():
            rounds.lock()
            of_these = Attempt.objects.filter(**of_rounds(plan.round.number))
            if of_these.filter(_GONE).count() != plan.gone_count:
                raise Conflict(
                    "Somebody removed their drawings or closed their account meanwhile: make it "
                    "once more."
                )
            Release.objects.filter(pk=release.pk).update(published_at=timezone.now())
    except IntegrityError as error:
        release.delete()
        raise Conflict(f"Version {plan.version} was made meanwhile.") from error
    except BaseException:
        release.delete()
        raise
    release.refresh_from_db()
    return release


def _store(release: Release, path: Path) -> None:
    """Store a file in parts, each in a transaction of its own."""
    file = ReleaseFile.objects.create(
        release=release,
        name=path.name,
        size=path.stat().st_size,
        sha256=release_folder.digest(path),
    )
    with path.open("rb") as content_:
        for place in range(-(-file.size // ReleasePart.SIZE)):
            _store_part(file, place, content_.read(ReleasePart.SIZE))


def _store_part(file: ReleaseFile, place: int, data: bytes) -> None:
    if connection.vendor != "postgresql":
        ReleasePart.objects.create(file=file, place=place, data=data)
        return
    # As bytes: in a statement they would be text of twice their length, written and read.
    table = connection.ops.quote_name(ReleasePart._meta.db_table)
    told = f"COPY {table} (file_id, place, data) FROM STDIN (FORMAT BINARY)"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(told) as copy:
        copy.set_types(["int8", "int4", "bytea"])
        copy.write_row((file.pk, place, data))
