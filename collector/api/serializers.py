"""What requests may hold, field by field and strictly; and the shapes of the answers, for the
schema."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import (
    OpenApiExample,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from collector import models
from trainer.learning import drawing
from trainer.models import Round as RoundRow

LONGEST_NAME = 40  # of an unknown field, in the answer that refuses it
# Bodies that work when they are tried: a four of two strokes, and somebody to draw it.
FOUR: dict[str, Any] = {
    "strokes": [
        {"x": [90, 82, 76, 130, 200], "y": [50, 100, 150, 152, 148], "t": [0, 90, 180, 270, 360]},
        {"x": [160, 158, 157], "y": [60, 150, 240], "t": [700, 820, 940]},
    ],
    "width": 22,
}
LAST_VERSION = 1_000_000  # of a text: nobody saves one as often
SOMEBODY = {"username": "daisy", "password": "correct horse battery"}
ID = "0a54a1e6-5a4c-4e5f-9d0b-2f6d3c0d1e77"


class Digit(serializers.IntegerField):
    """A whole number from 0 to 9; not true, not 3.0, not "3"."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=9, **options)

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


class AsItComes(serializers.JSONField):
    """What the body held, which DRF's own field would write as JSON once more, to see that it is
    any."""

    def to_internal_value(self, data: Any) -> Any:
        return data


@extend_schema_field(
    {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Stroke"},
        "minItems": 1,
        "maxItems": drawing.MAX_STROKES,
    }
)
class Strokes(AsItComes):
    """Taken as they come: the drawing's own parser judges them."""


@extend_schema_field(
    {
        "type": "integer",
        "minimum": drawing.MIN_WIDTH,
        "maximum": drawing.MAX_WIDTH,
        "default": drawing.DEFAULT_WIDTH,
    }
)
class Width(AsItComes):
    """Taken as it comes, too."""


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9._-]{2,29}$"})
class Username(Text):
    """Taken as it comes: the account's own check says in a sentence what one is."""


@extend_schema_field(serializers.ChoiceField(models.Reading.ANSWERS))
class Answer(Text):
    """What a drawing shows: a digit, ambiguous or junk."""

    def to_internal_value(self, data: object) -> str:
        answer = super().to_internal_value(data)
        if answer not in models.Reading.ANSWERS:
            raise serializers.ValidationError(
                _("A reading is a digit from 0 to 9, ambiguous or junk.")
            )
        return answer


# What is read into a shape is whatever has its fields. A docstring here would describe them all in
# the schema.
class Shape(serializers.Serializer[Any]):
    example: ClassVar[Mapping[str, Any]]


_S = TypeVar("_S", bound=Shape)


# A request's body, or a part of it: an object of these fields and no others, so that nobody thinks
# that we believed the others.
class Given(Shape):
    def to_internal_value(self, data: Any) -> Any:
        for name in data:
            if name not in self.fields:
                raise serializers.ValidationError(
                    {name[:LONGEST_NAME]: [_("This request takes no such field.")]}
                )
        return super().to_internal_value(data)


def example(body: Mapping[str, object]) -> Callable[[type[_S]], type[_S]]:
    """Decorate a shape with an example, for the schema and whoever tries it there; of a request's
    it is one that works."""

    def decorate(shape: type[_S]) -> type[_S]:
        is_given = issubclass(shape, Given)
        shown = OpenApiExample(
            "One that works" if is_given else "For example",
            value=body,
            request_only=is_given,
            response_only=not is_given,
        )
        decorated: type[_S] = extend_schema_serializer(examples=[shown])(shape)
        decorated.example = body
        return decorated

    return decorate


def _on_canvas(help_text: str) -> serializers.ListField:
    return _numbers(drawing.CANVAS - 1, help_text)


def _numbers(most: int, help_text: str) -> serializers.ListField:
    number = serializers.IntegerField(min_value=0, max_value=most)
    most_points = drawing.MAX_POINTS
    return serializers.ListField(
        child=number, min_length=1, max_length=most_points, help_text=help_text
    )


@example(FOUR["strokes"][0])
class Stroke(Given):
    x = _on_canvas("from the left, in canvas units")
    y = _on_canvas("from the top; as many")
    t = _numbers(drawing.MAX_MILLISECONDS, "ms since the drawing began, not decreasing; as many")


@example(FOUR)
class Drawing(Given):
    strokes = Strokes(help_text="at most 5,000 points in all, at least two of them distinct")
    width = Width(required=False, help_text="the pen in canvas units")


@example({"target_label": 4, **FOUR})
class NewAttempt(Drawing):
    target_label = Digit()
    client_key = Text(required=False, allow_null=True, min_length=1, max_length=64)


class Version(serializers.IntegerField):
    """Which version of a text somebody read; not true, not 3.0, not "3"."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LAST_VERSION, **options)

    def to_internal_value(self, data: object) -> int:
        if type(data) is not int or not 1 <= data <= LAST_VERSION:
            raise serializers.ValidationError(_("A version is a whole number from 1."))
        return data


class Truth(serializers.BooleanField):
    """True or false; not 1, not "yes"."""

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError(_("This is either true or false."))
        return data


@example({**SOMEBODY, "email": "daisy@example.org"})
class NewAccount(Given):
    username = Username(max_length=1000)
    password = Text(max_length=1000)
    email = Text(
        required=False, allow_blank=True, default="", max_length=254, help_text="or nothing"
    )
    consent_version = Version(
        required=False,
        help_text="of the consent text that they read and agree to, as it says itself",
    )
    is_of_age = Truth(
        required=False, help_text="that they are of the age that the text names; goes with it"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Agreeing is to a text and of an age: each is nothing without the other."""
        version, is_of_age = attrs.pop("consent_version", None), attrs.pop("is_of_age", None)
        if version and not is_of_age:
            raise serializers.ValidationError(
                {"is_of_age": _("Whoever agrees to the text is of the age that it names.")}
            )
        if is_of_age and not version:
            raise serializers.ValidationError(
                {"consent_version": _("Say which version of the consent text they agree to.")}
            )
        return attrs | {"version": str(version or "")}


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
    name = Text(
        required=False,
        allow_blank=True,
        default="",
        max_length=models.Token.LONGEST_NAME,
        help_text="by which the account page lists it",
    )


@example({"reason": "I left its top open."})
class NewReason(Given):
    reason = Text(
        allow_blank=True,
        max_length=models.Reason.LONGEST,
        help_text="in a line, without characters that nobody sees; empty: nothing any more",
    )


@example({"reading": "4"})
class NewReading(Given):
    reading = Answer()


def listed(shape: type[Shape]) -> type[Shape]:
    """The shape of a list of `shape`, with an example of one."""
    fields = {
        "next": serializers.URLField(allow_null=True, help_text="the page of older ones"),
        "previous": serializers.URLField(allow_null=True, help_text="the page of newer ones"),
        "results": shape(many=True),
    }
    made = type(f"{shape.__name__}List", (Shape,), fields)
    return example({"next": None, "previous": None, "results": [shape.example]})(made)


class Refusal(Shape):
    code = serializers.CharField(help_text="for programs")
    message = serializers.CharField(help_text="for people: a sentence, in their language")
    field = serializers.CharField(required=False, help_text="what of the request is at fault")


class Error(Shape):
    error = Refusal()


@example({"id": ID, "username": "daisy", "role": "crowdworker"})
class Account(Shape):
    id = serializers.UUIDField()
    username = serializers.CharField()
    role = serializers.ChoiceField(models.Person.Role.choices)


@example({"token": "Q2h3Xn…", "expires": "2027-02-27T12:00:00Z"})
class IssuedToken(Shape):
    token = serializers.CharField(help_text="told this once: send it as `Authorization: Token …`")
    expires = serializers.DateTimeField()


def _share(help_text: str = "", **options: Any) -> serializers.FloatField:
    return serializers.FloatField(min_value=0, max_value=1, help_text=help_text, **options)


def _count(help_text: str = "", **options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, help_text=help_text, **options)


def _probabilities() -> serializers.ListField:
    return serializers.ListField(
        child=_share(), min_length=10, max_length=10, help_text="of the digits 0 to 9"
    )


VERDICT = {
    "predicted_label": 9,
    "probabilities": [0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.75],
}


@example({"round": 3, **VERDICT})
class Prediction(Shape):
    round = _count("whose model was asked")
    predicted_label = Digit()
    probabilities = _probabilities()


TAKEN = {"id": ID, "round": 3, "target_label": 4, **VERDICT, "fooled": True, "status": "pending"}


@example(TAKEN)
class Attempt(Shape):
    id = serializers.UUIDField()
    round = serializers.IntegerField(source="round.number")
    target_label = Digit()
    predicted_label = Digit(
        allow_null=True, help_text="null, as the next two, in an arm of the study without a verdict"
    )
    probabilities = serializers.ListField(
        child=serializers.FloatField(), min_length=10, max_length=10, allow_null=True
    )
    fooled = serializers.BooleanField(source="has_fooled", allow_null=True)
    status = serializers.SerializerMethodField()

    @extend_schema_field(
        serializers.ChoiceField([*models.Attempt.Status.choices, (models.PRACTICE, "Practice")])
    )
    def get_status(self, attempt: Any) -> str:
        """As its drawer sees it."""
        return str(attempt.fate().status)

    def to_representation(self, attempt: Any) -> dict[str, Any]:
        told: dict[str, Any] = super().to_representation(attempt)
        if not attempt.round.has_verdict:
            told |= dict.fromkeys(("predicted_label", "probabilities", "fooled"))
        return told


SUBMITTED = "2026-11-29T12:00:00Z"
DRAWN = "You drew a 4; the model took it for a 9, at 75 %."


@example({"when": SUBMITTED, "kind": "submitted", "text": DRAWN})
class Event(Shape):
    when = serializers.DateTimeField(
        source="happened_at", allow_null=True, help_text="null for what has yet to come"
    )
    kind = serializers.CharField()
    text = serializers.CharField()


OWN = {
    **TAKEN,
    "original": True,
    "submitted": SUBMITTED,
    "settled": None,
    "settled_label": None,
    "credit": 0.0,
    "fate": "Waiting for a moderator",
}


@example(OWN)
class OwnAttempt(Attempt):
    original = serializers.BooleanField(
        help_text="neither very like an earlier fool nor one of MNIST's own images"
    )
    submitted = serializers.DateTimeField()
    settled = serializers.DateTimeField(allow_null=True)
    settled_label = serializers.IntegerField(min_value=0, max_value=9, allow_null=True)
    credit = serializers.FloatField()
    fate = serializers.CharField(help_text="in a few words")


@example({"reason": "I left its top open."})
class SaidReason(Shape):
    reason = serializers.CharField(
        allow_blank=True, help_text="what you say you did to fool the model, if you do"
    )


@example({**OWN, **FOUR, **SaidReason.example, "timeline": [Event.example]})
class OwnAttemptInFull(OwnAttempt, SaidReason):
    strokes = serializers.ListField(child=Stroke())
    width = serializers.IntegerField()
    timeline = Event(many=True)


class AssignedDrawing(Shape):
    id = serializers.UUIDField()
    strokes = serializers.ListField(
        child=Stroke(), help_text="empty, where somebody else's picture was imported"
    )
    width = serializers.IntegerField()
    pixels = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=255),
        min_length=784,
        max_length=784,
        help_text="28 rows of 28",
    )


@example(
    {
        "id": "5e8f2a1c-7a0b-4d27-8f43-0c5b7d2a9e11",
        "attempt": {"id": ID, **FOUR, "pixels": [0] * 784},
        "expires": "2026-11-29T12:05:00Z",
    }
)
class Assignment(Shape):
    id = serializers.UUIDField()
    attempt = AssignedDrawing()
    expires = serializers.DateTimeField()


class Due(Shape):
    have = _count()
    need = _count()


class Training(Shape):
    progress = _share()
    started = serializers.DateTimeField(source="started_at")


class SetFigures(Shape):
    n = _count("images in the set")
    correct = _count("of them read correctly")
    accuracy = _share("null for an empty set", allow_null=True)
    low = _share("where its 95 % interval begins", allow_null=True)
    high = _share("and where it ends", allow_null=True)
    stand_in = serializers.BooleanField(help_text="other images take the place of real ones")


class Report(Shape):
    sets = serializers.DictField(child=SetFigures(), help_text="`mnist_test` is among the names")


@extend_schema_field(Report)
class StoredReport(serializers.JSONField):
    pass


def _rate(source: str, help_text: str) -> serializers.FloatField:
    return _share(help_text, source=source, allow_null=True)


FIGURES = {
    "n": 10000,
    "correct": 9900,
    "accuracy": 0.99,
    "low": 0.9879,
    "high": 0.9918,
    "stand_in": False,
}
ROUND = {
    "number": 3,
    "state": "open",
    "opened": SUBMITTED,
    "closed": None,
    "net": "mnist_model",
    "opened_by": "",
    "opened_why": "",
    "attempts": 40,
    "fooled": 10,
    "pending": 2,
    "verified": 7,
    "copies": 1,
    "mer": 0.25,
    "vmer": 7 / 38,
    "report": {"sets": {"mnist_test": FIGURES}},
}


@example(ROUND)
class Round(Shape):
    number = _count()
    state = serializers.ChoiceField(RoundRow.State.choices)
    opened = serializers.DateTimeField(source="opened_at")
    closed = serializers.DateTimeField(source="closed_at", allow_null=True)
    net = serializers.CharField(source="architecture")
    opened_by = serializers.CharField(allow_blank=True, help_text="who opened it, if by hand")
    opened_why = serializers.CharField(allow_blank=True)
    attempts = _count(source="counts.attempt_count")
    fooled = _count(source="counts.fooled_count")
    pending = _count(source="counts.pending_count")
    verified = _count(source="counts.verified_count")
    copies = _count("near-duplicates, which none of the others counts", source="counts.copy_count")
    mer = _rate("counts.mer", "fooled of all attempts; null of none")
    vmer = _rate("counts.vmer", "verified of all that are not pending; null of none")
    report = StoredReport(source="stored_report")


@example({**ROUND, "due": {"have": 7, "need": 10}, "training": None})
class CurrentRound(Round):
    due = Due()
    training = Training(allow_null=True)


class ReleaseFile(Shape):
    name = serializers.CharField()
    size = _count("bytes")
    sha256 = serializers.CharField()


class Publication(Shape):
    place = serializers.CharField(help_text="dataset or model (on the Hub), or zenodo")
    address = serializers.CharField(help_text="the Hub's repository, or Zenodo's origin")
    revision = serializers.CharField(help_text="the Hub's commit, or Zenodo's record")
    url = serializers.CharField()
    doi = serializers.CharField(help_text="of this version; empty on the Hub")
    published = serializers.DateTimeField(source="published_at")


@example(
    {
        "round": 2,
        "version": "1.2.0",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "made": SUBMITTED,
        "withdrawn": None,
        "files": [
            {
                "name": "attempts.parquet",
                "size": 81920,
                "sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
            }
        ],
        "publications": [],
    }
)
class Release(Shape):
    round = _count(source="minor")
    version = serializers.CharField()
    sha256 = serializers.CharField(help_text="of SHA256SUMS, and so of all files")
    made = serializers.DateTimeField(source="made_at")
    withdrawn = serializers.DateTimeField(
        source="withdrawn_at",
        allow_null=True,
        help_text="when its files went, since somebody removed drawings that are in it",
    )
    files = ReleaseFile(many=True, source="files_given")
    publications = Publication(many=True, source="places_given", help_text="where else it is")


CHANGED = {
    "changed": "2026-12-03T09:00:00Z",
    "field": "round_size",
    "before": "50",
    "after": "30",
    "why": "Rounds took longer than a week.",
}


@example(CHANGED)
class ProtocolChange(Shape):
    changed = serializers.DateTimeField(source="changed_at")
    field = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    why = serializers.CharField()


@extend_schema_field({"type": "object", "additionalProperties": True})
class ProtocolContent(serializers.JSONField):
    """What a protocol says, as it was fixed."""


@example(
    {
        "phase": "running",
        "protocol": {
            "format": 1,
            "question": "Are drawings against a model worth more?",
            "arms": {"dynamic": 1, "none": 1},
            "collected_by": {"round_size": 50, "quorum": 2},
            "stop": {"samples_of_each_arm": 400},
            "primary_outcome": "errors_at_equal_samples",
            "secondary_outcomes": ["drawings", "mnist"],
            "samples_before": {},
        },
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "started": "2026-12-01T09:00:00Z",
        "ended": None,
        "ended_why": "",
        "stop_samples": 400,
        "samples": {"dynamic": 120, "none": 131},
        "changes": [CHANGED],
    }
)
class StudyProtocol(Shape):
    phase = serializers.ChoiceField([models.Phase.DRAFT, models.Phase.RUNNING, models.Phase.ENDED])
    protocol = ProtocolContent(
        source="content",
        help_text="as it was started; its keys in order and without spaces, as UTF-8, give sha256",
    )
    sha256 = serializers.CharField(allow_blank=True, help_text="nothing before the start")
    started = serializers.DateTimeField(source="started_at", allow_null=True)
    ended = serializers.DateTimeField(source="ended_at", allow_null=True)
    ended_why = serializers.CharField(allow_blank=True)
    stop_samples = _count("of each arm, at which it may end, as it is by now")
    samples = serializers.DictField(
        child=serializers.IntegerField(min_value=0),
        source="sample_counts",
        help_text="of each arm, given since the start",
    )
    changes = ProtocolChange(many=True, help_text="since the start, the oldest first")


@example(
    {
        "rank": 1,
        "username": "daisy",
        "credit": 6.5,
        "verified": 7,
        "attempts": 20,
        "pending": 1,
        "vmer": 7 / 19,
    }
)
class Standing(Shape):
    rank = serializers.IntegerField(min_value=1)
    username = serializers.CharField()
    credit = serializers.FloatField()
    verified = _count(source="verified_count")
    attempts = _count(source="attempt_count")
    pending = _count(source="pending_count")
    vmer = _share("null of none", allow_null=True)


class ArmCounts(Shape):
    arm = serializers.CharField()
    allotted = _count("whom the lot gave to it; null where that is not known", allow_null=True)
    drawers = _count("who of them drew")
    returned = _count("who drew on more than one day")
    drawings = _count()
    decided = _count("of the drawings that count, those that wait for nobody")
    verified = _count("tricks")
    samples = _count("to train on")
    trained_people = _count("whose samples these are")
    minutes = serializers.FloatField(help_text="of drawing")


class Estimate(Shape):
    test = serializers.CharField(
        help_text="unchosen (by any adversary), unchosen:none, fools:ARM, or mnist_test"
    )
    equal = serializers.CharField(help_text="what arms had equally many of: samples, …")
    at = serializers.FloatField(help_text="how many")
    arm = serializers.CharField()
    than = serializers.CharField(
        allow_blank=True, help_text="the arm whose share is taken off; empty: a share"
    )
    misread = _count("by all seeds together", source="errors")
    seeds = _count()
    drawings = _count("that each seed's model was asked about")
    people = _count("who drew them")
    value = serializers.FloatField(help_text="the share that is misread, or the difference")
    low = serializers.FloatField(allow_null=True, help_text="of the 95 % interval")
    high = serializers.FloatField(allow_null=True)
    error = serializers.FloatField(allow_null=True, help_text="standard error")


ESTIMATE = {
    "test": "unchosen",
    "equal": "samples",
    "at": 200.0,
    "arm": "dynamic",
    "than": "none",
    "misread": 25,
    "seeds": 3,
    "drawings": 210,
    "people": 21,
    "value": -0.021,
    "low": -0.037,
    "high": -0.005,
    "error": 0.008,
}


@example(
    {
        "made": SUBMITTED,
        "look": 3,
        "interim": True,
        "protocol": "",
        "net": "mnist_model",
        "stand_in": False,
        "seed": 1,
        "seeds": 3,
        "trainings": 10,
        "answer": "…",
        "arms": [],
        "estimates": [ESTIMATE],
    }
)
class Analysis(Shape):
    made = serializers.DateTimeField(source="made_at")
    look = _count("how many there were with this one", source="number")
    interim = serializers.BooleanField(source="is_interim", help_text="before the study's end")
    protocol = serializers.CharField(
        source="protocol_sha256", allow_blank=True, help_text="its SHA-256, if any"
    )
    net = serializers.CharField(source="found.architecture")
    stand_in = serializers.BooleanField(source="found.stand_in")
    seed = _count(source="found.seed")
    seeds = _count("models of each training set", source="found.seeds")
    trainings = _count("models of people drawn again", source="found.trainings")
    answer = serializers.CharField(help_text="in a sentence, in the language asked for")
    arms = ArmCounts(many=True, source="found.arms")
    estimates = Estimate(many=True, source="found.estimates")
