"""Lists page by page, newest first: a page begins at a place in the list, so that nothing is missed
or told twice while new lines come."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound as APINotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from collector.errors import Refused
from trainer.learning.sentences import Sentence

MOST = 100
PAGED = [
    OpenApiParameter("cursor", description="a place that `next` or `previous` names"),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": 50},
        description="how many lines a page has",
    ),
]


class Pages(CursorPagination):
    """The pages of a list in an order whose first field is what `is_place` knows."""

    page_size, page_size_query_param = 50, "limit"

    def __init__(self, *ordering: str, is_place: Callable[[str], bool]) -> None:
        self.ordering, self._is_place = ordering, is_place

    def get_page_size(self, request: Request) -> int:
        """Return how many lines are asked for. Raises Refused for what is no such number."""
        if "offset" in request.query_params:
            raise Refused(Sentence("Lists have no offset: follow next."), field="offset")
        asked = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not re.fullmatch(r"[0-9]{1,3}", asked, re.ASCII) or not 1 <= int(asked) <= MOST:
            raise Refused(
                Sentence("A page has 1 to {most} lines.", most=MOST),
                field=self.page_size_query_param,
            )
        return int(asked)

    def decode_cursor(self, request: Request) -> Any:
        """The place that a page's `next` or `previous` names. Raises Refused for what is no such
        place."""
        try:
            cursor = super().decode_cursor(request)
            place = cursor and cursor.position
            if place is not None and not self._is_place(str(place)):
                raise ValueError("no place in this list")
        except (APINotFound, ValueError) as error:
            raise Refused(
                Sentence("This is not a cursor that we gave; start with the first page."),
                field="cursor",
            ) from error
        return cursor


def is_moment(place: str) -> bool:
    """Say whether a place is a time in UTC: a database does not take every offset."""
    return datetime.fromisoformat(place).utcoffset() == timedelta()


def is_number(place: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,9}", place, re.ASCII))
