"""How answers are sent: pages compressed and kept by no browser, all with one policy of what a page
may load."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors {}"
)


class Policy:
    """Let pages load what is this site's own, and nobody frame them but whom an answer names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        framed_by = getattr(response, "framed_by", "'none'")
        response.setdefault("Content-Security-Policy", POLICY.format(framed_by))
        return response


class Pages(GZipMiddleware):
    """Compress HTML alone, and have no browser keep it: on the way back it would show a form, or a
    signed-in page, as it was.

    Whoever can see how long an answer is, and have a browser ask for it with words of their own,
    could guess secrets that stand beside these words (BREACH). Django masks a form's token anew in
    each answer, and adds up to 100 random bytes to each that it compresses. The API answers with
    tokens, which nothing masks: its JSON, like downloads, goes as it is.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        response.setdefault("Cache-Control", "private, no-store")
        return super().process_response(request, response)
