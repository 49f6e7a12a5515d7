"""What every page knows of the site."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from collector.models import Licence, StudyText
from collector.moderation import decisions
from collector.study import texts
from collector.views import words
from collector.views.parts import arms


def about_the_site(request: HttpRequest) -> dict[str, object]:
    return {
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "site_title": settings.SITE_NAME,
        "languages": settings.OFFERED_LANGUAGES,
        "waiting_count": cache(_waiting_count),  # asked for once a page
        "words": words.address,
        "study_texts": _texts,
        "study_licence": _licence,
        **arms.in_links(request),
    }


def _texts() -> list[dict[str, str]]:
    """Return the study's texts that there are, for the foot of each page."""
    kinds = texts.shown().kinds
    return [
        {"url": reverse(kind.value), "name": str(kind.label)}
        for kind in StudyText.Kind
        if kind in kinds
    ]


def _licence() -> str:
    """Return the name of the licence under which drawings are given; nothing where there is
    none."""
    licence = texts.shown().licence
    return str(Licence(licence).label) if licence else ""


def _waiting_count() -> int:
    """Count what waits for an admin; asked by the menus of admins alone."""
    return decisions.waiting().total
