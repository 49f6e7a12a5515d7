"""Drawings that came from elsewhere: each is judged by the open round's model and kept, marked as
imported; it waits to be read, or is a sample at once. It counts for nobody and in no error rate."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db import IntegrityError, transaction
from django.utils import timezone

from collector.data import import_sources
from collector.data.import_sources import Bad, Item
from collector.errors import Refused
from collector.models import Attempt, Person, Study
from collector.rules import verdicts
from trainer import mnist_duplicates, rounds, samples, target
from trainer.learning import drawing, raster, similarity
from trainer.models import Sample

MODERATION, SAMPLES = "moderation", "samples"
FROM_A_PICTURE = 0  # the raster's version where there were no strokes
_PREFIX = "import-"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,20}")


@dataclass
class Import:
    """One import under a `name`: to moderation, or, `to` samples, straight in. The same name goes
    on where it was: an id that is there already is not taken twice. What does not say under which
    licence it was given has this `licence`. `counts` says how many of what there were so far:
    taken, there, refused."""

    name: str
    to: str
    licence: str = ""
    counts: Counter[str] = field(default_factory=Counter, init=False)
    _drawers: dict[str, Person] = field(default_factory=dict, init=False)

    def run(self, path: Path) -> Iterator[Bad | None]:
        """Take what is at `path`, item by item, each in a short transaction of its own; yield for
        each item why it was refused, or None. Raises Refused where nothing of it can be read,
        target.TargetUnavailable."""
        if not _NAME.fullmatch(self.name):
            raise Refused(
                "An import's name has 1 to 21 characters: a–z, digits, dot, hyphen, underscore.",
                field="name",
            )
        for item in import_sources.read(path):
            bad = item if isinstance(item, Bad) else self._take(item)
            self.counts["refused"] += bad is not None
            yield bad

    def _take(self, item: Item) -> Bad | None:
        drawer, sha256 = self._drawer(item.writer), _sha256(item)
        try:
            is_new = not _is_there(drawer, item.key, sha256) and self._keep(
                self._judged(item, drawer, sha256)
            )
        except (drawing.Degenerate, import_sources.NotTaken) as error:
            return Bad(item.place, str(error))
        self.counts["taken" if is_new else "there"] += 1
        return None

    def _judged(self, item: Item, drawer: Person, sha256: str) -> Attempt:
        """Make the attempt, not stored yet. Raises Degenerate, NotTaken."""
        picture = raster.picture(item.pixels)
        raster.check_ink(picture)
        if mnist_duplicates.is_duplicate(picture, item.label):
            raise import_sources.NotTaken("is nearly one of MNIST's own images")
        model = target.current()
        prediction = model.read(item.pixels)
        has_fooled, now = prediction.digit != item.label, timezone.now()
        strokes = item.drawn.as_json() if item.drawn else []
        quorum = Study.current().quorum if self.to == MODERATION else 0
        outcome = verdicts.settle(item.label, has_fooled, [], quorum)
        return Attempt(
            drawer=drawer,
            round=model.round,
            submitted_at=now,
            client_key=item.key,
            body_sha256=sha256,
            target_label=item.label,
            predicted_label=prediction.digit,
            probabilities=prediction.probabilities,
            strokes=strokes,
            width=item.drawn.width if item.drawn else drawing.DEFAULT_WIDTH,
            pixels=item.pixels,
            pixels_sha256=hashlib.sha256(item.pixels).hexdigest(),
            raster_version=raster.VERSION if item.drawn else FROM_A_PICTURE,
            shape=similarity.shape(similarity.path_of(strokes)).tobytes()
            if strokes and has_fooled
            else None,
            licence=item.licence or self.licence,
            has_live_preview=False,
            is_imported=True,
            status=outcome.status if outcome else Attempt.Status.PENDING,
            is_audited=False,
            quorum=quorum,
            needed_reading_count=0 if outcome else verdicts.readings_needed(item.label, [], quorum),
            settled_at=now if outcome else None,
            settled_label=outcome.label if outcome else None,
        )

    def _keep(self, attempt: Attempt) -> bool:
        """Store the attempt, and its sample where it is one; return False where another import of
        the same has just done so. Raises NotTaken where the very same picture is there."""
        try:
            with transaction.atomic():
                if self.to == SAMPLES:
                    rounds.lock()
                attempt.save(force_insert=True)
                if self.to == SAMPLES and not _add(attempt):
                    raise import_sources.NotTaken("is the very same picture as a sample")
        except IntegrityError as error:
            if _is_there(attempt.drawer, attempt.client_key, attempt.body_sha256):
                return False
            raise import_sources.NotTaken(
                "is the very same picture as another of this round"
            ) from error
        return True

    def _drawer(self, writer: str) -> Person:
        """Return whose drawings these are: a closed account of this import's own, one a writer."""
        if writer not in self._drawers:
            digest = hashlib.sha256(f"{self.name}\0{writer}".encode()).hexdigest()
            name = f"{_PREFIX}{digest[:20]}" if writer else f"{_PREFIX}{self.name}"
            self._drawers[writer] = _account(name)
        return self._drawers[writer]


def _is_there(drawer: Person, key: str | None, sha256: str) -> bool:
    """Whether this very item is there under its id. Raises NotTaken where something else is."""
    found = Attempt.objects.filter(drawer=drawer, client_key=key)
    known = found.values_list("body_sha256", flat=True).first()
    if known and known != sha256:
        raise import_sources.NotTaken("has an id under which something else is there")
    return bool(known)


def _add(attempt: Attempt) -> Sample | None:
    return samples.add(
        attempt=attempt.pk,
        contributor=attempt.drawer.contributor,
        pixels=bytes(attempt.pixels),
        label=attempt.target_label,
        has_fooled=attempt.is_kept_as_fool,
        round_=attempt.round,
    )


def _account(name: str) -> Person:
    """Return the account that an import's drawings stand on: nobody signs in to it, and no page
    lists it. Raises Refused where it is somebody's."""
    nobodys = Person(username=name, is_active=False, is_listed=False, closed_at=timezone.now())
    nobodys.set_unusable_password()
    with_name = Person.objects.filter(username__iexact=name)
    known = with_name.first()
    if known is None:
        try:
            with transaction.atomic():
                nobodys.save(force_insert=True)
                return nobodys
        except IntegrityError:  # another import has just made it
            known = with_name.get()
    if known.closed_at is None or known.attempts.filter(is_imported=False).exists():
        raise Refused(f"{name} is somebody's account: choose another name.", field="name")
    return known


def _sha256(item: Item) -> str:
    """The hash of what came, by which the same item is known again."""
    drawn = [item.drawn.as_json(), item.drawn.width] if item.drawn else item.pixels.hex()
    return hashlib.sha256(json.dumps([item.label, drawn]).encode()).hexdigest()
