"""The study: the settings under which data is collected, and each change of them."""

import math
import random
import secrets
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from collector.models.consent import Question
from collector.models.people import Person
from collector.models.releases import Release
from collector.rules import arms
from trainer.learning.sentences import Sentence
from trainer.models import Arm
from trainer.prepared import Prepared


def new_secret() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(32)


LONGEST_SETTING = 500  # characters
LONGEST_TITLE = 200


def check_arms(text: str) -> None:
    try:
        arms.parse(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def check_questions(text: str) -> None:
    if unknown := set(text.split()) - set(Question.values):
        raise ValidationError(_("There is no question %(name)s."), params={"name": min(unknown)})


def check_line(text: str) -> None:
    """What is no line goes into no title, nor into the name of an author."""
    if not text.isprintable():
        raise ValidationError(_("This has a character that no line of text has."))


def check_authors(text: str) -> None:
    for author in text.split("\n"):
        check_line(author)
        if text and not author.partition(",")[0].strip():
            raise ValidationError(_("Each line has a name."))


_SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class Licence(models.TextChoices):
    """Under which drawings are given: their names as SPDX has them."""

    NONE = "", _("none: they stay in the house")
    CC0 = "CC0-1.0", _("CC0 1.0, no rights reserved")
    CC_BY = "CC-BY-4.0", _("CC BY 4.0, with a credit")
    CC_BY_SA = "CC-BY-SA-4.0", _("CC BY-SA 4.0, with a credit and alike")


class Phase(models.TextChoices):
    """How far a study is with its protocol."""

    PLAIN = "plain", _("no protocol")  # what is drawn counts from the first day
    DRAFT = "draft", _("not started")  # what is drawn is practice
    RUNNING = "running", _("running")
    ENDED = "ended", _("ended")


class Outcome(models.TextChoices):
    """What the arms of a study may be compared by beside the primary outcome: the errors on the
    held-out drawings that no adversary chose, at equal samples."""

    DRAWINGS = "drawings", _("the same errors at equal drawings")
    MINUTES = "minutes", _("the same errors at equal minutes of drawers’ time")
    MNIST = "mnist", _("errors on MNIST’s test set")
    FOOLS = "fools", _("errors on each arm’s tricks, by adversary")
    VMER = "vmer", _("the rate of verified tricks (vMER)")
    DROP_OUT = "drop_out", _("who stopped drawing, by arm")


# The settings by which drawings are collected, whatever a study asks.
COLLECTED_BY = (
    "architecture",
    "round_size",
    "quorum",
    "audit_share",
    "gold_share",
    "person_share",
    "has_live_preview",
)
# What a start freezes: whoever changes it later says why.
OF_THE_PROTOCOL = ("arms", "question", "stop_samples", "secondary_outcomes", *COLLECTED_BY)
PRIMARY_OUTCOME = "errors_at_equal_samples"
LONGEST_OUTCOMES = 100  # characters, all names together


def check_outcomes(names: str) -> None:
    if not set(names.split()) <= set(Outcome.values):
        raise ValidationError(_("There is no such outcome."))


class Study(models.Model):
    """The settings under which data is collected: one row, copied from the environment at first
    start."""

    arms = models.CharField(
        max_length=40,
        default=arms.PLAIN,
        validators=[check_arms],
        help_text="with their weights in the lot, as in dynamic:2,static:1,none:1",
    )
    architecture = models.CharField(max_length=50)
    round_size = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    quorum = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(9)]
    )
    audit_share = models.FloatField(validators=_SHARE)
    gold_share = models.FloatField(validators=_SHARE)
    person_share = models.FloatField(validators=_SHARE)
    has_live_preview = models.BooleanField()
    requires_second_factor = models.BooleanField(default=False)
    licence = models.CharField(
        max_length=20,
        choices=Licence,
        default=Licence.NONE,
        blank=True,
        help_text="under which drawings are given from now on; the draw page says so",
    )
    questions = models.CharField(
        max_length=60,
        blank=True,
        default="",
        validators=[check_questions],
        help_text="that people are asked about themselves, with spaces between them",
    )
    cited_title = models.CharField(
        max_length=LONGEST_TITLE,
        blank=True,
        default="",
        validators=[check_line],
        help_text="of its releases, where it has one of its own",
    )
    cited_authors = models.CharField(
        max_length=LONGEST_SETTING,
        blank=True,
        default="",
        validators=[check_authors],
        help_text="of its releases, a line each: “Family name, given names”, or an organisation",
    )
    has_public_releases = models.BooleanField(
        default=False, help_text="everybody may download the releases"
    )
    embed_origins = models.CharField(
        max_length=LONGEST_SETTING,
        blank=True,
        default="",
        help_text="of the sites that may frame the try-out, with spaces between them",
    )
    question = models.CharField(
        max_length=LONGEST_SETTING, blank=True, default="", help_text="that the study is to answer"
    )
    stop_samples = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="of an arm, at which the study may end; without it there is no protocol",
    )
    secondary_outcomes = models.CharField(
        max_length=LONGEST_OUTCOMES, blank=True, default="", validators=[check_outcomes]
    )
    release_secret = models.BinaryField(
        default=new_secret, help_text="the key of the pseudonyms in releases"
    )
    opened_from = models.ForeignKey(
        Release,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
        help_text="the release, made by another site, that the rounds up to its own came by",
    )

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
            models.CheckConstraint(
                condition=Q(stop_samples__isnull=True) | Q(stop_samples__gte=1),
                name="a_study_stops_at_a_sample",
            ),
            models.CheckConstraint(
                condition=~Q(cited_title__contains="\n")
                & ~Q(cited_authors__contains="\n\n")
                & ~Q(cited_authors__startswith="\n")
                & ~Q(cited_authors__endswith="\n"),
                name="a_citation_has_no_empty_line",
            ),
        ]

    def __str__(self) -> str:
        return "the study"

    @property
    def weights(self) -> dict[str, int]:
        """The arms, each with its weight in the lot."""
        return arms.parse(self.arms)

    @property
    def has_several_arms(self) -> bool:
        """Whether people are given to arms at all."""
        return len(self.weights) > 1

    def draw(self, earlier: Iterable[str], lot: random.Random) -> str:
        """Draw the arm of whoever comes after these of a block, which is not full."""
        return arms.draw(self.weights, earlier, lot)

    @property
    def asked(self) -> list[str]:
        """What people are asked about themselves."""
        return self.questions.split()

    @property
    def max_per_person(self) -> int | None:
        """How many of a round's new samples may be one person's, at least one; None where nobody is
        limited."""
        return (
            None
            if self.person_share >= 1
            else max(1, math.floor(self.person_share * self.round_size + 1e-9))
        )

    @property
    def phase(self) -> Phase:
        """How far it is with its protocol; the database is asked only where there is one."""
        if self.stop_samples is None:
            return Phase.PLAIN
        done = _ACTS.ask()
        if StudyAct.Kind.ENDED in done:
            return Phase.ENDED
        return Phase.RUNNING if done else Phase.DRAFT

    @staticmethod
    def current() -> "Study":
        return _CURRENT.first() or Study.objects.get()


_CURRENT = Prepared(Study.objects.all)


class StudyAct(models.Model):
    """That the study started under its protocol, as that was then, or ended; each once, and
    append-only."""

    class Kind(models.TextChoices):
        STARTED = "started"
        ENDED = "ended"

    kind = models.CharField(max_length=7, choices=Kind, primary_key=True)
    admin = models.ForeignKey(Person, models.PROTECT, related_name="+")
    done_at = models.DateTimeField()
    why = models.TextField(blank=True)
    document = models.TextField(blank=True, help_text="the protocol, as canonical JSON")
    sha256 = models.CharField(max_length=64, blank=True, help_text="of the document")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="started") & ~Q(document="") & ~Q(sha256="")
                | Q(kind="ended") & ~Q(why="") & Q(document="", sha256=""),
                name="a_start_has_its_protocol",
            ),
        ]

    def __str__(self) -> str:
        return f"the study {self.kind}"

    @staticmethod
    def by_kind() -> "dict[str, StudyAct]":
        """Return the start and the end of the study, as far as they are there."""
        return {act.kind: act for act in StudyAct.objects.all()}


_ACTS = Prepared(lambda: StudyAct.objects.values_list("kind", flat=True))


def is_told(arm: str) -> bool:
    """Whether people of an arm are told what models say of their drawings; where no verdict is
    given, not before the study has ended."""
    return arm != Arm.NONE or Study.current().phase == Phase.ENDED


def _said(value: str) -> str:
    """Say a setting's value, as it was written down."""
    if value in ("", "None", "none"):
        return Sentence("nothing")
    if value in ("True", "False"):
        return Sentence("yes") if value == "True" else Sentence("no")
    return f"“{value}”"


class StudyChange(models.Model):
    """One setting of the study changed by an admin; append-only. Of what is part of a protocol that
    had started it also says why."""

    changed_at = models.DateTimeField(auto_now_add=True)
    admin = models.ForeignKey(Person, models.PROTECT)
    field = models.CharField(max_length=30)
    before = models.CharField(max_length=LONGEST_SETTING)
    after = models.CharField(max_length=LONGEST_SETTING)
    why = models.TextField(blank=True, default="")

    @property
    def in_words(self) -> dict[str, str]:
        """What was set, from what to what, as people say it."""
        what = self.field.replace("_", " ")
        return {"what": what, "before": _said(self.before), "after": _said(self.after)}

    @staticmethod
    def of_the_protocol() -> "models.QuerySet[StudyChange]":
        """Return what was changed of the protocol since its start, the oldest first."""
        changed = StudyChange.objects.filter(field__in=OF_THE_PROTOCOL).exclude(why="")
        return changed.order_by("changed_at", "pk")
