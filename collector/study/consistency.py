"""Does everything in the database agree? What the constraints cannot say, recounted from the
rows."""

import hashlib
from collections.abc import Iterator

from django.db.models import Count, Prefetch, Sum

from collector.models import Attempt, Gold, Person, Reading
from collector.rules import verdicts
from trainer.learning import drawing, raster
from trainer.models import Round, RoundModel, Sample, Weights

Status = Attempt.Status


def problems() -> Iterator[str]:
    """Yield a sentence for everything that does not agree."""
    yield from _rounds()
    yield from _weights()
    yield from _attempts()
    yield from _credit()
    yield from _gold()
    yield from _samples()


def _rounds() -> Iterator[str]:
    rounds = list(Round.objects.select_related("model").order_by("number"))
    if [round_.number for round_ in rounds] != list(range(1, len(rounds) + 1)):
        yield "The rounds are not numbered 1, 2, 3, …"
    if rounds and rounds[-1].state != Round.State.OPEN:
        yield f"Round {rounds[-1].number} is the last and is not open."
    for round_ in rounds:
        if round_.model.state != RoundModel.State.PROMOTED:
            yield f"Round {round_.number}'s model is {round_.model.state}, not promoted."


def _weights() -> Iterator[str]:
    for row in Weights.objects.iterator(chunk_size=20):
        if hashlib.sha256(bytes(row.data)).hexdigest() != row.sha256:
            yield f"The weights of model {row.pk} are damaged."
    for model in RoundModel.objects.filter(state__in=["promoted", "held"], weights=None):
        yield f"Model {model.pk} is {model.state} and has no weights."


def _attempts() -> Iterator[str]:
    answered = Prefetch(
        "readings", Reading.objects.filter(answer__isnull=False).order_by("answered_at", "pk")
    )
    attempts = Attempt.objects.prefetch_related("decisions", answered)
    for attempt in attempts.iterator(chunk_size=500):
        yield from _picture(attempt)
        yield from _status(attempt)


def _picture(attempt: Attempt) -> Iterator[str]:
    if attempt.removed_at:
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


def _status(attempt: Attempt) -> Iterator[str]:
    """Recompute the status from readings and decision."""
    readings = [
        reading.answer
        for reading in attempt.readings.all()
        if reading.answer and not reading.is_discounted
    ]
    if attempt.status == Status.RETRACTED:
        if readings and not attempt.removed_at:
            yield f"Attempt {attempt.pk} was taken back after a reading."
        return
    moderated = attempt.has_fooled or attempt.is_audited
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


def _credit() -> Iterator[str]:
    """Recount what each person's verified fools of one digit taken for one other earned in a round,
    together."""
    confusions = (
        Attempt.objects.filter(
            status=Status.VERIFIED, near_duplicate_of=None, is_mnist_duplicate=False
        )
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


def _gold() -> Iterator[str]:
    """Grade the readings of gold again: one is correct where it says what the gold is."""
    readings = Reading.objects.filter(gold__isnull=False, answer__isnull=False).select_related(
        "gold"
    )
    for reading in readings.iterator(chunk_size=500):
        if reading.gold and reading.is_correct is not (reading.answer == reading.gold.answer):
            said = (
                f"reads {reading.answer}, it is {reading.gold.answer}, and the row says "
                f"correct: {reading.is_correct}."
            )
            yield f"Reading {reading.pk} of gold {said}"
    for gold in (
        Gold.objects.filter(is_practice=False, is_retired=False)
        .select_related("attempt")
        .iterator(chunk_size=500)
    ):
        if gold.attempt is None or bytes(gold.pixels) != bytes(gold.attempt.pixels):
            yield f"Gold {gold.pk} is not the picture of its attempt."


def _samples() -> Iterator[str]:
    settled = {
        pk: (label, status, audited)
        for pk, label, status, audited in Attempt.objects.filter(
            settled_label__isnull=False
        ).values_list("pk", "settled_label", "status", "is_audited")
    }
    suspended = dict(Person.objects.suspended().values_list("contributor", "username"))
    for sample in Sample.objects.iterator(chunk_size=500):
        if sample.withdrawn_at is None and sample.contributor_id in suspended:
            yield (
                f"Sample {sample.pk} is active, and {suspended[sample.contributor_id]}, who "
                "drew it, is suspended."
            )
        label, status, audited = settled.get(sample.attempt, (None, None, sample.is_audited))
        # What was withdrawn may differ: an appeal may have settled its attempt anew.
        if label != sample.label and not sample.withdrawn_at:
            yield f"Sample {sample.pk} is labelled {sample.label}; its attempt settled as {label}."
        if sample.has_fooled != (status == Status.VERIFIED) and not sample.withdrawn_at:
            yield f"Sample {sample.pk} is wrong about whether its drawing fooled."
        if sample.is_audited != audited:
            yield f"Sample {sample.pk} is wrong about whether it was chosen at random."
        if sample.removed_at:
            if bytes(sample.pixels):
                yield f"Sample {sample.pk} is removed and still has its pixels."
        elif hashlib.sha256(bytes(sample.pixels)).hexdigest() != sample.sha256:
            yield f"Sample {sample.pk}: the pixels are not those of the hash."
