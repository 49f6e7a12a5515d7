"""Every error of the API in one shape: `{"error": {"code", "message", "field"?}}`."""

from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from collector.errors import Forbidden, NotFound, Refused
from collector.refusals import as_refusal, body_of, tell
from trainer.learning.sentences import Sentence

CODES = {
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
}


def answer(exception: Exception, context: dict[str, object]) -> Response | None:
    """The answer to what a view raised; None leaves it to be a 500."""
    if isinstance(exception, Http404):
        exception = NotFound(Sentence("There is no such thing here."))
    refusal = as_refusal(exception)
    if refusal:
        response = Response(body_of(refusal), status=refusal.status)
        asked = context["request"]
        assert isinstance(asked, Request)
        tell(asked._request, response, refusal)
        return response
    if not isinstance(exception, exceptions.APIException):
        return None
    response = Response(body_of(_refused(exception)), status=exception.status_code)
    if header := getattr(exception, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


def _refused(exception: exceptions.APIException) -> Refused:
    code = CODES.get(exception.status_code, "invalid")
    if isinstance(exception, exceptions.PermissionDenied):
        return Forbidden(str(exception.detail))
    if isinstance(exception.detail, dict):
        field, problem = next(iter(exception.detail.items()))
        return Refused(
            _sentence(problem), field=None if field == "non_field_errors" else str(field), code=code
        )
    return Refused(_sentence(exception.detail), code=code)


def _sentence(problem: object) -> str:
    while isinstance(problem, list | dict):
        problem = next(iter(problem.values() if isinstance(problem, dict) else problem), "")
    return str(problem)
