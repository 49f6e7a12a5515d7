"""Pages as tests look at them: who opens one, and what its words are."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

from django.test import Client

from collector.models import Attempt, Person

Browse = Callable[[Person | None], Client]
Insert = Callable[..., Attempt]


def text(answer: Any) -> str:
    """A page's words, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())
