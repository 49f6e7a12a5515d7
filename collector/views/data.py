"""The data: how many drawings of what there are, and the releases to take along."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from collector.data import exports, publishing, release_texts, releases
from collector.data.release_columns import TABLES
from collector.data.release_formats import ARRAYS, IMAGES, LINES, TABLE
from collector.models import Person, Release, ReleaseFile, Study
from collector.standings import leaderboards
from collector.standings.leaderboards import AttemptCounts
from collector.study import texts
from collector.views.parts import charts, protocols, written
from collector.views.parts.access import for_admins, viewer_of
from trainer import words
from trainer.models import Arm, Round
from trainer.saying import number, say

A_PAGE = 10
DIGITS = range(10)
# What a newcomer takes, in the order of the page: of each form how its files' names begin.
FORMS = {
    "images": IMAGES.partition("{")[0],
    "arrays": ARRAYS,
    "strokes": LINES,
    "table": TABLE,
    "parquet": "",
    "model": "model.",
}


@require_safe
def data(request: HttpRequest) -> HttpResponseBase:
    """Raises Forbidden where the data are for admins alone."""
    study = Study.current()
    if study.has_public_releases:
        return _page(request, viewer_of(request), study)
    return for_admins(_page)(request, study)


@require_safe
@for_admins
def people_csv(request: HttpRequest, admin: Person) -> StreamingHttpResponse:
    """Answer what people said about themselves, under their pseudonyms."""
    headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
    return StreamingHttpResponse(exports.people(), content_type="text/csv", headers=headers)


def _page(request: HttpRequest, person: Person | None, study: Study) -> HttpResponse:
    found = releases.visible_to(person).prefetch_related("files", "publications")
    sees_all = person is not None and person.is_admin
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    newest = found.filter(withdrawn_at=None).first()
    protocol = protocols.beside_results(study, person)
    context = {
        "protocol": protocol,
        "is_of_an_arm": study.has_several_arms and (sees_all or protocol is not None),
        "opened": study.opened_from,
        "page": page,
        "releases": [_shown(release) for release in page.object_list],
        "newest": _newest(request, newest, study) if newest else None,
        "are_public": study.has_public_releases,
        "sees_all": sees_all,
        "has_people": sees_all and texts.shown().has_questions,
        "problems": list(publishing.problems()) if sees_all else [],
        "digits": DIGITS,
        **_counted(study),
    }
    return render(request, "pages/data.html", context)


def _counted(study: Study) -> dict[str, object]:
    """Count all drawings by digit, and what fooled by confusion: of the dynamic arm, as releases
    are."""
    by_digit = leaderboards.counts_by_digit(Round.objects.filter(arm=Arm.DYNAMIC))
    total = sum(by_digit.values(), AttemptCounts())
    fools = leaderboards.fools_by_confusion(Arm.DYNAMIC if study.has_several_arms else None)
    of_digit = {
        digit: sum(n for (target, _), n in fools.items() if target == digit) for digit in DIGITS
    }
    most = max(*of_digit.values(), 1)
    return {
        "attempts": number(total.attempt_count),
        "waiting": _waiting(total.pending_count),
        "copies": words.copies(total.copy_count),
        "fools": number(sum(fools.values())),
        "vmer": words.percent(total.vmer, 1),
        "vmer_of": words.rate_of(total.verified_count, total.attempt_count, total.pending_count),
        "rows": [
            {
                "digit": digit,
                "fools": number(of_digit[digit]),
                "bar": f"{100 * of_digit[digit] / most:.1f}",
                "drawings": number(by_digit.get(digit, AttemptCounts()).attempt_count),
                "cells": _cells(digit, fools),
            }
            for digit in DIGITS
        ],
    }


def _waiting(count: int) -> str:
    """Say how many drawings wait that fooled the model: the desk counts the others too."""
    if not count:
        return _("no trick waiting")
    return say(ngettext("{n:,} trick waiting", "{n:,} tricks waiting", count), n=count)


def _cells(target: int, fools: dict[tuple[int, int], int]) -> list[dict[str, object]]:
    most = max(fools.values(), default=1)
    counts = [fools.get((target, taken), 0) for taken in DIGITS]
    return [
        {"n": words.short(n), "step": charts.step(n, most) if n else 0, "same": taken == target}
        for taken, n in enumerate(counts)
    ]


def _newest(request: HttpRequest, release: Release, study: Study) -> dict[str, object]:
    files = release.files_given
    arrays = _address(release, next(file for file in files if file.name == ARRAYS))
    return {
        **_shown(release),
        "drawings": words.drawings(release.attempt_count),  # type: ignore[attr-defined]
        "forms": {
            form: [
                _file(release, file)
                for file in files
                if file.name.startswith(begins or tuple(TABLES))
            ]
            for form, begins in FORMS.items()
        },
        "arrays": request.build_absolute_uri(arrays),
        "is_public": study.has_public_releases and release.is_licensed,
        "card": written.html(_text(release, release_texts.README).partition("---\n\n")[2], 3),
        "licence": [
            paragraph.replace("\n", " ")
            for paragraph in _text(release, release_texts.LICENSE).split("\n\n")[1:]
        ],
    }


def _text(release: Release, name: str) -> str:
    file = releases.get_file(release, name)
    return b"".join(releases.content(file)).decode()


def _shown(release: Release) -> dict[str, object]:
    return {
        "version": release.version,
        "round": release.minor,
        "made": release.made_at,
        "withdrawn": release.withdrawn_at,
        "is_licensed": release.is_licensed,
        "files": [_file(release, file) for file in release.files_given],
        "publications": release.places_given,
    }


def _file(release: Release, file: ReleaseFile) -> dict[str, object]:
    return {
        "name": file.name,
        "size": filesizeformat(file.size),
        "sha256": file.sha256,
        "url": _address(release, file),
    }


def _address(release: Release, file: ReleaseFile) -> str:
    path = reverse("api_release_file", args=[release.minor, file.name])
    return f"{path}?version={release.version}"
