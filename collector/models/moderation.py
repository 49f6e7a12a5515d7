"""What moderators read, and when their moderating is paused."""

import uuid

from django.db import models
from django.db.models import Q

from collector.models.drawings import Attempt
from collector.models.people import Person
from collector.rules.verdicts import ANSWERS


class Gold(models.Model):
    """A drawing whose answer is beyond doubt: for the qualification test of moderators, or
    mixed in unseen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    answer = models.CharField(max_length=9, choices=[(a, a) for a in ANSWERS])
    strokes = models.JSONField()
    width = models.PositiveSmallIntegerField()
    pixels = models.BinaryField()
    is_practice = models.BooleanField(default=False)
    attempt = models.OneToOneField(
        Attempt, models.PROTECT, null=True, blank=True, help_text="the attempt that it is a copy of"
    )
    is_retired = models.BooleanField(
        default=False, help_text="nobody is given it any more, and nobody is judged by it"
    )

    class Meta:
        verbose_name_plural = "gold"
        indexes = [
            models.Index(
                fields=["id"], condition=Q(is_practice=False, is_retired=False), name="hidden_gold"
            )
        ]

    def __str__(self) -> str:
        return f"gold {self.pk}"


class Reading(models.Model):
    """A moderator's blind answer to “what is this?”: first a lease (no answer yet), then, within
    it, the reading."""

    ANSWERS = ANSWERS

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    attempt = models.ForeignKey(
        Attempt, models.PROTECT, null=True, blank=True, related_name="readings", db_index=False
    )
    gold = models.ForeignKey(Gold, models.PROTECT, null=True, blank=True, related_name="readings")
    moderator = models.ForeignKey(Person, models.PROTECT, related_name="readings", db_index=False)
    leased_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField()
    answer = models.CharField(
        max_length=9, null=True, blank=True, choices=[(a, a) for a in ANSWERS]
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    is_correct = models.BooleanField(
        null=True,
        blank=True,
        help_text="whether the drawing settled as, or is known to be, what it says",
    )
    is_discounted = models.BooleanField(
        default=False, help_text="its moderator was paused before the drawing settled"
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
                condition=Q(answer__isnull=True, answered_at__isnull=True)
                | Q(answer__in=ANSWERS, answered_at__isnull=False),
                name="an_answer_has_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["attempt", "answer", "is_discounted"], name="readings_of_an_attempt"
            ),
            models.Index(
                fields=["moderator", "lease_expires_at"], condition=Q(answer=None), name="leases"
            ),
            models.Index(fields=["moderator", "-leased_at"], name="readings_of_a_moderator"),
            models.Index(
                fields=["moderator", "-answered_at"],
                condition=Q(is_correct__isnull=False, attempt__isnull=False),
                name="quality",
            ),
            models.Index(
                fields=["moderator", "-answered_at"],
                condition=Q(is_correct__isnull=False, gold__isnull=False),
                name="quality_on_gold",
            ),
            models.Index(
                fields=["answered_at"],
                condition=Q(answered_at__isnull=False),
                name="readings_by_time",
            ),
        ]

    @property
    def drawing(self) -> Attempt | Gold:
        """The attempt or the gold item that is read."""
        drawing = self.attempt or self.gold
        assert drawing is not None
        return drawing


class ModerationPause(models.Model):
    """A moderator whose readings agreed too seldom with what drawings settled as, or are known to
    be; it holds until an admin lifts it."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="moderation_pauses")
    paused_at = models.DateTimeField(auto_now_add=True)
    agreed_count = models.PositiveIntegerField()
    settled_count = models.PositiveIntegerField(help_text="how many readings were judged")
    is_on_gold = models.BooleanField(default=False, help_text="the readings were of hidden gold")
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(lifted_at=None), name="one_pause_at_a_time"
            ),
        ]
