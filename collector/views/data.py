"""The releases of the data, to download."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.views.decorators.http import require_safe

from collector.data import releases
from collector.models import Person, Release, Study
from collector.views.parts.access import for_admins

A_PAGE = 10


@require_safe
def all_releases(request: HttpRequest) -> HttpResponseBase:
    """Raises Forbidden where they are for admins alone."""
    if Study.current().has_public_releases:
        return _list(request, request.user if isinstance(request.user, Person) else None)
    return for_admins(_list)(request)


def _list(request: HttpRequest, person: Person | None) -> HttpResponse:
    found = releases.visible_to(person).prefetch_related("files")
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    shown = [_shown(release) for release in page.object_list]
    return render(request, "pages/releases.html", {"page": page, "releases": shown})


def _shown(release: Release) -> dict[str, object]:
    return {
        "version": release.version,
        "round": release.minor,
        "made": release.made_at,
        "withdrawn": release.withdrawn_at,
        "sha256": release.sha256,
        "files": [
            {
                "name": file.name,
                "size": filesizeformat(file.size),
                "sha256": file.sha256,
                "url": reverse("api_release_file", args=[release.minor, file.name])
                + f"?version={release.version}",
            }
            for file in release.files_given
        ],
    }
