"""What the pages' scripts say, in the language of the page."""

import hashlib
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog

from collector.errors import NotFound
from trainer.learning.sentences import Sentence

# No app's own catalogue, above all not that of Django's admin: ours stands where LOCALE_PATHS says.
_catalogue = JavaScriptCatalog.as_view(packages=["collector"])


@gzip_page
@require_safe
def words(request: HttpRequest, language: str, version: str) -> HttpResponse:
    """Give the scripts their words. The address changes with what is said, so browsers may keep
    it."""
    if language not in dict(settings.LANGUAGES):
        raise NotFound(Sentence("This site does not speak that language."))
    response = HttpResponse(_script(language), content_type="text/javascript")
    is_new = version == _version(language)
    response["Cache-Control"] = "public, max-age=31536000, immutable" if is_new else "no-cache"
    return response


def address() -> str:
    """Return where the words of the active language are; nothing for English, which the scripts
    speak by themselves."""
    language = translation.get_language()
    if language == settings.LANGUAGE_CODE:
        return ""
    return reverse("words", args=[language, _version(language)])


@lru_cache
def _script(language: str) -> bytes:
    request = HttpRequest()
    request.method = "GET"
    with translation.override(language):
        catalogue = _catalogue(request)
    assert isinstance(catalogue, HttpResponse)
    return catalogue.content


@lru_cache
def _version(language: str) -> str:
    return hashlib.sha256(_script(language)).hexdigest()[:16]
