"""People, the study, drawings and what moderators read in them."""

import math
import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Func, Q
from django.db.models.functions import Lower
from django.utils import timezone

from collector.verdicts import ANSWERS
from trainer.models import Round


class PersonManager(BaseUserManager["Person"]):
    def create_user(
        self,
        username: str,
        password: str | None = None,
        *,
        email: str = "",
        role: str = "crowdworker",
    ) -> "Person":
        person = self.model(username=username, email=self.normalize_email(email), role=role)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(
        self, username: str, password: str | None = None, **extra: Any
    ) -> "Person":
        return self.create_user(username, password, role=Person.Role.ADMIN, **extra)

    def hidden(self) -> "models.QuerySet[Person]":
        """Whom the public does not see: suspended, closed, or not listed by choice."""
        return self.exclude(is_active=True, listed=True, closed=None)

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.alias(lowered=Lower("username")).get(lowered=(username or "").lower())


class Person(AbstractBaseUser):
    """Somebody with an account. The trainer knows people by `contributor` alone, and never learns
    whose it is."""

    class Role(models.TextChoices):
        CROWDWORKER = "crowdworker"
        MODERATOR = "moderator"
        ADMIN = "admin"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(
        max_length=30,
        validators=[
            RegexValidator(
                r"\A[A-Za-z][A-Za-z0-9._-]{2,29}\Z",
                "A user name has 3 to 30 characters: the letters a–z, digits, dot, hyphen and "
                "underscore, "
                "beginning with a letter.",
            )
        ],
    )
    email = models.EmailField(
        blank=True, help_text="for a forgotten password; without one an admin resets it"
    )
    role = models.CharField(max_length=11, choices=Role, default=Role.CROWDWORKER)
    is_active = models.BooleanField(default=True)
    suspended = models.BooleanField(
        default=False, editable=False, help_text="from moderating; see Suspension"
    )
    qualified = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="to read other people's drawings"
    )
    listed = models.BooleanField(
        default=True, help_text="on the leaderboard and beside public drawings"
    )
    mailed = models.BooleanField(default=False, help_text="notices also go to the mail address")
    joined = models.DateTimeField(default=timezone.now, editable=False)
    closed = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when the account was closed"
    )
    contributor = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = PersonManager()

    class Meta:
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="username_unique",
                violation_error_message="This user name is taken.",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def unseen(self) -> int:
        """How many notices he has not seen."""
        return self.notices.filter(seen=None).count()

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == self.Role.ADMIN

    @property
    def is_moderator(self) -> bool:
        """May moderate: moderators who are not suspended, and admins too."""
        return self.is_admin or (
            self.is_active and self.role == self.Role.MODERATOR and not self.suspended
        )

    @property
    def practises(self) -> bool:
        """Reads practice drawings, which decide whether he may read other people's."""
        return self.role == self.Role.MODERATOR and self.qualified is None

    @property
    def switched_off(self) -> bool:
        """Suspended by an admin; who closed the account himself is not."""
        return not self.is_active and self.closed is None

    # What Django's own admin asks for: an admin may do everything there, nobody else anything.
    @property
    def is_staff(self) -> bool:
        return self.is_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_admin


_SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class Study(models.Model):
    """The settings under which data is collected: one row, copied from the environment at first
    start."""

    net = models.CharField(max_length=50)
    round_size = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    quorum = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(9)]
    )
    audit_share = models.FloatField(validators=_SHARE)
    gold_share = models.FloatField(validators=_SHARE)
    person_share = models.FloatField(validators=_SHARE)
    live_preview = models.BooleanField()

    class Meta:
        verbose_name_plural = "study"
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="one_study"),
            models.CheckConstraint(
                condition=Q(round_size__gte=1, quorum__gte=1), name="sizes_are_positive"
            ),
            models.CheckConstraint(
                condition=Q(
                    audit_share__range=(0, 1), gold_share__range=(0, 1), person_share__range=(0, 1)
                ),
                name="shares_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return "the study"

    @property
    def most_each(self) -> int | None:
        """How many of a round's new samples may be one person's, at least one; None where nobody is
        limited."""
        return (
            None
            if self.person_share >= 1
            else max(1, math.floor(self.person_share * self.round_size + 1e-9))
        )

    @staticmethod
    def current() -> "Study":
        return Study.objects.get()


class StudyChange(models.Model):
    """One setting of the study changed by an admin; append-only."""

    when = models.DateTimeField(auto_now_add=True)
    who = models.ForeignKey(Person, models.PROTECT)
    field = models.CharField(max_length=30)
    before = models.CharField(max_length=50)
    after = models.CharField(max_length=50)


class Token(models.Model):
    """An API token, kept as a hash."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()


class Allowance(models.Model):
    """How much of a limit somebody has used up in one window of time."""

    rule = models.CharField(max_length=30)
    who = models.CharField(max_length=64)
    slot = models.BigIntegerField(help_text="number of the window since 1970")
    used = models.PositiveIntegerField(default=1)
    ends = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "who", "slot"], name="one_allowance_a_window")
        ]


class Sureness(Func):
    """The share of the predicted label among an attempt's probabilities; null once they were
    removed."""

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


# A verified fool as the public may see it, as far as the attempt itself decides; see
# collector.fools.
SHOWABLE = Q(status="verified", copy_of__isnull=True, mnist=False, removed__isnull=True)


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
    submitted = models.DateTimeField(default=timezone.now)
    client_key = models.CharField(max_length=64, null=True, blank=True)
    body_sha256 = models.CharField(max_length=64)

    target_label = models.PositiveSmallIntegerField()
    predicted_label = models.PositiveSmallIntegerField()
    fooled = models.GeneratedField(
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
    pixels_sha256 = models.CharField(max_length=64)
    raster_version = models.PositiveSmallIntegerField()
    live_preview = models.BooleanField(help_text="whether the model's view was shown while drawing")

    status = models.CharField(max_length=10, choices=Status)
    audited = models.BooleanField(
        help_text="did not fool, and was drawn by lot for moderation all the same"
    )
    quorum = models.PositiveSmallIntegerField()
    wanted = models.PositiveSmallIntegerField(
        default=0, help_text="further readings worth asking for at once"
    )
    begun = models.DateTimeField(null=True, blank=True, help_text="first reading")
    settled = models.DateTimeField(null=True, blank=True)
    settled_label = models.PositiveSmallIntegerField(null=True, blank=True)
    credit = models.FloatField(default=0.0, help_text="fixed when it settles")
    # no index: SQLite would take «IS NULL», which nearly all are, for a rare value
    copy_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="the earlier fool that it is nearly",
    )
    mnist = models.BooleanField(default=False, help_text="nearly one of MNIST's own images")
    removed = models.DateTimeField(
        null=True, blank=True, help_text="picture and strokes were removed with the person"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["drawer", "client_key"], name="one_attempt_per_client_key"
            ),
            models.UniqueConstraint(
                fields=["round", "pixels_sha256"],
                condition=~Q(status="retracted"),
                name="no_copy_in_a_round",
            ),
            models.CheckConstraint(
                condition=Q(target_label__lte=9, predicted_label__lte=9),
                name="attempt_labels_are_digits",
            ),
            models.CheckConstraint(
                condition=Q(status="pending", settled__isnull=True) | ~Q(status="pending"),
                name="pending_is_unsettled",
            ),
            models.CheckConstraint(
                condition=Q(credit=0)
                | Q(status="verified", copy_of__isnull=True, mnist=False, credit__gt=0),
                name="only_verified_originals_earn",
            ),
        ]
        indexes = [
            # What is counted is in the index, so that counting reads no row, and with it no
            # drawing.
            models.Index(
                fields=["drawer", "-submitted", "status", "fooled"], name="attempts_of_a_person"
            ),
            models.Index(
                fields=["drawer", "round", "status", "fooled"], name="of_a_person_in_a_round"
            ),
            models.Index(fields=["round", "status", "fooled"], name="attempts_of_a_round"),
            models.Index(
                fields=["drawer", "round", "submitted", "credit"],
                condition=Q(credit__gt=0),
                name="what_earned",
            ),
            models.Index(
                fields=["target_label", "predicted_label", "settled"],
                condition=Q(credit__gt=0),
                name="firsts",
            ),
            models.Index(
                fields=["-settled", "id"], condition=Q(status="verified"), name="lately_verified"
            ),
            models.Index(
                fields=["submitted"],
                condition=Q(status="pending", begun=None, wanted__gt=0),
                name="unread",
            ),
            models.Index(
                fields=["begun"],
                condition=Q(status="pending", begun__isnull=False, wanted__gt=0),
                name="begun",
            ),
            models.Index(fields=["id"], condition=Q(status="pending"), name="pending"),
            models.Index(
                fields=["drawer", "round", "target_label", "predicted_label"],
                condition=Q(status="verified"),
                name="fools_of_a_person",
            ),
            models.Index(fields=["submitted"], name="attempts_by_time"),
            models.Index(
                fields=["target_label", "-submitted"],
                condition=Q(fooled=True),
                name="fools_of_a_digit",
            ),
            models.Index(fields=["-sureness", "-settled"], condition=SHOWABLE, name="best_fools"),
            # all that counting asks for is in it, what SHOWABLE asks for too: SQLite reads no row
            # then
            models.Index(
                fields=[
                    "target_label",
                    "predicted_label",
                    "-sureness",
                    "-settled",
                    "round",
                    "drawer",
                ]
                + ["status", "copy_of", "mnist", "removed"],
                condition=SHOWABLE,
                name="best_fools_of_a_confusion",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.pk}"

    @property
    def original(self) -> bool:
        """Whether it may earn: neither a near-copy of an earlier fool nor one of MNIST's own
        images."""
        return self.copy_of_id is None and not self.mnist

    @property
    def decision(self) -> "Decision | None":
        """The last that an admin decided of it."""
        return max(self.decisions.all(), key=lambda decision: decision.pk, default=None)


class Gold(models.Model):
    """A drawing whose answer is beyond doubt: for practice, which qualifies a moderator, or mixed
    in unseen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    answer = models.CharField(max_length=9, choices=[(a, a) for a in ANSWERS])
    strokes = models.JSONField()
    width = models.PositiveSmallIntegerField()
    pixels = models.BinaryField()
    practice = models.BooleanField(default=False)
    attempt = models.OneToOneField(
        Attempt, models.PROTECT, null=True, blank=True, help_text="which it was"
    )
    retired = models.BooleanField(
        default=False, help_text="given to nobody any more, and judges nobody"
    )

    class Meta:
        verbose_name_plural = "gold"
        indexes = [
            models.Index(
                fields=["id"], condition=Q(practice=False, retired=False), name="hidden_gold"
            )
        ]

    def __str__(self) -> str:
        return f"gold {self.pk}"


class Reading(models.Model):
    """A moderator's blind answer to «what is this?»: first a lease (no answer yet), then, within
    it, the reading."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    attempt = models.ForeignKey(
        Attempt, models.PROTECT, null=True, blank=True, related_name="readings"
    )
    gold = models.ForeignKey(Gold, models.PROTECT, null=True, blank=True, related_name="readings")
    moderator = models.ForeignKey(Person, models.PROTECT, related_name="readings", db_index=False)
    leased = models.DateTimeField()
    expires = models.DateTimeField()
    answer = models.CharField(
        max_length=9, null=True, blank=True, choices=[(a, a) for a in ANSWERS]
    )
    answered = models.DateTimeField(null=True, blank=True)
    agreed = models.BooleanField(
        null=True, blank=True, help_text="the drawing settled, or is known, as this reads it"
    )
    discounted = models.BooleanField(
        default=False, help_text="its moderator was suspended before the drawing settled"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "moderator"], name="one_reading_per_person_and_attempt"
            ),
            models.UniqueConstraint(
                fields=["gold", "moderator"], name="one_reading_per_person_and_gold"
            ),
            models.CheckConstraint(
                condition=Q(attempt__isnull=False, gold__isnull=True)
                | Q(attempt__isnull=True, gold__isnull=False),
                name="a_reading_is_of_one_drawing",
            ),
            models.CheckConstraint(
                condition=Q(answer__isnull=True, answered__isnull=True)
                | Q(answer__in=ANSWERS, answered__isnull=False),
                name="an_answer_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["moderator", "expires"], condition=Q(answer=None), name="leases"),
            models.Index(fields=["moderator", "-leased"], name="readings_of_a_moderator"),
            models.Index(
                fields=["moderator", "-answered"],
                condition=Q(agreed__isnull=False, attempt__isnull=False),
                name="quality",
            ),
            models.Index(
                fields=["moderator", "-answered"],
                condition=Q(agreed__isnull=False, gold__isnull=False),
                name="quality_on_gold",
            ),
        ]

    @property
    def drawing(self) -> Attempt | Gold:
        """What is read."""
        found = self.attempt or self.gold
        assert found is not None
        return found


class Suspension(models.Model):
    """A moderator whose readings agreed too seldom with what drawings settled as, or are known to
    be, until an admin lifts it."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="suspensions")
    when = models.DateTimeField(auto_now_add=True)
    agreed = models.PositiveIntegerField()
    settled = models.PositiveIntegerField(help_text="of so many readings")
    on_gold = models.BooleanField(default=False, help_text="the readings were of hidden gold")
    lifted = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(lifted=None), name="one_suspension_at_a_time"
            ),
        ]


class Decision(models.Model):
    """What an admin decided of a drawing that moderators could not settle, or on an appeal, and
    why; append-only."""

    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="decisions")
    admin = models.ForeignKey(Person, models.PROTECT)
    answer = models.CharField(max_length=9, choices=[(a, a) for a in ANSWERS])
    why = models.TextField()
    when = models.DateTimeField(auto_now_add=True)


class Appeal(models.Model):
    """The drawer's one objection to how a drawing settled; the next decision on it answers it."""

    attempt = models.OneToOneField(Attempt, models.PROTECT, related_name="appeal")
    text = models.TextField()
    when = models.DateTimeField(auto_now_add=True)
    decision = models.OneToOneField(
        Decision, models.PROTECT, null=True, blank=True, related_name="appeal"
    )


class Act(models.Model):
    """Something that an admin did by hand to a person's standing; append-only."""

    class Kind(models.TextChoices):
        QUALIFIED = "qualified", "let moderate"
        LIFTED = "lifted", "lifted the suspension of"
        SUSPENDED = "suspended", "suspended"
        REINSTATED = "reinstated", "reinstated"
        COMPARED = "compared", "had a model trained without"
        ROLE = "role", "changed the role of"

    admin = models.ForeignKey(Person, models.PROTECT, related_name="acts")
    kind = models.CharField(max_length=10, choices=Kind)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    why = models.TextField()
    when = models.DateTimeField(auto_now_add=True, db_index=True)


class Notice(models.Model):
    """Something that a person is told: what became of a drawing, or of several once a round
    opened."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="notices")
    when = models.DateTimeField(auto_now_add=True)
    text = models.TextField()
    attempt = models.ForeignKey(Attempt, models.CASCADE, null=True, blank=True, related_name="+")
    round = models.ForeignKey(Round, models.PROTECT, null=True, blank=True, related_name="+")
    seen = models.DateTimeField(null=True, blank=True)
    mailed = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "round"],
                condition=Q(attempt__isnull=True),
                name="one_notice_a_round",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "-when"], name="notices_of_a_person"),
            models.Index(fields=["person"], condition=Q(seen=None), name="unseen_notices"),
        ]
