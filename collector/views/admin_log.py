"""What admins did by hand."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_safe

from collector.models import Person
from collector.study import admin_log
from collector.views.parts.access import for_admins
from trainer.saying import say, told

PAGES = {"person": "person", "attempt": "drawing", "round": "round"}


@require_safe
@for_admins
def all_admin_actions(request: HttpRequest, admin: Person) -> HttpResponse:
    page = admin_log.page(request.GET.get("page"))
    page.object_list = [
        {"when": entry.done_at, "what": _with_links(entry), "why": entry.why}
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


def _with_links(entry: admin_log.LogEntry) -> SafeString:
    """Say what was done, with a link to whom or what it touched."""
    values: dict[str, object] = {
        name: told(value) if isinstance(value, str) else value
        for name, value in entry.what.values.items()
    }
    values["who"] = format_html("<b>{}</b>", entry.who)
    if entry.touched:
        url = reverse(PAGES[entry.touched.kind], args=[entry.touched.key])
        values["whom"] = format_html('<a href="{}">{}</a>', url, told(entry.touched.name))
    return format_html(gettext(entry.what.text), **values)
