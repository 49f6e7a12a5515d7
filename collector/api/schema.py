"""How the schema tells of an operation: in one sentence and then the rest, with each answer that it
may get, refusals among them."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from collector.api import errors
from collector.api import serializers as shapes
from collector.api.rates import Counted
from collector.api.tags import Tagged
from collector.errors import Conflict, Gone, Refused, TooMany, Unavailable, Unprocessable

_OF_EVERYBODY = {
    400: "The request is not as this takes it; `field` says what of it is at fault.",
    403: "Not for whoever asks; `message` says why.",
    406: "This is given as nothing that `Accept` names.",
    413: "The body is too large.",
    415: "The body is no JSON, or is packed.",
    503: "Something of ours does not work. `Retry-After` says when it will, if it soon does.",
}
_OF_THE_KNOWN = {
    401: "A token is missing, unknown, or has run out.",
    409: "The page that asks, by its session, is another account’s by now.",
}
_OF_SOMETHING = {404: "There is no such thing here, or not for whoever asks."}
# What one goes on to do with the `id` that was made.
_LINKS = {
    "attempts_create": ("attempts_retrieve", "attempts_retract_create", "attempts_reason_create"),
    "assignments_create": ("assignments_reading_create",),
}
_HEADERS: dict[str, dict[str, Any]] = {
    "Retry-After": {
        "description": "Seconds until it is worth asking again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "ETag": {
        "description": "What to send as `If-None-Match`, to get 304 as long as this is the answer.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'The limits that were counted: `"a name";q=how much;w=in so many seconds`.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of them: `"a name";r=how much;t=for so many seconds`.',
        "schema": {"type": "string"},
    },
}
_OURS = (Refused, Conflict, Gone, Unprocessable, TooMany, Unavailable)
# What an error of a status may have for its code.
_CODES = errors.CODES | {each.status: each.code for each in _OURS} | {413: "too_large"}


def refused(reasons: dict[int, str]) -> dict[int, OpenApiResponse]:
    """Tell for `extend_schema` of refusals that an operation has beside those that all have."""
    return {status: _refusal(status, why) for status, why in reasons.items()}


def _refusal(status: int, why: str) -> OpenApiResponse:
    told = {"error": {"code": _CODES[status], "message": why}}
    shown = OpenApiExample("For example", value=told, status_codes=[str(status)])
    return OpenApiResponse(shapes.Error, description=why, examples=[shown])


class Schema(AutoSchema):
    """Each operation: its docstring's first sentence is the summary."""

    def get_summary(self) -> str:
        return self._told()[0]

    def get_description(self) -> str:  # type: ignore[override]
        return self._told()[1]

    def _told(self) -> tuple[str, str]:
        told = " ".join(super().get_description().split())
        summary, _, rest = told.partition(". ")
        return summary.removesuffix("."), rest

    def get_operation(self, *arguments: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*arguments)
        if operation is not None:
            answers = operation["responses"]
            for status, why in self._refusals().items():
                told = self._get_response_for_code(_refusal(status, why), str(status))  # type: ignore[no-untyped-call]
                answers.setdefault(str(status), told)
            self._tell_headers(answers)
            self._link(operation["operationId"], answers)
            operation["responses"] = dict(sorted(answers.items()))
        return operation

    def _refusals(self) -> dict[int, str]:
        found = dict(_OF_EVERYBODY)
        if self.view.get_authenticators():
            found |= _OF_THE_KNOWN
        if "{" in self.path:
            found |= _OF_SOMETHING
        return found

    def _tell_headers(self, answers: dict[str, Any]) -> None:
        of_status = {"429": ["Retry-After"], "503": ["Retry-After"]}
        if isinstance(self.view, Counted) and self.method == "POST":
            counted = ["RateLimit", "RateLimit-Policy"]
            of_status |= {"200": counted, "201": counted, "429": ["Retry-After", *counted]}
        if isinstance(self.view, Tagged):
            answers["304"] = {"description": "What `If-None-Match` names is still the answer."}
            of_status |= {"200": ["ETag"], "304": ["ETag"]}
        for status in answers.keys() & of_status.keys():
            answers[status]["headers"] = {name: _HEADERS[name] for name in of_status[status]}

    def _link(self, name: str, answers: dict[str, Any]) -> None:
        found = {
            then: {"operationId": then, "parameters": {"id": "$response.body#/id"}}
            for then in _LINKS.get(name, ())
        }
        if found:
            answers["201"]["links"] = found

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, shapes.Given):
            schema["additionalProperties"] = False
        return schema
