"""What people are told without asking: that a drawing settled, that a round opened with what they
taught it, and that they moderate, or do not any more."""

from collections import Counter
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from collector.data import webhooks
from collector.drawings import timeline
from collector.models import ORIGINAL, Attempt, Email, Notice, Person
from collector.people import mails
from trainer import target
from trainer.learning.sentences import Sentence, counted
from trainer.models import Arm, Round, RoundModel, Sample

Status = Attempt.Status
UNTOLD = (Status.NOT_FOOLED, Status.RETRACTED, Status.PENDING)
NEWEST_FOOLS = 200  # of a person, that a new model is asked about
AT_MOST_EVERY = timedelta(hours=1)
PAUSED = Sentence(
    "Your moderating is paused: too many of your last readings differ from what the drawings "
    "turned out to be. "
    "An admin sees it too and can lift it; what you drew is not touched."
)
RESUMED = Sentence("You moderate again: an admin lifted the pause. You are judged anew from here.")
QUALIFIED = Sentence("An admin lets you moderate: from here on your readings count.")
_ROLES = {
    Person.Role.CROWDWORKER: Sentence(
        "An admin changed your role: you draw, and moderate no more. What you have drawn and read "
        "stays."
    ),
    Person.Role.MODERATOR: Sentence(
        "An admin made you a moderator: you read other people’s drawings."
    ),
    Person.Role.ADMIN: Sentence("An admin made you an admin of this site."),
}
_FIRST_PRACTISE = Sentence("Ten practice drawings come first.")


def announce_settled(attempt: Attempt) -> None:
    """Tell its drawer, and other systems, that a drawing settled. Runs in the transaction that
    settles it."""
    notify_settled(attempt)
    webhooks.note_settled(attempt)


def notify_settled(attempt: Attempt) -> None:
    """Tell the drawer how a drawing settled. Runs in the transaction that settles it."""
    if attempt.drawer.closed_at or attempt.fate().status in UNTOLD:
        return
    digits = {"drawn": attempt.target_label, "read": attempt.predicted_label}
    drawn = (
        Sentence("Your {drawn}, taken for {read}.", **digits)
        if attempt.has_fooled
        else Sentence("Your {drawn}, which the model read as {read}.", **digits)
    )
    said = Notice.of(drawn, *timeline.outcome(attempt))
    Notice.objects.create(person_id=attempt.drawer_id, attempt=attempt, **said)


def notify_of_role(person: Person) -> None:
    """Tell somebody the role that an admin gave them. Runs in the transaction that gives it."""
    practice = [_FIRST_PRACTISE] if person.is_practising else []
    tell(person, _ROLES[Person.Role(person.role)], *practice)


def tell(person: Person, *sentences: Sentence) -> None:
    """Tell a person something that is about no drawing and no round. Runs in the transaction of
    what it is about."""
    Notice.objects.create(person=person, **Notice.of(*sentences))


def notify_of_round(opened_for: timedelta = timedelta(0)) -> int:
    """Tell those whose drawings the model that opened their arm's round learned anew, and in the
    dynamic arm how many of their fools it now reads correctly, if it has been open that long;
    return how many were told. Safe to call often: nobody is told twice."""
    before = timezone.now() - opened_for
    opened = Round.objects.filter(
        state=Round.State.OPEN, number__gt=1, opened_by="", opened_at__lte=before
    )  # opened by hand, it may be an earlier model again
    return sum(_notify_of(round_) for round_ in opened if round_.has_verdict)


def _notify_of(opened: Round) -> int:
    learned = Counter(
        Sample.objects.filter(
            first_trained_by=_made_for(opened), withdrawn_at=None, arm=opened.arm
        ).values_list("contributor", flat=True)
    )
    people = Person.objects.filter(contributor__in=learned, closed_at=None).exclude(
        notices__round=opened
    )
    new_count = 0
    for person in people:
        news = Sentence("Round {number} is open.", number=opened.number)
        learning = _learned(person, learned[person.contributor], opened)
        _, is_new = Notice.objects.get_or_create(
            person=person,
            round=opened,
            attempt=None,
            defaults=Notice.of(news, learning),
        )
        new_count += is_new
    return new_count


def _made_for(opened: Round) -> int | None:
    """Return the model that opened a round: its target in the dynamic arm, in others the newest
    that the arm's samples had made."""
    if opened.arm == Arm.DYNAMIC:
        return opened.model_id
    made = RoundModel.objects.filter(
        arm=opened.arm, state=RoundModel.State.PROMOTED, finished_at__lte=opened.opened_at
    )
    return made.order_by("-pk").values_list("pk", flat=True).first()


def _learned(person: Person, n: int, opened: Round) -> Sentence:
    """Say from how many of somebody's drawings the model learned that opened a round, and, where it
    is the target and can be asked, how it does on their own fools."""
    drawings = counted("a drawing", "{n} drawings", n=n)
    if opened.arm != Arm.DYNAMIC:
        return Sentence("A model learned from {drawings} of yours.", drawings=drawings)
    fools = list(
        person.attempts.filter(ORIGINAL, status=Status.VERIFIED, removed_at=None)
        .order_by("-submitted_at")
        .values_list("pixels", "target_label")[:NEWEST_FOOLS]
    )
    try:
        model = target.of_round(opened.number)
    except target.TargetUnavailable:
        fools = []
    if not fools:
        return Sentence("Its model learned from {drawings} of yours.", drawings=drawings)
    return Sentence(
        "Its model learned from {drawings} of yours, and now reads {correct} of your {fools} "
        "verified tricks correctly.",
        drawings=drawings,
        correct=sum(model.read(pixels).digit == label for pixels, label in fools),
        fools=len(fools),
    )


def mark_seen(notices: QuerySet[Notice]) -> None:
    """Mark notices as seen."""
    notices.filter(seen_at=None).update(seen_at=timezone.now())


def queue_emails() -> int:
    """Queue an email to everybody who wants it of what is new, at most one in an hour; return how
    many."""
    now = timezone.now()
    email_count = 0
    new = Notice.objects.filter(seen_at=None, mailed_at=None)
    wanting = Person.objects.filter(
        wants_mail=True, is_active=True, pk__in=new.values("person")
    ).exclude(email="")
    for person in wanting.exclude(notices__mailed_at__gt=now - AT_MOST_EVERY):
        with transaction.atomic():
            if new.filter(person=person).update(mailed_at=now):
                mails.queue(Email.Kind.NOTICES, person.email, person=person, at=now)
                email_count += 1
    return email_count
