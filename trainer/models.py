"""Round models, their weights, rounds and samples. Written only by candidates.py, rounds.py,
samples.py and opened.py."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from trainer.learning.sentences import from_json

LONGEST_NAME = 100  # of who decided something by hand


class Arm(models.TextChoices):
    """A group of people, by what they draw against: the newest model that their own samples made,
    round 1's for ever, or none, since no verdict is shown. A plain site has the first alone."""

    DYNAMIC = "dynamic"
    STATIC = "static"
    NONE = "none"


def _arm() -> "models.CharField[str, str]":
    return models.CharField(max_length=7, choices=Arm, default=Arm.DYNAMIC)


def _is_arm(row: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(arm__in=Arm.values), name=f"{row}_is_of_an_arm")


class RoundModel(models.Model):
    """A trained model with its recipe, manifest and report; while it trains, the row that holds the
    lease."""

    class State(models.TextChoices):
        TRAINING = "training"
        PROMOTED = "promoted"
        HELD = "held"
        FAILED = "failed"
        DISCARDED = "discarded"
        ABLATED = "ablated"

    architecture = models.CharField(
        max_length=50, help_text="none of a model that did not come along by a release"
    )
    arm = _arm()
    state = models.CharField(max_length=10, choices=State, default=State.TRAINING)
    initial_model = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        help_text="round 1's model of the same architecture",
    )
    seed = models.PositiveIntegerField(default=1)
    left_out_contributor = models.UUIDField(
        null=True,
        blank=True,
        help_text="an ablation: trained without this contributor, to compare; opens no round",
    )
    manifest = models.JSONField(
        null=True, blank=True, help_text="what it was made of; equal manifests, equal bytes"
    )
    report = models.JSONField(null=True, blank=True)
    reasons = models.JSONField(
        default=list, blank=True, help_text="why held or failed, in sentences"
    )
    sentences = models.JSONField(
        null=True, editable=False, help_text="the reasons, as they can be said in any language"
    )
    decided_by = models.CharField(
        max_length=LONGEST_NAME, blank=True, help_text="who promoted or discarded it, if by hand"
    )
    decided_why = models.TextField(blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    progress = models.FloatField(default=0.0, help_text="0-1")
    claim_count = models.PositiveSmallIntegerField(default=0)
    token = models.PositiveIntegerField(
        default=0, help_text="raised by each claim; only its holder may write"
    )
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["arm"], condition=Q(state="training"), name="one_training_candidate"
            ),
            models.UniqueConstraint(
                fields=["arm"], condition=Q(state="held"), name="one_held_candidate"
            ),
            _is_arm("model"),
            models.CheckConstraint(
                condition=Q(left_out_contributor__isnull=True)
                | Q(state__in=["training", "failed", "ablated"]),
                name="what_leaves_somebody_out_opens_no_round",
            ),
        ]

    def __str__(self) -> str:
        return f"model {self.pk} ({self.architecture}, {self.state})"

    @property
    def why(self) -> list[str]:
        """Why it was held or failed, in sentences that can be said in any language."""
        return [from_json(each) for each in self.sentences or self.reasons]


class EarlierReport(models.Model):
    """What was measured of a round model on the test samples of earlier rounds.

    In a row of its own: it grows with each round, and no list of models loads it.
    """

    model = models.OneToOneField(RoundModel, models.PROTECT, primary_key=True)
    report = models.JSONField()


class Matrix(models.Model):
    """The test sets that every round's model was measured on when a candidate was judged."""

    candidate = models.OneToOneField(RoundModel, models.PROTECT, primary_key=True)
    rounds = models.JSONField(help_text="the numbers of the rounds that have sets, in order")
    sizes = models.BinaryField(
        help_text="uint32, little-endian: how many fools each round's set holds, then how many "
        "audited drawings"
    )


class MatrixRow(models.Model):
    """How many drawings of each set of a matrix one model reads correctly."""

    matrix = models.ForeignKey(Matrix, models.CASCADE, related_name="rows", db_index=False)
    model = models.ForeignKey(RoundModel, models.PROTECT, related_name="+")
    correct = models.BinaryField(help_text="in the order of the matrix's sizes, and like them")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["matrix", "model"], name="one_row_a_model")]


class Weights(models.Model):
    """A round model's weights in a row of their own, so that no list of models loads them."""

    model = models.OneToOneField(RoundModel, models.PROTECT, primary_key=True)
    data = models.BinaryField()
    sha256 = models.CharField(max_length=64)


class MnistThumbnails(models.Model):
    """MNIST's own images of one digit, as `painted.Known` has them, so that every machine
    recognises one that is painted again."""

    digit = models.PositiveSmallIntegerField(primary_key=True)
    thumbnails = models.BinaryField(help_text="uint8, 196 for each image: its normal form")
    bits = models.BinaryField(
        default=b"",
        help_text="98 bytes for each image: its ink; none in rows of an earlier version",
    )


class Round(models.Model):
    """A period in which people of an arm try to fool one target model; numbered from 1."""

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    number = models.PositiveIntegerField()
    arm = _arm()
    model = models.ForeignKey(RoundModel, models.PROTECT, related_name="rounds")
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    opened_by = models.CharField(
        max_length=LONGEST_NAME, blank=True, help_text="who opened it, if by hand"
    )
    opened_why = models.TextField(blank=True)
    told_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="since when people are told of every arm, verdicts too: once a study has ended",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["arm", "number"], name="one_round_of_a_number"),
            models.UniqueConstraint(
                fields=["arm"], condition=Q(state="open"), name="one_open_round"
            ),
            _is_arm("round"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True)
                | Q(state="closed", closed_at__isnull=False),
                name="closed_round_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"round {self.number}"

    @property
    def has_verdict(self) -> bool:
        """Whether people are told what the target model says of what they drew in it."""
        return self.arm != Arm.NONE or self.told_at is not None


class Split(models.TextChoices):
    TRAIN = "train"
    TEST = "test"


class Contributor(models.Model):
    """Somebody who gave samples, known here by an opaque id; on one side of the split for life."""

    id = models.UUIDField(primary_key=True)
    position = models.PositiveIntegerField(unique=True, help_text="order of first samples, from 0")
    split = models.CharField(max_length=5, choices=Split)


class Sample(models.Model):
    """A drawing as the trainer keeps it. The models from `first_trained_by` to `last_trained_by`
    (while that is none: to the newest) were trained on it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    attempt = models.UUIDField()
    arm = _arm()
    contributor = models.ForeignKey(Contributor, models.PROTECT)
    pixels = models.BinaryField(help_text="28×28 uint8, row by row")
    sha256 = models.CharField(max_length=64)
    label = models.PositiveSmallIntegerField()
    has_fooled = models.BooleanField(
        help_text="verified as having fooled its round's model: only these make a model due"
    )
    is_audited = models.BooleanField(
        default=False, help_text="did not fool, and was chosen at random to be read"
    )
    round = models.ForeignKey(Round, models.PROTECT)
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(
        null=True, blank=True, help_text="the pixels are gone; hash and label stay"
    )
    first_trained_by = models.ForeignKey(
        RoundModel, models.PROTECT, null=True, blank=True, related_name="+"
    )
    last_trained_by = models.ForeignKey(
        RoundModel, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "arm"],
                condition=Q(withdrawn_at__isnull=True),
                name="one_active_sample",
            ),
            _is_arm("sample"),
            models.UniqueConstraint(
                fields=["attempt"], condition=Q(withdrawn_at__isnull=True), name="one_per_attempt"
            ),
            models.CheckConstraint(condition=Q(label__lte=9), name="sample_label_is_a_digit"),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(withdrawn_at__isnull=False),
                name="what_is_removed_is_withdrawn",
            ),
            models.CheckConstraint(
                condition=Q(has_fooled=False) | Q(is_audited=False),
                name="what_fooled_was_not_audited",
            ),
            models.CheckConstraint(
                condition=Q(last_trained_by__isnull=True)
                | Q(withdrawn_at__isnull=False, last_trained_by__gte=F("first_trained_by")),
                name="last_trained_only_once_withdrawn",
            ),
        ]
        indexes = [
            models.Index(
                fields=["arm"],
                condition=Q(
                    withdrawn_at__isnull=True, first_trained_by__isnull=True, has_fooled=True
                ),
                name="due_samples",
            ),
            models.Index(fields=["attempt"], name="samples_of_an_attempt"),
            models.Index(
                fields=["removed_at"],
                condition=Q(removed_at__isnull=False),
                name="removed_samples",
            ),
        ]

    def __str__(self) -> str:
        return f"sample of attempt {self.attempt}"


class Heartbeat(models.Model):
    """When a machine's program (web, worker or trainer) last showed life, by the database's time;
    readiness looks at it."""

    program = models.CharField(max_length=20)
    machine = models.CharField(max_length=64)
    beat_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "machine"], name="one_heartbeat_a_program_and_machine"
            )
        ]
