"""The fate of a drawing, told to who drew it: what happened, when, and what comes next."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from collector.models import Appeal, Attempt, Decision, Fate, Study
from collector.rules import verdicts
from trainer import target
from trainer.learning.sentences import Sentence, Value, counted
from trainer.models import Arm, Round, RoundModel, Sample, Split
from trainer.saying import told
from trainer.words import a_digit, sure

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
    Status.NOT_FOOLED: Sentence("The model was right"),
    Status.PENDING: Sentence("Waiting for a moderator"),
    Status.VERIFIED: Sentence("Verified"),
    Status.CORRECTED: Sentence("Read as another digit"),
    Status.REJECTED: Sentence("Not taken"),
    Status.AMBIGUOUS: Sentence("Could be more than one digit"),
    Status.RETRACTED: Sentence("Taken back"),
}


def headline(attempt: Attempt, sample: SampleOutcome | None = None) -> str:
    """Say the fate in a few words to its drawer, for a list, with what became of its sample."""
    stands = attempt.fate()
    words = _HEADLINES[Status(stands.status)]
    if stands.status == Status.PENDING and not attempt.round.has_verdict:
        return told(Sentence("Kept for the study"))
    if stands.status == Status.PENDING and not attempt.needed_reading_count:
        words = Sentence("Waiting for an admin")
    if stands.status == Status.CORRECTED:
        words = Sentence("Moderators read {digit}", digit=a_digit(stands.settled_label or 0))
    is_told = sample and stands.settled_label is not None
    return (
        f"{told(words)} · {told(_sample_in_short(sample))}" if sample and is_told else told(words)
    )


def with_headlines(attempts: Iterable[Attempt]) -> list[tuple[Attempt, str]]:
    """Give attempts with their headlines, in a fixed number of queries."""
    listed = list(attempts)
    samples = outcomes_of([attempt.pk for attempt in listed])
    return [(attempt, headline(attempt, samples.get(attempt.pk))) for attempt in listed]


def timeline(attempt: Attempt, who: str = "") -> list[TimelineEvent]:
    """Tell the whole story, oldest first, to its drawer, or to an admin by the name of `who` drew
    it. While it is pending, only the number of its readings is told."""
    if not who and not attempt.round.has_verdict:
        return _untold(attempt)
    events = [_event(attempt.submitted_at, "submitted", _drew(attempt, who), _verdict(attempt))]
    if not (attempt.is_original or attempt.is_imported):
        events.append(_event(attempt.submitted_at, "copy", _copied(attempt, who)))
    stands = attempt.fate(is_own=not who)
    if stands.status == Status.PENDING:
        read = attempt.readings.filter(answer__isnull=False, is_discounted=False).count()
        waiting = Sentence(
            "Waiting for moderators, who don’t see what it should be ({read} so far).", read=read
        )
        if not attempt.needed_reading_count:
            waiting = Sentence(
                "{read} moderators do not agree on it: an admin will decide.", read=read
            )
        return [*events, _event(None, "waiting", waiting)]
    appeal = getattr(attempt, "appeal", None)
    if sentences := _settled(attempt, stands, who):
        settled = _event(stands.settled_at, "settled", *sentences)
        events += _appealed(settled, appeal, who) if appeal else [settled]
    sample = outcomes_of([attempt.pk]).get(attempt.pk)
    if sample and stands.settled_label is not None:
        events.append(_sample_event(sample))
    if (now := _read_now(attempt, stands)) and stands.settled_at:
        events.append(now)
    return events


def _untold(attempt: Attempt) -> list[TimelineEvent]:
    """What a drawer knows themselves of a drawing, where no verdict is given."""
    drew = _event(attempt.submitted_at, "submitted", _drew(attempt, ""))
    if attempt.fate().status == Status.RETRACTED:
        return [drew, _event(attempt.fate().settled_at, "settled", _TAKEN_BACK)]
    return [drew, _event(None, "waiting", Sentence("It is kept for the study. Thank you."))]


def _event(happened_at: datetime | None, kind: str, *sentences: Sentence) -> TimelineEvent:
    return TimelineEvent(happened_at, told(*sentences), kind)


def _drew(attempt: Attempt, who: str) -> Sentence:
    digit = a_digit(attempt.target_label)
    if not who:
        return Sentence("You drew {digit}.", digit=digit)
    return Sentence("{who} drew {digit}.", who=who, digit=digit)


def _verdict(attempt: Attempt) -> Sentence:
    said: dict[str, Value] = {
        "number": attempt.round.number,
        "digit": a_digit(attempt.predicted_label),
        "sure": sure(attempt.probabilities[attempt.predicted_label]),
    }
    if attempt.has_fooled:
        return Sentence("Round {number}’s model read {digit}, {sure}: fooled.", **said)
    return Sentence("Round {number}’s model read {digit}, {sure}: it was right.", **said)


def through_rounds(attempt: Attempt) -> list[ModelReading]:
    """Give what each round's model makes of a drawing, the newest `MOST_ROUNDS` of them, oldest
    first; none of a removed one, and a model that cannot be asked is left out."""
    if not attempt.pixels:
        return []
    settled_label = attempt.fate().settled_label
    label = attempt.target_label if settled_label is None else settled_label
    arm = attempt.round.arm
    newest_first = Round.objects.filter(arm=arm).order_by("-number")
    readings = []
    for number in reversed(newest_first.values_list("number", flat=True)[:MOST_ROUNDS]):
        try:
            read = target.of_round(number, arm).read(attempt.pixels)
        except target.TargetUnavailable:
            continue
        readings.append(ModelReading(number, read.digit, read.share, read.digit == label))
    return readings


def _read_now(attempt: Attempt, stands: Fate) -> TimelineEvent | None:
    """What the open round's model makes of a drawing of an earlier round; None where it cannot be
    asked, or there is nothing to ask it about."""
    try:
        model = target.current(attempt.round.arm)
    except target.TargetUnavailable:
        return None
    if (
        model.round.pk == attempt.round_id
        or not attempt.pixels
        or stands.status == Status.RETRACTED
    ):
        return None
    read = model.read(attempt.pixels)
    said: dict[str, Value] = {
        "number": model.number,
        "digit": a_digit(read.digit),
        "sure": sure(read.share),
    }
    if stands.settled_label is None:
        now = Sentence("Round {number}’s model now reads it as {digit}, {sure}.", **said)
    elif read.digit == stands.settled_label:
        now = Sentence("Round {number}’s model now reads it as {digit}, {sure}: right.", **said)
    else:
        now = Sentence(
            "Round {number}’s model now reads it as {digit}, {sure}: still not as {settled}.",
            settled=a_digit(stands.settled_label),
            **said,
        )
    return _event(None, "now", now)


def _appealed(settled: TimelineEvent, appeal: Appeal, who: str) -> list[TimelineEvent]:
    """The appeal and its answer; what it settled as stands before them, or, if it is another now,
    after them."""
    appealed = (
        Sentence("{who} appealed: “{text}”", who=who, text=appeal.text)
        if who
        else Sentence("You appealed: “{text}”", text=appeal.text)
    )
    events = [_event(appeal.appealed_at, "appeal", appealed)]
    if answer := appeal.decision:
        answered = Sentence(
            "An admin answered ({answer}): {why}", answer=_answer(answer), why=answer.why
        )
        events.append(_event(answer.decided_at, "answered", answered))
    else:
        events.append(_event(None, "waiting", Sentence("An admin will look at it again.")))
    # An answer that changed nothing left the time of settling as it was.
    changed = settled.happened_at is not None and settled.happened_at > appeal.appealed_at
    return [*events, settled] if changed else [settled, *events]


def _answer(decision: Decision) -> str:
    return verdicts.IN_WORDS.get(decision.answer, decision.answer)


def outcome(attempt: Attempt) -> list[Sentence]:
    """Say how it settled, in a sentence or two to its drawer; nothing where only the model judged
    it."""
    return _settled(attempt, attempt.fate(), "")


def _settled(attempt: Attempt, stands: Fate, who: str) -> list[Sentence]:
    """How it settled; nothing where only the model judged it."""
    # The decision that answers an appeal is told with the appeal.
    decision = attempt.decision
    is_told = stands.settled_label is not None or stands.status in (
        Status.REJECTED,
        Status.AMBIGUOUS,
    )
    if decision and is_told and not _answers_appeal(decision):
        answer = _answer(decision)
        return [Sentence("An admin decided ({answer}): {why}", answer=answer, why=decision.why)]
    match Status(stands.status):
        case Status.NOT_FOOLED:
            return [] if stands.settled_label is None else [_checked(attempt)]
        case Status.VERIFIED:
            return [_confirmed(attempt), _earned(attempt)]
        case Status.CORRECTED:
            meant, label = a_digit(attempt.target_label), a_digit(stands.settled_label or 0)
            return [
                Sentence("Moderators read {label}, not {meant}.", label=label, meant=meant),
                Sentence("It helps training as {label}; no credit.", label=label),
            ]
        case Status.REJECTED:
            return [Sentence("Moderators saw no digit in it."), _NOT_USED]
        case Status.AMBIGUOUS:
            return [Sentence("Moderators could see more than one digit in it."), _NOT_USED]
        case Status.RETRACTED:
            taken = Sentence("{who} took it back.", who=who) if who else _TAKEN_BACK
            return [taken, Sentence("It still counts as a try.")]
        case Status.PENDING:
            return []


_NOT_USED = Sentence("It is not used; no credit.")
_TAKEN_BACK = Sentence("You took it back.")


def _copied(attempt: Attempt, who: str) -> Sentence:
    """What it nearly duplicates: one of MNIST's images, or an earlier drawing."""
    if attempt.near_duplicate_of is None:
        return Sentence(
            "It is nearly one of MNIST’s own images: it is read like any other, earns nothing, and "
            "trains no model."
        )
    earlier = attempt.near_duplicate_of
    if earlier == attempt or earlier.drawer_id != attempt.drawer_id:
        return Sentence(
            "It is very like one that was submitted earlier: it is read like any other, and earns "
            "nothing."
        )
    if who:
        return Sentence(
            "It is very like one that {who} submitted earlier: it is read like any other, and "
            "earns nothing.",
            who=who,
        )
    return Sentence(
        "It is very like one that you submitted earlier: it is read like any other, and earns "
        "nothing."
    )


def _answers_appeal(decision: Decision) -> bool:
    return hasattr(decision, "appeal")


def _checked(attempt: Attempt) -> Sentence:
    n, meant = _agreeing(attempt), a_digit(attempt.target_label)
    if not n:
        return Sentence("Chosen at random for a check: moderators read {meant} too.", meant=meant)
    return counted(
        "Chosen at random for a check: one moderator read {meant} too.",
        "Chosen at random for a check: {n} moderators read {meant} too.",
        n=n,
        meant=meant,
    )


def _confirmed(attempt: Attempt) -> Sentence:
    n, meant = _agreeing(attempt), a_digit(attempt.target_label)
    if not n:
        return Sentence("Confirmed: moderators read {meant} too.", meant=meant)
    return counted(
        "Confirmed: one moderator read {meant} too.",
        "Confirmed: {n} moderators read {meant} too.",
        n=n,
        meant=meant,
    )


def _agreeing(attempt: Attempt) -> int:
    """How many agree with how it settled."""
    return attempt.readings.filter(is_correct=True).count()


def _earned(attempt: Attempt) -> Sentence:
    """The credit of a verified fool, and why it is no whole one."""
    if attempt.is_imported:
        return Sentence("A verified trick, without credit, since it was imported.")
    if attempt.is_mnist_duplicate:
        return Sentence("A verified trick, without credit, since it is nearly one of MNIST’s.")
    if not attempt.is_original:
        return Sentence("A verified trick, without credit, since it is nearly an earlier one.")
    if attempt.credit == 1:
        return Sentence("A verified trick, 1 credit.")
    return Sentence(
        "A verified trick, half a credit, since two earlier ones of this round were {drawn} taken "
        "for {taken} too.",
        drawn=a_digit(attempt.target_label),
        taken=a_digit(attempt.predicted_label),
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
    models = {arm: _models_that_learned(arm) for arm in {sample.arm for sample in samples}}
    trained_rounds = {sample.pk: _first_trained(sample, models[sample.arm]) for sample in samples}
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


def _models_that_learned(arm: str) -> list[tuple[int, int]]:
    """Give an arm's rounds in order, each with the newest model that the arm's samples had made as
    it opened; not the first, before which there was none."""
    in_order = Round.objects.filter(arm=arm, number__gt=1).order_by("number")
    if arm == Arm.DYNAMIC:
        return list(in_order.values_list("pk", "model_id"))
    made = RoundModel.objects.filter(
        arm=arm, state=RoundModel.State.PROMOTED, finished_at__lte=OuterRef("opened_at")
    )
    newest = Subquery(made.order_by("-pk").values("pk")[:1])
    return list(in_order.annotate(made=newest).values_list("pk", "made"))


def _first_trained(sample: Sample, models: list[tuple[int, int]]) -> int | None:
    """The first of these rounds, given with their models, whose model was trained on a sample."""
    first, last = sample.first_trained_by_id, sample.last_trained_by_id
    if first is None:
        return None
    # Models are numbered in the order of their training; a sample says from which to which.
    trained = (pk for pk, model in models if model >= first and (last is None or model <= last))
    return next(trained, None)


def _sample_in_short(sample: SampleOutcome) -> Sentence:
    if sample.withdrawn_at:
        return Sentence("withdrawn")
    if sample.split == Split.TEST:
        return Sentence("kept to measure the models")
    if sample.round:
        return Sentence("trained into round {number}", number=sample.round.number)
    return Sentence("in training") if sample.trained_by else Sentence("waits for the next model")


def _sample_event(sample: SampleOutcome) -> TimelineEvent:
    if sample.withdrawn_at:
        gone = Sentence("Withdrawn: later models train without it.")
        return _event(sample.withdrawn_at, "withdrawn", gone)
    if sample.split == Split.TEST:
        kept = Sentence(
            "Kept to measure the models: this drawer’s pictures test them and are never trained on."
        )
        return _event(None, "test", kept)
    if sample.round:
        trained = Sentence("Trained into round {number}’s model.", number=sample.round.number)
        return _event(sample.round.opened_at, "trained", trained)
    if sample.trained_by and sample.trained_by.state == RoundModel.State.TRAINING:
        now = Sentence("A new model is being trained on it at this moment.")
        return _event(sample.trained_by.created_at, "training", now)
    if sample.trained_by:
        unused = Sentence(
            "A model was trained on it that did not open a round; the next one will be, too."
        )
        return _event(sample.trained_by.created_at, "trained", unused)
    waits = Sentence("Waits for the next model to be trained.")
    return _event(None, "due", waits, *_may_wait_longer())


def _may_wait_longer() -> list[Sentence]:
    most = Study.current().max_per_person
    if not most:
        return []
    return [
        Sentence(
            "One person gives at most {most} of a round’s new drawings; more of them wait.",
            most=most,
        )
    ]
