"""Where the site is, for whoever started it."""

from django.conf import settings
from django.http.request import validate_host


def told() -> str:
    """Say where the site is, by a name that it answers to."""
    for host in ("127.0.0.1", "[::1]"):
        if validate_host(host, settings.ALLOWED_HOSTS):
            return f"{settings.SITE_NAME} is at http://{host}:{settings.PORT}{settings.PATH}/"
    below = f", below {settings.PATH}/" if settings.PATH else ""
    names = ", ".join(settings.ALLOWED_HOSTS)
    return f"{settings.SITE_NAME} listens on port {settings.PORT} and answers as {names}{below}."
