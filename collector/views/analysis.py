"""How the arms of the study compare: for admins, and for everybody once the study has ended."""

from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from collector.data import analyses
from collector.data.analyses import Found, Look
from collector.data.collected import frame
from collector.models import Person, Study
from collector.views.parts import charts, protocols
from collector.views.parts.access import for_admins, viewer_of
from trainer import words
from trainer.learning.checkpoints import Estimate
from trainer.saying import number, say

STEP = 0.05  # to whose multiples the chart's scale reaches


@require_safe
def analysis(request: HttpRequest) -> HttpResponseBase:
    return _for_whom_it_is(request, _page)


@require_safe
def figures_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer with the estimates as CSV. Raises NotFound before the first look."""
    return _for_whom_it_is(request, _csv)


def _for_whom_it_is(
    request: HttpRequest, answer: Callable[[HttpRequest, Person | None], HttpResponseBase]
) -> HttpResponseBase:
    """Answer to admins, and to everybody once the study has ended. Raises Forbidden."""
    if frame().is_interim:
        return for_admins(answer)(request)
    return answer(request, viewer_of(request))


def _page(request: HttpRequest, person: Person | None) -> HttpResponse:
    look = analyses.visible_to(person)
    context = {
        "look": _told(look) if look else None,
        "protocol": protocols.beside_results(Study.current(), person),
    }
    return render(request, "pages/analysis.html", context)


def _csv(request: HttpRequest, person: Person | None) -> HttpResponseBase:
    lines = analyses.as_csv(analyses.shown_to(person).found)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="analysis.csv"'
    return response


def _told(look: Look) -> dict[str, object]:
    """Tell a look in words."""
    found = look.found
    lines = analyses.lines(found)
    return {
        "made": look.made_at,
        "number": number(look.number),
        "is_interim": look.is_interim,
        "protocol": look.protocol_sha256,
        "sentence": analyses.sentence(found),
        "price": analyses.price(found),
        "chart": _chart(found),
        "arms": analyses.arms_in_words(found),
        "primary": _rows(found.estimates, lines, primary=True),
        "others": _rows(found.estimates, lines, primary=False),
        "stand_in": found.stand_in,
        "seeds": number(found.seeds),
        "trainings": number(found.trainings),
        "seed": found.seed,
    }


def _rows(
    estimates: Sequence[Estimate], lines: Sequence[analyses.Line], *, primary: bool
) -> list[analyses.Line]:
    """Take the lines of the primary outcome, as far as all arms go, the arms before their
    differences; or those of the others."""
    most = max((each.at for each in estimates if each.is_primary), default=0)
    chosen = [
        line
        for each, line in zip(estimates, lines, strict=True)
        if (each.is_primary and each.at == most) == primary
    ]
    return sorted(chosen, key=lambda line: line.is_difference) if primary else chosen


def _chart(found: Found) -> dict[str, object] | None:
    """Place each arm's share at each number of samples, the arms of one number side by side."""
    primary = [each for each in found.estimates if each.is_primary and not each.than]
    if not primary:
        return None
    counts = sorted({each.at for each in primary})
    arms = list(dict.fromkeys(each.arm for each in primary))
    highest = max(max(each.value, each.high or 0.0) for each in primary)
    top = min(1.0, STEP * (1 + int(highest / STEP)))
    by_place = {(each.at, each.arm): each for each in primary}
    # Beside the arms' places each number of samples has one that stays empty.
    places = [(at, arm) for at in counts for arm in [*arms, ""]]
    series = []
    for arm in arms:
        shown = [by_place.get(place) if place[1] == arm else None for place in places]
        marks = charts.marks([_share(each, top) for each in shown], [_says(each) for each in shown])
        series.append({"arm": arm, "marks": marks})
    return {
        "series": series,
        "top": words.percent(top),
        "begins": analyses.equal_in_words(primary[0]),
        "ends": analyses.equal_in_words(primary[-1]),
    }


def _share(estimate: Estimate | None, top: float) -> tuple[float, float, float] | None:
    """Give a share and its interval as parts of the chart's height."""
    if estimate is None:
        return None
    low = estimate.value if estimate.low is None else max(0.0, estimate.low)
    high = estimate.value if estimate.high is None else min(1.0, estimate.high)
    return estimate.value / top, low / top, high / top


def _says(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return say(
        _("{arm}, {samples}: {share} ({between})"),
        arm=estimate.arm,
        samples=analyses.equal_in_words(estimate),
        share=words.percent(estimate.value, 1),
        between=analyses.between(estimate),
    )
