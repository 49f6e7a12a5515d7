"""The study's answers: each look at it, as the page and the API tell it."""

from django.db import models


class Analysis(models.Model):
    """One look at how the arms compare, and all that it found. None is written over: how often it
    was looked before the end is part of the answer."""

    made_at = models.DateTimeField(auto_now_add=True)
    is_interim = models.BooleanField(help_text="made before the study had ended")
    protocol_sha256 = models.CharField(
        max_length=64, blank=True, help_text="of the protocol that it was made under"
    )
    found = models.JSONField(help_text="arms with their counts, and estimates with intervals")

    class Meta:
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"analysis {self.pk}"
