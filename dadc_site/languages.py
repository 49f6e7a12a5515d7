"""In which language an answer is: the account's; else the one chosen at the foot of a page, which a
cookie remembers; else as the browser asks."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

# What is the same for everybody: it asks nobody who they are.
_NOBODYS = {
    "manifest",
    "worker",
    "offline",
    "words",
    "metrics",
    "fool_seen",
    "fool_card",
    "round_weights",
    "round_card",
    "history_csv",
}


class Spoken:
    """Have an answer made in the language of whoever asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with translation.override(translation.get_language_from_request(request)):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: object) -> None:
        """Go by the account, once it is known that a page is asked for, and by whom."""
        match = request.resolver_match
        if match is None or match.url_name in _NOBODYS:
            return
        if language := getattr(request.user, "language", ""):
            translation.activate(language)
