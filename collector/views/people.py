"""The leaderboard, each person's public page, and for admins the list of everybody."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from collector.drawings import public, timeline
from collector.errors import NotFound
from collector.models import Person
from collector.people import notices as told_of
from collector.rules import words
from collector.standings import leaderboards
from collector.views.parts import achieved, pictures, suspending
from collector.views.parts.access import for_admins, signed_in
from collector.views.parts.buttons import Forms

TABS = {"round": "This round", "week": "Seven days", "all": "All time"}
PERIOD_WORDS = {"round": "in this round yet", "week": "in the last seven days", "all": "yet"}
PEOPLE_A_PAGE = 50


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    period = request.GET.get("period", "round")
    context = {
        "rows": [_row(standing) for standing in leaderboards.standings(period)],
        "period": period,
        "period_words": PERIOD_WORDS[period],
        "tabs": [{"key": key, "text": text} for key, text in TABS.items()],
    }
    return render(request, "pages/leaderboard.html", context)


def _row(standing: leaderboards.Standing) -> dict[str, object]:
    return {
        "rank": standing.rank,
        "username": standing.username,
        "credit": f"{standing.credit:,.2f}".rstrip("0").rstrip("."),
        "verified": f"{standing.verified_count:,}",
        "rate": words.percent(standing.vmer),
        "rate_of": words.rate_of(
            standing.verified_count, standing.attempt_count, standing.pending_count
        ),
        "attempts": f"{standing.attempt_count:,}",
        "pending": words.waiting(standing.pending_count),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest, username: str) -> HttpResponseBase:
    """Verified fools alone; an admin sees every drawing, and what he may do."""
    return _act(request, username) if request.method == "POST" else _page(request, username, {})


@for_admins
def _act(request: HttpRequest, admin: Person, username: str) -> HttpResponse:
    found = Person.objects.filter(username__iexact=username).first()
    if found is None:
        raise NotFound("There is nobody of this name here.")
    bound: Forms = {}
    if suspending.act(request, admin, found, bound):
        return redirect("person", found.username)
    return _page(request, username, bound)


def _page(request: HttpRequest, username: str, bound: Forms) -> HttpResponse:
    found = Person.objects.filter(username__iexact=username).first()
    admin = isinstance(request.user, Person) and request.user.is_admin
    if found is None or not (
        (found.is_active and found.is_listed) or admin or found == request.user
    ):
        raise NotFound("There is nobody of this name here.")
    attempts = found.attempts.all() if admin else public.public().filter(drawer=found)
    page = Paginator(
        attempts.select_related("round").order_by("-submitted_at", "pk"), pictures.DRAWINGS_A_PAGE
    )
    listed = page.get_page(request.GET.get("page"))
    context: dict[str, object] = {"person": found, "page": listed}
    context |= achieved.told(found, own=request.user == found)
    if isinstance(request.user, Person) and request.user.is_admin:
        context |= suspending.context(found, request.user, bound)
        told = timeline.with_headlines(listed.object_list)
        context |= {
            "all": [pictures.drawing_card(attempt, headline=headline) for attempt, headline in told]
        }
        context |= {
            "summary": achieved.summary(leaderboards.count_attempts(found.attempts.all())),
            "role": found.get_role_display(),
        }
    else:
        context |= {
            "fools": [pictures.drawing_card(fool, public=True) for fool in listed.object_list]
        }
        context |= {
            "summary": f"{words.count(page.count, 'drawing')} that fooled the model, confirmed "
            "by others."
        }
    return render(request, "pages/person.html", context)


@require_safe
@signed_in
def notices(request: HttpRequest, person: Person) -> HttpResponse:
    """What somebody was told, newest first; looking at it marks it as seen."""
    told = person.notices.select_related("round").order_by("-created_at", "-pk")
    page = Paginator(told, pictures.DRAWINGS_A_PAGE).get_page(request.GET.get("page"))
    items = [
        {
            "when": notice.created_at,
            "text": notice.text,
            "attempt": notice.attempt_id,
            "round": notice.round.number if notice.round else None,
            "new": notice.seen_at is None,
        }
        for notice in page.object_list
    ]
    response = render(
        request,
        "pages/notices.html",
        {
            "page": page,
            "items": items,
            "summary": words.count(page.paginator.count, "notice") + ", newest first.",
        },
    )
    told_of.mark_seen(person.notices.filter(pk__in=[notice.pk for notice in page.object_list]))
    return response


@require_safe
@for_admins
def people(request: HttpRequest, admin: Person) -> HttpResponse:
    everybody = Person.objects.order_by("-joined_at", "pk")
    page = Paginator(everybody, PEOPLE_A_PAGE).get_page(request.GET.get("page"))
    tallies = leaderboards.counts_of(page.object_list)
    rows = [
        {"person": one, "tally": tallies.get(one.pk, leaderboards.AttemptCounts())}
        for one in page.object_list
    ]
    summary = f"{words.count(page.paginator.count, 'person', 'people')}, the newest first."
    return render(request, "pages/people.html", {"page": page, "rows": rows, "summary": summary})
