"""What has been released of the data: the files as they are given away, in parts, and where else
they are given away."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from trainer.models import Round


class Release(models.Model):
    """A round's release, which never changes: a new state of the data is another version.

    Where somebody removes drawings that are in it, its files go, and this row says so.
    """

    round = models.ForeignKey(Round, models.PROTECT, related_name="releases")
    major = models.PositiveIntegerField(help_text="raised where something was withdrawn")
    minor = models.PositiveIntegerField(help_text="the round's number")
    patch = models.PositiveIntegerField(help_text="raised where the round is released again")
    previous = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    sha256 = models.CharField(max_length=64, help_text="of SHA256SUMS: the address of all of it")
    attempts = models.BinaryField(help_text="the ids of its attempts, 16 bytes each, in order")
    is_licensed = models.BooleanField(help_text="each drawing in it was given under a licence")
    cited_doi = models.CharField(
        max_length=100, blank=True, help_text="of all versions, by which its files say to cite it"
    )
    made_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, help_text="none while it is being stored")
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="its files went, with somebody's drawings"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["major", "minor", "patch"],
                condition=Q(published_at__isnull=False),
                name="one_release_a_version",
            )
        ]

    def __str__(self) -> str:
        return f"release {self.version}"

    @property
    def version(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def files_given(self) -> "list[ReleaseFile]":
        """Return the files by name; none once it is withdrawn."""
        return [] if self.withdrawn_at else sorted(self.files.all(), key=lambda file: file.name)

    @property
    def places_given(self) -> "list[Publication]":
        """Return where else it is given away; nowhere once it is withdrawn."""
        there = (each for each in self.publications.all() if each.published_at)
        return [] if self.withdrawn_at else sorted(there, key=lambda each: each.place)


class ReleaseFile(models.Model):
    """One file of a release; its content is its parts, one after the other."""

    release = models.ForeignKey(Release, models.CASCADE, related_name="files")
    name = models.CharField(max_length=40)
    size = models.PositiveBigIntegerField(help_text="bytes")
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "name"], name="one_file_of_a_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.release}"


class ReleasePart(models.Model):
    """So much of a file as is read and sent at once; all but the last are equally long."""

    SIZE = 1 << 20  # bytes

    file = models.ForeignKey(ReleaseFile, models.CASCADE, related_name="parts", db_index=False)
    place = models.PositiveIntegerField(help_text="from 0")
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "place"], name="one_part_a_place")]

    def __str__(self) -> str:
        return f"part {self.place} of {self.file}"


class Publication(models.Model):
    """A release at a place elsewhere: from before the first byte went there until it is taken back,
    which is once the release is withdrawn."""

    class Place(models.TextChoices):
        DATASET = "dataset", _("a data set on the Hub")
        MODEL = "model", _("a model on the Hub")
        ZENODO = "zenodo", "Zenodo"

    release = models.ForeignKey(Release, models.PROTECT, related_name="publications")
    place = models.CharField(max_length=10, choices=Place)
    address = models.CharField(max_length=200, help_text="the Hub's repository, or Zenodo's origin")
    revision = models.CharField(
        max_length=100, blank=True, help_text="the Hub's commit, or Zenodo's record, also a draft"
    )
    url = models.CharField(max_length=300, blank=True, help_text="its page there")
    doi = models.CharField(max_length=100, blank=True)
    concept_doi = models.CharField(max_length=100, blank=True, help_text="of all versions")
    begun_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)
    taken_back_at = models.DateTimeField(null=True, blank=True)
    try_count = models.PositiveIntegerField(default=0, help_text="since the last that succeeded")
    due_at = models.DateTimeField(help_text="when it is tried next")
    failure = models.CharField(max_length=500, blank=True, help_text="of the last try")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["release", "place", "address"], name="published_once_at_a_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.release} at {self.address}"
