"""Drawings: what was submitted, what the model said of it, and what admins decided of it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import ExpressionWrapper, F, Func, Q
from django.utils import timezone

from collector.errors import NotFound
from collector.models.people import Person
from collector.rules.verdicts import ANSWERS
from trainer.learning.sentences import Sentence
from trainer.models import Round


class Sureness(Func):
    """The share of the predicted label among an attempt's probabilities; null once they were
    removed. The label is the place in the list, so on SQLite it is spliced into the JSON path:
    `JSON_EXTRACT(probabilities, '$[' || predicted_label || ']')`; on PostgreSQL it is
    `(probabilities -> predicted_label)::double precision`.
    """

    output_field = models.FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="JSON_EXTRACT(%(expressions)s || ']')",
            arg_joiner=", '$[' || ",
            **context,
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="(%(expressions)s)::double precision",
            arg_joiner=" -> ",
            **context,
        )


# The one definition of what counts: drawn here, and neither a near-duplicate of an earlier fool nor
# one of MNIST's own images. Everything else is kept and counts for nothing.
_ORIGINAL = {
    "near_duplicate_of__isnull": True,
    "is_mnist_duplicate": False,
    "is_imported": False,
}
ORIGINAL = Q(**_ORIGINAL)
COPY = ~ORIGINAL & Q(is_imported=False)
_COPIED = ("near_duplicate_of", "is_mnist_duplicate", "is_imported")
# A verified fool as the public may see it, as far as the attempt itself decides; see
# collector.drawings.public.
SHOWABLE = Q(status="verified", **_ORIGINAL, removed_at__isnull=True)
# The status of a drawing before the study has started, which no row ever has.
PRACTICE = "practice"
# Of fools those where the model was surest of the wrong digit, of equals the newest.
BEST_FIRST = ("-sureness", "-settled_at", "pk")
DRAWER_SUSPENDED = Q(
    drawer__is_active=False, drawer__closed_at=None
)  # their drawings wait meanwhile


@dataclass(frozen=True)
class Fate:
    """How a drawing stands: its status, and when it settled and as what, if it has."""

    status: str
    settled_at: datetime | None
    settled_label: int | None


class Attempt(models.Model):
    """One drawing submitted with its target label, and the target model's verdict on it."""

    class Status(models.TextChoices):
        NOT_FOOLED = "not_fooled"
        PENDING = "pending"
        VERIFIED = "verified"
        CORRECTED = "corrected"
        REJECTED = "rejected"
        AMBIGUOUS = "ambiguous"
        RETRACTED = "retracted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    drawer = models.ForeignKey(Person, models.PROTECT, related_name="attempts", db_index=False)
    round = models.ForeignKey(Round, models.PROTECT, related_name="attempts", db_index=False)
    submitted_at = models.DateTimeField(default=timezone.now)
    client_key = models.CharField(max_length=64, null=True, blank=True)
    body_sha256 = models.CharField(max_length=64)

    target_label = models.PositiveSmallIntegerField()
    predicted_label = models.PositiveSmallIntegerField()
    has_fooled = models.GeneratedField(
        expression=ExpressionWrapper(~Q(target_label=F("predicted_label")), models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    probabilities = models.JSONField()
    sureness = models.GeneratedField(
        expression=Sureness("probabilities", "predicted_label"),
        output_field=models.FloatField(null=True),
        db_persist=True,
        null=True,
    )
    strokes = models.JSONField()
    width = models.PositiveSmallIntegerField()
    pixels = models.BinaryField(help_text="what the model saw: 28×28 uint8, row by row")
    pixels_sha256 = models.CharField(
        max_length=64,
        help_text="none of what was taken back and came by a release, which has no picture of it",
    )
    raster_version = models.PositiveSmallIntegerField()
    shape = models.BinaryField(
        null=True, help_text="of what fooled: its path's density, 20×20 uint8, to find copies by"
    )
    licence = models.CharField(
        max_length=20,
        blank=True,
        default="",
        help_text="under which it was given: what the study said when it was submitted",
    )
    has_live_preview = models.BooleanField(
        help_text="whether its drawer could see the model's view before they submitted it: the "
        "study shows it, or they asked for it"
    )

    status = models.CharField(max_length=10, choices=Status)
    is_audited = models.BooleanField(
        help_text="did not fool, and was chosen at random to be read all the same"
    )
    quorum = models.PositiveSmallIntegerField()
    needed_reading_count = models.PositiveSmallIntegerField(
        default=0, help_text="further readings worth asking for at once"
    )
    first_read_at = models.DateTimeField(
        null=True, blank=True, help_text="when its first reading came"
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_label = models.PositiveSmallIntegerField(null=True, blank=True)
    credit = models.FloatField(default=0.0, help_text="fixed when it settles")
    # no index: SQLite would take “IS NULL”, which nearly all are, for a rare value
    near_duplicate_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="the earlier fool that it nearly repeats; itself where that one did not come "
        "along by a release",
    )
    is_mnist_duplicate = models.BooleanField(
        default=False, help_text="nearly one of MNIST's own images"
    )
    is_imported = models.BooleanField(
        default=False,
        help_text="came from elsewhere, perhaps without strokes: it trains models, and counts for "
        "nothing",
    )
    taken_back_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="when its drawer took back what was chosen to be read all the same, unknown to "
        "them: they see it as taken back, and the audit goes on",
    )
    removed_at = models.DateTimeField(
        null=True, blank=True, help_text="picture and strokes were removed with the person"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["drawer", "client_key"], name="one_attempt_per_client_key"
            ),
            models.UniqueConstraint(
                fields=["round", "pixels_sha256"],
                condition=~Q(status="retracted") & Q(taken_back_at__isnull=True),
                name="no_copy_in_a_round",
            ),
            models.CheckConstraint(
                condition=Q(target_label__lte=9, predicted_label__lte=9),
                name="attempt_labels_are_digits",
            ),
            models.CheckConstraint(
                condition=Q(status="pending", settled_at__isnull=True) | ~Q(status="pending"),
                name="pending_is_unsettled",
            ),
            models.CheckConstraint(
                condition=Q(taken_back_at__isnull=True) | Q(is_audited=True),
                name="only_the_audited_are_read_once_taken_back",
            ),
            models.CheckConstraint(
                condition=Q(credit=0) | Q(status="verified", **_ORIGINAL, credit__gt=0),
                name="only_verified_originals_earn",
            ),
        ]
        indexes = [
            # What is counted is in the index, so that counting reads no row, and with it no
            # drawing.
            models.Index(
                fields=["drawer", "-submitted_at", "status", "has_fooled", *_COPIED],
                name="attempts_of_a_person",
            ),
            models.Index(
                fields=["round", "status", "has_fooled", *_COPIED, "target_label"],
                name="attempts_of_a_round",
            ),
            models.Index(
                fields=["drawer", "-submitted_at", "round", "target_label"],
                condition=Q(credit__gt=0),
                name="what_earned",
            ),
            models.Index(
                fields=["target_label", "predicted_label", "settled_at"],
                condition=Q(credit__gt=0),
                name="firsts",
            ),
            models.Index(
                fields=["-settled_at", "id"], condition=Q(status="verified"), name="lately_verified"
            ),
            models.Index(
                fields=["submitted_at"],
                condition=Q(status="pending", first_read_at=None, needed_reading_count__gt=0),
                name="unread",
            ),
            models.Index(
                fields=["first_read_at"],
                condition=Q(
                    status="pending", first_read_at__isnull=False, needed_reading_count__gt=0
                ),
                name="partly_read",
            ),
            # what is asked of all that waits is in it, so that none of it is read
            models.Index(
                fields=[
                    "drawer",
                    "has_fooled",
                    "status",
                    "id",
                    "submitted_at",
                    "first_read_at",
                    "needed_reading_count",
                ],
                condition=Q(status="pending"),
                name="pending",
            ),
            models.Index(
                fields=["-submitted_at", "id", "first_read_at"],
                condition=Q(first_read_at__isnull=False),
                name="read_at_all",
            ),
            models.Index(
                fields=[
                    "drawer",
                    "target_label",
                    "predicted_label",
                    "round",
                    "status",
                    *_COPIED,
                    "removed_at",
                ],
                condition=Q(status="verified"),
                name="fools_of_a_person",
            ),
            models.Index(
                fields=[
                    "submitted_at",
                    "drawer",
                    "target_label",
                    "status",
                    "has_fooled",
                    *_COPIED,
                    "credit",
                ],
                name="attempts_by_time",
            ),
            models.Index(
                fields=["target_label", "-submitted_at", "id", "drawer", "status"],
                condition=Q(has_fooled=True, shape__isnull=False),
                name="fools_of_a_digit",
            ),
            models.Index(
                fields=["drawer", "target_label", "-submitted_at", "id", "status"],
                condition=Q(has_fooled=True, shape__isnull=False),
                name="fools_of_a_digit_by_a_person",
            ),
            models.Index(
                fields=["pixels_sha256", "target_label"],
                condition=Q(has_fooled=True),
                name="fools_by_their_pixels",
            ),
            models.Index(
                fields=["-sureness", "-settled_at"], condition=SHOWABLE, name="best_fools"
            ),
            models.Index(
                fields=["round", "-sureness", "-settled_at"],
                condition=SHOWABLE,
                name="best_fools_of_a_round",
            ),
            models.Index(
                fields=["round", "-settled_at", "id"],
                condition=SHOWABLE,
                name="newest_fools_of_a_round",
            ),
            # when it was drawn stands in it to leave out what is of another time
            models.Index(
                fields=["drawer", "-sureness", "-settled_at", "round", "submitted_at"],
                condition=SHOWABLE,
                name="best_fools_of_a_person",
            ),
            # all that counting asks for is in it, what SHOWABLE asks for too: SQLite reads no row
            # then
            models.Index(
                fields=[
                    "target_label",
                    "predicted_label",
                    "-sureness",
                    "-settled_at",
                    "round",
                    "drawer",
                    "status",
                    "near_duplicate_of",
                    "is_mnist_duplicate",
                    "is_imported",
                    "removed_at",
                ],
                condition=SHOWABLE,
                name="best_fools_of_a_confusion",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.pk}"

    def fate(self, *, is_own: bool = True) -> Fate:
        """Say how a drawing stands, to who drew it, or, not `is_own`, to an admin.

        Whether the lot chose a drawing that did not fool to be read is not told to its drawer,
        unless moderators read something else than was meant: it stands as it would if it had not
        been chosen. Where no verdict is given, nothing else is told either than that it waits.
        """
        if self.status == PRACTICE:
            return Fate(self.status, None, None)
        if is_own and self.taken_back_at:
            return Fate(self.Status.RETRACTED, self.taken_back_at, None)
        if is_own and not self.round.has_verdict and self.status != self.Status.RETRACTED:
            return Fate(self.Status.PENDING, None, None)
        unsuspected = (self.Status.PENDING, self.Status.NOT_FOOLED)
        if is_own and not self.has_fooled and self.status in unsuspected:
            return Fate(self.Status.NOT_FOOLED, self.submitted_at, None)
        return Fate(self.status, self.settled_at, self.settled_label)

    @property
    def is_original(self) -> bool:
        """Whether it may earn: drawn here, and neither a near-duplicate of an earlier fool nor one
        of MNIST's own images."""
        return not (self.near_duplicate_of_id or self.is_mnist_duplicate or self.is_imported)

    @property
    def is_kept_as_fool(self) -> bool:
        """Whether its sample is one that fooled its round's model, which makes a model due."""
        return self.status == self.Status.VERIFIED and not self.is_imported

    @property
    def decision(self) -> "Decision | None":
        """The last decision of an admin on it; None where there is none."""
        return max(self.decisions.all(), key=lambda decision: decision.pk, default=None)


def lock_own_attempt(drawer: Person, attempt_id: uuid.UUID, *related: str) -> Attempt:
    """Return an own drawing with its round, and what else is `related`; nobody changes it until the
    caller's transaction ends. Raises NotFound."""
    attempt = (
        Attempt.objects.select_for_update(no_key=True, of=("self",))
        .select_related("round", *related)
        .filter(pk=attempt_id, drawer=drawer)
        .first()
    )
    if attempt is None:
        raise NotFound(Sentence("You have no such drawing."))
    return attempt


class AskedPrediction(models.Model):
    """That a person asked what the model makes of a drawing, while the draw page did not say it:
    by its pixels' hash and its path's shape. Kept for a day."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="+", db_index=False)
    asked_at = models.DateTimeField(default=timezone.now)
    pixels_sha256 = models.CharField(max_length=64)
    shape = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["person", "-asked_at"], name="asked_by_a_person")]

    def __str__(self) -> str:
        return f"a prediction for {self.person_id} at {self.asked_at}"


class Decision(models.Model):
    """What an admin decided of a drawing that moderators could not settle, or on an appeal, and
    why; append-only."""

    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="decisions")
    admin = models.ForeignKey(Person, models.PROTECT)
    answer = models.CharField(max_length=9, choices=[(a, a) for a in ANSWERS])
    why = models.TextField()
    decided_at = models.DateTimeField(default=timezone.now, editable=False)


class Appeal(models.Model):
    """The drawer's one objection to how a drawing settled; the next decision on it answers it."""

    LONGEST = 500  # characters of its text

    attempt = models.OneToOneField(Attempt, models.PROTECT, related_name="appeal")
    text = models.TextField()
    appealed_at = models.DateTimeField(auto_now_add=True)
    decision = models.OneToOneField(
        Decision, models.PROTECT, null=True, blank=True, related_name="appeal"
    )


class Reason(models.Model):
    """What a drawer says they did to fool the model. Nothing of it is left where an admin removed
    it, but that they did, and why."""

    LONGEST = 200  # characters

    attempt = models.OneToOneField(Attempt, models.PROTECT, related_name="reason")
    text = models.CharField(max_length=LONGEST, blank=True)
    said_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    removed_why = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(removed_at=None, removed_by=None) & ~Q(text="")
                | Q(removed_at__isnull=False, removed_by__isnull=False, text=""),
                name="a_reason_says_something_or_was_removed",
            )
        ]
        indexes = [
            models.Index(
                fields=["removed_at"],
                condition=Q(removed_by__isnull=False),
                name="removed_reasons",
            )
        ]

    def __str__(self) -> str:
        return self.text
