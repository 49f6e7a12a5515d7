"""The leaderboard, each person's public page, and for admins the list of everybody."""

from collections.abc import Callable
from datetime import date
from functools import partial
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import F, OrderBy, Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from collector.drawings import public, timeline
from collector.errors import NotFound
from collector.models import Attempt, Person
from collector.people.notices import mark_seen
from collector.rules import challenges
from collector.standings import leaderboards
from collector.standings import today as days
from collector.views.parts import achieved, arms, pictures, suspending
from collector.views.parts.access import for_admins, signed_in, viewer_of
from collector.views.parts.buttons import Forms, with_a_form
from trainer import words
from trainer.learning.sentences import Sentence
from trainer.models import Arm
from trainer.saying import number, say

TABS = {
    "today": _("Today’s challenge"),
    "round": _("This round"),
    "week": _("Seven days"),
    "all": _("All time"),
}
PERIOD_WORDS = {
    "round": _("in this round yet"),
    "week": _("in the last seven days"),
    "all": _("yet"),
}
PEOPLE_A_PAGE = 50
STANDINGS_A_PAGE = 25
LONGEST_SEARCH = 100
# How admins may choose whom they see and in which order, by what the address says.
_open = partial(Person.objects.filter, closed_at=None)
KINDS: dict[str, tuple[Promise, Callable[[], QuerySet[Person]]]] = {
    "": (_("Everybody"), Person.objects.all),
    "crowdworker": (_("Crowdworkers"), partial(_open, role=Person.Role.CROWDWORKER)),
    "moderator": (_("Moderators"), partial(_open, role=Person.Role.MODERATOR)),
    "admin": (_("Admins"), partial(_open, role=Person.Role.ADMIN)),
    "suspended": (_("Suspended"), Person.objects.suspended),
}
SORTS: dict[str, tuple[Promise, tuple[str | OrderBy | Lower, ...]]] = {
    "": (_("Newest first"), ("-joined_at",)),
    "oldest": (_("Oldest first"), ("joined_at",)),
    "name": (_("By name"), (Lower("username"),)),
    "seen": (_("Last signed in"), (F("last_login").desc(nulls_last=True),)),
}


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    period = request.GET.get("period", "round")
    tabs = {"period": period, "tabs": [{"key": key, "text": text} for key, text in TABS.items()]}
    if period == "today":
        shown = _challenge(days.today(), arms.asked_by(request))
        return render(request, "pages/challenge.html", tabs | shown)
    arm = arms.asked_by(request)
    standings = leaderboards.standings(period, arm)
    page = Paginator(standings, STANDINGS_A_PAGE).get_page(request.GET.get("page"))
    best = leaderboards.best_fools([standing.drawer for standing in page], period, arm)
    own = next((n for n, each in enumerate(standings) if each.drawer == request.user.pk), None)
    context = tabs | {
        "rows": [_row(standing, best.get(standing.drawer)) for standing in page],
        "page": page,
        "query": f"period={period}&",
        "own_page": own // STANDINGS_A_PAGE + 1 if own is not None else page.number,
        "own_rank": standings[own].rank if own is not None else None,
        "period_words": PERIOD_WORDS[period],
    }
    return render(request, "pages/leaderboard.html", context)


def _challenge(day: date, arm: str) -> dict[str, object]:
    digit = challenges.digit_of(day)
    return {
        "day": day,
        "digit": digit,
        "named": words.named(digit),
        "rows": [
            {
                "rank": place.rank or "–",
                "username": place.username,
                "verified": number(place.counts.verified_count),
                "pending": number(place.counts.pending_count),
                "attempts": number(place.counts.attempt_count),
            }
            for place in days.challenge_board(day, arm)
        ],
    }


def _row(standing: leaderboards.Standing, best: Attempt | None) -> dict[str, object]:
    return {
        "best": best and pictures.drawing_card(best, headline=words.surely(best.sureness)),
        "rank": standing.rank,
        "username": standing.username,
        "credit": number(standing.credit, ",.1f" if standing.credit % 1 else ",.0f"),
        "verified": number(standing.verified_count),
        "rate": words.percent(standing.vmer),
        "rate_of": words.rate_of(
            standing.verified_count, standing.attempt_count, standing.pending_count
        ),
        "attempts": number(standing.attempt_count),
        "pending": words.waiting(standing.pending_count),
    }


@with_a_form
def person(request: HttpRequest, username: str) -> HttpResponseBase:
    """Show a person's verified fools; to an admin every drawing, and what an admin can do."""
    return _act(request, username) if request.method == "POST" else _page(request, username, {})


@for_admins
def _act(request: HttpRequest, admin: Person, username: str) -> HttpResponse:
    person = Person.objects.filter(username__iexact=username).first()
    if person is None:
        raise NotFound(Sentence("There is nobody of this name here."))
    bound: Forms = {}
    if suspending.act(request, admin, person, bound):
        return redirect("person", person.username)
    return _page(request, username, bound)


def _page(request: HttpRequest, username: str, bound: Forms) -> HttpResponse:
    person = Person.objects.with_arm().filter(username__iexact=username).first()
    viewer = viewer_of(request)
    admin = viewer if viewer and viewer.is_admin else None
    if person is None or not ((person.is_active and person.is_listed) or admin or person == viewer):
        raise NotFound(Sentence("There is nobody of this name here."))
    arm = viewer.arm if viewer else Arm.DYNAMIC
    attempts = person.attempts.all() if admin else public.public(arm).filter(drawer=person)
    page = Paginator(
        attempts.select_related("round").order_by("-submitted_at", "pk"), pictures.DRAWINGS_A_PAGE
    )
    listed = page.get_page(request.GET.get("page"))
    context: dict[str, object] = {"person": person, "page": listed}
    context |= achieved.achievements(person, own=person == viewer)
    if admin:
        context |= suspending.context(person, admin, bound) | {
            "all": [
                pictures.drawing_card(attempt, headline=headline)
                for attempt, headline in timeline.with_headlines(listed.object_list)
            ],
            "summary": achieved.summary(leaderboards.counts_of([person])[person.pk]),
            "role": person.get_role_display(),
        }
    else:
        context |= {
            "fools": [pictures.drawing_card(fool, public=True) for fool in listed.object_list],
            "summary": say(
                gettext("{drawings} that fooled the model, confirmed by others."),
                drawings=words.drawings(page.count),
            ),
        }
    return render(request, "pages/person.html", context)


@require_safe
@signed_in
def notices(request: HttpRequest, person: Person) -> HttpResponse:
    """Show what somebody was told, newest first; looking at it marks it as seen."""
    newest_first = person.notices.select_related("round").order_by("-created_at", "-pk")
    page = Paginator(newest_first, pictures.DRAWINGS_A_PAGE).get_page(request.GET.get("page"))
    items = [
        {
            "when": notice.created_at,
            "text": notice.told,
            "attempt": notice.attempt_id,
            "round": notice.round.number if notice.round else None,
            "moderating": person.may_see_readings and not (notice.attempt_id or notice.round_id),
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
            "summary": say(
                ngettext(
                    "{n:,} notice, newest first.",
                    "{n:,} notices, newest first.",
                    page.paginator.count,
                ),
                n=page.paginator.count,
            ),
        },
    )
    mark_seen(person.notices.filter(pk__in=[notice.pk for notice in page.object_list]))
    return response


@require_safe
@for_admins
def people(request: HttpRequest, admin: Person) -> HttpResponse:
    asked = {name: request.GET.get(name, "").strip() for name in ("q", "kind", "sort")}
    asked["q"] = asked["q"][:LONGEST_SEARCH]
    _, everybody = KINDS.get(asked["kind"], KINDS[""])
    _, order = SORTS.get(asked["sort"], SORTS[""])
    found = everybody().order_by(*order, "pk")
    if asked["q"]:
        found = found.filter(Q(username__icontains=asked["q"]) | Q(email__icontains=asked["q"]))
    page = Paginator(found, PEOPLE_A_PAGE).get_page(request.GET.get("page"))
    counts = leaderboards.counts_of(page.object_list)
    rows = [{"person": person, "tally": counts[person.pk]} for person in page.object_list]
    chosen = {name: text for name, text in asked.items() if text}
    context = {
        "page": page,
        "rows": rows,
        "summary": words.people(page.paginator.count),
        "asked": asked,
        "query": f"{urlencode(chosen)}&" if chosen else "",
        "is_filtered": bool(chosen),
        "kinds": [(key, text) for key, (text, _) in KINDS.items()],
        "sorts": [(key, text) for key, (text, _) in SORTS.items()],
    }
    return render(request, "pages/people.html", context)
