"""What requests may hold, field by field and strictly; and the shapes of the answers, for the
schema."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer, inline_serializer
from rest_framework import serializers

from collector.models import Reading

LONGEST_NAME = 40  # of an unknown field, in the answer that refuses it
# Bodies that work when they are tried: a four of two strokes, and somebody to draw it.
FOUR = {
    "strokes": [
        {"x": [90, 82, 76, 130, 200], "y": [50, 100, 150, 152, 148], "t": [0, 90, 180, 270, 360]},
        {"x": [160, 158, 157], "y": [60, 150, 240], "t": [700, 820, 940]},
    ],
    "width": 22,
}
SOMEBODY = {"username": "daisy", "password": "correct horse battery"}


class Digit(serializers.IntegerField):
    """A whole number from 0 to 9; not true, not 3.0, not "3"."""

    def __init__(self) -> None:
        super().__init__(min_value=0, max_value=9)

    def to_internal_value(self, data: object) -> int:
        if type(data) is not int or not 0 <= data <= 9:
            raise serializers.ValidationError(_("A label is a whole number from 0 to 9."))
        return data


class Text(serializers.CharField):
    """A string, taken as it is: a number is not one, and no space is trimmed away."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError(_("This must be a string."))
        if "\0" in data:
            raise serializers.ValidationError(_("This must not hold a null character."))
        return super().to_internal_value(data)


class Unchecked(serializers.JSONField):
    """Taken as it comes: the drawing's own parser judges it."""


# What is read into a shape is whatever has its fields. A docstring here would describe them all in
# the schema.
class Shape(serializers.Serializer[Any]):
    pass


class Given(Shape):
    """A request's body: an object of these fields and no others, so that nobody thinks that we
    believed the others."""

    def to_internal_value(self, data: Any) -> Any:
        for name in data:
            if name not in self.fields:
                raise serializers.ValidationError(
                    {name[:LONGEST_NAME]: [_("This request takes no such field.")]}
                )
        return super().to_internal_value(data)


def example(body: Mapping[str, object]) -> Any:
    """Decorate a shape with a body that works, for the schema and whoever tries it there."""
    return extend_schema_serializer(
        examples=[OpenApiExample("One that works", value=body, request_only=True)]
    )


@example(FOUR)
class Drawing(Given):
    strokes = Unchecked(
        help_text='[{"x": [...], "y": [...], "t": [...]}]: integers 0–279; t in ms, not decreasing'
    )
    width = Unchecked(required=False, help_text="the pen in canvas units, 8–40; default 22")


@example({"target_label": 4, **FOUR})
class NewAttempt(Drawing):
    target_label = Digit()
    client_key = Text(required=False, allow_null=True, min_length=1, max_length=64)


@example({**SOMEBODY, "email": "daisy@example.org"})
class NewAccount(Given):
    username = Text(max_length=1000)
    password = Text(max_length=1000)
    email = Text(required=False, allow_blank=True, default="", max_length=254)


@example(SOMEBODY)
class NewToken(Given):
    username = Text(max_length=1000)
    password = Text(max_length=1000)
    code = Text(
        required=False,
        allow_blank=True,
        default="",
        max_length=100,
        help_text="of an authenticator app, or a recovery code, where the account has either",
    )


@example({"reading": "4"})
class NewReading(Given):
    reading = Text()

    def validate_reading(self, value: str) -> str:
        if value not in Reading.ANSWERS:
            raise serializers.ValidationError(
                _("A reading is a digit from 0 to 9, ambiguous or junk.")
            )
        return value


def listed(shape: type[Shape]) -> serializers.Serializer[Any]:
    """The shape of a list of `shape`."""
    fields = {
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "results": shape(many=True),
    }
    return inline_serializer(f"{shape.__name__}List", fields=fields)


class Account(Shape):
    id = serializers.UUIDField()
    username = serializers.CharField()
    role = serializers.CharField()


class IssuedToken(Shape):
    token = serializers.CharField()
    expires = serializers.DateTimeField()


class Prediction(Shape):
    round = serializers.IntegerField()
    predicted_label = serializers.IntegerField()
    probabilities = serializers.ListField(
        child=serializers.FloatField(), min_length=10, max_length=10
    )


class Attempt(Shape):
    id = serializers.UUIDField()
    round = serializers.IntegerField(source="round.number")
    target_label = serializers.IntegerField()
    predicted_label = serializers.IntegerField(
        allow_null=True, help_text="null, as the next two, in an arm of the study without a verdict"
    )
    probabilities = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    fooled = serializers.BooleanField(source="has_fooled", allow_null=True)
    status = serializers.SerializerMethodField()

    def get_status(self, attempt: Any) -> str:
        """As its drawer sees it."""
        return str(attempt.fate().status)

    def to_representation(self, attempt: Any) -> dict[str, Any]:
        told: dict[str, Any] = super().to_representation(attempt)
        if not attempt.round.has_verdict:
            told |= dict.fromkeys(("predicted_label", "probabilities", "fooled"))
        return told


class Event(Shape):
    when = serializers.DateTimeField(source="happened_at", allow_null=True)
    kind = serializers.CharField()
    text = serializers.CharField()


class OwnAttempt(Attempt):
    original = serializers.BooleanField(
        help_text="neither very like an earlier fool nor one of MNIST's own images"
    )
    submitted = serializers.DateTimeField()
    settled = serializers.DateTimeField(allow_null=True)
    settled_label = serializers.IntegerField(allow_null=True)
    credit = serializers.FloatField()
    fate = serializers.CharField(help_text="in a few words")


class OwnAttemptInFull(OwnAttempt):
    strokes = serializers.JSONField()
    width = serializers.IntegerField()
    timeline = Event(many=True)


class AssignedDrawing(Shape):
    id = serializers.UUIDField()
    strokes = serializers.JSONField()
    width = serializers.IntegerField()
    pixels = serializers.ListField(
        child=serializers.IntegerField(), help_text="784 values 0–255, row by row"
    )


class Assignment(Shape):
    id = serializers.UUIDField()
    attempt = AssignedDrawing()
    expires = serializers.DateTimeField()


class Due(Shape):
    have = serializers.IntegerField()
    need = serializers.IntegerField()


class Training(Shape):
    progress = serializers.FloatField(help_text="0–1")
    started = serializers.DateTimeField(source="started_at")


class Round(Shape):
    number = serializers.IntegerField()
    state = serializers.CharField()
    opened = serializers.DateTimeField(source="opened_at")
    closed = serializers.DateTimeField(source="closed_at", allow_null=True)
    net = serializers.CharField(source="architecture")
    opened_by = serializers.CharField(help_text="who opened it, if by hand")
    opened_why = serializers.CharField()
    attempts = serializers.IntegerField(source="counts.attempt_count")
    fooled = serializers.IntegerField(source="counts.fooled_count")
    pending = serializers.IntegerField(source="counts.pending_count")
    verified = serializers.IntegerField(source="counts.verified_count")
    copies = serializers.IntegerField(
        source="counts.copy_count", help_text="near-duplicates, which none of the others counts"
    )
    mer = serializers.FloatField(source="counts.mer", allow_null=True)
    vmer = serializers.FloatField(source="counts.vmer", allow_null=True)
    report = serializers.JSONField(source="stored_report")


class CurrentRound(Round):
    due = Due()
    training = Training(allow_null=True)


class ReleaseFile(Shape):
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField()


class Release(Shape):
    round = serializers.IntegerField(source="minor")
    version = serializers.CharField()
    sha256 = serializers.CharField(help_text="of SHA256SUMS, and so of all files")
    made = serializers.DateTimeField(source="made_at")
    withdrawn = serializers.DateTimeField(
        source="withdrawn_at",
        allow_null=True,
        help_text="when its files went, since somebody removed drawings that are in it",
    )
    files = ReleaseFile(many=True, source="files_given")


class Standing(Shape):
    rank = serializers.IntegerField()
    username = serializers.CharField()
    credit = serializers.FloatField()
    verified = serializers.IntegerField(source="verified_count")
    attempts = serializers.IntegerField(source="attempt_count")
    pending = serializers.IntegerField(source="pending_count")
    vmer = serializers.FloatField(allow_null=True)
