"""The fate of a drawing, told to who drew it: what happened, when, and what comes next."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from collector.models import Appeal, Attempt, Decision, Study
from collector.rules.words import named, sure
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
    """What became of the sample that an attempt turned into."""

    split: str
    withdrawn_at: datetime | None
    trained: RoundModel | None
    round: Round | None


@dataclass(frozen=True)
class ModelReading:
    """What the model of a round makes of a drawing; whether that is what it settled as, or, until
    then, was meant."""

    round: int
    digit: int
    sure: float
    right: bool


_HEADLINES = {
    Status.NOT_FOOLED: "The model was right",
    Status.PENDING: "Waiting for a moderator",
    Status.VERIFIED: "Verified",
    Status.CORRECTED: "Read as another digit",
    Status.REJECTED: "Not taken",
    Status.AMBIGUOUS: "Could be more than one digit",
    Status.RETRACTED: "Taken back",
}


def headline(attempt: Attempt, kept: SampleOutcome | None = None) -> str:
    """The fate in a few words, for a list."""
    words = _HEADLINES[Status(attempt.status)]
    if attempt.status == Status.CORRECTED:
        words = f"Moderators read {named(attempt.settled_label or 0)}"
    return f"{words} · {_sample_in_short(kept)}" if kept else words


def with_headlines(attempts: Iterable[Attempt]) -> list[tuple[Attempt, str]]:
    """Attempts with their headlines, in a fixed number of queries."""
    listed = list(attempts)
    kept = outcomes_of([attempt.pk for attempt in listed])
    return [(attempt, headline(attempt, kept.get(attempt.pk))) for attempt in listed]


def timeline(attempt: Attempt, who: str = "You") -> list[TimelineEvent]:
    """The whole story, oldest first; `who` drew it. While it is pending, only the number of its
    readings is told."""
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
    if attempt.status == Status.PENDING:
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
    if text := _settled(attempt, who):
        settled = TimelineEvent(attempt.settled_at, text, "settled")
        events += _appealed(settled, appeal, who) if appeal else [settled]
    kept = outcomes_of([attempt.pk]).get(attempt.pk)
    if kept:
        events.append(_sample_event(kept))
    if (now := _read_now(attempt)) and attempt.settled_at:
        events.append(now)
    return events


def through_rounds(attempt: Attempt) -> list[ModelReading]:
    """What each round's model makes of a drawing, the newest `MOST_ROUNDS` of them, oldest first; a
    model that cannot be asked is left out."""
    if attempt.removed_at:
        return []
    label = attempt.target_label if attempt.settled_label is None else attempt.settled_label
    readings = []
    for number in reversed(
        Round.objects.order_by("-number").values_list("number", flat=True)[:MOST_ROUNDS]
    ):
        try:
            read = target.of_round(number).read(attempt.pixels)
        except target.TargetUnavailable:
            continue
        readings.append(ModelReading(number, read.digit, read.share, read.digit == label))
    return readings


def _read_now(attempt: Attempt) -> TimelineEvent | None:
    """What the open round's model makes of a drawing of an earlier round; None where it cannot be
    asked."""
    try:
        model = target.current()
    except target.TargetUnavailable:
        return None
    if (
        model.round_id == attempt.round_id
        or attempt.removed_at
        or attempt.status == Status.RETRACTED
    ):
        return None
    read = model.read(attempt.pixels)
    text = f"Round {model.number}’s model now reads it as {named(read.digit)}, {sure(read.share)}"
    if read.digit == attempt.settled_label:
        text += ": right"
    elif attempt.settled_label is not None:
        text += f": still not as {named(attempt.settled_label)}"
    return TimelineEvent(None, f"{text}.", "now")


def _appealed(settled: TimelineEvent, appeal: Appeal, who: str) -> list[TimelineEvent]:
    """The appeal and its answer; what it settled as stands before them, or, if it is another now,
    after them."""
    events = [TimelineEvent(appeal.appealed_at, f"{who} appealed: «{appeal.text}»", "appeal")]
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
    changed = settled.happened_at is not None and settled.happened_at > appeal.appealed_at
    return [*events, settled] if changed else [settled, *events]


def outcome(attempt: Attempt) -> str:
    """How it settled, in a sentence or two to its drawer."""
    return _settled(attempt, "You") or ""


def _settled(attempt: Attempt, who: str) -> str | None:
    if (decision := attempt.decision) and not _answers_appeal(decision):
        return f"An admin decided ({decision.answer}): {decision.why}"
    if attempt.status == Status.NOT_FOOLED and not attempt.is_audited:
        return None
    meant, label = named(attempt.target_label), named(attempt.settled_label or 0)
    return {
        Status.NOT_FOOLED: f"Drawn by lot for a check: {_by(attempt)} read {meant} too.",
        Status.VERIFIED: f"Confirmed: {_by(attempt)} read {meant} too. A verified fool, "
        f"{_earned(attempt)}.",
        Status.CORRECTED: f"Moderators read {label}, not {meant}. It helps training as "
        f"{label}; no credit.",
        Status.REJECTED: "Moderators saw no digit in it. It is not used; no credit.",
        Status.AMBIGUOUS: "Moderators could see more than one digit in it. It is not used; no "
        "credit.",
        Status.RETRACTED: f"{who} took it back. It still counts as a try.",
    }[Status(attempt.status)]


def _copied(attempt: Attempt, who: str) -> str:
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
    """«one moderator», «3 moderators»: how many agree with how it settled."""
    n = attempt.readings.filter(is_correct=True).count()
    return "one moderator" if n == 1 else f"{n} moderators" if n else "moderators"


def _earned(attempt: Attempt) -> str:
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
    """What became of these attempts' samples, by attempt, in two queries."""
    rows = (
        Sample.objects.filter(attempt__in=attempts)
        .select_related("contributor", "first_trained_by")
        .order_by("added_at")
    )
    opened = list(
        Round.objects.filter(number__gt=1)
        .order_by("number")
        .only("number", "model_id", "opened_at")
    )
    kept = {}
    for row in rows:
        last = row.last_trained_by_id
        trained_rounds = (
            r
            for r in opened
            if row.first_trained_by_id
            and r.model_id >= row.first_trained_by_id
            and (last is None or r.model_id <= last)
        )
        first = next(trained_rounds, None)
        kept[row.attempt] = SampleOutcome(
            row.contributor.split, row.withdrawn_at, row.first_trained_by, first
        )
    return kept


def _sample_in_short(kept: SampleOutcome) -> str:
    if kept.withdrawn_at:
        return "withdrawn"
    if kept.split == Split.TEST:
        return "kept to measure the models"
    if kept.round:
        return f"trained into round {kept.round.number}"
    return "in training" if kept.trained else "waits for the next model"


def _sample_event(kept: SampleOutcome) -> TimelineEvent:
    if kept.withdrawn_at:
        return TimelineEvent(
            kept.withdrawn_at, "Withdrawn: later models train without it.", "withdrawn"
        )
    if kept.split == Split.TEST:
        return TimelineEvent(
            None,
            "Kept to measure the models: this drawer’s pictures test them and are never "
            "trained on.",
            "test",
        )
    if kept.round:
        return TimelineEvent(
            kept.round.opened_at, f"Trained into round {kept.round.number}’s model.", "trained"
        )
    if kept.trained and kept.trained.state == RoundModel.State.TRAINING:
        return TimelineEvent(
            kept.trained.created_at,
            "A new model is being trained on it at this moment.",
            "training",
        )
    if kept.trained:
        text = "A model was trained on it that did not open a round; the next one will be, too."
        return TimelineEvent(kept.trained.created_at, text, "trained")
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
