"""People, their tokens, what limits count of them, what they are told, and emails on their way."""

import uuid
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collector.errors import Forbidden, Refused
from trainer.learning.sentences import Sentence, from_json, to_json
from trainer.models import Arm, Round
from trainer.prepared import Prepared
from trainer.saying import told


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

    def hidden(self, arm: str = Arm.DYNAMIC) -> "models.QuerySet[Person, uuid.UUID]":
        """Return the ids of whom the people of an arm do not see: suspended, closed, not listed by
        choice, or in another arm; where no verdict is given, nobody sees anybody before the study
        has ended."""
        hidden = self.exclude(is_active=True, is_listed=True, closed_at=None)
        if arm == Arm.DYNAMIC:
            # Not by OR, of which PostgreSQL believes that it is half of all people.
            return hidden.values_list("pk", flat=True).union(Allocation.elsewhere(arm))
        if arm == Arm.NONE:
            hidden |= self.exclude(Exists(Round.objects.filter(arm=arm, told_at__isnull=False)))
        theirs = Allocation.objects.filter(arm=arm)
        hidden |= self.exclude(pk__in=theirs.values("person"))
        return hidden.values_list("pk", flat=True)

    def with_arm(self) -> "models.QuerySet[Person]":
        """Return everybody, each with their arm, which is then not asked for."""
        drawn = Allocation.objects.filter(person=OuterRef("pk")).values("arm")
        arm = Coalesce(Subquery(drawn), Value(Arm.DYNAMIC.value))
        return self.annotate(arm=arm)  # type: ignore[no-redef]

    def suspended(self) -> "models.QuerySet[Person]":
        """Return whom an admin suspended; people who closed their own account are not among
        them."""
        return self.filter(is_active=False, closed_at=None)

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.alias(lowered=Lower("username")).get(lowered=(username or "").lower())


class Person(AbstractBaseUser):
    """Somebody with an account. The trainer knows people by `contributor` alone, and never learns
    whose it is."""

    class Role(models.TextChoices):
        CROWDWORKER = "crowdworker", _("Crowdworker")
        MODERATOR = "moderator", _("Moderator")
        ADMIN = "admin", _("Admin")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(
        max_length=30,
        validators=[
            RegexValidator(
                r"\A[A-Za-z][A-Za-z0-9._-]{2,29}\Z",
                _(
                    "A user name has 3 to 30 characters: the letters a–z, digits, dot, hyphen and "
                    "underscore, beginning with a letter."
                ),
            )
        ],
    )
    email = models.EmailField(
        blank=True, help_text=_("for a forgotten password; without one an admin resets it")
    )
    unconfirmed_email = models.EmailField(
        "email",
        blank=True,
        editable=False,
        help_text="takes the place of theirs once they follow the link sent to it",
    )
    email_asked_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when they gave the unconfirmed one"
    )
    role = models.CharField(max_length=11, choices=Role, default=Role.CROWDWORKER)
    is_active = models.BooleanField(default=True)
    is_moderation_paused = models.BooleanField(
        default=False,
        editable=False,
        help_text="their readings agreed too seldom; see ModerationPause",
    )
    qualified_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="since when they may read other people's drawings",
    )
    is_listed = models.BooleanField(
        default=True, help_text="their name stands on the leaderboard and beside public drawings"
    )
    wants_mail = models.BooleanField(
        default=False, help_text="notices go to their email address too"
    )
    language = models.CharField(
        max_length=10,
        blank=True,
        editable=False,
        help_text="in which they are told things; empty: as their browser says",
    )
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when the account was closed"
    )
    contributor = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    pseudonym = models.CharField(
        max_length=16,
        null=True,
        blank=True,
        editable=False,
        help_text="what the release calls them that they came by, and what releases go on to",
    )
    factor_change_count = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="how often their second factors changed: what was signed in before is no more",
    )

    # Whether the study wants a second factor of them that they do not have; those who ask are told.
    lacks_second_factor = False
    # Whether a consent text waits for their answer; whether a panel sent them. As of the request.
    lacks_consent = False
    is_of_panel = False
    _has_lost_password = False
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
                violation_error_message=_("This user name is taken."),
            ),
        ]
        indexes = [models.Index(fields=["-joined_at"], name="people_by_time")]

    def __str__(self) -> str:
        return self.username

    @property
    def unseen_count(self) -> int:
        """How many notices they have not seen."""
        return self.notices.filter(seen_at=None).count()

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == self.Role.ADMIN and not self.lacks_second_factor

    @property
    def is_moderator(self) -> bool:
        """Whether they may moderate: moderators who are not paused, and admins too; nobody who
        lacks a second factor."""
        return self.is_admin or (
            self.is_active
            and self.role == self.Role.MODERATOR
            and not self.is_moderation_paused
            and not self.lacks_second_factor
        )

    @property
    def may_see_readings(self) -> bool:
        """Whether they may look at what became of their readings: who moderates, and who would but
        for a pause."""
        is_paused = self.role == self.Role.MODERATOR and self.is_moderation_paused
        return self.is_moderator or (self.is_active and is_paused and not self.lacks_second_factor)

    @property
    def is_practising(self) -> bool:
        """Whether they still take the qualification test, which decides whether they may read other
        people's drawings."""
        return self.role == self.Role.MODERATOR and self.qualified_at is None

    @property
    def is_suspended(self) -> bool:
        """Whether an admin suspended them; somebody who closed their own account is not
        suspended."""
        return not self.is_active and self.closed_at is None

    @cached_property
    def arm(self) -> str:
        """In which arm of the study they are; those who were there before it had several are in the
        dynamic one."""
        drawn = Allocation.objects.filter(person=self).values_list("arm", flat=True)
        return drawn.first() or Arm.DYNAMIC

    @cached_property
    def suspension_count(self) -> int:
        """How often admins have suspended them."""
        return AdminAction.objects.filter(person=self, kind=AdminAction.Kind.SUSPENDED).count()

    def set_unusable_password(self) -> None:
        super().set_unusable_password()
        self._has_lost_password = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the person. With another password, or none any more, all that was reached by the
        old one ends: sessions, API tokens, an address that is not confirmed yet."""
        has_new_password = getattr(self, "_password", None) or self._has_lost_password
        if not has_new_password or self._state.adding:
            super().save(*args, **kwargs)
            return
        self._has_lost_password = False
        with transaction.atomic():
            super().save(*args, **kwargs)
            self.end_access()

    def end_access(self) -> None:
        """End all sessions and API tokens, and the wait for another address to be confirmed."""
        Token.objects.filter(person=self).delete()
        Session.objects.filter(person=self).delete()
        self.unconfirmed_email, self.email_asked_at = "", None
        Person.objects.filter(pk=self.pk).update(unconfirmed_email="", email_asked_at=None)

    def get_session_auth_hash(self) -> str:
        """Return what Django compares a session with at every request: a new password ends all
        sessions of before, and so do a suspension, for good, and a change of second factors."""
        changes = f"-{self.factor_change_count}" if self.factor_change_count else ""
        return f"{super().get_session_auth_hash()}-{self.suspension_count}{changes}"

    # What Django's own admin asks for: an admin may do everything there, nobody else anything.
    @property
    def is_staff(self) -> bool:
        return self.is_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_admin


class Allocation(models.Model):
    """To which arm of the study somebody came, by lot; append-only. Who is in none of these rows
    was there before the study had arms, and draws as in the dynamic one."""

    person = models.OneToOneField(Person, models.PROTECT, primary_key=True, related_name="+")
    arm = models.CharField(max_length=7, choices=Arm)
    block = models.PositiveIntegerField(help_text="of the lot, in which each arm has its weight")
    place = models.PositiveSmallIntegerField(help_text="in the block, from 0")
    weights = models.CharField(max_length=40, help_text="the study's arms when it was drawn")
    allocated_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["block", "place"], name="one_allocation_a_place"),
            models.CheckConstraint(condition=Q(arm__in=Arm.values), name="allocated_to_an_arm"),
        ]

    def __str__(self) -> str:
        return f"the arm of {self.person_id}"

    @staticmethod
    def elsewhere(arm: str) -> "models.QuerySet[Allocation, Any]":
        """Return the ids of whom the lot gave to another arm than this."""
        return Allocation.objects.exclude(arm=arm).values("person")


class Token(models.Model):
    """An API token, kept as a hash."""

    LONGEST_NAME = 40

    sha256 = models.CharField(max_length=64, primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE)
    name = models.CharField(
        max_length=LONGEST_NAME,
        blank=True,
        default="",
        help_text="as its owner calls it, if they do",
    )
    browser = models.CharField(max_length=40, blank=True, help_text="what asked for it, in short")
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, help_text="about when it was last used")
    expires_at = models.DateTimeField()


class Session(AbstractBaseSession):
    """A browser's session; unlike Django's own it says whose it is."""

    person = models.ForeignKey(Person, models.CASCADE, null=True)
    seen_at = models.DateTimeField(help_text="about when it was last used")


class Factor(models.Model):
    """A second factor that somebody has beside the password."""

    class Kind(models.TextChoices):
        APP = "app", _("authenticator app")
        PASSKEY = "passkey", _("passkey")

    LONGEST_NAME = 40

    person = models.ForeignKey(Person, models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=7, choices=Kind)
    name = models.CharField(max_length=LONGEST_NAME)
    content = models.BinaryField(help_text="an app's secret, encrypted; a passkey's public key")
    credential_sha256 = models.CharField(
        max_length=64, null=True, unique=True, help_text="of a passkey's id: it is one person's"
    )
    counter = models.BigIntegerField(
        default=0,
        help_text="the step of an app's last code, or how often a passkey says it has signed: "
        "only what is higher is taken",
    )
    added_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code for who has lost the second factors, kept as a hash; the row goes once it is used."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="recovery_codes")


class Allowance(models.Model):
    """How much of a limit somebody has used up in one window of time; or until when a place is
    known, or something is not done again."""

    rule = models.CharField(max_length=30)
    who = models.CharField(max_length=64)
    slot = models.BigIntegerField(help_text="number of the window since 1970")
    used_count = models.PositiveIntegerField(default=1)
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "who", "slot"], name="one_allowance_a_window")
        ]


class AdminAction(models.Model):
    """Something that an admin did by hand to a person's standing, and why; append-only."""

    class Kind(models.TextChoices):
        QUALIFIED = "qualified", "let moderate"
        RESUMED = "resumed", "resumed the moderating of"
        SUSPENDED = "suspended", "suspended"
        REINSTATED = "reinstated", "reinstated"
        ABLATED = "ablated", "had a model trained without"
        ROLE_CHANGED = "role", "changed the role of"
        ACCOUNT_MADE = "made", "made the account of"
        ACCOUNT_CHANGED = "account", "changed the account of"
        FACTORS_RESET = "factors", "took away the second factors of"

    admin = models.ForeignKey(Person, models.PROTECT, related_name="admin_actions")
    kind = models.CharField(max_length=10, choices=Kind)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    why = models.TextField()
    done_at = models.DateTimeField(auto_now_add=True, db_index=True)


def require_admin(person: Person, refusal: Sentence) -> None:
    """Raise Forbidden, saying this, unless the person is an admin."""
    if not person.is_admin:
        raise Forbidden(refusal)


_OPEN = Prepared(
    lambda person_id: (
        Person.objects.select_for_update(no_key=True)
        .filter(pk=person_id, is_active=True)
        .values_list("pk", flat=True)
    ),
    uuid.UUID,
)


def require_open(person: Person) -> None:
    """Raise Forbidden where the account was closed or suspended since `person` was read; it is
    neither until the transaction ends."""
    if not _OPEN.ask(person.pk):
        raise Forbidden(Sentence("This account was closed or suspended in this very moment."))


def require_reason(why: str, refusal: str = Sentence("Say why, for the log.")) -> str:
    """Return an admin's reason, stripped. Raises Refused, saying this, where there is none."""
    if not why.strip():
        raise Refused(refusal, field="why")
    return why.strip()


class Notice(models.Model):
    """Something that a person is told: what became of a drawing, or of several once a round
    opened."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="notices")
    created_at = models.DateTimeField(auto_now_add=True)
    text = models.TextField(help_text="in English")
    sentences = models.JSONField(
        null=True, editable=False, help_text="the same, as it can be said in any language"
    )
    attempt = models.ForeignKey(
        "collector.Attempt", models.CASCADE, null=True, blank=True, related_name="+"
    )
    round = models.ForeignKey(Round, models.PROTECT, null=True, blank=True, related_name="+")
    seen_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(
        null=True, blank=True, help_text="when the email with it was queued"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "round"],
                condition=Q(attempt__isnull=True),
                name="one_notice_a_round",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "-created_at"], name="notices_of_a_person"),
            models.Index(fields=["person"], condition=Q(seen_at=None), name="unseen_notices"),
        ]

    @staticmethod
    def of(*sentences: Sentence) -> dict[str, Any]:
        """Return what a notice of these sentences keeps of them."""
        return {"text": " ".join(sentences), "sentences": [to_json(each) for each in sentences]}

    @property
    def told(self) -> str:
        """What it says, in the reader's language."""
        return told(*map(from_json, self.sentences)) if self.sentences else self.text


class Alarm(models.Model):
    """Something that was wrong with the site for a while, and that its admins were told of."""

    class Kind(models.TextChoices):
        UNREAD = "unread", _("Drawings wait to be read, and none has settled for twelve hours.")
        IDLE = "idle", _("Nobody has drawn anything for two days.")
        TRAINING = "training", _("The last training failed.")
        DISK = "disk", _("The disk that holds the data folder is nearly full.")
        WORKERS = "workers", _("There is no sign of life from the workers, or from some of them.")
        WEBHOOKS = "webhooks", _("A webhook takes no events, and some were given up.")

    kind = models.CharField(max_length=8, choices=Kind)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="when it was last found to go on")
    told_at = models.DateTimeField(
        null=True, blank=True, help_text="when the email that it has begun was queued"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(ended_at=None), name="one_open_alarm_of_a_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"alarm {self.kind} of {self.began_at}"


class Email(models.Model):
    """An email that the worker has yet to send. The row goes once it is sent or given up, and holds
    no text: that, with its link, is made at the moment of sending."""

    class Kind(models.TextChoices):
        RESET_ASKED = "asked", "somebody forgot the password of whoever has this address"
        RESET = "reset", "a link to choose a new password"
        NOTICES = "notices", "what became of drawings"
        CONFIRM = "confirm", "a link to confirm this address"
        CHANGED = "changed", "another address was given for the account"
        ALARM = "alarm", "to an admin: something is wrong with the site"
        OVER = "over", "to an admin: that is over"
        FACTORS = "factors", "the second factors of the account were changed"

    kind = models.CharField(max_length=8, choices=Kind)
    to = models.EmailField()
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    alarm = models.ForeignKey(
        Alarm, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    site = models.CharField(max_length=300, blank=True, help_text="where its link leads: an origin")
    queued_at = models.DateTimeField()
    try_count = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True, help_text="when it is tried next")
    unanswered_at = models.DateTimeField(
        null=True, help_text="since when the mail server has owed an answer to the last try"
    )
