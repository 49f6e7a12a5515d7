"""In which language an answer is: the account's; else the one chosen at the foot of a page, which a
cookie remembers; else as the browser asks."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.defaults import page_not_found

# What is the same for everybody: it asks nobody who they are.
_NOBODYS = {
    "manifest",
    "worker",
    "offline",
    "embed",
    "rounds_feed",
    "words",
    "metrics",
    "fool_seen",
    "round_weights",
}
# What is data, or goes elsewhere: in English, whoever takes it along.
_DATA = {"account_export", "fool_card", "history_csv", "round_card"}


class Spoken:
    """Have an answer made in the language of whoever asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with translation.override(translation.get_language_from_request(request)):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: object) -> None:
        """Go by the account, once it is known that a page is asked for, and by whom."""
        name = request.resolver_match and request.resolver_match.url_name
        if name in _DATA:
            translation.activate(settings.LANGUAGE_CODE)
        elif name not in _NOBODYS:
            _go_by_the_account(request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what is not there, as Django's handler404: for an address that leads nowhere no view
    was found, and so nobody asked whose the request is."""
    _go_by_the_account(request)
    return page_not_found(request, exception)


def _go_by_the_account(request: HttpRequest) -> None:
    if language := getattr(request.user, "language", ""):
        translation.activate(language)
