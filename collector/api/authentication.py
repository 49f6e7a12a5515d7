"""Who asks: `Authorization: Token …`, or the session with CSRF."""

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from collector.errors import Conflict
from collector.models import Person, Token
from collector.people import accounts
from collector.refusals import why_refused
from trainer.learning.sentences import Sentence
from trainer.saying import told

PAGE_OF = "X-Person"  # the header in which a page's script says whose page it is


class TokenAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Person, Token | None] | None:
        scheme, _space, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "token":
            return None
        person = accounts.person_of_token(text.strip())
        if person is None:
            unknown = _("This token is unknown or has run out. Get a new one at {address}.")
            raise AuthenticationFailed(unknown.format(address=reverse("api_tokens")))
        return person, None

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells of tokens."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`Token …`, from {reverse('api_tokens')}",
        }


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of a page's script, which has to show that it is of this site, and may say whose
    page it is."""

    def authenticate(self, request: Request) -> tuple[Person, None] | None:
        """Return who is signed in. Raises Conflict where the page is another's: in another tab
        somebody else has signed in since it was opened."""
        found: tuple[Person, None] | None = super().authenticate(request)
        if found and request.headers.get(PAGE_OF, str(found[0].pk)) != str(found[0].pk):
            raise Conflict(
                Sentence(
                    "This page is another account’s: {username} is signed in by now.",
                    username=found[0].username,
                ),
                code="another_person",
            )
        return found

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as refused:
            reason = str(refused.detail).removeprefix("CSRF Failed: ")
            raise PermissionDenied(told(why_refused(request._request, reason))) from refused


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells of sessions."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
