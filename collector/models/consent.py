"""What a study tells people and asks them: its texts, who agreed to which, the questionnaire, and
the panels that send people."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from collector.models.people import Person


class StudyText(models.Model):
    """A version of one of the study's texts, in Markdown; append-only. The newest of a kind is in
    force; an empty one says that there is none."""

    class Kind(models.TextChoices):
        CONSENT = "consent", _("Consent")
        PRIVACY = "privacy", _("Privacy")
        TERMS = "terms", _("Terms")
        CONTACT = "contact", _("Contact")

    LONGEST = 20_000  # characters
    USUAL_AGE, YOUNGEST, OLDEST = 18, 5, 99

    kind = models.CharField(max_length=7, choices=Kind)
    version = models.PositiveIntegerField(help_text="of its kind, from 1")
    text = models.TextField(blank=True, max_length=LONGEST, help_text="Markdown")
    minimum_age = models.PositiveSmallIntegerField(
        default=USUAL_AGE,
        validators=[MinValueValidator(YOUNGEST), MaxValueValidator(OLDEST)],
        help_text="that people confirm with their consent; of a consent text alone",
    )
    admin = models.ForeignKey(Person, models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "version"], name="one_text_a_version"),
            models.CheckConstraint(
                condition=Q(kind__in=["consent", "privacy", "terms", "contact"]),
                name="text_of_a_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"

    @staticmethod
    def newest(kind: str) -> "QuerySet[StudyText]":
        """Return the versions of a kind, the newest first."""
        return StudyText.objects.filter(kind=kind).order_by("-version")

    @staticmethod
    def in_force(kind: str) -> "StudyText | None":
        """Return the text that people read now; None where there is none."""
        newest = StudyText.newest(kind).first()
        return newest if newest and newest.text else None


class Consent(models.Model):
    """That somebody agreed to a version of the consent text and said that they are of its age;
    append-only."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="consents")
    text = models.ForeignKey(StudyText, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "text"], name="one_consent_to_a_version")
        ]

    @staticmethod
    def lacking() -> Exists:
        """Return the condition, in a query of people, that a consent text is in force to which
        somebody has not agreed."""
        newest = StudyText.newest(StudyText.Kind.CONSENT).values("pk")[:1]
        given = Consent.objects.filter(person=OuterRef(OuterRef("pk")), text=OuterRef("pk"))
        in_force = StudyText.objects.filter(pk=Subquery(newest)).exclude(text="")
        return Exists(in_force.filter(~Exists(given)))


class Question(models.TextChoices):
    """What a study may ask people about themselves."""

    AGE = "age", _("How old are you?")
    HAND = "hand", _("With which hand do you write?")
    DEVICE = "device", _("On what do you draw here?")
    SCRIPT = "script", _("Which script did you learn to write first?")
    PEN = "pen", _("With what do you draw here?")


CHOICES: dict[Question, dict[str, str | Promise]] = {
    Question.AGE: {
        "-17": _("under 18"),
        "18-24": "18–24",
        "25-34": "25–34",
        "35-44": "35–44",
        "45-54": "45–54",
        "55-64": "55–64",
        "65-": _("65 or older"),
    },
    Question.HAND: {"right": _("right"), "left": _("left"), "both": _("both")},
    Question.DEVICE: {
        "phone": _("a phone"),
        "tablet": _("a tablet"),
        "computer": _("a computer"),
        "other": _("something else"),
    },
    Question.SCRIPT: {
        "latin": _("Latin, as in this sentence"),
        "arabic": _("Arabic"),
        "chinese": _("Chinese"),
        "cyrillic": _("Cyrillic"),
        "devanagari": _("Devanagari"),
        "greek": _("Greek"),
        "hebrew": _("Hebrew"),
        "japanese": _("Japanese"),
        "korean": _("Korean"),
        "other": _("another one"),
    },
    Question.PEN: {
        "finger": _("a finger"),
        "pen": _("a pen for screens"),
        "mouse": _("a mouse"),
        "pad": _("a touchpad"),
        "other": _("something else"),
    },
}


class Answer(models.Model):
    """What somebody chose to say about themselves; gone once they take it back or leave."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="answers")
    question = models.CharField(max_length=6, choices=Question)
    answer = models.CharField(max_length=10)
    answered_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "question"], name="one_answer_a_question")
        ]


class Panel(models.Model):
    """Where people are sent from, as Prolific, and what they are given once they have drawn."""

    code = models.CharField(
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"\A[A-Za-z0-9_-]{4,30}\Z")],
        help_text="in the link that people are sent by",
    )
    name = models.CharField(max_length=60)
    id_parameter = models.CharField(
        max_length=40,
        default="pid",
        validators=[RegexValidator(r"\A[A-Za-z][A-Za-z0-9_.-]{0,39}\Z")],
        help_text="what the link calls the panel's id of somebody",
    )
    drawing_count = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="after so many drawings somebody has done what they came for",
    )
    completion_code = models.CharField(max_length=100, blank=True, default="")
    redirect_url = models.CharField(max_length=1000, blank=True, default="")
    admin = models.ForeignKey(Person, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(drawing_count__gte=1), name="panels_ask_for_some")
        ]

    def __str__(self) -> str:
        return self.name


class PanelMember(models.Model):
    """Whom a panel sent, and what it calls them: kept apart, for nothing but to know them again."""

    LONGEST_PID = 200

    person = models.OneToOneField(
        Person, models.CASCADE, primary_key=True, related_name="membership"
    )
    panel = models.ForeignKey(Panel, models.PROTECT, related_name="members")
    pid = models.CharField(max_length=LONGEST_PID, help_text="the panel's id of them")
    joined_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, help_text="when they had drawn as many")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["panel", "pid"], name="one_person_a_panels_id")
        ]
