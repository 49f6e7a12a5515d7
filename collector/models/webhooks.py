"""Webhooks: whom this site tells what happens, and what each has been told or waits to be."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Webhook(models.Model):
    """An address of another system that is told of what happens here."""

    class Event(models.TextChoices):
        ATTEMPT_SETTLED = "attempt.settled", _("a drawing settled")
        ROUND_OPENED = "round.opened", _("a round opened")
        TRAINING_FAILED = "training.failed", _("a training failed")
        STUDY_ENDED = "study.ended", _("the study ended")

    LONGEST_URL = 500

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    url = models.CharField(max_length=LONGEST_URL, unique=True)
    events = models.JSONField(help_text="of which it is told")
    secret = models.BinaryField(help_text="what signs, encrypted")
    former_secret = models.BinaryField(
        null=True, help_text="the one before, which signs too for a while, encrypted"
    )
    renewed_at = models.DateTimeField(null=True, help_text="when the secret replaced the former")
    added_at = models.DateTimeField()
    resumed_at = models.DateTimeField(
        null=True, help_text="since when it is told; none while it is paused"
    )
    failure_count = models.PositiveSmallIntegerField(
        default=0, help_text="how many tries have failed since it took something"
    )
    due_at = models.DateTimeField(
        null=True, help_text="after a failure, before when nothing is tried"
    )

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class Delivery(models.Model):
    """An event that a webhook is to be told of, and how the last try went. The key is the event's
    id for the receiver, the same however often it is sent."""

    class Trouble(models.TextChoices):
        ADDRESS = "address", _("Its address is within a network, and no address of the internet.")
        UNKNOWN = "unknown", _("There is no host of that name.")
        UNREACHABLE = "unreachable", _("Nobody took the connection, or it was cut.")
        TLS = "tls", _("It has no TLS, or its certificate is not valid for this name.")
        SLOW = "slow", _("It gave no answer in time.")
        NO_HTTP = "no http", _("What it answered is no HTTP.")
        REDIRECT = "redirect", _("It leads elsewhere, which is not followed.")
        STATUS = "status", _("It refused.")
        SECRET = "secret", _("The site’s key is another one: make a new secret.")
        BROKEN = "broken", _("It could not be made; the log says why.")

    TEST = "test"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.CharField(
        max_length=20, choices=[*Webhook.Event.choices, (TEST, pgettext_lazy("event", "test"))]
    )
    subject = models.PositiveBigIntegerField(
        null=True, help_text="the round or the training: of each there is one event"
    )
    content = models.JSONField(help_text="what is told")
    happened_at = models.DateTimeField()
    queued_at = models.DateTimeField(help_text="since when it waits, as long as it may")
    due_at = models.DateTimeField(help_text="when it is tried next")
    try_count = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    took_ms = models.PositiveIntegerField(null=True)
    answer_status = models.PositiveSmallIntegerField(null=True)
    trouble = models.CharField(max_length=11, choices=Trouble, blank=True)
    ended_at = models.DateTimeField(
        null=True, db_index=True, help_text="when it was taken, or given up"
    )
    is_given_up = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "event", "subject"], name="one_delivery_of_a_subject"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(ended_at=None), name="deliveries_to_come"),
            models.Index(fields=["-happened_at", "id"], name="deliveries_by_time"),
        ]
