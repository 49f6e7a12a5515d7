"""JSON as strict as the contract: no NaN, no 1e999, no duplicate keys, no bottomless nesting, no
lone surrogates."""

import json
import re
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser

LONGEST_INTEGER = 20  # digits; nothing that we take has more than 8
_MAYBE_TOO_LONG = re.compile(rf"[0-9]{{{LONGEST_INTEGER}}}")


class Negotiation(DefaultContentNegotiation):
    """DRF's, but that who takes anything, as nearly everybody does, is not asked at length."""

    def select_renderer(
        self, request: Any, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        is_plain = not format_suffix and not request.META["QUERY_STRING"]
        if is_plain and request.META.get("HTTP_ACCEPT", "*/*") == "*/*":
            return renderers[0], renderers[0].media_type
        renderer, media_type = super().select_renderer(request, renderers, format_suffix)
        return renderer, media_type


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: object = None
    ) -> Any:
        """The body as plain values. Raises ParseError (400)."""
        try:
            text = stream.read().decode("utf-8")
            value = json.loads(
                text,
                parse_constant=_refuse_constant,
                parse_float=_finite,
                parse_int=_whole if _MAYBE_TOO_LONG.search(text) else None,
                object_pairs_hook=_without_duplicates,
            )
            if "\\u" in text:  # which alone can be a surrogate without its other half
                json.dumps(value, ensure_ascii=False).encode("utf-8")
        except RecursionError as error:
            raise ParseError(_("This JSON is nested too deeply.")) from error
        except UnicodeError as error:
            raise ParseError(_("This JSON is not UTF-8 text.")) from error
        except ValueError as error:
            raise ParseError(
                _("This is not JSON as we take it: {error}.").format(error=error)
            ) from error
        return value


def _refuse_constant(name: str) -> None:
    raise ValueError(_("{name} is not a number").format(name=name))


def _whole(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(_("a number is too long"))
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(_("a number is too large"))
    return number


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError(_("an object has the same key twice"))
    return values
