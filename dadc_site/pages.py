"""What every page knows of the site."""

from django.conf import settings
from django.http import HttpRequest

from collector.moderation import decisions
from collector.views import words
from collector.views.parts import arms


def about_the_site(request: HttpRequest) -> dict[str, object]:
    return {
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "site_title": settings.SITE_NAME,
        "languages": settings.OFFERED_LANGUAGES,
        "waiting_count": _waiting_count,
        "words": words.address,
        **arms.in_links(request),
    }


def _waiting_count() -> int:
    """Count what waits for an admin; asked by the menus of admins alone."""
    return decisions.waiting().total
