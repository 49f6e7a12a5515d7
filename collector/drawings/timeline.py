"""The fate of a drawing, told to who drew it: what happened, when, and what comes next."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from collector.models import Appeal, Attempt, Decision, Fate, Study
from collector.words import named, sure
from trainer import target
from trainer.models import Round, RoundModel, Sample, Split

Status = Attempt.Status
MOST_ROUNDS = 60


@dataclass(frozen=True)
class TimelineEvent:
    """One line of the timeline; `happened_at` is None for what has yet to come."""

    happened_at: datetime | None
    text: str
    kind: str


@dataclass(frozen=True)
class SampleOutcome:
    """What became of the sample that an attempt turned into: the model that trained on it first,
    and the first round whose model did, or None."""

    split: str
    withdrawn_at: datetime | None
    trained_by: RoundModel | None
    round: Round | None


@dataclass(frozen=True)
class ModelReading:
    """The digit that the model of a round reads in a drawing, how likely that is to it (0–1), and
    whether it is what the drawing settled as or, until then, was meant."""

    round: int
    digit: int
    share: float
    is_right: bool


_HEADLINES = {
    Status.NOT_FOOLED: "The model was right",
    Status.PENDING: "Waiting for a moderator",
    Status.VERIFIED: "Verified",
    Status.CORRECTED: "Read as another digit",
    Status.REJECTED: "Not taken",
    Status.AMBIGUOUS: "Could be more than one digit",
    Status.RETRACTED: "Taken back",
}


def headline(attempt: Attempt, sample: SampleOutcome | None = None) -> str:
    """Say the fate in a few words to its drawer, for a list, with what became of its sample."""
    stands = attempt.fate()
    words = _HEADLINES[Status(stands.status)]
    if stands.status == Status.CORRECTED:
        words = f"Moderators read {named(stands.settled_label or 0)}"
    is_told = sample and stands.settled_label is not None
    return f"{words} · {_sample_in_short(sample)}" if sample and is_told else words


def with_headlines(attempts: Iterable[Attempt]) -> list[tuple[Attempt, str]]:
    """Give attempts with their headlines, in a fixed number of queries."""
    listed = list(attempts)
    samples = outcomes_of([attempt.pk for attempt in listed])
    return [(attempt, headline(attempt, samples.get(attempt.pk))) for attempt in listed]


def timeline(attempt: Attempt, who: str = "You") -> list[TimelineEvent]:
    """Tell the whole story, oldest first; `who` drew it. While it is pending, only the number of
    its readings is told."""
    chance = sure(attempt.probabilities[attempt.predicted_label])
    seen = f"Round {attempt.round.number}’s model read {named(attempt.predicted_label)}, {chance}"
    verdict = f"{seen}: fooled." if attempt.has_fooled else f"{seen}: it was right."
    events = [
        TimelineEvent(
            attempt.submitted_at,
            f"{who} drew {named(attempt.target_label)}. {verdict}",
            "submitted",
        )
    ]
    if not attempt.is_original:
        events.append(TimelineEvent(attempt.submitted_at, _copied(attempt, who), "copy"))
    stands = attempt.fate(is_own=who == "You")
    if stands.status == Status.PENDING:
        read = attempt.readings.filter(answer__isnull=False, is_discounted=False).count()
        events.append(
            TimelineEvent(
                None,
                f"Waiting for moderators, who don’t see what it should be ({read} so far).",
                "waiting",
            )
        )
        return events
    appeal = getattr(attempt, "appeal", None)
    if text := _settled(attempt, stands, who):
        settled = TimelineEvent(stands.settled_at, text, "settled")
        events += _appealed(settled, appeal, who) if appeal else [settled]
    sample = outcomes_of([attempt.pk]).get(attempt.pk)
    if sample and stands.settled_label is not None:
        events.append(_sample_event(sample))
    if (now := _read_now(attempt, stands)) and stands.settled_at:
        events.append(now)
    return events


def through_rounds(attempt: Attempt) -> list[ModelReading]:
    """Give what each round's model makes of a drawing, the newest `MOST_ROUNDS` of them, oldest
    first; none of a removed one, and a model that cannot be asked is left out."""
    if attempt.removed_at:
        return []
    settled_label = attempt.fate().settled_label
    label = attempt.target_label if settled_label is None else settled_label
    newest_first = Round.objects.order_by("-number").values_list("number", flat=True)
    readings = []
    for number in reversed(newest_first[:MOST_ROUNDS]):
        try:
            read = target.of_round(number).read(attempt.pixels)
        except target.TargetUnavailable:
            continue
        readings.append(ModelReading(number, read.digit, read.share, read.digit == label))
    return readings


def _read_now(attempt: Attempt, stands: Fate) -> TimelineEvent | None:
    """What the open round's model makes of a drawing of an earlier round; None where it cannot be
    asked, or there is nothing to ask it about."""
    try:
        model = target.current()
    except target.TargetUnavailable:
        return None
    if (
        model.round_id == attempt.round_id
        or attempt.removed_at
        or stands.status == Status.RETRACTED
    ):
        return None
    read = model.read(attempt.pixels)
    text = f"Round {model.number}’s model now reads it as {named(read.digit)}, {sure(read.share)}"
    if read.digit == stands.settled_label:
        text += ": right"
    elif stands.settled_label is not None:
        text += f": still not as {named(stands.settled_label)}"
    return TimelineEvent(None, f"{text}.", "now")


def _appealed(settled: TimelineEvent, appeal: Appeal, who: str) -> list[TimelineEvent]:
    """The appeal and its answer; what it settled as stands before them, or, if it is another now,
    after them."""
    events = [TimelineEvent(appeal.appealed_at, f"{who} appealed: “{appeal.text}”", "appeal")]
    if answer := appeal.decision:
        events.append(
            TimelineEvent(
                answer.decided_at,
                f"An admin answered ({answer.answer}): {answer.why}",
                "answered",
            )
        )
    else:
        events.append(TimelineEvent(None, "An admin will look at it again.", "waiting"))
    # An answer that changed nothing left the time of settling as it was.
    changed = settled.happened_at is not None and settled.happened_at > appeal.appealed_at
    return [*events, settled] if changed else [settled, *events]


def outcome(attempt: Attempt) -> str:
    """Say how it settled, in a sentence or two to its drawer; nothing where only the model judged
    it."""
    return _settled(attempt, attempt.fate(), "You") or ""


def _settled(attempt: Attempt, stands: Fate, who: str) -> str | None:
    """How it settled; None where only the model judged it."""
    # The decision that answers an appeal is told with the appeal.
    decision = attempt.decision
    is_told = stands.settled_label is not None or stands.status in (
        Status.REJECTED,
        Status.AMBIGUOUS,
    )
    if decision and is_told and not _answers_appeal(decision):
        return f"An admin decided ({decision.answer}): {decision.why}"
    meant, label = named(attempt.target_label), named(stands.settled_label or 0)
    match Status(stands.status):
        case Status.NOT_FOOLED:
            if stands.settled_label is None:
                return None
            return f"Chosen at random for a check: {_by(attempt)} read {meant} too."
        case Status.VERIFIED:
            return (
                f"Confirmed: {_by(attempt)} read {meant} too. A verified trick, {_earned(attempt)}."
            )
        case Status.CORRECTED:
            return f"Moderators read {label}, not {meant}. It helps training as {label}; no credit."
        case Status.REJECTED:
            return "Moderators saw no digit in it. It is not used; no credit."
        case Status.AMBIGUOUS:
            return "Moderators could see more than one digit in it. It is not used; no credit."
        case Status.RETRACTED:
            return f"{who} took it back. It still counts as a try."
        case Status.PENDING:
            return None


def _copied(attempt: Attempt, who: str) -> str:
    """What it nearly duplicates: one of MNIST's images, or an earlier drawing."""
    if attempt.near_duplicate_of is None:
        return (
            "It is nearly one of MNIST’s own images: it is read like any other, earns "
            "nothing, and trains no model."
        )
    own = attempt.near_duplicate_of.drawer_id == attempt.drawer_id
    by = "you" if who == "You" else who
    whose = f"one that {by} submitted earlier" if own else "one that was submitted earlier"
    return f"It is very like {whose}: it is read like any other, and earns nothing."


def _answers_appeal(decision: Decision) -> bool:
    return hasattr(decision, "appeal")


def _by(attempt: Attempt) -> str:
    """How many agree with how it settled, as in “one moderator” or “3 moderators”."""
    n = attempt.readings.filter(is_correct=True).count()
    return "one moderator" if n == 1 else f"{n} moderators" if n else "moderators"


def _earned(attempt: Attempt) -> str:
    """The credit of a verified fool, and why it is no whole one."""
    if not attempt.is_original:
        return (
            "without credit, since it is nearly "
            f"{'one of MNIST’s' if attempt.is_mnist_duplicate else 'an earlier one'}"
        )
    if attempt.credit == 1:
        return "1 credit"
    taken = named(attempt.predicted_label)
    return (
        "half a credit, since two earlier ones of this round were "
        f"{named(attempt.target_label)} taken for {taken} too"
    )


def outcomes_of(attempts: list[uuid.UUID]) -> dict[uuid.UUID, SampleOutcome]:
    """Give what became of these attempts' samples, by attempt, in three queries; an attempt without
    a sample is missing."""
    # A withdrawn sample may have a younger row of its own: the last one counts.
    samples = list(
        Sample.objects.filter(attempt__in=attempts)
        .select_related("contributor", "first_trained_by")
        .defer("first_trained_by__report", "first_trained_by__manifest")
        .order_by("added_at")
    )
    # Round 1's model knows base data alone.
    in_order = Round.objects.filter(number__gt=1).order_by("number")
    models = list(in_order.values_list("pk", "model_id"))
    trained_rounds = {sample.pk: _first_trained(sample, models) for sample in samples}
    rounds = Round.objects.in_bulk({pk for pk in trained_rounds.values() if pk})
    return {
        sample.attempt: SampleOutcome(
            sample.contributor.split,
            sample.withdrawn_at,
            sample.first_trained_by,
            rounds.get(trained_rounds[sample.pk] or 0),
        )
        for sample in samples
    }


def _first_trained(sample: Sample, models: list[tuple[int, int]]) -> int | None:
    """The first of these rounds, given with their models, whose model was trained on a sample."""
    first, last = sample.first_trained_by_id, sample.last_trained_by_id
    if first is None:
        return None
    # Models are numbered in the order of their training; a sample says from which to which.
    trained = (pk for pk, model in models if model >= first and (last is None or model <= last))
    return next(trained, None)


def _sample_in_short(sample: SampleOutcome) -> str:
    if sample.withdrawn_at:
        return "withdrawn"
    if sample.split == Split.TEST:
        return "kept to measure the models"
    if sample.round:
        return f"trained into round {sample.round.number}"
    return "in training" if sample.trained_by else "waits for the next model"


def _sample_event(sample: SampleOutcome) -> TimelineEvent:
    if sample.withdrawn_at:
        return TimelineEvent(
            sample.withdrawn_at, "Withdrawn: later models train without it.", "withdrawn"
        )
    if sample.split == Split.TEST:
        return TimelineEvent(
            None,
            "Kept to measure the models: this drawer’s pictures test them and are never "
            "trained on.",
            "test",
        )
    if sample.round:
        return TimelineEvent(
            sample.round.opened_at, f"Trained into round {sample.round.number}’s model.", "trained"
        )
    if sample.trained_by and sample.trained_by.state == RoundModel.State.TRAINING:
        return TimelineEvent(
            sample.trained_by.created_at,
            "A new model is being trained on it at this moment.",
            "training",
        )
    if sample.trained_by:
        text = "A model was trained on it that did not open a round; the next one will be, too."
        return TimelineEvent(sample.trained_by.created_at, text, "trained")
    return TimelineEvent(
        None, f"Waits for the next model to be trained.{_may_wait_longer()}", "due"
    )


def _may_wait_longer() -> str:
    most = Study.current().max_per_person
    return (
        f" One person gives at most {most} of a round’s new drawings; more of them wait."
        if most
        else ""
    )
