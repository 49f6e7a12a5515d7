"""Pages as tests look at them: who opens one, and what its words are."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

from django.test import Client
from django.urls import reverse

from collector import urls
from collector.models import Attempt, Person

Browse = Callable[[Person | None], Client]
Insert = Callable[..., Attempt]
# What is no page by itself: posted to alone, a file, a step on a way, another site's, or of a study
# with texts or panels alone.
NO_PAGES = {
    "account_export",
    "analysis_csv",
    "appeal",
    "consent",
    "contact",
    "drawing_attribution",
    "drawing_card",
    "drawing_seen",
    "embed",
    "fool_card",
    "fool_seen",
    "history_csv",
    "join",
    "language",
    "manifest",
    "panel_csv",
    "panel_done",
    "people_csv",
    "privacy",
    "questions",
    "round_card",
    "round_weights",
    "rounds_feed",
    "reason",
    "reason_removal",
    "second_step",
    "sign_out",
    "terms",
    "worker",
    "today",
    "words",
}


def every_page(fool: Attempt) -> dict[str, str]:
    """The address of each page there is, by its name; where it is of somebody or something, of this
    verified fool, its drawer, its round."""
    values = {
        "attempt_id": fool.pk,
        "link": "z",
        "number": fool.round.number,
        "token": "y",
        "uidb64": "x",
        "username": fool.drawer.username,
    }
    wanted = {str(page.name): list(page.pattern.converters) for page in urls.urlpatterns}
    return {
        name: reverse(name, kwargs={each: values[each] for each in names})
        for name, names in wanted.items()
        if name not in NO_PAGES
    }


def text(answer: Any) -> str:
    """A page's words, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())
