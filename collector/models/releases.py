"""What has been released of the data: the files as they are given away, in parts."""

from django.db import models
from django.db.models import Q

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
