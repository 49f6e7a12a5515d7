"""What admins did by hand."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from collector.models import Person
from collector.study import admin_log
from collector.views.parts.access import for_admins
from trainer.saying import say

PAGES = {"person": "person", "attempt": "drawing", "round": "round"}


@require_safe
@for_admins
def all_admin_actions(request: HttpRequest, admin: Person) -> HttpResponse:
    page = admin_log.page(request.GET.get("page"))
    page.object_list = [
        {
            "when": entry.done_at,
            "who": entry.who,
            "what": entry.what,
            "why": entry.why,
            "url": reverse(PAGES[entry.touched[0]], args=[entry.touched[1]])
            if entry.touched
            else "",
            "touched": entry.touched[2] if entry.touched else "",
        }
        for entry in page.object_list
    ]
    actions = ngettext(
        "{n:,} action of admins, newest first; none can be changed or removed.",
        "{n:,} actions of admins, newest first; none can be changed or removed.",
        page.paginator.count,
    )
    summary = say(actions, n=page.paginator.count)
    context = {"page": page, "summary": summary if page.object_list else ""}
    return render(request, "pages/admin_log.html", context)
