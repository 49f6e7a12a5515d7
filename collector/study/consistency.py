"""Does everything in the database agree? What the constraints cannot say, recounted from the
rows."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from django.apps import apps
from django.db import connection
from django.db.models import (
    CharField,
    Count,
    Exists,
    F,
    Max,
    Min,
    Model,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThan

from collector.models import (
    COPY,
    DRAWER_SUSPENDED,
    ORIGINAL,
    AdminAction,
    Allocation,
    Attempt,
    Gold,
    ModerationPause,
    Person,
    Reading,
    Reason,
    Release,
    ReleaseFile,
    ReleasePart,
    Study,
    in_parts,
    tallies,
)
from collector.rules import arms, verdicts
from trainer import samples
from trainer.learning import drawing, raster
from trainer.learning.manifests import is_sealed
from trainer.models import Contributor, Round, RoundModel, Sample, Split, Weights

Status = Attempt.Status
CHUNK = 500  # rows in memory at once
A_MOMENT = timedelta(minutes=1)  # from reading which round is open to storing the attempt
_Row = TypeVar("_Row", bound=Model)


class Recount:
    """One look at everything: `problems` yields a sentence for whatever does not agree, `looked_at`
    counts the rows by what they are."""

    def __init__(self) -> None:
        self.looked_at: dict[str, int] = {}

    def problems(self) -> Iterator[str]:
        """Yield what does not agree, from the first row to the last: one that cannot even be read
        is a finding too, and the look goes on."""
        yield from self._rounds()
        yield from self._each(Weights.objects.all(), _checksum, chunk=20)
        yield from self._models()
        yield from self._each(_with_readings(), _attempt)
        yield from _left_behind()
        yield from _without_sample()
        yield from _copies()
        yield from _credit()
        yield from tallies.differences()
        yield from self._each(_gold_readings(), _gold_reading)
        yield from self._each(_hidden_gold(), _gold)
        yield from self._samples()
        yield from _splits()
        yield from _lots()
        yield from _reasons()
        yield from _pauses()
        yield from _suspensions()
        yield from _too_long()
        given = ReleaseFile.objects.filter(
            release__published_at__isnull=False, release__withdrawn_at=None
        )
        yield from self._each(given, _release_file, chunk=20)

    def _each(
        self, rows: QuerySet[_Row], check: Callable[[_Row], Iterator[str]], chunk: int = CHUNK
    ) -> Iterator[str]:
        """Check row by row."""
        yield from self._check(rows.model, in_parts.rows(rows, chunk), check)

    def _check(
        self, model: type[_Row], rows: Iterable[_Row], check: Callable[[_Row], Iterator[str]]
    ) -> Iterator[str]:
        one, kind = str(model._meta.verbose_name), model.__name__
        name = one if one.endswith("s") else str(model._meta.verbose_name_plural)
        for row in rows:
            self.looked_at[name] = self.looked_at.get(name, 0) + 1
            try:
                yield from check(row)
            except Exception as error:
                yield f"{kind} {row.pk} cannot be checked: {type(error).__name__}: {error}"

    def _rounds(self) -> Iterator[str]:
        by_arm: dict[str, list[int]] = defaultdict(list)
        for arm, number in Round.objects.order_by("number").values_list("arm", "number"):
            by_arm[arm].append(number)
        if any(numbers != list(range(1, len(numbers) + 1)) for numbers in by_arm.values()):
            yield "The rounds are not numbered 1, 2, 3, …"
        before: dict[str, Round] = {}

        def check(round_: Round) -> Iterator[str]:
            yield from _times(round_, before.get(round_.arm))
            before[round_.arm] = round_

        drawn = {"first": Min("attempts__submitted_at"), "last": Max("attempts__submitted_at")}
        rounds = Round.objects.select_related("model").defer("model__manifest", "model__report")
        yield from self._each(rounds.order_by("number").annotate(**drawn), check)
        for last in before.values():
            if last.state != Round.State.OPEN:
                yield f"Round {last.number} is the last and is not open."

    def _models(self) -> Iterator[str]:
        trained_on = samples.counts_trained_on()
        models = RoundModel.objects.select_related("initial_model__weights").defer(
            "report", "initial_model__report", "initial_model__weights__data"
        )
        with_weights = models.annotate(
            has_weights=Exists(Weights.objects.filter(pk=OuterRef("pk")))
        )
        yield from self._each(with_weights, lambda model: _model(model, trained_on), chunk=20)

    def _samples(self) -> Iterator[str]:
        suspended = dict(Person.objects.suspended().values_list("contributor", "username"))
        known: dict[Any, Attempt] = {}

        def check(sample: Sample) -> Iterator[str]:
            if sample.withdrawn_at is None and sample.contributor_id in suspended:
                yield (
                    f"Sample {sample.pk} is active, and {suspended[sample.contributor_id]}, who "
                    "drew it, is suspended."
                )
            yield from _sample(sample, known.get(sample.attempt))

        for some in in_parts.parts(Sample.objects.order_by("pk"), CHUNK):
            of = Attempt.objects.filter(pk__in=[sample.attempt for sample in some])
            known = of.select_related("drawer").defer("strokes", "pixels").in_bulk()
            yield from self._check(Sample, some, check)


def problems() -> Iterator[str]:
    """Yield a sentence for everything that does not agree."""
    yield from Recount().problems()


def _times(round_: Any, before: Round | None) -> Iterator[str]:
    """Whether a round, the one before, its model and its attempts follow one another; the times of
    its `first` and `last` attempt are with it."""
    name = f"Round {round_.number}"
    if round_.state == Round.State.OPEN and not round_.model.architecture:
        yield f"{name} is open with a model that is not here."
    if round_.model.state != RoundModel.State.PROMOTED:
        yield f"{name}'s model is {round_.model.state}, not promoted."
    if round_.closed_at and round_.closed_at < round_.opened_at:
        yield f"{name} was closed before it was opened."
    if before and before.closed_at and round_.opened_at < before.closed_at:
        yield f"{name} was opened before round {before.number} was closed."
    if round_.first and round_.first < round_.opened_at - A_MOMENT:
        yield f"{name} has an attempt of {round_.first}, before it was opened."
    if round_.last and round_.closed_at and round_.last > round_.closed_at + A_MOMENT:
        yield f"{name} has an attempt of {round_.last}, after it was closed."


def _checksum(row: Weights) -> Iterator[str]:
    if hashlib.sha256(bytes(row.data)).hexdigest() != row.sha256:
        yield f"The weights of model {row.pk} are damaged."


def _release_file(file: ReleaseFile) -> Iterator[str]:
    """Whether its parts are those that were stored, unless it is withdrawn in this moment."""
    digest = hashlib.sha256()
    for place in range(-(-file.size // ReleasePart.SIZE)):
        part = file.parts.filter(place=place).first()
        digest.update(bytes(part.data) if part else b"")
    is_given = Release.objects.filter(pk=file.release_id, withdrawn_at=None).exists()
    if digest.hexdigest() != file.sha256 and is_given:
        yield f"{file.name} of release {file.release.version} is damaged."


def _model(model: Any, counts_trained_on: dict[int, int]) -> Iterator[str]:
    """Whether a model's weights, manifest and training set follow from each other."""
    if not model.architecture:
        if model.has_weights or model.manifest:
            yield f"Model {model.pk} did not come along, and has weights or a manifest."
    elif model.state in ("promoted", "held") and not model.has_weights:
        yield f"Model {model.pk} is {model.state} and has no weights."
    if not model.manifest or model.initial_model is None:
        return
    if not is_sealed(model.manifest):
        yield f"The manifest of model {model.pk} is not that of its checksum."
    if model.manifest.get("start_sha256") != model.initial_model.weights.sha256:
        yield f"The manifest of model {model.pk} names another start than its initial model."
    trained_on = counts_trained_on.get(model.pk)
    if model.left_out_contributor is None and model.manifest.get("samples") != trained_on:
        yield (
            f"The manifest of model {model.pk} says {model.manifest.get('samples')} samples, and "
            f"{trained_on} say that it was trained on them."
        )


def _with_readings() -> QuerySet[Attempt]:
    answered = Prefetch(
        "readings", Reading.objects.filter(answer__isnull=False).order_by("answered_at", "pk")
    )
    return Attempt.objects.prefetch_related("decisions", answered)


def _attempt(attempt: Attempt) -> Iterator[str]:
    yield from _picture(attempt)
    yield from _prediction(attempt)
    yield from _status(attempt)
    yield from _settled(attempt)


def _picture(attempt: Attempt) -> Iterator[str]:
    if not attempt.pixels_sha256 and attempt.status != Status.RETRACTED:
        yield f"Attempt {attempt.pk} came without its picture, and was not taken back."
    if attempt.removed_at or not attempt.pixels_sha256:
        if bytes(attempt.pixels) or attempt.strokes:
            yield f"Attempt {attempt.pk} is removed and still has its picture."
        return
    pixels = bytes(attempt.pixels)
    if hashlib.sha256(pixels).hexdigest() != attempt.pixels_sha256:
        yield f"Attempt {attempt.pk}: the pixels are not those of the hash."
    if attempt.raster_version == raster.VERSION:
        drawn = drawing.parse(attempt.strokes, attempt.width)
        if raster.rasterise(drawn).tobytes() != pixels:
            yield f"Attempt {attempt.pk}: the strokes do not give these pixels."


def _prediction(attempt: Attempt) -> Iterator[str]:
    shares = attempt.probabilities
    if len(shares) != 10 or shares[attempt.predicted_label] != max(shares):
        yield f"Attempt {attempt.pk} is not predicted as what its probabilities say."


def _status(attempt: Attempt) -> Iterator[str]:
    """Recompute status, what is still wanted, and whether each reading is correct, from readings
    and decision."""
    counted = [reading for reading in attempt.readings.all() if not reading.is_discounted]
    readings = [reading.answer for reading in counted if reading.answer]
    if any(reading.moderator_id == attempt.drawer_id for reading in attempt.readings.all()):
        yield f"Attempt {attempt.pk} was read by whoever drew it."
    if attempt.status == Status.RETRACTED:
        if readings and not attempt.removed_at:
            yield f"Attempt {attempt.pk} was taken back after a reading."
        return
    moderated = attempt.has_fooled or attempt.is_audited or attempt.is_imported
    outcome = (
        verdicts.settle(attempt.target_label, attempt.has_fooled, readings, attempt.quorum)
        if moderated
        else None
    )
    if decision := attempt.decision:
        outcome = verdicts.outcome(attempt.target_label, attempt.has_fooled, decision.answer)
    expected = outcome.status if outcome else Status.PENDING if moderated else Status.NOT_FOOLED
    if attempt.status != expected:
        yield f"Attempt {attempt.pk} is {attempt.status}; its readings say {expected}."
    elif outcome is None:
        wanted = verdicts.readings_needed(attempt.target_label, readings, attempt.quorum)
        if moderated and attempt.needed_reading_count != wanted:
            yield (
                f"Attempt {attempt.pk} asks for {attempt.needed_reading_count} readings more; "
                f"those so far say {wanted}."
            )
    elif attempt.settled_label != outcome.label:
        yield (
            f"Attempt {attempt.pk} is {attempt.status} as {attempt.settled_label}; its readings "
            f"say {outcome.label}."
        )
    elif any(reading.is_correct is not (reading.answer == outcome.answer) for reading in counted):
        yield f"Attempt {attempt.pk} settled as {outcome.answer}; not every reading is graded so."


def _settled(attempt: Attempt) -> Iterator[str]:
    if attempt.status != Status.PENDING and attempt.settled_at is None:
        yield f"Attempt {attempt.pk} is {attempt.status} and has not settled at any time."
    elif attempt.settled_at and attempt.settled_at < attempt.submitted_at - A_MOMENT:
        yield f"Attempt {attempt.pk} settled before it was submitted."
    if attempt.first_read_at is None and attempt.readings.all():
        yield f"Attempt {attempt.pk} was read and has not been at any time."
    if attempt.has_fooled and attempt.is_audited:
        yield f"Attempt {attempt.pk} fooled the model, and was chosen at random all the same."
    if attempt.has_fooled and attempt.shape is None and attempt.strokes:
        yield f"Attempt {attempt.pk} fooled the model and has no shape to find copies by."


def _left_behind() -> Iterator[str]:
    """Without a picture, or without its model, is only what came by a release."""
    if Study.current().opened_from_id:
        return
    for pk in Attempt.objects.filter(pixels_sha256="").values_list("pk", flat=True):
        yield f"Attempt {pk} has no picture, and came by no release."
    for model in RoundModel.objects.filter(architecture="").values_list("pk", flat=True):
        yield f"Model {model} has no architecture, and came by no release."


def _without_sample() -> Iterator[str]:
    """What is verified is a sample, or its very pixels are one already."""
    active = Sample.objects.filter(withdrawn_at=None)
    lacking = (
        Attempt.objects.filter(
            ORIGINAL,
            ~Exists(active.filter(attempt=OuterRef("pk"))),
            ~Exists(active.filter(sha256=OuterRef("pixels_sha256"))),
            status=Status.VERIFIED,
            removed_at=None,
        )
        .exclude(DRAWER_SUSPENDED)
        .order_by("pk")
    )
    for pk in lacking.values_list("pk", flat=True).iterator():
        yield f"Attempt {pk} is verified and no sample."


def _copies() -> Iterator[str]:
    """No copy is of something later, and none waits to be trained on."""
    later = Attempt.objects.filter(near_duplicate_of__submitted_at__gt=F("submitted_at") + A_MOMENT)
    for pk in later.values_list("pk", flat=True):
        yield f"Attempt {pk} is marked as a copy of what was submitted later."
    waiting = Sample.objects.filter(withdrawn_at=None, first_trained_by=None)
    copies = Attempt.objects.filter(COPY).values("pk")
    for pk in waiting.filter(attempt__in=copies).values_list("pk", flat=True):
        yield f"Sample {pk} is a copy, and waits to be trained on."


def _credit() -> Iterator[str]:
    """Recount what each person's verified fools of one digit taken for one other earned in a round,
    together."""
    confusions = (
        Attempt.objects.filter(ORIGINAL, status=Status.VERIFIED)
        .order_by("drawer__username", "round__number", "target_label", "predicted_label")
        .values_list("drawer__username", "round__number", "target_label", "predicted_label")
        .annotate(fool_count=Count("pk"), earned=Sum("credit"))
    )
    for name, number, target, predicted, fool_count, earned in confusions.iterator():
        due = sum(verdicts.credit(Status.VERIFIED, alike) for alike in range(fool_count))
        if earned != due:
            yield (
                f"{name} earned {earned:g} for {fool_count} tricks of {target} as {predicted} in "
                f"round {number}, not {due:g}."
            )


def _gold_readings() -> QuerySet[Reading]:
    return Reading.objects.filter(gold__isnull=False, answer__isnull=False).select_related("gold")


def _gold_reading(reading: Reading) -> Iterator[str]:
    """Grade a reading of gold again: it is correct where it says what the gold is."""
    if reading.gold and reading.is_correct is not (reading.answer == reading.gold.answer):
        yield (
            f"Reading {reading.pk} of gold reads {reading.answer}, it is {reading.gold.answer}, "
            f"and the row says correct: {reading.is_correct}."
        )


def _hidden_gold() -> QuerySet[Gold]:
    return Gold.objects.filter(is_practice=False, is_retired=False).select_related("attempt")


def _gold(gold: Gold) -> Iterator[str]:
    attempt = gold.attempt
    if attempt is None or (gold.strokes, gold.width, bytes(gold.pixels)) != (
        attempt.strokes,
        attempt.width,
        bytes(attempt.pixels),
    ):
        yield f"Gold {gold.pk} is not the drawing of its attempt."
    elif gold.answer != verdicts.Outcome(attempt.status, attempt.settled_label).answer:
        yield f"Gold {gold.pk} says {gold.answer}; its attempt settled otherwise."


def _sample(sample: Sample, attempt: Attempt | None) -> Iterator[str]:
    is_active = sample.withdrawn_at is None
    label = attempt.settled_label if attempt else None
    # What was withdrawn may differ: an appeal may have settled its attempt anew.
    if is_active and label != sample.label:
        yield f"Sample {sample.pk} is labelled {sample.label}; its attempt settled as {label}."
    if is_active and sample.has_fooled != bool(attempt and attempt.is_kept_as_fool):
        yield f"Sample {sample.pk} is wrong about whether its drawing fooled."
    if attempt and sample.is_audited != attempt.is_audited:
        yield f"Sample {sample.pk} is wrong about whether it was chosen at random."
    if attempt and sample.contributor_id != attempt.drawer.contributor:
        yield f"Sample {sample.pk} is not its drawer's."
    if attempt and sample.round_id != attempt.round_id:
        yield f"Sample {sample.pk} is of another round than its attempt."
    if attempt and sample.sha256 != attempt.pixels_sha256:
        yield f"Sample {sample.pk} is not the picture of its attempt."
    if sample.removed_at:
        if bytes(sample.pixels):
            yield f"Sample {sample.pk} is removed and still has its pixels."
    elif hashlib.sha256(bytes(sample.pixels)).hexdigest() != sample.sha256:
        yield f"Sample {sample.pk}: the pixels are not those of the hash."


def _splits() -> Iterator[str]:
    """In each block of five contributors one of the last four is test, in the last block at
    most."""
    places = Contributor.objects.order_by("position").values_list("position", "split")
    blocks = groupby(places.iterator(), lambda place: place[0] // samples.BLOCK)
    for block, in_block in blocks:
        splits = [(position % samples.BLOCK, split) for position, split in in_block]
        test = [place for place, split in splits if split == Split.TEST]
        is_full = len(splits) == samples.BLOCK
        if len(test) > 1 or 0 in test or (is_full and not test):
            first = block * samples.BLOCK
            yield f"Of the five contributors from {first} on, those at {test} are test."


def _lots() -> Iterator[str]:
    """In each block of the lot no arm came more often than its weight, and, where the block after
    it has the same weights, none less often."""
    rows = Allocation.objects.order_by("block", "place").values_list("block", "weights", "arm")
    before: tuple[int, str, Counter[str]] | None = None
    for block, in_block in groupby(rows.iterator(), itemgetter(0)):
        given = [(weights, arm) for _, weights, arm in in_block]
        weights, drawn = given[0][0], Counter(arm for _, arm in given)
        if before and before[1] == weights and before[2] != arms.parse(weights):
            yield f"Block {before[0]} of the lot is not full."
        if not drawn <= Counter(arms.parse(weights)):
            yield f"Block {block} of the lot has more of an arm than its weight."
        before = block, weights, drawn


def _reasons() -> Iterator[str]:
    said = Reason.objects.exclude(text="")
    without_trick = (
        Q(attempt__has_fooled=False)
        | Q(attempt__status=Status.RETRACTED)
        | Q(attempt__removed_at__isnull=False)
        | Q(attempt__drawer__closed_at__isnull=False)
    )
    for pk in said.filter(without_trick).order_by("pk").values_list("attempt", flat=True):
        yield f"Attempt {pk} has a reason, and is no trick of anybody who is still here."


def _pauses() -> Iterator[str]:
    holds = ModerationPause.objects.filter(person=OuterRef("pk"), lifted_at=None)
    people = Person.objects.alias(has_pause=Exists(holds)).exclude(
        is_moderation_paused=F("has_pause")
    )
    for name, is_paused in people.values_list("username", "is_moderation_paused"):
        state = "paused" if is_paused else "not paused"
        yield f"{name}'s moderating is {state}; the pauses say otherwise."


def _suspensions() -> Iterator[str]:
    """Who is suspended was suspended by an admin, and not reinstated since."""
    kinds = (AdminAction.Kind.SUSPENDED, AdminAction.Kind.REINSTATED)
    done = AdminAction.objects.filter(person=OuterRef("pk"), kind__in=kinds).order_by("-pk")
    people = Person.objects.suspended().alias(last=Subquery(done.values("kind")[:1]))
    unsaid = people.exclude(last=AdminAction.Kind.SUSPENDED) | people.filter(last=None)
    for name in unsaid.values_list("username", flat=True):
        yield f"{name} is suspended, and nobody did it."


def _too_long() -> Iterator[str]:
    """SQLite keeps text longer than its column, which PostgreSQL, and so a restore, refuses."""
    if connection.vendor == "sqlite":
        for app in ("collector", "trainer"):
            for model in apps.get_app_config(app).get_models():
                yield from _too_long_in(model)


def _too_long_in(model: type[Model]) -> Iterator[str]:
    most = {
        field.attname: field.max_length
        for field in model._meta.concrete_fields
        if isinstance(field, CharField) and field.max_length and not field.generated
    }
    is_longer = Q(pk__in=[])
    for name, length in most.items():
        is_longer |= Q(GreaterThan(Length(name), length))
    found = model._base_manager.filter(is_longer).order_by("pk")
    for pk, *texts in found.values_list("pk", *most).iterator():
        for (name, length), text in zip(most.items(), texts, strict=True):
            if len(text or "") > length:
                yield (
                    f"{model.__name__} {pk} has {len(text):,} characters of {name}; its column "
                    f"takes {length:,}."
                )
