"""What admins did by hand."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from collector.models import Person
from collector.rules import words
from collector.study import admin_log
from collector.views.parts.access import for_admins

PAGES = {"person": "person", "attempt": "drawing", "round": "round"}


@require_safe
@for_admins
def all_acts(request: HttpRequest, admin: Person) -> HttpResponse:
    page = admin_log.page(request.GET.get("page"))
    page.object_list = [
        {
            "when": done.when,
            "who": done.who,
            "what": done.what,
            "why": done.why,
            "url": reverse(PAGES[done.touched[0]], args=[done.touched[1]]) if done.touched else "",
            "touched": done.touched[2] if done.touched else "",
        }
        for done in page.object_list
    ]
    told = (
        f"{words.count(page.paginator.count, 'act')} of admins, newest first; none can "
        "be changed or removed."
    )
    return render(
        request, "pages/acts.html", {"page": page, "summary": told if page.object_list else ""}
    )
