"""What every page knows of the site."""

from django.conf import settings
from django.http import HttpRequest


def about_the_site(request: HttpRequest) -> dict[str, str]:
    return {"csrf_cookie": settings.CSRF_COOKIE_NAME}
